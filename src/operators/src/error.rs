use datafusion::common::DataFusionError;
use filbert_connector_api::{Blame, ConnectorError};

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

impl From<arrow::error::ArrowError> for OperatorError {
    /// Arrow's kernels fail on values (overflow, a bad cast, a division by zero): the user's data.
    fn from(error: arrow::error::ArrowError) -> OperatorError {
        use arrow::error::ArrowError as E;
        let blame = match &error {
            E::IoError(..) => Blame::World,
            E::SchemaError(_) | E::InvalidArgumentError(_) | E::NotYetImplemented(_) => {
                Blame::Engine
            }
            _ => Blame::User,
        };
        let message = match &error {
            E::DivideByZero => "Division by zero".to_owned(),
            E::ComputeError(message) | E::CastError(message) => message.clone(),
            E::ExternalError(inner) => inner.to_string(),
            other => other.to_string(),
        };
        OperatorError::new(blame, message)
    }
}

impl From<DataFusionError> for OperatorError {
    fn from(error: DataFusionError) -> OperatorError {
        match error.find_root() {
            DataFusionError::ArrowError(..) | DataFusionError::Execution(_) => {}
            DataFusionError::External(_) => return external(error),
            DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => {
                return OperatorError::world(plain_message(&error));
            }
            DataFusionError::ResourcesExhausted(message) => {
                return OperatorError::user(message.clone());
            }
            _ => return OperatorError::engine(plain_message(&error)),
        }
        if let DataFusionError::ArrowError(inner, _) = error {
            return OperatorError::from(*inner);
        }
        OperatorError::user(plain_message(&error))
    }
}

/// An error of ours or a connector's that travelled through DataFusion keeps its blame.
fn external(error: DataFusionError) -> OperatorError {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<ConnectorError>() {
            Ok(connector) => OperatorError::from(*connector),
            Err(inner) => match inner.downcast::<OperatorError>() {
                Ok(operator) => *operator,
                Err(other) => OperatorError::user(other.to_string()),
            },
        },
        other => {
            let DataFusionError::External(root) = other.find_root() else {
                return OperatorError::user(plain_message(&other));
            };
            if let Some(connector) = root.downcast_ref::<ConnectorError>() {
                return OperatorError::new(connector.blame, connector.message.clone());
            }
            if let Some(operator) = root.downcast_ref::<OperatorError>() {
                return OperatorError::new(operator.blame(), operator.to_string());
            }
            OperatorError::user(root.to_string())
        }
    }
}

/// The root's message without DataFusion's "Execution error:" prefixes.
fn plain_message(error: &DataFusionError) -> String {
    match error.find_root() {
        DataFusionError::Execution(message)
        | DataFusionError::Plan(message)
        | DataFusionError::Internal(message) => message.clone(),
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            arrow::error::ArrowError::ComputeError(m) | arrow::error::ArrowError::CastError(m) => {
                m.clone()
            }
            arrow::error::ArrowError::DivideByZero => "Division by zero".to_owned(),
            other => other.to_string(),
        },
        other => other.to_string(),
    }
}

pub type Result<T, E = OperatorError> = std::result::Result<T, E>;
