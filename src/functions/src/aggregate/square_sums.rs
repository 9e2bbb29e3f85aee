//! STDDEV_POP, STDDEV_SAMP, VAR_POP and VAR_SAMP with OVER: Flink writes them as sums there, `(sum(x * x) - sum(x) * sum(x)
//! / n) / n`, of whole numbers in whole numbers. In groups they are computed otherwise, and their last digits differ.

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::Accumulator;

/// Which of the four, over what.
#[derive(Debug, Clone, Copy)]
pub struct SquareSums {
    pub sample: bool,
    pub root: bool,
    /// The values are whole numbers, and so is each step.
    pub whole: bool,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Sums {
    pub count: i64,
    pub sum: f64,
    pub squares: f64,
}

impl Sums {
    #[inline]
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.squares += value * value;
    }

    #[inline]
    pub fn retract(&mut self, value: f64) {
        self.count -= 1;
        self.sum -= value;
        self.squares -= value * value;
        if self.count == 0 {
            *self = Sums::default();
        }
    }
}

impl SquareSums {
    /// Of the function's name, `VAR_POP`.
    pub fn new(function: &str, whole: bool) -> SquareSums {
        SquareSums {
            sample: function.ends_with("_SAMP"),
            root: function.starts_with("STDDEV"),
            whole,
        }
    }

    fn step(&self, value: f64) -> f64 {
        if self.whole { value.trunc() } else { value }
    }

    #[inline]
    pub fn value(&self, sums: &Sums) -> Option<f64> {
        let over = sums.count - i64::from(self.sample);
        if sums.count <= 0 || over <= 0 {
            return None;
        }
        let squared = self.step(sums.sum * sums.sum / sums.count as f64);
        let variance = self.step((sums.squares - squared) / over as f64);
        Some(match self.root {
            // What rounding leaves of zero may lie below it.
            true => self.step(variance.max(0.0).sqrt()),
            false => variance,
        })
    }
}

/// The accumulator of a frame, in batch mode.
#[derive(Debug)]
pub(super) struct FrameVariance {
    kind: SquareSums,
    ty: DataType,
    sums: Sums,
}

impl FrameVariance {
    pub fn new(kind: SquareSums, ty: DataType) -> FrameVariance {
        FrameVariance {
            kind,
            ty,
            sums: Sums::default(),
        }
    }
}

fn doubles(values: &[ArrayRef]) -> Result<Float64Array> {
    match values.first() {
        Some(column) => Ok(cast(column, &DataType::Float64)?
            .as_primitive::<Float64Type>()
            .clone()),
        None => internal_err!("a variance has one argument"),
    }
}

impl Accumulator for FrameVariance {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        doubles(values)?
            .iter()
            .flatten()
            .for_each(|v| self.sums.add(v));
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = doubles(values)?;
        values.iter().flatten().for_each(|v| self.sums.retract(v));
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::Float64(self.kind.value(&self.sums)).cast_to(&self.ty)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        internal_err!("a window's aggregate has no partial state")
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        internal_err!("a window's aggregate has no partial state")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_stay_whole_at_each_step() {
        let mut sums = Sums::default();
        [1.0, 2.0].into_iter().for_each(|v| sums.add(v));
        // 5 - 9 / 2 is 1 in whole numbers, 0.5 in others.
        assert_eq!(SquareSums::new("VAR_SAMP", true).value(&sums), Some(1.0));
        assert_eq!(SquareSums::new("VAR_SAMP", false).value(&sums), Some(0.5));
        sums.retract(1.0);
        assert_eq!(SquareSums::new("VAR_SAMP", true).value(&sums), None);
        assert_eq!(SquareSums::new("STDDEV_POP", true).value(&sums), Some(0.0));
    }
}
