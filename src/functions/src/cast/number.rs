//! Casts between numbers, booleans and intervals.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{
    ArrowPrimitiveType, Decimal128Type, DurationMillisecondType, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, IntervalYearMonthType,
};
use datafusion::common::{Result, not_impl_err};
use filbert_types::TypeKind;
use filbert_types::print::number::write_decimal;

use super::kernel::{Casting, map_all, map_values, primitive};
use crate::common_type::digits;
use crate::operators::decimal::{fit, fit_i128, rescale, rescale_i128, wide};

/// Calls a macro's arm with the Arrow type of a kind of number.
macro_rules! by_number {
    ($kind:expr, $t:ident => $body:expr) => {
        match $kind {
            TypeKind::TinyInt => {
                type $t = Int8Type;
                $body
            }
            TypeKind::SmallInt => {
                type $t = Int16Type;
                $body
            }
            TypeKind::Int => {
                type $t = Int32Type;
                $body
            }
            TypeKind::BigInt => {
                type $t = Int64Type;
                $body
            }
            TypeKind::Float => {
                type $t = Float32Type;
                $body
            }
            TypeKind::Double => {
                type $t = Float64Type;
                $body
            }
            kind => not_impl_err!("{kind:?} is no number in a CAST"),
        }
    };
}

pub(super) fn convert(
    casting: &mut Casting<'_>,
    array: &ArrayRef,
    from: &TypeKind,
    to: &TypeKind,
) -> Result<ArrayRef> {
    match (from, to) {
        (TypeKind::Decimal { .. }, TypeKind::Decimal { .. }) => decimal_to_decimal(array, from, to),
        (TypeKind::Decimal { .. }, _) => from_decimal(array, from, to),
        (_, TypeKind::Decimal { .. }) if from.is_integer() => integer_to_decimal(array, from, to),
        (_, TypeKind::Decimal { .. }) => float_to_decimal(casting, array, from, to),
        (TypeKind::Float | TypeKind::Double, _) => from_float(array, from, to),
        _ => from_integer(array, from, to),
    }
}

fn as_i64(array: &ArrayRef, from: &TypeKind) -> Result<ArrayRef> {
    match from {
        TypeKind::TinyInt => map_all::<Int8Type, Int64Type>(array, &TypeKind::BigInt, i64::from),
        TypeKind::SmallInt => map_all::<Int16Type, Int64Type>(array, &TypeKind::BigInt, i64::from),
        TypeKind::Int => map_all::<Int32Type, Int64Type>(array, &TypeKind::BigInt, i64::from),
        _ => Ok(Arc::clone(array)),
    }
}

/// Narrower integers keep the low bits.
fn from_integer(array: &ArrayRef, from: &TypeKind, to: &TypeKind) -> Result<ArrayRef> {
    let wide = as_i64(array, from)?;
    narrow(&wide, to)
}

fn narrow(wide: &ArrayRef, to: &TypeKind) -> Result<ArrayRef> {
    match to {
        TypeKind::TinyInt => map_all::<Int64Type, Int8Type>(wide, to, |v| v as i8),
        TypeKind::SmallInt => map_all::<Int64Type, Int16Type>(wide, to, |v| v as i16),
        TypeKind::Int => map_all::<Int64Type, Int32Type>(wide, to, |v| v as i32),
        TypeKind::BigInt => Ok(Arc::clone(wide)),
        TypeKind::Float => map_all::<Int64Type, Float32Type>(wide, to, |v| v as f32),
        TypeKind::Double => map_all::<Int64Type, Float64Type>(wide, to, |v| v as f64),
        kind => not_impl_err!("CAST of an integer to {kind:?}"),
    }
}

/// Floating point numbers are cut towards zero and saturate; below INT they pass through INT, as in Java.
fn from_float(array: &ArrayRef, from: &TypeKind, to: &TypeKind) -> Result<ArrayRef> {
    let wide = match from {
        TypeKind::Float => {
            map_all::<Float32Type, Float64Type>(array, &TypeKind::Double, f64::from)?
        }
        _ => Arc::clone(array),
    };
    match to {
        TypeKind::TinyInt => map_all::<Float64Type, Int8Type>(&wide, to, |v| v as i32 as i8),
        TypeKind::SmallInt => map_all::<Float64Type, Int16Type>(&wide, to, |v| v as i32 as i16),
        TypeKind::Int => map_all::<Float64Type, Int32Type>(&wide, to, |v| v as i32),
        TypeKind::BigInt => map_all::<Float64Type, Int64Type>(&wide, to, |v| v as i64),
        TypeKind::Float => map_all::<Float64Type, Float32Type>(&wide, to, |v| v as f32),
        _ => Ok(wide),
    }
}

fn integer_to_decimal(array: &ArrayRef, from: &TypeKind, to: &TypeKind) -> Result<ArrayRef> {
    let wide = as_i64(array, from)?;
    let (precision, scale) = digits(to);
    let factor = 10_i128.pow(u32::from(scale));
    map_values::<Int64Type, Decimal128Type>(&wide, to, |_, v| {
        let scaled = i128::from(v).checked_mul(factor);
        Ok(scaled.and_then(|v| fit_i128(v, precision)))
    })
}

fn decimal_to_decimal(array: &ArrayRef, from: &TypeKind, to: &TypeKind) -> Result<ArrayRef> {
    let (_, s1) = digits(from);
    let (precision, s2) = digits(to);
    let (s1, s2) = (i32::from(s1), i32::from(s2));
    map_values::<Decimal128Type, Decimal128Type>(array, to, |_, v| {
        Ok(match rescale_i128(v, s1, s2) {
            Some(v) => fit_i128(v, precision),
            None => rescale(wide(v), s1, s2).and_then(|v| fit(v, precision)),
        })
    })
}

fn from_decimal(array: &ArrayRef, from: &TypeKind, to: &TypeKind) -> Result<ArrayRef> {
    let (_, scale) = digits(from);
    match to {
        TypeKind::Float => {
            let divisor = 10_f32.powi(i32::from(scale.min(10)));
            map_all::<Decimal128Type, Float32Type>(array, to, |v| {
                if scale <= 10 && v.unsigned_abs() < 1 << 24 {
                    return v as f32 / divisor;
                }
                decimal_text(v, scale).parse().unwrap_or(f32::NAN)
            })
        }
        TypeKind::Double => {
            let divisor = 10_f64.powi(i32::from(scale.min(22)));
            map_all::<Decimal128Type, Float64Type>(array, to, |v| {
                // Both are exact, so the quotient is the nearest double.
                if scale <= 22 && v.unsigned_abs() < 1 << 53 {
                    return v as f64 / divisor;
                }
                decimal_text(v, scale).parse().unwrap_or(f64::NAN)
            })
        }
        _ => {
            let factor = 10_i128.pow(u32::from(scale));
            let wide = map_all::<Decimal128Type, Int64Type>(array, &TypeKind::BigInt, |v| {
                (v / factor) as i64
            })?;
            narrow(&wide, to)
        }
    }
}

fn decimal_text(value: i128, scale: u8) -> String {
    let mut text = String::new();
    write_decimal(value, scale as i8, &mut text);
    text
}

/// By way of the shortest decimal notation, as `BigDecimal.valueOf` does.
fn float_to_decimal(
    casting: &mut Casting<'_>,
    array: &ArrayRef,
    from: &TypeKind,
    to: &TypeKind,
) -> Result<ArrayRef> {
    let wide = match from {
        TypeKind::Float => {
            map_all::<Float32Type, Float64Type>(array, &TypeKind::Double, f64::from)?
        }
        _ => Arc::clone(array),
    };
    let (precision, scale) = digits(to);
    map_values::<Float64Type, Decimal128Type>(&wide, to, |row, v| {
        if !v.is_finite() {
            let first = if v.is_nan() { 'N' } else { 'I' };
            return casting.fail(row, || {
                format!("Character {first} is neither a decimal digit number, decimal point, nor \"e\" notation exponential mark.")
            });
        }
        Ok(double_to_decimal(v, precision, scale))
    })
}

/// A finite double as a decimal of this precision and scale, rounded half up; none where it doesn't fit.
pub(crate) fn double_to_decimal(value: f64, precision: u8, scale: u8) -> Option<i128> {
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e')?;
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let unscaled: i128 = format!("{integer}{fraction}").parse().ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    // The number is unscaled * 10^-own.
    let own = fraction.len() as i32 - exponent;
    let to = i32::from(scale);
    if own - to > 60 {
        return Some(0);
    }
    if to - own > 40 {
        return (unscaled == 0).then_some(0);
    }
    fit(rescale(wide(unscaled), own, to)?, precision)
}

pub(super) fn from_boolean(array: &ArrayRef, to: &TypeKind) -> Result<ArrayRef> {
    let numbers = arrow::compute::cast(array, &arrow::datatypes::DataType::Int64)?;
    match to {
        TypeKind::Decimal { .. } => integer_to_decimal(&numbers, &TypeKind::BigInt, to),
        _ => narrow(&numbers, to),
    }
}

pub(super) fn to_boolean(array: &ArrayRef, from: &TypeKind) -> Result<ArrayRef> {
    if let TypeKind::Decimal { .. } = from {
        let values = primitive::<Decimal128Type>(array)?;
        let bits = BooleanBuffer::collect_bool(values.len(), |i| values.value(i) != 0);
        return Ok(Arc::new(BooleanArray::new(bits, values.nulls().cloned())));
    }
    by_number!(from, T => {
        let values = array.as_primitive::<T>();
        let zero = <T as ArrowPrimitiveType>::Native::default();
        let bits = BooleanBuffer::collect_bool(values.len(), |i| values.value(i) != zero);
        Ok(Arc::new(BooleanArray::new(bits, values.nulls().cloned())) as ArrayRef)
    })
}

/// So many months, or milliseconds.
pub(super) fn to_interval(array: &ArrayRef, to: &TypeKind) -> Result<ArrayRef> {
    let wide = arrow::compute::cast(array, &arrow::datatypes::DataType::Int64)?;
    match to {
        TypeKind::IntervalYearMonth(_) => {
            map_all::<Int64Type, IntervalYearMonthType>(&wide, to, |v| v as i32)
        }
        _ => map_all::<Int64Type, DurationMillisecondType>(&wide, to, |v| v),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_become_decimals_by_their_shortest_text() {
        assert_eq!(double_to_decimal(1.0005, 10, 3), Some(1001));
        assert_eq!(double_to_decimal(999.995, 5, 2), None);
        assert_eq!(double_to_decimal(999.994, 5, 2), Some(99_999));
        assert_eq!(double_to_decimal(-2.5, 10, 3), Some(-2500));
        assert_eq!(double_to_decimal(1e300, 38, 0), None);
        assert_eq!(double_to_decimal(1e-300, 38, 18), Some(0));
    }
}
