//! Joins the rows of two inputs whose times lie near each other: inner, left, right and full.
//!
//! - State: one index of join keys for both sides; each side's rows by slot, below their key in the order of their
//!   times, and for each key and side the time at which its rows are looked through for those that are over.
//! - Changelog: takes inserts, emits inserts.
//! - A row meets the other side's rows that are there, and waits for others until the watermark (or the clock) has
//!   passed the last time that it can meet; late rows too meet what is there. A row of an outer side that has met
//!   nothing goes out padded with NULL when it ceases to wait. Watermarks are held back by the longer of the spans that
//!   rows wait, so that rows going out are late by neither of their times. All this at the moments of Flink's
//!   `TimeIntervalJoin`: a key's rows go together, by the timer of the first.
//! - Cost: keys are hashed once a batch, and a row's matches are one run of its key's rows; pairs are made in pieces, on
//!   which the rest of the condition runs. State is the values of a row and beside them 33 bytes.

mod emit;
mod side;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array};
use arrow::datatypes::SchemaRef;
use filbert_graph::spec::{IntervalJoinSpec, JoinKind};
use filbert_state::{KeyIndex, NO_SLOT, SortKeyBatch, TimeTable};
use filbert_types::{ChangeBatch, Clock, Watermark};

use crate::columns::{columns_at, types_at};
use crate::context::{ExpressionFactory, OperatorContext};
use crate::error::{OperatorError, Result};
use crate::interval_join::side::Side;
use crate::join::{Residual, both_schemas};
use crate::keyed::meeting_keys;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::watermark_assigner::to_millis;

pub struct IntervalJoinOperator {
    spec: IntervalJoinSpec,
    condition: Option<Residual>,
    output: SchemaRef,
    index: KeyIndex,
    sides: [Side; 2],
    /// Keys, with the side, by the time at which rows that are over are looked for.
    timers: TimeTable<Vec<(usize, u32)>>,
    /// Keys that may have nothing left.
    emptied: Vec<u32>,
    /// The watermark, or the time of day.
    now: i64,
    work: Option<Work>,
    /// Rows of a side that go out padded with NULL.
    pads: Vec<(usize, u32)>,
    pads_done: usize,
    /// Passes on when the pads have gone out.
    passing: Option<Watermark>,
    clock: Option<Arc<dyn Clock>>,
    inputs_open: usize,
    metrics: Arc<OperatorMetrics>,
}

/// A batch on its way.
struct Work {
    side: usize,
    batch: ChangeBatch,
    keys: Vec<u32>,
    /// Rows without a key that is NULL and meets nothing.
    meets: Vec<bool>,
    times: Vec<i64>,
    sort_keys: SortKeyBatch,
    /// The earliest time of the other side that each row meets.
    first: SortKeyBatch,
    matched: Vec<bool>,
    mark: usize,
    row: usize,
    /// How many of the row's matches have been paired.
    paired: usize,
}

impl IntervalJoinOperator {
    /// # Errors
    /// When the condition can't be read, or a key's type can't be a key.
    pub fn new(
        spec: &IntervalJoinSpec,
        inputs: [&SchemaRef; 2],
        output: SchemaRef,
        expressions: &dyn ExpressionFactory,
    ) -> Result<IntervalJoinOperator> {
        let condition = spec.condition.as_ref().map(|expr| {
            let both = both_schemas(inputs);
            Residual::new(expressions.physical(expr, &both)?, inputs)
        });
        IntervalJoinOperator::from_parts(spec, inputs, output, condition.transpose()?)
    }

    fn from_parts(
        spec: &IntervalJoinSpec,
        inputs: [&SchemaRef; 2],
        output: SchemaRef,
        condition: Option<Residual>,
    ) -> Result<IntervalJoinOperator> {
        let outer = |side: usize| match spec.kind {
            JoinKind::Full => true,
            JoinKind::Left => side == 0,
            JoinKind::Right => side == 1,
            _ => false,
        };
        // A left row waits for right rows up to `-lower` behind it, a right row for left rows up to `upper`.
        let waits = [spec.lower_ms.saturating_neg(), spec.upper_ms];
        Ok(IntervalJoinOperator {
            condition,
            output,
            index: KeyIndex::new(types_at(inputs[0], &spec.keys[0]))?,
            sides: [
                Side::new(inputs[0], outer(0), waits[0])?,
                Side::new(inputs[1], outer(1), waits[1])?,
            ],
            timers: TimeTable::default(),
            emptied: Vec::new(),
            now: 0,
            work: None,
            pads: Vec::new(),
            pads_done: 0,
            passing: None,
            clock: None,
            inputs_open: 2,
            metrics: Arc::default(),
            spec: spec.clone(),
        })
    }

    /// No two times can meet.
    fn is_empty_interval(&self) -> bool {
        self.spec.lower_ms > self.spec.upper_ms
    }

    fn begin(&mut self, side: usize, batch: ChangeBatch) -> Result<Work> {
        let rows = batch.num_rows();
        if self.spec.proctime {
            self.now = self.clock.as_ref().map_or(0, |clock| clock.now_ms());
        }
        let times = if self.spec.proctime {
            vec![self.now; rows]
        } else {
            let times = to_millis(batch.rows.column(self.spec.times[side]))?;
            if times.null_count() > 0 {
                return Err(OperatorError::user(
                    "RowTime field should not be null, please convert it to a non-null long value.",
                ));
            }
            times.values().to_vec()
        };
        let columns = columns_at(&batch, &self.spec.keys[side]);
        let mut keys = Vec::new();
        self.index.slots_for(&columns, rows, &mut keys)?;
        let meets = match (
            self.is_empty_interval(),
            meeting_keys(&columns, &self.spec.null_meets_null),
        ) {
            (true, _) => vec![false; rows],
            (false, None) => vec![true; rows],
            (false, Some(meeting)) => meeting.iter().collect(),
        };
        let before = self.sides[1 - side].waits_ms;
        let sort_keys = |times: Int64Array| {
            let order = &self.sides[side].order;
            order.keys_of(&[Arc::new(times) as ArrayRef], rows)
        };
        let first = times.iter().map(|t| t.saturating_sub(before));
        let first = sort_keys(Int64Array::from_iter_values(first))?;
        for side in &mut self.sides {
            side.order.reserve_parents(self.index.slots_end());
            side.timers.reserve_slots(self.index.slots_end());
        }
        Ok(Work {
            sort_keys: {
                let order = &self.sides[side].order;
                let own: ArrayRef = Arc::new(Int64Array::from(times.clone()));
                order.keys_of(&[own], rows)?
            },
            side,
            keys,
            meets,
            times,
            first,
            matched: vec![false; rows],
            batch,
            mark: 0,
            row: 0,
            paired: 0,
        })
    }

    /// Goes on until all is done or the output is full.
    fn run(&mut self, out: &mut Output) -> Result<Step> {
        loop {
            if out.is_full() {
                return Ok(Step::More);
            }
            if self.pads_done < self.pads.len() {
                self.emit_pads(out)?;
                continue;
            }
            self.pads.clear();
            self.pads_done = 0;
            if let Some(watermark) = self.passing.take() {
                self.pass(watermark, out);
                continue;
            }
            let Some(mut work) = self.work.take() else {
                // Not while a batch is on its way: its rows know their keys' slots.
                for key in std::mem::take(&mut self.emptied) {
                    self.forget_if_empty(key);
                }
                self.measure();
                return Ok(Step::Done);
            };
            let mark = work.batch.marks.get(work.mark).copied();
            let until = mark.map_or(work.batch.num_rows(), |mark| mark.offset);
            if work.row < until {
                self.join_rows(&mut work, until, out)?;
                self.work = Some(work);
            } else if let Some(mark) = mark {
                work.mark += 1;
                self.work = Some(work);
                self.rise(mark.watermark);
            } else {
                self.emptied.append(&mut work.keys);
            }
        }
    }

    /// The watermark has risen: what is over by it goes out first.
    fn rise(&mut self, watermark: Watermark) {
        if !self.spec.proctime {
            // Before the first watermark Flink's time is the epoch, and so it never lies before that.
            self.now = watermark.0.max(0);
            self.fire(watermark.0);
        }
        self.passing = Some(watermark);
    }

    fn pass(&self, watermark: Watermark, out: &mut Output) {
        let held = match watermark {
            Watermark::MAX => watermark,
            _ if self.spec.proctime || self.is_empty_interval() => watermark,
            Watermark(ms) => {
                let longest = self.sides[0].waits_ms.max(self.sides[1].waits_ms);
                Watermark(ms.saturating_sub(longest))
            }
        };
        out.watermark(held);
    }

    /// Lets go of the rows that are over, of keys whose timers are due.
    fn fire(&mut self, now: i64) {
        while let Some((at, due)) = self.timers.pop_until(now) {
            for (side, key) in due {
                if self.sides[side].timer_of(key) != Some(at) {
                    continue;
                }
                let expired = self.sides[side].expire(key, self.now);
                self.let_go(side, expired);
                self.sides[side].timers.reset(key);
                if let Some(first) = self.sides[side].first_time(key) {
                    self.set_timer(side, key, first);
                }
                self.emptied.push(key);
            }
        }
    }

    fn set_timer(&mut self, side: usize, key: u32, time: i64) {
        let own = &mut self.sides[side];
        let waits = own.waits_ms.saturating_add(self.spec.min_cleanup_ms);
        let at = time.saturating_add(waits).saturating_add(1);
        own.timers.set(key, Some(at));
        self.timers.at(at).push((side, key));
    }

    /// Rows that wait no longer: an outer side's go out if they have met nothing.
    fn let_go(&mut self, side: usize, slots: Vec<u32>) {
        let own = &mut self.sides[side];
        for slot in slots {
            if own.outer && !own.matched.get(slot) {
                self.pads.push((side, slot));
            } else {
                own.rows.remove(slot);
            }
        }
    }

    fn forget_if_empty(&mut self, key: u32) {
        let empty = |side: &Side| side.order.len_of(key) == 0 && side.timer_of(key).is_none();
        if key != NO_SLOT && self.index.is_live(key) && self.sides.iter().all(empty) {
            self.index.remove(key);
        }
    }

    fn measure(&self) {
        let rows: usize = self.sides.iter().map(|side| side.rows.len()).sum();
        let bytes: usize = self.sides.iter().map(Side::memory_bytes).sum();
        let bytes = bytes + self.index.memory_bytes();
        self.metrics.set_state(rows, bytes);
    }
}

impl Operator for IntervalJoinOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        self.clock = Some(Arc::clone(&ctx.clock));
        Ok(())
    }

    fn process(&mut self, input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        if batch.kinds.is_some()
            && (0..batch.num_rows()).any(|row| batch.kind(row) != filbert_types::RowKind::Insert)
        {
            return Err(OperatorError::engine(
                "An interval join of insert-only rows got another change.",
            ));
        }
        self.work = Some(self.begin(input, batch)?);
        self.run(out)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        self.rise(watermark);
        self.run(out)
    }

    fn next_timer(&self) -> Option<i64> {
        self.timers.first_time().filter(|_| self.spec.proctime)
    }

    fn timer(&mut self, now_ms: i64, out: &mut Output) -> Result<Step> {
        if self.spec.proctime {
            self.now = now_ms;
            self.fire(now_ms);
        }
        self.run(out)
    }

    /// By processing time no watermark says that nothing more will come: rows that have met nothing are over at the end.
    fn end_input(&mut self, _input: usize, out: &mut Output) -> Result<Step> {
        self.inputs_open = self.inputs_open.saturating_sub(1);
        if self.spec.proctime && self.inputs_open == 0 {
            self.now = i64::MAX;
            self.fire(i64::MAX);
        }
        self.run(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}

#[cfg(test)]
mod tests;
