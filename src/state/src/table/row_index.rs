use std::collections::HashSet;

use arrow::array::ArrayRef;
use hashbrown::HashTable;

use crate::error::StateError;
use crate::hash::hash_rows;
use crate::table::RowTable;

/// Finds the rows of a [`RowTable`] by some of their columns, so that those are stored once: 8 bytes of hash a row, and
/// about 6 of the table.
pub struct RowIndex {
    /// The columns by which a row is found.
    columns: Vec<usize>,
    /// Hashes by slot.
    hashes: Vec<u64>,
    table: HashTable<u32>,
}

impl RowIndex {
    /// An index by these columns; equal rows (NULL equals NULL) are one.
    pub fn new(columns: Vec<usize>) -> RowIndex {
        RowIndex {
            columns,
            hashes: Vec::new(),
            table: HashTable::new(),
        }
    }

    /// The slot of each of these rows of columns of this length, by position in `wanted`; rows not known are stored first. Gives, rising, the
    /// positions in `wanted` whose rows were stored.
    ///
    /// # Errors
    /// When the columns are not of the table's types, or a type can't be a key.
    pub fn slots_for(
        &mut self,
        rows: &mut RowTable,
        columns: &[ArrayRef],
        length: usize,
        wanted: &[u32],
        slots: &mut Vec<u32>,
    ) -> Result<Vec<u32>, StateError> {
        slots.clear();
        slots.resize(wanted.len(), 0);
        let keys: Vec<ArrayRef> = self
            .columns
            .iter()
            .map(|c| ArrayRef::clone(&columns[*c]))
            .collect();
        let hashes = hash_rows(&keys, length)?;
        let mut stored = Vec::new();
        let mut open: Vec<u32> = (0..wanted.len() as u32).collect();
        loop {
            open = self.find(rows, &keys, &hashes, wanted, open, slots)?;
            if open.is_empty() {
                stored.sort_unstable();
                return Ok(stored);
            }
            // Of equal hashes only the first is stored; the next round finds whether the others equal it.
            let mut seen = HashSet::with_capacity(open.len());
            let first: Vec<u32> = open
                .iter()
                .copied()
                .filter(|at| seen.insert(hashes[wanted[*at as usize] as usize]))
                .collect();
            self.store(rows, columns, &hashes, wanted, &first, slots)?;
            stored.extend_from_slice(&first);
            let mut first = first.into_iter().peekable();
            open.retain(|at| first.next_if_eq(at).is_none());
        }
    }

    /// Looks these positions up; gives those that no stored row equals.
    fn find(
        &self,
        rows: &RowTable,
        keys: &[ArrayRef],
        hashes: &[u64],
        wanted: &[u32],
        mut open: Vec<u32>,
        slots: &mut [u32],
    ) -> Result<Vec<u32>, StateError> {
        let mut unknown = Vec::new();
        // Two rows of one hash are rare: the first candidates of all rows are compared at once, then the second.
        for round in 0.. {
            let (mut at, mut wanted_rows, mut candidates) = (Vec::new(), Vec::new(), Vec::new());
            for position in open {
                let row = wanted[position as usize];
                match self.candidate(hashes[row as usize], round) {
                    Some(slot) => {
                        at.push(position);
                        wanted_rows.push(row);
                        candidates.push(slot);
                    }
                    None => unknown.push(position),
                }
            }
            if at.is_empty() {
                break;
            }
            let equal = rows.equal_in(&self.columns, keys, &wanted_rows, &candidates)?;
            open = Vec::new();
            for ((position, slot), equal) in at.into_iter().zip(candidates).zip(equal) {
                if equal {
                    slots[position as usize] = slot;
                } else {
                    open.push(position);
                }
            }
        }
        unknown.sort_unstable();
        Ok(unknown)
    }

    /// The stored row number `round` with this hash.
    fn candidate(&self, hash: u64, round: usize) -> Option<u32> {
        if round == 0 {
            let found = self.table.find(hash, |s| self.hashes[*s as usize] == hash);
            return found.copied();
        }
        self.table
            .iter_hash(hash)
            .filter(|s| self.hashes[**s as usize] == hash)
            .nth(round)
            .copied()
    }

    fn store(
        &mut self,
        rows: &mut RowTable,
        columns: &[ArrayRef],
        hashes: &[u64],
        wanted: &[u32],
        positions: &[u32],
        slots: &mut [u32],
    ) -> Result<(), StateError> {
        let picked: Vec<u32> = positions.iter().map(|p| wanted[*p as usize]).collect();
        let mut made = Vec::new();
        rows.insert(columns, &picked, &mut made)?;
        self.hashes.resize(rows.slots_end(), 0);
        for ((position, row), slot) in positions.iter().zip(&picked).zip(&made) {
            let hash = hashes[*row as usize];
            self.hashes[*slot as usize] = hash;
            let stored = &self.hashes;
            self.table
                .insert_unique(hash, *slot, |s| stored[*s as usize]);
            slots[*position as usize] = *slot;
        }
        Ok(())
    }

    /// Forgets a row; the caller removes it from the table of rows.
    pub fn remove(&mut self, slot: u32) {
        let Some(hash) = self.hashes.get(slot as usize) else {
            return;
        };
        if let Ok(entry) = self.table.find_entry(*hash, |s| *s == slot) {
            entry.remove();
        }
    }

    pub fn memory_bytes(&self) -> usize {
        self.hashes.capacity() * 8 + self.table.capacity() * 5
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringViewArray};
    use arrow::datatypes::DataType;

    use super::*;

    #[test]
    fn equal_rows_have_one_slot() {
        let mut rows = RowTable::new(&[DataType::Int64, DataType::Utf8View]);
        let mut index = RowIndex::new(vec![0, 1]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![
                Some(1),
                None,
                Some(1),
                None,
                Some(2),
            ])),
            Arc::new(StringViewArray::from(vec!["a", "b", "a", "b", "a"])),
        ];
        let mut slots = Vec::new();
        let stored = index
            .slots_for(&mut rows, &columns, 5, &[0, 1, 2, 3, 4], &mut slots)
            .unwrap();
        assert_eq!(slots, [0, 1, 0, 1, 2]);
        assert_eq!(stored, [0, 1, 4]);
        index.remove(1);
        rows.remove(1);
        let stored = index
            .slots_for(&mut rows, &columns, 5, &[4, 3, 3], &mut slots)
            .unwrap();
        assert_eq!(slots, [2, 1, 1]);
        assert_eq!(stored, [1]);
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn some_columns_can_make_the_key() {
        let mut rows = RowTable::new(&[DataType::Int64, DataType::Utf8View]);
        let mut index = RowIndex::new(vec![0]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![7, 7, 8])),
            Arc::new(StringViewArray::from(vec!["a", "b", "c"])),
        ];
        let mut slots = Vec::new();
        index
            .slots_for(&mut rows, &columns, 3, &[0, 1, 2], &mut slots)
            .unwrap();
        assert_eq!(slots, [0, 0, 1]);
    }
}
