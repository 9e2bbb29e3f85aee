//! FIRST_VALUE and LAST_VALUE over frames that move: the values that are not NULL, in order.

use std::collections::VecDeque;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::Accumulator;

/// Holds the frame's columns of values as they came, without those that are NULL, so that an end is a look at a column.
#[derive(Debug)]
pub(super) struct FrameEnds {
    first: bool,
    ty: DataType,
    /// The values with the numbers of their rows.
    values: VecDeque<(u64, ArrayRef, usize)>,
    came: u64,
    left: u64,
}

impl FrameEnds {
    pub fn new(first: bool, ty: DataType) -> FrameEnds {
        FrameEnds {
            first,
            ty,
            values: VecDeque::new(),
            came: 0,
            left: 0,
        }
    }
}

impl Accumulator for FrameEnds {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(column) = values.first() else {
            return internal_err!("an end of a frame has one argument");
        };
        for row in 0..column.len() {
            if column.is_valid(row) {
                self.values
                    .push_back((self.came + row as u64, ArrayRef::clone(column), row));
            }
        }
        self.came += column.len() as u64;
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.left += values.first().map_or(0, |v| v.len() as u64);
        while self
            .values
            .front()
            .is_some_and(|(row, ..)| *row < self.left)
        {
            self.values.pop_front();
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let end = match self.first {
            true => self.values.front(),
            false => self.values.back(),
        };
        match end {
            Some((_, column, row)) => ScalarValue::try_from_array(column, *row),
            None => ScalarValue::try_from(&self.ty),
        }
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<(u64, ArrayRef, usize)>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        internal_err!("a window's aggregate has no partial state")
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        internal_err!("a window's aggregate has no partial state")
    }
}
