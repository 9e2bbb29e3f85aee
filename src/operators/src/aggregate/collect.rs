//! Functions whose state is the values themselves: ARRAY_AGG, LISTAGG, COLLECT, FIRST_VALUE, LAST_VALUE, SINGLE_VALUE and
//! the JSON aggregates.
//!
//! Values stand once in an index below the key; a [`Sequence`] keeps their occurrences in order, a [`Bag`] their counts.
//! A value costs its bytes and about 60 bytes of links; each further occurrence in a sequence 16 bytes, in a bag none.

mod results;
mod store;

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;

use super::lists::{ListBuilder, counts_of, elements, gathered};
use super::{Accumulator, Op, Rows};
use crate::error::{OperatorError, Result};

pub(super) use results::{Array as ArrayResult, Lengths, ListAgg, Multiset, One, SingleValue};
pub(super) use store::{Bag, Keep, Sequence, Store};

/// What becomes of a slot's values.
pub(super) trait Results: Send {
    /// A value for each list. `values` has a row for each entry of the lists.
    fn finish(
        &self,
        lists: &ListBuilder,
        values: &[ArrayRef],
        constant: Option<&ArrayRef>,
    ) -> Result<ArrayRef>;
}

/// How a function looks at its arguments.
#[derive(Debug, Clone)]
pub(super) struct Arguments {
    /// The types of the arguments that are kept.
    pub kept: Vec<DataType>,
    /// A row where this argument is NULL doesn't count.
    pub not_null: Option<usize>,
    /// The type of the argument behind the kept ones, the same for all rows.
    pub constant: Option<DataType>,
}

/// Keeps values in a [`Store`] and makes [`Results`] of them.
pub(super) struct Collecting<S, R> {
    arguments: Arguments,
    store: S,
    results: R,
    constant: Option<ArrayRef>,
}

/// The rows of a batch that count, with their entries.
struct Counted {
    rows: Vec<u32>,
    entries: Vec<u32>,
}

impl<S: Store, R: Results> Collecting<S, R> {
    pub(super) fn new(arguments: Arguments, store: S, results: R) -> Collecting<S, R> {
        Collecting {
            arguments,
            store,
            results,
            constant: None,
        }
    }

    fn count(&mut self, rows: Rows<'_>, args: &[ArrayRef]) -> Result<Counted> {
        let kept = self.arguments.kept.len();
        let Some(values) = args.get(..kept) else {
            return Err(OperatorError::engine("An aggregate lacks arguments."));
        };
        if self.arguments.constant.is_some()
            && self.constant.is_none()
            && let Some(constant) = args.get(kept)
            && !constant.is_empty()
        {
            self.constant = Some(constant.slice(0, 1));
        }
        let nulls = self
            .arguments
            .not_null
            .and_then(|n| args[n].logical_nulls());
        let counts = |i: &u32| {
            let row = *i as usize;
            rows.op(row) != Op::Skip && nulls.as_ref().is_none_or(|n| n.is_valid(row))
        };
        let counted: Vec<u32> = (0..rows.slots.len() as u32).filter(counts).collect();
        let mut entries = Vec::new();
        if counted.len() == rows.slots.len() {
            self.store.entries_for(rows.slots, values, &mut entries)?;
        } else {
            let picks = UInt32Array::from(counted.clone());
            let slots: Vec<u32> = counted.iter().map(|i| rows.slots[*i as usize]).collect();
            let values = values.iter().map(|v| take(v, &picks, None));
            let values = values.collect::<Result<Vec<_>, _>>()?;
            self.store.entries_for(&slots, &values, &mut entries)?;
        }
        Ok(Counted {
            rows: counted,
            entries,
        })
    }

    fn finish(&self, lists: &ListBuilder) -> Result<ArrayRef> {
        let values = gathered(&lists.entries, |entries| self.store.columns(entries))?;
        self.results.finish(lists, &values, self.constant.as_ref())
    }
}

impl<S: Store, R: Results> Accumulator for Collecting<S, R> {
    fn reserve_slots(&mut self, slots_end: usize) {
        self.store.reserve_slots(slots_end);
    }

    fn running(
        &mut self,
        rows: Rows<'_>,
        args: &[ArrayRef],
        changed: &mut [bool],
    ) -> Result<ArrayRef> {
        let counted = self.count(rows, args)?;
        let mut next = counted.rows.iter().zip(&counted.entries).peekable();
        let mut lists = ListBuilder::default();
        for (i, slot) in rows.slots.iter().enumerate() {
            self.store.list(*slot, &mut lists);
            match next.next_if(|(row, _)| **row as usize == i) {
                Some((_, entry)) => {
                    self.store.apply(*slot, *entry, rows.op(i));
                    self.store.list(*slot, &mut lists);
                    changed[i] |= lists.differs();
                }
                None => lists.again(),
            }
            if rows.resets(i) {
                self.store.clear(*slot);
            }
        }
        let pairs = self.finish(&lists)?;
        self.store.drop_unused(&counted.entries);
        Ok(pairs)
    }

    fn update(&mut self, rows: Rows<'_>, args: &[ArrayRef]) -> Result<()> {
        let counted = self.count(rows, args)?;
        let mut next = counted.rows.iter().zip(&counted.entries).peekable();
        for (i, slot) in rows.slots.iter().enumerate() {
            if let Some((_, entry)) = next.next_if(|(row, _)| **row as usize == i) {
                self.store.apply(*slot, *entry, rows.op(i));
            }
            if rows.resets(i) {
                self.store.clear(*slot);
            }
        }
        self.store.drop_unused(&counted.entries);
        Ok(())
    }

    fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        let mut lists = ListBuilder::default();
        slots.iter().for_each(|s| self.store.list(*s, &mut lists));
        self.finish(&lists)
    }

    fn reset(&mut self, slot: u32) {
        self.store.reset(slot);
    }

    fn memory_bytes(&self) -> usize {
        self.store.memory_bytes()
    }

    /// A list of each kept argument's values, the list of their counts, and the constant.
    fn state_types(&self) -> Vec<DataType> {
        let kept = self.arguments.kept.iter().chain([&DataType::Int64]);
        let lists = kept.map(|t| DataType::new_list(t.clone(), true));
        lists.chain(self.arguments.constant.clone()).collect()
    }

    fn export(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut lists = ListBuilder::default();
        slots.iter().for_each(|s| self.store.state(*s, &mut lists));
        let values = gathered(&lists.entries, |entries| self.store.columns(entries))?;
        let mut state = lists.state(values)?;
        if let Some(ty) = &self.arguments.constant {
            state.push(match &self.constant {
                Some(constant) => {
                    let picks = UInt32Array::from(vec![0; slots.len()]);
                    take(constant, &picks, None)?
                }
                None => arrow::array::new_null_array(ty, slots.len()),
            });
        }
        Ok(state)
    }

    fn import(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        let kept = self.arguments.kept.len();
        let (Some(values), Some(counts)) = (state.get(..kept), state.get(kept)) else {
            return Err(OperatorError::engine("Collected values lack columns."));
        };
        if self.constant.is_none()
            && let Some(constant) = state.get(kept + 1)
        {
            let known = (0..constant.len()).find(|i| constant.is_valid(*i));
            self.constant = known.map(|i| constant.slice(i, 1));
        }
        let counts = counts_of(counts)?;
        let (slots, values) = elements(slots, values)?;
        let mut entries = Vec::new();
        self.store.entries_for(&slots, &values, &mut entries)?;
        for (i, (slot, entry)) in slots.iter().zip(&entries).enumerate() {
            self.store.add(*slot, *entry, counts.value(i));
        }
        self.store.drop_unused(&entries);
        Ok(())
    }
}
