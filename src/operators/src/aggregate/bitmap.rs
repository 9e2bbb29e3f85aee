//! The BITMAP aggregates: each integer with the number of rows that have it, and the number of rows.

use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::types::{Int32Type, Int64Type};
use arrow::array::{Array, ArrayRef, BinaryViewBuilder, Int32Array, Int64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use filbert_functions::builtins::bitmap;
use filbert_state::ValueTable;

use super::collect::{Bag, Store};
use super::fixed::{argument, column, state_column};
use super::lists::{ListBuilder, counts_of, elements};
use super::{Accumulator, Op, Rows};
use crate::error::{OperatorError, Result};

/// `BITMAP_OR_AGG` and its kin; none when the name isn't one of theirs.
pub(super) fn accumulator(function: &str) -> Result<Option<Box<dyn Accumulator>>> {
    let (name, cardinality) = match function.strip_suffix("_CARDINALITY_AGG") {
        Some(name) => (Some(name), true),
        None => (function.strip_suffix("_AGG"), false),
    };
    let combine = match name {
        Some("BITMAP_BUILD") => Combine::Build,
        Some("BITMAP_OR") => Combine::Or,
        Some("BITMAP_AND") => Combine::And,
        Some("BITMAP_XOR") => Combine::Xor,
        _ => return Ok(None),
    };
    Ok(Some(Box::new(Bitmaps {
        combine,
        cardinality,
        integers: Bag::new(vec![DataType::Int32])?,
        rows: ValueTable::default(),
    })))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Combine {
    /// Of integers; the others are of bitmaps.
    Build,
    Or,
    And,
    Xor,
}

impl Combine {
    /// Whether an integer that `count` of `rows` rows have is in the result.
    fn keeps(self, count: i64, rows: i64) -> bool {
        match self {
            Combine::Build | Combine::Or => count > 0,
            Combine::And => rows > 0 && count == rows,
            Combine::Xor => count % 2 != 0,
        }
    }
}

struct Bitmaps {
    combine: Combine,
    cardinality: bool,
    integers: Bag,
    rows: ValueTable<i64>,
}

/// The integers of a batch's rows, row after row.
struct Integers {
    entries: Vec<u32>,
    /// Where each row's end.
    ends: Vec<usize>,
    valid: Option<NullBuffer>,
}

impl Integers {
    /// The entries of a row; none where it is NULL.
    fn of(&self, row: usize) -> Option<&[u32]> {
        if self.valid.as_ref().is_some_and(|v| v.is_null(row)) {
            return None;
        }
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.entries[start..self.ends[row]])
    }
}

impl Bitmaps {
    fn integers(&mut self, rows: Rows<'_>, args: &[ArrayRef]) -> Result<Integers> {
        let Some(array) = args.first() else {
            return Err(OperatorError::engine(
                "A BITMAP aggregate lacks its argument.",
            ));
        };
        let counts = |i: usize| rows.op(i) != Op::Skip && array.is_valid(i);
        let (mut values, mut slots, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for (i, slot) in rows.slots.iter().enumerate() {
            if counts(i) {
                match self.combine {
                    Combine::Build => values.push(argument::<Int32Type>(args)?.value(i)),
                    _ => bitmap::extend(array.as_binary_view().value(i), &mut values)?,
                }
            }
            slots.resize(values.len(), *slot);
            ends.push(values.len());
        }
        let values: ArrayRef = Arc::new(Int32Array::from(values));
        let mut entries = Vec::new();
        self.integers.entries_for(&slots, &[values], &mut entries)?;
        Ok(Integers {
            entries,
            ends,
            valid: array.logical_nulls(),
        })
    }

    /// Applies a row; true where it counts.
    fn apply(&mut self, slot: u32, op: Op, entries: &[u32]) {
        let by = match op {
            Op::Add => 1,
            Op::Retract => -1,
            Op::Skip => return,
        };
        self.rows.values_mut()[slot as usize] += by;
        for entry in entries {
            self.integers.add(slot, *entry, by);
        }
    }

    /// Adds the list of the integers that are in the result, and says whether there is one.
    fn list(&self, slot: u32, lists: &mut ListBuilder) -> bool {
        let rows = self.rows.get(slot);
        self.integers
            .list_where(slot, lists, |count| self.combine.keeps(count, rows));
        rows > 0
    }

    fn finish(&self, lists: &ListBuilder, present: &[bool]) -> Result<ArrayRef> {
        let nulls = NullBuffer::from(present.to_vec());
        if self.cardinality {
            let lengths = (0..lists.len()).map(|list| lists.range(list).len() as i64);
            return Ok(Arc::new(Int64Array::new(lengths.collect(), Some(nulls))));
        }
        let columns = self.integers.columns(&lists.entries)?;
        let values = argument::<Int32Type>(&columns)?.values();
        let mut made = BinaryViewBuilder::with_capacity(lists.len());
        for (list, present) in present.iter().enumerate() {
            match present {
                true => made.append_value(bitmap::of(&values[lists.range(list)])?),
                false => made.append_null(),
            }
        }
        Ok(Arc::new(made.finish()))
    }
}

impl Accumulator for Bitmaps {
    fn reserve_slots(&mut self, slots_end: usize) {
        self.rows.reserve_slots(slots_end);
    }

    fn running(
        &mut self,
        rows: Rows<'_>,
        args: &[ArrayRef],
        changed: &mut [bool],
    ) -> Result<ArrayRef> {
        let integers = self.integers(rows, args)?;
        let mut lists = ListBuilder::default();
        let mut present = Vec::with_capacity(rows.slots.len() * 2);
        for (i, slot) in rows.slots.iter().enumerate() {
            let before = self.list(*slot, &mut lists);
            if let Some(entries) = integers.of(i) {
                self.apply(*slot, rows.op(i), entries);
            }
            let after = self.list(*slot, &mut lists);
            changed[i] |= before != after || lists.differs();
            present.extend([before, after]);
            if rows.resets(i) {
                self.integers.clear(*slot);
                self.rows.reset(*slot);
            }
        }
        let pairs = self.finish(&lists, &present)?;
        self.integers.drop_unused(&integers.entries);
        Ok(pairs)
    }

    fn update(&mut self, rows: Rows<'_>, args: &[ArrayRef]) -> Result<()> {
        let integers = self.integers(rows, args)?;
        for (i, slot) in rows.slots.iter().enumerate() {
            if let Some(entries) = integers.of(i) {
                self.apply(*slot, rows.op(i), entries);
            }
            if rows.resets(i) {
                self.integers.clear(*slot);
                self.rows.reset(*slot);
            }
        }
        self.integers.drop_unused(&integers.entries);
        Ok(())
    }

    fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        let mut lists = ListBuilder::default();
        let present: Vec<bool> = slots.iter().map(|s| self.list(*s, &mut lists)).collect();
        self.finish(&lists, &present)
    }

    fn reset(&mut self, slot: u32) {
        self.integers.reset(slot);
        self.rows.reset(slot);
    }

    fn memory_bytes(&self) -> usize {
        self.integers.memory_bytes() + self.rows.memory_bytes()
    }

    /// Integers, their counts, and the number of rows.
    fn state_types(&self) -> Vec<DataType> {
        let lists = [DataType::Int32, DataType::Int64].map(|t| DataType::new_list(t, true));
        lists.into_iter().chain([DataType::Int64]).collect()
    }

    fn export(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut lists = ListBuilder::default();
        let integers = slots.iter();
        integers.for_each(|slot| self.integers.state(*slot, &mut lists));
        let columns = self.integers.columns(&lists.entries)?;
        let mut state = lists.state(columns)?;
        let rows = slots.iter().map(|slot| self.rows.get(*slot));
        state.push(column::<Int64Type>(rows, &DataType::Int64));
        Ok(state)
    }

    fn import(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        let [integers, counts, _] = state else {
            return Err(OperatorError::engine(
                "A BITMAP aggregate keeps three columns.",
            ));
        };
        let rows = state_column::<Int64Type>(state, 2)?;
        for (slot, rows) in slots.iter().zip(rows.values()) {
            self.rows.values_mut()[*slot as usize] += rows;
        }
        let counts = counts_of(counts)?;
        let (slots, integers) = elements(slots, std::slice::from_ref(integers))?;
        let mut entries = Vec::new();
        self.integers.entries_for(&slots, &integers, &mut entries)?;
        for (i, (slot, entry)) in slots.iter().zip(&entries).enumerate() {
            self.integers.add(*slot, *entry, counts.value(i));
        }
        self.integers.drop_unused(&entries);
        Ok(())
    }
}
