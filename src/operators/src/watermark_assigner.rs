//! Emits watermarks by an expression over the rows.
//!
//! - State: the greatest watermark seen and the last one emitted. (Not in checkpoints: as in Flink both begin anew.)
//! - Changelog: passes any. Watermarks from before are ignored, but for the last one at the end of input.
//! - A watermark is emitted right after the row that moves it more than the interval past the last one, as a mark, and by
//!   a timer every interval of processing time if it has moved at all. Without rows for the idle timeout, the output is
//!   idle until the next row.
//! - As in Flink, both begin at 0: a watermark at or before 1970 isn't emitted. A NULL rowtime fails the job.

use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::types::{
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use arrow::array::{Array, ArrayRef, Int64Array};
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion::physical_expr::PhysicalExpr;
use filbert_graph::spec::WatermarkAssignerSpec;
use filbert_types::{ChangeBatch, Clock, Watermark, WatermarkMark};

use crate::context::{ExpressionFactory, OperatorContext};
use crate::error::{OperatorError, Result};
use crate::operator::{Operator, Step};
use crate::output::Output;

pub struct WatermarkAssignerOperator {
    rowtime: usize,
    expr: Arc<dyn PhysicalExpr>,
    interval_ms: i64,
    idle_timeout_ms: Option<i64>,
    clock: Option<Arc<dyn Clock>>,
    current: i64,
    last: i64,
    next_timer_ms: Option<i64>,
    last_emit_ms: i64,
    /// When rows were last seen to have come.
    last_rows_ms: i64,
    rows_since_timer: bool,
    idle: bool,
}

impl WatermarkAssignerOperator {
    /// # Errors
    /// When the expression can't be read.
    pub fn new(
        spec: &WatermarkAssignerSpec,
        input: &SchemaRef,
        expressions: &dyn ExpressionFactory,
    ) -> Result<WatermarkAssignerOperator> {
        Ok(WatermarkAssignerOperator {
            rowtime: spec.rowtime,
            expr: expressions.physical(&spec.watermark, input)?,
            interval_ms: i64::try_from(spec.interval_ms).unwrap_or(i64::MAX),
            idle_timeout_ms: spec
                .idle_timeout_ms
                .filter(|ms| *ms > 0)
                .map(|ms| i64::try_from(ms).unwrap_or(i64::MAX)),
            clock: None,
            current: 0,
            last: 0,
            next_timer_ms: None,
            last_emit_ms: 0,
            last_rows_ms: 0,
            rows_since_timer: false,
            idle: false,
        })
    }

    /// Flink's period: the smaller of interval and timeout where they lie far apart, else a fifth of it.
    fn timer_period_ms(&self) -> Option<i64> {
        let interval = (self.interval_ms > 0).then_some(self.interval_ms);
        match (interval, self.idle_timeout_ms) {
            (None, timeout) => timeout,
            (interval, None) => interval,
            (Some(a), Some(b)) => {
                let (small, large) = (a.min(b), a.max(b));
                let period = if small * 5 < large { small } else { small / 5 };
                Some(period.max(1))
            }
        }
    }

    fn marks(&mut self, watermarks: &Int64Array) -> Vec<WatermarkMark> {
        let mut marks = Vec::new();
        for i in 0..watermarks.len() {
            if watermarks.is_valid(i) {
                self.current = self.current.max(watermarks.value(i));
            }
            if self.current - self.last > self.interval_ms {
                self.last = self.current;
                marks.push(WatermarkMark {
                    offset: i + 1,
                    watermark: Watermark(self.current),
                });
            }
        }
        marks
    }
}

/// Timestamps of any precision as milliseconds.
pub(crate) fn to_millis(array: &ArrayRef) -> Result<Int64Array> {
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Millisecond, _) => Ok(array
            .as_primitive::<TimestampMillisecondType>()
            .unary(|v| v)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Ok(array
            .as_primitive::<TimestampMicrosecondType>()
            .unary(|v| v.div_euclid(1000))),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Ok(array
            .as_primitive::<TimestampNanosecondType>()
            .unary(|v| v.div_euclid(1_000_000))),
        other => Err(OperatorError::engine(format!(
            "A time attribute is of type {other}."
        ))),
    }
}

impl Operator for WatermarkAssignerOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        let now = ctx.clock.now_ms();
        self.last_emit_ms = now;
        self.last_rows_ms = now;
        self.next_timer_ms = self.timer_period_ms().map(|period| now + period);
        self.clock = Some(Arc::clone(&ctx.clock));
        Ok(())
    }

    fn process(&mut self, _input: usize, mut batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        if batch.num_rows() == 0 {
            return Ok(Step::Done);
        }
        self.rows_since_timer = true;
        if self.idle {
            self.idle = false;
            out.idle(false);
        }
        if batch.rows.column(self.rowtime).null_count() > 0 {
            return Err(OperatorError::user(
                "RowTime field should not be null, please convert it to a non-null long value.",
            ));
        }
        let watermarks = self.expr.evaluate(&batch.rows)?;
        let watermarks = to_millis(&watermarks.into_array(batch.num_rows())?)?;
        batch.marks = self.marks(&watermarks);
        out.emit(batch);
        Ok(Step::Done)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        if watermark == Watermark::MAX && self.current != i64::MAX {
            if self.idle {
                self.idle = false;
                out.idle(false);
            }
            self.current = i64::MAX;
            self.last = i64::MAX;
            out.watermark(watermark);
        }
        Ok(Step::Done)
    }

    fn idle(&mut self, idle: bool, out: &mut Output) -> Result<Step> {
        self.idle = idle;
        out.idle(idle);
        Ok(Step::Done)
    }

    fn next_timer(&self) -> Option<i64> {
        self.next_timer_ms
    }

    fn timer(&mut self, now_ms: i64, out: &mut Output) -> Result<Step> {
        if self.interval_ms > 0 && self.last_emit_ms + self.interval_ms <= now_ms {
            self.last_emit_ms = now_ms;
            if self.current > self.last {
                self.last = self.current;
                out.watermark(Watermark(self.current));
            }
        }
        if self.rows_since_timer {
            self.rows_since_timer = false;
            self.last_rows_ms = now_ms;
        }
        if let Some(timeout) = self.idle_timeout_ms
            && !self.idle
            && self.last_rows_ms + timeout <= now_ms
        {
            self.idle = true;
            out.idle(true);
        }
        self.next_timer_ms = self.timer_period_ms().map(|period| now_ms + period);
        Ok(Step::Done)
    }

    fn end_input(&mut self, _input: usize, out: &mut Output) -> Result<Step> {
        self.watermark(Watermark::MAX, out)
    }
}
