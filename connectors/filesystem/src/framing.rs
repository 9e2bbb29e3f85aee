//! Where records end.

use filbert_connector_api::format::Framing;

/// Finds records in a buffer that grows at its end.
#[derive(Debug, Clone, Copy)]
pub struct Framer {
    framing: Framing,
}

/// A record that was found: its bytes end at `end`, the next record begins at `next`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    pub end: usize,
    pub next: usize,
}

impl Framer {
    pub fn new(framing: Framing) -> Framer {
        Framer { framing }
    }

    /// True when one may begin to read anywhere and find the next record by its line break alone.
    pub fn is_line_based(&self) -> bool {
        matches!(self.framing, Framing::Lines)
    }

    /// The record at `start`; none when the buffer ends before it does. With `eof` the rest is the last record.
    pub fn find(&self, buffer: &[u8], start: usize, eof: bool) -> Option<Found> {
        if start >= buffer.len() {
            return None;
        }
        let line_break = match self.framing {
            Framing::Fixed(length) => return fixed(buffer, start, length, eof),
            Framing::Lines | Framing::Container => {
                memchr::memchr(b'\n', &buffer[start..]).map(|at| start + at)
            }
            Framing::QuotedLines {
                delimiter,
                quote,
                escape,
                comments,
                trim_spaces,
            } => Quoted {
                buffer,
                start,
                delimiter,
                quote,
                escape,
                comments,
                trim_spaces,
            }
            .line_break(),
        };
        match line_break {
            Some(at) => {
                let carriage_return = at > start && buffer[at - 1] == b'\r';
                Some(Found {
                    end: at - usize::from(carriage_return),
                    next: at + 1,
                })
            }
            None if eof => Some(Found {
                end: buffer.len(),
                next: buffer.len(),
            }),
            None => None,
        }
    }
}

/// A value's bytes and the line break after them, which the last may lack.
fn fixed(buffer: &[u8], start: usize, length: usize, eof: bool) -> Option<Found> {
    let end = start + length;
    if buffer.len() > end {
        return Some(Found { end, next: end + 1 });
    }
    eof.then_some(Found {
        end: buffer.len().min(end),
        next: buffer.len(),
    })
}

struct Quoted<'a> {
    buffer: &'a [u8],
    start: usize,
    delimiter: u8,
    quote: u8,
    escape: Option<u8>,
    comments: bool,
    trim_spaces: bool,
}

impl Quoted<'_> {
    /// The line break that ends the record: the first that stands in no quoted field.
    fn line_break(&self) -> Option<usize> {
        let mut at = self.start;
        if self.comments && self.buffer[at..].trim_ascii_start().first() == Some(&b'#') {
            return memchr::memchr(b'\n', &self.buffer[at..]).map(|found| at + found);
        }
        loop {
            let found = at + memchr::memchr2(self.quote, b'\n', self.buffer.get(at..)?)?;
            if self.buffer[found] == b'\n' {
                return Some(found);
            }
            at = if self.opens_field(found) {
                self.closing(found + 1)? + 1
            } else {
                found + 1
            };
        }
    }

    fn opens_field(&self, quote: usize) -> bool {
        let before = &self.buffer[self.start..quote];
        let unspaced = before.trim_ascii_end();
        match unspaced.last() {
            None => true,
            Some(byte) => {
                *byte == self.delimiter && (self.trim_spaces || unspaced.len() == before.len())
            }
        }
    }

    /// The quote that closes a field whose text begins at `at`.
    fn closing(&self, mut at: usize) -> Option<usize> {
        loop {
            let rest = self.buffer.get(at..)?;
            let found = at
                + match self.escape {
                    Some(escape) => memchr::memchr2(self.quote, escape, rest)?,
                    None => memchr::memchr(self.quote, rest)?,
                };
            if self.buffer[found] != self.quote || self.buffer.get(found + 1) == Some(&self.quote) {
                at = found + 2;
            } else {
                return Some(found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(framing: Framing, text: &str) -> Vec<String> {
        let framer = Framer::new(framing);
        let (mut at, mut out) = (0, Vec::new());
        while let Some(found) = framer.find(text.as_bytes(), at, true) {
            out.push(text[at..found.end].to_owned());
            at = found.next;
        }
        out
    }

    const CSV: Framing = Framing::QuotedLines {
        delimiter: b',',
        quote: b'"',
        escape: None,
        comments: false,
        trim_spaces: false,
    };

    #[test]
    fn lines_end_at_line_breaks() {
        assert_eq!(records(Framing::Lines, "a\r\nb\n\nc"), ["a", "b", "", "c"]);
        assert!(records(Framing::Lines, "").is_empty());
        assert_eq!(Framer::new(Framing::Lines).find(b"ab", 0, false), None);
    }

    #[test]
    fn line_breaks_between_quotes_are_part_of_the_record() {
        assert_eq!(records(CSV, "1,\"a\nb\"\n2,c\n"), ["1,\"a\nb\"", "2,c"]);
        assert_eq!(records(CSV, "\"a\"\"\n\",x\ny"), ["\"a\"\"\n\",x", "y"]);
        // A quote inside a field opens nothing, nor does one after blanks, but at the line's start.
        assert_eq!(records(CSV, "a\"b\nc"), ["a\"b", "c"]);
        assert_eq!(records(CSV, "1, \"b\nc"), ["1, \"b", "c"]);
        assert_eq!(records(CSV, " \"a\nb\",1\nc"), [" \"a\nb\",1", "c"]);
        let escaped = Framing::QuotedLines {
            delimiter: b',',
            quote: b'"',
            escape: Some(b'\\'),
            comments: true,
            trim_spaces: false,
        };
        assert_eq!(records(escaped, "\"a\\\"\n\",b\nc"), ["\"a\\\"\n\",b", "c"]);
        assert_eq!(records(escaped, "# \"x\ny"), ["# \"x", "y"]);
    }

    #[test]
    fn fixed_records_may_hold_line_breaks() {
        let framer = Framer::new(Framing::Fixed(2));
        assert_eq!(
            framer.find(b"\n\n\nab", 0, false),
            Some(Found { end: 2, next: 3 })
        );
        assert_eq!(
            framer.find(b"\n\n\nab", 3, true),
            Some(Found { end: 5, next: 5 })
        );
    }
}
