//! SUM, SUM0 and AVG. Integers wrap, as in Flink.

use std::marker::PhantomData;

use arrow::array::types::{
    DurationMillisecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    IntervalYearMonthType,
};
use arrow::array::{ArrayRef, ArrowPrimitiveType};
use arrow::datatypes::{ArrowNativeTypeOp, DataType};
use filbert_types::TypeKind;

use super::Accumulator;
use super::decimal::{DecimalAvg, DecimalSum};
use super::fixed::{Fixed, Kernel, column, state_column};
use crate::error::Result;

/// The SUM (SUM0 with `zero`) over an argument type; none when there is none.
pub(super) fn sum(arg: &TypeKind, output: &DataType, zero: bool) -> Option<Box<dyn Accumulator>> {
    fn of<T: ArrowPrimitiveType>(output: &DataType, zero: bool) -> Option<Box<dyn Accumulator>>
    where
        T::Native: ArrowNativeTypeOp,
    {
        Some(Box::new(Fixed::new(Sum::<T>::new(zero), output)))
    }
    match arg {
        TypeKind::TinyInt => of::<Int8Type>(output, zero),
        TypeKind::SmallInt => of::<Int16Type>(output, zero),
        TypeKind::Int => of::<Int32Type>(output, zero),
        TypeKind::BigInt => of::<Int64Type>(output, zero),
        TypeKind::Float => of::<Float32Type>(output, zero),
        TypeKind::Double => of::<Float64Type>(output, zero),
        TypeKind::IntervalYearMonth(_) => of::<IntervalYearMonthType>(output, zero),
        TypeKind::IntervalDayTime(_) => of::<DurationMillisecondType>(output, zero),
        TypeKind::Decimal { .. } => {
            Some(Box::new(Fixed::new(DecimalSum::new(zero, output), output)))
        }
        _ => None,
    }
}

/// The AVG over an argument type; none when there is none.
pub(super) fn avg(arg: &TypeKind, output: &DataType) -> Option<Box<dyn Accumulator>> {
    fn ints<T: ArrowPrimitiveType>(output: &DataType) -> Option<Box<dyn Accumulator>>
    where
        T::Native: Into<i64> + TryFrom<i64> + Send,
    {
        Some(Box::new(Fixed::new(IntAvg::<T>(PhantomData), output)))
    }
    match arg {
        TypeKind::TinyInt => ints::<Int8Type>(output),
        TypeKind::SmallInt => ints::<Int16Type>(output),
        TypeKind::Int => ints::<Int32Type>(output),
        TypeKind::BigInt => ints::<Int64Type>(output),
        TypeKind::Float => Some(Box::new(Fixed::new(FloatAvg, output))),
        TypeKind::Double => Some(Box::new(Fixed::new(DoubleAvg, output))),
        TypeKind::Decimal { scale, .. } => {
            let average = DecimalAvg::new(*scale, output)?;
            Some(Box::new(Fixed::new(average, output)))
        }
        _ => None,
    }
}

/// A running total and how many values it is of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Total<T> {
    pub(super) sum: T,
    pub(super) count: i64,
}

/// The columns of totals: sums of a type, and counts.
pub(super) fn total_types(sum: &DataType) -> Vec<DataType> {
    vec![sum.clone(), DataType::Int64]
}

pub(super) fn export_totals<T: ArrowPrimitiveType>(
    totals: &[Total<T::Native>],
    sum: &DataType,
) -> Vec<ArrayRef> {
    vec![
        column::<T>(totals.iter().map(|t| t.sum), sum),
        column::<Int64Type>(totals.iter().map(|t| t.count), &DataType::Int64),
    ]
}

pub(super) fn import_totals<T: ArrowPrimitiveType>(
    state: &[ArrayRef],
) -> Result<Vec<Total<T::Native>>> {
    let sums = state_column::<T>(state, 0)?.values().iter();
    let counts = state_column::<Int64Type>(state, 1)?.values().iter();
    let totals = sums.zip(counts);
    Ok(totals
        .map(|(sum, count)| Total {
            sum: *sum,
            count: *count,
        })
        .collect())
}

/// The state of a kernel that totals values as `$sum`.
macro_rules! totals {
    ($sum:ty, $add:expr) => {
        fn merge(&self, into: &mut Self::State, from: &Self::State) {
            into.sum = $add(into.sum, from.sum);
            into.count += from.count;
        }

        fn state_types(&self) -> Vec<DataType> {
            total_types(&<$sum>::DATA_TYPE)
        }

        fn export(&self, states: &[Self::State]) -> Vec<ArrayRef> {
            export_totals::<$sum>(states, &<$sum>::DATA_TYPE)
        }

        fn import(&self, columns: &[ArrayRef]) -> Result<Vec<Self::State>> {
            import_totals::<$sum>(columns)
        }
    };
}

struct Sum<T> {
    zero: bool,
    marker: PhantomData<fn() -> T>,
}

impl<T> Sum<T> {
    fn new(zero: bool) -> Sum<T> {
        Sum {
            zero,
            marker: PhantomData,
        }
    }
}

impl<T: ArrowPrimitiveType> Kernel for Sum<T>
where
    T::Native: ArrowNativeTypeOp,
{
    type In = T;
    type State = Total<T::Native>;
    type Out = T;

    #[inline]
    fn add(&self, state: &mut Self::State, value: T::Native) {
        state.sum = state.sum.add_wrapping(value);
        state.count += 1;
    }

    #[inline]
    fn retract(&self, state: &mut Self::State, value: T::Native) {
        state.sum = state.sum.sub_wrapping(value);
        state.count -= 1;
    }

    #[inline]
    fn value(&self, state: &Self::State) -> Option<T::Native> {
        (state.count != 0 || self.zero).then_some(state.sum)
    }

    totals!(T, T::Native::add_wrapping);
}

/// The quotient is cut towards zero, in the argument's type.
struct IntAvg<T>(PhantomData<fn() -> T>);

impl<T: ArrowPrimitiveType> Kernel for IntAvg<T>
where
    T::Native: Into<i64> + TryFrom<i64> + Send,
{
    type In = T;
    type State = Total<i64>;
    type Out = T;

    #[inline]
    fn add(&self, state: &mut Self::State, value: T::Native) {
        state.sum = state.sum.wrapping_add(value.into());
        state.count += 1;
    }

    #[inline]
    fn retract(&self, state: &mut Self::State, value: T::Native) {
        state.sum = state.sum.wrapping_sub(value.into());
        state.count -= 1;
    }

    #[inline]
    fn value(&self, state: &Self::State) -> Option<T::Native> {
        let quotient = state.sum.checked_div(state.count)?;
        T::Native::try_from(quotient).ok()
    }

    totals!(Int64Type, i64::wrapping_add);
}

struct FloatAvg;

impl Kernel for FloatAvg {
    type In = Float32Type;
    type State = Total<f64>;
    type Out = Float32Type;

    #[inline]
    fn add(&self, state: &mut Total<f64>, value: f32) {
        state.sum += f64::from(value);
        state.count += 1;
    }

    #[inline]
    fn retract(&self, state: &mut Total<f64>, value: f32) {
        state.sum -= f64::from(value);
        state.count -= 1;
    }

    #[inline]
    fn value(&self, state: &Total<f64>) -> Option<f32> {
        (state.count != 0).then(|| (state.sum / state.count as f64) as f32)
    }

    totals!(Float64Type, |a: f64, b: f64| a + b);
}

struct DoubleAvg;

impl Kernel for DoubleAvg {
    type In = Float64Type;
    type State = Total<f64>;
    type Out = Float64Type;

    #[inline]
    fn add(&self, state: &mut Total<f64>, value: f64) {
        state.sum += value;
        state.count += 1;
    }

    #[inline]
    fn retract(&self, state: &mut Total<f64>, value: f64) {
        state.sum -= value;
        state.count -= 1;
    }

    #[inline]
    fn value(&self, state: &Total<f64>) -> Option<f64> {
        (state.count != 0).then(|| state.sum / state.count as f64)
    }

    totals!(Float64Type, |a: f64, b: f64| a + b);
}
