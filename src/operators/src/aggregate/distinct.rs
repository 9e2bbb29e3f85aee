use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use filbert_state::{MapTable, ValueTable};

use super::{Op, Rows};
use crate::error::{OperatorError, Result};

/// The values that a DISTINCT call has seen, each with its count: a value counts when its first copy comes, and goes
/// when its last copy is retracted.
pub(super) struct DistinctValues {
    values: MapTable,
    counts: ValueTable<i64>,
    entries: Vec<u32>,
}

impl DistinctValues {
    pub(super) fn new(types: Vec<DataType>) -> Result<DistinctValues> {
        Ok(DistinctValues {
            values: MapTable::new(types).map_err(state_error)?,
            counts: ValueTable::default(),
            entries: Vec::new(),
        })
    }

    /// Turns rows that are not the first or last copy of their value into `Skip`.
    pub(super) fn apply(
        &mut self,
        rows: Rows<'_>,
        args: &[ArrayRef],
        ops: &mut [Op],
    ) -> Result<()> {
        let counted: Vec<u32> = (0u32..)
            .zip(ops.iter())
            .filter(|(i, op)| **op != Op::Skip && args.iter().all(|a| a.is_valid(*i as usize)))
            .map(|(i, _)| i)
            .collect();
        let parents: Vec<u32> = counted.iter().map(|i| rows.slots[*i as usize]).collect();
        let counted = UInt32Array::from(counted);
        let keys = args
            .iter()
            .map(|a| take(a, &counted, None))
            .collect::<Result<Vec<_>, _>>()?;
        let mut entries = std::mem::take(&mut self.entries);
        self.values
            .entries_for(&parents, &keys, &mut entries)
            .map_err(state_error)?;
        self.counts.reserve_slots(self.values.entries_end());
        let mut next = counted.values().iter().zip(&entries).peekable();
        for (i, op) in ops.iter_mut().enumerate() {
            match next.peek() {
                Some((row, entry)) if **row as usize == i => {
                    *op = self.count(**entry, *op);
                    next.next();
                }
                _ => *op = Op::Skip,
            }
            if rows.resets(i) {
                self.forget_counts(rows.slots[i]);
            }
        }
        for entry in &entries {
            if self.counts.get(*entry) == 0 {
                self.values.remove(*entry);
            }
        }
        self.entries = entries;
        Ok(())
    }

    fn count(&mut self, entry: u32, op: Op) -> Op {
        let before = self.counts.get(entry);
        let after = if op == Op::Add {
            before + 1
        } else {
            before - 1
        };
        self.counts.set(entry, after);
        match (before, after) {
            (0, 1) => Op::Add,
            (1, 0) => Op::Retract,
            _ => Op::Skip,
        }
    }

    fn forget_counts(&mut self, slot: u32) {
        let entries: Vec<u32> = self.values.entries_of(slot).collect();
        for entry in entries {
            self.counts.set(entry, 0);
        }
    }

    pub(super) fn reset(&mut self, slot: u32) {
        let entries: Vec<u32> = self.values.entries_of(slot).collect();
        for entry in entries {
            self.counts.reset(entry);
            self.values.remove(entry);
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.values.memory_bytes() + self.counts.memory_bytes()
    }
}

fn state_error(error: filbert_state::StateError) -> OperatorError {
    OperatorError::engine(error.to_string())
}
