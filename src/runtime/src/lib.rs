//! Runs jobs: one JobManager and one TaskManager in the process.
//!
//! - [`cluster`]: [`MiniCluster`], where jobs are submitted.
//! - [`job_client`]: [`JobClient`], by which a client watches and stops its job.
//! - [`result`]: [`CollectHandle`], the rows of a query.
//! - [`status`]: the states of jobs and of executions.
//! - [`metrics`]: what is counted, and how clients see it.
//! - [`error`]: why a job failed, and whose fault it was.

pub mod cluster;
pub mod error;
mod execution_graph;
pub mod job_client;
mod job_manager;
pub mod metrics;
pub mod result;
pub mod status;

pub use cluster::MiniCluster;
pub use error::JobError;
pub use filbert_operators::JobContext;
pub use job_client::{JobClient, JobOutcome};
pub use metrics::{JobDetail, JobOverview};
pub use result::{CollectHandle, Received};
pub use status::{ExecutionState, JobStatus};
