//! A source as a leaf of a batch plan that runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
};
use filbert_connector_api::source::{Assignment, Pushdown, ReaderContext, ReaderOutput};
use filbert_connector_api::{ConnectorError, ScanSource, SourceReader, SplitEnumerator};
use filbert_types::{ChangeBatch, Clock, Field};
use parking_lot::Mutex;

use crate::bounded::monitor::Cancellation;
use crate::columns::record_batch;
use crate::context::IoRuntime;
use crate::metrics::Counter;

/// Batches that a reader may be ahead of the plan.
const READ_AHEAD_BATCHES: usize = 2;

/// Reads a source inside a batch plan: partition i is the reader of subtask i, on a thread that may block; splits come
/// from one enumerator for all.
pub struct ReadSourceExec {
    source: Arc<dyn ScanSource>,
    pushdown: Arc<Pushdown>,
    shared: Arc<ReadShared>,
    properties: Arc<PlanProperties>,
}

/// What the readers of a scan share.
pub struct ReadShared {
    pub job_id: String,
    pub metadata: Vec<Field>,
    pub partitions: usize,
    pub output: SchemaRef,
    pub clock: Arc<dyn Clock>,
    pub io: Arc<dyn IoRuntime>,
    pub cancellation: Cancellation,
    /// Malformed records that were skipped.
    pub skipped: Arc<Counter>,
    pub batch_rows: usize,
    /// Made when the first reader wants splits.
    pub enumerator: Mutex<Option<Box<dyn SplitEnumerator>>>,
}

impl ReadSourceExec {
    pub fn new(
        source: Arc<dyn ScanSource>,
        pushdown: Pushdown,
        shared: ReadShared,
        properties: Arc<PlanProperties>,
    ) -> ReadSourceExec {
        ReadSourceExec {
            source,
            pushdown: Arc::new(pushdown),
            shared: Arc::new(shared),
            properties,
        }
    }
}

impl fmt::Debug for ReadSourceExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadSourceExec")
            .field("partitions", &self.shared.partitions)
            .finish_non_exhaustive()
    }
}

impl DisplayAs for ReadSourceExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadSourceExec")
    }
}

impl ExecutionPlan for ReadSourceExec {
    fn name(&self) -> &str {
        "ReadSourceExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() {
            Ok(self)
        } else {
            internal_err!("ReadSourceExec has no children")
        }
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema = Arc::clone(&self.shared.output);
        let mut builder = RecordBatchReceiverStreamBuilder::new(schema, READ_AHEAD_BATCHES);
        let sender = builder.tx();
        let (source, pushdown) = (Arc::clone(&self.source), Arc::clone(&self.pushdown));
        let shared = Arc::clone(&self.shared);
        builder.spawn_blocking(move || {
            let mut reading = Reading::open(source.as_ref(), &pushdown, shared, partition)?;
            while let Some(batch) = reading.next(source.as_ref(), &pushdown)? {
                if sender.blocking_send(Ok(batch)).is_err() {
                    // Nobody reads any more.
                    break;
                }
            }
            Ok(())
        });
        Ok(builder.build())
    }
}

/// One reader at work.
struct Reading {
    reader: Box<dyn SourceReader>,
    shared: Arc<ReadShared>,
    partition: usize,
}

impl Reading {
    fn open(
        source: &dyn ScanSource,
        pushdown: &Pushdown,
        shared: Arc<ReadShared>,
        partition: usize,
    ) -> Result<Reading> {
        let io = shared.io.handle().map_err(external)?;
        let context = ReaderContext {
            job_id: shared.job_id.clone(),
            subtask: partition,
            parallelism: shared.partitions,
            metadata: shared.metadata.clone(),
            batch_rows: shared.batch_rows,
            clock: Arc::clone(&shared.clock),
            io,
        };
        Ok(Reading {
            reader: source.reader(&context, pushdown).map_err(external)?,
            shared,
            partition,
        })
    }

    /// The next batch; none at the end, or when the plan was cancelled.
    fn next(
        &mut self,
        source: &dyn ScanSource,
        pushdown: &Pushdown,
    ) -> Result<Option<RecordBatch>> {
        while !self.shared.cancellation.is_canceled() {
            let polled = self.reader.poll().map_err(external)?;
            self.shared.skipped.add(self.reader.take_skipped());
            match polled {
                ReaderOutput::Batch(batch) => return self.adapt(batch).map(Some),
                ReaderOutput::Watermark(_) | ReaderOutput::SplitFinished(_) => {}
                ReaderOutput::NeedSplits => self.ask_for_splits(source, pushdown)?,
                ReaderOutput::Wait(time) => std::thread::sleep(time.min(LONGEST_SLEEP)),
                ReaderOutput::Finished => return Ok(None),
            }
        }
        Ok(None)
    }

    fn ask_for_splits(&mut self, source: &dyn ScanSource, pushdown: &Pushdown) -> Result<()> {
        let mut enumerator = self.shared.enumerator.lock();
        if enumerator.is_none() {
            let made = source.enumerator(pushdown, self.shared.partitions);
            *enumerator = Some(made.map_err(external)?);
        }
        let Some(enumerator) = enumerator.as_mut() else {
            return Ok(());
        };
        match enumerator.next_splits(self.partition).map_err(external)? {
            Assignment::Splits(splits) => self.reader.add_splits(splits),
            Assignment::Finished => self.reader.no_more_splits(),
            Assignment::Later(time) => std::thread::sleep(time.min(LONGEST_SLEEP)),
        }
        Ok(())
    }

    fn adapt(&self, batch: ChangeBatch) -> Result<RecordBatch> {
        if batch.kinds.is_some() {
            return Err(external(ConnectorError::user(
                "A source that sends updates or deletes can't be read in batch mode.",
            )));
        }
        let columns = batch.rows.columns().to_vec();
        Ok(record_batch(
            &self.shared.output,
            columns,
            batch.num_rows(),
        )?)
    }
}

/// A sleep must not delay a cancellation for long.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);

fn external(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DataFusionError {
    DataFusionError::External(error.into())
}
