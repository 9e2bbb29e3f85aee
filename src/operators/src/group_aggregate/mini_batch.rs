//! GROUP BY with mini-batch: rows are gathered, and a bundle sends the net change of each key.
//!
//! - State: as without mini-batch; while a bundle gathers, also the values that its keys had before.
//! - Changelog: takes any, or what local aggregations send (keys, state, number of rows), of which the state is merged.
//!   At its end a bundle emits, by key in the order of first touch: +I for a key that had no rows, -U and +U where a
//!   value differs, -D for a key that has lost its rows, and nothing for one that has come and gone.
//! - A bundle goes out in pieces, and the watermark that ends it passes behind.
//! - Cost: rows are added in bulk; a key's values are written twice a bundle, whatever the number of its rows.

use arrow::array::{Array, ArrayRef, UInt32Array, make_comparator};
use arrow::compute::{SortOptions, concat, interleave, take};
use arrow::datatypes::SchemaRef;
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::GroupAggregateSpec;
use filbert_state::ValueTable;
use filbert_types::{ChangeBatch, RowKind};

use super::state::GroupState;
use crate::aggregate::{Op, Rows};
use crate::bundle::Bundle;
use crate::bundle::groups::sent_states;
use crate::columns::{columns_at, record_batch};
use crate::context::OperatorContext;
use crate::error::Result;
use crate::output::Output;

pub struct MiniBatchGroupAggregate {
    keys: Vec<usize>,
    emit_update_before: bool,
    /// The input is the state of local aggregations.
    merges: bool,
    output: SchemaRef,
    state: GroupState,
    bundle: TouchedKeys,
}

/// The keys that a bundle has touched, in order.
#[derive(Default)]
struct TouchedKeys {
    slots: Vec<u32>,
    touched: ValueTable<bool>,
    /// Whether each key had rows before the bundle.
    known: Vec<bool>,
    /// The calls' values before the bundle, in pieces as the keys came.
    before: Vec<Vec<ArrayRef>>,
    emitted: usize,
}

impl MiniBatchGroupAggregate {
    /// # Errors
    /// When a function isn't there for its arguments, or a key's type can't be a key.
    pub fn new(
        spec: &GroupAggregateSpec,
        input: &SchemaRef,
        output: SchemaRef,
        functions: &FunctionRegistry,
    ) -> Result<MiniBatchGroupAggregate> {
        Ok(MiniBatchGroupAggregate {
            keys: spec.keys.clone(),
            emit_update_before: spec.emit_update_before,
            merges: spec.merges,
            output,
            state: GroupState::new(spec, input, functions)?,
            bundle: TouchedKeys::default(),
        })
    }

    /// Adds the state that local aggregations send.
    fn merge(&mut self, batch: &ChangeBatch, slots: &[u32]) -> Result<()> {
        let (state, rows) = sent_states(batch, self.keys.len())?;
        let counts = self.state.counts.values_mut();
        for (slot, by) in slots.iter().zip(rows.values()) {
            counts[*slot as usize] += by;
        }
        self.state.calls.import(slots, state)
    }

    /// Notes the values of keys that the bundle hasn't touched before.
    fn touch(&mut self, slots: &[u32]) -> Result<()> {
        let bundle = &mut self.bundle;
        bundle.touched.reserve_slots(self.state.index.slots_end());
        let known = bundle.slots.len();
        for slot in slots {
            if !bundle.touched.get(*slot) {
                bundle.touched.set(*slot, true);
                bundle.slots.push(*slot);
            }
        }
        let fresh = &bundle.slots[known..];
        if fresh.is_empty() {
            return Ok(());
        }
        self.state.expire(fresh);
        let counts = &self.state.counts;
        bundle
            .known
            .extend(fresh.iter().map(|s| counts.get(*s) > 0));
        bundle.before.push(self.state.calls.values(fresh)?);
        Ok(())
    }

    fn join_pieces(&mut self) -> Result<()> {
        let pieces = &mut self.bundle.before;
        if pieces.len() < 2 {
            return Ok(());
        }
        let joined = (0..self.state.calls.len()).map(|call| {
            let parts: Vec<&dyn Array> = pieces.iter().map(|p| p[call].as_ref()).collect();
            concat(&parts)
        });
        let joined = joined.collect::<Result<_, _>>()?;
        *pieces = vec![joined];
        Ok(())
    }

    /// The net changes of the bundle's keys `start..end`.
    fn changes(&self, start: usize, end: usize) -> Result<ChangeBatch> {
        let slots = &self.bundle.slots[start..end];
        let after = self.state.calls.values(slots)?;
        let before: Vec<ArrayRef> = match self.bundle.before.first() {
            Some(columns) => columns
                .iter()
                .map(|c| c.slice(start, end - start))
                .collect(),
            None => Vec::new(),
        };
        let changed = differences(&before, &after, slots.len());
        let (mut picks, mut kinds) = (Vec::new(), Vec::new());
        for (i, slot) in slots.iter().enumerate() {
            let known = self.bundle.known[start + i];
            let lives = self.state.counts.get(*slot) > 0;
            let mut push = |side: usize, kind: RowKind| {
                picks.push((side, i));
                kinds.push(kind);
            };
            match (known, lives) {
                (false, true) => push(1, RowKind::Insert),
                (true, false) => push(0, RowKind::Delete),
                (true, true) if changed[i] => {
                    if self.emit_update_before {
                        push(0, RowKind::UpdateBefore);
                    }
                    push(1, RowKind::UpdateAfter);
                }
                _ => {}
            }
        }
        let rows = UInt32Array::from_iter_values(picks.iter().map(|(_, i)| *i as u32));
        let keys = self.state.index.key_columns(slots)?;
        let mut columns = Vec::with_capacity(keys.len() + after.len());
        for key in &keys {
            columns.push(take(key, &rows, None)?);
        }
        for (before, after) in before.iter().zip(&after) {
            columns.push(interleave(&[before.as_ref(), after.as_ref()], &picks)?);
        }
        let rows = record_batch(&self.output, columns, picks.len())?;
        Ok(ChangeBatch::with_kinds(rows, kinds))
    }
}

/// The rows where some value differs. What can't be compared counts as changed.
pub(crate) fn differences(before: &[ArrayRef], after: &[ArrayRef], rows: usize) -> Vec<bool> {
    let mut changed = vec![false; rows];
    for (before, after) in before.iter().zip(after) {
        match make_comparator(before, after, SortOptions::default()) {
            Ok(compare) => {
                for (i, changed) in changed.iter_mut().enumerate() {
                    *changed |= compare(i, i).is_ne();
                }
            }
            Err(_) => changed.fill(true),
        }
    }
    changed
}

impl Bundle for MiniBatchGroupAggregate {
    fn add(&mut self, _input: usize, batch: &ChangeBatch) -> Result<()> {
        let keys = columns_at(batch, &self.keys);
        let mut slots = Vec::new();
        self.state.slots_for(&keys, batch.num_rows(), &mut slots)?;
        self.touch(&slots)?;
        if self.merges {
            return self.merge(batch, &slots);
        }
        let mut unknown = 0;
        let counts = self.state.counts.values_mut();
        let mut ops = Vec::with_capacity(slots.len());
        for (i, slot) in slots.iter().enumerate() {
            let count = &mut counts[*slot as usize];
            ops.push(match Op::of(batch.kind(i)) {
                Op::Retract if *count <= 0 => {
                    unknown += 1;
                    Op::Skip
                }
                Op::Retract => {
                    *count -= 1;
                    Op::Retract
                }
                op => {
                    *count += 1;
                    op
                }
            });
        }
        self.state.count_unknown(unknown);
        let rows = Rows {
            slots: &slots,
            ops: batch.kinds.is_some().then_some(ops.as_slice()),
            resets: None,
        };
        self.state.calls.update(rows, batch.rows.columns())
    }

    fn emit(&mut self, out: &mut Output) -> Result<bool> {
        while self.bundle.emitted < self.bundle.slots.len() {
            if out.is_full() {
                return Ok(false);
            }
            self.join_pieces()?;
            let start = self.bundle.emitted;
            let end = self.bundle.slots.len().min(start + out.batch_rows());
            out.emit(self.changes(start, end)?);
            self.bundle.emitted = end;
        }
        let unknown = self.bundle.slots.iter();
        let unknown = unknown.filter(|slot| self.state.counts.get(**slot) < 0);
        let unknown = unknown.count() as u64;
        self.state.count_unknown(unknown);
        for slot in std::mem::take(&mut self.bundle).slots {
            if self.state.counts.get(slot) <= 0 {
                self.state.forget(slot);
            }
        }
        Ok(true)
    }

    fn measure(&self) {
        self.state.measure();
    }

    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.state.open(ctx);
        Ok(())
    }

    fn next_timer(&self) -> Option<i64> {
        self.state.next_sweep_ms()
    }

    fn timer(&mut self, now_ms: i64) {
        // A bundle's keys have been written just now: what expires is none of them.
        self.state.sweep(now_ms);
    }
}

#[cfg(test)]
mod tests;
