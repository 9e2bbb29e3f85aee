use crate::java::number::{big_decimal_to_string, double_to_string};

/// A JSON value. Numbers keep their digits: they are the text that Java's BigInteger and BigDecimal print.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Json>),
    /// In the order of the text; the last of equal keys stays, at the place of the first.
    Object(Vec<(String, Json)>),
}

const DEPTH_MAX: usize = 500;

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    unique_keys: bool,
    verbatim: bool,
}

impl Json {
    /// Reads the value with which a text begins, as Jackson does; what follows a blank is left alone.
    pub fn parse(text: &str) -> Result<Json, String> {
        Json::parse_with(text, false, false)
    }

    /// As [`parse`](Self::parse), refusing objects that have a key twice.
    pub fn parse_unique(text: &str) -> Result<Json, String> {
        Json::parse_with(text, true, false)
    }

    /// As [`parse`](Self::parse), with numbers as they are written.
    pub fn parse_verbatim(text: &str) -> Result<Json, String> {
        Json::parse_with(text, false, true)
    }

    fn parse_with(text: &str, unique_keys: bool, verbatim: bool) -> Result<Json, String> {
        let mut parser = Parser {
            text,
            at: 0,
            depth: 0,
            unique_keys,
            verbatim,
        };
        parser.blanks();
        if parser.at == text.len() {
            return Err("No content to map due to end-of-input".to_string());
        }
        let value = parser.value()?;
        if let Json::Number(_) = value
            && parser
                .peek()
                .is_some_and(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
        {
            return parser.unexpected("space separating root-level values");
        }
        Ok(value)
    }

    pub fn is_scalar(&self) -> bool {
        !matches!(self, Json::Array(_) | Json::Object(_))
    }

    pub fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(fields) => fields.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// A double, as Jackson writes it.
    pub fn from_double(value: f64) -> Json {
        if !value.is_finite() {
            return Json::String(double_to_string(value));
        }
        Json::Number(decimal_text(&double_to_string(value)))
    }

    /// Appends the value without blanks.
    pub fn write(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Json::Number(text) => out.push_str(text),
            Json::String(text) => write_string(text, out),
            Json::Array(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Json::Object(fields) => {
                out.push('{');
                for (i, (key, value)) in fields.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    write_string(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// The same value with the keys of all objects in order.
    pub fn sorted(self) -> Json {
        match self {
            Json::Array(items) => Json::Array(items.into_iter().map(Json::sorted).collect()),
            Json::Object(fields) => {
                let mut fields: Vec<_> = fields.into_iter().map(|(k, v)| (k, v.sorted())).collect();
                fields.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
                Json::Object(fields)
            }
            other => other,
        }
    }
}

/// A JSON string with Jackson's escapes.
pub fn write_string(text: &str, out: &mut String) {
    use std::fmt::Write;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// The text of a decimal or scientific number as `new BigDecimal(text).toString()`.
pub fn decimal_text(text: &str) -> String {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i64>().unwrap_or(0)),
        None => (text, 0),
    };
    let negative = mantissa.starts_with('-');
    let mantissa = mantissa.trim_start_matches('-');
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    let significant = if significant.is_empty() {
        "0"
    } else {
        significant
    };
    let scale = fraction.len() as i64 - exponent;
    big_decimal_to_string(negative && significant != "0", significant, scale)
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn unexpected<T>(&self, expected: &str) -> Result<T, String> {
        match self.text[self.at..].chars().next() {
            Some(c) => Err(format!(
                "Unexpected character ('{c}' (code {})): was expecting {expected}, at column {}",
                c as u32,
                self.text[..self.at].chars().count() + 1
            )),
            None => Err("Unexpected end-of-input".to_string()),
        }
    }

    fn value(&mut self) -> Result<Json, String> {
        self.blanks();
        match self.peek() {
            Some(b'{') => self.nested(Parser::object),
            Some(b'[') => self.nested(Parser::array),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b) if b.is_ascii_alphabetic() || b == b'_' || !b.is_ascii() => self.word(),
            _ => self.unexpected("a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"),
        }
    }

    fn nested(&mut self, parse: fn(&mut Self) -> Result<Json, String>) -> Result<Json, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("Document nesting depth exceeds {DEPTH_MAX}"));
        }
        let value = parse(self);
        self.depth -= 1;
        value
    }

    fn word(&mut self) -> Result<Json, String> {
        let rest = &self.text[self.at..];
        let length = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')
            .unwrap_or(rest.len());
        let word = &rest[..length];
        self.at += length;
        match word {
            "null" => Ok(Json::Null),
            "true" => Ok(Json::Bool(true)),
            "false" => Ok(Json::Bool(false)),
            word => Err(format!(
                "Unrecognized token '{word}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
            )),
        }
    }

    fn digits(&mut self) -> Result<(), String> {
        let begin = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == begin {
            return self.unexpected("a digit");
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Json, String> {
        let begin = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let whole = self.at;
        self.digits()?;
        if self.text[whole..self.at].starts_with('0') && self.at - whole > 1 {
            return Err("Invalid numeric value: Leading zeroes not allowed".to_string());
        }
        let mut decimal = false;
        if self.peek() == Some(b'.') {
            decimal = true;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            decimal = true;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.text[begin..self.at];
        Ok(Json::Number(match text {
            _ if self.verbatim => text.to_string(),
            _ if decimal => decimal_text(text),
            "-0" => "0".to_string(),
            text => text.to_string(),
        }))
    }

    fn string(&mut self) -> Result<String, String> {
        let mut out = String::new();
        self.at += 1;
        loop {
            let rest = &self.text[self.at..];
            let Some(stop) = rest.find(|c: char| c == '"' || c == '\\' || c < ' ') else {
                return Err("Unexpected end-of-input in a JSON String".to_string());
            };
            out.push_str(&rest[..stop]);
            self.at += stop;
            match rest.as_bytes()[stop] {
                b'"' => {
                    self.at += 1;
                    return Ok(out);
                }
                b'\\' => self.escape(&mut out)?,
                _ => {
                    return self.unexpected("an escape, as control characters must be escaped");
                }
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), String> {
        self.at += 1;
        let escaped = self.peek();
        self.at += 1;
        match escaped {
            Some(b @ (b'"' | b'\\' | b'/')) => out.push(char::from(b)),
            Some(b'b') => out.push('\u{8}'),
            Some(b'f') => out.push('\u{c}'),
            Some(b'n') => out.push('\n'),
            Some(b'r') => out.push('\r'),
            Some(b't') => out.push('\t'),
            Some(b'u') => {
                let unit = self.unit()?;
                let mut units = vec![unit];
                if (0xD800..0xDC00).contains(&unit) && self.text[self.at..].starts_with("\\u") {
                    self.at += 2;
                    units.push(self.unit()?);
                }
                out.extend(char::decode_utf16(units).map(|c| c.unwrap_or('?')));
            }
            _ => {
                self.at -= 1;
                return self.unexpected("an escape that JSON knows");
            }
        }
        Ok(())
    }

    fn unit(&mut self) -> Result<u16, String> {
        let unit = self
            .text
            .get(self.at..self.at + 4)
            .filter(|t| t.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|t| u16::from_str_radix(t, 16).ok());
        match unit {
            Some(unit) => {
                self.at += 4;
                Ok(unit)
            }
            None => self.unexpected("a hex-digit for a character escape"),
        }
    }

    fn array(&mut self) -> Result<Json, String> {
        let mut items = Vec::new();
        self.at += 1;
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value()?);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Json::Array(items));
                }
                _ => return self.unexpected("comma to separate Array entries"),
            }
        }
    }

    fn object(&mut self) -> Result<Json, String> {
        let mut fields: Vec<(String, Json)> = Vec::new();
        self.at += 1;
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(fields));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return self.unexpected("double-quote to start field name");
            }
            let key = self.string()?;
            self.blanks();
            if self.peek() != Some(b':') {
                return self.unexpected("a colon to separate field name and value");
            }
            self.at += 1;
            let value = self.value()?;
            match fields.iter_mut().find(|(k, _)| *k == key) {
                Some(_) if self.unique_keys => {
                    return Err(format!(
                        "VARIANT_DUPLICATE_KEY: the key '{key}' is there twice"
                    ));
                }
                Some(field) => field.1 = value,
                None => fields.push((key, value)),
            }
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Json::Object(fields));
                }
                _ => return self.unexpected("comma to separate Object entries"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_jacksons() {
        let text = |t| Json::parse(t).map(|v| v.text());
        assert_eq!(
            text(r#"{"b": 1.50, "a" : [1e5, -0.0, -0]}"#).unwrap(),
            r#"{"b":1.50,"a":[1E+5,0.0,0]}"#
        );
        assert_eq!(
            text(r#""\u00e9\ud83d\ude00\"\\\/\b\u0001""#).unwrap(),
            "\"é😀\\\"\\\\/\\b\\u0001\""
        );
        assert_eq!(text(r#"{"a":1,"a":2}"#).unwrap(), r#"{"a":2}"#);
        assert_eq!(Json::from_double(1e10).text(), "1.0E+10");
        assert_eq!(Json::from_double(1e-5).text(), "0.000010");
        assert_eq!(Json::from_double(f64::NAN).text(), "\"NaN\"");
    }

    /// What Flink's IS JSON answered.
    #[test]
    fn what_follows_a_blank_is_left_alone() {
        for good in ["{} x", "  1 ", "1 2", "1e5", "\"a\"b"] {
            assert!(Json::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "[1,2",
            "{\"a\":1,}",
            "01",
            "+1",
            ".5",
            "1.",
            "NaN",
            "'a'",
            "\"a",
            "tru",
            "nullx",
            "/* c */ 1",
            "\"\\x\"",
            "-",
            "{\"a\"}",
            "[,]",
            "{1:2}",
        ] {
            assert!(Json::parse(bad).is_err(), "{bad}");
        }
    }
}
