//! Values by slot. An operator declares the tables that it needs beside one [`KeyIndex`](crate::KeyIndex) and works on
//! them by the slots of a batch.

mod chains;
mod column;
mod list;
mod map;
mod multiset;
mod row_index;
mod rows;
mod sessions;
mod sorted;
mod texts;

use std::collections::BTreeMap;

use crate::arena::ByteArena;

pub use chains::Chains;
pub use column::Cell;
pub use list::ListTable;
pub use map::MapTable;
pub use multiset::OrderedMultiset;
pub use row_index::RowIndex;
pub use rows::{RowTable, equal_rows};
pub use sessions::{Session, SessionTable};
pub use sorted::{SortKeyBatch, SortedTable};

/// One fixed-width value a key.
#[derive(Debug, Clone, Default)]
pub struct ValueTable<T> {
    values: Vec<T>,
}

impl<T: Copy + Default> ValueTable<T> {
    /// Makes room for slots below `slots_end`; new ones hold the default.
    pub fn reserve_slots(&mut self, slots_end: usize) {
        if self.values.len() < slots_end {
            self.values.resize(slots_end, T::default());
        }
    }

    /// The values by slot, for kernels.
    #[inline]
    pub fn values(&self) -> &[T] {
        &self.values
    }

    #[inline]
    pub fn values_mut(&mut self) -> &mut [T] {
        &mut self.values
    }

    #[inline]
    pub fn get(&self, slot: u32) -> T {
        self.values[slot as usize]
    }

    #[inline]
    pub fn set(&mut self, slot: u32, value: T) {
        self.values[slot as usize] = value;
    }

    pub fn reset(&mut self, slot: u32) {
        if let Some(value) = self.values.get_mut(slot as usize) {
            *value = T::default();
        }
    }

    /// Every slot holds the default again, and has no room.
    pub fn clear(&mut self) {
        self.values.clear();
    }

    pub fn memory_bytes(&self) -> usize {
        self.values.capacity() * std::mem::size_of::<T>()
    }
}

/// One byte string a key, or none.
#[derive(Debug, Default)]
pub struct BytesTable {
    arena: ByteArena,
}

impl BytesTable {
    #[inline]
    pub fn get(&self, slot: u32) -> Option<&[u8]> {
        self.arena.get(slot)
    }

    pub fn set(&mut self, slot: u32, value: Option<&[u8]>) {
        self.arena.set(slot, value);
    }

    pub fn reset(&mut self, slot: u32) {
        self.arena.clear(slot);
    }

    pub fn memory_bytes(&self) -> usize {
        self.arena.memory_bytes()
    }
}

/// State by time: one `S` (an index with its tables) for each instant, in time's order.
#[derive(Debug)]
pub struct TimeTable<S> {
    by_time: BTreeMap<i64, S>,
}

impl<S> Default for TimeTable<S> {
    fn default() -> TimeTable<S> {
        TimeTable {
            by_time: BTreeMap::new(),
        }
    }
}

impl<S> TimeTable<S> {
    /// The state of an instant, made when it isn't there.
    pub fn at(&mut self, time: i64) -> &mut S
    where
        S: Default,
    {
        self.by_time.entry(time).or_default()
    }

    /// As [`at`](Self::at), made by `make`.
    pub fn at_or_else(&mut self, time: i64, make: impl FnOnce() -> S) -> &mut S {
        self.by_time.entry(time).or_insert_with(make)
    }

    /// The earliest instant.
    pub fn first_time(&self) -> Option<i64> {
        self.by_time.keys().next().copied()
    }

    /// Takes the earliest state out when its instant is at or before `time`.
    pub fn pop_until(&mut self, time: i64) -> Option<(i64, S)> {
        let entry = self.by_time.first_entry()?;
        (*entry.key() <= time).then(|| entry.remove_entry())
    }

    pub fn len(&self) -> usize {
        self.by_time.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_time.is_empty()
    }

    /// The states of the instants in `(after, until]`, in order.
    pub fn range(&self, after: i64, until: i64) -> impl Iterator<Item = &S> {
        self.within(after, until).map(|(_, state)| state)
    }

    /// The instants in `(after, until]`, in order.
    pub fn times(&self, after: i64, until: i64) -> impl Iterator<Item = i64> {
        self.within(after, until).map(|(time, _)| *time)
    }

    fn within(&self, after: i64, until: i64) -> impl Iterator<Item = (&i64, &S)> {
        use std::ops::Bound::{Excluded, Included};
        // A range that ends before it begins would panic.
        let after = after.min(until.saturating_sub(1));
        self.by_time.range((Excluded(after), Included(until)))
    }

    /// Takes the state of an instant out.
    pub fn remove(&mut self, time: i64) -> Option<S> {
        self.by_time.remove(&time)
    }

    pub fn iter(&self) -> impl Iterator<Item = (i64, &S)> {
        self.by_time.iter().map(|(time, state)| (*time, state))
    }
}
