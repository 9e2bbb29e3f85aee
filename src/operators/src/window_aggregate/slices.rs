//! Accumulators by slice of time and key.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::AggregateCallSpec;
use filbert_state::{KeyIndex, TimeTable, ValueTable};
use filbert_types::ChangeBatch;

use crate::aggregate::{AggregateCalls, Op, Rows};
use crate::columns::columns_at;
use crate::error::Result;

/// Partial results by slice of time and key. All slices share one index of keys and one table of accumulators: a batch
/// is added at once, whatever slices its rows lie in.
pub(crate) struct Slices {
    /// Keys below the number of their slice.
    pub index: KeyIndex,
    /// Rows of each key, in its slice.
    pub counts: ValueTable<i64>,
    /// Whether the slot is among those of its slice.
    listed: ValueTable<bool>,
    pub calls: AggregateCalls,
    by_end: TimeTable<Slice>,
    next_number: u32,
}

/// A slice's keys, in the order in which they came.
struct Slice {
    number: u32,
    slots: Vec<u32>,
}

impl Slices {
    pub fn new(
        key_types: Vec<DataType>,
        calls: &[AggregateCallSpec],
        retracts: bool,
        functions: &FunctionRegistry,
    ) -> Result<Slices> {
        Ok(Slices {
            index: KeyIndex::new(key_types)?,
            counts: ValueTable::default(),
            listed: ValueTable::default(),
            calls: AggregateCalls::with_functions(calls, retracts, functions)?,
            by_end: TimeTable::default(),
            next_number: 0,
        })
    }

    /// The end of the earliest slice.
    pub fn first_end(&self) -> Option<i64> {
        self.by_end.first_time()
    }

    /// Adds the rows of a batch, each to the slice with the end in `ends`.
    pub fn add(&mut self, batch: &ChangeBatch, keys: &[usize], ends: &[i64]) -> Result<()> {
        let slots = self.locate(batch, keys, ends)?;
        let ops: Option<Vec<Op>> = batch
            .kinds
            .as_ref()
            .map(|kinds| kinds.iter().map(|k| Op::of(*k)).collect());
        for (i, slot) in slots.iter().enumerate() {
            let added = ops.as_ref().is_none_or(|ops| ops[i] == Op::Add);
            let count = self.counts.get(*slot) + if added { 1 } else { -1 };
            self.counts.set(*slot, count);
        }
        let rows = Rows {
            slots: &slots,
            ops: ops.as_deref(),
            resets: None,
        };
        self.calls.update(rows, batch.rows.columns())
    }

    /// Adds what first phases have gathered: the columns `states` hold calls' state, `counts` says of how many rows.
    pub fn add_states(
        &mut self,
        batch: &ChangeBatch,
        keys: &[usize],
        ends: &[i64],
        states: std::ops::Range<usize>,
        counts: &Int64Array,
    ) -> Result<()> {
        let slots = self.locate(batch, keys, ends)?;
        for (slot, by) in slots.iter().zip(counts.values()) {
            self.counts.set(*slot, self.counts.get(*slot) + by);
        }
        self.calls.import(&slots, &batch.rows.columns()[states])
    }

    /// Keys, calls' states and numbers of rows of these slots.
    pub fn states(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut columns = self.index.key_columns(slots)?;
        columns.extend(self.calls.export(slots)?);
        let rows = slots.iter().map(|slot| self.counts.get(*slot));
        columns.push(Arc::new(Int64Array::from_iter_values(rows)));
        Ok(columns)
    }

    /// The slot of each row, in the slice with the end in `ends`.
    pub fn locate(
        &mut self,
        batch: &ChangeBatch,
        keys: &[usize],
        ends: &[i64],
    ) -> Result<Vec<u32>> {
        let keys = columns_at(batch, keys);
        let mut parents = Vec::with_capacity(ends.len());
        for run in ends.chunk_by(|a, b| a == b) {
            let number = self.slice(run[0]).number;
            parents.extend(std::iter::repeat_n(number, run.len()));
        }
        let mut slots = Vec::new();
        self.index
            .slots_below(&keys, ends.len(), Some(&parents), &mut slots)?;
        self.reserve();
        for (slot, end) in slots.iter().zip(ends) {
            if !self.listed.get(*slot) {
                self.listed.set(*slot, true);
                self.slice(*end).slots.push(*slot);
            }
        }
        Ok(slots)
    }

    fn slice(&mut self, end: i64) -> &mut Slice {
        let next = &mut self.next_number;
        self.by_end.at_or_else(end, || {
            *next = next.wrapping_add(1);
            Slice {
                number: *next,
                slots: Vec::new(),
            }
        })
    }

    fn reserve(&mut self) {
        let slots_end = self.index.slots_end();
        self.counts.reserve_slots(slots_end);
        self.listed.reserve_slots(slots_end);
        self.calls.reserve_slots(slots_end);
    }

    /// The slots of the slices that end in `(after, until]` taken together, and those of them that are nobody's slice.
    pub fn together(&mut self, after: i64, until: i64) -> Result<(Vec<u32>, Vec<u32>)> {
        let within: Vec<Vec<u32>> = self
            .by_end
            .range(after, until)
            .map(|slice| slice.slots.clone())
            .collect();
        if let [one] = within.as_slice() {
            return Ok((one.clone(), Vec::new()));
        }
        self.next_number = self.next_number.wrapping_add(1);
        let merged = self.merge(&within, self.next_number)?;
        Ok((merged.clone(), merged))
    }

    /// Makes the slices that end in `(after, until]` one, which ends at `until`; its slots.
    pub fn join(&mut self, after: i64, until: i64) -> Result<Vec<u32>> {
        let mut within = Vec::new();
        let ends: Vec<i64> = self.by_end.times(after, until).collect();
        if ends.as_slice() != [until] {
            for end in ends {
                within.extend(self.by_end.remove(end).map(|slice| slice.slots));
            }
            let number = self.slice(until).number;
            let merged = self.merge(&within, number)?;
            for slots in &within {
                self.release(slots);
            }
            self.slice(until).slots = merged;
        }
        Ok(self.slice(until).slots.clone())
    }

    /// Adds what these slots hold to keys below `number`.
    fn merge(&mut self, parts: &[Vec<u32>], number: u32) -> Result<Vec<u32>> {
        let mut merged = Vec::new();
        let mut into = Vec::new();
        for from in parts.iter().filter(|slots| !slots.is_empty()) {
            let keys = self.index.key_columns(from)?;
            let parents = vec![number; from.len()];
            self.index
                .slots_below(&keys, from.len(), Some(&parents), &mut into)?;
            self.reserve();
            for (from, into) in from.iter().zip(&into) {
                let count = self.counts.get(*from) + self.counts.get(*into);
                self.counts.set(*into, count);
                if !self.listed.get(*into) {
                    self.listed.set(*into, true);
                    merged.push(*into);
                }
            }
            self.calls.merge(from, &into)?;
        }
        Ok(merged)
    }

    /// The end of the first slice that ends behind `after`.
    pub fn end_after(&self, after: i64) -> Option<i64> {
        self.by_end.times(after, i64::MAX).next()
    }

    /// The slots of the slice with this end.
    pub fn slots_of(&self, end: i64) -> Vec<u32> {
        let mut slices = self.by_end.range(end.saturating_sub(1), end);
        slices
            .next()
            .map_or_else(Vec::new, |slice| slice.slots.clone())
    }

    /// Takes the earliest slice out when it ends by `end`: its slots, which the caller releases.
    pub fn pop_until(&mut self, end: i64) -> Option<Vec<u32>> {
        self.by_end.pop_until(end).map(|(_, slice)| slice.slots)
    }

    /// Forgets these slots.
    pub fn release(&mut self, slots: &[u32]) {
        for slot in slots {
            self.index.remove(*slot);
            self.calls.reset(*slot);
            self.counts.reset(*slot);
            self.listed.reset(*slot);
        }
    }

    /// Whether the key still has rows.
    pub fn has_rows(&self, slot: u32) -> bool {
        self.counts.get(slot) > 0
    }

    /// Keys and results of these slots.
    pub fn columns(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut columns = self.index.key_columns(slots)?;
        columns.extend(self.calls.values(slots)?);
        Ok(columns)
    }

    pub fn len(&self) -> usize {
        self.index.len()
    }

    pub fn memory_bytes(&self) -> usize {
        self.index.memory_bytes() + self.counts.memory_bytes() + self.calls.memory_bytes()
    }
}
