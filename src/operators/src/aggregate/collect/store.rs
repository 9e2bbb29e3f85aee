//! Where collecting functions keep their values: in the order in which they came, or counted.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use filbert_state::{ListTable, MapTable, ValueTable};

use crate::aggregate::Op;
use crate::aggregate::lists::ListBuilder;
use crate::error::Result;

/// Values below keys. Entries name the values; those that a batch touches stay until `drop_unused`.
pub(in crate::aggregate) trait Store: Send {
    fn reserve_slots(&mut self, slots_end: usize);

    fn entries_for(
        &mut self,
        slots: &[u32],
        columns: &[ArrayRef],
        entries: &mut Vec<u32>,
    ) -> Result<()>;

    fn add(&mut self, slot: u32, entry: u32, by: i64);

    fn apply(&mut self, slot: u32, entry: u32, op: Op) {
        match op {
            Op::Add => self.add(slot, entry, 1),
            Op::Retract => self.add(slot, entry, -1),
            Op::Skip => {}
        }
    }

    /// Adds the list of the values that make the key's result.
    fn list(&self, slot: u32, lists: &mut ListBuilder);

    /// Adds the list of all that the key holds, also what it owes.
    fn state(&self, slot: u32, lists: &mut ListBuilder);

    /// Forgets the key's values but not their entries.
    fn clear(&mut self, slot: u32);

    fn reset(&mut self, slot: u32);

    fn drop_unused(&mut self, entries: &[u32]);

    fn columns(&self, entries: &[u32]) -> Result<Vec<ArrayRef>>;

    fn memory_bytes(&self) -> usize;
}

/// Which occurrences make a sequence's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::aggregate) enum Keep {
    All,
    First,
    Last,
}

/// Values in the order in which they came.
pub(in crate::aggregate) struct Sequence {
    values: MapTable,
    list: ListTable,
    keep: Keep,
    /// Without retractions, values that can't come to matter are not kept.
    retracts: bool,
    slots_end: usize,
    /// Entries that have lost their last occurrence but may still be read.
    garbage: Vec<u32>,
}

impl Sequence {
    pub(in crate::aggregate) fn new(
        types: Vec<DataType>,
        keep: Keep,
        retracts: bool,
    ) -> Result<Sequence> {
        Ok(Sequence {
            values: MapTable::new(types)?,
            list: ListTable::default(),
            keep,
            retracts,
            slots_end: 0,
            garbage: Vec::new(),
        })
    }
}

impl Store for Sequence {
    fn reserve_slots(&mut self, slots_end: usize) {
        self.slots_end = self.slots_end.max(slots_end);
    }

    fn entries_for(
        &mut self,
        slots: &[u32],
        columns: &[ArrayRef],
        entries: &mut Vec<u32>,
    ) -> Result<()> {
        self.values.entries_for(slots, columns, entries)?;
        self.list.reserve(self.slots_end, self.values.entries_end());
        Ok(())
    }

    fn add(&mut self, slot: u32, entry: u32, by: i64) {
        if !self.retracts && self.keep != Keep::All {
            if let Some(held) = self.list.first(slot) {
                if self.keep == Keep::First || held == entry {
                    return;
                }
                self.list.retract(slot, held);
                self.garbage.push(held);
            }
            self.list.push(slot, entry);
            return;
        }
        for _ in 0..by {
            self.list.push(slot, entry);
        }
        for _ in by..0 {
            self.list.retract(slot, entry);
        }
    }

    fn list(&self, slot: u32, lists: &mut ListBuilder) {
        match self.keep {
            Keep::All => {
                let all = self.list.occurrences(slot);
                all.for_each(|entry| lists.push(entry, 1));
            }
            Keep::First => self.list.first(slot).iter().for_each(|e| lists.push(*e, 1)),
            Keep::Last => self.list.last(slot).iter().for_each(|e| lists.push(*e, 1)),
        }
        lists.end();
    }

    fn state(&self, slot: u32, lists: &mut ListBuilder) {
        let all = self.list.occurrences(slot);
        all.for_each(|entry| lists.push(entry, 1));
        for entry in self.values.entries_of(slot) {
            let count = self.list.count(entry);
            if count < 0 {
                lists.push(entry, count);
            }
        }
        lists.end();
    }

    fn clear(&mut self, slot: u32) {
        while let Some(entry) = self.list.first(slot) {
            self.list.retract(slot, entry);
        }
        let known = self.garbage.len();
        self.garbage.extend(self.values.entries_of(slot));
        for entry in &self.garbage[known..] {
            self.list.forgive(*entry);
        }
    }

    fn reset(&mut self, slot: u32) {
        self.clear(slot);
        self.garbage.clear();
        let entries: Vec<u32> = self.values.entries_of(slot).collect();
        entries.iter().for_each(|entry| self.values.remove(*entry));
    }

    fn drop_unused(&mut self, entries: &[u32]) {
        for entry in entries.iter().chain(&std::mem::take(&mut self.garbage)) {
            if self.list.count(*entry) == 0 {
                self.values.remove(*entry);
            }
        }
    }

    fn columns(&self, entries: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(self.values.key_columns(entries)?)
    }

    fn memory_bytes(&self) -> usize {
        self.values.memory_bytes() + self.list.memory_bytes()
    }
}

/// Values with their counts.
pub(in crate::aggregate) struct Bag {
    values: MapTable,
    counts: ValueTable<i64>,
    garbage: Vec<u32>,
}

impl Bag {
    pub(in crate::aggregate) fn new(types: Vec<DataType>) -> Result<Bag> {
        Ok(Bag {
            values: MapTable::new(types)?,
            counts: ValueTable::default(),
            garbage: Vec::new(),
        })
    }

    /// Adds the list of the values whose counts are wanted, with equal counts.
    pub(in crate::aggregate) fn list_where(
        &self,
        slot: u32,
        lists: &mut ListBuilder,
        wanted: impl Fn(i64) -> bool,
    ) {
        for entry in self.values.entries_of(slot) {
            if wanted(self.counts.get(entry)) {
                lists.push(entry, 1);
            }
        }
        lists.end();
    }
}

impl Store for Bag {
    fn reserve_slots(&mut self, _slots_end: usize) {}

    fn entries_for(
        &mut self,
        slots: &[u32],
        columns: &[ArrayRef],
        entries: &mut Vec<u32>,
    ) -> Result<()> {
        self.values.entries_for(slots, columns, entries)?;
        self.counts.reserve_slots(self.values.entries_end());
        Ok(())
    }

    fn add(&mut self, _slot: u32, entry: u32, by: i64) {
        self.counts.set(entry, self.counts.get(entry) + by);
    }

    fn list(&self, slot: u32, lists: &mut ListBuilder) {
        for entry in self.values.entries_of(slot) {
            let count = self.counts.get(entry);
            if count > 0 {
                lists.push(entry, count);
            }
        }
        lists.end();
    }

    fn state(&self, slot: u32, lists: &mut ListBuilder) {
        for entry in self.values.entries_of(slot) {
            let count = self.counts.get(entry);
            if count != 0 {
                lists.push(entry, count);
            }
        }
        lists.end();
    }

    fn clear(&mut self, slot: u32) {
        let known = self.garbage.len();
        self.garbage.extend(self.values.entries_of(slot));
        for entry in &self.garbage[known..] {
            self.counts.reset(*entry);
        }
    }

    fn reset(&mut self, slot: u32) {
        let entries: Vec<u32> = self.values.entries_of(slot).collect();
        for entry in entries {
            self.counts.reset(entry);
            self.values.remove(entry);
        }
    }

    fn drop_unused(&mut self, entries: &[u32]) {
        for entry in entries.iter().chain(&std::mem::take(&mut self.garbage)) {
            if self.counts.get(*entry) == 0 {
                self.values.remove(*entry);
            }
        }
    }

    fn columns(&self, entries: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(self.values.key_columns(entries)?)
    }

    fn memory_bytes(&self) -> usize {
        self.values.memory_bytes() + self.counts.memory_bytes()
    }
}
