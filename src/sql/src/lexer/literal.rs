//! String literals: `'..'`, `E'..'`, `U&'..' UESCAPE '!'`, `X'..'`, `N'..'`, `_UTF8'..'`. All but X come out as
//! plain strings with their escapes resolved.

use filbert_types::{Location, Span};
use sqlparser::tokenizer::Token;

use super::{Lexer, is_word_part};
use crate::error::{ParseError, Result};

impl Lexer<'_> {
    /// A literal that begins with a letter, or none: then it is a word.
    pub(super) fn prefixed_literal(&mut self, start: Location) -> Result<Option<Token>> {
        let rest = self.rest();
        let quote = |n: usize| rest.as_bytes().get(n) == Some(&b'\'');
        match rest.as_bytes().first() {
            Some(b'E' | b'e') if quote(1) => {
                self.bump();
                let raw = self.quoted_c(start)?;
                let text = self.unescape_c(&raw, start)?;
                Ok(Some(Token::SingleQuotedString(
                    self.continued(text, start)?,
                )))
            }
            Some(b'X' | b'x') if quote(1) => {
                self.bump();
                let raw = self.quoted(start)?;
                let digits = self.continued(raw, start)?;
                self.check_hex(&digits, start)?;
                Ok(Some(Token::HexStringLiteral(digits)))
            }
            Some(b'N' | b'n') if quote(1) => {
                self.bump();
                self.string(start).map(Some)
            }
            Some(b'U' | b'u') if rest[1..].starts_with("&'") => {
                self.bump_n(2);
                let raw = self.quoted(start)?;
                let raw = self.continued(raw, start)?;
                let text = self.unescape_unicode(&raw, start)?;
                Ok(Some(Token::SingleQuotedString(text)))
            }
            Some(b'_') => self.introduced(start),
            _ => Ok(None),
        }
    }

    /// `_UTF8'text'`: a character set before the literal.
    fn introduced(&mut self, start: Location) -> Result<Option<Token>> {
        let rest = self.rest();
        let end = rest.find(|c| !is_word_part(c)).unwrap_or(rest.len());
        if !rest[end..].starts_with('\'') {
            return Ok(None);
        }
        let set = rest[1..end].to_string();
        self.bump_n(rest[..end].chars().count());
        let known = [
            "UTF8",
            "UTF16",
            "UTF16LE",
            "LATIN1",
            "ISO_8859_1",
            "US_ASCII",
            "ASCII",
        ];
        if !known.contains(&set.to_ascii_uppercase().as_str()) {
            return Err(ParseError::new(
                format!("Unknown character set '{set}'."),
                self.span_from(start),
            )
            .with_hint("Write the text without it, or _UTF8'text'."));
        }
        self.string(start).map(Some)
    }

    pub(super) fn string(&mut self, start: Location) -> Result<Token> {
        let text = self.quoted(start)?;
        Ok(Token::SingleQuotedString(self.continued(text, start)?))
    }

    /// From an opening quote to behind the closing one; doubled quotes inside are single.
    fn quoted(&mut self, start: Location) -> Result<String> {
        self.bump();
        let mut text = String::new();
        loop {
            match self.bump() {
                Some('\'') if self.peek() == Some('\'') => {
                    self.bump();
                    text.push('\'');
                }
                Some('\'') => return Ok(text),
                Some(c) => text.push(c),
                None => return Err(self.unterminated(start)),
            }
        }
    }

    /// Like [`Lexer::quoted`], but a backslash keeps a quote from closing. The backslashes stay.
    fn quoted_c(&mut self, start: Location) -> Result<String> {
        self.bump();
        let mut text = String::new();
        loop {
            match self.bump() {
                Some('\'') if self.peek() == Some('\'') => {
                    self.bump();
                    text.push('\'');
                }
                Some('\'') => return Ok(text),
                Some('\\') => {
                    text.push('\\');
                    text.extend(self.bump());
                }
                Some(c) => text.push(c),
                None => return Err(self.unterminated(start)),
            }
        }
    }

    fn unterminated(&self, start: Location) -> ParseError {
        let opening = Span {
            start,
            end: Location {
                line: start.line,
                column: start.column + 1,
            },
        };
        ParseError::new("This text is never closed by a single quote.", opening)
            .with_hint("A single quote inside a text is written twice: 'it''s'.")
            .incomplete()
    }

    /// Literals that follow on later lines belong to the same text; on the same line they are a mistake.
    fn continued(&mut self, mut text: String, start: Location) -> Result<String> {
        loop {
            let mut ahead = self.clone();
            ahead.skip_blank();
            if ahead.peek() != Some('\'') {
                return Ok(text);
            }
            if ahead.location.line == self.location.line {
                let from = ahead.location;
                *self = ahead;
                self.quoted(from)?;
                return Err(ParseError::new(
                    "String literal continued on same line.",
                    self.span_from(from),
                )
                .with_hint(
                    "Is a comma or '||' missing between the two? A quote inside a text is doubled.",
                ));
            }
            *self = ahead;
            text.push_str(&self.quoted(start)?);
        }
    }

    /// Whitespace and comments, but not hints.
    fn skip_blank(&mut self) {
        loop {
            self.bump_while(char::is_whitespace);
            let rest = self.rest();
            if rest.starts_with("--") || rest.starts_with("//") {
                self.bump_while(|c| c != '\n');
            } else if rest.starts_with("/*") && !rest.starts_with("/*+") {
                self.bump_n(2);
                if !self.bump_past("*/") {
                    return;
                }
            } else {
                return;
            }
        }
    }

    fn check_hex(&self, digits: &str, start: Location) -> Result<()> {
        let span = self.span_from(start);
        if let Some(c) = digits.chars().find(|c| !c.is_ascii_hexdigit()) {
            return Err(ParseError::new(
                format!("'{c}' is no hexadecimal digit."),
                span,
            ));
        }
        if digits.len() % 2 == 1 {
            return Err(ParseError::new(
                "Binary literal string must contain an even number of hexits.",
                span,
            ));
        }
        Ok(())
    }

    fn unescape_c(&self, raw: &str, start: Location) -> Result<String> {
        let mut text = String::with_capacity(raw.len());
        let mut chars = raw.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '\\' {
                text.push(c);
                continue;
            }
            let Some(escape) = chars.next() else {
                return Err(self.bad_escape("\\", start));
            };
            match escape {
                'b' => text.push('\u{8}'),
                'f' => text.push('\u{c}'),
                'n' => text.push('\n'),
                'r' => text.push('\r'),
                't' => text.push('\t'),
                'x' => text.push(self.code(&mut chars, 16, 1, 2, start)?),
                'u' => text.push(self.code(&mut chars, 16, 4, 4, start)?),
                'U' => text.push(self.code(&mut chars, 16, 8, 8, start)?),
                '0'..='7' => {
                    let mut value = escape.to_digit(8).unwrap_or(0);
                    for _ in 0..2 {
                        let Some(digit) = chars.peek().and_then(|c| c.to_digit(8)) else {
                            break;
                        };
                        chars.next();
                        value = value * 8 + digit;
                    }
                    text.push(char::from_u32(value).unwrap_or('\u{fffd}'));
                }
                other => text.push(other),
            }
        }
        Ok(text)
    }

    /// A code point of `min` to `max` digits.
    fn code(
        &self,
        chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
        radix: u32,
        min: usize,
        max: usize,
        start: Location,
    ) -> Result<char> {
        let mut value = 0u32;
        let mut count = 0;
        while count < max {
            let Some(digit) = chars.peek().and_then(|c| c.to_digit(radix)) else {
                break;
            };
            chars.next();
            value = value.wrapping_mul(radix).wrapping_add(digit);
            count += 1;
        }
        match char::from_u32(value) {
            Some(c) if count >= min => Ok(c),
            _ => Err(self.bad_escape("\\u", start)),
        }
    }

    fn unescape_unicode(&mut self, raw: &str, start: Location) -> Result<String> {
        let escape = self.uescape()?.unwrap_or('\\');
        let mut text = String::with_capacity(raw.len());
        let mut chars = raw.chars().peekable();
        while let Some(c) = chars.next() {
            if c != escape {
                text.push(c);
            } else if chars.peek() == Some(&escape) {
                chars.next();
                text.push(escape);
            } else if chars.peek() == Some(&'+') {
                chars.next();
                text.push(self.code(&mut chars, 16, 6, 6, start)?);
            } else {
                text.push(self.code(&mut chars, 16, 4, 4, start)?);
            }
        }
        Ok(text)
    }

    /// `UESCAPE '!'` behind a literal.
    fn uescape(&mut self) -> Result<Option<char>> {
        let mut ahead = self.clone();
        ahead.skip_blank();
        let is_keyword = ahead
            .rest()
            .get(..7)
            .is_some_and(|w| w.eq_ignore_ascii_case("UESCAPE"))
            && !ahead.rest()[7..].starts_with(is_word_part);
        if !is_keyword {
            return Ok(None);
        }
        ahead.bump_n(7);
        ahead.skip_blank();
        let start = ahead.location;
        let value = if ahead.peek() == Some('\'') {
            ahead.quoted(start)?
        } else {
            String::new()
        };
        let span = ahead.span_from(start);
        *self = ahead;
        let mut chars = value.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None)
                if !c.is_ascii_hexdigit()
                    && !c.is_whitespace()
                    && !matches!(c, '+' | '\'' | '"') =>
            {
                Ok(Some(c))
            }
            _ => Err(ParseError::new(
                "UESCAPE takes one character that is neither a hexadecimal digit, a space, a plus sign nor a quote.",
                span,
            )),
        }
    }

    fn bad_escape(&self, escape: &str, start: Location) -> ParseError {
        ParseError::new(
            format!("Invalid escape sequence '{escape}' in this text."),
            self.span_from(start),
        )
    }
}
