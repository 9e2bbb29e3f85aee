//! LAG: the value some rows before the last one of the frame, or a default.

use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::DataType;
use filbert_state::{NO_SLOT, RowTable, SortedTable};

use super::steps::Steps;
use crate::aggregate::Op;
use crate::error::Result;

/// State: by partition the frame's values; where none leaves it, only those that are within reach.
pub(super) struct Lag {
    value: usize,
    offset: usize,
    default: Option<usize>,
    retracts: bool,
    values: RowTable,
    queues: SortedTable,
}

impl Lag {
    pub fn new(
        (value, offset, default): (usize, usize, Option<usize>),
        ty: &DataType,
        retracts: bool,
    ) -> Result<Lag> {
        Ok(Lag {
            value,
            offset,
            default,
            retracts,
            values: RowTable::new(std::slice::from_ref(ty)),
            queues: SortedTable::new(&[])?,
        })
    }

    pub fn has_default(&self) -> bool {
        self.default.is_some()
    }

    pub fn reserve(&mut self, partitions_end: usize) {
        self.queues.reserve_parents(partitions_end);
    }

    /// The value behind each step.
    pub fn run(&mut self, steps: &Steps, columns: &[ArrayRef]) -> Result<ArrayRef> {
        let adds = (0u32..).zip(&steps.ops).filter(|(_, op)| **op == Op::Add);
        let adds: Vec<u32> = adds.map(|(step, _)| step).collect();
        let mut slots = Vec::new();
        let value = std::slice::from_ref(&columns[self.value]);
        self.values.insert(value, &adds, &mut slots)?;
        let mut added = slots.into_iter();
        let mut left: Vec<u32> = Vec::new();
        let mut picks = Vec::with_capacity(steps.len());
        for (op, partition) in steps.ops.iter().zip(&steps.partitions) {
            match op {
                Op::Add => {
                    if let Some(slot) = added.next() {
                        self.queues.push_back(*partition, slot);
                    }
                    if !self.retracts && self.queues.len_of(*partition) > self.offset + 1 {
                        left.extend(self.pop(*partition));
                    }
                }
                Op::Retract => left.extend(self.pop(*partition)),
                Op::Skip => {}
            }
            let last = self.queues.len_of(*partition).checked_sub(self.offset + 1);
            let found = last.and_then(|position| self.queues.get(*partition, position));
            picks.push(found.unwrap_or(NO_SLOT));
        }
        let values = self.values.gather_column(0, &picks)?;
        left.into_iter().for_each(|slot| self.values.remove(slot));
        match self.default {
            None => Ok(values),
            Some(default) => {
                let missing = picks.iter().map(|pick| Some(*pick == NO_SLOT));
                let missing: BooleanArray = missing.collect();
                Ok(zip(&missing, &columns[default], &values)?)
            }
        }
    }

    fn pop(&mut self, partition: u32) -> Option<u32> {
        let first = self.queues.get(partition, 0)?;
        self.queues.pop_front(partition, 1);
        Some(first)
    }

    pub fn reset(&mut self, partition: u32) {
        for slot in self.queues.clear_parent(partition) {
            self.values.remove(slot);
        }
    }

    pub fn memory_bytes(&self) -> usize {
        self.values.memory_bytes() + self.queues.memory_bytes()
    }
}
