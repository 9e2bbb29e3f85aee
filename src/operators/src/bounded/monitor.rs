//! What the runtime hears of a batch plan that runs, and how it stops one.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
    execution_plan::ChildrenPropertiesMode,
};
use futures::{Stream, StreamExt};

/// What happens in the subtasks of a piece.
pub trait PieceMonitor: Send + Sync {
    /// The subtask's partition is read for the first time.
    fn started(&self, subtask: usize);
    fn rows(&self, subtask: usize, batch: &RecordBatch);
    /// All rows were given, or nobody wants more of them.
    fn finished(&self, subtask: usize);
    fn failed(&self, subtask: usize, error: &DataFusionError);
}

/// Tells a plan's leaves that nobody wants their rows any more.
#[derive(Debug, Clone, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub fn is_canceled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A node without work of its own, on top of a piece or around a leaf: it passes batches on, tells the monitor, and stops
/// a cancelled plan also where an operator above would read its whole input in one go.
pub struct MonitorExec {
    input: Arc<dyn ExecutionPlan>,
    monitor: Option<Arc<dyn PieceMonitor>>,
    cancellation: Cancellation,
}

impl MonitorExec {
    pub fn new(
        input: Arc<dyn ExecutionPlan>,
        monitor: Option<Arc<dyn PieceMonitor>>,
        cancellation: Cancellation,
    ) -> MonitorExec {
        MonitorExec {
            input,
            monitor,
            cancellation,
        }
    }
}

impl fmt::Debug for MonitorExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MonitorExec")
            .field("input", &self.input)
            .finish_non_exhaustive()
    }
}

impl DisplayAs for MonitorExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MonitorExec")
    }
}

impl ExecutionPlan for MonitorExec {
    fn name(&self) -> &str {
        "MonitorExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(MonitorExec::new(
                input,
                self.monitor.clone(),
                self.cancellation.clone(),
            ))),
            _ => internal_err!("MonitorExec has one child"),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        self.replace_children(children, options)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self
            .input
            .execute(partition, context)
            .inspect_err(|error| {
                if let Some(monitor) = &self.monitor {
                    monitor.failed(partition, error);
                }
            })?;
        Ok(Box::pin(MonitorStream {
            input,
            monitor: self.monitor.clone(),
            cancellation: self.cancellation.clone(),
            partition,
            started: false,
            ended: false,
        }))
    }
}

struct MonitorStream {
    input: SendableRecordBatchStream,
    monitor: Option<Arc<dyn PieceMonitor>>,
    cancellation: Cancellation,
    partition: usize,
    started: bool,
    ended: bool,
}

/// What a cancelled plan's leaves fail with; nobody sees it.
fn canceled() -> DataFusionError {
    DataFusionError::Execution("The job was cancelled.".to_owned())
}

impl Stream for MonitorStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.cancellation.is_canceled() {
            return Poll::Ready(Some(Err(canceled())));
        }
        let this = &mut *self;
        let Some(monitor) = &this.monitor else {
            return this.input.poll_next_unpin(cx);
        };
        if !this.started {
            this.started = true;
            monitor.started(this.partition);
        }
        let polled = this.input.poll_next_unpin(cx);
        match &polled {
            Poll::Ready(Some(Ok(batch))) => monitor.rows(this.partition, batch),
            Poll::Ready(Some(Err(error))) if !this.ended && !this.cancellation.is_canceled() => {
                this.ended = true;
                monitor.failed(this.partition, error);
            }
            Poll::Ready(None) if !this.ended => {
                this.ended = true;
                monitor.finished(this.partition);
            }
            _ => {}
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.input.size_hint()
    }
}

impl RecordBatchStream for MonitorStream {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}

impl Drop for MonitorStream {
    fn drop(&mut self) {
        // A LIMIT above has enough.
        if self.started
            && !self.ended
            && !self.cancellation.is_canceled()
            && let Some(monitor) = &self.monitor
        {
            monitor.finished(self.partition);
        }
    }
}
