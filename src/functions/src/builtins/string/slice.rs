//! SUBSTRING, LEFT, RIGHT, OVERLAY, ELT.

use std::ops::Range;

use arrow::array::{ArrayRef, StringViewArray};
use arrow::datatypes::Int64Type;
use datafusion::common::Result;
use filbert_types::TypeKind;

use super::{char_count, char_offset, varying};
use crate::CallError;
use crate::definition::{Function, Inferred};
use crate::kernel::{Arg, Call};
use crate::signature::{BIGINT, BYTES, CallArgs, INT, STRING};

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "SUBSTRING",
        &[
            "SUBSTRING(<CHARACTER>, <INTEGER>)",
            "SUBSTRING(<CHARACTER>, <INTEGER>, <INTEGER>)",
        ],
        "The part of the text from a position, counted from 1 (from the end where negative), at most so many characters long.",
        infer_substring,
        substring,
    )
    .aliases(&["SUBSTR"]),
    Function::kernel(
        "LEFT",
        &["LEFT(<CHARACTER>, <INTEGER>)"],
        "The first so many characters.",
        infer_side,
        left,
    ),
    Function::kernel(
        "RIGHT",
        &["RIGHT(<CHARACTER>, <INTEGER>)"],
        "The last so many characters.",
        infer_side,
        right,
    ),
    Function::kernel(
        "OVERLAY",
        &[
            "OVERLAY(<CHARACTER>, <CHARACTER>, <INTEGER>)",
            "OVERLAY(<CHARACTER>, <CHARACTER>, <INTEGER>, <INTEGER>)",
        ],
        "The text with a part, given by its position and length, replaced by another text.",
        infer_overlay,
        overlay,
    ),
    Function::kernel(
        "ELT",
        &[
            "ELT(index <INTEGER_NUMERIC>, expr <CHARACTER_STRING>, exprs <CHARACTER_STRING>...)",
            "ELT(index <INTEGER_NUMERIC>, expr <BINARY_STRING>, exprs <BINARY_STRING>...)",
        ],
        "The argument with this number, counted from 1; NULL where there is none.",
        infer_elt,
        elt,
    ),
];

fn infer_substring(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING, INT], &[STRING, INT, INT]])?;
    let kind = varying(&types[0].kind);
    Ok(call.returns_nullable(types, kind))
}

fn infer_side(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING, INT]])?;
    let kind = varying(&types[0].kind);
    Ok(call.returns_nullable(types, kind))
}

fn infer_overlay(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING, STRING, BIGINT], &[STRING, STRING, BIGINT, BIGINT]])?;
    let length = |kind: &TypeKind| match kind {
        TypeKind::Char(n) | TypeKind::VarChar(n) => *n,
        _ => filbert_types::logical_type::MAX_LENGTH,
    };
    let sum = length(&types[0].kind)
        .saturating_add(length(&types[1].kind))
        .min(filbert_types::logical_type::MAX_LENGTH);
    Ok(call.returns(types, TypeKind::VarChar(sum)))
}

fn infer_elt(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    if call
        .args
        .first()
        .is_some_and(|a| a.ty.kind == TypeKind::Null)
    {
        return Err(crate::bare_null::illegal(call.function.name()));
    }
    let types = call
        .matches_variadic(&[BIGINT, STRING], &STRING)
        .or_else(|_| call.matches_variadic(&[BIGINT, BYTES], &BYTES))?;
    let common = crate::common_type(&types[1..]).ok_or_else(|| call.refuse())?;
    Ok(call.returns_nullable(types, common.kind))
}

/// Results that are parts of argument 0, as byte ranges: the views of the result share its buffers.
fn parts(
    call: &Call<'_>,
    part: impl Fn(&str, usize) -> Option<(usize, usize)>,
) -> Result<ArrayRef> {
    let text = call.strings(0)?;
    let nulls = call.strict_nulls();
    slices(call, &text, |row, text| {
        if nulls.as_ref().is_some_and(|n| n.is_null(row)) {
            return None;
        }
        part(text, row)
    })
}

pub(super) fn slices(
    call: &Call<'_>,
    text: &Arg<StringViewArray>,
    part: impl Fn(usize, &str) -> Option<(usize, usize)>,
) -> Result<ArrayRef> {
    use arrow::array::{ByteView, make_view};
    use arrow::buffer::{NullBuffer, ScalarBuffer};

    let source = text.array();
    let mut views: Vec<u128> = Vec::with_capacity(call.rows);
    let mut valid = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let range = match text.get(row) {
            Some(text) => part(row, text).map(|range| (text, range)),
            None => None,
        };
        valid.push(range.is_some());
        let view = range.map_or(0, |(value, (start, end))| {
            let bytes = &value.as_bytes()[start..end];
            if bytes.len() <= 12 {
                return make_view(bytes, 0, 0);
            }
            let whole = ByteView::from(source.views()[text.index(row)]);
            make_view(bytes, whole.buffer_index, whole.offset + start as u32)
        });
        views.push(view);
    }
    let nulls = NullBuffer::from(valid);
    let array = StringViewArray::try_new(
        ScalarBuffer::from(views),
        source.data_buffers().to_vec(),
        (nulls.null_count() > 0).then_some(nulls),
    )?;
    Ok(std::sync::Arc::new(array))
}

fn substring(call: &Call<'_>) -> Result<ArrayRef> {
    let from = call.ints(1)?;
    let length = match call.args.len() {
        3 => Some(call.ints(2)?),
        _ => None,
    };
    parts(call, |text, row| {
        let length = length.as_ref().map_or(i32::MAX, |l| l.value(row));
        substring_range(text, from.value(row), length)
    })
}

/// The bytes of a text that SUBSTRING answers; none where the length is negative.
fn substring_range(text: &str, from: i32, length: i32) -> Option<(usize, usize)> {
    let length = usize::try_from(length).ok()?;
    if from >= 0 && text.is_ascii() {
        let start = (from as usize).saturating_sub(1).min(text.len());
        return Some((start, start + length.min(text.len() - start)));
    }
    let skip = match from {
        1.. => from as usize - 1,
        0 => 0,
        _ => match char_count(text).checked_sub(from.unsigned_abs() as usize) {
            Some(skip) => skip,
            None => return Some((0, 0)),
        },
    };
    let start = char_offset(text, skip);
    let end = start + char_offset(&text[start..], length);
    Some((start, end))
}

fn left(call: &Call<'_>) -> Result<ArrayRef> {
    let count = call.ints(1)?;
    parts(call, |text, row| {
        let count = count.value(row).max(0) as usize;
        Some((0, char_offset(text, count)))
    })
}

fn right(call: &Call<'_>) -> Result<ArrayRef> {
    let count = call.ints(1)?;
    parts(call, |text, row| {
        let count = count.value(row).max(0) as usize;
        let skip = char_count(text).saturating_sub(count);
        Some((char_offset(text, skip), text.len()))
    })
}

/// Positions count UTF-16 units here, as in Flink.
fn overlay(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, new) = (call.strings(0)?, call.strings(1)?);
    let start = call.bigints(2)?;
    let length = match call.args.len() {
        4 => Some(call.arg::<arrow::array::PrimitiveArray<Int64Type>>(3)?),
        _ => None,
    };
    call.strict_strings(|row, out| {
        let (text, new, start) = (text.value(row), new.value(row), start.value(row));
        let units = utf16_len(text);
        if start <= 0 || start > units {
            out.push_str(text);
            return Ok(true);
        }
        let length = length
            .as_ref()
            .map_or_else(|| utf16_len(new), |l| l.value(row));
        push_utf16(text, 0..start - 1, out);
        out.push_str(new);
        let rest = start.saturating_add(length);
        if length > 0 && rest <= units {
            push_utf16(text, rest - 1..units, out);
        }
        Ok(true)
    })
}

pub(super) fn utf16_len(text: &str) -> i64 {
    if text.is_ascii() {
        text.len() as i64
    } else {
        text.chars().map(|c| c.len_utf16() as i64).sum()
    }
}

/// Appends these UTF-16 units of a text. Half a character is a question mark, as Java writes it.
pub(super) fn push_utf16(text: &str, units: Range<i64>, out: &mut String) {
    if text.is_ascii() {
        let end = (units.end.max(0) as usize).min(text.len());
        out.push_str(&text[(units.start.max(0) as usize).min(end)..end]);
        return;
    }
    let mut at = 0;
    for c in text.chars() {
        let width = c.len_utf16() as i64;
        let inside = (at + width).min(units.end) - at.max(units.start);
        if inside == width {
            out.push(c);
        } else if inside > 0 {
            out.push('?');
        }
        at += width;
    }
}

fn elt(call: &Call<'_>) -> Result<ArrayRef> {
    let index = call.bigints(0)?;
    let choices = call.args.len() as i64 - 1;
    let chosen = |row: usize| {
        index
            .get(row)
            .filter(|i| (1..=choices).contains(i))
            .map(|i| i as usize - 1)
    };
    if call.return_type.kind.is_binary() {
        let args: Vec<_> = (1..call.args.len())
            .map(|i| call.bytes(i))
            .collect::<Result<_>>()?;
        return call.build_bytes(|row, out| {
            let value = chosen(row).and_then(|i| args[i].get(row));
            out.extend_from_slice(value.unwrap_or_default());
            Ok(value.is_some())
        });
    }
    let args: Vec<_> = (1..call.args.len())
        .map(|i| call.strings(i))
        .collect::<Result<_>>()?;
    call.build_strings(|row, out| {
        let value = chosen(row).and_then(|i| args[i].get(row));
        out.push_str(value.unwrap_or_default());
        Ok(value.is_some())
    })
}
