use std::sync::Arc;

use crossbeam_channel::{Sender, unbounded};
use filbert_graph::JobGraph;
use filbert_operators::{Clock, JobContext, SystemClock};
use filbert_types::Configuration;
use parking_lot::Mutex;

use crate::error::JobError;
use crate::job_client::{JobClient, JobShared};
use crate::job_manager::ControlEvent;
use crate::metrics::JobOverview;

/// A JobManager and one TaskManager in this process. Clones are handles of the same cluster.
#[derive(Clone)]
pub struct MiniCluster {
    inner: Arc<ClusterInner>,
}

struct ClusterInner {
    #[expect(dead_code, reason = "tasks are given it when they are deployed")]
    clock: Arc<dyn Clock>,
    control: Sender<ControlEvent>,
    jobs: Mutex<Vec<Arc<JobShared>>>,
}

impl MiniCluster {
    /// A cluster with the slots and the memory that `configuration` gives it (`taskmanager.*`). Cheap: threads start
    /// with the first job.
    ///
    /// # Errors
    /// When a value is wrong.
    pub fn new(configuration: &Configuration) -> Result<MiniCluster, JobError> {
        MiniCluster::with_clock(configuration, Arc::new(SystemClock))
    }

    /// # Errors
    /// When a value is wrong.
    pub fn with_clock(
        configuration: &Configuration,
        clock: Arc<dyn Clock>,
    ) -> Result<MiniCluster, JobError> {
        let _ = configuration;
        let (control, _) = unbounded();
        Ok(MiniCluster {
            inner: Arc::new(ClusterInner {
                clock,
                control,
                jobs: Mutex::default(),
            }),
        })
    }

    /// Starts a job and returns at once; the client's `take_result` gives the rows of its Collect operators.
    ///
    /// # Errors
    /// When the graph can't be run: a connector or function that isn't there, too few slots, a wrong option.
    pub fn submit(&self, graph: JobGraph, context: JobContext) -> Result<JobClient, JobError> {
        drop((graph, context));
        Err(JobError::engine("The runtime does not run jobs yet."))
    }

    /// Every job submitted, oldest first.
    pub fn jobs(&self) -> Vec<JobOverview> {
        self.inner
            .jobs
            .lock()
            .iter()
            .map(|j| j.overview())
            .collect()
    }

    /// The client of a job by its id.
    pub fn job(&self, job_id: &str) -> Option<JobClient> {
        let jobs = self.inner.jobs.lock();
        jobs.iter().find(|j| j.job_id == job_id).map(|j| JobClient {
            shared: Arc::clone(j),
            control: self.inner.control.clone(),
        })
    }
}
