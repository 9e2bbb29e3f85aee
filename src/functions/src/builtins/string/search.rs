//! POSITION, LOCATE, INSTR, STARTSWITH, ENDSWITH, REPLACE, TRANSLATE.
//!
//! `POSITION(x IN s FROM n)` arrives as POSITION(x, s, n).

use arrow::array::ArrayRef;
use arrow::datatypes::Int32Type;
use datafusion::common::Result;
use filbert_types::TypeKind;

use super::{char_count, char_offset};
use crate::CallError;
use crate::definition::{Function, Inferred};
use crate::kernel::{Call, fail};
use crate::signature::{BYTES, CallArgs, INT, STRING};

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "POSITION",
        &[
            "POSITION(<CHARACTER> IN <CHARACTER>)",
            "LOCATE(<CHARACTER>, <CHARACTER>[, <INTEGER>])",
        ],
        "Where the first text begins in the second, counted from 1; 0 where it doesn't occur.",
        infer_locate,
        locate,
    )
    .aliases(&["LOCATE"]),
    Function::kernel(
        "INSTR",
        &["INSTR(<CHARACTER>, <CHARACTER>[, <INTEGER>[, <INTEGER>]])"],
        "Where the second text begins in the first, from a position on (backwards where negative) and the n-th time; 0 where it doesn't.",
        infer_instr,
        instr,
    )
    .fallible(),
    Function::kernel(
        "STARTSWITH",
        &[
            "STARTSWITH(expr <CHARACTER_STRING>, startExpr <CHARACTER_STRING>)",
            "STARTSWITH(expr <BINARY_STRING>, startExpr <BINARY_STRING>)",
        ],
        "Whether the first argument begins with the second.",
        infer_affix,
        |call| affix(call, <[u8]>::starts_with),
    ),
    Function::kernel(
        "ENDSWITH",
        &[
            "ENDSWITH(expr <CHARACTER_STRING>, endExpr <CHARACTER_STRING>)",
            "ENDSWITH(expr <BINARY_STRING>, endExpr <BINARY_STRING>)",
        ],
        "Whether the first argument ends with the second.",
        infer_affix,
        |call| affix(call, <[u8]>::ends_with),
    ),
    Function::kernel(
        "REPLACE",
        &["REPLACE(<CHARACTER>, <CHARACTER>, <CHARACTER>)"],
        "The first text with every occurrence of the second replaced by the third.",
        infer_replace,
        replace,
    )
    .fallible(),
    Function::kernel(
        "TRANSLATE",
        &["TRANSLATE(expr <CHARACTER_STRING>, fromStr <CHARACTER_STRING>, toStr <CHARACTER_STRING>)"],
        "The text with each character of the second argument replaced by the one at the same place of the third, or dropped.",
        infer_translate,
        translate,
    )
    .aliases(&["TRANSLATE3"]),
];

fn infer_locate(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING, STRING], &[STRING, STRING, INT]])?;
    Ok(call.returns(types, TypeKind::Int))
}

fn infer_instr(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[
        &[STRING, STRING],
        &[STRING, STRING, INT],
        &[STRING, STRING, INT, INT],
    ])?;
    Ok(call.returns(types, TypeKind::Int))
}

fn infer_affix(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING, STRING], &[BYTES, BYTES]])?;
    Ok(call.returns(types, TypeKind::Boolean))
}

fn infer_replace(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING, STRING, STRING]])?;
    Ok(call.returns(types, TypeKind::STRING))
}

/// Only the text itself makes the result NULL.
fn infer_translate(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING, STRING, STRING]])?;
    let nullable = types[0].nullable;
    Ok(call.returns_type(
        types,
        filbert_types::LogicalType::new(TypeKind::STRING, nullable),
    ))
}

fn locate(call: &Call<'_>) -> Result<ArrayRef> {
    let (wanted, text) = (call.strings(0)?, call.strings(1)?);
    let from = match call.args.len() {
        3 => Some(call.ints(2)?),
        _ => None,
    };
    call.strict::<Int32Type>(|row| {
        let (wanted, text) = (wanted.value(row), text.value(row));
        // A position before the text means its beginning.
        let skip = from.as_ref().map_or(0, |f| f.value(row).max(1) - 1) as usize;
        Ok(Some(find_from(text, wanted, skip)))
    })
}

/// The 1-based place of the first occurrence that begins after `skip` characters.
fn find_from(text: &str, wanted: &str, skip: usize) -> i32 {
    let start = char_offset(text, skip);
    match text[start..].find(wanted) {
        Some(at) => char_count(&text[..start + at]) as i32 + 1,
        None => 0,
    }
}

fn instr(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, wanted) = (call.strings(0)?, call.strings(1)?);
    if call.args.len() == 2 {
        return call
            .strict::<Int32Type>(|row| Ok(Some(find_from(text.value(row), wanted.value(row), 0))));
    }
    let from = call.ints(2)?;
    let nth = match call.args.len() {
        4 => Some(call.ints(3)?),
        _ => None,
    };
    call.strict::<Int32Type>(|row| {
        let nth = nth.as_ref().map_or(1, |n| n.value(row));
        if nth <= 0 {
            return Err(fail("INSTR: nthAppearance must be positive!"));
        }
        let (text, wanted) = (text.value(row), wanted.value(row));
        Ok(Some(nth_occurrence(text, wanted, from.value(row), nth)))
    })
}

fn nth_occurrence(text: &str, wanted: &str, from: i32, nth: i32) -> i32 {
    let mut place = match from {
        0 => return 0,
        // The empty text is found at the end that the search begins at, however often.
        1.. if wanted.is_empty() => return 1,
        _ if wanted.is_empty() => return char_count(text) as i32 + 1,
        1.. => find_from(text, wanted, from as usize - 1),
        _ => find_backwards(text, wanted, from.unsigned_abs() as usize),
    };
    for _ in 1..nth {
        if place == 0 {
            return 0;
        }
        place = if from > 0 {
            find_from(text, wanted, place as usize)
        } else {
            let skip = char_count(text) - place as usize + 2;
            find_backwards(text, wanted, skip)
        };
    }
    place
}

/// The last occurrence that begins at or before the `from_end`-th character from the end.
fn find_backwards(text: &str, wanted: &str, from_end: usize) -> i32 {
    let Some(last) = char_count(text).checked_sub(from_end) else {
        return 0;
    };
    let limit = (char_offset(text, last) + wanted.len()).min(text.len());
    let mut limit = limit;
    while !text.is_char_boundary(limit) {
        limit -= 1;
    }
    match text[..limit].rfind(wanted) {
        Some(at) => char_count(&text[..at]) as i32 + 1,
        None => 0,
    }
}

fn affix(call: &Call<'_>, holds: fn(&[u8], &[u8]) -> bool) -> Result<ArrayRef> {
    if call.arg_types[0].kind.is_binary() {
        let (value, affix) = (call.bytes(0)?, call.bytes(1)?);
        return call.strict_booleans(|row| Ok(Some(holds(value.value(row), affix.value(row)))));
    }
    let (value, affix) = (call.strings(0)?, call.strings(1)?);
    call.strict_booleans(|row| {
        Ok(Some(holds(
            value.value(row).as_bytes(),
            affix.value(row).as_bytes(),
        )))
    })
}

fn replace(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, from, to) = (call.strings(0)?, call.strings(1)?, call.strings(2)?);
    call.strict_strings(|row, out| {
        let (text, from, to) = (text.value(row), from.value(row), to.value(row));
        let bytes = |found: usize| text.len() + found.saturating_mul(to.len());
        if call
            .check_length(bytes(text.len() / from.len().max(1) + 1))
            .is_err()
        {
            call.check_length(bytes(text.matches(from).count()))?;
        }
        if from.is_empty() {
            out.push_str(to);
            // Java looks between the halves of a character, too.
            text.chars().for_each(|c| match c.len_utf16() {
                1 => out.extend([c].into_iter().chain(to.chars())),
                _ => (0..2).for_each(|_| {
                    out.push('?');
                    out.push_str(to);
                }),
            });
            return Ok(true);
        }
        let mut last = 0;
        for (at, found) in text.match_indices(from) {
            out.push_str(&text[last..at]);
            out.push_str(to);
            last = at + found.len();
        }
        out.push_str(&text[last..]);
        Ok(true)
    })
}

fn translate(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, from, to) = (call.strings(0)?, call.strings(1)?, call.strings(2)?);
    call.build_strings(|row, out| {
        let Some(text) = text.get(row) else {
            return Ok(false);
        };
        let Some(from) = from.get(row) else {
            out.push_str(text);
            return Ok(true);
        };
        let to = to.get(row).unwrap_or("");
        out.extend(
            text.chars()
                .filter_map(|c| match from.chars().position(|f| f == c) {
                    Some(place) => to.chars().nth(place),
                    None => Some(c),
                }),
        );
        Ok(true)
    })
}

#[cfg(test)]
mod tests {
    use super::nth_occurrence;

    #[test]
    fn instr_counts_both_ways() {
        assert_eq!(nth_occurrence("banana", "a", 1, 2), 4);
        assert_eq!(nth_occurrence("banana", "a", -1, 1), 6);
        assert_eq!(nth_occurrence("banana", "a", -1, 2), 4);
        assert_eq!(nth_occurrence("banana", "an", 2, 1), 2);
        assert_eq!(nth_occurrence("banana", "a", 1, 9), 0);
        assert_eq!(nth_occurrence("ab", "", 1, 2), 1);
        assert_eq!(nth_occurrence("ab", "", -5, 1), 3);
    }
}
