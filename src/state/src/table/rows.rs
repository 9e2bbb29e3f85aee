use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;

use crate::error::StateError;
use crate::key_index::NO_SLOT;
use crate::table::column::{Cell, StoredColumn};

/// Whole rows by stable slot, column by column in typed buffers.
///
/// A row costs its fixed-width values (a byte for BOOLEAN, 16 for DECIMAL), 8 bytes beside the bytes of each string (or 4,
/// where strings repeat, which then stand once), and a byte for the validity of each column that has held a NULL. Slots
/// of removed rows are given out again; strings leave room that compaction wins back.
pub struct RowTable {
    columns: Vec<StoredColumn>,
    live: Vec<bool>,
    free: Vec<u32>,
}

impl RowTable {
    /// A table of rows with these column types; any type goes.
    pub fn new(types: &[DataType]) -> RowTable {
        RowTable {
            columns: types.iter().map(StoredColumn::new).collect(),
            live: Vec::new(),
            free: Vec::new(),
        }
    }

    /// A slot for a row that [`RowTable::replace`] writes before anybody reads it.
    ///
    /// # Errors
    /// When there are too many rows.
    pub fn reserve(&mut self) -> Result<u32, StateError> {
        if let Some(slot) = self.free.pop() {
            self.live[slot as usize] = true;
            return Ok(slot);
        }
        if self.live.len() + 1 >= NO_SLOT as usize {
            return Err(StateError::Full(NO_SLOT as usize - 1));
        }
        self.live.push(true);
        Ok((self.live.len() - 1) as u32)
    }

    /// Stores these rows of the columns; `slots` is overwritten with their slots, in order.
    ///
    /// # Errors
    /// When the columns are not of the table's types, or there are too many rows.
    pub fn insert(
        &mut self,
        columns: &[ArrayRef],
        rows: &[u32],
        slots: &mut Vec<u32>,
    ) -> Result<(), StateError> {
        if self.live.len() + rows.len() >= NO_SLOT as usize {
            return Err(StateError::Full(NO_SLOT as usize - 1));
        }
        slots.clear();
        slots.extend(rows.iter().map(|_| match self.free.pop() {
            Some(slot) => {
                self.live[slot as usize] = true;
                slot
            }
            None => {
                self.live.push(true);
                (self.live.len() - 1) as u32
            }
        }));
        self.write(columns, rows, slots)
    }

    /// Writes these rows of the columns over the rows in `slots`, one for each.
    ///
    /// # Errors
    /// When the columns are not of the table's types.
    pub fn replace(
        &mut self,
        columns: &[ArrayRef],
        rows: &[u32],
        slots: &[u32],
    ) -> Result<(), StateError> {
        self.write(columns, rows, slots)
    }

    fn write(
        &mut self,
        columns: &[ArrayRef],
        rows: &[u32],
        slots: &[u32],
    ) -> Result<(), StateError> {
        for (stored, column) in self.columns.iter_mut().zip(columns) {
            stored.write(column, rows, slots, self.live.len())?;
        }
        Ok(())
    }

    /// The rows of these slots as columns; [`NO_SLOT`] gives a row of NULLs.
    ///
    /// # Errors
    /// When a stored value can't be read: a bug.
    pub fn gather(&self, slots: &[u32]) -> Result<Vec<ArrayRef>, StateError> {
        self.columns.iter().map(|c| c.gather(slots)).collect()
    }

    /// One column of the rows of these slots.
    ///
    /// # Errors
    /// As [`RowTable::gather`].
    pub fn gather_column(&self, column: usize, slots: &[u32]) -> Result<ArrayRef, StateError> {
        self.columns[column].gather(slots)
    }

    /// One value of the row in a slot, for operators that follow single rows.
    #[inline]
    pub fn cell(&self, column: usize, slot: u32) -> Cell<'_> {
        self.columns[column].cell(slot)
    }

    /// For each pair whether row `rows[i]` of the columns equals the stored row `slots[i]`; NULL equals NULL.
    ///
    /// # Errors
    /// When the columns are not of the table's types.
    pub fn equal(
        &self,
        columns: &[ArrayRef],
        rows: &[u32],
        slots: &[u32],
    ) -> Result<Vec<bool>, StateError> {
        let all: Vec<usize> = (0..self.columns.len()).collect();
        self.equal_in(&all, columns, rows, slots)
    }

    /// As [`RowTable::equal`], for some of the table's columns: `values` are those, in their order.
    ///
    /// # Errors
    /// As [`RowTable::equal`].
    pub fn equal_in(
        &self,
        columns: &[usize],
        values: &[ArrayRef],
        rows: &[u32],
        slots: &[u32],
    ) -> Result<Vec<bool>, StateError> {
        let mut equal = vec![true; rows.len()];
        let picked = arrow::array::UInt32Array::from(rows.to_vec());
        for (column, values) in columns.iter().zip(values) {
            let left = arrow::compute::take(values, &picked, None)?;
            let right = self.columns[*column].gather(slots)?;
            let same = not_distinct(&left, &right)?;
            for (all, one) in equal.iter_mut().zip(same.values()) {
                *all &= one;
            }
        }
        Ok(equal)
    }

    /// Forgets a row; its slot will be given out again.
    pub fn remove(&mut self, slot: u32) {
        if !self.is_live(slot) {
            return;
        }
        self.live[slot as usize] = false;
        self.free.push(slot);
        for column in &mut self.columns {
            column.clear(slot);
        }
    }

    pub fn is_live(&self, slot: u32) -> bool {
        self.live.get(slot as usize).copied().unwrap_or(false)
    }

    /// Rows stored.
    pub fn len(&self) -> usize {
        self.live.len() - self.free.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every slot is below this: the length that tables beside this one need.
    pub fn slots_end(&self) -> usize {
        self.live.len()
    }

    /// Bytes that the rows occupy.
    pub fn memory_bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(StoredColumn::memory_bytes).sum();
        columns + self.live.capacity() + self.free.capacity() * 4
    }
}

/// For each pair whether rows `left[i]` and `right[i]` of the columns are equal; NULL equals NULL.
///
/// # Errors
/// When values of a column's type can't be compared.
pub fn equal_rows(
    columns: &[ArrayRef],
    left: &[u32],
    right: &[u32],
) -> Result<Vec<bool>, StateError> {
    let mut equal = vec![true; left.len()];
    if left.is_empty() {
        return Ok(equal);
    }
    let left = arrow::array::UInt32Array::from(left.to_vec());
    let right = arrow::array::UInt32Array::from(right.to_vec());
    for column in columns {
        let left = arrow::compute::take(column, &left, None)?;
        let right = arrow::compute::take(column, &right, None)?;
        let same = not_distinct(&left, &right)?;
        for (all, one) in equal.iter_mut().zip(same.values()) {
            *all &= one;
        }
    }
    Ok(equal)
}

/// Equality where NULL equals NULL; nested values compare by Arrow's total order.
fn not_distinct(left: &ArrayRef, right: &ArrayRef) -> Result<BooleanArray, StateError> {
    if left.data_type().is_nested() {
        let compare = arrow::array::make_comparator(left, right, Default::default())?;
        return Ok((0..left.len())
            .map(|i| Some(compare(i, i).is_eq()))
            .collect());
    }
    Ok(arrow::compute::kernels::cmp::not_distinct(left, right)?)
}

#[cfg(test)]
mod tests;
