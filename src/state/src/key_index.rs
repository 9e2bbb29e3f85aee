//! Keys to slots: a batch of keys is hashed once and each row gets the number under which the key's values stand in the
//! tables of the same operator.
//!
//! A slot stays with its key until the key is removed, and is given out again afterwards. Keys are compared as typed
//! values where up to four integer-like columns or one string-like make the key, else as Arrow's comparable rows (in memory
//! only: rows are no lasting format). NULL equals NULL. A table below another one (the values of a DISTINCT, the rows of
//! a join key) takes the slot of the parent as a part of the key.
//!
//! A backend that evicts keys to disk fits behind the same calls: `slots_for` is where it brings keys in, and slots it
//! has given out in a batch stay in place until the next batch.

use arrow::array::cast::AsArray;
use arrow::array::{Array, ArrayRef, PrimitiveArray, new_empty_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use arrow::row::{RowConverter, Rows, SortField};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::arena::{ByteArena, byte_views};
use crate::error::StateError;
use crate::hash::{hash_bytes, mix};

mod ints;

use ints::{Ints, ints_hash};

/// Says that a key has no slot.
pub const NO_SLOT: u32 = u32::MAX;

const NULL_KEY_HASH: u64 = 0x5bd1_e995_9e37_79b9;

/// The keys that an operator's state knows, and their slots.
pub struct KeyIndex {
    types: Vec<DataType>,
    keys: Keys,
    table: HashTable<u32>,
    /// The slot of the parent table's key, by slot; empty for a table of its own.
    parents: Vec<u32>,
    live: Vec<bool>,
    free: Vec<u32>,
}

enum Keys {
    /// No key columns: one slot (for each parent).
    Unit,
    /// A few columns that fit 64 bits each.
    Ints(Ints),
    /// One column of strings or bytes.
    Bytes(ByteArena),
    /// Anything else.
    Rows {
        converter: RowConverter,
        arena: ByteArena,
    },
}

/// Keys of more columns are compared as rows.
const INTS_MAX: usize = 4;

/// The keys of a batch in the form that the index compares.
enum KeyBatch {
    Unit(usize),
    Ints(Vec<PrimitiveArray<Int64Type>>),
    Bytes(ArrayRef),
    Rows(Rows),
}

impl KeyIndex {
    /// An index of keys with these column types.
    ///
    /// # Errors
    /// When a type can't be a key.
    pub fn new(types: Vec<DataType>) -> Result<KeyIndex, StateError> {
        let keys = match types.as_slice() {
            [] => Keys::Unit,
            few if few.len() <= INTS_MAX && few.iter().all(fits_64_bits) => {
                Keys::Ints(Ints::new(few.len()))
            }
            [DataType::Utf8View | DataType::BinaryView] => Keys::Bytes(ByteArena::default()),
            many => {
                let fields = many.iter().map(|t| SortField::new(t.clone())).collect();
                Keys::Rows {
                    converter: RowConverter::new(fields)?,
                    arena: ByteArena::default(),
                }
            }
        };
        Ok(KeyIndex {
            types,
            keys,
            table: HashTable::new(),
            parents: Vec::new(),
            live: Vec::new(),
            free: Vec::new(),
        })
    }

    /// Keys known.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Every slot is below this: the length that the tables of the operator need.
    pub fn slots_end(&self) -> usize {
        self.live.len()
    }

    pub fn is_live(&self, slot: u32) -> bool {
        self.live.get(slot as usize).copied().unwrap_or(false)
    }

    /// Slots in use, rising.
    pub fn live_slots(&self) -> impl Iterator<Item = u32> {
        (0u32..)
            .zip(&self.live)
            .filter(|(_, live)| **live)
            .map(|(slot, _)| slot)
    }

    /// The slot of each row's key; keys not known get one. `slots` is overwritten.
    ///
    /// # Errors
    /// When the columns are not of the index's types, or there are too many keys.
    pub fn slots_for(
        &mut self,
        columns: &[ArrayRef],
        rows: usize,
        slots: &mut Vec<u32>,
    ) -> Result<(), StateError> {
        self.slots_below(columns, rows, None, slots)
    }

    /// As `slots_for`, each key below the parent's slot in `parents`.
    ///
    /// # Errors
    /// As `slots_for`.
    pub fn slots_below(
        &mut self,
        columns: &[ArrayRef],
        rows: usize,
        parents: Option<&[u32]>,
        slots: &mut Vec<u32>,
    ) -> Result<(), StateError> {
        slots.clear();
        slots.reserve(rows);
        if self.live.len() + rows >= NO_SLOT as usize {
            return Err(StateError::Full(NO_SLOT as usize - 1));
        }
        match self.key_batch(columns, rows)? {
            KeyBatch::Unit(rows) => (0..rows).for_each(|i| {
                let parent = parents.map_or(0, |p| p[i]);
                slots.push(self.insert_unit(parent));
            }),
            KeyBatch::Ints(columns) => match columns.as_slice() {
                [a] => self.insert_ints([a], rows, parents, slots),
                [a, b] => self.insert_ints([a, b], rows, parents, slots),
                [a, b, c] => self.insert_ints([a, b, c], rows, parents, slots),
                [a, b, c, d] => self.insert_ints([a, b, c, d], rows, parents, slots),
                _ => {}
            },
            KeyBatch::Bytes(array) => for_each_bytes(&array, |i, value| {
                let parent = parents.map_or(0, |p| p[i]);
                slots.push(self.insert_bytes(value, parent));
            }),
            KeyBatch::Rows(batch) => {
                for (i, row) in batch.iter().enumerate() {
                    let parent = parents.map_or(0, |p| p[i]);
                    slots.push(self.insert_bytes(Some(row.as_ref()), parent));
                }
            }
        }
        Ok(())
    }

    /// Forgets a key; its slot will be given out again. The caller has reset the slot in the operator's tables.
    pub fn remove(&mut self, slot: u32) {
        if !self.is_live(slot) {
            return;
        }
        let hash = self.hash_of(slot);
        if let Ok(entry) = self.table.find_entry(hash, |s| *s == slot) {
            entry.remove();
        }
        self.live[slot as usize] = false;
        self.free.push(slot);
        if let Keys::Bytes(arena) | Keys::Rows { arena, .. } = &mut self.keys {
            arena.clear(slot);
        }
    }

    /// Forgets all keys; slots are given out from 0 again. The memory is kept for the next ones.
    pub fn clear(&mut self) {
        self.table.clear();
        self.parents.clear();
        self.live.clear();
        self.free.clear();
        match &mut self.keys {
            Keys::Unit => {}
            Keys::Ints(ints) => ints.clear(),
            Keys::Bytes(arena) | Keys::Rows { arena, .. } => arena.clear_all(),
        }
    }

    /// The key columns of these slots.
    ///
    /// # Errors
    /// When a stored key can't be read: a bug.
    pub fn key_columns(&self, slots: &[u32]) -> Result<Vec<ArrayRef>, StateError> {
        match &self.keys {
            Keys::Unit => Ok(Vec::new()),
            Keys::Ints(ints) => {
                let columns = self.types.iter().enumerate();
                columns
                    .map(|(column, ty)| from_i64(&ints.column(column, slots)?, ty))
                    .collect()
            }
            Keys::Bytes(arena) => {
                let values = slots.iter().map(|slot| arena.get(*slot));
                Ok(vec![byte_views(values, &self.types[0])])
            }
            Keys::Rows { converter, arena } => {
                if slots.is_empty() {
                    return Ok(self.types.iter().map(new_empty_array).collect());
                }
                let parser = converter.parser();
                let rows = slots
                    .iter()
                    .map(|s| parser.parse(arena.get(*s).unwrap_or_default()));
                Ok(converter.convert_rows(rows)?)
            }
        }
    }

    /// Bytes that the index occupies.
    pub fn memory_bytes(&self) -> usize {
        let keys = match &self.keys {
            Keys::Unit => 0,
            Keys::Ints(ints) => ints.memory_bytes(),
            Keys::Bytes(arena) | Keys::Rows { arena, .. } => arena.memory_bytes(),
        };
        keys + self.table.capacity() * 5
            + self.parents.capacity() * 4
            + self.live.capacity()
            + self.free.capacity() * 4
    }

    fn key_batch(&self, columns: &[ArrayRef], rows: usize) -> Result<KeyBatch, StateError> {
        Ok(match &self.keys {
            Keys::Unit => KeyBatch::Unit(rows),
            Keys::Ints(_) => KeyBatch::Ints(columns.iter().map(to_i64).collect::<Result<_, _>>()?),
            Keys::Bytes(_) => KeyBatch::Bytes(ArrayRef::clone(&columns[0])),
            Keys::Rows { converter, .. } => KeyBatch::Rows(converter.convert_columns(columns)?),
        })
    }

    fn hash_of(&self, slot: u32) -> u64 {
        let parent = self.parents.get(slot as usize).copied().unwrap_or(0);
        with_parent(
            match &self.keys {
                Keys::Unit => 0,
                Keys::Ints(ints) => ints.hash_of(slot),
                Keys::Bytes(arena) | Keys::Rows { arena, .. } => bytes_hash(arena.get(slot)),
            },
            parent,
        )
    }

    fn insert_unit(&mut self, parent: u32) -> u32 {
        let hash = with_parent(0, parent);
        let parents = &self.parents;
        let found = self.table.entry(
            hash,
            |s| parents[*s as usize] == parent,
            |s| with_parent(0, parents[*s as usize]),
        );
        match found {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let slot = next_slot(&mut self.free, &mut self.live);
                entry.insert(slot);
                put(&mut self.parents, slot, parent);
                slot
            }
        }
    }

    fn insert_ints<const W: usize>(
        &mut self,
        columns: [&PrimitiveArray<Int64Type>; W],
        rows: usize,
        parents: Option<&[u32]>,
        slots: &mut Vec<u32>,
    ) {
        for row in 0..rows {
            let mut key = [0; W];
            let mut nulls = 0;
            for (at, column) in columns.iter().enumerate() {
                if column.is_null(row) {
                    nulls |= 1 << at;
                } else {
                    key[at] = column.value(row);
                }
            }
            slots.push(self.insert_int_key(key, nulls, parents.map_or(0, |p| p[row])));
        }
    }

    #[inline]
    fn insert_int_key<const W: usize>(&mut self, key: [i64; W], null: u8, parent: u32) -> u32 {
        let Keys::Ints(ints) = &mut self.keys else {
            return NO_SLOT;
        };
        let hash = with_parent(ints_hash(&key, null), parent);
        let parents = &mut self.parents;
        let found = self.table.entry(
            hash,
            |s| ints.holds(*s, key, null) && parents[*s as usize] == parent,
            |s| with_parent(ints.hash_of(*s), parents[*s as usize]),
        );
        match found {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let slot = next_slot(&mut self.free, &mut self.live);
                entry.insert(slot);
                ints.set(slot, key, null);
                put(parents, slot, parent);
                slot
            }
        }
    }

    fn insert_bytes(&mut self, value: Option<&[u8]>, parent: u32) -> u32 {
        let (Keys::Bytes(arena) | Keys::Rows { arena, .. }) = &mut self.keys else {
            return NO_SLOT;
        };
        let hash = with_parent(bytes_hash(value), parent);
        let parents = &mut self.parents;
        let found = self.table.entry(
            hash,
            |s| arena.get(*s) == value && parents[*s as usize] == parent,
            |s| with_parent(bytes_hash(arena.get(*s)), parents[*s as usize]),
        );
        match found {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let slot = next_slot(&mut self.free, &mut self.live);
                entry.insert(slot);
                arena.set(slot, value);
                put(parents, slot, parent);
                slot
            }
        }
    }
}

fn next_slot(free: &mut Vec<u32>, live: &mut Vec<bool>) -> u32 {
    if let Some(slot) = free.pop() {
        live[slot as usize] = true;
        return slot;
    }
    live.push(true);
    (live.len() - 1) as u32
}

fn put<T: Copy + Default>(values: &mut Vec<T>, slot: u32, value: T) {
    let slot = slot as usize;
    if slot == values.len() {
        values.push(value);
    } else {
        values[slot] = value;
    }
}

#[inline]
fn bytes_hash(value: Option<&[u8]>) -> u64 {
    value.map_or(NULL_KEY_HASH, hash_bytes)
}

#[inline]
fn with_parent(hash: u64, parent: u32) -> u64 {
    if parent == 0 {
        hash
    } else {
        mix(hash ^ (u64::from(parent) << 32))
    }
}

fn fits_64_bits(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Date32
            | DataType::Time32(TimeUnit::Millisecond)
            | DataType::Timestamp(..)
            | DataType::Duration(TimeUnit::Millisecond)
    )
}

fn to_i64(array: &ArrayRef) -> Result<PrimitiveArray<Int64Type>, StateError> {
    let wide = match array.data_type() {
        DataType::Time32(_) => cast(&cast(array, &DataType::Int32)?, &DataType::Int64)?,
        DataType::Date32 => cast(&cast(array, &DataType::Int32)?, &DataType::Int64)?,
        DataType::Int64 => ArrayRef::clone(array),
        _ => cast(array, &DataType::Int64)?,
    };
    Ok(wide.as_primitive::<Int64Type>().clone())
}

fn from_i64(array: &PrimitiveArray<Int64Type>, ty: &DataType) -> Result<ArrayRef, StateError> {
    Ok(match ty {
        DataType::Time32(_) | DataType::Date32 => cast(&cast(array, &DataType::Int32)?, ty)?,
        _ => cast(array, ty)?,
    })
}

fn for_each_bytes(array: &ArrayRef, mut each: impl FnMut(usize, Option<&[u8]>)) {
    if let Some(strings) = array.as_string_view_opt() {
        for (i, value) in strings.iter().enumerate() {
            each(i, value.map(str::as_bytes));
        }
    } else if let Some(bytes) = array.as_binary_view_opt() {
        for (i, value) in bytes.iter().enumerate() {
            each(i, value);
        }
    }
}

#[cfg(test)]
mod tests;
