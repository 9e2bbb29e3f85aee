//! OVER by time: functions over the rows around each row, in the order of their time.
//!
//! - State: rows that the watermark has not reached, in the order of time; by partition the rows that may still leave a
//!   frame or wait for their frame's end, and each call's accumulator.
//! - Changelog: takes and emits inserts.
//! - At a watermark the rows up to it enter their partitions' frames, the earliest first, and each goes out once its frame
//!   is complete: at once unless it reaches behind the row. By processing time rows enter as they come, for a bounded
//!   RANGE with the next millisecond. A row that is not younger than what has been computed is late: it is dropped and
//!   counted. The watermark passes as far as no row waits.
//! - A bounded RANGE forgets a partition when no later row can reach back to it; with a state TTL any partition is
//!   forgotten that has not been touched for so long.
//! - Cost: a row enters each accumulator once and leaves it once; all that a batch makes enter and leave runs through
//!   each function in one call.

mod changing;
mod corrected;
mod firing;
mod forget;
mod frames;
mod lag;
mod steps;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, SchemaRef};
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::{OverBound, OverSpec, OverTime};
use filbert_state::{KeyIndex, SortKeyBatch, SortedTable, TimeTable, ValueTable};
use filbert_types::{ChangeBatch, Clock, Watermark};

use crate::columns::types_at;
use crate::context::OperatorContext;
use crate::error::{OperatorError, Result};
use crate::keyed::slots_of;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::stored_rows::{StoredChanges, StoredRows};
use crate::ttl::StateTtl;
use crate::watermark_assigner::to_millis;

pub use changing::ChangingOverOperator;

use firing::Firing;
use frames::Frames;
use steps::{Calls, Steps};

/// Rows that wait for the watermark are in one order.
const ALL: u32 = 0;

pub struct OverOperator {
    spec: OverSpec,
    output: SchemaRef,
    partitions: KeyIndex,
    rows: StoredRows,
    /// Rows whose time has not come in one list, then a list for each partition, all in the order of time.
    order: SortedTable,
    /// By entry.
    times: ValueTable<i64>,
    partition_of: ValueTable<u32>,
    /// By partition, rows whose time has not come.
    waiting: ValueTable<u32>,
    /// By partition, the time of the last row that has been computed.
    last_time: ValueTable<Option<i64>>,
    frames: Frames,
    steps: Steps,
    calls: Calls,
    /// Values of the calls for the rows of `changes`.
    results: Vec<ArrayRef>,
    changes: StoredChanges,
    /// Partitions by the time at which they may be forgotten, and that time by partition.
    cleanups: TimeTable<Vec<u32>>,
    cleanup_at: ValueTable<Option<i64>>,
    /// Partitions by the time at which a row's frame is complete that reaches behind it.
    due: TimeTable<Vec<u32>>,
    /// Where rows wait for their frames' ends, how many by their time: the watermark must not overtake them.
    held: TimeTable<u32>,
    /// Partitions whose frames may have become complete.
    advancing: Vec<u32>,
    /// Frames are as complete as they can be.
    has_ended: bool,
    progress: i64,
    /// The watermark that has been sent on.
    passed: Watermark,
    firing: Option<Firing>,
    input: Option<Input>,
    flush_at_ms: Option<i64>,
    ttl: Option<StateTtl>,
    clock: Option<Arc<dyn Clock>>,
    metrics: Arc<OperatorMetrics>,
}

/// A batch on its way.
struct Input {
    batch: ChangeBatch,
    partitions: Vec<u32>,
    times: Vec<i64>,
    keys: SortKeyBatch,
    row: usize,
    mark: usize,
}

impl OverOperator {
    /// # Errors
    /// When a function isn't there for its arguments, or a partition's type can't be a key.
    pub fn new(
        spec: &OverSpec,
        input: &SchemaRef,
        output: SchemaRef,
        functions: &FunctionRegistry,
    ) -> Result<OverOperator> {
        let by_time = [(DataType::Int64, SortOptions::default())];
        let mut order = SortedTable::new(&by_time)?;
        order.reserve_parents(1);
        let retracts = spec.frame.start != OverBound::UnboundedPreceding;
        let calls = Calls::new(&spec.calls, input, retracts, functions)?;
        let mut frames = Frames::new(spec.frame);
        frames.reads_current = calls.read_current();
        Ok(OverOperator {
            output,
            partitions: KeyIndex::new(types_at(input, &spec.partition_by))?,
            rows: StoredRows::new(input),
            order,
            times: ValueTable::default(),
            partition_of: ValueTable::default(),
            waiting: ValueTable::default(),
            last_time: ValueTable::default(),
            frames,
            steps: Steps::default(),
            calls,
            results: Vec::new(),
            changes: StoredChanges::default(),
            cleanups: TimeTable::default(),
            cleanup_at: ValueTable::default(),
            due: TimeTable::default(),
            held: TimeTable::default(),
            advancing: Vec::new(),
            has_ended: false,
            progress: i64::MIN,
            passed: Watermark::MIN,
            firing: None,
            input: None,
            flush_at_ms: None,
            ttl: StateTtl::new(spec.state_ttl_ms),
            clock: None,
            metrics: Arc::default(),
            spec: spec.clone(),
        })
    }

    /// Goes on until all is done or the output is full.
    fn run(&mut self, out: &mut Output) -> Result<Step> {
        loop {
            let results = &self.results;
            let sliced = |range: std::ops::Range<usize>| -> Vec<ArrayRef> {
                let columns = results.iter();
                columns.map(|c| c.slice(range.start, range.len())).collect()
            };
            if !self.changes.ship(&self.rows, &self.output, sliced, out)? {
                return Ok(Step::More);
            }
            self.changes.clear();
            self.rows.forget_left();
            if self.firing.is_none() && self.input.is_none() {
                self.forget_partitions();
                self.measure();
                return Ok(Step::Done);
            }
            let is_done = self.work(out.batch_rows())?;
            if let Some(input) = &self.input {
                self.rows.write(input.batch.rows.columns())?;
            }
            if is_done {
                self.input = None;
            }
            self.results = self.calls.run(&self.steps, &self.rows)?;
            self.steps.clear();
        }
    }

    /// Takes rows and watermarks until there are enough steps; true when all are taken.
    fn work(&mut self, steps_max: usize) -> Result<bool> {
        loop {
            if let Some(firing) = self.firing {
                if !self.fire(firing, steps_max) {
                    return Ok(false);
                }
                self.firing = None;
                if let Firing::Watermark(watermark) = firing
                    && let Some(watermark) = self.passing(watermark)
                {
                    self.changes.watermark(watermark);
                }
            }
            let Some(input) = &mut self.input else {
                return Ok(true);
            };
            let mark = input.batch.marks.get(input.mark).copied();
            match mark.filter(|m| m.offset <= input.row) {
                Some(mark) => {
                    input.mark += 1;
                    self.firing = Some(Firing::Watermark(mark.watermark));
                }
                None if input.row == input.batch.num_rows() => return Ok(true),
                None => {
                    self.take_row()?;
                    if self.fires_at_once() {
                        self.firing = Some(Firing::Arrival(i64::MAX));
                    }
                }
            }
        }
    }

    /// Rows are computed as they come.
    fn fires_at_once(&self) -> bool {
        self.spec.order == OverTime::Proctime && !self.waits_for_timer()
    }

    /// Rows of a millisecond are computed together, with the next one.
    fn waits_for_timer(&self) -> bool {
        self.spec.order == OverTime::Proctime && self.frames.range_before().is_some()
    }

    fn take_row(&mut self) -> Result<()> {
        let Some(input) = &mut self.input else {
            return Ok(());
        };
        let row = input.row;
        input.row += 1;
        let (partition, time) = (input.partitions[row], input.times[row]);
        if self.spec.order != OverTime::Proctime && self.is_late(partition, time) {
            self.metrics.late_records_dropped.add(1);
            return Ok(());
        }
        let entry = self.rows.accept(row)?;
        self.times.reserve_slots(entry as usize + 1);
        self.times.set(entry, time);
        self.partition_of.reserve_slots(entry as usize + 1);
        self.partition_of.set(entry, partition);
        if let Some(input) = &self.input {
            self.order.insert(ALL, &input.keys, row, entry);
        }
        self.waiting.set(partition, self.waiting.get(partition) + 1);
        if let Some(ttl) = &mut self.ttl {
            let now_ms = ttl.now_ms();
            ttl.touch(partition, now_ms);
        }
        self.plan_cleanup(partition, time);
        Ok(())
    }

    /// A row that comes after its time has been computed.
    fn is_late(&self, partition: u32, time: i64) -> bool {
        if self.frames.is_unbounded() || self.frames.waits() {
            return time <= self.progress;
        }
        self.last_time
            .get(partition)
            .is_some_and(|last| time <= last)
    }

    fn now_ms(&self) -> i64 {
        self.clock.as_ref().map_or(0, |clock| clock.now_ms())
    }

    fn times_of(&self, batch: &ChangeBatch) -> Result<Vec<i64>> {
        let OverTime::Rowtime(rowtime) = self.spec.order else {
            return Ok(vec![self.now_ms(); batch.num_rows()]);
        };
        let times = to_millis(batch.rows.column(rowtime))?;
        if times.null_count() > 0 {
            return Err(OperatorError::user(
                "RowTime field should not be null, please convert it to a non-null long value.",
            ));
        }
        Ok(times.values().to_vec())
    }

    fn measure(&self) {
        let bytes = self.partitions.memory_bytes()
            + self.rows.memory_bytes()
            + self.order.memory_bytes()
            + self.calls.memory_bytes();
        self.metrics.set_state(self.rows.len(), bytes);
    }
}

impl Operator for OverOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        self.clock = Some(Arc::clone(&ctx.clock));
        if let Some(ttl) = &mut self.ttl {
            ttl.open(&ctx.clock);
        }
        Ok(())
    }

    fn next_timer(&self) -> Option<i64> {
        let sweep = self.ttl.as_ref().map(StateTtl::next_sweep_ms);
        self.flush_at_ms.into_iter().chain(sweep).min()
    }

    fn timer(&mut self, now_ms: i64, out: &mut Output) -> Result<Step> {
        if let Some(ttl) = &mut self.ttl
            && ttl.next_sweep_ms() <= now_ms
        {
            for partition in ttl.sweep(self.partitions.live_slots(), now_ms) {
                if self.waiting.get(partition) == 0 {
                    self.forget(partition);
                }
            }
        }
        if self.flush_at_ms.is_some_and(|at| at <= now_ms) {
            self.flush_at_ms = None;
            self.firing = Some(Firing::Arrival(now_ms.saturating_sub(1)));
        }
        let step = self.run(out)?;
        if self.flush_at_ms.is_none() && self.order.len_of(ALL) > 0 {
            self.flush_at_ms = Some(now_ms.saturating_add(1));
        }
        Ok(step)
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let partitions = slots_of(&mut self.partitions, &self.spec.partition_by, &batch)?;
        let end = self.partitions.slots_end();
        self.order.reserve_parents(end + 1);
        self.frames.reserve(end);
        self.calls.reserve(end);
        self.cleanup_at.reserve_slots(end);
        self.last_time.reserve_slots(end);
        self.waiting.reserve_slots(end);
        let times = self.times_of(&batch)?;
        let column: ArrayRef = Arc::new(Int64Array::from(times.clone()));
        let keys = self.order.keys_of(&[column], batch.num_rows());
        if self.waits_for_timer() && self.flush_at_ms.is_none() {
            self.flush_at_ms = Some(self.now_ms().saturating_add(1));
        }
        self.input = Some(Input {
            keys: keys?,
            batch,
            partitions,
            times,
            row: 0,
            mark: 0,
        });
        self.run(out)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        self.firing = Some(Firing::Watermark(watermark));
        self.run(out)
    }

    fn end_input(&mut self, _input: usize, out: &mut Output) -> Result<Step> {
        if self.spec.order == OverTime::Proctime {
            self.flush_at_ms = None;
            self.firing = Some(Firing::Arrival(i64::MAX));
        }
        self.run(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}

#[cfg(test)]
mod tests;
