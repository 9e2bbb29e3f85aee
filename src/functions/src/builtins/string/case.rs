//! UPPER, LOWER, INITCAP, CHAR_LENGTH, REVERSE, REPEAT, ASCII, CHR, IS_ALPHA, IS_DIGIT, IS_DECIMAL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::Int32Type;
use datafusion::common::Result;
use filbert_types::TypeKind;

use super::{char_count, same_string};
use crate::CallError;
use crate::definition::{Function, Inferred};
use crate::kernel::Call;
use crate::signature::{BIGINT, CallArgs, Family, INT, Param, STRING};

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "UPPER",
        &["UPPER(<CHARACTER>)"],
        "The text in upper case.",
        same_string,
        upper,
    )
    .aliases(&["UPPERCASE"]),
    Function::kernel(
        "LOWER",
        &["LOWER(<CHARACTER>)"],
        "The text in lower case.",
        same_string,
        lower,
    )
    .aliases(&["LOWERCASE"]),
    Function::kernel(
        "INITCAP",
        &["INITCAP(<CHARACTER>)"],
        "The text with each word's first letter in upper case and the rest in lower case; words are runs of ASCII letters and digits.",
        same_string,
        initcap,
    ),
    Function::kernel(
        "CHAR_LENGTH",
        &["CHAR_LENGTH(<CHARACTER>)"],
        "The number of characters.",
        string_to_int,
        char_length,
    )
    .aliases(&["CHARACTER_LENGTH"]),
    Function::kernel(
        "REVERSE",
        &["REVERSE(<CHARACTER>)"],
        "The text backwards.",
        string_to_string,
        reverse,
    ),
    Function::kernel(
        "REPEAT",
        &["REPEAT(<CHARACTER>, <INTEGER>)"],
        "The text as many times as said.",
        infer_repeat,
        repeat,
    )
    .fallible(),
    Function::kernel(
        "ASCII",
        &["ASCII(<CHARACTER>)"],
        "The first byte of the text as a signed number; 0 for the empty text.",
        string_to_int,
        ascii,
    ),
    Function::kernel(
        "CHR",
        &["CHR(<INTEGER>)"],
        "The character with this number, modulo 256; empty below 0.",
        infer_chr,
        chr,
    ),
    Function::kernel(
        "IS_ALPHA",
        &["IS_ALPHA(<CHARACTER>)", "IS_ALPHA(<NUMERIC>)"],
        "Whether the text consists of letters only.",
        infer_test,
        is_alpha,
    ),
    Function::kernel(
        "IS_DIGIT",
        &["IS_DIGIT(<CHARACTER>)", "IS_DIGIT(<NUMERIC>)"],
        "Whether the text consists of digits only.",
        infer_test,
        is_digit,
    ),
    Function::kernel(
        "IS_DECIMAL",
        &["IS_DECIMAL(<CHARACTER>)", "IS_DECIMAL(<NUMERIC>)"],
        "Whether the text can be read as a number.",
        infer_test,
        is_decimal,
    ),
];

fn string_to_int(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING]])?;
    Ok(call.returns(types, TypeKind::Int))
}

fn string_to_string(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING]])?;
    Ok(call.returns(types, TypeKind::STRING))
}

fn infer_repeat(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING, INT]])?;
    Ok(call.returns(types, TypeKind::STRING))
}

fn infer_chr(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[BIGINT]])?;
    Ok(call.returns_nullable(types, TypeKind::STRING))
}

/// IS_ALPHA and its siblings: FALSE for NULL, never NULL themselves.
fn infer_test(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING], &[Param::of(Family::Numeric)]])?;
    let types = types
        .into_iter()
        .map(|t| {
            if t.kind.is_numeric() {
                filbert_types::LogicalType::new(TypeKind::STRING, t.nullable)
            } else {
                t
            }
        })
        .collect();
    Ok(call.returns_type(
        types,
        filbert_types::LogicalType::not_null(TypeKind::Boolean),
    ))
}

fn upper(call: &Call<'_>) -> Result<ArrayRef> {
    let text = call.strings(0)?;
    call.strict_strings(|row, out| {
        let text = text.value(row);
        if text.is_ascii() {
            out.push_str(text);
            out.make_ascii_uppercase();
        } else {
            out.extend(text.chars().flat_map(char::to_uppercase));
        }
        Ok(true)
    })
}

fn lower(call: &Call<'_>) -> Result<ArrayRef> {
    let text = call.strings(0)?;
    call.strict_strings(|row, out| {
        let text = text.value(row);
        if text.is_ascii() {
            out.push_str(text);
            out.make_ascii_lowercase();
        } else {
            // Of the whole text: a final sigma is another letter than one within a word.
            out.push_str(&text.to_lowercase());
        }
        Ok(true)
    })
}

fn initcap(call: &Call<'_>) -> Result<ArrayRef> {
    let text = call.strings(0)?;
    call.strict_strings(|row, out| {
        let mut start = true;
        out.extend(text.value(row).chars().map(|c| {
            let cased = if start {
                c.to_ascii_uppercase()
            } else {
                c.to_ascii_lowercase()
            };
            start = !c.is_ascii_alphanumeric();
            cased
        }));
        Ok(true)
    })
}

fn char_length(call: &Call<'_>) -> Result<ArrayRef> {
    let text = call.strings(0)?;
    let texts = text.array();
    if !text.is_constant() && texts.is_ascii() {
        // A view begins with its length, and a character is a byte.
        let lengths = texts.views().iter().map(|view| *view as u32 as i32);
        let lengths = ScalarBuffer::from_iter(lengths);
        return Ok(Arc::new(Int32Array::new(lengths, texts.nulls().cloned())));
    }
    call.strict::<Int32Type>(|row| Ok(Some(char_count(text.value(row)) as i32)))
}

fn reverse(call: &Call<'_>) -> Result<ArrayRef> {
    let text = call.strings(0)?;
    call.strict_strings(|row, out| {
        out.extend(text.value(row).chars().rev());
        Ok(true)
    })
}

fn repeat(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, times) = (call.strings(0)?, call.ints(1)?);
    call.strict_strings(|row, out| {
        let text = text.value(row);
        let times = usize::try_from(times.value(row)).unwrap_or(0);
        call.check_length(text.len().saturating_mul(times))?;
        if !text.is_empty() {
            (0..times).for_each(|_| out.push_str(text));
        }
        Ok(true)
    })
}

fn ascii(call: &Call<'_>) -> Result<ArrayRef> {
    let text = call.strings(0)?;
    call.strict::<Int32Type>(|row| {
        let first = text.value(row).bytes().next().unwrap_or(0);
        Ok(Some(i32::from(first as i8)))
    })
}

fn chr(call: &Call<'_>) -> Result<ArrayRef> {
    let number = call.bigints(0)?;
    call.strict_strings(|row, out| {
        let number = number.value(row);
        if number >= 0 {
            out.push(char::from(number as u8));
        }
        Ok(true)
    })
}

fn test(call: &Call<'_>, holds: impl Fn(&str) -> bool) -> Result<ArrayRef> {
    let text = call.strings(0)?;
    call.build_booleans(|row| Ok(Some(text.get(row).is_some_and(&holds))))
}

fn is_alpha(call: &Call<'_>) -> Result<ArrayRef> {
    test(call, |t| {
        !t.is_empty() && t.chars().all(char::is_alphabetic)
    })
}

fn is_digit(call: &Call<'_>) -> Result<ArrayRef> {
    test(call, |t| !t.is_empty() && t.chars().all(is_decimal_digit))
}

/// A digit of any script, as `Character.isDigit`.
fn is_decimal_digit(c: char) -> bool {
    c.is_ascii_digit() || (!c.is_ascii() && is_unicode_digit(c))
}

fn is_unicode_digit(c: char) -> bool {
    static DIGIT: std::sync::LazyLock<Option<regex::Regex>> =
        std::sync::LazyLock::new(|| regex::Regex::new("^\\p{Nd}$").ok());
    let mut buffer = [0; 4];
    DIGIT
        .as_ref()
        .is_some_and(|r| r.is_match(c.encode_utf8(&mut buffer)))
}

fn is_decimal(call: &Call<'_>) -> Result<ArrayRef> {
    test(call, is_java_number)
}

/// What `Integer`, `Long` or `Double.valueOf` read: digits of any script, or a floating-point literal with blanks
/// around it and an optional `f` or `d`.
fn is_java_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.is_empty() && unsigned.chars().all(is_decimal_digit) {
        return true;
    }
    let text = text.trim_matches(|c: char| c <= ' ');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, "NaN" | "Infinity") {
        return true;
    }
    let number = unsigned
        .strip_suffix(['f', 'F', 'd', 'D'])
        .unwrap_or(unsigned);
    let (mantissa, exponent) = match number.find(['e', 'E']) {
        Some(at) => (&number[..at], Some(&number[at + 1..])),
        None => (number, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    (whole.len() + fraction.len() > 0)
        && digits(whole)
        && digits(fraction)
        && exponent.is_none_or(|e| {
            let e = e.strip_prefix(['+', '-']).unwrap_or(e);
            !e.is_empty() && digits(e)
        })
}

#[cfg(test)]
mod tests {
    use super::is_java_number;

    #[test]
    fn numbers_as_java_reads_them() {
        for good in [
            "1e400",
            "1.",
            ".5",
            "+5",
            " 1",
            "1d",
            "1f",
            "٣",
            "NaN",
            "-Infinity",
            "1E5",
        ] {
            assert!(is_java_number(good), "{good}");
        }
        for bad in ["1e", "0x1", "1,000", "--1", "1L", "", " ", ".", "abc"] {
            assert!(!is_java_number(bad), "{bad}");
        }
    }
}
