//! Steps over JSON text. What is stepped over is checked, so that a value whose span is known is well-formed.

/// Objects and arrays may lie so deep in each other, as in Jackson.
const DEPTH_MAX: usize = 1000;

/// What is wrong with the text, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    pub expected: &'static str,
    /// Byte offset in the record.
    pub at: usize,
}

/// A place in a text that is UTF-8.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, at: 0 }
    }

    /// The next byte that is not blank.
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn fail<T>(&self, expected: &'static str) -> Result<T, Malformed> {
        Err(Malformed {
            expected,
            at: self.at,
        })
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), Malformed> {
        if self.peek() != Some(byte) {
            return self.fail(expected);
        }
        self.at += 1;
        Ok(())
    }

    /// Steps over a value and gives its text.
    ///
    /// # Errors
    /// When there is no well-formed value.
    pub fn value(&mut self) -> Result<&'a [u8], Malformed> {
        self.peek();
        let start = self.at;
        self.skip(0)?;
        Ok(&self.bytes[start..self.at])
    }

    fn skip(&mut self, depth: usize) -> Result<(), Malformed> {
        if depth > DEPTH_MAX {
            return self.fail("at most 1000 values inside each other");
        }
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => {
                self.at += 1;
                let mut first = true;
                while self.next_key(&mut first)?.is_some() {
                    self.skip(depth + 1)?;
                }
                Ok(())
            }
            Some(b'[') => {
                self.at += 1;
                let mut first = true;
                while self.next_element(&mut first)? {
                    self.skip(depth + 1)?;
                }
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ => self.fail("a value"),
        }
    }

    fn word(&mut self, word: &'static [u8]) -> Result<(), Malformed> {
        let end = self.at + word.len();
        let follows = self.bytes.get(end).is_some_and(u8::is_ascii_alphanumeric);
        if self.bytes.get(self.at..end) != Some(word) || follows {
            return self
                .fail("a value ('true', 'false', 'null', a number, text, an object or an array)");
        }
        self.at = end;
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start {
            return self.fail("a digit");
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Malformed> {
        if self.bytes[self.at] == b'-' {
            self.at += 1;
        }
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
            if self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
                return self.fail("no digit after a leading zero");
            }
        } else {
            self.digits()?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// Steps over text in quotes and gives what stands between them, escapes and all.
    ///
    /// # Errors
    /// When the text is not closed, holds a control character or a bad escape.
    pub fn string(&mut self) -> Result<&'a [u8], Malformed> {
        self.expect(b'"', "text in double quotes")?;
        let start = self.at;
        loop {
            let Some(found) = memchr::memchr2(b'"', b'\\', &self.bytes[self.at..]) else {
                self.at = self.bytes.len();
                return self.fail("a closing quote");
            };
            self.at += found;
            if self.bytes[self.at] == b'"' {
                break;
            }
            self.escape()?;
        }
        let text = &self.bytes[start..self.at];
        if let Some(control) = text.iter().position(|b| *b < 0x20) {
            self.at = start + control;
            return self.fail("no control character in text");
        }
        self.at += 1;
        Ok(text)
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let hex = self.bytes.get(self.at + 2..self.at + 6);
                if !hex.is_some_and(|h| h.iter().all(u8::is_ascii_hexdigit)) {
                    return self.fail("four hex digits after \\u");
                }
                self.at += 6;
            }
            _ => return self.fail("an escape such as \\n or \\u0041"),
        }
        Ok(())
    }

    /// Inside an object: the next key, its value next; none after the closing brace, which is stepped over.
    ///
    /// # Errors
    /// When there is neither a key nor an end.
    pub fn next_key(&mut self, first: &mut bool) -> Result<Option<&'a [u8]>, Malformed> {
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(None);
        }
        if !*first {
            self.expect(b',', "',' or '}'")?;
            self.peek();
        }
        *first = false;
        let key = self.string()?;
        self.expect(b':', "':' after a field's name")?;
        self.peek();
        Ok(Some(key))
    }

    /// Inside an array: true when an element follows; false after the closing bracket, which is stepped over.
    ///
    /// # Errors
    /// When there is neither an element nor an end.
    pub fn next_element(&mut self, first: &mut bool) -> Result<bool, Malformed> {
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(false);
        }
        if !*first {
            self.expect(b',', "',' or ']'")?;
            self.peek();
        }
        *first = false;
        Ok(true)
    }
}

/// Appends text with its escapes resolved; `raw` is what [`Cursor::string`] gave. A lone surrogate is the replacement
/// character.
pub fn unescape(raw: &[u8], out: &mut String) {
    let mut rest = raw;
    loop {
        let plain = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
        out.push_str(&String::from_utf8_lossy(&rest[..plain]));
        let Some(code) = rest.get(plain + 1) else {
            return;
        };
        rest = &rest[plain + 2..];
        out.push(match code {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => unicode(&mut rest),
            other => char::from(*other),
        });
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Reads the four digits after `\u`, and a second escape where they make a pair.
fn unicode(rest: &mut &[u8]) -> char {
    let high = rest.get(..4).and_then(hex).unwrap_or(0xFFFD);
    *rest = rest.get(4..).unwrap_or_default();
    if (0xD800..0xDC00).contains(&high)
        && let Some(low) = rest.strip_prefix(b"\\u").and_then(|r| hex(r.get(..4)?))
        && (0xDC00..0xE000).contains(&low)
    {
        *rest = &rest[6..];
        let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        return char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Appends text as Jackson writes it, in quotes.
pub fn escape(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (i, byte) in bytes.iter().enumerate() {
        let short = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            8 => b'b',
            12 => b'f',
            0..0x20 => b'u',
            _ => continue,
        };
        out.extend_from_slice(&bytes[copied..i]);
        copied = i + 1;
        out.extend_from_slice(&[b'\\', short]);
        if short == b'u' {
            out.extend_from_slice(b"00");
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}
