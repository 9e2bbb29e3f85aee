use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray};
use arrow::compute::nullif;
use datafusion::common::{Result, not_impl_err};
use filbert_types::{LogicalType, TypeKind};

use super::{datetime, nested, number, parse, text};
use crate::kernel::{Call, fail};
use crate::udf::Session;

pub(super) fn cast(call: &Call<'_>) -> Result<ArrayRef> {
    run(call, call.session.legacy_cast)
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
///
/// # Errors
/// A value that has no form in the type, unless `try_cast`; a conversion that Flink doesn't have.
pub fn cast_array(
    array: &ArrayRef,
    from: &LogicalType,
    to: &LogicalType,
    session: &Session,
    try_cast: bool,
) -> Result<ArrayRef> {
    let mut casting = Casting {
        session,
        failed: try_cast.then(Vec::new),
    };
    let result = casting.convert(array, from, to)?;
    match casting.failed {
        Some(failed) if !failed.is_empty() => {
            let mut mask = vec![false; result.len()];
            failed.into_iter().for_each(|row| mask[row] = true);
            Ok(nullif(&result, &BooleanArray::from(mask))?)
        }
        _ => Ok(result),
    }
}

/// The bytes of what one batch is padded to.
const PADDED_BYTES_MAX: usize = 1 << 30;

/// A conversion under way.
pub(super) struct Casting<'a> {
    pub session: &'a Session,
    /// The rows that failed, where failures are collected.
    pub failed: Option<Vec<usize>>,
}

impl Casting<'_> {
    pub(super) fn convert(
        &mut self,
        array: &ArrayRef,
        from: &LogicalType,
        to: &LogicalType,
    ) -> Result<ArrayRef> {
        use TypeKind::*;
        let target = to.arrow();
        if *array.data_type() == target && super::rules::same_values(&from.kind, &to.kind) {
            return Ok(Arc::clone(array));
        }
        if let Char(length) | Binary(length) = to.kind {
            let values = array.len() - array.null_count();
            if (length as usize).saturating_mul(values) > PADDED_BYTES_MAX {
                return Err(fail(format!(
                    "{values} values of {to} need too much memory"
                )));
            }
        }
        match (&from.kind, &to.kind) {
            (Null, _) => Ok(arrow::array::new_null_array(&target, array.len())),
            (f, Char(_) | VarChar(_)) if f.is_character() => text::resize(array, &to.kind),
            (f, Char(_) | VarChar(_)) if f.is_binary() => text::decode(array, &to.kind),
            (_, Char(_) | VarChar(_)) => text::print(self, array, from, &to.kind),
            (f, Binary(_) | VarBinary(_)) if f.is_character() => text::encode(array, &to.kind),
            (_, Binary(_) | VarBinary(_)) => text::resize_bytes(array, &to.kind),
            (f, t) if f.is_character() => parse::parse(self, array, t),
            (Boolean, t) if t.is_numeric() => number::from_boolean(array, t),
            (f, Boolean) if f.is_numeric() => number::to_boolean(array, f),
            (f, t) if f.is_numeric() && t.is_numeric() => number::convert(self, array, f, t),
            (Decimal { .. }, IntervalYearMonth(_) | IntervalDayTime(_)) => {
                let whole = number::convert(self, array, &from.kind, &BigInt)?;
                number::to_interval(&whole, &to.kind)
            }
            (f, IntervalYearMonth(_) | IntervalDayTime(_)) if f.is_integer() => {
                number::to_interval(array, &to.kind)
            }
            (
                Date | Time(_) | Timestamp { .. } | TimestampLtz { .. },
                Date | Time(_) | Timestamp { .. } | TimestampLtz { .. },
            ) => datetime::convert(self, array, &from.kind, &to.kind),
            (IntervalYearMonth(_), IntervalYearMonth(_)) => Ok(Arc::clone(array)),
            (IntervalDayTime(_), IntervalDayTime(_)) => Ok(Arc::clone(array)),
            (Array(f), Array(t)) => nested::list(self, array, f, t),
            (Map(fk, fv), Map(tk, tv)) => nested::map(self, array, (fk, fv), (tk, tv), &target),
            (Multiset(f), Multiset(t)) => {
                let count = LogicalType::from(Int);
                nested::map(self, array, (f, &count), (t, &count), &target)
            }
            (Row(f) | Structured { fields: f, .. }, Row(t) | Structured { fields: t, .. }) => {
                nested::row(self, array, f, t)
            }
            _ => not_impl_err!("CAST from {from} to {to}"),
        }
    }

    /// A row that can't be converted: an error, or noted where failures become NULL.
    pub(super) fn fail<T>(
        &mut self,
        row: usize,
        message: impl FnOnce() -> String,
    ) -> Result<Option<T>> {
        match &mut self.failed {
            Some(failed) => {
                failed.push(row);
                Ok(None)
            }
            None => Err(fail(message())),
        }
    }
}

/// Values one by one; `None` is NULL.
pub(super) fn map_values<I, O>(
    array: &ArrayRef,
    ty: &TypeKind,
    mut f: impl FnMut(usize, I::Native) -> Result<Option<O::Native>>,
) -> Result<ArrayRef>
where
    I: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    let values = primitive::<I>(array)?;
    let mut builder = arrow::array::PrimitiveBuilder::<O>::with_capacity(values.len());
    for row in 0..values.len() {
        if values.is_null(row) {
            builder.append_null();
        } else {
            builder.append_option(f(row, values.value(row))?);
        }
    }
    Ok(Arc::new(builder.finish().with_data_type(ty.arrow())))
}

/// Values that all have a counterpart.
pub(super) fn map_all<I, O>(
    array: &ArrayRef,
    ty: &TypeKind,
    f: impl Fn(I::Native) -> O::Native,
) -> Result<ArrayRef>
where
    I: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    let values = primitive::<I>(array)?;
    Ok(Arc::new(values.unary::<_, O>(f).with_data_type(ty.arrow())))
}

pub(super) fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef) -> Result<&PrimitiveArray<T>> {
    array
        .as_any()
        .downcast_ref::<PrimitiveArray<T>>()
        .ok_or_else(|| {
            datafusion::common::internal_datafusion_err!(
                "CAST got a column of {}",
                array.data_type()
            )
        })
}
