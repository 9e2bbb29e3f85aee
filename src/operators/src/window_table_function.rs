//! Adds window_start, window_end and window_time to each row, once for every window that it lies in.
//!
//! - State: none.
//! - Changelog: takes and emits any; watermarks pass, a mark moves to the place that corresponds.
//! - Rows without a time are dropped and counted, as in Flink. Over processing time all rows of a batch lie in the windows
//!   of the moment at which it came.
//! - Cost: tumbling windows add three columns and copy none.

use std::sync::Arc;

use arrow::array::types::{ArrowPrimitiveType, TimestampMillisecondType};
use arrow::array::{Array, ArrayRef, Int64Array, PrimitiveArray, RecordBatch, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, SchemaRef};
use filbert_graph::spec::WindowTableFunctionSpec;
use filbert_types::{ChangeBatch, Clock, RowKind, WatermarkMark};

use crate::context::OperatorContext;
use crate::error::Result;
use crate::marks::push_mark;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::watermark_assigner::to_millis;
use crate::windows::WindowAssigner;

pub struct WindowTableFunctionOperator {
    assigner: WindowAssigner,
    time: usize,
    proctime: bool,
    clock: Option<Arc<dyn Clock>>,
    output: SchemaRef,
    metrics: Arc<OperatorMetrics>,
    rest: Option<ChangeBatch>,
}

/// Rows with the bounds of their windows.
#[derive(Default)]
struct Assigned {
    rows: Vec<u32>,
    starts: Vec<i64>,
    ends: Vec<i64>,
    times: Vec<i64>,
    marks: Vec<WatermarkMark>,
}

impl WindowTableFunctionOperator {
    /// # Errors
    /// When the window's parameters make no windows.
    pub fn new(
        spec: &WindowTableFunctionSpec,
        output: SchemaRef,
    ) -> Result<WindowTableFunctionOperator> {
        Ok(WindowTableFunctionOperator {
            assigner: WindowAssigner::new(&spec.window, spec.time_zone.as_deref())?,
            time: spec.time,
            proctime: spec.proctime,
            clock: None,
            output,
            metrics: Arc::default(),
            rest: None,
        })
    }

    /// Assigns rows until `rows_max` are made; how many rows that took.
    fn assign(&self, batch: &ChangeBatch, rows_max: usize) -> Result<(Assigned, usize)> {
        let times = match (self.proctime, &self.clock) {
            (true, Some(clock)) => Int64Array::from_value(clock.now_ms(), batch.num_rows()),
            _ => to_millis(batch.rows.column(self.time))?,
        };
        let mut assigned = Assigned::default();
        let mut marks = batch.marks.iter().peekable();
        for row in 0..batch.num_rows() {
            if assigned.rows.len() >= rows_max {
                return Ok((assigned, row));
            }
            while let Some(mark) = marks.next_if(|m| m.offset <= row) {
                assigned.mark(mark);
            }
            if times.is_null(row) {
                self.metrics.null_records_dropped.add(1);
                continue;
            }
            self.assigner.windows_of(times.value(row), |window| {
                assigned.rows.push(row as u32);
                assigned.starts.push(window.start_ms);
                assigned.ends.push(window.end_ms);
                assigned
                    .times
                    .push(self.assigner.window_time(window.end_ms));
            });
        }
        marks.for_each(|mark| assigned.mark(mark));
        Ok((assigned, batch.num_rows()))
    }

    fn build(&self, batch: &ChangeBatch, assigned: Assigned) -> Result<ChangeBatch> {
        let rows = UInt32Array::from(assigned.rows);
        let whole = rows.len() == batch.num_rows()
            && rows.values().iter().zip(0u32..).all(|(row, at)| *row == at);
        let mut columns = Vec::with_capacity(self.output.fields().len());
        for column in batch.rows.columns() {
            columns.push(if whole {
                ArrayRef::clone(column)
            } else {
                take(column, &rows, None)?
            });
        }
        let added = self.output.fields().len() - 3;
        for (i, values) in [assigned.starts, assigned.ends, assigned.times]
            .into_iter()
            .enumerate()
        {
            columns.push(timestamps(
                values,
                self.output.field(added + i).data_type(),
            )?);
        }
        let kinds: Option<Vec<RowKind>> = batch
            .kinds
            .as_ref()
            .map(|kinds| rows.values().iter().map(|i| kinds[*i as usize]).collect());
        let out = RecordBatch::try_new(Arc::clone(&self.output), columns)?;
        let mut out = match kinds {
            None => ChangeBatch::insert(out),
            Some(kinds) => ChangeBatch::with_kinds(out, kinds),
        };
        out.marks = assigned.marks;
        Ok(out)
    }

    fn emit_piece(&mut self, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let (assigned, done) = self.assign(&batch, out.batch_rows())?;
        out.emit(self.build(&batch, assigned)?);
        if done == batch.num_rows() {
            return Ok(Step::Done);
        }
        // A slice leaves out the marks before its first row: they belong to the end of this piece.
        for mark in batch.marks.iter().filter(|m| m.offset == done) {
            out.watermark(mark.watermark);
        }
        self.rest = Some(batch.slice(done, batch.num_rows() - done));
        Ok(Step::More)
    }
}

impl Assigned {
    fn mark(&mut self, mark: &WatermarkMark) {
        push_mark(&mut self.marks, self.rows.len(), mark.watermark);
    }
}

/// Milliseconds as a column of a timestamp type.
pub(crate) fn timestamps(values: Vec<i64>, ty: &DataType) -> Result<ArrayRef> {
    let millis = PrimitiveArray::<TimestampMillisecondType>::new(values.into(), None);
    if let DataType::Timestamp(_, zone) = ty {
        let millis = millis.with_timezone_opt(zone.clone());
        if millis.data_type() == ty {
            return Ok(Arc::new(millis));
        }
        return Ok(cast(&(Arc::new(millis) as ArrayRef), ty)?);
    }
    debug_assert!(false, "{} for {}", TimestampMillisecondType::DATA_TYPE, ty);
    Ok(cast(&(Arc::new(millis) as ArrayRef), ty)?)
}

impl Operator for WindowTableFunctionOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        self.clock = Some(Arc::clone(&ctx.clock));
        Ok(())
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        self.emit_piece(batch, out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        match self.rest.take() {
            Some(rest) => self.emit_piece(rest, out),
            None => Ok(Step::Done),
        }
    }
}
