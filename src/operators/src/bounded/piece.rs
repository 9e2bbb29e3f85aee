//! The root piece of a batch plan, as the head of a task's chain: subtask i reads partition i.
//!
//! - State: none; a failed batch job begins its plan anew.
//! - Changelog: inserts; after the rows comes the last watermark.
//! - The partition's stream is polled on the task's own thread, so that a row crosses no thread on its way to the sink.
//!   What the plan spawns (exchanges, reads) runs on the shared runtime.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use filbert_types::{ChangeBatch, Watermark};
use futures::StreamExt;
use tokio::runtime::Handle;

use crate::bounded::monitor::Cancellation;
use crate::columns::record_batch;
use crate::context::OperatorContext;
use crate::error::{OperatorError, Result};
use crate::metrics::{Counter, OperatorMetrics};
use crate::operator::{Operator, SourceOperator, SourceStep, Step};
use crate::output::Output;

pub struct BatchPieceOperator {
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    compute: Handle,
    output: SchemaRef,
    cancellation: Cancellation,
    skipped: Arc<Counter>,
    opened: Option<Opened>,
}

struct Opened {
    stream: SendableRecordBatchStream,
    waker: Waker,
    metrics: Arc<OperatorMetrics>,
    subtask: usize,
}

impl BatchPieceOperator {
    /// `plan` is the whole plan, shared by all subtasks of the root piece.
    pub fn new(
        plan: Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
        compute: Handle,
        output: SchemaRef,
        cancellation: Cancellation,
        skipped: Arc<Counter>,
    ) -> BatchPieceOperator {
        BatchPieceOperator {
            plan,
            context,
            compute,
            output,
            cancellation,
            skipped,
            opened: None,
        }
    }

    /// The batch under the names and types that the job declares.
    fn adapt(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let columns = rows.columns().to_vec();
        Ok(record_batch(&self.output, columns, rows.num_rows())?)
    }
}

impl Operator for BatchPieceOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        let _runtime = self.compute.enter();
        let context = Arc::clone(&self.context);
        self.opened = Some(Opened {
            stream: self.plan.execute(ctx.task.subtask, context)?,
            waker: ctx.waker.clone(),
            metrics: Arc::clone(&ctx.metrics),
            subtask: ctx.task.subtask,
        });
        Ok(())
    }

    fn process(&mut self, _input: usize, _batch: ChangeBatch, _out: &mut Output) -> Result<Step> {
        Err(OperatorError::engine("A batch plan's root has no input."))
    }

    fn close(&mut self, _finished: bool) -> Vec<String> {
        // Dropping the stream aborts what it spawned.
        let _runtime = self.compute.enter();
        self.opened = None;
        Vec::new()
    }
}

impl SourceOperator for BatchPieceOperator {
    fn poll(&mut self, out: &mut Output) -> Result<SourceStep> {
        let Some(opened) = &mut self.opened else {
            return Err(OperatorError::engine("The batch plan is not open."));
        };
        let _runtime = self.compute.enter();
        let mut cx = Context::from_waker(&opened.waker);
        let polled = opened.stream.poll_next_unpin(&mut cx);
        if opened.subtask == 0 {
            opened.metrics.skipped_records.set(self.skipped.get());
        }
        match polled {
            Poll::Ready(Some(Ok(rows))) => {
                if rows.num_rows() > 0 {
                    out.emit(ChangeBatch::insert(self.adapt(&rows)?));
                }
                Ok(SourceStep::More)
            }
            Poll::Ready(Some(Err(error))) => {
                // Peers needn't go on reading.
                self.cancellation.cancel();
                Err(error.into())
            }
            Poll::Ready(None) => {
                out.watermark(Watermark::MAX);
                Ok(SourceStep::Finished)
            }
            Poll::Pending => Ok(SourceStep::Idle),
        }
    }
}
