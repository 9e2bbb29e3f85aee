//! Batch plans at run time: one instance for each start of a region, shared by the subtasks of all its pieces.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use crossbeam_channel::Sender;
use datafusion::common::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use filbert_connector_api::Blame;
use filbert_graph::{JobGraph, JobVertex, OperatorSpec};
use filbert_operators::bounded::{
    BatchPieceOperator, FileCache, PieceMonitor, PlanEnvironment, load_plan,
};
use filbert_operators::error::Result;
use filbert_operators::{IoRuntime, OperatorError};
use filbert_types::{Configuration, options};

use crate::error::JobError;
use crate::io::LazyRuntime;
use crate::job_manager::{ControlEvent, TaskKey, TaskReport};
use crate::metrics::TaskMetrics;
use crate::task::TaskEnd;

/// Consumers that a message about exhausted memory names.
const NAMED_CONSUMERS: usize = 5;

/// What all batch plans of a cluster share: threads for what they spawn, and the memory for sorting and hashing.
pub(crate) struct BatchRuntime {
    compute: LazyRuntime,
    memory_bytes: Option<u64>,
    files: FileCache,
    environment: OnceLock<Arc<RuntimeEnv>>,
}

impl BatchRuntime {
    /// # Errors
    /// When a value is wrong.
    pub(crate) fn new(
        configuration: &Configuration,
        files: FileCache,
    ) -> Result<BatchRuntime, JobError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(BatchRuntime {
            compute: LazyRuntime::new(cores, "filbert-batch"),
            memory_bytes: configuration.get_memory_bytes(&options::MANAGED_MEMORY)?,
            files,
            environment: OnceLock::new(),
        })
    }

    /// Memory is bounded by `taskmanager.memory.managed.size` where it is set; what doesn't fit is spilled to disk.
    fn task_context(&self, session_id: &str) -> Result<Arc<TaskContext>> {
        let environment = match self.environment.get() {
            Some(environment) => Arc::clone(environment),
            None => {
                let mut builder = RuntimeEnvBuilder::new();
                if let Some(bytes) = self.memory_bytes {
                    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                    let named = std::num::NonZeroUsize::new(NAMED_CONSUMERS)
                        .unwrap_or(std::num::NonZeroUsize::MIN);
                    let pool = TrackConsumersPool::new(FairSpillPool::new(bytes), named);
                    builder = builder.with_memory_pool(Arc::new(pool));
                }
                let made = self.files.environment(builder)?;
                Arc::clone(self.environment.get_or_init(|| made))
            }
        };
        Ok(Arc::new(TaskContext::new(
            None,
            session_id.to_owned(),
            SessionConfig::new(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            environment,
        )))
    }
}

/// Which piece of which plan a vertex runs; none for vertices of streaming operators.
pub(crate) fn piece_of(vertex: &JobVertex) -> Option<(&str, usize)> {
    match &vertex.chain.first()?.node.spec {
        OperatorSpec::BatchPiece(spec) => Some((&spec.plan_id, spec.piece)),
        _ => None,
    }
}

/// True for a vertex whose subtasks run inside the plan that another vertex's tasks drive.
pub(crate) fn is_driven(vertex: &JobVertex) -> bool {
    piece_of(vertex).is_some_and(|(_, piece)| piece != 0)
}

/// A plan as one start of its region runs it. It is decoded by the first of its tasks.
pub(crate) struct PlanInstance {
    graph: Arc<JobGraph>,
    plan_id: String,
    environment: PlanEnvironment,
    monitors: HashMap<usize, Arc<dyn PieceMonitor>>,
    runtime: Arc<BatchRuntime>,
    loaded: OnceLock<Loaded>,
}

type Loaded = Result<(Arc<dyn ExecutionPlan>, Arc<TaskContext>), (Blame, String)>;

impl PlanInstance {
    pub(crate) fn new(
        graph: Arc<JobGraph>,
        plan_id: String,
        environment: PlanEnvironment,
        monitors: HashMap<usize, Arc<dyn PieceMonitor>>,
        runtime: Arc<BatchRuntime>,
    ) -> PlanInstance {
        PlanInstance {
            graph,
            plan_id,
            environment,
            monitors,
            runtime,
            loaded: OnceLock::new(),
        }
    }

    pub(crate) fn cancel(&self) {
        self.environment.cancellation.cancel();
    }

    /// The operator that runs a partition of the plan's root.
    pub(crate) fn operator(&self, output: SchemaRef) -> Result<BatchPieceOperator> {
        let loaded = self.loaded.get_or_init(|| {
            self.load()
                .map_err(|error| (error.blame(), error.to_string()))
        });
        let (plan, context) = match loaded {
            Ok((plan, context)) => (Arc::clone(plan), Arc::clone(context)),
            Err((blame, message)) => return Err(OperatorError::new(*blame, message.clone())),
        };
        Ok(BatchPieceOperator::new(
            plan,
            context,
            self.runtime.compute.handle()?,
            output,
            self.environment.cancellation.clone(),
            Arc::clone(&self.environment.skipped),
        ))
    }

    fn load(&self) -> Result<(Arc<dyn ExecutionPlan>, Arc<TaskContext>)> {
        let Some(bytes) = self.graph.artifacts.get(&self.plan_id) else {
            return Err(OperatorError::engine(format!(
                "The job lacks its plan '{}'.",
                self.plan_id
            )));
        };
        let context = self.runtime.task_context(&self.graph.job_id)?;
        let plan = load_plan(bytes, &self.environment, &self.monitors, &context)?;
        Ok((plan, context))
    }
}

/// Reports the subtasks of a driven vertex.
pub(crate) struct VertexMonitor {
    pub(crate) control: Sender<ControlEvent>,
    pub(crate) job_id: String,
    pub(crate) name: String,
    pub(crate) vertex: usize,
    /// By subtask: the attempt, and what it counts.
    pub(crate) subtasks: Vec<(u32, Arc<TaskMetrics>)>,
}

impl VertexMonitor {
    fn report(&self, subtask: usize, report: TaskReport) {
        let Some((attempt, _)) = self.subtasks.get(subtask) else {
            return;
        };
        // When the control thread is gone nobody asks any more.
        let _ = self.control.send(ControlEvent::Task {
            job_id: self.job_id.clone(),
            key: TaskKey {
                vertex: self.vertex,
                subtask,
                attempt: *attempt,
            },
            report,
        });
    }
}

impl PieceMonitor for VertexMonitor {
    fn started(&self, subtask: usize) {
        self.report(subtask, TaskReport::Initializing);
        self.report(subtask, TaskReport::Running);
    }

    fn rows(&self, subtask: usize, batch: &RecordBatch) {
        if let Some((_, metrics)) = self.subtasks.get(subtask) {
            let rows = batch.num_rows() as u64;
            metrics.records_out.add(rows);
            if let Some(operator) = metrics.operators.first() {
                operator.records_out.add(rows);
            }
        }
    }

    fn finished(&self, subtask: usize) {
        self.report(
            subtask,
            TaskReport::Ended {
                outcome: Ok(TaskEnd::Finished),
                left_behind: Vec::new(),
            },
        );
    }

    fn failed(&self, subtask: usize, error: &DataFusionError) {
        let attempt = self
            .subtasks
            .get(subtask)
            .map_or(0, |(attempt, _)| *attempt);
        let name = format!(
            "{} ({}/{})#{attempt}",
            self.name,
            subtask + 1,
            self.subtasks.len()
        );
        let error = JobError::of_task(&name, OperatorError::of_datafusion(error));
        self.report(
            subtask,
            TaskReport::Ended {
                outcome: Err(error),
                left_behind: Vec::new(),
            },
        );
    }
}
