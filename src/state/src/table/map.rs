use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use crate::error::StateError;
use crate::key_index::{KeyIndex, NO_SLOT};
use crate::table::ValueTable;

/// A map below each key: map keys to entry slots, under which the map's values stand in tables of their own. The entries
/// of a key are chained in the order of their making, so that they can be walked, and go with the key.
pub struct MapTable {
    index: KeyIndex,
    /// First and last entry of a parent, by the parent's slot; stored one higher, 0 for none.
    heads: ValueTable<u32>,
    tails: ValueTable<u32>,
    /// Neighbours in a parent's chain, by entry; stored one higher.
    next: ValueTable<u32>,
    previous: ValueTable<u32>,
    parents: ValueTable<u32>,
    linked: ValueTable<bool>,
}

impl MapTable {
    /// # Errors
    /// When a type can't be a key.
    pub fn new(key_types: Vec<DataType>) -> Result<MapTable, StateError> {
        Ok(MapTable {
            index: KeyIndex::new(key_types)?,
            heads: ValueTable::default(),
            tails: ValueTable::default(),
            next: ValueTable::default(),
            previous: ValueTable::default(),
            parents: ValueTable::default(),
            linked: ValueTable::default(),
        })
    }

    /// The entry of each row's map key below the parent's slot; entries not known are made. Entries rise with the rows
    /// that make them.
    ///
    /// # Errors
    /// As [`KeyIndex::slots_for`].
    pub fn entries_for(
        &mut self,
        parents: &[u32],
        columns: &[ArrayRef],
        entries: &mut Vec<u32>,
    ) -> Result<(), StateError> {
        self.index
            .slots_below(columns, parents.len(), Some(parents), entries)?;
        let entries_end = self.index.slots_end();
        for table in [&mut self.next, &mut self.previous, &mut self.parents] {
            table.reserve_slots(entries_end);
        }
        self.linked.reserve_slots(entries_end);
        if let Some(most) = parents.iter().max() {
            self.heads.reserve_slots(*most as usize + 1);
            self.tails.reserve_slots(*most as usize + 1);
        }
        for (entry, parent) in entries.iter().zip(parents) {
            if !self.linked.get(*entry) {
                self.link(*parent, *entry);
            }
        }
        Ok(())
    }

    /// Every entry is below this: the length that the tables of the map's values need.
    pub fn entries_end(&self) -> usize {
        self.index.slots_end()
    }

    /// The entries of a parent, oldest first.
    pub fn entries_of(&self, parent: u32) -> impl Iterator<Item = u32> {
        let mut at = self
            .heads
            .values()
            .get(parent as usize)
            .copied()
            .unwrap_or(0);
        std::iter::from_fn(move || {
            let entry = at.checked_sub(1)?;
            at = self.next.get(entry);
            Some(entry)
        })
    }

    /// The map key columns of these entries.
    ///
    /// # Errors
    /// When a stored key can't be read: a bug.
    pub fn key_columns(&self, entries: &[u32]) -> Result<Vec<ArrayRef>, StateError> {
        self.index.key_columns(entries)
    }

    /// Removes one entry; the caller resets it in the tables of the map's values.
    pub fn remove(&mut self, entry: u32) {
        if entry == NO_SLOT || !self.index.is_live(entry) {
            return;
        }
        let parent = self.parents.get(entry);
        let (previous, next) = (self.previous.get(entry), self.next.get(entry));
        match previous.checked_sub(1) {
            Some(before) => self.next.set(before, next),
            None => self.heads.set(parent, next),
        }
        match next.checked_sub(1) {
            Some(after) => self.previous.set(after, previous),
            None => self.tails.set(parent, previous),
        }
        self.linked.set(entry, false);
        self.index.remove(entry);
    }

    /// Entries of all keys.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    pub fn memory_bytes(&self) -> usize {
        let words = [
            &self.heads,
            &self.tails,
            &self.next,
            &self.previous,
            &self.parents,
        ];
        self.index.memory_bytes()
            + words.iter().map(|t| t.memory_bytes()).sum::<usize>()
            + self.linked.memory_bytes()
    }

    fn link(&mut self, parent: u32, entry: u32) {
        let last = self.tails.get(parent);
        match last.checked_sub(1) {
            Some(before) => self.next.set(before, entry + 1),
            None => self.heads.set(parent, entry + 1),
        }
        self.previous.set(entry, last);
        self.next.set(entry, 0);
        self.tails.set(parent, entry + 1);
        self.parents.set(entry, parent);
        self.linked.set(entry, true);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Int64Array;

    use super::*;

    #[test]
    fn entries_are_walked_in_order_and_can_be_taken_out_anywhere() {
        let mut map = MapTable::new(vec![DataType::Int64]).unwrap();
        let keys: ArrayRef = Arc::new(Int64Array::from(vec![10, 20, 10, 30, 10]));
        let mut entries = Vec::new();
        map.entries_for(&[1, 1, 1, 1, 2], &[keys], &mut entries)
            .unwrap();
        assert_eq!(entries, [0, 1, 0, 2, 3]);
        assert_eq!(map.entries_of(1).collect::<Vec<_>>(), [0, 1, 2]);
        map.remove(1);
        assert_eq!(map.entries_of(1).collect::<Vec<_>>(), [0, 2]);
        map.remove(0);
        map.remove(2);
        assert_eq!(map.entries_of(1).count(), 0);
        assert_eq!(map.entries_of(2).collect::<Vec<_>>(), [3]);
        assert_eq!(map.len(), 1);
    }
}
