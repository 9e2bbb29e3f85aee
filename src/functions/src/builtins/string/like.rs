//! LIKE and SIMILAR TO: LIKE(text, pattern[, escape]), SIMILAR TO(text, pattern[, escape]).

use std::sync::Arc;

use arrow::array::{ArrayRef, Scalar};
use datafusion::common::Result;
use filbert_types::TypeKind;

use crate::CallError;
use crate::definition::{Function, Inferred};
use crate::java::cache::Cached;
use crate::java::regex::JavaRegex;
use crate::kernel::{Call, fail};
use crate::signature::{CallArgs, STRING};

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "LIKE",
        &["<STRING> LIKE <STRING> [ESCAPE <STRING>]"],
        "Whether the text matches a pattern in which % stands for any text and _ for any character.",
        infer,
        like,
    )
    .fallible(),
    Function::kernel(
        "SIMILAR TO",
        &["<STRING> SIMILAR TO <STRING> [ESCAPE <STRING>]"],
        "Whether the text matches an SQL regular expression.",
        infer,
        similar,
    )
    .aliases(&["SIMILAR"])
    .fallible(),
];

fn infer(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING, STRING], &[STRING, STRING, STRING]])?;
    Ok(call.returns(types, TypeKind::Boolean))
}

fn like(call: &Call<'_>) -> Result<ArrayRef> {
    // Arrow's kernel searches faster; it has an escape of its own, and its `_` stands for line ends too.
    if call.args.len() == 2
        && let (texts, pattern) = (call.strings(0)?, call.strings(1)?)
        && !texts.is_constant()
        && pattern.constant().is_some_and(|p| !p.contains(['_', '\\']))
    {
        let pattern = Scalar::new(pattern.array().clone());
        return Ok(Arc::new(arrow::compute::like(texts.array(), &pattern)?));
    }
    matching(call, LikePattern::new, LikePattern::matches)
}

fn similar(call: &Call<'_>) -> Result<ArrayRef> {
    matching(
        call,
        |pattern, escape| JavaRegex::full(&similar_to_java(pattern, escape)?),
        JavaRegex::is_match,
    )
}

fn matching<P>(
    call: &Call<'_>,
    compile: impl Fn(&str, Option<char>) -> Result<P, String>,
    holds: impl Fn(&P, &str) -> bool,
) -> Result<ArrayRef> {
    let (text, pattern) = (call.strings(0)?, call.strings(1)?);
    let escape = match call.args.len() {
        3 => Some(call.strings(2)?),
        _ => None,
    };
    let mut cache = Cached::default();
    call.strict_booleans(|row| {
        let escape = escape.as_ref().map(|e| e.value(row));
        let compiled = cache.get(pattern.value(row), escape.unwrap_or(""), |pattern| {
            compile(pattern, escape_char(escape)?)
        });
        match compiled {
            Ok(pattern) => Ok(Some(holds(pattern, text.value(row)))),
            Err(message) => Err(fail(message.clone())),
        }
    })
}

fn escape_char(escape: Option<&str>) -> Result<Option<char>, String> {
    let Some(escape) = escape else {
        return Ok(None);
    };
    let mut chars = escape.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Ok(Some(c)),
        _ => Err(format!("Invalid escape character '{escape}'")),
    }
}

/// A LIKE pattern: its parts between `%`s.
#[derive(Debug)]
pub(crate) struct LikePattern {
    segments: Vec<Segment>,
}

/// What stands between two `%`s: texts, with a `_` between each two of them.
#[derive(Debug, Default)]
struct Segment {
    texts: Vec<String>,
}

impl LikePattern {
    pub(crate) fn new(pattern: &str, escape: Option<char>) -> Result<LikePattern, String> {
        let mut segments = vec![Segment::new()];
        let mut chars = pattern.chars().enumerate();
        while let Some((index, c)) = chars.next() {
            let last = segments.len() - 1;
            if Some(c) == escape {
                match chars.next() {
                    Some((_, c)) if matches!(c, '%' | '_') || Some(c) == escape => {
                        segments[last].push(c);
                    }
                    _ => return Err(format!("Invalid escape sequence '{pattern}', {index}")),
                }
                continue;
            }
            match c {
                '%' => segments.push(Segment::new()),
                '_' => segments[last].texts.push(String::new()),
                c => segments[last].push(c),
            }
        }
        Ok(LikePattern { segments })
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.segments.split_first() else {
            return text.is_empty();
        };
        let Some(mut at) = first.match_at(text, 0) else {
            return false;
        };
        let Some((last, middle)) = rest.split_last() else {
            return at == text.len();
        };
        for segment in middle {
            match segment.find(text, at) {
                Some(end) => at = end,
                None => return false,
            }
        }
        last.ends(text, at)
    }
}

impl Segment {
    fn new() -> Segment {
        Segment {
            texts: vec![String::new()],
        }
    }

    fn push(&mut self, c: char) {
        if let Some(text) = self.texts.last_mut() {
            text.push(c);
        }
    }

    /// Where the segment ends, if it matches at this place.
    fn match_at(&self, text: &str, at: usize) -> Option<usize> {
        let mut rest = text.get(at..)?;
        for (index, part) in self.texts.iter().enumerate() {
            if index > 0 {
                let c = rest.chars().next().filter(|c| !is_line_terminator(*c))?;
                rest = &rest[c.len_utf8()..];
            }
            rest = rest.strip_prefix(part.as_str())?;
        }
        Some(text.len() - rest.len())
    }

    /// Where the segment's first match from this place on ends.
    fn find(&self, text: &str, at: usize) -> Option<usize> {
        if let [only] = &self.texts[..] {
            return text[at..].find(only.as_str()).map(|f| at + f + only.len());
        }
        let mut at = at;
        loop {
            if let Some(end) = self.match_at(text, at) {
                return Some(end);
            }
            at += text[at..].chars().next()?.len_utf8();
        }
    }

    /// Whether the text from this place on ends with the segment.
    fn ends(&self, text: &str, at: usize) -> bool {
        if let [only] = &self.texts[..] {
            return text[at..].ends_with(only.as_str());
        }
        let mut rest = &text[at..];
        for (index, part) in self.texts.iter().rev().enumerate() {
            if index > 0 {
                match rest.chars().next_back() {
                    Some(c) if !is_line_terminator(c) => rest = &rest[..rest.len() - c.len_utf8()],
                    _ => return false,
                }
            }
            match rest.strip_suffix(part.as_str()) {
                Some(shorter) => rest = shorter,
                None => return false,
            }
        }
        true
    }
}

fn is_line_terminator(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

const SQL_SPECIALS: &str = "[]()|^-+*_%?{}";
const JAVA_SPECIALS: &str = "[]()|^-+*?{}$\\.";
const CLASSES: &[(&str, &str)] = &[
    ("[:ALPHA:]", "\\p{Alpha}"),
    ("[:UPPER:]", "\\p{Upper}"),
    ("[:LOWER:]", "\\p{Lower}"),
    ("[:DIGIT:]", "\\d"),
    ("[:SPACE:]", " "),
    ("[:WHITESPACE:]", "\\s"),
    ("[:ALNUM:]", "\\p{Alnum}"),
];

/// An SQL regular expression as a Java pattern.
fn similar_to_java(pattern: &str, escape: Option<char>) -> Result<String, String> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut out = String::with_capacity(pattern.len() * 2);
    let mut in_class = false;
    let mut i = 0;
    while i < chars.len() {
        let c = chars[i];
        if Some(c) == escape {
            i += 1;
            push_escaped(&mut out, chars.get(i).copied(), escape)
                .ok_or_else(|| format!("Invalid escape sequence '{pattern}', {}", i - 1))?;
        } else {
            match c {
                '_' => out.push('.'),
                '%' => out.push_str("(?s:.*)"),
                '[' => {
                    out.push('[');
                    in_class = true;
                    i = similar_class(pattern, &chars, i + 1, escape, &mut out)?;
                    continue;
                }
                ']' if !in_class => return Err(invalid_expression(pattern, i)),
                ']' => {
                    in_class = false;
                    out.push(']');
                }
                '\\' => out.push_str("\\\\"),
                '$' => out.push_str("\\$"),
                c => out.push(c),
            }
        }
        i += 1;
    }
    if in_class {
        return Err(invalid_expression(pattern, chars.len()));
    }
    Ok(out)
}

fn invalid_expression(pattern: &str, at: usize) -> String {
    format!("Invalid regular expression '{pattern}', index {at}")
}

fn push_escaped(out: &mut String, c: Option<char>, escape: Option<char>) -> Option<()> {
    let c = c.filter(|c| SQL_SPECIALS.contains(*c) || Some(*c) == escape)?;
    if JAVA_SPECIALS.contains(c) {
        out.push('\\');
    }
    out.push(c);
    Some(())
}

/// The items of a class, from `i` to its closing bracket, whose index is the result.
fn similar_class(
    pattern: &str,
    chars: &[char],
    mut i: usize,
    escape: Option<char>,
    out: &mut String,
) -> Result<usize, String> {
    while i < chars.len() {
        let c = chars[i];
        if c == ']' {
            return Ok(i);
        }
        if Some(c) == escape {
            i += 1;
            push_escaped(out, chars.get(i).copied(), escape)
                .ok_or_else(|| invalid_expression(pattern, i))?;
        } else if matches!(c, '-' | '^') {
            out.push(c);
        } else if c == '[' && chars.get(i + 1) == Some(&':') {
            let rest: String = chars[i..].iter().collect();
            let (name, java) = CLASSES
                .iter()
                .find(|(name, _)| rest.starts_with(name) || rest.starts_with(&name.to_lowercase()))
                .ok_or_else(|| invalid_expression(pattern, i))?;
            out.push_str(java);
            i += name.len() - 1;
        } else if SQL_SPECIALS.contains(c) {
            return Err(invalid_expression(pattern, i));
        } else {
            if c == '\\' {
                out.push('\\');
            }
            out.push(c);
        }
        i += 1;
    }
    Ok(i)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(text: &str, pattern: &str) -> bool {
        LikePattern::new(pattern, Some('!')).unwrap().matches(text)
    }

    #[test]
    fn like_matches_segments() {
        for (text, pattern) in [
            ("", ""),
            ("", "%"),
            ("abc", "abc"),
            ("abc", "a%c"),
            ("abcabd", "%ab_"),
            ("aXbYc", "a%b%c"),
            ("日本語", "_本_"),
            ("a\nb", "a%b"),
            ("100%", "100!%"),
            ("aab", "a%ab"),
            ("abab", "%_b%"),
        ] {
            assert!(like(text, pattern), "{text} LIKE {pattern}");
        }
        for (text, pattern) in [
            ("a", ""),
            ("ab", "a%ab"),
            ("a\nb", "a_b"),
            ("abc", "a_"),
            ("1000", "100!%"),
            ("a", "%__"),
        ] {
            assert!(!like(text, pattern), "{text} NOT LIKE {pattern}");
        }
    }

    #[test]
    fn an_escape_escapes_only_wildcards_and_itself() {
        assert!(LikePattern::new("a!b", Some('!')).is_err());
        assert!(LikePattern::new("a!", Some('!')).is_err());
        assert!(LikePattern::new("a!!", Some('!')).unwrap().matches("a!"));
        assert!(LikePattern::new("a\\%", None).unwrap().matches("a\\b"));
    }

    #[test]
    fn similar_follows_calcite() {
        let similar = |text: &str, pattern: &str| {
            let java = similar_to_java(pattern, Some('!')).unwrap();
            JavaRegex::full(&java).unwrap().is_match(text)
        };
        assert!(similar("abab", "(ab)+"));
        assert!(similar("123", "[[:digit:]]+"));
        assert!(similar("abc", "[[:ALPHA:]]%"));
        assert!(similar("a$", "a$"));
        assert!(similar("a%b", "a!%b"));
        assert!(!similar("axb", "a!%b"));
        assert!(similar("abc", "a.c"));
        assert!(similar_to_java("a]", None).is_err());
    }
}
