//! SUM and AVG of DECIMAL.

use arrow::array::ArrayRef;
use arrow::array::types::Decimal128Type;
use arrow::datatypes::DataType;

use super::fixed::Kernel;
use super::sum::{Total, export_totals, import_totals, total_types};
use crate::error::Result;

/// The first number with 39 digits.
const OVERFLOW: u128 = 10u128.pow(38);

/// SUM of DECIMAL(p, s) as DECIMAL(38, s). A sum of more than 38 digits is NULL, and the sum begins anew with the next
/// value: Flink's `plus` gives NULL there, and NULL plus a value is the value.
pub(super) struct DecimalSum {
    zero: bool,
    ty: DataType,
}

impl DecimalSum {
    /// `ty` is the type of the sums.
    pub(super) fn new(zero: bool, ty: &DataType) -> DecimalSum {
        DecimalSum {
            zero,
            ty: ty.clone(),
        }
    }
}

/// The sum when it fits 38 digits.
#[inline]
fn checked(sum: Option<i128>) -> Option<i128> {
    sum.filter(|s| s.unsigned_abs() < OVERFLOW)
}

impl Kernel for DecimalSum {
    type In = Decimal128Type;
    type State = Total<i128>;
    type Out = Decimal128Type;

    #[inline]
    fn add(&self, state: &mut Total<i128>, value: i128) {
        *state = match checked(state.sum.checked_add(value)) {
            Some(sum) => Total {
                sum,
                count: state.count + 1,
            },
            None => Total::default(),
        };
    }

    #[inline]
    fn retract(&self, state: &mut Total<i128>, value: i128) {
        *state = match checked(state.sum.checked_sub(value)) {
            Some(sum) => Total {
                sum,
                count: state.count - 1,
            },
            None => Total::default(),
        };
    }

    #[inline]
    fn value(&self, state: &Total<i128>) -> Option<i128> {
        (state.count != 0 || self.zero).then_some(state.sum)
    }

    fn merge(&self, into: &mut Total<i128>, from: &Total<i128>) {
        *into = match checked(into.sum.checked_add(from.sum)) {
            Some(sum) => Total {
                sum,
                count: into.count + from.count,
            },
            None => Total::default(),
        };
    }

    fn state_types(&self) -> Vec<DataType> {
        total_types(&self.ty)
    }

    fn export(&self, states: &[Total<i128>]) -> Vec<ArrayRef> {
        export_totals::<Decimal128Type>(states, &self.ty)
    }

    fn import(&self, columns: &[ArrayRef]) -> Result<Vec<Total<i128>>> {
        import_totals::<Decimal128Type>(columns)
    }
}

/// AVG of DECIMAL(p, s) as the declared DECIMAL, rounded half up, away from zero.
pub(super) struct DecimalAvg {
    sum: DecimalSum,
    /// Ten to the power of the result's scale less the argument's.
    factor: i128,
}

impl DecimalAvg {
    pub(super) fn new(scale: u8, output: &DataType) -> Option<DecimalAvg> {
        let DataType::Decimal128(_, result_scale) = output else {
            return None;
        };
        let digits = u32::try_from(i16::from(*result_scale) - i16::from(scale)).ok()?;
        Some(DecimalAvg {
            sum: DecimalSum::new(false, &DataType::Decimal128(38, scale as i8)),
            factor: 10i128.checked_pow(digits)?,
        })
    }
}

impl Kernel for DecimalAvg {
    type In = Decimal128Type;
    type State = Total<i128>;
    type Out = Decimal128Type;

    #[inline]
    fn add(&self, state: &mut Total<i128>, value: i128) {
        self.sum.add(state, value);
    }

    #[inline]
    fn retract(&self, state: &mut Total<i128>, value: i128) {
        self.sum.retract(state, value);
    }

    #[inline]
    fn value(&self, state: &Total<i128>) -> Option<i128> {
        if state.count == 0 {
            return None;
        }
        let count = i128::from(state.count);
        // Whole part and remainder apart: the scaled sum itself may not fit.
        let (whole, rest) = (state.sum / count, state.sum % count);
        let scaled = rest.checked_mul(self.factor)?;
        let (fraction, rest) = (scaled / count, scaled % count);
        let quotient = checked(whole.checked_mul(self.factor)?.checked_add(fraction))?;
        if rest.unsigned_abs() * 2 < count.unsigned_abs() {
            return Some(quotient);
        }
        let away = if (state.sum < 0) == (count < 0) {
            1
        } else {
            -1
        };
        checked(quotient.checked_add(away))
    }

    fn merge(&self, into: &mut Total<i128>, from: &Total<i128>) {
        self.sum.merge(into, from);
    }

    fn state_types(&self) -> Vec<DataType> {
        self.sum.state_types()
    }

    fn export(&self, states: &[Total<i128>]) -> Vec<ArrayRef> {
        self.sum.export(states)
    }

    fn import(&self, columns: &[ArrayRef]) -> Result<Vec<Total<i128>>> {
        self.sum.import(columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_round_half_up() {
        let average = DecimalAvg::new(2, &DataType::Decimal128(38, 6)).unwrap();
        // 10.00 / 3, 20.00 / 3, -20.00 / 3 and 0.01 / 8
        for (sum, count, expected) in [
            (1000, 3, 3_333_333),
            (2000, 3, 6_666_667),
            (-2000, 3, -6_666_667),
            (1, 8, 1250),
        ] {
            assert_eq!(
                average.value(&Total { sum, count }),
                Some(expected),
                "{sum}"
            );
        }
    }

    #[test]
    fn a_sum_of_39_digits_is_null_and_begins_anew() {
        let sum = DecimalSum::new(false, &DataType::Decimal128(38, 0));
        let mut state = Total::default();
        sum.add(&mut state, OVERFLOW as i128 - 1);
        sum.add(&mut state, 1);
        assert_eq!(sum.value(&state), None);
        sum.add(&mut state, 5);
        assert_eq!(sum.value(&state), Some(5));
    }
}
