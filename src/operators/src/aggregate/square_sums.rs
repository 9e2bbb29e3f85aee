//! STDDEV_POP, STDDEV_SAMP, VAR_POP and VAR_SAMP with OVER, by the formula of `filbert_functions`.

use arrow::array::ArrayRef;
use arrow::array::types::{Float64Type, Int64Type};
use arrow::datatypes::DataType;
use filbert_functions::aggregate::square_sums::{SquareSums, Sums};

use super::fixed::{Kernel, column, state_column};
use crate::error::Result;

impl Kernel for SquareSums {
    type In = Float64Type;
    type State = Sums;
    type Out = Float64Type;

    #[inline]
    fn add(&self, state: &mut Sums, value: f64) {
        state.add(value);
    }

    #[inline]
    fn retract(&self, state: &mut Sums, value: f64) {
        state.retract(value);
    }

    #[inline]
    fn value(&self, state: &Sums) -> Option<f64> {
        SquareSums::value(self, state)
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
