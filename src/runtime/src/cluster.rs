use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};
use filbert_connector_api::Blame;
use filbert_graph::{JobGraph, OperatorSpec};
use filbert_operators::bounded::FileCache;
use filbert_operators::{JobContext, ResultGateway};
use filbert_types::options::SLOT_REQUEST_TIMEOUT;
use filbert_types::{Clock, Configuration, SystemClock};
use parking_lot::{Condvar, Mutex};

use crate::batch::BatchRuntime;
use crate::coordinator::Coordinators;
use crate::deployment::{JobEnvironment, has_coordinator};
use crate::error::JobError;
use crate::io::LazyRuntime;
use crate::job_client::{JobClient, JobShared, JobState};
use crate::job_manager::{ControlEvent, JobManager};
use crate::job_master::JobMaster;
use crate::metrics::JobOverview;
use crate::restart::RestartStrategy;
use crate::result::ResultSink;
use crate::slots::SlotPool;
use crate::status::JobStatus;

/// Threads that wait for files and networks.
const IO_THREADS: usize = 2;

/// A JobManager and one TaskManager in this process. Clones are handles of the same cluster; when the last is dropped
/// (a [`JobClient`] holds one too), jobs that still run are suspended.
#[derive(Clone)]
pub struct MiniCluster {
    inner: Arc<ClusterInner>,
}

struct ClusterInner {
    configuration: Configuration,
    clock: Arc<dyn Clock>,
    io: Arc<LazyRuntime>,
    batch: Arc<BatchRuntime>,
    control: Sender<ControlEvent>,
    /// Taken by the control thread when it starts.
    events: Mutex<Option<Receiver<ControlEvent>>>,
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
        let files = FileCache::new();
        let files = files.map_err(|e| JobError::new(Blame::Engine, e.to_string()))?;
        MiniCluster::with_files(configuration, clock, files)
    }

    /// A cluster that knows of files what planning knows.
    ///
    /// # Errors
    /// When a value is wrong.
    pub fn with_files(
        configuration: &Configuration,
        clock: Arc<dyn Clock>,
        files: FileCache,
    ) -> Result<MiniCluster, JobError> {
        SlotPool::new(configuration)?;
        let (control, events) = unbounded();
        Ok(MiniCluster {
            inner: Arc::new(ClusterInner {
                configuration: configuration.clone(),
                clock,
                io: Arc::new(LazyRuntime::new(IO_THREADS, "filbert-io")),
                batch: Arc::new(BatchRuntime::new(configuration, files)?),
                control,
                events: Mutex::new(Some(events)),
                jobs: Mutex::default(),
            }),
        })
    }

    /// Starts a job and returns at once; the client's `take_result` gives the rows of its Collect operators.
    ///
    /// # Errors
    /// When the job can never run here: too few slots, a wrong option. What a task finds out (a connector that isn't
    /// there) fails the job.
    pub fn submit(&self, graph: JobGraph, context: JobContext) -> Result<JobClient, JobError> {
        let inner = &self.inner;
        let restart = RestartStrategy::new(&graph.configuration)?;
        let slot_timeout = graph.configuration.get_duration(&SLOT_REQUEST_TIMEOUT)?;
        let slot_timeout = slot_timeout.unwrap_or_default().as_millis();
        let shared = Arc::new(self.shared(&graph)?);
        let results = shared.results.iter().map(|(id, sink)| {
            let gateway: Arc<dyn ResultGateway> = Arc::clone(sink) as _;
            (id.clone(), gateway)
        });
        let environment = JobEnvironment {
            results: Arc::new(results.collect()),
            coordinators: self.coordinators(&graph)?,
            graph: Arc::new(graph),
            context: context.with_clock(Arc::clone(&inner.clock)),
            clock: Arc::clone(&inner.clock),
            io: Arc::clone(&inner.io) as _,
            control: inner.control.clone(),
            batch: Arc::clone(&inner.batch),
        };
        let job = JobMaster::new(
            Arc::clone(&shared),
            environment,
            restart,
            i64::try_from(slot_timeout).unwrap_or(i64::MAX),
        );
        let pool = SlotPool::new(&inner.configuration)?;
        job.requests().try_for_each(|request| pool.check(request))?;
        self.start_control(pool)?;
        inner.jobs.lock().push(Arc::clone(&shared));
        // The control thread runs as long as the cluster.
        let _ = inner.control.send(ControlEvent::Submit(Box::new(job)));
        Ok(JobClient {
            shared,
            control: inner.control.clone(),
            _cluster: self.clone(),
        })
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
            _cluster: self.clone(),
        })
    }

    fn shared(&self, graph: &JobGraph) -> Result<JobShared, JobError> {
        if self
            .inner
            .jobs
            .lock()
            .iter()
            .any(|j| j.job_id == graph.job_id)
        {
            return Err(JobError::user(format!(
                "Job {} has already been submitted.",
                graph.job_id
            )));
        }
        let specs = graph
            .vertices
            .iter()
            .flat_map(|v| &v.chain)
            .map(|o| &o.node.spec);
        let result_ids: HashSet<&String> = specs
            .filter_map(|spec| match spec {
                OperatorSpec::Collect(collect) => Some(&collect.result_id),
                _ => None,
            })
            .collect();
        let results: HashMap<String, Arc<ResultSink>> = result_ids
            .into_iter()
            .map(|id| (id.clone(), Arc::default()))
            .collect();
        Ok(JobShared {
            job_id: graph.job_id.clone(),
            name: graph.name.clone(),
            results,
            state: Mutex::new(JobState {
                status: JobStatus::Initializing,
                start_time_ms: self.inner.clock.now_ms(),
                end_time_ms: None,
                restarts: 0,
                failure: None,
                left_behind: Vec::new(),
                vertices: Vec::new(),
                taken: Vec::new(),
            }),
            changed: Condvar::new(),
        })
    }

    /// The job's coordinators, when an operator has one.
    fn coordinators(&self, graph: &JobGraph) -> Result<Option<Coordinators>, JobError> {
        let mut operators = graph.vertices.iter().flat_map(|v| &v.chain);
        if !operators.any(|o| has_coordinator(&o.node.spec)) {
            return Ok(None);
        }
        let (control, job_id) = (self.inner.control.clone(), graph.job_id.clone());
        let report = move |report| {
            // When the control thread is gone nobody asks any more.
            let _ = control.send(ControlEvent::Coordinator {
                job_id: job_id.clone(),
                report,
            });
        };
        let spawned = Coordinators::spawn(&graph.job_id, report);
        spawned.map(Some).map_err(|e| no_thread(&e))
    }

    fn start_control(&self, slots: SlotPool) -> Result<(), JobError> {
        let Some(events) = self.inner.events.lock().take() else {
            return Ok(());
        };
        let manager = JobManager {
            events,
            clock: Arc::clone(&self.inner.clock),
            slots,
            jobs: HashMap::new(),
        };
        std::thread::Builder::new()
            .name("filbert-control".to_owned())
            .spawn(move || manager.run())
            .map(drop)
            .map_err(|e| no_thread(&e))
    }
}

fn no_thread(error: &std::io::Error) -> JobError {
    JobError::new(Blame::World, format!("Could not start a thread: {error}."))
}

impl Drop for ClusterInner {
    fn drop(&mut self) {
        // No control thread was started when there was no job.
        let _ = self.control.send(ControlEvent::Shutdown);
    }
}
