use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::CastOptions;
use datafusion::common::{Result, not_impl_err};
use filbert_types::LogicalType;

use crate::kernel::Call;
use crate::udf::Session;

pub(super) fn cast(call: &Call<'_>) -> Result<ArrayRef> {
    run(call, false)
}

pub(super) fn try_cast(call: &Call<'_>) -> Result<ArrayRef> {
    run(call, true)
}

fn run(call: &Call<'_>, try_cast: bool) -> Result<ArrayRef> {
    let array = call.array(0)?;
    cast_array(
        &array,
        &call.arg_types[0],
        call.return_type,
        call.session,
        try_cast,
    )
}

/// Converts a column as CAST does; with `try_cast`, what can't be converted is NULL.
pub fn cast_array(
    array: &ArrayRef,
    from: &LogicalType,
    to: &LogicalType,
    session: &Session,
    try_cast: bool,
) -> Result<ArrayRef> {
    let _ = session;
    if *array.data_type() == to.arrow() && super::rules::same_values(&from.kind, &to.kind) {
        return Ok(Arc::clone(array));
    }
    if from.kind.is_numeric() && to.kind.is_numeric() {
        let options = CastOptions {
            safe: try_cast,
            ..CastOptions::default()
        };
        return Ok(arrow::compute::cast_with_options(
            array,
            &to.arrow(),
            &options,
        )?);
    }
    not_impl_err!("CAST from {from} to {to}")
}
