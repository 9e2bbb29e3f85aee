use std::sync::Arc;

use filbert_connector_api::Blame;
use filbert_operators::OperatorError;

/// Why a job could not run, or why it failed: the root cause, with the task it came from.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct JobError {
    pub blame: Blame,
    pub message: String,
    /// `Calc -> Sink: t (1/2)#0`; none when no task is to blame.
    pub task: Option<String>,
    #[source]
    pub source: Option<Arc<OperatorError>>,
}

impl JobError {
    pub fn new(blame: Blame, message: impl Into<String>) -> JobError {
        JobError {
            blame,
            message: message.into(),
            task: None,
            source: None,
        }
    }

    pub fn user(message: impl Into<String>) -> JobError {
        JobError::new(Blame::User, message)
    }

    pub fn engine(message: impl Into<String>) -> JobError {
        JobError::new(Blame::Engine, message)
    }

    /// What an operator of `task` failed with.
    pub fn of_task(task: &str, error: OperatorError) -> JobError {
        JobError {
            blame: error.blame(),
            message: error.to_string(),
            task: Some(task.to_owned()),
            source: Some(Arc::new(error)),
        }
    }
}

impl From<filbert_types::config::ConfigError> for JobError {
    fn from(error: filbert_types::config::ConfigError) -> JobError {
        JobError::user(error.to_string())
    }
}
