//! Lists of a slot's values: gathered from entries, written as state, read again.

use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::{Array, ArrayRef, Int64Array, ListArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::{Field, Int64Type};

use crate::error::{OperatorError, Result};

/// Entries with counts, list after list.
#[derive(Default)]
pub(super) struct ListBuilder {
    pub entries: Vec<u32>,
    pub counts: Vec<i64>,
    ends: Vec<usize>,
}

impl ListBuilder {
    pub(super) fn push(&mut self, entry: u32, count: i64) {
        self.entries.push(entry);
        self.counts.push(count);
    }

    /// Ends a list.
    pub(super) fn end(&mut self) {
        self.ends.push(self.entries.len());
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn range(&self, list: usize) -> std::ops::Range<usize> {
        let start = list.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[list]
    }

    /// Repeats the last list.
    pub(super) fn again(&mut self) {
        let Some(last) = self.ends.len().checked_sub(1) else {
            return;
        };
        let range = self.range(last);
        self.entries.extend_from_within(range.clone());
        self.counts.extend_from_within(range);
        self.end();
    }

    /// True when the last two lists differ.
    pub(super) fn differs(&self) -> bool {
        let [before, after] = [self.len() - 2, self.len() - 1].map(|list| self.range(list));
        self.entries[before.clone()] != self.entries[after.clone()]
            || self.counts[before] != self.counts[after]
    }

    /// The lists of `values`, which are as many as the entries.
    pub(super) fn lists(&self, values: ArrayRef) -> Result<ArrayRef> {
        let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        let offsets = OffsetBuffer::from_lengths((0..self.len()).map(|i| self.range(i).len()));
        if values.len() > i32::MAX as usize {
            return Err(OperatorError::user(
                "The values that an aggregate collects pass what an array can hold.",
            ));
        }
        Ok(Arc::new(ListArray::try_new(field, offsets, values, None)?))
    }

    /// The lists of each column, then of the counts.
    pub(super) fn state(self, columns: Vec<ArrayRef>) -> Result<Vec<ArrayRef>> {
        let counts: ArrayRef = Arc::new(Int64Array::from(self.counts.clone()));
        let columns = columns.into_iter().chain([counts]);
        columns.map(|column| self.lists(column)).collect()
    }
}

/// The elements of lists as columns, and the slot of each element's list.
pub(super) fn elements(slots: &[u32], lists: &[ArrayRef]) -> Result<(Vec<u32>, Vec<ArrayRef>)> {
    let mut owners = Vec::new();
    let mut columns = Vec::with_capacity(lists.len());
    for (index, column) in lists.iter().enumerate() {
        let list = as_list(column)?;
        let offsets = list.value_offsets();
        let (start, end) = (offsets[0] as usize, offsets[list.len()] as usize);
        columns.push(list.values().slice(start, end - start));
        if index == 0 {
            for (i, slot) in slots.iter().enumerate() {
                let length = (offsets[i + 1] - offsets[i]) as usize;
                owners.extend(std::iter::repeat_n(*slot, length));
            }
        }
    }
    Ok((owners, columns))
}

/// The elements of a state's list of counts.
pub(super) fn counts_of(lists: &ArrayRef) -> Result<Int64Array> {
    let (_, mut columns) = elements(&[], std::slice::from_ref(lists))?;
    columns
        .pop()
        .and_then(|c| c.as_primitive_opt::<Int64Type>().cloned())
        .ok_or_else(|| OperatorError::engine("An aggregate's counts are no integers."))
}

fn as_list(column: &ArrayRef) -> Result<&ListArray> {
    column
        .as_list_opt::<i32>()
        .ok_or_else(|| OperatorError::engine("An aggregate's state is no list."))
}

/// The values of entries, each of which is read from the index once however often it stands there.
pub(super) fn gathered(
    entries: &[u32],
    read: impl Fn(&[u32]) -> Result<Vec<ArrayRef>>,
) -> Result<Vec<ArrayRef>> {
    let mut unique = entries.to_vec();
    unique.sort_unstable();
    unique.dedup();
    if unique.len() == entries.len() {
        return read(entries);
    }
    let columns = read(&unique)?;
    let place = |entry: &u32| unique.binary_search(entry).unwrap_or_default() as u32;
    let picks = UInt32Array::from_iter_values(entries.iter().map(place));
    let columns = columns.iter().map(|column| take(column, &picks, None));
    Ok(columns.collect::<Result<_, _>>()?)
}
