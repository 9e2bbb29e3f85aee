//! CEIL, FLOOR, ROUND, TRUNCATE. CEIL(x, unit) and FLOOR(x, unit) of dates and times go to their family.

use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType};
use arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
};
use datafusion::common::{Result, ScalarValue};
use filbert_types::logical_type::MAX_DECIMAL_PRECISION;
use filbert_types::{LogicalType, TypeKind};

use super::sign::{unary, unexpected};
use crate::CallError;
use crate::builtins::datetime;
use crate::definition::{Function, Inferred};
use crate::java::number::double_digits;
use crate::kernel::Call;
use crate::operators::decimal::fit_i128;
use crate::signature::{CallArgs, INT, NUMERIC};

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "CEIL",
        &["CEIL(<NUMERIC>)", "CEIL(<DATETIME> TO <TIME_UNIT>)"],
        "The least whole number, or the earliest beginning of a time unit, not below the argument.",
        infer_whole,
        |call| whole(call, true),
    )
    .aliases(&["CEILING"])
    .fallible(),
    Function::kernel(
        "FLOOR",
        &["FLOOR(<NUMERIC>)", "FLOOR(<DATETIME> TO <TIME_UNIT>)"],
        "The greatest whole number, or the latest beginning of a time unit, not above the argument.",
        infer_whole,
        |call| whole(call, false),
    )
    .fallible(),
    Function::kernel(
        "ROUND",
        &["ROUND(<NUMERIC>)", "ROUND(<NUMERIC>, <INTEGER>)"],
        "The number rounded to so many decimals, halves away from zero; to tens, hundreds, .. where negative.",
        infer_digits,
        |call| digits(call, true),
    ),
    Function::kernel(
        "TRUNCATE",
        &["TRUNCATE(<NUMERIC>)", "TRUNCATE(<NUMERIC>, <INTEGER>)"],
        "The number cut to so many decimals; to tens, hundreds, .. where negative.",
        infer_digits,
        |call| digits(call, false),
    ),
];

fn infer_whole(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    if call.len() == 2 {
        return datetime::rounding::infer(call);
    }
    let types = call.matches(&[&[NUMERIC]])?;
    let kind = match types[0].kind {
        TypeKind::Decimal { precision, .. } => TypeKind::decimal(precision, 0),
        ref kind => kind.clone(),
    };
    Ok(call.returns(types, kind))
}

fn whole(call: &Call<'_>, up: bool) -> Result<ArrayRef> {
    if call.args.len() == 2 {
        return datetime::rounding::round(call, up);
    }
    match call.arg_types[0].arrow() {
        DataType::Float32 => unary::<Float32Type>(call, if up { f32::ceil } else { f32::floor }),
        DataType::Float64 => unary::<Float64Type>(call, if up { f64::ceil } else { f64::floor }),
        DataType::Decimal128(_, scale) => {
            let unit = 10_i128.pow(scale.unsigned_abs().into());
            unary::<Decimal128Type>(call, move |v| {
                let floor = v.div_euclid(unit);
                floor + i128::from(up && v.rem_euclid(unit) != 0)
            })
        }
        _ => call.array(0),
    }
}

/// The literal number of decimals of a call, 0 where none is written; none where it is no literal.
fn literal_decimals(call: &CallArgs<'_>) -> Option<i64> {
    match call.args.get(1) {
        None => Some(0),
        Some(arg) => match arg.literal()? {
            ScalarValue::Int8(Some(v)) => Some(i64::from(*v)),
            ScalarValue::Int16(Some(v)) => Some(i64::from(*v)),
            ScalarValue::Int32(Some(v)) => Some(i64::from(*v)),
            ScalarValue::Int64(Some(v)) => Some(*v),
            _ => None,
        },
    }
}

fn infer_digits(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[NUMERIC], &[NUMERIC, INT]])?;
    let kind = match (&types[0].kind, literal_decimals(call)) {
        (TypeKind::Decimal { precision, scale }, Some(decimals)) => {
            let (p, s) = (i64::from(*precision), i64::from(*scale));
            if decimals >= s {
                types[0].kind.clone()
            } else {
                let kept = decimals.max(0);
                let precision = (1 + p - s + kept).min(i64::from(MAX_DECIMAL_PRECISION));
                TypeKind::decimal(precision as u8, kept as u8)
            }
        }
        (kind, _) => kind.clone(),
    };
    let nullable = types.iter().any(|t| t.nullable);
    Ok(call.returns_type(types, LogicalType::new(kind, nullable)))
}

fn digits(call: &Call<'_>, half_up: bool) -> Result<ArrayRef> {
    let decimals = match call.args.len() {
        2 => Some(call.ints(1)?),
        _ => None,
    };
    let decimals = |row: usize| decimals.as_ref().map_or(0, |d| d.value(row));
    macro_rules! integers {
        ($type:ty, $native:ty) => {
            each::<$type>(call, |v, row| {
                round_integer(i128::from(v), decimals(row), half_up) as $native
            })
        };
    }
    match call.arg_types[0].arrow() {
        DataType::Int8 => integers!(Int8Type, i8),
        DataType::Int16 => integers!(Int16Type, i16),
        DataType::Int32 => integers!(Int32Type, i32),
        DataType::Int64 => integers!(Int64Type, i64),
        DataType::Float32 => each::<Float32Type>(call, |v, row| {
            round_double(f64::from(v), decimals(row), half_up) as f32
        }),
        DataType::Float64 => {
            each::<Float64Type>(call, |v, row| round_double(v, decimals(row), half_up))
        }
        DataType::Decimal128(_, scale) => {
            let (precision, result) = match call.return_type.kind {
                TypeKind::Decimal { precision, scale } => (precision, i32::from(scale)),
                _ => return Err(unexpected(call)),
            };
            let arg = call.primitives::<Decimal128Type>(0)?;
            let scale = i32::from(scale);
            // Where the decimals aren't known beforehand Flink keeps the type, but not the value's scale.
            let computed = call.args.len() == 2 && !call.is_constant(1);
            call.strict::<Decimal128Type>(|row| {
                let decimals = decimals(row).min(scale);
                let rounded = round_decimal(arg.value(row), scale, decimals, half_up);
                let kept = decimals.max(0);
                let rounded = match computed || kept >= result {
                    true => Some(rounded),
                    false => rounded.checked_mul(10_i128.pow((result - kept) as u32)),
                };
                Ok(rounded.and_then(|value| fit_i128(value, precision)))
            })
        }
        _ => Err(unexpected(call)),
    }
}

fn each<T: ArrowPrimitiveType>(
    call: &Call<'_>,
    f: impl Fn(T::Native, usize) -> T::Native,
) -> Result<ArrayRef> {
    let arg = call.primitives::<T>(0)?;
    if call.args.len() == 1 {
        let result: arrow::array::PrimitiveArray<T> = arg.array().unary(|v| f(v, 0));
        return Ok(Arc::new(result.with_data_type(call.return_type.arrow())));
    }
    call.strict::<T>(|row| Ok(Some(f(arg.value(row), row))))
}

/// A multiple of `unit`: the nearest, halves away from zero, or the next towards zero.
fn to_multiple(value: i128, unit: i128, half_up: bool) -> i128 {
    let cut = value / unit;
    let rest = (value % unit).abs();
    if half_up && rest >= unit - rest {
        (cut + value.signum()) * unit
    } else {
        cut * unit
    }
}

fn round_integer(value: i128, decimals: i32, half_up: bool) -> i128 {
    match decimals {
        0.. => value,
        // No integer has that many digits.
        ..-20 => 0,
        _ => to_multiple(value, 10_i128.pow(decimals.unsigned_abs()), half_up),
    }
}

/// The unscaled value at a scale of `decimals`, or of 0 where that is negative.
fn round_decimal(value: i128, scale: i32, decimals: i32, half_up: bool) -> i128 {
    let drop = scale.saturating_sub(decimals);
    if drop > 38 {
        return 0;
    }
    let unit = 10_i128.pow(drop.max(0) as u32);
    let rounded = to_multiple(value, unit, half_up);
    rounded / 10_i128.pow((scale - decimals.max(0)).max(0) as u32)
}

fn round_double(value: f64, decimals: i32, half_up: bool) -> f64 {
    if !value.is_finite() || value == 0.0 {
        return value;
    }
    let digits = double_digits(value.abs());
    let rounded = digits.rounded_to(decimals, half_up);
    // BigDecimal knows no negative zero.
    if rounded == 0.0 {
        0.0
    } else {
        rounded.copysign(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Flink's ROUND and TRUNCATE answered.
    #[test]
    fn doubles_round_on_their_decimal_digits() {
        assert_eq!(round_double(1.005, 2, true), 1.01);
        assert_eq!(round_double(-2.5, 0, true), -3.0);
        assert_eq!(round_double(1234.5678, -1, true), 1230.0);
        assert_eq!(round_double(2.5, -1, true), 0.0);
        assert_eq!(round_double(95.0, -1, true), 100.0);
        assert_eq!(round_double(1e300, 2, true), 1e300);
        assert_eq!(round_double(12.345, 2, false), 12.34);
        assert_eq!(round_double(123456.789, -2, false), 123400.0);
        assert_eq!(round_double(12.345, 10, false), 12.345);
    }

    #[test]
    fn integers_wrap() {
        assert_eq!(
            round_integer(2_147_483_647, -1, true) as i32,
            -2_147_483_646
        );
        assert_eq!(round_integer(127, -1, true) as i8, -126);
        assert_eq!(round_integer(-15, -1, true), -20);
        assert_eq!(round_integer(127, -3, false), 0);
    }

    #[test]
    fn decimals_round_half_away_from_zero() {
        assert_eq!(round_decimal(12_345, 3, 2, true), 1235);
        assert_eq!(round_decimal(-12_345, 3, 2, true), -1235);
        assert_eq!(round_decimal(95_000, 3, -1, true), 100);
        assert_eq!(round_decimal(12_345, 3, -2, true), 0);
        assert_eq!(round_decimal(99_999, 3, 1, false), 999);
    }
}
