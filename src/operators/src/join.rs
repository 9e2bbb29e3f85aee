//! Joins two changelogs: inner, left, right, full, semi, anti and mark, on any condition.
//!
//! - State: one index of join keys for both sides; for each side its rows by slot, chained below their key in the order
//!   of their coming. How a row is found again depends on what is known of the side's keys: its join key is unique (the
//!   key leads to it), it has a unique key (an index of rows by that), neither (an index by the whole row, with a count
//!   of equal rows; none where the side only inserts). Where the rows of a side show whether they have matches (the outer
//!   side of an outer join, the left of semi, anti and mark) each has the number of its matches.
//!   Rows whose key is NULL meet nothing and are not stored, unless NULL meets NULL.
//! - Changelog: takes any on both sides. An inner join hands the kind of the input row on; an outer one writes +I and
//!   -D, taking back the row padded with NULL before the first match comes and writing it after the last has gone; semi
//!   and anti joins hand on the kind of the row that decides; a mark is changed by -D and +I. All in the order of Flink's
//!   `StreamingJoinOperator` and `StreamingSemiAntiJoinOperator`; of several matches the older comes first.
//! - With mini-batch the net changes of a bundle are joined (`mini_batch`). An outer row whose only match changes then
//!   goes from the old to the new one, without being padded between.
//! - NOT IN (null-aware): a key that is NULL meets every row of the other side.
//! - With a state TTL a row that has not been written for so long meets nothing.
//! - Watermarks pass; a mark moves to the place that corresponds.
//! - Cost: keys are hashed once a batch and matches are gathered for many rows at once, on which the rest of the
//!   condition runs; a row with a million matches goes out in pieces. State is the values of a row (see `RowTable`) and
//!   beside them 13 bytes, 4 where matches are counted, 18 where rows are found by a unique key or as a whole, 8 with a
//!   TTL; a join key costs 16 bytes and its values. Two sides of five million rows of two BIGINTs and a string of 20
//!   bytes make about 0.9 GB.

mod emit;
mod mini_batch;
mod probe;
mod residual;
mod side;

use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array, new_null_array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, SchemaRef};
use filbert_graph::spec::{JoinKind, JoinSpec, JoinUniqueKey};
use filbert_state::{KeyIndex, NO_SLOT};
use filbert_types::{ChangeBatch, Clock};

use crate::columns::{columns_at, types_at};
use crate::context::{ExpressionFactory, OperatorContext};
use crate::error::Result;
use crate::join::probe::{Versions, Work};
use crate::join::side::{Side, SideLayout};
use crate::keyed::meeting_keys;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;

pub(crate) use mini_batch::MiniBatchJoin;
pub(crate) use residual::{Residual, both_schemas};

pub struct JoinOperator {
    kind: JoinKind,
    /// For each key whether NULL meets NULL.
    null_meets_null: Vec<bool>,
    /// The slot of the key NULL, where it meets everything.
    null_key: Option<u32>,
    condition: Option<Residual>,
    index: KeyIndex,
    sides: [Side; 2],
    /// For each side, whether a row that is taken back and its next version, one after the other, are one change of it.
    pairs: [bool; 2],
    versions: Versions,
    /// The batch that is being joined.
    work: Option<Work>,
    output: SchemaRef,
    metrics: Arc<OperatorMetrics>,
    clock: Option<Arc<dyn Clock>>,
}

impl JoinOperator {
    /// # Errors
    /// When the condition can't be read, or a key's type can't be a key.
    pub fn new(
        spec: &JoinSpec,
        inputs: [&SchemaRef; 2],
        output: SchemaRef,
        expressions: &dyn ExpressionFactory,
    ) -> Result<JoinOperator> {
        let condition = spec.condition.as_ref();
        let condition = condition
            .map(|expr| {
                let both = residual::both_schemas(inputs);
                Residual::new(expressions.physical(expr, &both)?, inputs)
            })
            .transpose()?;
        JoinOperator::from_parts(spec, inputs, output, condition)
    }

    fn from_parts(
        spec: &JoinSpec,
        inputs: [&SchemaRef; 2],
        output: SchemaRef,
        condition: Option<Residual>,
    ) -> Result<JoinOperator> {
        let key_types = types_at(inputs[0], &spec.left.keys);
        let mut index = KeyIndex::new(key_types.clone())?;
        let null_key = spec.null_aware.then(|| null_slot(&mut index, &key_types));
        let counts_matches = match spec.kind {
            JoinKind::Inner => [false, false],
            JoinKind::Right => [false, true],
            JoinKind::Full => [true, true],
            JoinKind::Left | JoinKind::Semi | JoinKind::Anti | JoinKind::Mark => [true, false],
        };
        let pairs = [&spec.left, &spec.right].map(|side| {
            spec.mini_batch_rows.is_some() && side.unique_key == JoinUniqueKey::JoinKey
        });
        Ok(JoinOperator {
            kind: spec.kind,
            null_meets_null: spec.null_meets_null.clone(),
            null_key: null_key.transpose()?,
            condition,
            index,
            sides: [
                Side::new(&spec.left, inputs[0], counts_matches[0]),
                Side::new(&spec.right, inputs[1], counts_matches[1]),
            ],
            pairs,
            versions: Versions::default(),
            work: None,
            output,
            metrics: Arc::default(),
            clock: None,
        })
    }

    /// The slot of each row's join key; none for keys that meet nothing.
    fn key_slots(&mut self, side: usize, batch: &ChangeBatch) -> Result<Vec<u32>> {
        let keys = columns_at(batch, &self.sides[side].keys);
        let mut slots = Vec::new();
        let Some(valid) = self.keys_that_meet(&keys) else {
            self.index.slots_for(&keys, batch.num_rows(), &mut slots)?;
            return Ok(slots);
        };
        let rows: Vec<u32> = valid.valid_indices().map(|i| i as u32).collect();
        let picked = UInt32Array::from(rows.clone());
        let keys = keys
            .iter()
            .map(|key| take(key, &picked, None))
            .collect::<Result<Vec<_>, _>>()?;
        let mut found = Vec::new();
        self.index.slots_for(&keys, rows.len(), &mut found)?;
        slots.resize(batch.num_rows(), NO_SLOT);
        for (row, slot) in rows.into_iter().zip(found) {
            slots[row as usize] = slot;
        }
        Ok(slots)
    }

    /// Where no key is NULL that meets nothing; none when that is everywhere.
    fn keys_that_meet(&self, keys: &[ArrayRef]) -> Option<NullBuffer> {
        if self.null_key.is_some() {
            return None;
        }
        meeting_keys(keys, &self.null_meets_null)
    }

    fn advance(&mut self, out: &mut Output) -> Result<Step> {
        let Some(mut work) = self.work.take() else {
            return Ok(Step::Done);
        };
        loop {
            if work.has_complete_rows() {
                self.emit_rows(&mut work, out)?;
            } else if work.is_done() {
                self.finish(&work);
                return Ok(Step::Done);
            } else {
                self.find_matches(&mut work, out.batch_rows())?;
            }
            if out.is_full() || work.is_inside_row() {
                self.work = Some(work);
                return Ok(Step::More);
            }
        }
    }

    fn finish(&mut self, work: &Work) {
        if work.batch.kinds.is_some() {
            for key in &work.key_slots {
                self.forget_if_empty(*key);
            }
        }
        self.measure();
    }

    fn forget_if_empty(&mut self, key: u32) {
        let empty = |side: &Side| side.chains.first(key).is_none();
        if key != NO_SLOT && Some(key) != self.null_key && self.sides.iter().all(empty) {
            self.index.remove(key);
        }
    }

    /// Removes the rows that have outlived their time.
    fn sweep(&mut self, now_ms: i64) {
        for side in 0..2 {
            for key in self.sides[side].sweep(now_ms) {
                self.forget_if_empty(key);
            }
        }
        self.measure();
    }

    fn now_ms(&self) -> i64 {
        self.clock.as_ref().map_or(0, |clock| clock.now_ms())
    }

    fn measure(&self) {
        let rows: usize = self.sides.iter().map(|side| side.rows.len()).sum();
        let bytes: usize = self.sides.iter().map(Side::memory_bytes).sum();
        let bytes = bytes + self.index.memory_bytes();
        self.metrics.set_state(rows, bytes);
    }
}

/// Gives the key NULL its slot, which it keeps.
fn null_slot(index: &mut KeyIndex, types: &[DataType]) -> Result<u32> {
    let keys: Vec<ArrayRef> = types.iter().map(|ty| new_null_array(ty, 1)).collect();
    let mut slots = Vec::new();
    index.slots_for(&keys, 1, &mut slots)?;
    Ok(slots[0])
}

impl Operator for JoinOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        self.clock = Some(Arc::clone(&ctx.clock));
        let now_ms = ctx.clock.now_ms();
        for side in &mut self.sides {
            side.start_ttl(now_ms);
        }
        Ok(())
    }

    fn next_timer(&self) -> Option<i64> {
        self.sides.iter().filter_map(Side::next_sweep).min()
    }

    fn timer(&mut self, now_ms: i64, _out: &mut Output) -> Result<Step> {
        self.sweep(now_ms);
        Ok(Step::Done)
    }

    fn process(&mut self, input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let now_ms = self.now_ms();
        let key_slots = self.key_slots(input, &batch)?;
        let stored = self.sides[input].store(&SideLayout {
            batch: &batch,
            key_slots: &key_slots,
            keys_end: self.index.slots_end(),
            now_ms,
        })?;
        self.metrics
            .count_unknown_retractions("Join", stored.unknown);
        self.work = Some(Work::new(input, batch, key_slots, stored, now_ms));
        self.advance(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.advance(out)
    }
}

#[cfg(test)]
mod tests;
