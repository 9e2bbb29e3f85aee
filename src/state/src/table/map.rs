use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use crate::error::StateError;
use crate::key_index::{KeyIndex, NO_SLOT};
use crate::table::{Chains, ValueTable};

/// A map below each key: map keys to entry slots, under which the map's values stand in tables of their own. The entries
/// of a key are chained in the order of their making, so that they can be walked, and go with the key.
pub struct MapTable {
    index: KeyIndex,
    chains: Chains,
    linked: ValueTable<bool>,
}

impl MapTable {
    /// # Errors
    /// When a type can't be a key.
    pub fn new(key_types: Vec<DataType>) -> Result<MapTable, StateError> {
        Ok(MapTable {
            index: KeyIndex::new(key_types)?,
            chains: Chains::default(),
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
        let parents_end = parents.iter().max().map_or(0, |most| *most as usize + 1);
        self.chains.reserve(parents_end, entries_end);
        self.linked.reserve_slots(entries_end);
        for (entry, parent) in entries.iter().zip(parents) {
            if !self.linked.get(*entry) {
                self.chains.link(*parent, *entry);
                self.linked.set(*entry, true);
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
        self.chains.entries_of(parent)
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
        self.chains.unlink(entry);
        self.linked.set(entry, false);
        self.index.remove(entry);
    }

    /// Removes all entries; the next is 0 again.
    pub fn clear(&mut self) {
        self.index.clear();
        self.chains.clear();
        self.linked.clear();
    }

    /// Entries of all keys.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    pub fn memory_bytes(&self) -> usize {
        self.index.memory_bytes() + self.chains.memory_bytes() + self.linked.memory_bytes()
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
        map.clear();
        assert!(map.is_empty());
        let keys: ArrayRef = Arc::new(Int64Array::from(vec![30, 10]));
        map.entries_for(&[2, 1], &[keys], &mut entries).unwrap();
        assert_eq!(entries, [0, 1]);
        assert_eq!(map.entries_of(2).collect::<Vec<_>>(), [0]);
    }
}
