//! COUNT.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Int64Type};
use filbert_state::ValueTable;

use super::fixed::state_column;
use super::{Accumulator, Op, Rows};
use crate::error::Result;

/// COUNT(*), COUNT(x) and COUNT(x, y): rows where no argument is NULL.
#[derive(Default)]
struct Count {
    counts: ValueTable<i64>,
}

pub(super) fn accumulator() -> Box<dyn Accumulator> {
    Box::new(Count::default())
}

/// What row `i` adds.
#[inline]
fn delta(rows: Rows<'_>, nulls: Option<&NullBuffer>, i: usize) -> i64 {
    if nulls.is_some_and(|n| n.is_null(i)) {
        return 0;
    }
    match rows.op(i) {
        Op::Add => 1,
        Op::Retract => -1,
        Op::Skip => 0,
    }
}

/// The rows where some argument is NULL.
fn any_null(args: &[ArrayRef]) -> Option<NullBuffer> {
    args.iter().fold(None, |nulls, arg| {
        NullBuffer::union(nulls.as_ref(), arg.logical_nulls().as_ref())
    })
}

impl Accumulator for Count {
    fn reserve_slots(&mut self, slots_end: usize) {
        self.counts.reserve_slots(slots_end);
    }

    fn running(
        &mut self,
        rows: Rows<'_>,
        args: &[ArrayRef],
        changed: &mut [bool],
    ) -> Result<ArrayRef> {
        let nulls = any_null(args);
        let counts = self.counts.values_mut();
        let mut pairs = Vec::with_capacity(rows.slots.len() * 2);
        for (i, slot) in rows.slots.iter().enumerate() {
            let count = &mut counts[*slot as usize];
            let delta = delta(rows, nulls.as_ref(), i);
            pairs.push(*count);
            *count += delta;
            pairs.push(*count);
            changed[i] |= delta != 0;
            if rows.resets(i) {
                *count = 0;
            }
        }
        Ok(Arc::new(Int64Array::from(pairs)))
    }

    fn update(&mut self, rows: Rows<'_>, args: &[ArrayRef]) -> Result<()> {
        let nulls = any_null(args);
        let counts = self.counts.values_mut();
        for (i, slot) in rows.slots.iter().enumerate() {
            let count = &mut counts[*slot as usize];
            *count += delta(rows, nulls.as_ref(), i);
            if rows.resets(i) {
                *count = 0;
            }
        }
        Ok(())
    }

    fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        let counts = slots.iter().map(|s| self.counts.get(*s));
        Ok(Arc::new(Int64Array::from_iter_values(counts)))
    }

    fn reset(&mut self, slot: u32) {
        self.counts.reset(slot);
    }

    fn memory_bytes(&self) -> usize {
        self.counts.memory_bytes()
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![DataType::Int64]
    }

    fn export(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.values(slots)?])
    }

    fn import(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        let counts = state_column::<Int64Type>(state, 0)?;
        for (slot, count) in slots.iter().zip(counts.values()) {
            self.counts.values_mut()[*slot as usize] += count;
        }
        Ok(())
    }
}
