//! STDDEV_POP, STDDEV_SAMP, VAR_POP and VAR_SAMP: Welford's running mean and sum of squares, over DOUBLE.

use arrow::array::ArrayRef;
use arrow::array::types::{Float64Type, Int64Type};
use arrow::datatypes::DataType;
use filbert_functions::aggregate::square_sums::SquareSums;
use filbert_functions::cast::cast_array;
use filbert_functions::udf::Session;
use filbert_types::{LogicalType, TypeKind};

use super::fixed::{Fixed, Kernel, column, state_column};
use super::{Accumulator, Rows};
use crate::error::Result;

/// The function of this name; its result, a DOUBLE, is cast to `output`. `$OVER_VAR_POP` is VAR_POP with OVER.
pub(super) fn accumulator(function: &str, output: &LogicalType) -> Box<dyn Accumulator> {
    let sample = function.ends_with("_SAMP");
    match function.strip_prefix("$OVER_") {
        Some(function) => {
            let sums = SquareSums::new(function, output.kind.is_integer());
            cast(Fixed::new(sums, &DataType::Float64), output)
        }
        None => {
            let kernel = Variance {
                sample,
                root: function.starts_with("STDDEV"),
            };
            cast(Fixed::new(kernel, &DataType::Float64), output)
        }
    }
}

fn cast<K: Kernel + 'static>(doubles: Fixed<K>, output: &LogicalType) -> Box<dyn Accumulator> {
    match output.kind {
        TypeKind::Double => Box::new(doubles),
        _ => Box::new(Cast {
            inner: doubles,
            output: output.clone(),
        }),
    }
}

struct Variance {
    sample: bool,
    root: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    count: i64,
    mean: f64,
    m2: f64,
}

impl Kernel for Variance {
    type In = Float64Type;
    type State = Moments;
    type Out = Float64Type;

    #[inline]
    fn add(&self, state: &mut Moments, value: f64) {
        state.count += 1;
        if state.count == 0 {
            *state = Moments::default();
            return;
        }
        let from_old = value - state.mean;
        state.mean += from_old / state.count as f64;
        state.m2 += from_old * (value - state.mean);
    }

    #[inline]
    fn retract(&self, state: &mut Moments, value: f64) {
        state.count -= 1;
        if state.count == 0 {
            *state = Moments::default();
            return;
        }
        let from_old = value - state.mean;
        state.mean -= from_old / state.count as f64;
        state.m2 -= from_old * (value - state.mean);
    }

    #[inline]
    fn value(&self, state: &Moments) -> Option<f64> {
        let over = state.count - i64::from(self.sample);
        if over <= 0 {
            return None;
        }
        let mut variance = state.m2 / over as f64;
        // What retractions leave of zero may lie below it.
        if variance < 0.0 {
            variance = 0.0;
        }
        Some(if self.root { variance.sqrt() } else { variance })
    }

    fn merge(&self, into: &mut Moments, from: &Moments) {
        if from.count == 0 {
            return;
        }
        let count = into.count + from.count;
        if count == 0 {
            *into = Moments::default();
            return;
        }
        let apart = from.mean - into.mean;
        let (before, added, all) = (into.count as f64, from.count as f64, count as f64);
        into.mean += apart * added / all;
        into.m2 += from.m2 + apart * apart * before * added / all;
        into.count = count;
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![DataType::Int64, DataType::Float64, DataType::Float64]
    }

    fn export(&self, states: &[Moments]) -> Vec<ArrayRef> {
        vec![
            column::<Int64Type>(states.iter().map(|s| s.count), &DataType::Int64),
            column::<Float64Type>(states.iter().map(|s| s.mean), &DataType::Float64),
            column::<Float64Type>(states.iter().map(|s| s.m2), &DataType::Float64),
        ]
    }

    fn import(&self, columns: &[ArrayRef]) -> Result<Vec<Moments>> {
        let counts = state_column::<Int64Type>(columns, 0)?;
        let means = state_column::<Float64Type>(columns, 1)?;
        let squares = state_column::<Float64Type>(columns, 2)?;
        Ok((0..counts.len())
            .map(|i| Moments {
                count: counts.value(i),
                mean: means.value(i),
                m2: squares.value(i),
            })
            .collect())
    }

    /// Flink computes the value above the aggregation, whose count of rows changes with each.
    fn always_changes(&self) -> bool {
        true
    }
}

/// Values in the type that Flink gives them: the argument's.
struct Cast<K: Kernel> {
    inner: Fixed<K>,
    output: LogicalType,
}

impl<K: Kernel> Cast<K> {
    fn cast(&self, values: &ArrayRef) -> Result<ArrayRef> {
        let from = LogicalType::from(TypeKind::Double);
        let session = Session::default();
        Ok(cast_array(values, &from, &self.output, &session, true)?)
    }
}

impl<K: Kernel> Accumulator for Cast<K> {
    fn reserve_slots(&mut self, slots_end: usize) {
        self.inner.reserve_slots(slots_end);
    }

    fn running(
        &mut self,
        rows: Rows<'_>,
        args: &[ArrayRef],
        changed: &mut [bool],
    ) -> Result<ArrayRef> {
        let pairs = self.inner.running(rows, args, changed)?;
        self.cast(&pairs)
    }

    fn update(&mut self, rows: Rows<'_>, args: &[ArrayRef]) -> Result<()> {
        self.inner.update(rows, args)
    }

    fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        self.cast(&self.inner.values(slots)?)
    }

    fn reset(&mut self, slot: u32) {
        self.inner.reset(slot);
    }

    fn memory_bytes(&self) -> usize {
        self.inner.memory_bytes()
    }

    fn state_types(&self) -> Vec<DataType> {
        self.inner.state_types()
    }

    fn export(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        self.inner.export(slots)
    }

    fn import(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        self.inner.import(slots, state)
    }

    fn merge(&mut self, from: &[u32], into: &[u32]) -> Result<()> {
        self.inner.merge(from, into)
    }
}
