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

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use filbert_graph::spec::GroupAggregateSpec;
use filbert_state::{KeyIndex, StateError, ValueTable};
use filbert_types::{ChangeBatch, Clock, RowKind, WatermarkMark};

use crate::aggregate::{AggregateCalls, Op, Rows};
use crate::context::OperatorContext;
use crate::error::{OperatorError, Result};
use crate::marks::push_mark;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;

pub struct GroupAggregateOperator {
    keys: Vec<usize>,
    calls: AggregateCalls,
    emit_update_before: bool,
    output: SchemaRef,
    index: KeyIndex,
    /// Rows by key.
    counts: ValueTable<i64>,
    metrics: Arc<OperatorMetrics>,
    ttl: Option<Ttl>,
    clock: Option<Arc<dyn Clock>>,
    scratch: Scratch,
}

/// When keys were last written, and how long they live from then on.
struct Ttl {
    ttl_ms: i64,
    written_at_ms: ValueTable<i64>,
    next_sweep_ms: i64,
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
    ) -> Result<GroupAggregateOperator> {
        let key_types = spec
            .keys
            .iter()
            .map(|k| input.field(*k).data_type().clone());
        Ok(GroupAggregateOperator {
            keys: spec.keys.clone(),
            calls: AggregateCalls::new(&spec.calls, spec.input_retracts)?,
            emit_update_before: spec.emit_update_before,
            output,
            index: KeyIndex::new(key_types.collect()).map_err(state_error)?,
            counts: ValueTable::default(),
            metrics: Arc::default(),
            ttl: spec.state_ttl_ms.filter(|ttl| *ttl > 0).map(|ttl| Ttl {
                ttl_ms: i64::try_from(ttl).unwrap_or(i64::MAX),
                written_at_ms: ValueTable::default(),
                next_sweep_ms: i64::MAX,
            }),
            clock: None,
            scratch: Scratch::default(),
        })
    }

    /// Finds the keys' slots and counts their rows.
    fn count_rows(&mut self, batch: &ChangeBatch, keys: &[ArrayRef]) -> Result<()> {
        let scratch = &mut self.scratch;
        self.index
            .slots_for(keys, batch.num_rows(), &mut scratch.slots)
            .map_err(state_error)?;
        self.counts.reserve_slots(self.index.slots_end());
        self.expire_touched();
        let scratch = &mut self.scratch;
        let counts = self.counts.values_mut();
        for list in [
            &mut scratch.known,
            &mut scratch.empties,
            &mut scratch.changed,
        ] {
            list.clear();
        }
        scratch.changed.resize(batch.num_rows(), self.ttl.is_some());
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
        self.metrics.unknown_retractions.add(unknown);
        Ok(())
    }

    /// Empties the batch's keys that have expired, and notes that all its keys are written now.
    fn expire_touched(&mut self) {
        let (Some(ttl), Some(clock)) = (&mut self.ttl, &self.clock) else {
            return;
        };
        let now_ms = clock.now_ms();
        ttl.written_at_ms.reserve_slots(self.index.slots_end());
        let mut expired = Vec::new();
        for slot in &self.scratch.slots {
            if self.counts.get(*slot) > 0 && ttl.is_expired(*slot, now_ms) {
                self.counts.reset(*slot);
                expired.push(*slot);
            }
            ttl.written_at_ms.set(*slot, now_ms);
        }
        expired.iter().for_each(|slot| self.calls.reset(*slot));
    }

    /// Forgets all keys that have expired.
    fn sweep(&mut self, now_ms: i64) {
        let Some(ttl) = &mut self.ttl else { return };
        ttl.next_sweep_ms = now_ms.saturating_add(ttl.ttl_ms);
        let live = self.index.live_slots();
        let expired: Vec<u32> = live.filter(|slot| ttl.is_expired(*slot, now_ms)).collect();
        for slot in expired {
            self.counts.reset(slot);
            self.calls.reset(slot);
            self.index.remove(slot);
        }
        self.measure();
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
        self.calls.reserve_slots(self.index.slots_end());
        self.calls
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
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(picks.len()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.output), columns, &options)?;
        let mut batch = ChangeBatch::with_kinds(rows, changes.kinds);
        batch.marks = changes.marks;
        Ok(batch)
    }

    /// Forgets the keys that the batch left without rows.
    fn forget_empty_keys(&mut self) {
        for i in 0..self.scratch.slots.len() {
            let slot = self.scratch.slots[i];
            if self.counts.get(slot) == 0 && self.index.is_live(slot) {
                self.calls.reset(slot);
                self.index.remove(slot);
            }
        }
    }

    fn measure(&self) {
        let bytes =
            self.index.memory_bytes() + self.counts.memory_bytes() + self.calls.memory_bytes();
        self.metrics.state_rows.set(self.index.len() as u64);
        self.metrics.state_bytes.set(bytes as u64);
    }
}

impl Ttl {
    fn is_expired(&self, slot: u32, now_ms: i64) -> bool {
        self.written_at_ms.get(slot).saturating_add(self.ttl_ms) <= now_ms
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
        self.metrics = Arc::clone(&ctx.metrics);
        self.clock = Some(Arc::clone(&ctx.clock));
        if let Some(ttl) = &mut self.ttl {
            ttl.next_sweep_ms = ctx.clock.now_ms().saturating_add(ttl.ttl_ms);
        }
        Ok(())
    }

    fn next_timer(&self) -> Option<i64> {
        self.ttl.as_ref().map(|ttl| ttl.next_sweep_ms)
    }

    fn timer(&mut self, now_ms: i64, _out: &mut Output) -> Result<Step> {
        self.sweep(now_ms);
        Ok(Step::Done)
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let columns = self
            .keys
            .iter()
            .map(|k| ArrayRef::clone(batch.rows.column(*k)));
        let keys: Vec<ArrayRef> = columns.collect();
        self.count_rows(&batch, &keys)?;
        let values = self.run_calls(&batch)?;
        let changes = self.changes(&batch);
        out.emit(self.gather(&keys, &values, changes)?);
        if batch.kinds.is_some() {
            self.forget_empty_keys();
        }
        self.measure();
        Ok(Step::Done)
    }
}

pub(crate) fn state_error(error: StateError) -> OperatorError {
    OperatorError::engine(error.to_string())
}

#[cfg(test)]
mod tests;
