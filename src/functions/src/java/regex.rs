//! `java.util.regex` on the `regex` crate, with `fancy-regex` for what only backtracking can do.
//!
//! A pattern is translated construct by construct: Java's `\d`, `\w` and `\s` are ASCII, its `.` stops at five line
//! terminators, its `(?i)` folds ASCII only, and its `$` also matches before a final line terminator. The last needs
//! look-ahead, so a pattern with line anchors is kept in two forms: the plain one for text without line terminators,
//! and an exact one that is built when such a text comes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::regex_translate::{Translation, translate};

/// A compiled Java pattern.
#[derive(Debug)]
pub struct JavaRegex {
    plain: Matcher,
    lines: Option<Lines>,
    groups: usize,
}

/// The form for texts with line terminators.
#[derive(Debug)]
struct Lines {
    pattern: String,
    matcher: OnceLock<Option<Matcher>>,
}

#[derive(Debug)]
enum Matcher {
    Linear(regex::Regex),
    Backtracking(Box<fancy_regex::Regex>),
}

/// Byte offsets of the groups of one match; group 0 is the whole match.
pub type Groups = Vec<Option<(usize, usize)>>;

const SIZE_LIMIT: usize = 64 << 20;

impl Matcher {
    fn new(pattern: &str, backtracking: bool) -> Result<Matcher, String> {
        if backtracking {
            fancy_regex::RegexBuilder::new(pattern)
                .backtrack_limit(10_000_000)
                .build()
                .map(|r| Matcher::Backtracking(Box::new(r)))
                .map_err(|e| e.to_string())
        } else {
            regex::RegexBuilder::new(pattern)
                .size_limit(SIZE_LIMIT)
                .build()
                .map(Matcher::Linear)
                .map_err(|e| e.to_string())
        }
    }

    fn is_match(&self, text: &str) -> bool {
        match self {
            Matcher::Linear(r) => r.is_match(text),
            Matcher::Backtracking(r) => r.is_match(text).unwrap_or(false),
        }
    }

    fn find_at(&self, text: &str, start: usize) -> Option<(usize, usize)> {
        match self {
            Matcher::Linear(r) => r.find_at(text, start).map(|m| (m.start(), m.end())),
            Matcher::Backtracking(r) => r
                .find_from_pos(text, start)
                .ok()
                .flatten()
                .map(|m| (m.start(), m.end())),
        }
    }

    fn captures_at(&self, text: &str, start: usize) -> Option<Groups> {
        match self {
            Matcher::Linear(r) => r
                .captures_at(text, start)
                .map(|c| c.iter().map(|g| g.map(|m| (m.start(), m.end()))).collect()),
            Matcher::Backtracking(r) => r
                .captures_from_pos(text, start)
                .ok()
                .flatten()
                .map(|c| c.iter().map(|g| g.map(|m| (m.start(), m.end()))).collect()),
        }
    }

    fn group_count(&self) -> usize {
        match self {
            Matcher::Linear(r) => r.captures_len() - 1,
            Matcher::Backtracking(r) => r.captures_len() - 1,
        }
    }
}

thread_local! {
    /// Patterns that this thread's calls have compiled: the next batch finds them, with the automata built on the way.
    static COMPILED: RefCell<HashMap<String, Arc<JavaRegex>>> = RefCell::default();
}

/// Beyond this many compiled patterns a thread forgets all of them.
const COMPILED_MAX: usize = 64;

/// A pattern of whose first matches a group is wanted, text after text.
#[derive(Debug)]
pub struct GroupFinder {
    regex: Arc<JavaRegex>,
    /// Room for the groups of a match.
    locations: RefCell<Option<regex::CaptureLocations>>,
}

impl GroupFinder {
    pub fn new(pattern: &str) -> Result<GroupFinder, String> {
        let regex = JavaRegex::shared(pattern)?;
        let locations = match &regex.plain {
            Matcher::Linear(plain) => Some(plain.capture_locations()),
            Matcher::Backtracking(_) => None,
        };
        Ok(GroupFinder {
            regex,
            locations: RefCell::new(locations),
        })
    }

    /// Where the group stands in the first match; 0 is the whole match.
    pub fn find(&self, text: &str, group: usize) -> Option<(usize, usize)> {
        if group == 0 {
            return self.regex.find(text);
        }
        let matcher = self.regex.matcher(text);
        if std::ptr::eq(matcher, &self.regex.plain)
            && let Matcher::Linear(plain) = matcher
            && let Some(locations) = self.locations.borrow_mut().as_mut()
        {
            plain.captures_read(locations, text)?;
            return locations.get(group);
        }
        matcher.captures_at(text, 0)?.get(group).copied().flatten()
    }
}

impl JavaRegex {
    /// `pattern` compiled, by this thread before or now.
    pub fn shared(pattern: &str) -> Result<Arc<JavaRegex>, String> {
        let known = COMPILED.with_borrow(|compiled| compiled.get(pattern).cloned());
        if let Some(regex) = known {
            return Ok(regex);
        }
        let regex = Arc::new(JavaRegex::new(pattern)?);
        COMPILED.with_borrow_mut(|compiled| {
            if compiled.len() >= COMPILED_MAX {
                compiled.clear();
            }
            compiled.insert(pattern.to_owned(), Arc::clone(&regex));
        });
        Ok(regex)
    }

    /// Compiles `pattern`; the error says what is wrong with it.
    pub fn new(pattern: &str) -> Result<JavaRegex, String> {
        JavaRegex::from_translation(translate(pattern)?, false)
    }

    /// Compiles `pattern` to match whole texts only, as `String.matches` does.
    pub fn full(pattern: &str) -> Result<JavaRegex, String> {
        JavaRegex::from_translation(translate(pattern)?, true)
    }

    fn from_translation(t: Translation, full: bool) -> Result<JavaRegex, String> {
        let wrap = |p: String| {
            if full { format!("\\A(?:{p})\\z") } else { p }
        };
        let plain = Matcher::new(&wrap(t.plain), t.backtracking)?;
        let groups = plain.group_count();
        Ok(JavaRegex {
            plain,
            lines: t.lines.map(|pattern| Lines {
                pattern: wrap(pattern),
                matcher: OnceLock::new(),
            }),
            groups,
        })
    }

    fn matcher(&self, text: &str) -> &Matcher {
        let Some(lines) = &self.lines else {
            return &self.plain;
        };
        if !may_have_line_terminator(text) {
            return &self.plain;
        }
        lines
            .matcher
            .get_or_init(|| Matcher::new(&lines.pattern, true).ok())
            .as_ref()
            .unwrap_or(&self.plain)
    }

    /// The number of capturing groups.
    pub fn group_count(&self) -> usize {
        self.groups
    }

    /// `Matcher.find()` from the start: whether the pattern occurs in the text.
    pub fn is_match(&self, text: &str) -> bool {
        self.matcher(text).is_match(text)
    }

    /// The first match.
    pub fn find(&self, text: &str) -> Option<(usize, usize)> {
        self.matcher(text).find_at(text, 0)
    }

    /// Calls `each` with every match in turn. Like Java, an empty match directly after a match counts.
    pub fn for_each_match(&self, text: &str, mut each: impl FnMut(usize, usize)) {
        let matcher = self.matcher(text);
        let mut from = Some(0);
        while let Some(start) = from {
            let Some((s, e)) = matcher.find_at(text, start) else {
                return;
            };
            each(s, e);
            from = next_start(text, s, e);
        }
    }

    /// Calls `each` with the groups of every match in turn.
    pub fn for_each_captures(&self, text: &str, mut each: impl FnMut(&Groups)) {
        let matcher = self.matcher(text);
        let mut from = Some(0);
        while let Some(start) = from {
            let Some(groups) = matcher.captures_at(text, start) else {
                return;
            };
            each(&groups);
            let Some(Some((s, e))) = groups.first().copied() else {
                return;
            };
            from = next_start(text, s, e);
        }
    }

    /// `Matcher.replaceAll` with a literal replacement, appended to `out`.
    pub fn replace_all_literal(&self, text: &str, replacement: &str, out: &mut String) {
        let mut last = 0;
        self.for_each_match(text, |s, e| {
            out.push_str(&text[last..s]);
            out.push_str(replacement);
            last = e;
        });
        out.push_str(&text[last..]);
    }

    /// `String.split(pattern, limit)`: a negative limit keeps trailing empty parts, zero drops them.
    pub fn split<'t>(&self, text: &'t str, limit: i32) -> Vec<&'t str> {
        let mut parts = Vec::new();
        let mut last = 0;
        self.for_each_match(text, |s, e| {
            if limit > 0 && parts.len() as i32 >= limit - 1 {
                return;
            }
            // A zero-width match at the beginning never makes an empty leading part.
            if s == 0 && e == 0 {
                return;
            }
            parts.push(&text[last..s]);
            last = e;
        });
        if parts.is_empty() {
            return vec![text];
        }
        parts.push(&text[last..]);
        if limit == 0 {
            while parts.last().is_some_and(|p| p.is_empty()) {
                parts.pop();
            }
        }
        parts
    }
}

fn next_start(text: &str, start: usize, end: usize) -> Option<usize> {
    if end > start {
        return Some(end);
    }
    text[end..].chars().next().map(|c| end + c.len_utf8())
}

/// False only if the text has none of Java's line terminators: \n, \r, U+0085, U+2028, U+2029.
fn may_have_line_terminator(text: &str) -> bool {
    text.bytes()
        .any(|b| matches!(b, b'\n' | b'\r' | 0xC2 | 0xE2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'t>(pattern: &str, text: &'t str) -> Vec<&'t str> {
        let mut out = vec![];
        JavaRegex::new(pattern)
            .unwrap()
            .for_each_match(text, |s, e| out.push(&text[s..e]));
        out
    }

    #[test]
    fn an_empty_match_after_a_match_counts() {
        assert_eq!(found("a*", "baaac"), ["", "aaa", "", ""]);
        assert_eq!(found("", "日b"), ["", "", ""]);
    }

    #[test]
    fn shorthand_classes_are_ascii() {
        assert_eq!(found(r"\d+", "٣4"), ["4"]);
        assert_eq!(found(r"\w+", "é_a"), ["_a"]);
        assert_eq!(found(r"[\w&&[^a]]", "ab"), ["b"]);
    }

    #[test]
    fn dollar_matches_before_a_final_line_terminator() {
        let r = JavaRegex::new("a$").unwrap();
        assert!(r.is_match("ba"));
        assert!(r.is_match("ba\n"));
        assert!(r.is_match("ba\r\n"));
        assert!(!r.is_match("ba\n\n"));
        assert!(!r.is_match("a\nb"));
        assert_eq!(found("(?m)^.$", "a\nb\r\nc"), ["a", "b", "c"]);
    }

    #[test]
    fn dot_stops_at_line_terminators() {
        assert_eq!(found(".+", "a\rb\u{2028}c"), ["a", "b", "c"]);
        assert_eq!(found("(?s).+", "a\nb"), ["a\nb"]);
    }

    #[test]
    fn case_folding_is_ascii_unless_asked() {
        assert_eq!(found("(?i)é|[a-c]", "É B"), ["B"]);
        assert_eq!(found("(?iu)é", "É"), ["É"]);
        assert_eq!(found("(?i:x)X", "XX xX xx"), ["XX", "xX"]);
    }

    #[test]
    fn backtracking_constructs() {
        assert_eq!(found(r"(\w)\1", "aabbc"), ["aa", "bb"]);
        assert_eq!(found("a(?=b)", "abac"), ["a"]);
        assert_eq!(found("(?<!x)y", "xy y"), ["y"]);
        assert!(found("a++a", "aaa").is_empty());
        assert_eq!(found("(?<n>a)\\k<n>", "aa"), ["aa"]);
    }

    #[test]
    fn quoting_and_escapes() {
        assert_eq!(found(r"\Qa.b\E+", "a.bbb"), ["a.bbb"]);
        assert_eq!(found(r"\x41\u0042\0103\t", "ABC\t"), ["ABC\t"]);
        assert_eq!(found(r"[a~\-&]+", "a~-&b"), ["a~-&"]);
        assert_eq!(found(r"->|<'[@<>:]", "a->b<'@"), ["->", "<'@"]);
        assert_eq!(found(r"\p{Upper}\p{IsAlphabetic}\p{L}", "Aéß"), ["Aéß"]);
        assert_eq!(found(r"\p{javaLowerCase}", "aA"), ["a"]);
    }

    #[test]
    fn what_java_refuses_is_refused() {
        for bad in [
            "(", "[a", "a**", "{1}", "a{2", r"\y", "a{,3}", "(?<1a>x)", "*",
        ] {
            assert!(JavaRegex::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn split_follows_java() {
        let split = |p: &str, t: &str, l| -> Vec<String> {
            let r = JavaRegex::new(p).unwrap();
            r.split(t, l).into_iter().map(str::to_string).collect()
        };
        assert_eq!(split(",", "a,,b,,", 0), ["a", "", "b"]);
        assert_eq!(split(",", "a,,b,,", -1), ["a", "", "b", "", ""]);
        assert_eq!(split("=", "k=v=w", 2), ["k", "v=w"]);
        assert_eq!(split("", "abc", 0), ["a", "b", "c"]);
        assert_eq!(split(",", "", 0), [""]);
        assert_eq!(split(",", ",a", 0), ["", "a"]);
    }
}
