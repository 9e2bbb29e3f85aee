//! From a subtask of the job graph to a task on a thread of its own.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;

use crossbeam_channel::Sender;
use filbert_graph::job_graph::ChainedOperator;
use filbert_graph::{JobGraph, OperatorSpec, StreamNode};
use filbert_operators::build::output_schema;
use filbert_operators::check::Replay;
use filbert_operators::error::Result;
use filbert_operators::{
    BuiltOperator, Chain, ChainLink, IoRuntime, JobContext, OperatorContext, OperatorError, Outlet,
    ResultGateway, Route, Target, TaskInfo, build,
};
use filbert_types::{Clock, Configuration, Field, options};
use parking_lot::Mutex;

use crate::batch::{BatchRuntime, PlanInstance};
use crate::coordinator::Coordinators;
use crate::error::JobError;
use crate::exchange::channel::Channel;
use crate::exchange::gate::InputGate;
use crate::exchange::partitioner::Router;
use crate::exchange::read_order::ReadOrder;
use crate::exchange::writer::ResultWriter;
use crate::job_manager::{ControlEvent, TaskKey, TaskReport};
use crate::metrics::TaskMetrics;
use crate::task::{Head, Mailbox, SourceHead, Task, TaskEnd, WriterOutlet};
use crate::task_waker::TaskWaker;

/// Rows that a batch should hold at most.
pub(crate) const BATCH_ROWS: usize = 8192;

/// What all tasks of a job share.
#[derive(Clone)]
pub(crate) struct JobEnvironment {
    pub(crate) graph: Arc<JobGraph>,
    pub(crate) context: JobContext,
    pub(crate) results: Arc<HashMap<String, Arc<dyn ResultGateway>>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) io: Arc<dyn IoRuntime>,
    pub(crate) control: Sender<ControlEvent>,
    pub(crate) coordinators: Option<Coordinators>,
    pub(crate) batch: Arc<BatchRuntime>,
}

/// One subtask, ready to run.
pub(crate) struct TaskDescriptor {
    pub(crate) key: TaskKey,
    pub(crate) environment: JobEnvironment,
    /// Channels to read, with the input that each feeds.
    pub(crate) inputs: Vec<(usize, Arc<Channel>)>,
    /// Channels to write, by the graph's edge, in the order of the consuming subtasks.
    pub(crate) outputs: Vec<(usize, Vec<Arc<Channel>>)>,
    pub(crate) metrics: Arc<TaskMetrics>,
    pub(crate) waker: Arc<TaskWaker>,
    pub(crate) mailbox: Mailbox,
    /// The batch plans of the task's region, by id.
    pub(crate) plans: Arc<HashMap<String, Arc<PlanInstance>>>,
}

impl TaskDescriptor {
    /// Starts the task's thread; the control thread hears how it goes.
    pub(crate) fn spawn(self) -> std::io::Result<()> {
        let name = self.name();
        std::thread::Builder::new()
            .name(name.clone())
            .spawn(move || self.run(&name))
            .map(drop)
    }

    /// `Calc -> Sink: t (1/2)#0`, as Flink names tasks.
    fn name(&self) -> String {
        let vertex = &self.environment.graph.vertices[self.key.vertex];
        format!(
            "{} ({}/{})#{}",
            vertex.name,
            self.key.subtask + 1,
            vertex.parallelism,
            self.key.attempt
        )
    }

    fn run(self, name: &str) {
        let control = self.environment.control.clone();
        let job_id = self.environment.graph.job_id.clone();
        let key = self.key;
        let report = |report: TaskReport| {
            // When the control thread is gone nobody asks any more.
            let _ = control.send(ControlEvent::Task {
                job_id: job_id.clone(),
                key,
                report,
            });
        };
        report(TaskReport::Initializing);
        let mut task = match catch(|| self.build()) {
            Ok(task) => task,
            Err(error) => {
                return report(TaskReport::Ended {
                    outcome: Err(JobError::of_task(name, error)),
                    left_behind: Vec::new(),
                });
            }
        };
        let outcome = catch(|| task.run(|| report(TaskReport::Running)));
        let finished = matches!(outcome, Ok(TaskEnd::Finished));
        let closed = catch(|| Ok(task.chain.close(finished)));
        report(TaskReport::Ended {
            outcome: outcome.map_err(|error| JobError::of_task(name, error)),
            left_behind: closed.unwrap_or_default(),
        });
    }

    fn build(self) -> Result<Task> {
        let environment = &self.environment;
        let graph = &environment.graph;
        let vertex = &graph.vertices[self.key.vertex];
        let (writers, outlets, targets) = self.writers()?;
        let info = Arc::new(task_info(graph, self.key));
        let configuration = Arc::new(graph.configuration.clone());
        let head_inputs = head_inputs(graph, self.key.vertex);
        let mut links = Vec::with_capacity(vertex.chain.len());
        for (at, operator) in vertex.chain.iter().enumerate() {
            let inputs = match &operator.upstream {
                Some((upstream, _)) => vec![vertex.chain[*upstream].node.output.clone()],
                None => head_inputs.clone(),
            };
            let mut built = self
                .build_operator(&operator.node, &inputs, &configuration)
                .map_err(|e| e.within(&operator.node.name))?;
            let routes = routes(graph, self.key.vertex, at, &targets, &mut built)?;
            let coordinators = environment.coordinators.as_ref();
            links.push(ChainLink {
                name: operator.node.name.clone(),
                routes,
                context: OperatorContext {
                    task: Arc::clone(&info),
                    configuration: Arc::clone(&configuration),
                    clock: Arc::clone(&environment.clock),
                    waker: Waker::from(Arc::clone(&self.waker)),
                    metrics: Arc::clone(&self.metrics.operators[at]),
                    coordinator: coordinators
                        .map(|c| c.gateway((self.key.vertex, at), self.key.subtask)),
                    sink_number: sink_number(graph, self.key.vertex, at),
                    results: Arc::clone(&environment.results),
                    io: Arc::clone(&environment.io),
                    batch_rows: BATCH_ROWS,
                },
                schema: output_schema(&operator.node),
                replay: Replay::of(&operator.node.spec).filter(|_| cfg!(debug_assertions)),
                operator: built,
            });
        }
        let is_source = matches!(
            links.first().map(|l| &l.operator),
            Some(BuiltOperator::Source(_))
        );
        let head = if is_source {
            Head::Source(SourceHead::default())
        } else {
            let order = ReadOrder::of(graph, self.key.vertex);
            Head::Gate(InputGate::new(
                self.inputs,
                order,
                Arc::clone(&self.metrics),
            ))
        };
        let timeout = configuration
            .get_duration(&options::BUFFER_TIMEOUT)
            .map_err(|e| OperatorError::user(e.to_string()))?;
        Ok(Task {
            chain: Chain::new(links, outlets, head_inputs.len().max(1)),
            head,
            writers,
            mailbox: self.mailbox,
            clock: Arc::clone(&environment.clock),
            metrics: self.metrics,
            buffer_timeout_ms: timeout.and_then(|t| i64::try_from(t.as_millis()).ok()),
            flush_at_ms: None,
        })
    }

    fn build_operator(
        &self,
        node: &StreamNode,
        inputs: &[Vec<Field>],
        configuration: &Configuration,
    ) -> Result<BuiltOperator> {
        let OperatorSpec::BatchPiece(piece) = &node.spec else {
            return build(node, inputs, configuration, &self.environment.context);
        };
        let Some(plan) = self.plans.get(&piece.plan_id) else {
            return Err(OperatorError::engine(format!(
                "The plan '{}' was not made ready.",
                piece.plan_id
            )));
        };
        let operator = plan.operator(output_schema(node))?;
        Ok(BuiltOperator::Source(Box::new(operator)))
    }

    /// A writer for each edge out of the vertex; the targets are the edges with the outlets' numbers.
    #[expect(
        clippy::type_complexity,
        reason = "three lists of one length, taken apart at once"
    )]
    fn writers(
        &self,
    ) -> Result<(
        Vec<Arc<Mutex<ResultWriter>>>,
        Vec<Box<dyn Outlet>>,
        HashMap<usize, usize>,
    )> {
        let graph = &self.environment.graph;
        let mut writers = Vec::new();
        let mut outlets: Vec<Box<dyn Outlet>> = Vec::new();
        let mut targets = HashMap::new();
        for (edge, channels) in &self.outputs {
            let job_edge = &graph.edges[*edge];
            let data_set = &graph.data_sets[job_edge.data_set];
            let producer = &graph.vertices[data_set.producer].chain[data_set.operator];
            let router = Router::new(
                &job_edge.partitioner,
                channels.len(),
                graph.vertices[job_edge.consumer].max_parallelism,
                &output_schema(&producer.node),
                self.environment.context.expressions.as_ref(),
            )?;
            let writer = ResultWriter::new(
                router,
                channels.clone(),
                BATCH_ROWS,
                Arc::clone(&self.metrics),
            );
            let writer = Arc::new(Mutex::new(writer));
            targets.insert(*edge, outlets.len());
            outlets.push(Box::new(WriterOutlet(Arc::clone(&writer))));
            writers.push(writer);
        }
        Ok((writers, outlets, targets))
    }
}

/// An operator's number among the job's sinks: how many come before it.
pub(crate) fn sink_number(graph: &JobGraph, vertex: usize, at: usize) -> usize {
    let is_sink = |o: &ChainedOperator| matches!(o.node.spec, OperatorSpec::Sink(_));
    let before = graph.vertices[..vertex].iter().flat_map(|v| &v.chain);
    let beside = &graph.vertices[vertex].chain[..at];
    before.chain(beside).filter(|o| is_sink(o)).count()
}

pub(crate) fn task_info(graph: &JobGraph, key: TaskKey) -> TaskInfo {
    let vertex = &graph.vertices[key.vertex];
    TaskInfo {
        job_id: graph.job_id.clone(),
        vertex_id: vertex.id.clone(),
        vertex_name: vertex.name.clone(),
        subtask: key.subtask,
        parallelism: vertex.parallelism,
        max_parallelism: vertex.max_parallelism,
        attempt: key.attempt,
    }
}

/// The fields of each input of a vertex's head.
fn head_inputs(graph: &JobGraph, vertex: usize) -> Vec<Vec<Field>> {
    let mut inputs: Vec<Vec<Field>> = Vec::new();
    for edge in graph.edges.iter().filter(|e| e.consumer == vertex) {
        let data_set = &graph.data_sets[edge.data_set];
        let producer = &graph.vertices[data_set.producer].chain[data_set.operator];
        if inputs.len() <= edge.input {
            inputs.resize(edge.input + 1, Vec::new());
        }
        inputs[edge.input] = producer.node.output.clone();
    }
    inputs
}

/// Where operator `at` of a vertex sends to.
fn routes(
    graph: &JobGraph,
    vertex: usize,
    at: usize,
    targets: &HashMap<usize, usize>,
    operator: &mut BuiltOperator,
) -> Result<Vec<Route>> {
    let tags = operator.operator().side_outputs();
    let side = |tag: &Option<String>| -> Result<Option<usize>> {
        let Some(tag) = tag else { return Ok(None) };
        let number = tags.iter().position(|t| t == tag);
        number.map(Some).ok_or_else(|| {
            OperatorError::engine(format!(
                "The operator {} has no side output '{tag}'.",
                graph.vertices[vertex].chain[at].node.name
            ))
        })
    };
    let mut routes = Vec::new();
    for (next, chained) in graph.vertices[vertex].chain.iter().enumerate() {
        if let Some((upstream, tag)) = &chained.upstream
            && *upstream == at
        {
            routes.push(Route {
                side: side(tag)?,
                target: Target::Operator(next),
            });
        }
    }
    for (edge, job_edge) in graph.edges.iter().enumerate() {
        let data_set = &graph.data_sets[job_edge.data_set];
        if data_set.producer == vertex
            && data_set.operator == at
            && let Some(outlet) = targets.get(&edge)
        {
            routes.push(Route {
                side: side(&data_set.side_output)?,
                target: Target::Outlet(*outlet),
            });
        }
    }
    Ok(routes)
}

/// Runs code that must not take the thread down with it: a panic is a bug of ours, reported as one.
fn catch<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) => {
            let message = panic
                .downcast_ref::<&str>()
                .map(|s| (*s).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no message".to_owned());
            Err(OperatorError::engine(format!(
                "The task panicked: {message}. This is a bug; please report it."
            )))
        }
    }
}

/// True when the operator has a coordinator beside the job's manager.
pub(crate) fn has_coordinator(spec: &OperatorSpec) -> bool {
    matches!(spec, OperatorSpec::Source(_) | OperatorSpec::Sink(_))
}
