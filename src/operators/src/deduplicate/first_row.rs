//! The first row by event time: it waits until the watermark tells that none comes before it.

use arrow::array::{Array, Int64Array};
use arrow::datatypes::SchemaRef;
use filbert_graph::spec::DeduplicateSpec;
use filbert_state::{TimeTable, ValueTable};
use filbert_types::{ChangeBatch, RowKind, Watermark};

use crate::context::OperatorContext;
use crate::error::{OperatorError, Result};
use crate::keyed::Keyed;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::stored_rows::{StoredChanges, StoredRows};
use crate::watermark_assigner::to_millis;

/// The first row of each key by event time.
pub struct FirstRowOperator {
    rowtime: usize,
    output: SchemaRef,
    keys: Keyed,
    rows: StoredRows,
    /// By key: the entry of the row that waits, one higher; 0 for none.
    waiting: ValueTable<u32>,
    /// By key: the time of the row that waits.
    times: ValueTable<i64>,
    emitted: ValueTable<bool>,
    /// Keys by the times for which their rows wait; those whose row has given way to an earlier one stay in.
    timers: TimeTable<Vec<u32>>,
    progress: i64,
    changes: StoredChanges,
}

impl FirstRowOperator {
    /// # Errors
    /// When a key's type can't be a key.
    pub fn new(
        spec: &DeduplicateSpec,
        rowtime: usize,
        input: &SchemaRef,
        output: SchemaRef,
    ) -> Result<FirstRowOperator> {
        Ok(FirstRowOperator {
            rowtime,
            output,
            keys: Keyed::new(&spec.key, input, spec.state_ttl_ms)?,
            rows: StoredRows::new(input),
            waiting: ValueTable::default(),
            times: ValueTable::default(),
            emitted: ValueTable::default(),
            timers: TimeTable::default(),
            progress: i64::MIN,
            changes: StoredChanges::default(),
        })
    }

    fn run(&mut self, out: &mut Output) -> Result<Step> {
        if !self.changes.ship_all(&mut self.rows, &self.output, out)? {
            return Ok(Step::More);
        }
        self.measure();
        Ok(Step::Done)
    }

    /// Keeps the row when it is the earliest of a key that has not been emitted.
    fn take_row(&mut self, row: usize, slot: u32, time: i64) -> Result<()> {
        if time < self.progress {
            self.keys.metrics.late_records_dropped.add(1);
            return Ok(());
        }
        if self.emitted.get(slot) {
            return Ok(());
        }
        if let Some(entry) = self.waiting.get(slot).checked_sub(1) {
            if self.times.get(slot) <= time {
                return Ok(());
            }
            self.rows.leave(entry);
        }
        self.waiting.set(slot, self.rows.accept(row)? + 1);
        self.times.set(slot, time);
        self.timers.at(time).push(slot);
        Ok(())
    }

    /// Emits the rows whose time has come; then the watermark passes.
    fn fire(&mut self, watermark: Watermark, now_ms: i64) {
        self.progress = self.progress.max(watermark.0);
        while let Some((time, keys)) = self.timers.pop_until(self.progress) {
            for slot in keys {
                let Some(entry) = self.waiting.get(slot).checked_sub(1) else {
                    continue;
                };
                if self.times.get(slot) != time {
                    continue;
                }
                self.changes.push(RowKind::Insert, entry);
                self.rows.leave(entry);
                self.waiting.reset(slot);
                self.emitted.set(slot, true);
                self.keys.touch(slot, now_ms);
            }
        }
        self.changes.watermark(watermark);
    }

    /// Forgets that a key has been emitted, when that was long ago.
    fn expire(&mut self, slot: u32, now_ms: i64) {
        if self.keys.is_expired(slot, now_ms) {
            self.keys.forget_age(slot);
            self.emitted.reset(slot);
        }
    }

    fn measure(&self) {
        let bytes = self.keys.memory_bytes()
            + self.rows.memory_bytes()
            + self.waiting.memory_bytes()
            + self.times.memory_bytes();
        let metrics = &self.keys.metrics;
        metrics.set_state(self.keys.index.len(), bytes);
    }
}

impl Operator for FirstRowOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.keys.open(ctx);
        Ok(())
    }

    fn next_timer(&self) -> Option<i64> {
        self.keys.next_sweep_ms()
    }

    fn timer(&mut self, now_ms: i64, _out: &mut Output) -> Result<Step> {
        for slot in self.keys.sweep(now_ms) {
            self.emitted.reset(slot);
            match self.waiting.get(slot) {
                0 => self.keys.forget(slot),
                _ => self.keys.forget_age(slot),
            }
        }
        self.measure();
        Ok(Step::Done)
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let slots = self.keys.slots_of(&batch)?;
        self.waiting.reserve_slots(self.keys.slots_end());
        self.times.reserve_slots(self.keys.slots_end());
        self.emitted.reserve_slots(self.keys.slots_end());
        let times: Int64Array = to_millis(batch.rows.column(self.rowtime))?;
        let now_ms = self.keys.now_ms();
        let mut marks = batch.marks.iter().peekable();
        for (row, slot) in slots.iter().enumerate() {
            while let Some(mark) = marks.next_if(|m| m.offset <= row) {
                self.fire(mark.watermark, now_ms);
            }
            if times.is_null(row) {
                return Err(OperatorError::user(
                    "RowTime field should not be null, please convert it to a non-null long value.",
                ));
            }
            self.expire(*slot, now_ms);
            self.take_row(row, *slot, times.value(row))?;
        }
        marks.for_each(|m| self.fire(m.watermark, now_ms));
        self.rows.write(batch.rows.columns())?;
        self.run(out)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        let now_ms = self.keys.now_ms();
        self.fire(watermark, now_ms);
        self.run(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}
