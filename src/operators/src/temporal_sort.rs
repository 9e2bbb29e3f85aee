//! Rows in the order of their time, and of other columns behind it.
//!
//! - State: by event time the rows that the watermark has not reached, in order; by processing time those of the current
//!   millisecond.
//! - Changelog: takes and emits inserts.
//! - At a watermark the rows up to it are emitted in order; then it passes. A row that is not younger than the last one
//!   emitted is late: it is dropped and counted. Rows of a millisecond of processing time are emitted with the next one,
//!   or at the end of the input.
//! - Cost: a place in the order takes binary searches; rows are written once a batch.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, SchemaRef};
use filbert_graph::spec::TemporalSortSpec;
use filbert_state::{SortedTable, ValueTable};
use filbert_types::{ChangeBatch, Clock, RowKind, Watermark};

use crate::context::OperatorContext;
use crate::error::{OperatorError, Result};
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::stored_rows::{StoredChanges, StoredRows};
use crate::watermark_assigner::to_millis;

/// All rows are in one order.
const ALL: u32 = 0;

pub struct TemporalSortOperator {
    spec: TemporalSortSpec,
    output: SchemaRef,
    rows: StoredRows,
    sorted: SortedTable,
    /// By entry.
    times: ValueTable<i64>,
    /// The time of the last row emitted.
    last_time: i64,
    changes: StoredChanges,
    clock: Option<Arc<dyn Clock>>,
    flush_at_ms: Option<i64>,
    metrics: Arc<OperatorMetrics>,
}

impl TemporalSortOperator {
    /// # Errors
    /// When a column has no order.
    pub fn new(
        spec: &TemporalSortSpec,
        input: &SchemaRef,
        output: SchemaRef,
    ) -> Result<TemporalSortOperator> {
        let time = spec
            .rowtime
            .map(|_| (DataType::Int64, SortOptions::default()));
        let others = spec.order_by.iter().map(|key| {
            let options = SortOptions::new(!key.ascending, key.nulls_first);
            (input.field(key.column).data_type().clone(), options)
        });
        let columns: Vec<(DataType, SortOptions)> = time.into_iter().chain(others).collect();
        let mut sorted = SortedTable::new(&columns)?;
        sorted.reserve_parents(1);
        Ok(TemporalSortOperator {
            spec: spec.clone(),
            output,
            rows: StoredRows::new(input),
            sorted,
            times: ValueTable::default(),
            last_time: i64::MIN,
            changes: StoredChanges::default(),
            clock: None,
            flush_at_ms: None,
            metrics: Arc::default(),
        })
    }

    fn run(&mut self, out: &mut Output) -> Result<Step> {
        if !self.changes.ship_all(&mut self.rows, &self.output, out)? {
            return Ok(Step::More);
        }
        let bytes = self.rows.memory_bytes() + self.sorted.memory_bytes();
        self.metrics.set_state(self.sorted.len(), bytes);
        Ok(Step::Done)
    }

    /// Emits the rows up to this time, in order.
    fn fire(&mut self, until: i64) {
        let ready: Vec<u32> = self
            .sorted
            .iter_from(ALL, 0)
            .take_while(|entry| self.times.get(*entry) <= until)
            .collect();
        self.sorted.pop_front(ALL, ready.len());
        for entry in &ready {
            self.changes.push(RowKind::Insert, *entry);
            self.rows.leave(*entry);
        }
        if let Some(last) = ready.last() {
            self.last_time = self.times.get(*last);
        }
    }

    fn pass(&mut self, watermark: Watermark) {
        if self.spec.rowtime.is_some() {
            self.fire(watermark.0);
        }
        self.changes.watermark(watermark);
    }

    fn times_of(&self, batch: &ChangeBatch) -> Result<Option<Int64Array>> {
        let Some(rowtime) = self.spec.rowtime else {
            return Ok(None);
        };
        let times = to_millis(batch.rows.column(rowtime))?;
        if times.null_count() > 0 {
            return Err(OperatorError::user(
                "RowTime field should not be null, please convert it to a non-null long value.",
            ));
        }
        Ok(Some(times))
    }
}

impl Operator for TemporalSortOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        self.clock = Some(Arc::clone(&ctx.clock));
        Ok(())
    }

    fn next_timer(&self) -> Option<i64> {
        self.flush_at_ms
    }

    fn timer(&mut self, _now_ms: i64, out: &mut Output) -> Result<Step> {
        self.flush_at_ms = None;
        self.fire(i64::MAX);
        self.run(out)
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let times = self.times_of(&batch)?;
        let mut columns: Vec<ArrayRef> = Vec::new();
        columns.extend(times.clone().map(|t| Arc::new(t) as ArrayRef));
        let others = self.spec.order_by.iter();
        columns.extend(others.map(|key| ArrayRef::clone(batch.rows.column(key.column))));
        let keys = self.sorted.keys_of(&columns, batch.num_rows())?;
        let mut marks = batch.marks.iter().peekable();
        for row in 0..batch.num_rows() {
            while let Some(mark) = marks.next_if(|m| m.offset <= row) {
                self.pass(mark.watermark);
            }
            let time = times.as_ref().map_or(i64::MIN, |t| t.value(row));
            if times.is_some() && time <= self.last_time {
                self.metrics.late_records_dropped.add(1);
                continue;
            }
            let entry = self.rows.accept(row)?;
            self.times.reserve_slots(entry as usize + 1);
            self.times.set(entry, time);
            self.sorted.insert(ALL, &keys, row, entry);
        }
        marks.for_each(|m| self.pass(m.watermark));
        self.rows.write(batch.rows.columns())?;
        if times.is_none() && self.flush_at_ms.is_none() && !self.sorted.is_empty() {
            let now_ms = self.clock.as_ref().map_or(0, |clock| clock.now_ms());
            self.flush_at_ms = Some(now_ms.saturating_add(1));
        }
        self.run(out)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        self.pass(watermark);
        self.run(out)
    }

    fn end_input(&mut self, _input: usize, out: &mut Output) -> Result<Step> {
        if self.spec.rowtime.is_none() {
            self.flush_at_ms = None;
            self.fire(i64::MAX);
        }
        self.run(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}
