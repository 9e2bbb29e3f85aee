//! One job's life: its states, its deployments, its failures.

mod deploy;

use std::collections::HashMap;
use std::sync::Arc;

use filbert_connector_api::Blame;

use crate::batch::{PlanInstance, piece_of};
use crate::coordinator::CoordinatorReport;
use crate::deployment::JobEnvironment;
use crate::error::JobError;
use crate::execution_graph::{Execution, ExecutionGraph};
use crate::job_client::JobShared;
use crate::job_manager::{TaskKey, TaskReport};
use crate::restart::RestartStrategy;
use crate::slots::{SlotPool, SlotRequest};
use crate::status::{ExecutionState, JobStatus};
use crate::task::{TaskEnd, TaskMessage};

pub(crate) struct JobMaster {
    shared: Arc<JobShared>,
    environment: JobEnvironment,
    graph: ExecutionGraph,
    restart: RestartStrategy,
    status: JobStatus,
    /// What each region needs, and whether it holds it.
    requests: Vec<(SlotRequest, bool)>,
    slot_timeout_ms: i64,
    /// When waiting for slots began.
    waiting_since_ms: Option<i64>,
    restarting: Option<Restarting>,
    /// All tasks have finished, and the committers work.
    committing: bool,
    /// Sources end as if their input had ended, those of later attempts too.
    draining: bool,
    /// The batch plans that run, by id.
    plans: HashMap<String, Arc<PlanInstance>>,
}

/// Regions that will run again.
struct Restarting {
    regions: Vec<usize>,
    at_ms: i64,
}

impl JobMaster {
    pub(crate) fn new(
        shared: Arc<JobShared>,
        environment: JobEnvironment,
        restart: RestartStrategy,
        slot_timeout_ms: i64,
    ) -> JobMaster {
        let graph = ExecutionGraph::new(&environment.graph);
        let requests = (0..graph.regions).map(|region| {
            let vertices = graph
                .vertices_of(region)
                .map(|v| &environment.graph.vertices[v]);
            (SlotRequest::of(vertices), false)
        });
        JobMaster {
            requests: requests.collect(),
            shared,
            environment,
            graph,
            restart,
            status: JobStatus::Initializing,
            slot_timeout_ms,
            waiting_since_ms: None,
            restarting: None,
            committing: false,
            draining: false,
            plans: HashMap::new(),
        }
    }

    pub(crate) fn job_id(&self) -> &str {
        &self.shared.job_id
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.status.is_terminal()
    }

    /// What the job's regions need.
    pub(crate) fn requests(&self) -> impl Iterator<Item = &SlotRequest> {
        self.requests.iter().map(|(request, _)| request)
    }

    pub(crate) fn start(&mut self, slots: &mut SlotPool) {
        self.become_status(JobStatus::Created);
        self.deploy_ready(slots);
    }

    pub(crate) fn cancel(&mut self, slots: &mut SlotPool) {
        if self.status.may_become(JobStatus::Cancelling) {
            self.become_status(JobStatus::Cancelling);
            self.restarting = None;
            self.cancel_tasks(None);
            self.advance(slots);
        }
    }

    /// Ends the sources, so that the job finishes with what it has read.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
        for execution in self.graph.executions_mut(None) {
            if let Some(handle) = &execution.handle {
                handle.send(TaskMessage::Drain);
            }
        }
    }

    /// The cluster goes: tasks are cancelled, the job is SUSPENDED.
    pub(crate) fn suspend(&mut self, slots: &mut SlotPool) {
        self.cancel_tasks(None);
        self.end(JobStatus::Suspended, slots);
    }

    /// When `tick` wants to be called.
    pub(crate) fn next_timer_ms(&self, _slots: &SlotPool) -> Option<i64> {
        let restart = self.restarting.as_ref().map(|r| r.at_ms);
        // Another job's slots may come free at any event; the timeout needs a call of its own.
        let slots = self
            .waiting_since_ms
            .map(|at| at.saturating_add(self.slot_timeout_ms));
        [restart, slots].into_iter().flatten().min()
    }

    pub(crate) fn tick(&mut self, now_ms: i64, slots: &mut SlotPool) {
        if self.is_ended() {
            return;
        }
        if self.restarting.as_ref().is_some_and(|r| r.at_ms <= now_ms) {
            self.advance(slots);
        }
        if self.waiting_since_ms.is_some() {
            self.deploy_ready(slots);
        }
        if let Some(since) = self.waiting_since_ms
            && now_ms.saturating_sub(since) >= self.slot_timeout_ms
        {
            self.waiting_since_ms = None;
            let error = JobError::user(
                "Could not acquire the minimum required resources: other jobs hold the slots. Raise \
                 'taskmanager.numberOfTaskSlots', or stop one of them.",
            );
            self.fail(error, None, slots);
        }
    }

    pub(crate) fn task_report(&mut self, key: TaskKey, report: TaskReport, slots: &mut SlotPool) {
        let Some(execution) = self.graph.execution(key.vertex, key.subtask) else {
            return;
        };
        if execution.attempt != key.attempt {
            return;
        }
        match report {
            TaskReport::Initializing => {
                execution.become_state(ExecutionState::Initializing);
                self.publish();
            }
            TaskReport::Running => {
                execution.become_state(ExecutionState::Running);
                self.publish();
            }
            TaskReport::Ended {
                outcome,
                left_behind,
            } => {
                execution.handle = None;
                let next = match &outcome {
                    Ok(TaskEnd::Finished) => ExecutionState::Finished,
                    Ok(TaskEnd::Canceled) => ExecutionState::Canceled,
                    Err(_) => ExecutionState::Failed,
                };
                execution.become_state(next);
                self.shared.state.lock().left_behind.extend(left_behind);
                self.publish();
                if let Err(error) = outcome {
                    self.fail(error, Some(key.vertex), slots);
                }
                self.advance(slots);
            }
        }
    }

    pub(crate) fn coordinator_report(&mut self, report: CoordinatorReport, slots: &mut SlotPool) {
        match report {
            CoordinatorReport::Failed(error) => {
                self.committing = false;
                self.fail(error, None, slots);
                self.advance(slots);
            }
            CoordinatorReport::Committed if self.status == JobStatus::Running => {
                self.end(JobStatus::Finished, slots);
            }
            CoordinatorReport::Committed => {}
        }
    }

    /// Something failed, in a vertex or beside them: restarts what it concerns, or lets the job fail.
    fn fail(&mut self, error: JobError, vertex: Option<usize>, slots: &mut SlotPool) {
        if !matches!(self.status, JobStatus::Created | JobStatus::Running) {
            // The first failure is the root cause; cancelled tasks and restarting ones have no more to say.
            return;
        }
        let now_ms = self.environment.clock.now_ms();
        let delay = if error.blame == Blame::User || self.rows_were_shown() {
            None
        } else {
            self.restart.after_failure(now_ms)
        };
        let Some(delay_ms) = delay else {
            self.shared.state.lock().failure.get_or_insert(error);
            self.become_status(JobStatus::Failing);
            self.cancel_tasks(None);
            self.advance(slots);
            return;
        };
        tracing::warn!(job = self.job_id(), %error, delay_ms, "restarting after a failure");
        let regions = match vertex {
            Some(vertex) => self.graph.restart_scope(self.graph.vertices[vertex].region),
            None => (0..self.graph.regions).collect(),
        };
        self.shared.state.lock().restarts += 1;
        self.become_status(JobStatus::Restarting);
        for region in &regions {
            self.cancel_tasks(Some(*region));
        }
        self.restarting = Some(Restarting {
            regions,
            at_ms: now_ms.saturating_add(delay_ms),
        });
    }

    /// A query whose rows a client has taken can't begin anew: the rows would come twice.
    fn rows_were_shown(&self) -> bool {
        self.shared.results.values().any(|result| !result.reset())
    }

    /// Does what has become possible since the last event.
    fn advance(&mut self, slots: &mut SlotPool) {
        for region in 0..self.graph.regions {
            self.graph.settle_driven(region);
        }
        self.release_finished(slots);
        match self.status {
            JobStatus::Cancelling if self.graph.is_stopped(None) => {
                self.end(JobStatus::Canceled, slots);
            }
            JobStatus::Failing if self.graph.is_stopped(None) => {
                self.end(JobStatus::Failed, slots);
            }
            JobStatus::Restarting => self.restart_when_due(slots),
            JobStatus::Running if self.graph.is_finished(None) => self.commit(slots),
            JobStatus::Running => self.deploy_ready(slots),
            _ => {}
        }
    }

    fn restart_when_due(&mut self, slots: &mut SlotPool) {
        let Some(restarting) = &self.restarting else {
            return;
        };
        let due = restarting.at_ms <= self.environment.clock.now_ms();
        let stopped = restarting
            .regions
            .iter()
            .all(|r| self.graph.is_stopped(Some(*r)));
        if !due || !stopped {
            return;
        }
        let regions = restarting.regions.clone();
        self.restarting = None;
        for region in &regions {
            self.release(*region, slots);
            for execution in self.graph.executions_mut(Some(*region)) {
                let operators = execution.metrics.operators.len();
                *execution = Execution::new(execution.attempt + 1, operators);
            }
        }
        self.become_status(JobStatus::Running);
        self.deploy_ready(slots);
    }

    fn commit(&mut self, slots: &mut SlotPool) {
        match &self.environment.coordinators {
            Some(coordinators) if !self.committing => {
                self.committing = true;
                coordinators.commit();
            }
            Some(_) => {}
            None => self.end(JobStatus::Finished, slots),
        }
    }

    /// Deploys every region that can run and gets its slots.
    fn deploy_ready(&mut self, slots: &mut SlotPool) {
        let mut waiting = false;
        for region in 0..self.graph.regions {
            if !self.graph.is_ready(region) {
                continue;
            }
            let (request, held) = &mut self.requests[region];
            if !*held && !slots.allocate(request) {
                waiting = true;
                continue;
            }
            *held = true;
            if self.status == JobStatus::Created {
                self.become_status(JobStatus::Running);
            }
            if let Err(error) = self.deploy(region) {
                self.fail(error, None, slots);
                return;
            }
        }
        let now_ms = self.environment.clock.now_ms();
        self.waiting_since_ms = waiting.then(|| self.waiting_since_ms.unwrap_or(now_ms));
    }

    fn cancel_tasks(&mut self, region: Option<usize>) {
        self.cancel_plans(region);
        for execution in self.graph.executions_mut(region) {
            if let Some(handle) = &execution.handle
                && execution.state != ExecutionState::Canceling
            {
                handle.cancel();
                execution.become_state(ExecutionState::Canceling);
            }
        }
        self.publish();
    }

    fn cancel_plans(&self, region: Option<usize>) {
        let vertices = self
            .environment
            .graph
            .vertices
            .iter()
            .zip(&self.graph.vertices);
        for (vertex, running) in vertices {
            if let Some((plan_id, _)) = piece_of(vertex)
                && region.is_none_or(|r| running.region == r)
                && let Some(plan) = self.plans.get(plan_id)
            {
                plan.cancel();
            }
        }
    }

    /// Gives back the slots of regions that have finished.
    fn release_finished(&mut self, slots: &mut SlotPool) {
        for region in 0..self.graph.regions {
            if self.graph.is_finished(Some(region)) {
                self.release(region, slots);
            }
        }
    }

    fn release(&mut self, region: usize, slots: &mut SlotPool) {
        let (request, held) = &mut self.requests[region];
        if std::mem::take(held) {
            slots.release(request);
        }
    }

    fn end(&mut self, status: JobStatus, slots: &mut SlotPool) {
        for region in 0..self.graph.regions {
            self.release(region, slots);
        }
        if let Some(coordinators) = &self.environment.coordinators {
            coordinators.stop();
        }
        self.plans.clear();
        self.publish();
        self.become_status(status);
        let failure = self.shared.state.lock().failure.clone();
        let outcome = match (status, failure) {
            (JobStatus::Failed, Some(error)) => Err(error),
            _ => Ok(()),
        };
        for result in self.shared.results.values() {
            result.end(outcome.clone());
        }
    }

    fn become_status(&mut self, next: JobStatus) {
        if !self.status.may_become(next) {
            tracing::error!(job = self.job_id(), from = %self.status, to = %next, "no such transition");
            return;
        }
        tracing::debug!(job = self.job_id(), from = %self.status, to = %next, "job status");
        self.status = next;
        let mut state = self.shared.state.lock();
        state.status = next;
        if next.is_terminal() {
            state.end_time_ms = Some(self.environment.clock.now_ms());
        }
        self.shared.changed.notify_all();
    }

    /// Shows clients how the subtasks stand.
    fn publish(&self) {
        self.shared.state.lock().vertices = self.graph.view();
    }
}
