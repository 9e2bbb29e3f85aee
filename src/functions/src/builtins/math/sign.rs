use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
};
use datafusion::common::Result;

use crate::CallError;
use crate::definition::{Function, Inferred};
use crate::kernel::{Call, fail};
use crate::signature::{CallArgs, NUMERIC};

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "ABS",
        &["ABS(<NUMERIC>)"],
        "The number without its sign; the least integer stays what it is.",
        same_number,
        abs,
    ),
    Function::kernel(
        "SIGN",
        &["SIGN(<NUMERIC>)"],
        "-1, 0 or 1, in the number's own type.",
        same_number,
        sign,
    ),
];

fn same_number(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[NUMERIC]])?;
    let kind = types[0].kind.clone();
    Ok(call.returns(types, kind))
}

/// One number from one, of the same type, without branches.
pub(super) fn unary<T: ArrowPrimitiveType>(
    call: &Call<'_>,
    f: impl Fn(T::Native) -> T::Native,
) -> Result<ArrayRef> {
    let arg = call.primitives::<T>(0)?;
    let result: PrimitiveArray<T> = arg.array().unary(f);
    Ok(Arc::new(result.with_data_type(call.return_type.arrow())))
}

pub(super) fn unexpected(call: &Call<'_>) -> datafusion::common::DataFusionError {
    fail(format!("{} of {}", call.name, call.arg_types[0]))
}

fn abs(call: &Call<'_>) -> Result<ArrayRef> {
    match call.return_type.arrow() {
        DataType::Int8 => unary::<Int8Type>(call, i8::wrapping_abs),
        DataType::Int16 => unary::<Int16Type>(call, i16::wrapping_abs),
        DataType::Int32 => unary::<Int32Type>(call, i32::wrapping_abs),
        DataType::Int64 => unary::<Int64Type>(call, i64::wrapping_abs),
        DataType::Float32 => unary::<Float32Type>(call, f32::abs),
        DataType::Float64 => unary::<Float64Type>(call, f64::abs),
        DataType::Decimal128(..) => unary::<Decimal128Type>(call, i128::wrapping_abs),
        _ => Err(unexpected(call)),
    }
}

fn sign(call: &Call<'_>) -> Result<ArrayRef> {
    // Java's signum keeps zeros and NaN as they are.
    let double = |v: f64| {
        if v == 0.0 || v.is_nan() {
            v
        } else {
            v.signum()
        }
    };
    match call.return_type.arrow() {
        DataType::Int8 => unary::<Int8Type>(call, i8::signum),
        DataType::Int16 => unary::<Int16Type>(call, i16::signum),
        DataType::Int32 => unary::<Int32Type>(call, i32::signum),
        DataType::Int64 => unary::<Int64Type>(call, i64::signum),
        DataType::Float32 => unary::<Float32Type>(call, |v| double(f64::from(v)) as f32),
        DataType::Float64 => unary::<Float64Type>(call, double),
        DataType::Decimal128(_, scale) => {
            let one = 10_i128.pow(scale.unsigned_abs().into());
            unary::<Decimal128Type>(call, move |v| v.signum() * one)
        }
        _ => Err(unexpected(call)),
    }
}
