//! A function's declared state, by the slots of its keys.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use filbert_functions::StateDeclaration;
use filbert_functions::Value;
use filbert_functions::process_table_function::StateKind;
use filbert_functions::value::column_of;
use filbert_state::{Chains, MapTable, NO_SLOT, RowTable, ValueTable};

use crate::error::{OperatorError, Result};

/// One state of all keys.
#[expect(clippy::large_enum_variant, reason = "a function declares few")]
pub(super) enum Store {
    Value(ValueStore),
    List(ListStore),
    Map(MapStore),
}

/// A value a key, or none.
pub(super) struct ValueStore {
    ty: DataType,
    rows: RowTable,
    /// The row of each key's slot, one higher; 0 for none.
    places: ValueTable<u32>,
}

/// Values below a key, in the order of their coming.
pub(super) struct ListStore {
    ty: DataType,
    rows: RowTable,
    chains: Chains,
}

/// Values below a key by keys of their own.
pub(super) struct MapStore {
    key_type: DataType,
    value_type: DataType,
    map: MapTable,
    rows: RowTable,
    /// The row of each entry, one higher; 0 for none.
    places: ValueTable<u32>,
    scratch: Vec<u32>,
}

/// What a user's value doesn't fit.
pub(super) fn misfit(error: String) -> OperatorError {
    OperatorError::user(error)
}

impl Store {
    pub fn new(declared: &StateDeclaration) -> Result<Store> {
        Ok(match &declared.kind {
            StateKind::Value(ty) => Store::Value(ValueStore {
                ty: ty.arrow(),
                rows: RowTable::new(&[ty.arrow()]),
                places: ValueTable::default(),
            }),
            StateKind::List(element) => Store::List(ListStore {
                ty: element.arrow(),
                rows: RowTable::new(&[element.arrow()]),
                chains: Chains::default(),
            }),
            StateKind::Map(key, value) => Store::Map(MapStore {
                key_type: key.arrow(),
                value_type: value.arrow(),
                map: MapTable::new(vec![key.arrow()])?,
                rows: RowTable::new(&[value.arrow()]),
                places: ValueTable::default(),
                scratch: Vec::new(),
            }),
        })
    }

    pub fn reserve_slots(&mut self, slots_end: usize) {
        match self {
            Store::Value(store) => store.places.reserve_slots(slots_end),
            Store::List(store) => store.chains.reserve(slots_end, 0),
            Store::Map(_) => {}
        }
    }

    /// Whether nothing is kept for a key.
    pub fn is_empty(&self, slot: u32) -> bool {
        match self {
            Store::Value(store) => store.places.get(slot) == 0,
            Store::List(store) => store.chains.entries_of(slot).next().is_none(),
            Store::Map(store) => store.map.entries_of(slot).next().is_none(),
        }
    }

    pub fn clear(&mut self, slot: u32) {
        match self {
            Store::Value(store) => store.remove(slot),
            Store::List(store) => store.clear(slot),
            Store::Map(store) => {
                let entries: Vec<u32> = store.map.entries_of(slot).collect();
                entries.into_iter().for_each(|entry| store.remove(entry));
            }
        }
    }

    pub fn memory_bytes(&self) -> usize {
        match self {
            Store::Value(store) => store.rows.memory_bytes() + store.places.memory_bytes(),
            Store::List(store) => store.rows.memory_bytes(),
            Store::Map(store) => {
                store.map.memory_bytes() + store.rows.memory_bytes() + store.places.memory_bytes()
            }
        }
    }
}

fn values(column: &ArrayRef) -> Result<Vec<Value>> {
    (0..column.len())
        .map(|row| Value::of(column, row).map_err(misfit))
        .collect()
}

/// Writes values: those with a row over it, the others into new rows; gives the row of each.
fn write(
    table: &mut RowTable,
    ty: &DataType,
    changes: &[(u32, &Value)],
    place: impl Fn(u32) -> u32,
) -> Result<Vec<u32>> {
    let column = column_of(ty, changes.iter().map(|(_, value)| *value)).map_err(misfit)?;
    let mut rows = Vec::with_capacity(changes.len());
    for (slot, _) in changes {
        rows.push(match place(*slot) {
            0 => table.reserve()?,
            row => row - 1,
        });
    }
    let picks: Vec<u32> = (0..changes.len() as u32).collect();
    table.replace(&[column], &picks, &rows)?;
    Ok(rows)
}

impl ValueStore {
    /// The values of these keys.
    pub fn load(&self, slots: &[u32]) -> Result<Vec<Value>> {
        let rows = slots.iter().map(|slot| match self.places.get(*slot) {
            0 => NO_SLOT,
            row => row - 1,
        });
        let rows: Vec<u32> = rows.collect();
        values(&self.rows.gather_column(0, &rows)?)
    }

    /// Keeps values, each key's once; NULL for none.
    pub fn store(&mut self, changes: &[(u32, &Value)]) -> Result<()> {
        let (kept, gone): (Vec<_>, Vec<_>) = changes.iter().partition(|(_, v)| !v.is_null());
        gone.iter().for_each(|(slot, _)| self.remove(*slot));
        let rows = write(&mut self.rows, &self.ty, &kept, |slot| {
            self.places.get(slot)
        })?;
        for ((slot, _), row) in kept.iter().zip(rows) {
            self.places.set(*slot, row + 1);
        }
        Ok(())
    }

    fn remove(&mut self, slot: u32) {
        if let Some(row) = self.places.get(slot).checked_sub(1) {
            self.rows.remove(row);
            self.places.set(slot, 0);
        }
    }
}

impl ListStore {
    pub fn load(&self, slot: u32) -> Result<Vec<Value>> {
        let rows: Vec<u32> = self.chains.entries_of(slot).collect();
        values(&self.rows.gather_column(0, &rows)?)
    }

    pub fn append(&mut self, added: &[(u32, &Value)]) -> Result<()> {
        let rows = write(&mut self.rows, &self.ty, added, |_| 0)?;
        let parents = added.iter().map(|(slot, _)| *slot as usize + 1).max();
        self.chains
            .reserve(parents.unwrap_or(0), self.rows.slots_end());
        for ((slot, _), row) in added.iter().zip(rows) {
            self.chains.link(*slot, row);
        }
        Ok(())
    }

    pub fn clear(&mut self, slot: u32) {
        let rows: Vec<u32> = self.chains.entries_of(slot).collect();
        for row in rows {
            self.chains.unlink(row);
            self.rows.remove(row);
        }
    }
}

impl MapStore {
    fn value_of(&self, entry: u32) -> Result<Value> {
        let row = self.places.get(entry).checked_sub(1).unwrap_or(NO_SLOT);
        let column = self.rows.gather_column(0, &[row])?;
        Value::of(&column, 0).map_err(misfit)
    }

    /// The entry of a key; none where it isn't there.
    fn find(&mut self, slot: u32, key: &Value) -> Result<Option<u32>> {
        let column = column_of(&self.key_type, std::iter::once(key)).map_err(misfit)?;
        let known = self.map.len();
        let entries = &mut self.scratch;
        self.map.entries_for(&[slot], &[column], entries)?;
        let Some(entry) = entries.first().copied() else {
            return Ok(None);
        };
        if self.map.len() > known {
            self.map.remove(entry);
            return Ok(None);
        }
        Ok(Some(entry))
    }

    pub fn get(&mut self, slot: u32, key: &Value) -> Result<Option<Value>> {
        match self.find(slot, key)? {
            Some(entry) => self.value_of(entry).map(Some),
            None => Ok(None),
        }
    }

    /// All pairs of a key.
    pub fn load(&self, slot: u32) -> Result<Vec<(Value, Value)>> {
        let entries: Vec<u32> = self.map.entries_of(slot).collect();
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let keys = self.map.key_columns(&entries)?;
        let rows = entries.iter().map(|e| self.places.get(*e).checked_sub(1));
        let rows: Vec<u32> = rows.map(|row| row.unwrap_or(NO_SLOT)).collect();
        let column = self.rows.gather_column(0, &rows)?;
        Ok(values(&keys[0])?
            .into_iter()
            .zip(values(&column)?)
            .collect())
    }

    /// Keeps pairs, each key's once.
    pub fn put(&mut self, pairs: &[(u32, &Value, &Value)]) -> Result<()> {
        if pairs.is_empty() {
            return Ok(());
        }
        let keys = column_of(&self.key_type, pairs.iter().map(|(_, key, _)| *key));
        let slots: Vec<u32> = pairs.iter().map(|(slot, ..)| *slot).collect();
        let mut entries = std::mem::take(&mut self.scratch);
        self.map
            .entries_for(&slots, &[keys.map_err(misfit)?], &mut entries)?;
        self.places.reserve_slots(self.map.entries_end());
        let changes = entries.iter().zip(pairs);
        let changes: Vec<(u32, &Value)> = changes.map(|(e, (_, _, value))| (*e, *value)).collect();
        let rows = write(&mut self.rows, &self.value_type, &changes, |entry| {
            self.places.get(entry)
        })?;
        for ((entry, _), row) in changes.iter().zip(rows) {
            self.places.set(*entry, row + 1);
        }
        self.scratch = entries;
        Ok(())
    }

    pub fn remove_key(&mut self, slot: u32, key: &Value) -> Result<()> {
        if let Some(entry) = self.find(slot, key)? {
            self.remove(entry);
        }
        Ok(())
    }

    fn remove(&mut self, entry: u32) {
        if let Some(row) = self.places.get(entry).checked_sub(1) {
            self.rows.remove(row);
            self.places.set(entry, 0);
        }
        self.map.remove(entry);
    }
}
