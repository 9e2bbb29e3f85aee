//! GROUP BY over a changelog, per record.
//!
//! - State: by key, the number of rows (retracted ones taken off) and each call's accumulator.
//! - Changelog: takes any. The first row of a key emits +I; each later one, if it changes a value, -U (where the
//!   consumer needs it) and +U; the retraction of a key's last row emits -D and forgets the key. A retraction for a key
//!   that isn't known is dropped and counted.
//! - With a state TTL a key that no row has touched for so long is as if it had never been; every row then emits its
//!   update, also one that changes nothing, so that what is stored behind lives as long (as Flink does).
//! - Watermarks pass; a mark moves to the place that corresponds.
//! - Cost: keys are looked up once a batch; each call runs over the whole batch and writes its value before and after
//!   each row, of which the changelog is gathered by index.

pub mod mini_batch;
mod state;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::GroupAggregateSpec;
use filbert_types::{ChangeBatch, RowKind, WatermarkMark};

use crate::aggregate::{Op, Rows};
use crate::columns::{columns_at, record_batch};
use crate::context::OperatorContext;
use crate::error::Result;
use crate::marks::push_mark;
use crate::operator::{Operator, Step};
use crate::output::Output;
use state::GroupState;

pub struct GroupAggregateOperator {
    keys: Vec<usize>,
    emit_update_before: bool,
    output: SchemaRef,
    state: GroupState,
    scratch: Scratch,
}

/// Buffers that are reused from batch to batch.
#[derive(Default)]
struct Scratch {
    slots: Vec<u32>,
    /// Whether the key had rows before each row.
    known: Vec<bool>,
    ops: Vec<Op>,
    /// Whether each row takes the key's last row away.
    empties: Vec<bool>,
    changed: Vec<bool>,
}

/// Which values make the changelog: `2 * row` for those before a row, `2 * row + 1` for those after it.
struct Changes {
    picks: Vec<u32>,
    kinds: Vec<RowKind>,
    marks: Vec<WatermarkMark>,
}

impl GroupAggregateOperator {
    /// # Errors
    /// When a function isn't there for its arguments, or a key's type can't be a key.
    pub fn new(
        spec: &GroupAggregateSpec,
        input: &SchemaRef,
        output: SchemaRef,
        functions: &FunctionRegistry,
    ) -> Result<GroupAggregateOperator> {
        Ok(GroupAggregateOperator {
            keys: spec.keys.clone(),
            emit_update_before: spec.emit_update_before,
            output,
            state: GroupState::new(spec, input, functions)?,
            scratch: Scratch::default(),
        })
    }

    /// Finds the keys' slots and counts their rows.
    fn count_rows(&mut self, batch: &ChangeBatch, keys: &[ArrayRef]) -> Result<()> {
        let scratch = &mut self.scratch;
        self.state
            .slots_for(keys, batch.num_rows(), &mut scratch.slots)?;
        self.state.expire(&scratch.slots);
        let counts = self.state.counts.values_mut();
        for list in [
            &mut scratch.known,
            &mut scratch.empties,
            &mut scratch.changed,
        ] {
            list.clear();
        }
        let always = self.state.ttl.is_some();
        scratch.changed.resize(batch.num_rows(), always);
        scratch.ops.clear();
        let mut unknown = 0;
        for (i, slot) in scratch.slots.iter().enumerate() {
            let count = &mut counts[*slot as usize];
            let known = *count > 0;
            let op = match Op::of(batch.kind(i)) {
                Op::Retract if !known => {
                    unknown += 1;
                    Op::Skip
                }
                op => op,
            };
            *count += match op {
                Op::Add => 1,
                Op::Retract => -1,
                Op::Skip => 0,
            };
            scratch.known.push(known);
            scratch.ops.push(op);
            scratch.empties.push(op == Op::Retract && *count == 0);
        }
        self.state.count_unknown(unknown);
        Ok(())
    }

    /// The changelog by rows, and the calls' values before and after each.
    fn run_calls(&mut self, batch: &ChangeBatch) -> Result<Vec<ArrayRef>> {
        let scratch = &mut self.scratch;
        let insert_only = batch.kinds.is_none();
        let rows = Rows {
            slots: &scratch.slots,
            ops: (!insert_only).then_some(scratch.ops.as_slice()),
            resets: (!insert_only).then_some(scratch.empties.as_slice()),
        };
        self.state
            .calls
            .running(rows, batch.rows.columns(), &mut scratch.changed)
    }

    fn changes(&self, batch: &ChangeBatch) -> Changes {
        let scratch = &self.scratch;
        let mut changes = Changes {
            picks: Vec::with_capacity(batch.num_rows() * 2),
            kinds: Vec::with_capacity(batch.num_rows() * 2),
            marks: Vec::with_capacity(batch.marks.len()),
        };
        let mut marks = batch.marks.iter().peekable();
        for i in 0..batch.num_rows() {
            while let Some(mark) = marks.next_if(|m| m.offset <= i) {
                changes.mark(mark);
            }
            let (before, after) = (2 * i as u32, 2 * i as u32 + 1);
            if scratch.ops[i] == Op::Skip {
                continue;
            }
            if !scratch.known[i] {
                changes.push(after, RowKind::Insert);
            } else if scratch.empties[i] {
                changes.push(before, RowKind::Delete);
            } else if scratch.changed[i] {
                if self.emit_update_before {
                    changes.push(before, RowKind::UpdateBefore);
                }
                changes.push(after, RowKind::UpdateAfter);
            }
        }
        marks.for_each(|mark| changes.mark(mark));
        changes
    }

    fn gather(
        &self,
        keys: &[ArrayRef],
        values: &[ArrayRef],
        changes: Changes,
    ) -> Result<ChangeBatch> {
        let rows = UInt32Array::from_iter_values(changes.picks.iter().map(|p| p / 2));
        let picks = UInt32Array::from(changes.picks);
        let mut columns = Vec::with_capacity(keys.len() + values.len());
        for key in keys {
            columns.push(take(key, &rows, None)?);
        }
        for value in values {
            columns.push(take(value, &picks, None)?);
        }
        let rows = record_batch(&self.output, columns, picks.len())?;
        let mut batch = ChangeBatch::with_kinds(rows, changes.kinds);
        batch.marks = changes.marks;
        Ok(batch)
    }

    /// Forgets the keys that the batch left without rows.
    fn forget_empty_keys(&mut self) {
        for slot in &self.scratch.slots {
            if self.state.counts.get(*slot) == 0 {
                self.state.forget(*slot);
            }
        }
    }
}

impl Changes {
    fn push(&mut self, pick: u32, kind: RowKind) {
        self.picks.push(pick);
        self.kinds.push(kind);
    }

    fn mark(&mut self, mark: &WatermarkMark) {
        push_mark(&mut self.marks, self.picks.len(), mark.watermark);
    }
}

impl Operator for GroupAggregateOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.state.open(ctx);
        Ok(())
    }

    fn next_timer(&self) -> Option<i64> {
        self.state.next_sweep_ms()
    }

    fn timer(&mut self, now_ms: i64, _out: &mut Output) -> Result<Step> {
        self.state.sweep(now_ms);
        Ok(Step::Done)
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let keys = columns_at(&batch, &self.keys);
        self.count_rows(&batch, &keys)?;
        let values = self.run_calls(&batch)?;
        let changes = self.changes(&batch);
        out.emit(self.gather(&keys, &values, changes)?);
        if batch.kinds.is_some() {
            self.forget_empty_keys();
        }
        self.state.measure();
        Ok(Step::Done)
    }
}

#[cfg(test)]
mod tests;
