//! The control thread: it alone changes the states of jobs. Busy tasks never delay it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use filbert_types::Clock;

use crate::coordinator::CoordinatorReport;
use crate::error::JobError;
use crate::job_master::JobMaster;
use crate::slots::SlotPool;
use crate::task::TaskEnd;

/// Which attempt of which subtask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TaskKey {
    pub(crate) vertex: usize,
    pub(crate) subtask: usize,
    pub(crate) attempt: u32,
}

/// What a task tells of itself.
#[derive(Debug)]
pub(crate) enum TaskReport {
    Initializing,
    Running,
    Ended {
        outcome: Result<TaskEnd, JobError>,
        left_behind: Vec<String>,
    },
}

/// What the control thread is told.
pub(crate) enum ControlEvent {
    Submit(Box<JobMaster>),
    Cancel(String),
    Drain(String),
    Task {
        job_id: String,
        key: TaskKey,
        report: TaskReport,
    },
    Coordinator {
        job_id: String,
        report: CoordinatorReport,
    },
    /// The cluster is gone: jobs are suspended.
    Shutdown,
}

pub(crate) struct JobManager {
    pub(crate) events: Receiver<ControlEvent>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) slots: SlotPool,
    pub(crate) jobs: HashMap<String, JobMaster>,
}

impl JobManager {
    /// Runs until the cluster is dropped and its jobs have ended.
    pub(crate) fn run(mut self) {
        let mut open = true;
        while open || !self.jobs.is_empty() {
            match self.events.recv_timeout(self.until_next_timer()) {
                Ok(ControlEvent::Shutdown) | Err(RecvTimeoutError::Disconnected) => {
                    open = false;
                    for job in self.jobs.values_mut() {
                        job.suspend(&mut self.slots);
                    }
                }
                Ok(event) => self.event(event),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now_ms = self.clock.now_ms();
            for job in self.jobs.values_mut() {
                job.tick(now_ms, &mut self.slots);
            }
            self.jobs.retain(|_, job| !job.is_ended());
        }
    }

    /// Real time until some job wants to be called; a manual clock is looked at often.
    fn until_next_timer(&self) -> Duration {
        let next = self
            .jobs
            .values()
            .filter_map(|job| job.next_timer_ms(&self.slots))
            .min();
        match next {
            None => Duration::from_secs(3600),
            Some(at) => self
                .clock
                .sleep_until(at)
                .unwrap_or(Duration::from_millis(5)),
        }
    }

    fn event(&mut self, event: ControlEvent) {
        match event {
            ControlEvent::Submit(mut job) => {
                job.start(&mut self.slots);
                self.jobs.insert(job.job_id().to_owned(), *job);
            }
            ControlEvent::Cancel(job_id) => {
                if let Some(job) = self.jobs.get_mut(&job_id) {
                    job.cancel(&mut self.slots);
                }
            }
            ControlEvent::Drain(job_id) => {
                if let Some(job) = self.jobs.get_mut(&job_id) {
                    job.drain();
                }
            }
            ControlEvent::Task {
                job_id,
                key,
                report,
            } => {
                if let Some(job) = self.jobs.get_mut(&job_id) {
                    job.task_report(key, report, &mut self.slots);
                }
            }
            ControlEvent::Coordinator { job_id, report } => {
                if let Some(job) = self.jobs.get_mut(&job_id) {
                    job.coordinator_report(report, &mut self.slots);
                }
            }
            ControlEvent::Shutdown => {}
        }
    }
}
