//! DISTINCT: which rows bring a value for the first time, or take its last copy.

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use filbert_state::{MapTable, ValueTable};

use super::lists::{ListBuilder, counts_of, elements};
use super::{Op, Rows};
use crate::error::{OperatorError, Result};

/// The values that DISTINCT calls over the same arguments have seen, with a lane of counts for each call: a value counts
/// when its first copy comes, and goes when its last copy is retracted. NULL is a value; functions skip it by themselves.
pub(super) struct DistinctValues {
    /// Columns of the operator's input.
    pub(super) args: Vec<usize>,
    types: Vec<DataType>,
    values: MapTable,
    lanes: Vec<ValueTable<i64>>,
    entries: Vec<u32>,
}

/// What a merge adds to an accumulator: values that became known, and values that went.
pub(super) struct Novelties {
    pub slots: Vec<u32>,
    pub ops: Vec<Op>,
    pub columns: Vec<ArrayRef>,
}

impl DistinctValues {
    pub(super) fn new(args: Vec<usize>, types: Vec<DataType>) -> Result<DistinctValues> {
        Ok(DistinctValues {
            args,
            values: MapTable::new(types.clone())?,
            types,
            lanes: Vec::new(),
            entries: Vec::new(),
        })
    }

    pub(super) fn add_lane(&mut self) -> usize {
        self.lanes.push(ValueTable::default());
        self.lanes.len() - 1
    }

    /// Turns rows that are not the first or last copy of their value into `Skip`, in each lane.
    pub(super) fn apply(
        &mut self,
        rows: Rows<'_>,
        columns: &[ArrayRef],
        lanes: &mut [&mut [Op]],
    ) -> Result<()> {
        let counts = |i: &u32| lanes.iter().any(|ops| ops[*i as usize] != Op::Skip);
        let counted: Vec<u32> = (0..rows.slots.len() as u32).filter(counts).collect();
        let keys: Vec<ArrayRef> = match counted.len() == rows.slots.len() {
            true => self
                .args
                .iter()
                .map(|a| ArrayRef::clone(&columns[*a]))
                .collect(),
            false => {
                let picks = UInt32Array::from(counted.clone());
                let args = self.args.iter();
                args.map(|a| take(&columns[*a], &picks, None))
                    .collect::<Result<_, _>>()?
            }
        };
        let parents: Vec<u32> = counted.iter().map(|i| rows.slots[*i as usize]).collect();
        let entries = self.entries_for(&parents, &keys)?;
        let mut next = counted.iter().zip(&entries).peekable();
        for i in 0..rows.slots.len() {
            if let Some((_, entry)) = next.next_if(|(row, _)| **row as usize == i) {
                for (lane, ops) in lanes.iter_mut().enumerate() {
                    ops[i] = self.count(lane, *entry, ops[i]);
                }
            }
            if rows.resets(i) {
                self.forget_counts(rows.slots[i]);
            }
        }
        self.drop_unused(&entries);
        self.entries = entries;
        Ok(())
    }

    fn entries_for(&mut self, parents: &[u32], keys: &[ArrayRef]) -> Result<Vec<u32>> {
        let mut entries = std::mem::take(&mut self.entries);
        self.values.entries_for(parents, keys, &mut entries)?;
        for lane in &mut self.lanes {
            lane.reserve_slots(self.values.entries_end());
        }
        Ok(entries)
    }

    fn drop_unused(&mut self, entries: &[u32]) {
        for entry in entries {
            if self.lanes.iter().all(|lane| lane.get(*entry) == 0) {
                self.values.remove(*entry);
            }
        }
    }

    fn count(&mut self, lane: usize, entry: u32, op: Op) -> Op {
        let by = match op {
            Op::Skip => return Op::Skip,
            Op::Add => 1,
            Op::Retract => -1,
        };
        self.add(lane, entry, by)
    }

    fn add(&mut self, lane: usize, entry: u32, by: i64) -> Op {
        let before = self.lanes[lane].get(entry);
        let after = before + by;
        self.lanes[lane].set(entry, after);
        match (before > 0, after > 0) {
            (false, true) => Op::Add,
            (true, false) => Op::Retract,
            _ => Op::Skip,
        }
    }

    fn forget_counts(&mut self, slot: u32) {
        let entries: Vec<u32> = self.values.entries_of(slot).collect();
        for entry in entries {
            self.lanes.iter_mut().for_each(|lane| lane.reset(entry));
        }
    }

    pub(super) fn reset(&mut self, slot: u32) {
        let entries: Vec<u32> = self.values.entries_of(slot).collect();
        for entry in entries {
            self.lanes.iter_mut().for_each(|lane| lane.reset(entry));
            self.values.remove(entry);
        }
    }

    /// Forgets the values of all keys.
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.lanes.iter_mut().for_each(ValueTable::clear);
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let lanes = self.lanes.iter().map(ValueTable::memory_bytes);
        self.values.memory_bytes() + lanes.sum::<usize>()
    }

    /// A list of values for each argument, and the list of their counts in a lane.
    pub(super) fn state_types(&self) -> Vec<DataType> {
        let types = self.types.iter().chain([&DataType::Int64]);
        types.map(|t| DataType::new_list(t.clone(), true)).collect()
    }

    pub(super) fn export(&self, slots: &[u32], lane: usize) -> Result<Vec<ArrayRef>> {
        let mut lists = ListBuilder::default();
        for slot in slots {
            for entry in self.values.entries_of(*slot) {
                let count = self.lanes[lane].get(entry);
                if count != 0 {
                    lists.push(entry, count);
                }
            }
            lists.end();
        }
        let columns = self.values.key_columns(&lists.entries)?;
        lists.state(columns)
    }

    pub(super) fn import(
        &mut self,
        slots: &[u32],
        state: &[ArrayRef],
        lane: usize,
    ) -> Result<Novelties> {
        let Some((counts, values)) = state.split_last() else {
            return Err(OperatorError::engine("DISTINCT values without counts."));
        };
        let counts = counts_of(counts)?;
        let (slots, columns) = elements(slots, values)?;
        let entries = self.entries_for(&slots, &columns)?;
        let added = entries.iter().zip(counts.values());
        let ops = added
            .map(|(entry, by)| self.add(lane, *entry, *by))
            .collect();
        self.drop_unused(&entries);
        self.entries = entries;
        Ok(Novelties {
            slots,
            ops,
            columns,
        })
    }
}
