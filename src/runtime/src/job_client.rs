use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use parking_lot::{Condvar, Mutex};

use crate::cluster::MiniCluster;
use crate::error::JobError;
use crate::job_manager::ControlEvent;
use crate::metrics::{JobDetail, JobOverview, VertexDetail};
use crate::result::{CollectHandle, ResultSink};
use crate::status::JobStatus;

/// How a job ended, when it did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobOutcome {
    /// FINISHED, CANCELED or SUSPENDED.
    pub status: JobStatus,
    /// What a cancelled job leaves behind unfinished, each named as its sink names it (hidden files).
    pub left_behind: Vec<String>,
}

/// What the control thread writes and clients read.
pub(crate) struct JobShared {
    pub(crate) job_id: String,
    pub(crate) name: String,
    pub(crate) results: HashMap<String, Arc<ResultSink>>,
    pub(crate) state: Mutex<JobState>,
    pub(crate) changed: Condvar,
}

pub(crate) struct JobState {
    pub(crate) status: JobStatus,
    pub(crate) start_time_ms: i64,
    pub(crate) end_time_ms: Option<i64>,
    pub(crate) restarts: u32,
    pub(crate) failure: Option<JobError>,
    pub(crate) left_behind: Vec<String>,
    pub(crate) vertices: Vec<crate::execution_graph::VertexView>,
    /// CollectHandles handed out, by result id.
    pub(crate) taken: Vec<String>,
}

impl JobShared {
    pub(crate) fn overview(&self) -> JobOverview {
        let state = self.state.lock();
        JobOverview {
            job_id: self.job_id.clone(),
            name: self.name.clone(),
            status: state.status,
            start_time_ms: state.start_time_ms,
            end_time_ms: state.end_time_ms,
            restarts: state.restarts,
        }
    }
}

/// A submitted job, for the client: Flink's `JobClient`.
#[derive(Clone)]
pub struct JobClient {
    pub(crate) shared: Arc<JobShared>,
    pub(crate) control: Sender<ControlEvent>,
    /// Keeps the cluster up.
    pub(crate) _cluster: MiniCluster,
}

impl JobClient {
    /// 32 hex digits.
    pub fn job_id(&self) -> &str {
        &self.shared.job_id
    }

    pub fn name(&self) -> &str {
        &self.shared.name
    }

    pub fn status(&self) -> JobStatus {
        self.shared.state.lock().status
    }

    /// Asks the job to stop in order; returns at once. `wait` tells when it has.
    pub fn cancel(&self) {
        // A control thread that is gone has ended its jobs.
        let _ = self
            .control
            .send(ControlEvent::Cancel(self.shared.job_id.clone()));
    }

    /// Ends the job's sources as if their input had ended: what was read is processed, the last watermark fires what
    /// waits for it, sinks commit, and the job finishes. Returns at once.
    pub fn drain(&self) {
        let _ = self
            .control
            .send(ControlEvent::Drain(self.shared.job_id.clone()));
    }

    /// Waits for the job's end.
    ///
    /// # Errors
    /// The root cause, when the job failed.
    pub fn wait(&self) -> Result<JobOutcome, JobError> {
        let mut state = self.shared.state.lock();
        while !state.status.is_terminal() {
            self.shared.changed.wait(&mut state);
        }
        outcome(&state)
    }

    /// Waits for the job's end for at most `timeout`; none when it still runs.
    ///
    /// # Errors
    /// The root cause, when the job failed.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<Result<JobOutcome, JobError>> {
        let deadline = Instant::now().checked_add(timeout)?;
        let mut state = self.shared.state.lock();
        while !state.status.is_terminal() {
            if self
                .shared
                .changed
                .wait_until(&mut state, deadline)
                .timed_out()
            {
                break;
            }
        }
        state.status.is_terminal().then(|| outcome(&state))
    }

    /// The job as SHOW JOBS lists it.
    pub fn overview(&self) -> JobOverview {
        self.shared.overview()
    }

    /// The job as DESCRIBE JOB shows it: vertices, subtasks, operators and what they count.
    pub fn detail(&self) -> JobDetail {
        let overview = self.shared.overview();
        let state = self.shared.state.lock();
        let vertices: Vec<VertexDetail> = state.vertices.iter().map(|v| v.detail()).collect();
        JobDetail { overview, vertices }
    }

    /// The rows of the Collect operator with this result id; none when the job has no such operator or its handle was
    /// taken before.
    pub fn take_result(&self, result_id: &str) -> Option<CollectHandle> {
        let sink = self.shared.results.get(result_id)?;
        let mut state = self.shared.state.lock();
        if state.taken.iter().any(|id| id == result_id) {
            return None;
        }
        state.taken.push(result_id.to_owned());
        Some(CollectHandle::new(Arc::clone(sink)))
    }
}

fn outcome(state: &JobState) -> Result<JobOutcome, JobError> {
    match &state.failure {
        Some(error) if state.status == JobStatus::Failed => Err(error.clone()),
        _ => Ok(JobOutcome {
            status: state.status,
            left_behind: state.left_behind.clone(),
        }),
    }
}
