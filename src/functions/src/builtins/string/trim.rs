//! TRIM, LTRIM, RTRIM, BTRIM: the characters to remove are a set.
//!
//! `TRIM([BOTH | LEADING | TRAILING] [chars] FROM text)` arrives as TRIM(side, chars, text), `TRIM(text)` as it is.

use arrow::array::{ArrayRef, StringViewArray};
use datafusion::common::Result;
use filbert_types::TypeKind;

use super::slice::slices;
use super::varying;
use crate::CallError;
use crate::definition::{Function, Inferred};
use crate::kernel::{Arg, Call, fail};
use crate::signature::{CallArgs, Family, Param, STRING};

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "TRIM",
        &["TRIM([BOTH|LEADING|TRAILING] <CHARACTER> FROM <CHARACTER>)"],
        "The text without blanks, or without the given characters, at its ends.",
        infer_trim,
        trim,
    )
    .fallible(),
    Function::kernel(
        "LTRIM",
        &["LTRIM(<CHARACTER>)", "LTRIM(<CHARACTER>, <CHARACTER>)"],
        "The text without blanks, or without the given characters, at its beginning.",
        infer_one_side,
        |call| trim_ends(call, 0, Some(1), true, false),
    ),
    Function::kernel(
        "RTRIM",
        &["RTRIM(<CHARACTER>)", "RTRIM(<CHARACTER>, <CHARACTER>)"],
        "The text without blanks, or without the given characters, at its end.",
        infer_one_side,
        |call| trim_ends(call, 0, Some(1), false, true),
    ),
    Function::kernel(
        "BTRIM",
        &[
            "BTRIM(str <CHARACTER_STRING>)",
            "BTRIM(str <CHARACTER_STRING>, trimStr <CHARACTER_STRING>)",
        ],
        "The text without blanks, or without the given characters, at both ends.",
        infer_btrim,
        |call| trim_ends(call, 0, Some(1), true, true),
    ),
];

const SIDE: Param = Param::of(Family::Symbol).literal();

fn infer_trim(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING], &[SIDE, STRING, STRING]])?;
    let kind = varying(&types[types.len() - 1].kind);
    Ok(call.returns(types, kind))
}

fn infer_one_side(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING], &[STRING, STRING]])?;
    let kind = varying(&types[0].kind);
    Ok(call.returns(types, kind))
}

fn infer_btrim(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING], &[STRING, STRING]])?;
    Ok(call.returns(types, TypeKind::STRING))
}

fn trim(call: &Call<'_>) -> Result<ArrayRef> {
    if call.args.len() == 1 {
        return trim_ends(call, 0, None, true, true);
    }
    let side = call.strings(0)?;
    let (leading, trailing) = match side.constant() {
        Some("BOTH") => (true, true),
        Some("LEADING") => (true, false),
        Some("TRAILING") => (false, true),
        other => return Err(fail(format!("TRIM: unknown side {other:?}"))),
    };
    trim_ends(call, 2, Some(1), leading, trailing)
}

fn trim_ends(
    call: &Call<'_>,
    text: usize,
    set: Option<usize>,
    leading: bool,
    trailing: bool,
) -> Result<ArrayRef> {
    let text = call.strings(text)?;
    let set: Option<Arg<StringViewArray>> = match set.filter(|i| *i < call.args.len()) {
        Some(index) => Some(call.strings(index)?),
        None => None,
    };
    slices(call, &text, |row, text| {
        let set = match &set {
            Some(set) => set.get(row)?,
            None => " ",
        };
        let mut rest = text;
        if leading {
            rest = match set.as_bytes() {
                [one] if one.is_ascii() => rest.trim_start_matches(char::from(*one)),
                _ => rest.trim_start_matches(|c| set.contains(c)),
            };
        }
        let start = text.len() - rest.len();
        if trailing {
            rest = match set.as_bytes() {
                [one] if one.is_ascii() => rest.trim_end_matches(char::from(*one)),
                _ => rest.trim_end_matches(|c| set.contains(c)),
            };
        }
        Some((start, start + rest.len()))
    })
}
