//! Comparison of FLOAT and DOUBLE.

use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Float32Type, Float64Type};
use datafusion::common::Result as DfResult;
use filbert_types::TypeKind;

use super::Comparison;
use crate::kernel::{Arg, Call};

/// IEEE comparison: NaN equals nothing, -0.0 equals 0.0.
pub(super) fn floats(call: &Call<'_>, how: Comparison) -> DfResult<ArrayRef> {
    match call.arg_types[0].kind {
        TypeKind::Float => typed_floats::<Float32Type>(call, how),
        _ => typed_floats::<Float64Type>(call, how),
    }
}

fn typed_floats<T>(call: &Call<'_>, how: Comparison) -> DfResult<ArrayRef>
where
    T: ArrowPrimitiveType,
    T::Native: PartialOrd,
{
    let (left, right) = (call.primitives::<T>(0)?, call.primitives::<T>(1)?);
    let sides = (&left, &right);
    let values = match how {
        Comparison::Eq | Comparison::NotDistinct => collect(call, sides, |a, b| a == b),
        Comparison::NotEq | Comparison::Distinct => collect(call, sides, |a, b| a != b),
        Comparison::Lt => collect(call, sides, |a, b| a < b),
        Comparison::LtEq => collect(call, sides, |a, b| a <= b),
        Comparison::Gt => collect(call, sides, |a, b| a > b),
        Comparison::GtEq => collect(call, sides, |a, b| a >= b),
    };
    if !matches!(how, Comparison::Distinct | Comparison::NotDistinct) {
        return Ok(Arc::new(BooleanArray::new(values, call.strict_nulls())));
    }
    let distinct = how == Comparison::Distinct;
    let answers = BooleanBuffer::collect_bool(call.rows, |row| {
        match (left.is_null(row), right.is_null(row)) {
            (true, true) => !distinct,
            (false, false) => values.value(row),
            _ => distinct,
        }
    });
    Ok(Arc::new(BooleanArray::new(answers, None)))
}

fn collect<T: ArrowPrimitiveType>(
    call: &Call<'_>,
    (left, right): (&Arg<PrimitiveArray<T>>, &Arg<PrimitiveArray<T>>),
    test: impl Fn(T::Native, T::Native) -> bool,
) -> BooleanBuffer {
    BooleanBuffer::collect_bool(call.rows, |row| test(left.value(row), right.value(row)))
}
