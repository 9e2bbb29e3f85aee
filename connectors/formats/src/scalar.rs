//! One value from text. Every format reads numbers and times in its own dialect of Java's parsers.

use filbert_types::parse::{
    self, DayOverflow, ParsedDecimal, cut_nanos, date_time, decimal, integer, iso_date, iso_time,
    lenient_date, to_unit,
};

use crate::column::{ColumnBuilder, TimestampBuilder, Values};

/// Whose rules text is read by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Csv,
    /// `json.timestamp-format.standard` = `SQL`.
    JsonSql,
    /// `json.timestamp-format.standard` = `ISO-8601`.
    JsonIso,
}

/// Why text is no value of a type. Kept small: it is made for every bad field of an ignored record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotA;

/// Appends the value that the text stands for. On an error nothing has been appended.
///
/// # Errors
/// When the text is no value of the column's type.
pub fn append_text(column: &mut ColumnBuilder, text: &str, dialect: Dialect) -> Result<(), NotA> {
    let trimmed = || text.trim().as_bytes();
    match &mut column.values {
        Values::Text(b) => b.append_value(text),
        Values::Boolean(b) => b.append_value(text.trim().eq_ignore_ascii_case("true")),
        Values::TinyInt(b) => b.append_value(narrow(integer(trimmed()))?),
        Values::SmallInt(b) => b.append_value(narrow(integer(trimmed()))?),
        Values::Int(b) => b.append_value(narrow(integer(trimmed()))?),
        Values::BigInt(b) => b.append_value(integer(trimmed()).ok_or(NotA)?),
        Values::Float(b) => b.append_value(parse::float(text).ok_or(NotA)?),
        Values::Double(b) => b.append_value(parse::double(text).ok_or(NotA)?),
        Values::Decimal(b, precision, scale) => {
            // CSV does not trim decimals; JSON does.
            let bytes = match dialect {
                Dialect::Csv => text.as_bytes(),
                Dialect::JsonSql | Dialect::JsonIso => trimmed(),
            };
            match decimal(bytes, *precision, *scale) {
                ParsedDecimal::Fits(value) => b.append_value(value),
                // A number too large for the type is NULL in Flink, not an error.
                ParsedDecimal::TooLarge => b.append_null(),
                ParsedDecimal::Malformed => return Err(NotA),
            }
        }
        Values::Bytes(b) => b.append_value(base64_decode(text).ok_or(NotA)?),
        Values::Date(b) => {
            let day = match dialect {
                Dialect::Csv => lenient_date(text.as_bytes()),
                Dialect::JsonSql | Dialect::JsonIso => {
                    iso_date(text.as_bytes(), DayOverflow::Refuse)
                }
            };
            b.append_value(day.ok_or(NotA)?);
        }
        Values::Time(b, precision) => {
            let seconds_optional = dialect != Dialect::JsonSql;
            let time = iso_time(text.as_bytes(), seconds_optional).ok_or(NotA)?;
            let nanos = cut_nanos(time.nanos, *precision);
            b.append_value((time.seconds * 1000 + nanos / 1_000_000) as i32);
        }
        Values::Timestamp(b) => {
            let value = timestamp(b, text, dialect).ok_or(NotA)?;
            b.values.append_value(value);
        }
        Values::Months(b) => b.append_value(narrow(integer(trimmed()))?),
        Values::Millis(b) => b.append_value(integer(trimmed()).ok_or(NotA)?),
        Values::Null(_) | Values::List(_) | Values::Map(_) | Values::Row(_) => return Err(NotA),
    }
    Ok(())
}

fn narrow<T: TryFrom<i64>>(value: Option<i64>) -> Result<T, NotA> {
    value.and_then(|v| T::try_from(v).ok()).ok_or(NotA)
}

fn timestamp(column: &TimestampBuilder, text: &str, dialect: Dialect) -> Option<i64> {
    let text = match dialect {
        Dialect::Csv => text.trim(),
        Dialect::JsonSql | Dialect::JsonIso => text,
    };
    let text = if column.local {
        text.strip_suffix('Z')?
    } else {
        text
    };
    let bytes = text.as_bytes();
    let (seconds, nanos) = match dialect {
        Dialect::Csv | Dialect::JsonSql => date_time(bytes, b' ', DayOverflow::LastDay, false),
        Dialect::JsonIso => date_time(bytes, b'T', DayOverflow::Refuse, true),
    }?;
    to_unit(seconds, cut_nanos(nanos, column.precision), column.unit)
}

/// Standard base64 with padding, as Java's `Base64.getDecoder` reads it (which lets padding be left out).
pub fn base64_decode(text: &str) -> Option<Vec<u8>> {
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    if body.len() % 4 == 1 || (padding > 0 && !text.len().is_multiple_of(4)) || padding > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(body.len() / 4 * 3 + 2);
    for chunk in body.as_bytes().chunks(4) {
        let mut word = 0_u32;
        for byte in chunk {
            let six = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            word = word << 6 | u32::from(six);
        }
        word <<= 6 * (4 - chunk.len());
        out.extend_from_slice(&word.to_be_bytes()[1..chunk.len()]);
    }
    Some(out)
}

/// Appends standard base64 with padding.
pub fn base64_encode(bytes: &[u8], out: &mut Vec<u8>) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let mut word = [0_u8; 4];
        word[1..=chunk.len()].copy_from_slice(chunk);
        let word = u32::from_be_bytes(word);
        for i in 0..4 {
            out.push(if i <= chunk.len() {
                ALPHABET[(word >> (18 - 6 * i)) as usize & 63]
            } else {
                b'='
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_goes_there_and_back() {
        for (bytes, text) in [
            (&b"\x0a\xff"[..], "Cv8="),
            (b"", ""),
            (b"abc", "YWJj"),
            (b"\x00", "AA=="),
        ] {
            let mut out = Vec::new();
            base64_encode(bytes, &mut out);
            assert_eq!(out, text.as_bytes());
            assert_eq!(base64_decode(text).as_deref(), Some(bytes));
        }
        assert_eq!(base64_decode("!"), None);
        assert_eq!(base64_decode("Cv8"), Some(vec![10, 255]));
        assert_eq!(base64_decode("Cv8=="), None);
    }
}
