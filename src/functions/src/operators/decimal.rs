//! Decimal arithmetic whose result type may be too small: rounded HALF_UP to its scale, NULL where it doesn't fit.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Decimal128Array};
use arrow::compute::binary;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, Decimal128Type, i256};
use datafusion::common::Result;

use super::arithmetic::Arithmetic;
use crate::common_type::digits;
use crate::kernel::{Call, fail};

pub(super) fn arithmetic(call: &Call<'_>, op: Arithmetic) -> Result<ArrayRef> {
    let (left, right) = (
        call.primitives::<Decimal128Type>(0)?,
        call.primitives::<Decimal128Type>(1)?,
    );
    let (_, s1) = digits(&call.arg_types[0].kind);
    let (_, s2) = digits(&call.arg_types[1].kind);
    let (precision, scale) = digits(&call.return_type.kind);
    let compute = Compute {
        op,
        s1: s1 as i32,
        s2: s2 as i32,
        precision,
        scale: scale as i32,
    };
    if op == Arithmetic::Times
        && compute.keeps_digits()
        && !(left.is_constant() && right.is_constant())
        && let Some(products) = narrow_products(left.array(), right.array())?
    {
        let ty = call.return_type.arrow();
        return Ok(Arc::new(products.with_data_type(ty)));
    }
    call.strict::<Decimal128Type>(|row| {
        let (a, b) = (left.value(row), right.value(row));
        if b == 0 && matches!(op, Arithmetic::Divide | Arithmetic::Modulo) {
            return Err(fail("Division by zero"));
        }
        Ok(compute.run(a, b))
    })
}

struct Compute {
    op: Arithmetic,
    s1: i32,
    s2: i32,
    precision: u8,
    scale: i32,
}

impl Compute {
    /// Whether a product has the digits of its factors, as many as 128 bits hold: nothing is rounded.
    fn keeps_digits(&self) -> bool {
        self.precision == DECIMAL128_MAX_PRECISION && self.scale == self.s1 + self.s2
    }

    fn run(&self, a: i128, b: i128) -> Option<i128> {
        match self.op {
            Arithmetic::Plus | Arithmetic::Minus => {
                let scale = self.s1.max(self.s2);
                let a = wide(a).checked_mul(power(scale - self.s1))?;
                let b = wide(b).checked_mul(power(scale - self.s2))?;
                let sum = match self.op {
                    Arithmetic::Plus => a.checked_add(b)?,
                    _ => a.checked_sub(b)?,
                };
                fit(rescale(sum, scale, self.scale)?, self.precision)
            }
            Arithmetic::Times => {
                if let Some(product) = a.checked_mul(b) {
                    let rounded = rescale_i128(product, self.s1 + self.s2, self.scale)?;
                    return fit_i128(rounded, self.precision);
                }
                let product = wide(a).checked_mul(wide(b))?;
                fit(
                    rescale(product, self.s1 + self.s2, self.scale)?,
                    self.precision,
                )
            }
            Arithmetic::Divide => {
                // a / 10^s1 / (b / 10^s2) at the result's scale.
                let shift = self.scale + self.s2 - self.s1;
                let (mut dividend, mut divisor) = (wide(a), wide(b));
                if shift >= 0 {
                    dividend = dividend.checked_mul(power(shift))?;
                } else {
                    divisor = divisor.checked_mul(power(-shift))?;
                }
                fit(divide_half_up(dividend, divisor)?, self.precision)
            }
            Arithmetic::Modulo => {
                let scale = self.s1.max(self.s2);
                let a = wide(a).checked_mul(power(scale - self.s1))?;
                let b = wide(b).checked_mul(power(scale - self.s2))?;
                fit(
                    rescale(a.checked_rem(b)?, scale, self.scale)?,
                    self.precision,
                )
            }
        }
    }
}

/// The products of factors that 64 bits hold: 38 digits hold them, so that none is looked at. One of the sides may be a
/// single value. None where a factor is wider.
fn narrow_products(
    left: &Decimal128Array,
    right: &Decimal128Array,
) -> Result<Option<Decimal128Array>> {
    let narrow = |factors: &Decimal128Array| {
        let values = factors.values().iter();
        values.fold(true, |all, value| {
            all & (*value == i128::from(*value as i64))
        })
    };
    if !narrow(left) || !narrow(right) {
        return Ok(None);
    }
    let product = |a: i128, b: i128| i128::from(a as i64) * i128::from(b as i64);
    Ok(match (left.len(), right.len()) {
        (rows, others) if rows == others => Some(binary(left, right, product)?),
        (1, _) if left.is_valid(0) => Some(right.unary(|b| product(left.value(0), b))),
        (_, 1) if right.is_valid(0) => Some(left.unary(|a| product(a, right.value(0)))),
        _ => None,
    })
}

pub(crate) fn wide(value: i128) -> i256 {
    i256::from_i128(value)
}

/// 10 to the power of `exponent`, up to 76.
pub(crate) fn power(exponent: i32) -> i256 {
    let exponent = exponent.clamp(0, 76) as u32;
    wide(10).wrapping_pow(exponent)
}

/// The quotient, rounded half away from zero.
pub(crate) fn divide_half_up(dividend: i256, divisor: i256) -> Option<i256> {
    let quotient = dividend.checked_div(divisor)?;
    let remainder = dividend.checked_rem(divisor)?;
    let twice = remainder.wrapping_abs().checked_mul(wide(2))?;
    if twice < divisor.wrapping_abs() {
        return Some(quotient);
    }
    let negative = dividend.is_negative() != divisor.is_negative();
    let one = if negative { i256::MINUS_ONE } else { i256::ONE };
    quotient.checked_add(one)
}

/// The same number at another scale, rounded half up.
pub(crate) fn rescale(value: i256, from: i32, to: i32) -> Option<i256> {
    if to >= from {
        return value.checked_mul(power(to - from));
    }
    divide_half_up(value, power(from - to))
}

/// As [`rescale`], while it stays in 128 bits.
pub(crate) fn rescale_i128(value: i128, from: i32, to: i32) -> Option<i128> {
    if to >= from {
        let factor = 10_i128.checked_pow((to - from) as u32)?;
        return value.checked_mul(factor);
    }
    let Some(factor) = 10_i128.checked_pow((from - to) as u32) else {
        return Some(0);
    };
    let (quotient, remainder) = (value / factor, value % factor);
    let up = remainder.unsigned_abs() * 2 >= factor.unsigned_abs();
    Some(if up {
        quotient + value.signum()
    } else {
        quotient
    })
}

/// The value where the precision holds it.
pub(crate) fn fit(value: i256, precision: u8) -> Option<i128> {
    fit_i128(value.to_i128()?, precision)
}

/// The value where the precision holds it.
pub(crate) fn fit_i128(value: i128, precision: u8) -> Option<i128> {
    let limit = 10_u128.pow(u32::from(precision));
    (value.unsigned_abs() < limit).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_factors_are_multiplied_as_wide_ones_are() {
        let compute = Compute {
            op: Arithmetic::Times,
            s1: 2,
            s2: 4,
            precision: 38,
            scale: 6,
        };
        assert!(compute.keeps_digits());
        let edges = [i64::MIN, i64::MAX, -1, 0, 1, 12345].map(i128::from);
        let left = Decimal128Array::from_iter_values(edges);
        for b in edges {
            let right = Decimal128Array::from_iter_values([b]);
            let expected: Decimal128Array = edges.iter().map(|a| compute.run(*a, b)).collect();
            let column = Decimal128Array::from_iter_values([b; 6]);
            for products in [
                narrow_products(&left, &right),
                narrow_products(&right, &left),
                narrow_products(&left, &column),
            ] {
                assert_eq!(products.unwrap(), Some(expected.clone()));
            }
        }
        let wide = Decimal128Array::from_iter_values([1 << 63]);
        assert_eq!(narrow_products(&left, &wide).unwrap(), None);
        let null = Decimal128Array::from(vec![None]);
        assert_eq!(narrow_products(&left, &null).unwrap(), None);
    }

    #[test]
    fn halves_round_away_from_zero() {
        assert_eq!(rescale_i128(25, 1, 0), Some(3));
        assert_eq!(rescale_i128(-25, 1, 0), Some(-3));
        assert_eq!(rescale_i128(24, 1, 0), Some(2));
        assert_eq!(rescale(wide(-1005), 3, 2), Some(wide(-101)));
        assert_eq!(divide_half_up(wide(2), wide(-3)), Some(wide(-1)));
        assert_eq!(divide_half_up(wide(1), wide(3)), Some(wide(0)));
    }
}
