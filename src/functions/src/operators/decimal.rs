//! Decimal arithmetic whose result type may be too small: rounded HALF_UP to its scale, NULL where it doesn't fit.

use arrow::array::ArrayRef;
use arrow::datatypes::{Decimal128Type, i256};
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
    fn halves_round_away_from_zero() {
        assert_eq!(rescale_i128(25, 1, 0), Some(3));
        assert_eq!(rescale_i128(-25, 1, 0), Some(-3));
        assert_eq!(rescale_i128(24, 1, 0), Some(2));
        assert_eq!(rescale(wide(-1005), 3, 2), Some(wide(-101)));
        assert_eq!(divide_half_up(wide(2), wide(-3)), Some(wide(-1)));
        assert_eq!(divide_half_up(wide(1), wide(3)), Some(wide(0)));
    }
}
