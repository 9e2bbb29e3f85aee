//! CONCAT, CONCAT_WS.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use filbert_types::{LogicalType, TypeKind};

use crate::CallError;
use crate::definition::{Function, Inferred};
use crate::kernel::Call;
use crate::signature::{BYTES, CallArgs, STRING};

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "CONCAT",
        &["CONCAT(<CHARACTER>...)", "CONCAT(<BINARY>...)"],
        "The arguments one after another; NULL where one of them is.",
        infer_concat,
        concat,
    ),
    Function::kernel(
        "CONCAT_WS",
        &["CONCAT_WS(<CHARACTER>, <CHARACTER>...)"],
        "The arguments that are not NULL, with the first between each two of them.",
        infer_concat_ws,
        concat_ws,
    ),
];

fn infer_concat(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    if call.is_empty() {
        return Err(call.wrong_count(&[1]));
    }
    if let Ok(types) = call.matches_variadic(&[BYTES], &BYTES)
        && call.args.iter().any(|a| a.ty.kind.is_binary())
    {
        return Ok(call.returns(types, TypeKind::BYTES));
    }
    let types = call.matches_variadic(&[STRING], &STRING)?;
    Ok(call.returns(types, TypeKind::STRING))
}

fn infer_concat_ws(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches_variadic(&[STRING], &STRING)?;
    let nullable = types.iter().any(|t| t.nullable);
    Ok(call.returns_type(types, LogicalType::new(TypeKind::STRING, nullable)))
}

fn concat(call: &Call<'_>) -> Result<ArrayRef> {
    if call.return_type.kind.is_binary() {
        let args: Vec<_> = (0..call.args.len())
            .map(|i| call.bytes(i))
            .collect::<Result<_>>()?;
        return call.strict_bytes(|row, out| {
            args.iter()
                .for_each(|a| out.extend_from_slice(a.value(row)));
            Ok(true)
        });
    }
    let args: Vec<_> = (0..call.args.len())
        .map(|i| call.strings(i))
        .collect::<Result<_>>()?;
    call.strict_strings(|row, out| {
        args.iter().for_each(|a| out.push_str(a.value(row)));
        Ok(true)
    })
}

fn concat_ws(call: &Call<'_>) -> Result<ArrayRef> {
    let separator = call.strings(0)?;
    let args: Vec<_> = (1..call.args.len())
        .map(|i| call.strings(i))
        .collect::<Result<_>>()?;
    call.build_strings(|row, out| {
        let Some(separator) = separator.get(row) else {
            return Ok(false);
        };
        let mut first = true;
        for value in args.iter().filter_map(|a| a.get(row)) {
            if !first {
                out.push_str(separator);
            }
            out.push_str(value);
            first = false;
        }
        Ok(true)
    })
}
