//! LPAD, RPAD. Lengths count UTF-16 units, as in Flink.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use filbert_types::TypeKind;

use super::slice::{push_utf16, utf16_len};
use crate::CallError;
use crate::definition::{Function, Inferred};
use crate::kernel::Call;
use crate::signature::{CallArgs, INT, STRING};

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "LPAD",
        &["LPAD(<CHARACTER>, <INTEGER>, <CHARACTER>)"],
        "The text brought to a length by padding on the left, or by cutting; NULL where the length is negative or the padding empty.",
        infer_pad,
        |call| pad(call, true),
    )
    .fallible(),
    Function::kernel(
        "RPAD",
        &["RPAD(<CHARACTER>, <INTEGER>, <CHARACTER>)"],
        "The text brought to a length by padding on the right, or by cutting; NULL where the length is negative or the padding empty.",
        infer_pad,
        |call| pad(call, false),
    )
    .fallible(),
];

fn infer_pad(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING, INT, STRING]])?;
    Ok(call.returns(types, TypeKind::STRING))
}

fn pad(call: &Call<'_>, left: bool) -> Result<ArrayRef> {
    let (text, length, padding) = (call.strings(0)?, call.ints(1)?, call.strings(2)?);
    call.strict_strings(|row, out| {
        let (text, padding) = (text.value(row), padding.value(row));
        let length = i64::from(length.value(row));
        if length < 0 || padding.is_empty() {
            return Ok(false);
        }
        let missing = length - utf16_len(text);
        if missing <= 0 {
            push_utf16(text, 0..length, out);
            return Ok(true);
        }
        let width = utf16_len(padding);
        let bytes = (missing / width + 1).saturating_mul(padding.len() as i64);
        call.check_length(text.len() + bytes as usize)?;
        if !left {
            out.push_str(text);
        }
        (0..missing / width).for_each(|_| out.push_str(padding));
        push_utf16(padding, 0..missing % width, out);
        if left {
            out.push_str(text);
        }
        Ok(true)
    })
}
