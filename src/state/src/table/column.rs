use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::{Array, ArrayData, ArrayRef, BooleanArray, make_array, new_null_array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::compute::interleave;
use arrow::datatypes::{ArrowNativeType, DataType, IntervalUnit};

use crate::arena::byte_views;
use crate::error::StateError;
use crate::key_index::NO_SLOT;
use crate::table::texts::Texts;

/// One column of a [`RowTable`](crate::RowTable): values by slot.
pub(super) struct StoredColumn {
    ty: DataType,
    values: Values,
}

/// One value of a row, as it is stored: whatever fits 64 bits as an integer (of a float its bits), DECIMAL as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    Null,
    Int(i64),
    Wide(i128),
    Bytes(&'a [u8]),
    /// A nested value, which only arrays hold.
    Nested,
}

enum Values {
    W1(Fixed<i8>),
    W2(Fixed<i16>),
    W4(Fixed<i32>),
    W8(Fixed<i64>),
    W16(Fixed<i128>),
    /// Strings and bytes.
    Bytes(Texts),
    /// Nested values, in the arrays that they came in.
    Chunks(Chunks),
}

impl StoredColumn {
    pub fn new(ty: &DataType) -> StoredColumn {
        let values = match (ty, width(ty)) {
            (DataType::Utf8View | DataType::BinaryView, _) => Values::Bytes(Texts::default()),
            (_, Some(1)) => Values::W1(Fixed::default()),
            (_, Some(2)) => Values::W2(Fixed::default()),
            (_, Some(4)) => Values::W4(Fixed::default()),
            (_, Some(8)) => Values::W8(Fixed::default()),
            (_, Some(16)) => Values::W16(Fixed::default()),
            _ => Values::Chunks(Chunks::default()),
        };
        StoredColumn {
            ty: ty.clone(),
            values,
        }
    }

    /// Writes row `rows[i]` of the column at `slots[i]`; every slot is below `slots_end`.
    pub fn write(
        &mut self,
        column: &ArrayRef,
        rows: &[u32],
        slots: &[u32],
        slots_end: usize,
    ) -> Result<(), StateError> {
        if *column.data_type() != self.ty {
            return Err(StateError::Arrow(arrow::error::ArrowError::SchemaError(
                format!("a column of {} stands for {}", column.data_type(), self.ty),
            )));
        }
        match &mut self.values {
            Values::W1(fixed) if self.ty == DataType::Boolean => {
                let array = column.as_boolean();
                fixed.write(array.nulls(), rows, slots, slots_end, |row| {
                    i8::from(array.value(row))
                });
            }
            Values::W1(fixed) => fixed.write_array(column, rows, slots, slots_end),
            Values::W2(fixed) => fixed.write_array(column, rows, slots, slots_end),
            Values::W4(fixed) => fixed.write_array(column, rows, slots, slots_end),
            Values::W8(fixed) => fixed.write_array(column, rows, slots, slots_end),
            Values::W16(fixed) => fixed.write_array(column, rows, slots, slots_end),
            Values::Bytes(texts) => write_bytes(texts, column, rows, slots),
            Values::Chunks(chunks) => chunks.write(column, rows, slots, slots_end)?,
        }
        Ok(())
    }

    pub fn gather(&self, slots: &[u32]) -> Result<ArrayRef, StateError> {
        match &self.values {
            Values::W1(fixed) if self.ty == DataType::Boolean => {
                let (values, nulls) = fixed.gather(slots);
                let values = BooleanBuffer::from_iter(values.iter().map(|v| *v != 0));
                Ok(Arc::new(BooleanArray::new(values, nulls)))
            }
            Values::W1(fixed) => fixed.gather_array(slots, &self.ty),
            Values::W2(fixed) => fixed.gather_array(slots, &self.ty),
            Values::W4(fixed) => fixed.gather_array(slots, &self.ty),
            Values::W8(fixed) => fixed.gather_array(slots, &self.ty),
            Values::W16(fixed) => fixed.gather_array(slots, &self.ty),
            Values::Bytes(texts) => {
                let values = slots.iter().map(|slot| texts.get(*slot));
                Ok(byte_views(values, &self.ty))
            }
            Values::Chunks(chunks) => chunks.gather(slots, &self.ty),
        }
    }

    /// The value in a slot, as it is stored.
    pub fn cell(&self, slot: u32) -> Cell<'_> {
        let at = slot as usize;
        match &self.values {
            Values::W1(fixed) => fixed.cell(at, |v| Cell::Int(i64::from(v))),
            Values::W2(fixed) => fixed.cell(at, |v| Cell::Int(i64::from(v))),
            Values::W4(fixed) => fixed.cell(at, |v| Cell::Int(i64::from(v))),
            Values::W8(fixed) => fixed.cell(at, Cell::Int),
            Values::W16(fixed) => fixed.cell(at, Cell::Wide),
            Values::Bytes(texts) => texts.get(slot).map_or(Cell::Null, Cell::Bytes),
            Values::Chunks(_) => Cell::Nested,
        }
    }

    /// The slot's value isn't needed any more.
    pub fn clear(&mut self, slot: u32) {
        match &mut self.values {
            Values::Bytes(texts) => texts.clear(slot),
            Values::Chunks(chunks) => chunks.clear(slot),
            _ => {}
        }
    }

    pub fn memory_bytes(&self) -> usize {
        match &self.values {
            Values::W1(fixed) => fixed.memory_bytes(),
            Values::W2(fixed) => fixed.memory_bytes(),
            Values::W4(fixed) => fixed.memory_bytes(),
            Values::W8(fixed) => fixed.memory_bytes(),
            Values::W16(fixed) => fixed.memory_bytes(),
            Values::Bytes(texts) => texts.memory_bytes(),
            Values::Chunks(chunks) => chunks.memory_bytes(),
        }
    }
}

/// The bytes of a value, where all values of the type have as many.
fn width(ty: &DataType) -> Option<usize> {
    match ty {
        DataType::Boolean => Some(1),
        DataType::Interval(IntervalUnit::YearMonth) => Some(4),
        other => other.primitive_width(),
    }
}

/// Values of one width.
#[derive(Default)]
struct Fixed<T> {
    values: Vec<T>,
    /// By slot; empty until there is a NULL.
    valid: Vec<bool>,
}

impl<T: ArrowNativeType> Fixed<T> {
    fn write_array(&mut self, column: &ArrayRef, rows: &[u32], slots: &[u32], slots_end: usize) {
        let data = column.to_data();
        let values = data.buffer::<T>(0);
        self.write(column.nulls(), rows, slots, slots_end, |row| values[row]);
    }

    fn write(
        &mut self,
        nulls: Option<&NullBuffer>,
        rows: &[u32],
        slots: &[u32],
        slots_end: usize,
        value: impl Fn(usize) -> T,
    ) {
        if self.values.len() < slots_end {
            self.values.resize(slots_end, T::default());
        }
        for (row, slot) in rows.iter().zip(slots) {
            self.values[*slot as usize] = value(*row as usize);
        }
        let nulls = nulls.filter(|n| n.null_count() > 0);
        if nulls.is_none() && self.valid.is_empty() {
            return;
        }
        self.valid.resize(self.values.len(), true);
        for (row, slot) in rows.iter().zip(slots) {
            let is_valid = nulls.is_none_or(|n| n.is_valid(*row as usize));
            self.valid[*slot as usize] = is_valid;
        }
    }

    #[inline]
    fn is_valid(&self, at: usize) -> bool {
        at < self.values.len() && self.valid.get(at).copied().unwrap_or(true)
    }

    #[inline]
    fn cell(&self, at: usize, value: impl Fn(T) -> Cell<'static>) -> Cell<'static> {
        if self.is_valid(at) {
            value(self.values[at])
        } else {
            Cell::Null
        }
    }

    fn gather(&self, slots: &[u32]) -> (Vec<T>, Option<NullBuffer>) {
        let values = slots
            .iter()
            .map(|s| self.values.get(*s as usize).copied().unwrap_or_default())
            .collect();
        let is_none = |slot: &u32| *slot as usize >= self.values.len();
        if self.valid.is_empty() && !slots.iter().any(is_none) {
            return (values, None);
        }
        let valid: NullBuffer = slots.iter().map(|s| self.is_valid(*s as usize)).collect();
        (values, Some(valid).filter(|v| v.null_count() > 0))
    }

    fn gather_array(&self, slots: &[u32], ty: &DataType) -> Result<ArrayRef, StateError> {
        let (values, nulls) = self.gather(slots);
        let data = ArrayData::builder(ty.clone())
            .len(slots.len())
            .add_buffer(Buffer::from_vec(values))
            .nulls(nulls)
            .build()?;
        Ok(make_array(data))
    }

    fn memory_bytes(&self) -> usize {
        self.values.capacity() * std::mem::size_of::<T>() + self.valid.capacity()
    }
}

fn write_bytes(texts: &mut Texts, column: &ArrayRef, rows: &[u32], slots: &[u32]) {
    if let Some(strings) = column.as_string_view_opt() {
        texts.write(strings, rows, slots);
    } else if let Some(bytes) = column.as_binary_view_opt() {
        texts.write(bytes, rows, slots);
    }
}

/// Values in the arrays that they came in; the arrays are rewritten into one when half of what they hold is dead.
#[derive(Default)]
struct Chunks {
    arrays: Vec<ArrayRef>,
    /// Array and row of each slot; `NO_SLOT` for none.
    places: Vec<(u32, u32)>,
    stored: usize,
    dead: usize,
}

/// More arrays than this are joined into one.
const CHUNKS_MAX: usize = 64;

impl Chunks {
    fn write(
        &mut self,
        column: &ArrayRef,
        rows: &[u32],
        slots: &[u32],
        slots_end: usize,
    ) -> Result<(), StateError> {
        if self.places.len() < slots_end {
            self.places.resize(slots_end, (NO_SLOT, 0));
        }
        let picked = arrow::array::UInt32Array::from(rows.to_vec());
        let chunk = self.arrays.len() as u32;
        self.arrays
            .push(arrow::compute::take(column, &picked, None)?);
        for (row, slot) in (0u32..).zip(slots) {
            self.clear(*slot);
            self.places[*slot as usize] = (chunk, row);
        }
        self.stored += rows.len();
        let live = self.stored - self.dead;
        // Joining when the newest arrays together are as long as the oldest keeps the copying logarithmic.
        let tail: usize = self.arrays.iter().skip(1).map(|a| a.len()).sum();
        let many = self.arrays.len() > CHUNKS_MAX && tail >= self.arrays[0].len();
        if many || self.dead > live.max(1024) || self.arrays.len() > CHUNKS_MAX * CHUNKS_MAX {
            self.compact(&column.data_type().clone())?;
        }
        Ok(())
    }

    fn gather(&self, slots: &[u32], ty: &DataType) -> Result<ArrayRef, StateError> {
        if slots.is_empty() {
            return Ok(arrow::array::new_empty_array(ty));
        }
        let null = new_null_array(ty, 1);
        let mut arrays: Vec<&dyn Array> = self.arrays.iter().map(AsRef::as_ref).collect();
        arrays.push(null.as_ref());
        let places: Vec<(usize, usize)> = slots
            .iter()
            .map(|slot| match self.places.get(*slot as usize) {
                Some((chunk, row)) if *chunk != NO_SLOT => (*chunk as usize, *row as usize),
                _ => (self.arrays.len(), 0),
            })
            .collect();
        Ok(interleave(&arrays, &places)?)
    }

    fn clear(&mut self, slot: u32) {
        if let Some(place) = self.places.get_mut(slot as usize)
            && place.0 != NO_SLOT
        {
            place.0 = NO_SLOT;
            self.dead += 1;
        }
    }

    fn compact(&mut self, ty: &DataType) -> Result<(), StateError> {
        let live: Vec<u32> = (0u32..)
            .zip(&self.places)
            .filter(|(_, place)| place.0 != NO_SLOT)
            .map(|(slot, _)| slot)
            .collect();
        let joined = self.gather(&live, ty)?;
        for (row, slot) in (0u32..).zip(&live) {
            self.places[*slot as usize] = (0, row);
        }
        self.arrays = vec![joined];
        self.stored = live.len();
        self.dead = 0;
        Ok(())
    }

    fn memory_bytes(&self) -> usize {
        let arrays: usize = self.arrays.iter().map(|a| a.get_array_memory_size()).sum();
        arrays + self.places.capacity() * 8
    }
}
