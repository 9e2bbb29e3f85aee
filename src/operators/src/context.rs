//! What operators are told: of their job when they are made, of their task when they are opened.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Waker;

use arrow::datatypes::SchemaRef;
use datafusion::physical_expr::PhysicalExpr;
use filbert_connector_api::{Committable, ConnectorRegistry};
use filbert_functions::FunctionRegistry;
use filbert_graph::ExprSpec;
use filbert_types::clock::SystemClock;
use filbert_types::{ChangeBatch, Clock, Configuration};

use crate::alignment::Alignments;
use crate::error::{OperatorError, Result};
use crate::expressions::CodecExpressions;
use crate::metrics::OperatorMetrics;

/// Expressions from their bytes: implemented on the codec of `filbert-functions`.
pub trait ExpressionFactory: Send + Sync {
    /// The expression over rows of `input`.
    ///
    /// # Errors
    /// When the bytes name a function that isn't known, or a column that isn't there.
    fn physical(&self, expr: &ExprSpec, input: &SchemaRef) -> Result<Arc<dyn PhysicalExpr>>;

    /// The expression as a logical one, for filters pushed into a source.
    ///
    /// # Errors
    /// When the bytes can't be read.
    fn logical(&self, expr: &ExprSpec) -> Result<datafusion::logical_expr::Expr>;

    /// The same expressions, which tell the time by this clock; none where none of them does.
    fn with_clock(&self, clock: &Arc<dyn Clock>) -> Option<Arc<dyn ExpressionFactory>> {
        let _ = clock;
        None
    }
}

/// By what a job's names are looked up when it starts: connectors, formats and functions.
#[derive(Clone)]
pub struct JobContext {
    pub connectors: Arc<ConnectorRegistry>,
    pub functions: Arc<FunctionRegistry>,
    pub expressions: Arc<dyn ExpressionFactory>,
    /// By what calls of PROCTIME() and its like tell the time: the cluster's clock.
    pub clock: Arc<dyn Clock>,
    /// Where the job's sources tell each other their watermarks.
    pub alignments: Arc<Alignments>,
}

impl JobContext {
    pub fn new(connectors: Arc<ConnectorRegistry>, functions: Arc<FunctionRegistry>) -> JobContext {
        JobContext {
            connectors,
            expressions: Arc::new(CodecExpressions::new(Arc::clone(&functions))),
            functions,
            clock: Arc::new(SystemClock),
            alignments: Arc::default(),
        }
    }

    /// The same names, with expressions that tell the time by this clock.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> JobContext {
        if let Some(expressions) = self.expressions.with_clock(&clock) {
            self.expressions = expressions;
        }
        self.clock = clock;
        self
    }
}

/// Which subtask of which vertex of which job.
#[derive(Debug, Clone)]
pub struct TaskInfo {
    pub job_id: String,
    pub vertex_id: String,
    pub vertex_name: String,
    pub subtask: usize,
    pub parallelism: usize,
    pub max_parallelism: usize,
    /// 0 for the first attempt.
    pub attempt: u32,
}

/// What a subtask's operator tells its coordinator beside the job's manager.
#[derive(Debug)]
pub enum CoordinatorEvent {
    /// A reader wants splits; the answer comes through `add_splits` or `no_more_splits`.
    RequestSplits,
    /// A writer has prepared these to be committed.
    Prepared(Vec<Committable>),
}

/// The way from an operator to its coordinator.
pub trait CoordinatorGateway: Send + Sync {
    fn send(&self, event: CoordinatorEvent);
}

/// Whether a result channel took a batch.
#[derive(Debug)]
pub enum Offered {
    Taken,
    /// The channel is full; the waker is called when there is room. The batch comes back.
    Full(ChangeBatch),
    /// Nobody reads any more.
    Closed,
}

/// The way of a query's rows to the client.
pub trait ResultGateway: Send + Sync {
    fn offer(&self, batch: ChangeBatch, waker: &Waker) -> Offered;
}

/// Where file systems and networks are waited for; made when first asked for.
pub trait IoRuntime: Send + Sync {
    /// # Errors
    /// When the process can't start threads.
    fn handle(&self) -> Result<tokio::runtime::Handle>;
}

/// What an operator is told when it is opened.
#[derive(Clone)]
pub struct OperatorContext {
    pub task: Arc<TaskInfo>,
    pub configuration: Arc<Configuration>,
    pub clock: Arc<dyn Clock>,
    /// Wakes the task that the operator runs in.
    pub waker: Waker,
    pub metrics: Arc<OperatorMetrics>,
    pub coordinator: Option<Arc<dyn CoordinatorGateway>>,
    /// Of a sink, its number among the job's sinks.
    pub sink_number: usize,
    pub results: Arc<HashMap<String, Arc<dyn ResultGateway>>>,
    pub io: Arc<dyn IoRuntime>,
    /// Rows that a batch should hold at most.
    pub batch_rows: usize,
}

impl OperatorContext {
    /// # Errors
    /// When the operator has no coordinator: the job was built wrongly.
    pub fn coordinator(&self) -> Result<Arc<dyn CoordinatorGateway>> {
        self.coordinator.clone().ok_or_else(|| {
            OperatorError::engine(format!(
                "An operator of '{}' has no coordinator.",
                self.task.vertex_name
            ))
        })
    }
}
