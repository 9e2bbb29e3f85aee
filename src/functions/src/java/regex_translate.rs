//! Translates the text of a Java pattern into one for the `regex` family of crates.

mod class;

use class::{property, push_literal};

/// A Java pattern in our dialect.
#[derive(Debug)]
pub struct Translation {
    /// Right for texts without line terminators, or for all texts when `lines` is `None`.
    pub plain: String,
    /// Right for all texts; needs backtracking.
    pub lines: Option<String>,
    /// `plain` needs backtracking.
    pub backtracking: bool,
}

const NOT_TERMINATOR: &str = "[^\\n\\r\\x{85}\\x{2028}\\x{2029}]";
const END_BUT_TERMINATOR: &str =
    "(?:\\z|(?=\\r\\n\\z)|(?<!\\r)(?=\\n\\z)|(?=[\\r\\x{85}\\x{2028}\\x{2029}]\\z))";
const LINE_END: &str = "(?:\\z|(?<!\\r)(?=\\n)|(?=[\\r\\x{85}\\x{2028}\\x{2029}]))";
const LINE_START: &str = "(?:\\A|(?<=[\\n\\x{85}\\x{2028}\\x{2029}])(?!\\z)|(?<=\\r)(?![\\n]|\\z))";
const DIGIT: &str = "0-9";
const WORD: &str = "a-zA-Z0-9_";
const SPACE: &str = "\\t\\n\\x0B\\f\\r ";
const HORIZONTAL: &str =
    " \\t\\xA0\\x{1680}\\x{180e}\\x{2000}-\\x{200a}\\x{202f}\\x{205f}\\x{3000}";
const VERTICAL: &str = "\\n\\x0B\\f\\r\\x{85}\\x{2028}\\x{2029}";

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    unicode_case: bool,
    multiline: bool,
    dot_all: bool,
    comments: bool,
    unicode_classes: bool,
}

struct Translator<'p> {
    pattern: &'p str,
    chars: Vec<char>,
    at: usize,
    flags: Flags,
    /// The flags to return to when the open groups close.
    open: Vec<Flags>,
    plain: String,
    lines: String,
    line_sensitive: bool,
    backtracking: bool,
    /// What a following quantifier would repeat.
    repeatable: bool,
}

/// Translates `pattern`, or says as Java would what is wrong with it.
pub fn translate(pattern: &str) -> Result<Translation, String> {
    let mut t = Translator {
        pattern,
        chars: pattern.chars().collect(),
        at: 0,
        flags: Flags::default(),
        open: Vec::new(),
        plain: String::with_capacity(pattern.len() + 8),
        lines: String::with_capacity(pattern.len() + 8),
        line_sensitive: false,
        backtracking: false,
        repeatable: false,
    };
    while let Some(c) = t.next() {
        t.construct(c)?;
    }
    if !t.open.is_empty() {
        return t.fail("Unclosed group");
    }
    Ok(Translation {
        plain: t.plain,
        lines: t.line_sensitive.then_some(t.lines),
        backtracking: t.backtracking,
    })
}

impl Translator<'_> {
    fn fail<T>(&self, what: &str) -> Result<T, String> {
        Err(format!(
            "{what} near index {} in '{}'",
            self.at, self.pattern
        ))
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    fn push(&mut self, text: &str) {
        self.plain.push_str(text);
        self.lines.push_str(text);
    }

    fn push_both(&mut self, plain: &str, lines: &str) {
        self.plain.push_str(plain);
        self.lines.push_str(lines);
        self.line_sensitive = true;
    }

    fn construct(&mut self, c: char) -> Result<(), String> {
        let mut repeatable = true;
        match c {
            '\\' => repeatable = self.escape()?,
            '[' => {
                let class = self.class()?;
                self.push(&class);
            }
            '(' => {
                self.group()?;
                repeatable = false;
            }
            ')' => match self.open.pop() {
                Some(flags) => {
                    self.flags = flags;
                    self.push(")");
                }
                None => return self.fail("Unmatched closing ')'"),
            },
            '|' => {
                self.push("|");
                repeatable = false;
            }
            '.' if self.flags.dot_all => self.push("(?s:.)"),
            '.' => self.push(NOT_TERMINATOR),
            '^' if self.flags.multiline => self.push_both("\\A", LINE_START),
            '^' => self.push("\\A"),
            '$' if self.flags.multiline => self.push_both("\\z", LINE_END),
            '$' => self.push_both("\\z", END_BUT_TERMINATOR),
            '*' | '+' | '?' => {
                let quantifier = c.to_string();
                self.quantifier(&quantifier)?;
                repeatable = false;
            }
            '{' => {
                let quantifier = self.counted()?;
                self.quantifier(&quantifier)?;
                repeatable = false;
            }
            '#' if self.flags.comments => {
                while self.next().is_some_and(|c| c != '\n') {}
                return Ok(());
            }
            c if self.flags.comments && c.is_ascii_whitespace() => return Ok(()),
            c => self.literal(c),
        }
        self.repeatable = repeatable;
        Ok(())
    }

    fn literal(&mut self, c: char) {
        let mut text = String::new();
        push_literal(&mut text, c);
        if self.flags.ignore_case {
            if self.flags.unicode_case {
                text = format!("(?i:{text})");
            } else if c.is_ascii_alphabetic() {
                text = format!("[{}{}]", c.to_ascii_lowercase(), c.to_ascii_uppercase());
            }
        }
        self.push(&text);
    }

    fn quantifier(&mut self, quantifier: &str) -> Result<(), String> {
        if !self.repeatable {
            return self.fail(&format!("Dangling meta character '{quantifier}'"));
        }
        self.push(quantifier);
        if self.eat('+') {
            self.push("+");
            self.backtracking = true;
        } else if self.eat('?') {
            self.push("?");
        }
        Ok(())
    }

    /// `{n}`, `{n,}` or `{n,m}`, after its opening brace.
    fn counted(&mut self) -> Result<String, String> {
        let mut text = String::from("{");
        loop {
            match self.next() {
                Some(c) if c.is_ascii_digit() => text.push(c),
                Some(',') if text.len() > 1 && !text.contains(',') => text.push(','),
                Some('}') if text.len() > 1 => {
                    text.push('}');
                    return Ok(text);
                }
                _ => return self.fail("Illegal repetition"),
            }
        }
    }

    /// What stands behind an opening parenthesis.
    fn group(&mut self) -> Result<(), String> {
        let outer = self.flags;
        if !self.eat('?') {
            self.open.push(outer);
            self.push("(");
            return Ok(());
        }
        let head = match self.next() {
            Some(':') => "(?:".to_string(),
            Some('=') => self.look("(?="),
            Some('!') => self.look("(?!"),
            Some('>') => self.look("(?>"),
            Some('<') if self.eat('=') => self.look("(?<="),
            Some('<') if self.eat('!') => self.look("(?<!"),
            Some('<') => format!("(?<{}>", self.group_name()?),
            Some(c) => {
                self.at -= 1;
                return self.flag_group(c, outer);
            }
            None => return self.fail("Unknown inline modifier"),
        };
        self.open.push(outer);
        self.push(&head);
        Ok(())
    }

    fn look(&mut self, head: &str) -> String {
        self.backtracking = true;
        head.to_string()
    }

    fn group_name(&mut self) -> Result<String, String> {
        let mut name = String::new();
        loop {
            match self.next() {
                Some('>') if !name.is_empty() => return Ok(name),
                Some(c) if c.is_ascii_alphabetic() => name.push(c),
                Some(c) if c.is_ascii_digit() && !name.is_empty() => name.push(c),
                _ => return self.fail("named capturing group is missing trailing '>'"),
            }
        }
    }

    /// `(?idmsuxU-idmsuxU)` or `(?...:X)`; the flags become part of what is translated within.
    fn flag_group(&mut self, _first: char, outer: Flags) -> Result<(), String> {
        let mut on = true;
        loop {
            match self.next() {
                Some('-') if on => on = false,
                Some('i') => self.flags.ignore_case = on,
                Some('u') => self.flags.unicode_case = on,
                Some('m') => self.flags.multiline = on,
                Some('s') => self.flags.dot_all = on,
                Some('x') => self.flags.comments = on,
                Some('U') => {
                    self.flags.unicode_classes = on;
                    self.flags.unicode_case = on;
                }
                Some('d') => return self.fail("The inline modifier 'd' is not supported"),
                Some(':') => {
                    self.open.push(outer);
                    self.push("(?:");
                    return Ok(());
                }
                Some(')') => {
                    // Whatever encloses this keeps its own flags; the rest of this group has the new ones.
                    self.push("(?:)");
                    return Ok(());
                }
                _ => return self.fail("Unknown inline modifier"),
            }
        }
    }

    /// An escape outside a class; whether a quantifier may follow.
    fn escape(&mut self) -> Result<bool, String> {
        let Some(c) = self.next() else {
            return self.fail("Unexpected internal error");
        };
        match c {
            'A' => self.push("\\A"),
            'z' => self.push("\\z"),
            'Z' => self.push_both("\\z", END_BUT_TERMINATOR),
            'b' => self.push("\\b"),
            'B' => self.push("\\B"),
            'G' => {
                self.backtracking = true;
                self.push("\\G");
            }
            'R' => self.push("(?:\\r\\n|[\\n\\x0B\\f\\r\\x{85}\\x{2028}\\x{2029}])"),
            'X' => self.push("(?:\\P{M}\\p{M}*|\\p{M}+)"),
            'Q' => {
                while let Some(c) = self.next() {
                    if c == '\\' && self.eat('E') {
                        break;
                    }
                    self.literal(c);
                }
            }
            'k' => {
                if !self.eat('<') {
                    return self.fail("\\k is not followed by '<' for named capturing group");
                }
                let name = self.group_name()?;
                self.backtracking = true;
                self.push(&format!("\\k<{name}>"));
            }
            '1'..='9' => {
                self.backtracking = true;
                let text = if self.flags.ignore_case {
                    format!("(?i:\\{c})")
                } else {
                    format!("(?:\\{c})")
                };
                self.push(&text);
            }
            _ => {
                if let Some((negated, items)) = self.shorthand(c)? {
                    let text = format!("[{}{items}]", if negated { "^" } else { "" });
                    self.push(&text);
                } else {
                    let c = self.escaped_char(c)?;
                    self.literal(c);
                }
            }
        }
        Ok(true)
    }

    /// `\d`, `\p{..}` and the like, as items of a class and whether they are negated.
    fn shorthand(&mut self, c: char) -> Result<Option<(bool, String)>, String> {
        let unicode = self.flags.unicode_classes;
        let items = match c {
            'd' | 'D' if unicode => "\\d".to_string(),
            'w' | 'W' if unicode => "\\w".to_string(),
            's' | 'S' if unicode => "\\s".to_string(),
            'd' | 'D' => DIGIT.to_string(),
            'w' | 'W' => WORD.to_string(),
            's' | 'S' => SPACE.to_string(),
            'h' | 'H' => HORIZONTAL.to_string(),
            'v' | 'V' => VERTICAL.to_string(),
            'p' | 'P' => {
                let name = self.property_name()?;
                match property(&name, unicode) {
                    Some(items) => items,
                    None => {
                        return self.fail(&format!("Unknown character property name {{{name}}}"));
                    }
                }
            }
            _ => return Ok(None),
        };
        Ok(Some((c.is_ascii_uppercase(), items)))
    }

    fn property_name(&mut self) -> Result<String, String> {
        if !self.eat('{') {
            return match self.next() {
                Some(c) => Ok(c.to_string()),
                None => self.fail("Unknown character property"),
            };
        }
        let mut name = String::new();
        loop {
            match self.next() {
                Some('}') if !name.is_empty() => return Ok(name),
                Some('}') => return self.fail("Empty character family"),
                Some(c) => name.push(c),
                None => return self.fail("Unclosed character family"),
            }
        }
    }

    /// The one character that an escape stands for.
    fn escaped_char(&mut self, c: char) -> Result<char, String> {
        Ok(match c {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\u{c}',
            'a' => '\u{7}',
            'e' => '\u{1b}',
            'c' => match self.next() {
                Some(c) if c.is_ascii() => char::from((c as u8) ^ 64),
                _ => return self.fail("Illegal control escape sequence"),
            },
            '0' => self.octal()?,
            'x' if self.eat('{') => {
                let mut digits = String::new();
                while let Some(c) = self.next().filter(|c| *c != '}') {
                    digits.push(c);
                }
                self.code_point(&digits)?
            }
            'x' => {
                let digits = self.take(2);
                self.code_point(&digits)?
            }
            'u' => self.utf16_escape()?,
            c if c.is_ascii_alphabetic() => {
                return self.fail("Illegal/unsupported escape sequence");
            }
            c => c,
        })
    }

    fn take(&mut self, count: usize) -> String {
        let digits = self.chars[self.at..].iter().take(count).collect();
        self.at = (self.at + count).min(self.chars.len());
        digits
    }

    fn code_point(&self, digits: &str) -> Result<char, String> {
        match u32::from_str_radix(digits, 16)
            .ok()
            .and_then(char::from_u32)
        {
            Some(c) => Ok(c),
            None => self.fail("Illegal hexadecimal escape sequence"),
        }
    }

    fn octal(&mut self) -> Result<char, String> {
        let mut value = 0;
        let mut digits = 0;
        while digits < 3
            && let Some(digit) = self.peek().and_then(|c| c.to_digit(8))
            && value * 8 + digit <= 0o377
        {
            value = value * 8 + digit;
            digits += 1;
            self.at += 1;
        }
        match char::from_u32(value) {
            Some(c) if digits > 0 => Ok(c),
            _ => self.fail("Illegal octal escape sequence"),
        }
    }

    /// `\uD83D\uDE00` is one character.
    fn utf16_escape(&mut self) -> Result<char, String> {
        let high = self.take(4);
        let Ok(high) = u32::from_str_radix(&high, 16) else {
            return self.fail("Illegal Unicode escape sequence");
        };
        if (0xD800..0xDC00).contains(&high) && self.chars[self.at..].starts_with(&['\\', 'u']) {
            self.at += 2;
            let low = self.take(4);
            if let Ok(low) = u32::from_str_radix(&low, 16)
                && (0xDC00..0xE000).contains(&low)
                && let Some(c) = char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
            {
                return Ok(c);
            }
        }
        match char::from_u32(high) {
            Some(c) => Ok(c),
            None => self.fail("Illegal Unicode escape sequence"),
        }
    }
}
