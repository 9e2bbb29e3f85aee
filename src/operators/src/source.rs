//! Reads splits through a connector's reader.
//!
//! - State: the splits at hand with the positions reached in them.
//! - Changelog: what the connector sends. Watermarks are the connector's own, where it has them, or made here split by
//!   split (`source_watermarks`); at the end of a bounded source comes the last one.
//! - Asks the enumerator for splits when the reader has none left, and waits without blocking the task.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use filbert_connector_api::source::{Pushdown, ReaderContext, ReaderOutput, Split};
use filbert_connector_api::{ScanSource, SourceReader};
use filbert_types::{ChangeBatch, Clock, Field, Watermark};

use crate::columns::record_batch;
use crate::context::{CoordinatorEvent, CoordinatorGateway, OperatorContext};
use crate::error::{OperatorError, Result};
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, SourceOperator, SourceStep, Step};
use crate::output::Output;
use crate::snapshot::OperatorSnapshot;
use crate::source_watermarks::SourceWatermarks;

pub struct SourceReaderOperator {
    source: Arc<dyn ScanSource>,
    pushdown: Pushdown,
    metadata: Vec<Field>,
    output: SchemaRef,
    opened: Option<Opened>,
    /// Splits have been asked for and have not come.
    requested: bool,
    /// No more is read.
    drained: bool,
    watermarks: Option<SourceWatermarks>,
    clock: Option<Arc<dyn Clock>>,
}

struct Opened {
    reader: Box<dyn SourceReader>,
    coordinator: Arc<dyn CoordinatorGateway>,
    metrics: Arc<OperatorMetrics>,
}

impl SourceReaderOperator {
    pub fn new(
        source: Arc<dyn ScanSource>,
        pushdown: Pushdown,
        metadata: Vec<Field>,
        output: SchemaRef,
        watermarks: Option<SourceWatermarks>,
    ) -> SourceReaderOperator {
        SourceReaderOperator {
            source,
            pushdown,
            metadata,
            output,
            opened: None,
            requested: false,
            drained: false,
            watermarks,
            clock: None,
        }
    }

    fn now_ms(&self) -> i64 {
        self.clock.as_ref().map_or(0, |clock| clock.now_ms())
    }

    fn opened(&mut self) -> Result<&mut Opened> {
        self.opened
            .as_mut()
            .ok_or_else(|| OperatorError::engine("The source is not open."))
    }

    /// The batch under the names that the plan gave its columns.
    fn adapt(&self, batch: ChangeBatch) -> Result<ChangeBatch> {
        if Arc::ptr_eq(&batch.rows.schema(), &self.output) {
            return Ok(batch);
        }
        let columns = batch.rows.columns().to_vec();
        let rows = record_batch(&self.output, columns, batch.num_rows())?;
        Ok(ChangeBatch { rows, ..batch })
    }
}

impl Operator for SourceReaderOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        let reader = self.source.reader(
            &ReaderContext {
                job_id: ctx.task.job_id.clone(),
                clock: Arc::clone(&ctx.clock),
                subtask: ctx.task.subtask,
                parallelism: ctx.task.parallelism,
                metadata: self.metadata.clone(),
                batch_rows: ctx.batch_rows,
                io: ctx.io.handle()?,
            },
            &self.pushdown,
        )?;
        self.clock = Some(Arc::clone(&ctx.clock));
        if let Some(watermarks) = &mut self.watermarks {
            watermarks.open(ctx, self.source.supports_watermark_push_down());
        }
        self.opened = Some(Opened {
            reader,
            coordinator: ctx.coordinator()?,
            metrics: Arc::clone(&ctx.metrics),
        });
        Ok(())
    }

    fn process(&mut self, _input: usize, _batch: ChangeBatch, _out: &mut Output) -> Result<Step> {
        Err(OperatorError::engine("A source has no input."))
    }

    fn next_timer(&self) -> Option<i64> {
        self.watermarks.as_ref()?.next_timer()
    }

    fn timer(&mut self, now_ms: i64, out: &mut Output) -> Result<Step> {
        if let Some(watermarks) = &mut self.watermarks {
            watermarks.timer(now_ms, out);
        }
        Ok(Step::Done)
    }

    fn snapshot(&mut self, _checkpoint_id: u64) -> Result<OperatorSnapshot> {
        Ok(OperatorSnapshot {
            splits: self.opened()?.reader.snapshot(),
            ..OperatorSnapshot::default()
        })
    }

    fn restore(&mut self, state: Vec<OperatorSnapshot>) -> Result<()> {
        self.add_splits(state.into_iter().flat_map(|s| s.splits).collect());
        Ok(())
    }

    fn checkpoint_complete(&mut self, checkpoint_id: u64) -> Result<()> {
        Ok(self.opened()?.reader.checkpoint_complete(checkpoint_id)?)
    }
}

impl SourceOperator for SourceReaderOperator {
    fn poll(&mut self, out: &mut Output) -> Result<SourceStep> {
        if self.drained {
            self.watermarks = None;
            out.watermark(Watermark::MAX);
            return Ok(SourceStep::Finished);
        }
        let now_ms = self.now_ms();
        if let Some(watermarks) = &mut self.watermarks
            && let Some(ms) = watermarks.wait_ms(now_ms)
        {
            let ms = u64::try_from(ms).unwrap_or(1);
            return Ok(SourceStep::Wait(Duration::from_millis(ms)));
        }
        if let (Some(watermarks), Some(opened)) = (&mut self.watermarks, &mut self.opened)
            && let Some(paused) = watermarks.pause()
        {
            opened.reader.pause_splits(paused);
        }
        let requested = self.requested;
        let opened = self.opened()?;
        let polled = opened.reader.poll()?;
        opened
            .metrics
            .skipped_records
            .add(opened.reader.take_skipped());
        match polled {
            ReaderOutput::Batch(batch) => {
                let mut batch = self.adapt(batch)?;
                if let (Some(watermarks), Some(opened)) = (&mut self.watermarks, &self.opened) {
                    let split = opened.reader.split_of_batch();
                    watermarks.mark(&mut batch, split, now_ms, out)?;
                }
                out.emit(batch);
                Ok(SourceStep::More)
            }
            ReaderOutput::Watermark(watermark) => {
                if self.watermarks.is_none() {
                    out.watermark(watermark);
                }
                Ok(SourceStep::More)
            }
            ReaderOutput::SplitFinished(id) => {
                if let Some(watermarks) = &mut self.watermarks {
                    watermarks.remove_split(&id, out);
                }
                Ok(SourceStep::More)
            }
            ReaderOutput::NeedSplits => {
                if !requested {
                    opened.coordinator.send(CoordinatorEvent::RequestSplits);
                    self.requested = true;
                }
                Ok(SourceStep::Idle)
            }
            ReaderOutput::Wait(time) => Ok(SourceStep::Wait(time)),
            ReaderOutput::Finished => {
                // What has ended holds nobody back.
                self.watermarks = None;
                out.watermark(Watermark::MAX);
                Ok(SourceStep::Finished)
            }
        }
    }

    fn add_splits(&mut self, splits: Vec<Split>) {
        self.requested = false;
        let now_ms = self.now_ms();
        if let Some(watermarks) = &mut self.watermarks
            && self.source.supports_watermark_push_down()
        {
            for split in &splits {
                watermarks.add_split(&split.id, now_ms);
            }
        }
        if let Some(opened) = &mut self.opened {
            opened.reader.add_splits(splits);
        }
    }

    fn no_more_splits(&mut self) {
        self.requested = false;
        if let Some(opened) = &mut self.opened {
            opened.reader.no_more_splits();
        }
    }

    fn drain(&mut self) {
        self.drained = true;
    }
}
