//! STDDEV_POP, STDDEV_SAMP, VAR_POP and VAR_SAMP with OVER: Flink writes them as sums there, `(sum(x * x) - sum(x) * sum(x)
//! / n) / n`, of whole numbers in whole numbers.

use arrow::array::ArrayRef;
use arrow::array::types::{Float64Type, Int64Type};
use arrow::datatypes::DataType;

use super::fixed::{Kernel, column, state_column};
use crate::error::Result;

pub(super) struct SquareSums {
    pub sample: bool,
    pub root: bool,
    /// The values are whole numbers, and so is each step.
    pub whole: bool,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    count: i64,
    sum: f64,
    squares: f64,
}

impl SquareSums {
    fn step(&self, value: f64) -> f64 {
        if self.whole { value.trunc() } else { value }
    }
}

impl Kernel for SquareSums {
    type In = Float64Type;
    type State = Sums;
    type Out = Float64Type;

    #[inline]
    fn add(&self, state: &mut Sums, value: f64) {
        state.count += 1;
        state.sum += value;
        state.squares += value * value;
    }

    #[inline]
    fn retract(&self, state: &mut Sums, value: f64) {
        state.count -= 1;
        state.sum -= value;
        state.squares -= value * value;
        if state.count == 0 {
            *state = Sums::default();
        }
    }

    #[inline]
    fn value(&self, state: &Sums) -> Option<f64> {
        let over = state.count - i64::from(self.sample);
        if state.count <= 0 || over <= 0 {
            return None;
        }
        let squared = self.step(state.sum * state.sum / state.count as f64);
        let variance = self.step((state.squares - squared) / over as f64);
        Some(match self.root {
            // What rounding leaves of zero may lie below it.
            true => self.step(variance.max(0.0).sqrt()),
            false => variance,
        })
    }

    fn merge(&self, into: &mut Sums, from: &Sums) {
        into.count += from.count;
        into.sum += from.sum;
        into.squares += from.squares;
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![DataType::Int64, DataType::Float64, DataType::Float64]
    }

    fn export(&self, states: &[Sums]) -> Vec<ArrayRef> {
        vec![
            column::<Int64Type>(states.iter().map(|s| s.count), &DataType::Int64),
            column::<Float64Type>(states.iter().map(|s| s.sum), &DataType::Float64),
            column::<Float64Type>(states.iter().map(|s| s.squares), &DataType::Float64),
        ]
    }

    fn import(&self, columns: &[ArrayRef]) -> Result<Vec<Sums>> {
        let counts = state_column::<Int64Type>(columns, 0)?;
        let sums = state_column::<Float64Type>(columns, 1)?;
        let squares = state_column::<Float64Type>(columns, 2)?;
        Ok((0..counts.len())
            .map(|i| Sums {
                count: counts.value(i),
                sum: sums.value(i),
                squares: squares.value(i),
            })
            .collect())
    }

    /// Flink computes the value above the sums, whose count changes with each row.
    fn always_changes(&self) -> bool {
        true
    }
}
