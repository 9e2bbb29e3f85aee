//! Runs jobs: one JobManager and one TaskManager in the process.
//!
//! - [`cluster`]: [`MiniCluster`], where jobs are submitted.
//! - [`job_client`]: [`JobClient`], by which a client watches and stops its job.
//! - [`result`]: [`CollectHandle`], the rows of a query.
//! - [`status`]: the states of jobs and of executions.
//! - [`metrics`]: what is counted, and how clients see it.
//! - [`error`]: why a job failed, and whose fault it was.
//!
//! Inside, in the order of a job's life: `job_manager` (the control thread), `job_master` (one job's states),
//! `execution_graph`, `slots`, `deployment`, `task` (a subtask's thread), `exchange` (channels between tasks),
//! `coordinator` (enumerators and committers), `restart`, `batch` (plans whose pieces are vertices).

mod batch;
pub mod cluster;
mod coordinator;
mod deployment;
pub mod error;
mod exchange;
mod execution_graph;
mod io;
pub mod job_client;
mod job_manager;
mod job_master;
pub mod metrics;
mod restart;
pub mod result;
mod slots;
pub mod status;
mod task;
mod task_waker;

pub use cluster::MiniCluster;
pub use error::JobError;
pub use filbert_operators::JobContext;
pub use job_client::{JobClient, JobOutcome};
pub use metrics::{JobDetail, JobOverview, OperatorDetail};
pub use result::{CollectHandle, Received};
pub use status::{ExecutionState, JobStatus};
