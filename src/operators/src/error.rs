//! What went wrong in an operator, and whose fault it is.

use arrow::error::ArrowError;
use datafusion::common::DataFusionError;
use filbert_connector_api::{Blame, ConnectorError};
use filbert_state::StateError;

/// What went wrong in an operator: whose fault it is, and what to tell the user. One pointer wide.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OperatorError(Box<ErrorDetail>);

#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct ErrorDetail {
    blame: Blame,
    message: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl OperatorError {
    pub fn new(blame: Blame, message: impl Into<String>) -> OperatorError {
        OperatorError(Box::new(ErrorDetail {
            blame,
            message: message.into(),
            source: None,
        }))
    }

    pub fn user(message: impl Into<String>) -> OperatorError {
        OperatorError::new(Blame::User, message)
    }

    pub fn world(message: impl Into<String>) -> OperatorError {
        OperatorError::new(Blame::World, message)
    }

    pub fn engine(message: impl Into<String>) -> OperatorError {
        OperatorError::new(Blame::Engine, message)
    }

    pub fn blame(&self) -> Blame {
        self.0.blame
    }

    /// The same error, said of `what`: `Calc[2]: Division by zero`.
    #[must_use]
    pub fn within(mut self, what: &str) -> OperatorError {
        self.0.message = format!("{what}: {}", self.0.message);
        self
    }
}

impl From<ConnectorError> for OperatorError {
    fn from(error: ConnectorError) -> OperatorError {
        OperatorError(Box::new(ErrorDetail {
            blame: error.blame,
            message: error.message,
            source: error.source,
        }))
    }
}

impl From<ArrowError> for OperatorError {
    fn from(error: ArrowError) -> OperatorError {
        OperatorError::of_arrow(&error)
    }
}

impl From<StateError> for OperatorError {
    fn from(error: StateError) -> OperatorError {
        OperatorError::engine(error.to_string())
    }
}

impl OperatorError {
    /// What a DataFusion kernel or plan failed with; an error of ours or a connector's that travelled through it keeps
    /// its blame.
    pub fn of_datafusion(error: &DataFusionError) -> OperatorError {
        match error.find_root() {
            DataFusionError::External(root) => {
                if let Some(connector) = root.downcast_ref::<ConnectorError>() {
                    OperatorError::new(connector.blame, connector.message.clone())
                } else if let Some(operator) = root.downcast_ref::<OperatorError>() {
                    OperatorError::new(operator.blame(), operator.to_string())
                } else {
                    OperatorError::user(root.to_string())
                }
            }
            DataFusionError::ArrowError(inner, _) => OperatorError::of_arrow(inner),
            DataFusionError::Execution(message) | DataFusionError::ResourcesExhausted(message) => {
                OperatorError::user(message.clone())
            }
            DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => {
                OperatorError::world(plain_message(error))
            }
            DataFusionError::ParquetError(_) => OperatorError::user(plain_message(error)),
            _ => OperatorError::engine(plain_message(error)),
        }
    }

    /// Arrow's kernels fail on values (overflow, a bad cast, a division by zero): the user's data.
    pub fn of_arrow(error: &ArrowError) -> OperatorError {
        match error {
            ArrowError::DivideByZero => OperatorError::user("Division by zero"),
            ArrowError::ComputeError(message) | ArrowError::CastError(message) => {
                OperatorError::user(message.clone())
            }
            ArrowError::ExternalError(inner) => match inner.downcast_ref::<DataFusionError>() {
                Some(inner) => OperatorError::of_datafusion(inner),
                None => OperatorError::user(inner.to_string()),
            },
            ArrowError::IoError(..) => OperatorError::world(error.to_string()),
            ArrowError::SchemaError(_)
            | ArrowError::InvalidArgumentError(_)
            | ArrowError::NotYetImplemented(_) => OperatorError::engine(error.to_string()),
            other => OperatorError::user(other.to_string()),
        }
    }
}

impl From<DataFusionError> for OperatorError {
    fn from(error: DataFusionError) -> OperatorError {
        OperatorError::of_datafusion(&error)
    }
}

/// The root's message without DataFusion's "Execution error:" prefixes.
fn plain_message(error: &DataFusionError) -> String {
    match error.find_root() {
        DataFusionError::Plan(message) | DataFusionError::Internal(message) => message.clone(),
        other => other.to_string(),
    }
}

pub type Result<T, E = OperatorError> = std::result::Result<T, E>;
