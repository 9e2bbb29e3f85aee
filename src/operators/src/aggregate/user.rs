//! Functions that the embedding program registered. Their states are theirs, by slot.
//!
//! A batch is applied in runs in which no slot comes twice, so that a run's values before and after its rows are two
//! vector calls; a batch of one key alone costs a call a row.

use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::{interleave, take};
use arrow::datatypes::DataType;
use filbert_functions::{AggregateFunction, AggregateStates, Inferred};
use filbert_graph::spec::AggregateCallSpec;

use super::{Accumulator, Op, Rows};
use crate::error::{OperatorError, Result};

pub(super) fn accumulator(
    function: &Arc<dyn AggregateFunction>,
    spec: &AggregateCallSpec,
    retracts: bool,
) -> Result<Box<dyn Accumulator>> {
    if retracts && !function.retracts() {
        return Err(OperatorError::user(format!(
            "The aggregate function {} takes no rows back (it has no retract), but the query's input changes.",
            function.name()
        )));
    }
    let types = Inferred {
        arg_types: spec.arg_types.clone(),
        return_type: spec.output.ty.clone(),
    };
    Ok(Box::new(User {
        name: function.name().to_owned(),
        states: function.states(&types),
        state_types: function.state_types(&types),
        last_run: Vec::new(),
        run: 0,
    }))
}

struct User {
    name: String,
    states: Box<dyn AggregateStates>,
    state_types: Vec<DataType>,
    /// The run in which each slot came last.
    last_run: Vec<u64>,
    run: u64,
}

impl User {
    fn checked<T>(&self, result: std::result::Result<T, String>) -> Result<T> {
        result.map_err(|message| OperatorError::user(format!("{}: {message}", self.name)))
    }

    /// Applies the rows of a range, in which a slot comes once.
    fn apply(&mut self, rows: Rows<'_>, args: &[ArrayRef], start: usize, end: usize) -> Result<()> {
        for op in [Op::Add, Op::Retract] {
            let picked: Vec<u32> = (start as u32..end as u32)
                .filter(|row| rows.op(*row as usize) == op)
                .collect();
            if picked.is_empty() {
                continue;
            }
            let slots: Vec<u32> = picked.iter().map(|i| rows.slots[*i as usize]).collect();
            let args = if picked.len() == end - start {
                args.iter().map(|a| a.slice(start, end - start)).collect()
            } else {
                let picks = UInt32Array::from(picked);
                let taken = args.iter().map(|a| take(a, &picks, None));
                taken.collect::<std::result::Result<Vec<_>, _>>()?
            };
            let applied = match op {
                Op::Retract => self.states.retract(&slots, &args),
                _ => self.states.accumulate(&slots, &args),
            };
            self.checked(applied)?;
        }
        for row in start..end {
            if rows.resets(row) {
                self.states.reset(rows.slots[row]);
            }
        }
        Ok(())
    }

    /// Where runs end in which no slot comes twice.
    fn runs(&mut self, slots: &[u32]) -> Vec<usize> {
        self.run += 1;
        let mut ends = Vec::new();
        for (row, slot) in slots.iter().enumerate() {
            let seen = &mut self.last_run[*slot as usize];
            if *seen == self.run {
                ends.push(row);
                self.run += 1;
            }
            *seen = self.run;
        }
        ends.push(slots.len());
        ends
    }
}

impl Accumulator for User {
    fn reserve_slots(&mut self, slots_end: usize) {
        if self.last_run.len() < slots_end {
            self.last_run.resize(slots_end, 0);
        }
        self.states.reserve(slots_end);
    }

    fn running(
        &mut self,
        rows: Rows<'_>,
        args: &[ArrayRef],
        changed: &mut [bool],
    ) -> Result<ArrayRef> {
        let (mut parts, mut places) = (Vec::new(), Vec::with_capacity(rows.slots.len() * 2));
        let mut start = 0;
        for end in self.runs(rows.slots) {
            let slots = &rows.slots[start..end];
            let before = self.checked(self.states.values(slots))?;
            let run = Rows {
                resets: None,
                ..rows
            };
            self.apply(run, args, start, end)?;
            let after = self.checked(self.states.values(slots))?;
            for i in 0..slots.len() {
                places.push((parts.len(), i));
                places.push((parts.len() + 1, i));
                changed[start + i] |= before.slice(i, 1) != after.slice(i, 1);
            }
            parts.push(before);
            parts.push(after);
            for (row, slot) in (start..end).zip(slots) {
                if rows.resets(row) {
                    self.states.reset(*slot);
                }
            }
            start = end;
        }
        let parts: Vec<_> = parts.iter().map(|p| p.as_ref()).collect();
        Ok(interleave(&parts, &places)?)
    }

    fn update(&mut self, rows: Rows<'_>, args: &[ArrayRef]) -> Result<()> {
        let mut start = 0;
        for end in self.runs(rows.slots) {
            self.apply(rows, args, start, end)?;
            start = end;
        }
        Ok(())
    }

    fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        self.checked(self.states.values(slots))
    }

    fn reset(&mut self, slot: u32) {
        self.states.reset(slot);
    }

    fn memory_bytes(&self) -> usize {
        self.states.memory_bytes() + self.last_run.capacity() * size_of::<u64>()
    }

    fn state_types(&self) -> Vec<DataType> {
        self.state_types.clone()
    }

    fn export(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        self.checked(self.states.state(slots))
    }

    fn import(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        let merged = self.states.merge(slots, state);
        self.checked(merged)
    }
}
