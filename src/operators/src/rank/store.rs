//! The rows of a Rank: stored once, in order below their partitions, and found again by key or by content.

use arrow::array::ArrayRef;
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, SchemaRef};
use filbert_graph::spec::{RankSpec, RankStrategy};
use filbert_state::{MapTable, SortKeyBatch, SortedTable, ValueTable, hash_rows};

use crate::columns::types_of;
use crate::error::{OperatorError, Result};
use crate::stored_rows::StoredRows;

pub(crate) struct RankStore {
    pub rows: StoredRows,
    pub sorted: SortedTable,
    /// The columns by which rows are the same: all but processing times.
    content: Vec<usize>,
    hashes: ValueTable<u64>,
    keyed: Option<Keyed>,
    /// Rows of the batch that were taken for stored ones, by their hashes.
    matched: (Vec<u32>, Vec<u32>),
}

/// Entries by row key.
struct Keyed {
    columns: Vec<usize>,
    index: MapTable,
    /// By key: its entry, one higher.
    entries: ValueTable<u32>,
    /// By entry: its key.
    keys: ValueTable<u32>,
    /// Keys that may have lost their entry.
    touched: Vec<u32>,
}

/// What a batch's rows are looked up by.
pub(crate) struct RowKeys {
    pub sort: SortKeyBatch,
    /// By content, where rows can be taken back or changed.
    hashes: Vec<u64>,
    /// By row key, where rows are changed by it.
    keys: Vec<u32>,
}

impl RankStore {
    pub fn new(spec: &RankSpec, input: &SchemaRef) -> Result<RankStore> {
        let types = types_of(input);
        let sort: Vec<(DataType, SortOptions)> = spec
            .order_by
            .iter()
            .map(|key| {
                let options = SortOptions::new(!key.ascending, key.nulls_first);
                (types[key.column].clone(), options)
            })
            .collect();
        let keyed = match &spec.strategy {
            RankStrategy::Update { key } => {
                let key_types = key.iter().map(|k| types[*k].clone()).collect();
                Some(Keyed {
                    columns: key.clone(),
                    index: MapTable::new(key_types)?,
                    entries: ValueTable::default(),
                    keys: ValueTable::default(),
                    touched: Vec::new(),
                })
            }
            _ => None,
        };
        Ok(RankStore {
            rows: StoredRows::new(input),
            sorted: SortedTable::new(&sort)?,
            content: (0..types.len())
                .filter(|c| !spec.processing_times.contains(c))
                .collect(),
            hashes: ValueTable::default(),
            keyed,
            matched: Default::default(),
        })
    }

    /// Sort keys, hashes and row keys of a batch.
    pub fn keys_of(
        &mut self,
        columns: &[ArrayRef],
        spec: &RankSpec,
        partitions: &[u32],
    ) -> Result<RowKeys> {
        let rows = partitions.len();
        let sort_columns = spec.order_by.iter();
        let sort_columns: Vec<ArrayRef> = sort_columns
            .map(|key| ArrayRef::clone(&columns[key.column]))
            .collect();
        let sort = self.sorted.keys_of(&sort_columns, rows)?;
        let hashes = match spec.strategy {
            RankStrategy::Append => Vec::new(),
            _ => {
                let content = self.content.iter();
                let content: Vec<ArrayRef> =
                    content.map(|c| ArrayRef::clone(&columns[*c])).collect();
                hash_rows(&content, rows)?
            }
        };
        let mut keys = Vec::new();
        if let Some(keyed) = &mut self.keyed {
            let key = keyed.columns.iter();
            let key: Vec<ArrayRef> = key.map(|k| ArrayRef::clone(&columns[*k])).collect();
            let index = &mut keyed.index;
            index.entries_for(partitions, &key, &mut keys)?;
            keyed.entries.reserve_slots(index.entries_end());
            keyed.touched.extend_from_slice(&keys);
        }
        Ok(RowKeys { sort, hashes, keys })
    }

    /// An entry for a row of the batch; it is in no order yet.
    pub fn accept(&mut self, keys: &RowKeys, row: usize) -> Result<u32> {
        let entry = self.rows.accept(row)?;
        if let Some(hash) = keys.hashes.get(row) {
            self.hashes.reserve_slots(entry as usize + 1);
            self.hashes.set(entry, *hash);
        }
        if let Some(keyed) = &mut self.keyed {
            keyed.entries.set(keys.keys[row], entry + 1);
            keyed.keys.reserve_slots(entry as usize + 1);
            keyed.keys.set(entry, keys.keys[row]);
        }
        Ok(entry)
    }

    /// The stored row with the row key of a batch's row.
    pub fn entry_of(&self, keys: &RowKeys, row: usize) -> Option<u32> {
        let keyed = self.keyed.as_ref()?;
        keyed.entries.get(keys.keys[row]).checked_sub(1)
    }

    /// Whether a stored row has the content of a batch's row.
    pub fn is_same(&mut self, keys: &RowKeys, row: usize, entry: u32) -> bool {
        if self.hashes.get(entry) != keys.hashes[row] {
            return false;
        }
        self.matched.0.push(row as u32);
        self.matched.1.push(entry);
        true
    }

    /// The stored row that a batch's row takes back: the first with its sort key and content.
    pub fn find(&mut self, partition: u32, keys: &RowKeys, row: usize) -> Option<(usize, u32)> {
        let first = self.sorted.lower_bound(partition, &keys.sort, row);
        let hashes = &self.hashes;
        let found = self
            .sorted
            .iter_from(partition, first)
            .take_while(|entry| self.sorted.compare(*entry, &keys.sort, row).is_eq())
            .enumerate()
            .find(|(_, entry)| hashes.get(*entry) == keys.hashes[row])?;
        self.matched.0.push(row as u32);
        self.matched.1.push(found.1);
        Some((first + found.0, found.1))
    }

    /// The row has left its partition.
    pub fn leave(&mut self, entry: u32) {
        self.rows.leave(entry);
        if let Some(keyed) = &mut self.keyed {
            let key = keyed.keys.get(entry);
            if keyed.entries.get(key) == entry + 1 {
                keyed.entries.reset(key);
                keyed.touched.push(key);
            }
        }
    }

    /// Writes the rows that were accepted since the last call.
    pub fn write(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.rows.write(columns)?;
        let (rows, entries) = &mut self.matched;
        if rows.is_empty() {
            return Ok(());
        }
        let equal = self.rows.equal(&self.content, columns, (rows, entries))?;
        if equal.contains(&false) {
            return Err(OperatorError::engine(
                "Two rows of one partition and sort key have the same hash.",
            ));
        }
        rows.clear();
        entries.clear();
        Ok(())
    }

    /// Forgets row keys without rows; between batches.
    pub fn forget_keys(&mut self) {
        let Some(keyed) = &mut self.keyed else { return };
        for key in keyed.touched.drain(..) {
            if keyed.entries.get(key) == 0 {
                keyed.index.remove(key);
            }
        }
    }

    pub fn memory_bytes(&self) -> usize {
        let keyed = self.keyed.as_ref().map_or(0, |k| {
            k.index.memory_bytes() + k.entries.memory_bytes() + k.keys.memory_bytes()
        });
        self.rows.memory_bytes() + self.sorted.memory_bytes() + self.hashes.memory_bytes() + keyed
    }
}
