//! Starting a region's tasks: channels, plans, coordinators, threads.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Waker;

use filbert_connector_api::Blame;
use filbert_graph::{ExchangeMode, OperatorSpec};
use filbert_operators::bounded::{Cancellation, PieceMonitor, PlanEnvironment};
use filbert_operators::sink::writer_context;
use filbert_operators::{OperatorError, connect};

use super::JobMaster;
use crate::batch::{PlanInstance, VertexMonitor, piece_of};
use crate::coordinator::{Coordinator, MakeCoordinator, OperatorKey};
use crate::deployment::{BATCH_ROWS, TaskDescriptor, has_coordinator, sink_number, task_info};
use crate::error::JobError;
use crate::exchange::channel::Channel;
use crate::exchange::topology::consumers_of;
use crate::job_manager::TaskKey;
use crate::status::ExecutionState;
use crate::task::{TaskHandle, TaskMessage};
use crate::task_waker::TaskWaker;

impl JobMaster {
    /// Starts the tasks of a region.
    pub(super) fn deploy(&mut self, region: usize) -> Result<(), JobError> {
        let vertices: Vec<usize> = self.graph.vertices_of(region).collect();
        let mut wakers = HashMap::new();
        for vertex in &vertices {
            for subtask in 0..self.graph.vertices[*vertex].subtasks.len() {
                wakers.insert((*vertex, subtask), Arc::new(TaskWaker::default()));
            }
        }
        self.connect(region, &wakers);
        let plans = Arc::new(self.start_plans(&vertices));
        let mut descriptors = Vec::with_capacity(wakers.len());
        let mut handles = HashMap::new();
        for vertex in &vertices {
            let driven = self.graph.vertices[*vertex].driven;
            for subtask in 0..self.graph.vertices[*vertex].subtasks.len() {
                let waker = Arc::clone(&wakers[&(*vertex, subtask)]);
                let (handle, mailbox) = TaskHandle::new(Arc::clone(&waker));
                if self.draining {
                    handle.send(TaskMessage::Drain);
                }
                handles.insert((*vertex, subtask), handle.clone());
                let (inputs, outputs) = self.channels_of(*vertex, subtask);
                let Some(execution) = self.graph.execution(*vertex, subtask) else {
                    continue;
                };
                execution.become_state(ExecutionState::Scheduled);
                execution.become_state(ExecutionState::Deploying);
                if driven {
                    continue;
                }
                execution.handle = Some(handle);
                descriptors.push(TaskDescriptor {
                    key: TaskKey {
                        vertex: *vertex,
                        subtask,
                        attempt: execution.attempt,
                    },
                    metrics: Arc::clone(&execution.metrics),
                    environment: self.environment.clone(),
                    inputs,
                    outputs,
                    waker,
                    mailbox,
                    plans: Arc::clone(&plans),
                });
            }
        }
        self.publish();
        self.start_coordinators(&vertices, handles);
        for descriptor in descriptors {
            descriptor.spawn().map_err(|e| {
                JobError::new(
                    Blame::World,
                    format!("Could not start a task's thread: {e}."),
                )
            })?;
        }
        Ok(())
    }

    /// Makes the channels of all results that the region produces.
    fn connect(&mut self, region: usize, wakers: &HashMap<(usize, usize), Arc<TaskWaker>>) {
        for (edge, result) in self.graph.results.iter_mut().enumerate() {
            if self.graph.vertices[result.producer].region != region || result.inside_plan {
                continue;
            }
            let partitioner = &self.environment.graph.edges[edge].partitioner;
            let producers = result.partitions.len();
            let consumers = self.graph.vertices[result.consumer].subtasks.len();
            for (producer, partition) in result.partitions.iter_mut().enumerate() {
                let waker_of = |vertex: usize, subtask: usize| {
                    // A blocking result's consumer starts later, when there is nothing to be woken for.
                    wakers
                        .get(&(vertex, subtask))
                        .map_or_else(|| Waker::noop().clone(), |w| Waker::from(Arc::clone(w)))
                };
                partition.channels = consumers_of(partitioner, producer, producers, consumers)
                    .into_iter()
                    .map(|consumer| {
                        let channel = Channel::new(
                            result.exchange == ExchangeMode::Blocking,
                            waker_of(result.producer, producer),
                            waker_of(result.consumer, consumer),
                        );
                        (consumer, Arc::new(channel))
                    })
                    .collect();
            }
        }
    }

    #[expect(
        clippy::type_complexity,
        reason = "what a task reads and what it writes, as its descriptor takes them"
    )]
    fn channels_of(
        &self,
        vertex: usize,
        subtask: usize,
    ) -> (Vec<(usize, Arc<Channel>)>, Vec<(usize, Vec<Arc<Channel>>)>) {
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for (edge, result) in self.graph.results.iter().enumerate() {
            if result.inside_plan {
                continue;
            }
            if result.producer == vertex {
                let channels = &result.partitions[subtask].channels;
                outputs.push((edge, channels.iter().map(|(_, c)| Arc::clone(c)).collect()));
            }
            if result.consumer == vertex {
                let input = self.environment.graph.edges[edge].input;
                let mine = result.partitions.iter().flat_map(|p| &p.channels);
                let mine = mine.filter(|(consumer, _)| *consumer == subtask);
                inputs.extend(mine.map(|(_, channel)| (input, Arc::clone(channel))));
            }
        }
        (inputs, outputs)
    }

    /// The batch plans of these vertices, each with a monitor on every vertex that its root drives.
    fn start_plans(&mut self, vertices: &[usize]) -> HashMap<String, Arc<PlanInstance>> {
        let mut monitors: HashMap<String, HashMap<usize, Arc<dyn PieceMonitor>>> = HashMap::new();
        let graph = &self.environment.graph;
        for vertex in vertices {
            let Some((plan_id, piece)) = piece_of(&graph.vertices[*vertex]) else {
                continue;
            };
            let of_plan = monitors.entry(plan_id.to_owned()).or_default();
            let running = &self.graph.vertices[*vertex];
            if running.driven {
                let subtasks = running.subtasks.iter().map(|s| &s.execution);
                let monitor = VertexMonitor {
                    control: self.environment.control.clone(),
                    job_id: graph.job_id.clone(),
                    name: running.name.clone(),
                    vertex: *vertex,
                    subtasks: subtasks
                        .map(|e| (e.attempt, Arc::clone(&e.metrics)))
                        .collect(),
                };
                of_plan.insert(piece, Arc::new(monitor));
            }
        }
        let plans: HashMap<String, Arc<PlanInstance>> = monitors
            .into_iter()
            .map(|(plan_id, monitors)| {
                let plan = self.plan_instance(plan_id.clone(), monitors);
                (plan_id, Arc::new(plan))
            })
            .collect();
        self.plans.extend(plans.clone());
        plans
    }

    fn plan_instance(
        &self,
        plan_id: String,
        monitors: HashMap<usize, Arc<dyn PieceMonitor>>,
    ) -> PlanInstance {
        let graph = &self.environment.graph;
        let environment = PlanEnvironment {
            job_id: graph.job_id.clone(),
            context: self.environment.context.clone(),
            session: Arc::new(graph.configuration.clone()),
            clock: Arc::clone(&self.environment.clock),
            io: Arc::clone(&self.environment.io),
            cancellation: Cancellation::default(),
            skipped: Arc::default(),
            batch_rows: BATCH_ROWS,
        };
        let runtime = Arc::clone(&self.environment.batch);
        PlanInstance::new(Arc::clone(graph), plan_id, environment, monitors, runtime)
    }

    fn start_coordinators(&self, vertices: &[usize], handles: HashMap<(usize, usize), TaskHandle>) {
        let Some(coordinators) = &self.environment.coordinators else {
            return;
        };
        let mut made: Vec<(OperatorKey, MakeCoordinator)> = Vec::new();
        for vertex in vertices {
            let chain = &self.environment.graph.vertices[*vertex].chain;
            for (at, operator) in chain.iter().enumerate() {
                if has_coordinator(&operator.node.spec) {
                    made.push(((*vertex, at), self.make_coordinator(*vertex, at)));
                }
            }
        }
        coordinators.start(made, handles);
    }

    fn make_coordinator(&self, vertex: usize, at: usize) -> MakeCoordinator {
        let environment = self.environment.clone();
        let attempt = self.graph.vertices[vertex]
            .subtasks
            .first()
            .map_or(0, |s| s.execution.attempt);
        Box::new(move || {
            let job_vertex = &environment.graph.vertices[vertex];
            let connectors = &environment.context.connectors;
            let session = &environment.graph.configuration;
            match &job_vertex.chain[at].node.spec {
                OperatorSpec::Source(spec) => {
                    let source = connect::scan_source(spec, session, connectors)?;
                    let expressions = environment.context.expressions.as_ref();
                    let pushdown = connect::pushdown(spec, expressions)?;
                    let enumerator = source.enumerator(&pushdown, job_vertex.parallelism)?;
                    Ok(Coordinator::Source(enumerator))
                }
                OperatorSpec::Sink(spec) => {
                    let sink = connect::table_sink(spec, session, connectors)?;
                    let key = TaskKey {
                        vertex,
                        subtask: 0,
                        attempt,
                    };
                    let info = task_info(&environment.graph, key);
                    let number = sink_number(&environment.graph, vertex, at);
                    let io = environment.io.as_ref();
                    let context = writer_context(spec, &info, number, &environment.clock, io)?;
                    Ok(Coordinator::Sink(sink.committer(&context)?))
                }
                _ => Err(OperatorError::engine("This operator has no coordinator.")),
            }
        })
    }
}
