//! A job as it runs: vertices, their subtasks, and the attempts to run each.

use std::sync::Arc;

use filbert_graph::{ExchangeMode, JobGraph};

use crate::batch::{is_driven, piece_of};
use crate::exchange::channel::Channel;
use crate::metrics::{OperatorDetail, SubtaskDetail, TaskMetrics, VertexDetail};
use crate::status::ExecutionState;
use crate::task::TaskHandle;

/// A vertex as clients see it.
#[derive(Debug, Clone)]
pub(crate) struct VertexView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) operator_names: Vec<String>,
    pub(crate) subtasks: Vec<SubtaskView>,
}

#[derive(Debug, Clone)]
pub(crate) struct SubtaskView {
    pub(crate) attempt: u32,
    pub(crate) state: ExecutionState,
    pub(crate) metrics: Arc<TaskMetrics>,
}

impl VertexView {
    pub(crate) fn detail(&self) -> VertexDetail {
        let mut operators: Vec<OperatorDetail> = self
            .operator_names
            .iter()
            .map(|name| OperatorDetail {
                name: name.clone(),
                ..OperatorDetail::default()
            })
            .collect();
        for subtask in &self.subtasks {
            for (sum, metrics) in operators.iter_mut().zip(&subtask.metrics.operators) {
                sum.add(metrics);
            }
        }
        VertexDetail {
            id: self.id.clone(),
            name: self.name.clone(),
            parallelism: self.subtasks.len(),
            subtasks: self
                .subtasks
                .iter()
                .enumerate()
                .map(|(i, view)| view.detail(i))
                .collect(),
            operators,
        }
    }
}

impl SubtaskView {
    fn detail(&self, subtask: usize) -> SubtaskDetail {
        let metrics = &self.metrics;
        SubtaskDetail {
            subtask,
            attempt: self.attempt,
            state: self.state,
            records_in: metrics.records_in.get(),
            records_out: metrics.records_out.get(),
            bytes_in: metrics.bytes_in.get(),
            bytes_out: metrics.bytes_out.get(),
            busy_ms: metrics.busy_us.get() / 1000,
            idle_ms: metrics.idle_us.get() / 1000,
            back_pressured_ms: metrics.back_pressured_us.get() / 1000,
        }
    }
}

/// One attempt to run a subtask.
pub(crate) struct Execution {
    /// 0 for the first.
    pub(crate) attempt: u32,
    pub(crate) state: ExecutionState,
    pub(crate) handle: Option<TaskHandle>,
    pub(crate) metrics: Arc<TaskMetrics>,
}

/// A subtask with its current attempt.
pub(crate) struct ExecutionVertex {
    pub(crate) execution: Execution,
}

/// A vertex of the job with its subtasks.
pub(crate) struct ExecutionJobVertex {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) operator_names: Vec<String>,
    pub(crate) subtasks: Vec<ExecutionVertex>,
    /// The pipelined region that the vertex belongs to.
    pub(crate) region: usize,
    /// Its subtasks run inside a batch plan, whose root's tasks drive them.
    pub(crate) driven: bool,
}

/// What an edge carries, as partitions of its producers.
pub(crate) struct IntermediateResult {
    pub(crate) producer: usize,
    pub(crate) consumer: usize,
    pub(crate) exchange: ExchangeMode,
    /// The rows travel inside a batch plan: the result has no channels.
    pub(crate) inside_plan: bool,
    /// By producing subtask.
    pub(crate) partitions: Vec<IntermediateResultPartition>,
}

/// One producing subtask's share of a result: a channel to each subtask that consumes it.
#[derive(Default)]
pub(crate) struct IntermediateResultPartition {
    /// Consuming subtask and channel; empty until the producer is deployed.
    pub(crate) channels: Vec<(usize, Arc<Channel>)>,
}

/// The job as it runs: JobVertices and data sets, expanded by their parallelism.
pub(crate) struct ExecutionGraph {
    pub(crate) vertices: Vec<ExecutionJobVertex>,
    /// By the job graph's edges.
    pub(crate) results: Vec<IntermediateResult>,
    pub(crate) regions: usize,
}

impl ExecutionGraph {
    pub(crate) fn new(graph: &JobGraph) -> ExecutionGraph {
        let regions = pipelined_regions(graph);
        let vertices = graph.vertices.iter().zip(&regions).map(|(vertex, region)| {
            let operators = vertex.chain.len();
            ExecutionJobVertex {
                id: vertex.id.clone(),
                name: vertex.name.clone(),
                operator_names: vertex.chain.iter().map(|o| o.node.name.clone()).collect(),
                subtasks: (0..vertex.parallelism)
                    .map(|_| ExecutionVertex {
                        execution: Execution::new(0, operators),
                    })
                    .collect(),
                region: *region,
                driven: is_driven(vertex),
            }
        });
        let results = graph.edges.iter().map(|edge| {
            let data_set = &graph.data_sets[edge.data_set];
            let producers = graph.vertices[data_set.producer].parallelism;
            IntermediateResult {
                producer: data_set.producer,
                consumer: edge.consumer,
                exchange: data_set.exchange,
                inside_plan: piece_of(&graph.vertices[edge.consumer]).is_some(),
                partitions: (0..producers).map(|_| Default::default()).collect(),
            }
        });
        ExecutionGraph {
            vertices: vertices.collect(),
            results: results.collect(),
            regions: regions.iter().max().map_or(0, |last| last + 1),
        }
    }

    /// Ends the driven subtasks of a region whose tasks have all ended: what they have not said themselves follows from
    /// those that drove them.
    pub(crate) fn settle_driven(&mut self, region: usize) {
        let tasks = self
            .vertices
            .iter()
            .filter(|v| v.region == region && !v.driven);
        let mut tasks = tasks
            .flat_map(|v| &v.subtasks)
            .map(|s| s.execution.state)
            .peekable();
        if tasks.peek().is_none() {
            return;
        }
        let states: Vec<ExecutionState> = tasks.collect();
        if !states.iter().all(|s| s.is_terminal()) {
            return;
        }
        let finished = states.iter().all(|s| *s == ExecutionState::Finished);
        let driven = self
            .vertices
            .iter_mut()
            .filter(|v| v.region == region && v.driven);
        for subtask in driven.flat_map(|v| &mut v.subtasks) {
            let execution = &mut subtask.execution;
            if execution.state.is_terminal() || execution.state == ExecutionState::Created {
                continue;
            }
            if finished {
                execution.become_state(ExecutionState::Initializing);
                execution.become_state(ExecutionState::Running);
                execution.become_state(ExecutionState::Finished);
            } else {
                execution.become_state(ExecutionState::Canceled);
            }
        }
    }

    pub(crate) fn execution(&mut self, vertex: usize, subtask: usize) -> Option<&mut Execution> {
        let vertex = self.vertices.get_mut(vertex)?;
        Some(&mut vertex.subtasks.get_mut(subtask)?.execution)
    }

    pub(crate) fn vertices_of(&self, region: usize) -> impl Iterator<Item = usize> {
        let vertices = self.vertices.iter().enumerate();
        vertices
            .filter(move |(_, v)| v.region == region)
            .map(|(i, _)| i)
    }

    fn executions(&self, region: Option<usize>) -> impl Iterator<Item = &Execution> {
        self.vertices
            .iter()
            .filter(move |v| region.is_none_or(|r| v.region == r))
            .flat_map(|v| v.subtasks.iter().map(|s| &s.execution))
    }

    pub(crate) fn executions_mut(
        &mut self,
        region: Option<usize>,
    ) -> impl Iterator<Item = &mut Execution> {
        self.vertices
            .iter_mut()
            .filter(move |v| region.is_none_or(|r| v.region == r))
            .flat_map(|v| v.subtasks.iter_mut().map(|s| &mut s.execution))
    }

    /// True when every subtask (of a region) has finished.
    pub(crate) fn is_finished(&self, region: Option<usize>) -> bool {
        self.executions(region)
            .all(|e| e.state == ExecutionState::Finished)
    }

    /// True when no subtask (of a region) runs: each has ended or was never deployed.
    pub(crate) fn is_stopped(&self, region: Option<usize>) -> bool {
        self.executions(region)
            .all(|e| e.state.is_terminal() || e.state == ExecutionState::Created)
    }

    /// True when all that the region reads from others is there, and nothing of it has been deployed.
    pub(crate) fn is_ready(&self, region: usize) -> bool {
        let fresh = self
            .executions(Some(region))
            .all(|e| e.state == ExecutionState::Created);
        fresh
            && self.results.iter().all(|result| {
                let inner = self.vertices[result.producer].region == region;
                let consumed = self.vertices[result.consumer].region == region;
                inner || !consumed || {
                    let producer = &self.vertices[result.producer];
                    producer
                        .subtasks
                        .iter()
                        .all(|s| s.execution.state == ExecutionState::Finished)
                }
            })
    }

    /// The region with all that must run again when it fails: what it reads from blocking results was consumed, and what
    /// reads from it has rows that will come again.
    pub(crate) fn restart_scope(&self, region: usize) -> Vec<usize> {
        let mut scope = vec![region];
        let mut at = 0;
        while at < scope.len() {
            let one = scope[at];
            at += 1;
            for result in &self.results {
                let (a, b) = (
                    self.vertices[result.producer].region,
                    self.vertices[result.consumer].region,
                );
                for (from, to) in [(a, b), (b, a)] {
                    if from == one && !scope.contains(&to) {
                        scope.push(to);
                    }
                }
            }
        }
        scope
    }

    pub(crate) fn view(&self) -> Vec<VertexView> {
        self.vertices
            .iter()
            .map(|v| VertexView {
                id: v.id.clone(),
                name: v.name.clone(),
                operator_names: v.operator_names.clone(),
                subtasks: v
                    .subtasks
                    .iter()
                    .map(|s| SubtaskView {
                        attempt: s.execution.attempt,
                        state: s.execution.state,
                        metrics: Arc::clone(&s.execution.metrics),
                    })
                    .collect(),
            })
            .collect()
    }
}

impl Execution {
    pub(crate) fn new(attempt: u32, operators: usize) -> Execution {
        Execution {
            attempt,
            state: ExecutionState::Created,
            handle: None,
            metrics: Arc::new(TaskMetrics {
                operators: (0..operators).map(|_| Arc::default()).collect(),
                ..TaskMetrics::default()
            }),
        }
    }

    /// Moves on to a state; false when that state can't follow.
    pub(crate) fn become_state(&mut self, next: ExecutionState) -> bool {
        let allowed = self.state.may_become(next);
        if allowed {
            self.state = next;
        }
        allowed
    }
}

/// The region of each vertex: vertices joined by pipelined edges run together.
fn pipelined_regions(graph: &JobGraph) -> Vec<usize> {
    let mut region: Vec<usize> = (0..graph.vertices.len()).collect();
    let mut changed = true;
    while changed {
        changed = false;
        for edge in &graph.edges {
            let data_set = &graph.data_sets[edge.data_set];
            let inside_plan = piece_of(&graph.vertices[edge.consumer]).is_some();
            if data_set.exchange == ExchangeMode::Blocking && !inside_plan {
                continue;
            }
            let least = region[data_set.producer].min(region[edge.consumer]);
            for vertex in [data_set.producer, edge.consumer] {
                changed |= region[vertex] != least;
                region[vertex] = least;
            }
        }
    }
    let mut numbers = region.clone();
    numbers.sort_unstable();
    numbers.dedup();
    region
        .iter()
        .map(|r| numbers.binary_search(r).unwrap_or(0))
        .collect()
}
