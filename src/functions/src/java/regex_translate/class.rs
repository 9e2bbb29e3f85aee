//! Character classes and properties.

use super::{SPACE, Translator};

impl Translator<'_> {
    /// A character class, after its opening bracket.
    pub(super) fn class(&mut self) -> Result<String, String> {
        let mut out = String::from("[");
        if self.eat('^') {
            out.push('^');
        }
        let mut empty = true;
        loop {
            let Some(c) = self.next() else {
                return self.fail("Unclosed character class");
            };
            match c {
                ']' if !empty => break,
                '[' => {
                    let nested = self.class()?;
                    out.push_str(&nested);
                }
                '&' if self.peek() == Some('&') => {
                    while self.eat('&') {}
                    if self.peek() != Some(']') {
                        out.push_str("&&");
                    }
                }
                '\\' if self.peek() == Some('Q') => {
                    self.at += 1;
                    while let Some(c) = self.next() {
                        if c == '\\' && self.eat('E') {
                            break;
                        }
                        self.class_range(&mut out, c, c);
                    }
                }
                c if self.flags.comments && c.is_ascii_whitespace() => continue,
                c => self.class_item(&mut out, c)?,
            }
            empty = false;
        }
        out.push(']');
        if self.flags.ignore_case && self.flags.unicode_case {
            out = format!("(?i:{out})");
        }
        Ok(out)
    }

    fn class_item(&mut self, out: &mut String, c: char) -> Result<(), String> {
        let mut low = c;
        if c == '\\' {
            let Some(c) = self.next() else {
                return self.fail("Unclosed character class");
            };
            if let Some((negated, items)) = self.shorthand(c)? {
                out.push_str(&format!("[{}{items}]", if negated { "^" } else { "" }));
                return Ok(());
            }
            low = self.escaped_char(c)?;
        }
        let rest = &self.chars[self.at..];
        let range = rest.first() == Some(&'-') && !matches!(rest.get(1), Some(']' | '[') | None);
        if !range {
            self.class_range(out, low, low);
            return Ok(());
        }
        self.at += 1;
        let mut high = self.next().unwrap_or(low);
        if high == '\\' {
            let Some(c) = self.next() else {
                return self.fail("Unclosed character class");
            };
            if matches!(c, 'd' | 'w' | 's' | 'D' | 'W' | 'S' | 'p' | 'P') {
                return self.fail("Illegal character range");
            }
            high = self.escaped_char(c)?;
        }
        if high < low {
            return self.fail("Illegal character range");
        }
        self.class_range(out, low, high);
        Ok(())
    }

    fn class_range(&self, out: &mut String, low: char, high: char) {
        push_range(out, low, high);
        if self.flags.ignore_case && !self.flags.unicode_case {
            for (from, to, shift) in [('a', 'z', -32), ('A', 'Z', 32)] {
                let (l, h) = (low.max(from), high.min(to));
                let moved = |c: char| char::from((i32::from(c as u8) + shift) as u8);
                if l <= h {
                    push_range(out, moved(l), moved(h));
                }
            }
        }
    }
}

fn push_range(out: &mut String, low: char, high: char) {
    push_literal(out, low);
    if high != low {
        out.push('-');
        push_literal(out, high);
    }
}

pub(super) fn push_literal(out: &mut String, c: char) {
    match c {
        c if c.is_alphanumeric() => out.push(c),
        ' ' => out.push_str("\\x20"),
        // Only these: `\<` and `\>` mean the ends of words.
        c if "\\.+*?()|[]{}^$#&-~".contains(c) => {
            out.push('\\');
            out.push(c);
        }
        c if c.is_ascii_punctuation() => out.push(c),
        c => out.push_str(&format!("\\x{{{:x}}}", c as u32)),
    }
}

/// The items of a class that a property of Java's stands for.
pub(super) fn property(name: &str, unicode: bool) -> Option<String> {
    let posix = match name {
        "Lower" => "a-z",
        "Upper" => "A-Z",
        "ASCII" => "\\x00-\\x7F",
        "Alpha" => "a-zA-Z",
        "Digit" => "0-9",
        "Alnum" => "a-zA-Z0-9",
        "Punct" => "!-/:-@\\[-`{-~",
        "Graph" => "!-~",
        "Print" => "\\x20-~",
        "Blank" => "\\x20\\t",
        "Cntrl" => "\\x00-\\x1F\\x7F",
        "XDigit" => "0-9a-fA-F",
        "Space" => SPACE,
        _ => "",
    };
    if !posix.is_empty() && !unicode {
        return Some(posix.to_string());
    }
    let mapped = match name {
        "javaLowerCase" | "Lower" => "Lowercase",
        "javaUpperCase" | "Upper" => "Uppercase",
        "javaWhitespace" | "Space" => "White_Space",
        "javaLetter" => "L",
        "javaDigit" | "Digit" => "Nd",
        "javaAlphabetic" | "Alpha" => "Alphabetic",
        "javaLetterOrDigit" => return Some("\\p{L}\\p{Nd}".to_string()),
        "javaTitleCase" => "Lt",
        "Alnum" => return Some("\\p{Alphabetic}\\p{Nd}".to_string()),
        "Punct" => "P",
        "Cntrl" => "Cc",
        "L1" => return Some("\\x00-\\xFF".to_string()),
        "LC" => return Some("\\p{Lu}\\p{Ll}\\p{Lt}".to_string()),
        "LD" => return Some("\\p{L}\\p{Nd}".to_string()),
        "all" => return Some("\\x{0}-\\x{10FFFF}".to_string()),
        other => other,
    };
    let stripped = match mapped.split_once('=') {
        Some(("sc" | "script" | "IsScript", value)) => {
            format!("Script={value}")
        }
        Some(("gc" | "general_category", value)) => value.to_string(),
        Some(_) => return None,
        None => mapped.strip_prefix("Is").unwrap_or(mapped).to_string(),
    };
    if let Some(block) = stripped.strip_prefix("In") {
        return block_range(block);
    }
    let items = format!("\\p{{{stripped}}}");
    regex::Regex::new(&items).ok().map(|_| items)
}

/// Unicode blocks that patterns name in practice.
fn block_range(name: &str) -> Option<String> {
    let key: String = name
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect::<String>()
        .to_ascii_lowercase();
    let range = match key.as_str() {
        "basiclatin" => "\\x00-\\x7F",
        "latin1supplement" => "\\x{80}-\\x{FF}",
        "latinextendeda" => "\\x{100}-\\x{17F}",
        "latinextendedb" => "\\x{180}-\\x{24F}",
        "combiningdiacriticalmarks" => "\\x{300}-\\x{36F}",
        "greek" | "greekandcoptic" => "\\x{370}-\\x{3FF}",
        "cyrillic" => "\\x{400}-\\x{4FF}",
        "hebrew" => "\\x{590}-\\x{5FF}",
        "arabic" => "\\x{600}-\\x{6FF}",
        "devanagari" => "\\x{900}-\\x{97F}",
        "thai" => "\\x{E00}-\\x{E7F}",
        "hiragana" => "\\x{3040}-\\x{309F}",
        "katakana" => "\\x{30A0}-\\x{30FF}",
        "cjkunifiedideographs" => "\\x{4E00}-\\x{9FFF}",
        "hangulsyllables" => "\\x{AC00}-\\x{D7AF}",
        "generalpunctuation" => "\\x{2000}-\\x{206F}",
        "emoticons" => "\\x{1F600}-\\x{1F64F}",
        _ => return None,
    };
    Some(range.to_string())
}
