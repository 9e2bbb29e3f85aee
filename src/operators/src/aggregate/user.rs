//! Functions that the embedding program registered. Their states are columns in the state layer; the function's own object
//! lives for a batch.
//!
//! For a batch, the states of its keys are read into an object of the function's, by their number in the batch, and
//! written back behind it. It is applied in runs in which no key comes twice, so that a run's values before and after its
//! rows are two vector calls; a batch of one key alone costs a call a row.

use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array, new_empty_array};
use arrow::compute::{interleave, take};
use arrow::datatypes::DataType;
use filbert_functions::{AggregateFunction, AggregateStates, Inferred};
use filbert_graph::spec::AggregateCallSpec;
use filbert_state::{NO_SLOT, RowTable, ValueTable, equal_rows};

use super::{Accumulator, Op, Rows};
use crate::error::{OperatorError, Result};

pub(super) fn accumulator(
    function: &Arc<dyn AggregateFunction>,
    spec: &AggregateCallSpec,
    retracts: bool,
) -> Result<Box<dyn Accumulator>> {
    if retracts && !function.retracts() {
        return Err(OperatorError::user(format!(
            "The aggregate function {} takes no rows back (it has no retract), but the query's input changes, or rows leave its frames.",
            function.name()
        )));
    }
    let types = Inferred {
        arg_types: spec.arg_types.clone(),
        return_type: spec.output.ty.clone(),
    };
    let state_types = function.state_types(&types);
    Ok(Box::new(User {
        function: Arc::clone(function),
        types,
        rows: RowTable::new(&state_types),
        places: ValueTable::default(),
        numbers: ValueTable::default(),
        state_types,
    }))
}

struct User {
    function: Arc<dyn AggregateFunction>,
    types: Inferred,
    state_types: Vec<DataType>,
    rows: RowTable,
    /// The row of each slot's state, one higher; 0 where it has seen no row.
    places: ValueTable<u32>,
    /// The number of each slot in the batch at hand, one higher; 0 between batches.
    numbers: ValueTable<u32>,
}

/// The states of a batch's keys.
struct Batch {
    states: Box<dyn AggregateStates>,
    /// Each key's slot, once.
    slots: Vec<u32>,
    /// The number of each row's key.
    groups: Vec<u32>,
    /// Whether the key's state was reset behind the batch's last row of it.
    is_reset: Vec<bool>,
}

impl User {
    fn checked<T>(&self, result: std::result::Result<T, String>) -> Result<T> {
        result.map_err(|m| OperatorError::user(format!("{}: {m}", self.function.name())))
    }

    /// Reads the states of the rows' keys.
    fn load(&mut self, row_slots: &[u32]) -> Result<Batch> {
        let mut slots: Vec<u32> = Vec::new();
        let mut groups = Vec::with_capacity(row_slots.len());
        for slot in row_slots {
            let number = &mut self.numbers.values_mut()[*slot as usize];
            if *number == 0 {
                slots.push(*slot);
                *number = slots.len() as u32;
            }
            groups.push(*number - 1);
        }
        slots.iter().for_each(|slot| self.numbers.set(*slot, 0));
        let mut states = self.function.states(&self.types);
        states.reserve(slots.len());
        let known = |slot: &u32| self.places.get(*slot).checked_sub(1);
        let stored: Vec<(u32, u32)> = (0..)
            .zip(&slots)
            .filter_map(|(number, slot)| Some((number, known(slot)?)))
            .collect();
        if !stored.is_empty() {
            let (numbers, rows): (Vec<u32>, Vec<u32>) = stored.into_iter().unzip();
            let state = self.rows.gather(&rows)?;
            self.checked(states.merge(&numbers, &state))?;
        }
        Ok(Batch {
            is_reset: vec![false; slots.len()],
            states,
            slots,
            groups,
        })
    }

    /// Writes the states back.
    fn store(&mut self, batch: &Batch) -> Result<()> {
        let mut kept: Vec<u32> = Vec::with_capacity(batch.slots.len());
        for (number, slot) in (0u32..).zip(&batch.slots) {
            match batch.is_reset[number as usize] {
                true => self.forget(*slot),
                false => kept.push(number),
            }
        }
        if kept.is_empty() {
            return Ok(());
        }
        let state = self.checked(batch.states.state(&kept))?;
        if state.len() != self.state_types.len()
            || state
                .iter()
                .zip(&self.state_types)
                .any(|(c, ty)| c.data_type() != ty)
        {
            let message = "its state is not of the types that it declares".to_owned();
            return self.checked(Err(message));
        }
        let mut rows = Vec::with_capacity(kept.len());
        for number in &kept {
            let slot = batch.slots[*number as usize];
            let row = match self.places.get(slot).checked_sub(1) {
                Some(row) => row,
                None => self.rows.reserve()?,
            };
            self.places.set(slot, row + 1);
            rows.push(row);
        }
        let picks: Vec<u32> = (0..kept.len() as u32).collect();
        Ok(self.rows.replace(&state, &picks, &rows)?)
    }

    fn forget(&mut self, slot: u32) {
        if let Some(row) = self.places.get(slot).checked_sub(1) {
            self.rows.remove(row);
            self.places.set(slot, 0);
        }
    }

    /// Applies the rows of a range, in which a key comes once.
    fn apply(
        &self,
        batch: &mut Batch,
        rows: Rows<'_>,
        args: &[ArrayRef],
        start: usize,
        end: usize,
    ) -> Result<()> {
        for op in [Op::Add, Op::Retract] {
            let picked: Vec<u32> = (start as u32..end as u32)
                .filter(|row| rows.op(*row as usize) == op)
                .collect();
            if picked.is_empty() {
                continue;
            }
            let groups: Vec<u32> = picked.iter().map(|i| batch.groups[*i as usize]).collect();
            let args = if picked.len() == end - start {
                args.iter().map(|a| a.slice(start, end - start)).collect()
            } else {
                let picks = UInt32Array::from(picked);
                let taken = args.iter().map(|a| take(a, &picks, None));
                taken.collect::<std::result::Result<Vec<_>, _>>()?
            };
            let applied = match op {
                Op::Retract => batch.states.retract(&groups, &args),
                _ => batch.states.accumulate(&groups, &args),
            };
            self.checked(applied)?;
        }
        for row in start..end {
            let group = batch.groups[row];
            if rows.op(row) != Op::Skip {
                batch.is_reset[group as usize] = false;
            }
        }
        Ok(())
    }
}

impl Batch {
    /// Empties the states of the keys whose last row was taken back.
    fn reset(&mut self, rows: Rows<'_>, start: usize, end: usize) {
        for row in start..end {
            if rows.resets(row) {
                let group = self.groups[row];
                self.states.reset(group);
                self.is_reset[group as usize] = true;
            }
        }
    }

    /// Where runs end in which no key comes twice.
    fn runs(&self) -> Vec<usize> {
        let mut last_run = vec![0usize; self.slots.len()];
        let mut run = 1;
        let mut ends = Vec::new();
        for (row, group) in self.groups.iter().enumerate() {
            let seen = &mut last_run[*group as usize];
            if *seen == run {
                ends.push(row);
                run += 1;
            }
            *seen = run;
        }
        ends.push(self.groups.len());
        ends
    }
}

impl Accumulator for User {
    fn reserve_slots(&mut self, slots_end: usize) {
        self.places.reserve_slots(slots_end);
        self.numbers.reserve_slots(slots_end);
    }

    fn running(
        &mut self,
        rows: Rows<'_>,
        args: &[ArrayRef],
        changed: &mut [bool],
    ) -> Result<ArrayRef> {
        if rows.slots.is_empty() {
            return Ok(new_empty_array(&self.types.return_type.arrow()));
        }
        let mut batch = self.load(rows.slots)?;
        let (mut parts, mut places) = (Vec::new(), Vec::with_capacity(rows.slots.len() * 2));
        let mut start = 0;
        for end in batch.runs() {
            let groups = batch.groups[start..end].to_vec();
            parts.push(self.checked(batch.states.values(&groups))?);
            self.apply(&mut batch, rows, args, start, end)?;
            parts.push(self.checked(batch.states.values(&groups))?);
            for i in 0..groups.len() {
                places.push((parts.len() - 2, i));
                places.push((parts.len() - 1, i));
            }
            batch.reset(rows, start, end);
            start = end;
        }
        self.store(&batch)?;
        let parts: Vec<_> = parts.iter().map(|p| p.as_ref()).collect();
        let values = interleave(&parts, &places)?;
        let befores: Vec<u32> = (0..rows.slots.len() as u32).map(|i| 2 * i).collect();
        let afters: Vec<u32> = befores.iter().map(|i| i + 1).collect();
        let equal = equal_rows(&[Arc::clone(&values)], &befores, &afters)?;
        for (changed, equal) in changed.iter_mut().zip(equal) {
            *changed |= !equal;
        }
        Ok(values)
    }

    fn update(&mut self, rows: Rows<'_>, args: &[ArrayRef]) -> Result<()> {
        if rows.slots.is_empty() {
            return Ok(());
        }
        let mut batch = self.load(rows.slots)?;
        // Where all rows add, their order within a call is the function's affair.
        let ends = match (rows.ops, rows.resets) {
            (None, None) => vec![rows.slots.len()],
            _ => batch.runs(),
        };
        let mut start = 0;
        for end in ends {
            self.apply(&mut batch, rows, args, start, end)?;
            batch.reset(rows, start, end);
            start = end;
        }
        self.store(&batch)
    }

    fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        let mut states = self.function.states(&self.types);
        states.reserve(slots.len());
        let numbers: Vec<u32> = (0..slots.len() as u32).collect();
        let known = |number: &u32| self.places.get(slots[*number as usize]) > 0;
        let stored: Vec<u32> = numbers.iter().copied().filter(known).collect();
        if !stored.is_empty() {
            let rows = stored
                .iter()
                .map(|n| self.places.get(slots[*n as usize]) - 1);
            let state = self.rows.gather(&rows.collect::<Vec<_>>())?;
            self.checked(states.merge(&stored, &state))?;
        }
        self.checked(states.values(&numbers))
    }

    fn reset(&mut self, slot: u32) {
        if (slot as usize) < self.places.values().len() {
            self.forget(slot);
        }
    }

    fn memory_bytes(&self) -> usize {
        self.rows.memory_bytes() + self.places.memory_bytes() + self.numbers.memory_bytes()
    }

    fn state_types(&self) -> Vec<DataType> {
        self.state_types.clone()
    }

    /// A slot that has seen no row goes out as the function writes a group without rows.
    fn export(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut states = self.function.states(&self.types);
        states.reserve(slots.len());
        let numbers: Vec<u32> = (0..slots.len() as u32).collect();
        let rows = slots.iter().map(|s| self.places.get(*s).checked_sub(1));
        let rows: Vec<u32> = rows.map(|row| row.unwrap_or(NO_SLOT)).collect();
        if rows.iter().all(|row| *row != NO_SLOT) {
            return Ok(self.rows.gather(&rows)?);
        }
        let stored: Vec<u32> = numbers
            .iter()
            .copied()
            .filter(|n| rows[*n as usize] != NO_SLOT)
            .collect();
        if !stored.is_empty() {
            let rows: Vec<u32> = stored.iter().map(|n| rows[*n as usize]).collect();
            let state = self.rows.gather(&rows)?;
            self.checked(states.merge(&stored, &state))?;
        }
        self.checked(states.state(&numbers))
    }

    fn import(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        if slots.is_empty() {
            return Ok(());
        }
        let mut batch = self.load(slots)?;
        let merged = batch.states.merge(&batch.groups, state);
        self.checked(merged)?;
        self.store(&batch)
    }
}
