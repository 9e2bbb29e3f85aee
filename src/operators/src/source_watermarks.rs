//! Watermarks that a source makes itself, split by split.
//!
//! - A split's watermark is the greatest value of the expression over its rows; the source's is the least of those of its
//!   splits. A split that has ended, or has had no row for the idle timeout, isn't counted; when all of them are idle, so
//!   is the source. A split without rows yet holds the source back until it is idle.
//! - On-event a watermark goes out behind the very row that raises it; else every interval of the clock.
//! - With alignment a source that is ahead of its group isn't read, and of the splits of one that may be read those are
//!   paused that are too far ahead of its slowest, where its reader can do so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, Int64Array};
use arrow::datatypes::SchemaRef;
use datafusion::physical_expr::PhysicalExpr;
use filbert_graph::spec::SourceWatermarkSpec;
use filbert_types::{ChangeBatch, Watermark, WatermarkMark};

use crate::alignment::{AlignedSource, Alignments};
use crate::context::{ExpressionFactory, OperatorContext};
use crate::error::Result;
use crate::output::Output;
use crate::watermark_assigner::to_millis;

/// The name of what a source reads that doesn't tell its splits apart.
const WHOLE: &str = "";

pub struct SourceWatermarks {
    expr: Arc<dyn PhysicalExpr>,
    on_event: bool,
    interval_ms: i64,
    idle_timeout_ms: Option<i64>,
    spec: SourceWatermarkSpec,
    alignments: Arc<Alignments>,
    alignment: Option<AlignedSource>,
    /// The reader says which split a batch is from.
    tells_splits: bool,
    /// Splits at hand.
    splits: BTreeMap<String, SplitTime>,
    /// Those of them that are not to be read.
    paused: BTreeSet<String>,
    /// The last watermark sent.
    sent: i64,
    idle: bool,
    next_timer_ms: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
struct SplitTime {
    watermark: i64,
    last_row_ms: i64,
    idle: bool,
}

impl SourceWatermarks {
    /// # Errors
    /// When the expression can't be read.
    pub fn new(
        spec: &SourceWatermarkSpec,
        output: &SchemaRef,
        expressions: &dyn ExpressionFactory,
        alignments: &Arc<Alignments>,
    ) -> Result<SourceWatermarks> {
        let ms = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        Ok(SourceWatermarks {
            expr: expressions.physical(&spec.watermark, output)?,
            // Without an interval there is no clock to send by.
            on_event: spec.on_event || spec.interval_ms == 0,
            interval_ms: ms(spec.interval_ms),
            idle_timeout_ms: spec.idle_timeout_ms.filter(|t| *t > 0).map(ms),
            spec: spec.clone(),
            alignments: Arc::clone(alignments),
            alignment: None,
            tells_splits: true,
            splits: BTreeMap::new(),
            paused: BTreeSet::new(),
            sent: i64::MIN,
            idle: false,
            next_timer_ms: None,
        })
    }

    /// `tells_splits`: the reader says which split a batch is from.
    pub fn open(&mut self, ctx: &OperatorContext, tells_splits: bool) {
        self.tells_splits = tells_splits;
        if !tells_splits {
            self.add_split(WHOLE, ctx.clock.now_ms());
        }
        let alignment = self.spec.alignment.as_ref();
        let task = &ctx.task;
        self.alignment = alignment.map(|alignment| {
            self.alignments
                .join(alignment, &task.vertex_id, task.subtask)
        });
        self.schedule(ctx.clock.now_ms());
    }

    fn schedule(&mut self, now_ms: i64) {
        let interval = (!self.on_event).then_some(self.interval_ms);
        let period = [interval, self.idle_timeout_ms].into_iter().flatten().min();
        self.next_timer_ms = period.map(|period| now_ms.saturating_add(period.max(1)));
    }

    pub fn next_timer(&self) -> Option<i64> {
        self.next_timer_ms
    }

    pub fn add_split(&mut self, id: &str, now_ms: i64) {
        self.splits.entry(id.to_owned()).or_insert(SplitTime {
            watermark: i64::MIN,
            last_row_ms: now_ms,
            idle: false,
        });
    }

    /// A split has ended; the others may be further.
    pub fn remove_split(&mut self, id: &str, out: &mut Output) {
        self.splits.remove(id);
        self.paused.remove(id);
        if self.on_event {
            self.send(out);
        }
        self.tell();
    }

    /// How long the source must not be read, being ahead of its group.
    pub fn wait_ms(&mut self, now_ms: i64) -> Option<i64> {
        let watermark = self.combined()?;
        self.alignment.as_mut()?.wait_ms(watermark, now_ms)
    }

    /// The splits that the reader must leave out, when they are others than before. Asked when the source may be read: then
    /// its slowest split may.
    pub fn pause(&mut self) -> Option<&BTreeSet<String>> {
        if !self.tells_splits {
            return None;
        }
        let allowed = self.alignment.as_ref()?.allowed(self.combined()?);
        let ahead = self.splits.iter().filter(|(_, s)| s.watermark > allowed);
        let paused: BTreeSet<String> = ahead.map(|(id, _)| id.clone()).collect();
        if paused == self.paused {
            return None;
        }
        self.paused = paused;
        Some(&self.paused)
    }

    /// The least watermark of the splits that count.
    fn combined(&self) -> Option<i64> {
        let active = self.splits.values().filter(|split| !split.idle);
        active.map(|split| split.watermark).min()
    }

    /// Marks a batch of a split's rows.
    pub fn mark(
        &mut self,
        batch: &mut ChangeBatch,
        split: Option<&str>,
        now_ms: i64,
        out: &mut Output,
    ) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        batch.marks.clear();
        let id = split.filter(|_| self.tells_splits).unwrap_or(WHOLE);
        self.add_split(id, now_ms);
        if std::mem::take(&mut self.idle) {
            out.idle(false);
        }
        let values = self.expr.evaluate(&batch.rows)?;
        let values = to_millis(&values.into_array(batch.num_rows())?)?;
        let Some(mut own) = self.splits.remove(id) else {
            return Ok(());
        };
        own.idle = false;
        own.last_row_ms = now_ms;
        let others = self.combined().unwrap_or(i64::MAX);
        if self.on_event {
            batch.marks = self.marks(&values, &mut own, others);
        } else {
            let greatest = arrow::compute::max(&values);
            own.watermark = own.watermark.max(greatest.unwrap_or(i64::MIN));
        }
        self.splits.insert(id.to_owned(), own);
        self.tell();
        Ok(())
    }

    fn marks(
        &mut self,
        values: &Int64Array,
        own: &mut SplitTime,
        others: i64,
    ) -> Vec<WatermarkMark> {
        let mut marks = Vec::new();
        for row in 0..values.len() {
            if values.is_null(row) || values.value(row) <= own.watermark {
                continue;
            }
            own.watermark = values.value(row);
            let combined = own.watermark.min(others);
            if combined > self.sent {
                self.sent = combined;
                marks.push(WatermarkMark {
                    offset: row + 1,
                    watermark: Watermark(combined),
                });
            }
        }
        marks
    }

    fn tell(&self) {
        if let Some(alignment) = &self.alignment {
            // What has nothing to send holds nobody back.
            alignment.tell(self.combined().unwrap_or(i64::MAX));
        }
    }

    fn send(&mut self, out: &mut Output) {
        if let Some(combined) = self.combined()
            && combined > self.sent
        {
            self.sent = combined;
            out.watermark(Watermark(combined));
        }
    }

    pub fn timer(&mut self, now_ms: i64, out: &mut Output) {
        if let Some(timeout) = self.idle_timeout_ms {
            for (id, split) in &mut self.splits {
                if self.paused.contains(id) {
                    split.last_row_ms = now_ms;
                }
                split.idle = split.last_row_ms.saturating_add(timeout) <= now_ms;
            }
            let all_idle = self.splits.values().all(|split| split.idle);
            if all_idle != self.idle {
                self.idle = all_idle;
                out.idle(all_idle);
            }
        }
        self.send(out);
        self.tell();
        self.schedule(now_ms);
    }
}

#[cfg(test)]
mod tests;
