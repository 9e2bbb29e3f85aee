//! SUM and AVG of DOUBLE for one group, value after value: DataFusion adds in lanes, whose sums differ in the last digits.

use std::mem::size_of_val;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Float64Type, UInt64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;

/// Its states are those of DataFusion's functions: the sum, for AVG behind the count.
#[derive(Debug)]
pub(super) struct InOrder {
    sum: f64,
    count: u64,
    average: bool,
}

impl InOrder {
    pub(super) fn new(average: bool) -> InOrder {
        InOrder {
            sum: 0.0,
            count: 0,
            average,
        }
    }

    fn add(&mut self, values: &ArrayRef) {
        let values = values.as_primitive::<Float64Type>();
        self.sum = if values.null_count() == 0 {
            values.values().iter().fold(self.sum, |sum, v| sum + v)
        } else {
            values.iter().flatten().fold(self.sum, |sum, v| sum + v)
        };
    }

    fn total(&self) -> Option<f64> {
        (self.count > 0).then_some(self.sum)
    }
}

impl Accumulator for InOrder {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0]);
        self.count += (values[0].len() - values[0].null_count()) as u64;
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let result = match self.average {
            true => self.total().map(|sum| sum / self.count as f64),
            false => self.total(),
        };
        Ok(ScalarValue::Float64(result))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let sum = ScalarValue::Float64(self.total());
        Ok(match self.average {
            true => vec![ScalarValue::UInt64(Some(self.count)), sum],
            false => vec![sum],
        })
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        if !self.average {
            return self.update_batch(states);
        }
        let counts = states[0].as_primitive::<UInt64Type>();
        self.count += counts.iter().flatten().sum::<u64>();
        self.add(&states[1]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Float64Array;

    use super::*;

    #[test]
    fn values_are_added_one_after_the_other() {
        let values: ArrayRef = Arc::new(Float64Array::from(vec![
            Some(2.5),
            Some(1e10),
            None,
            Some(0.1),
            Some(0.2),
        ]));
        let mut sum = InOrder::new(false);
        sum.update_batch(&[Arc::clone(&values)]).unwrap();
        assert_eq!(
            sum.evaluate().unwrap(),
            ScalarValue::Float64(Some(2.5 + 1e10 + 0.1 + 0.2))
        );
        let mut average = InOrder::new(true);
        average.update_batch(&[values]).unwrap();
        let states: Vec<ArrayRef> = average
            .state()
            .unwrap()
            .iter()
            .map(|s| s.to_array().unwrap())
            .collect();
        let mut merged = InOrder::new(true);
        merged.merge_batch(&states).unwrap();
        assert_eq!(merged.evaluate().unwrap(), average.evaluate().unwrap());
        let mut none = InOrder::new(false);
        none.update_batch(&[Arc::new(Float64Array::from(vec![None]))])
            .unwrap();
        assert_eq!(none.evaluate().unwrap(), ScalarValue::Float64(None));
    }
}
