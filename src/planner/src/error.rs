use datafusion::error::DataFusionError;
use filbert_connector_api::ConnectorError;
use filbert_graph::GraphError;
use filbert_types::ObjectPath;
use filbert_types::config::ConfigError;

/// Why a query can't be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Known to Flink, not built yet in this mode; the operation is named.
    #[error("{operation} is not supported in {mode} mode yet.{hint}")]
    Unsupported {
        operation: String,
        mode: &'static str,
        hint: String,
    },
    /// What Flink refuses too, in its words.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Connector(#[from] ConnectorError),
    /// A table that its connector can't read or write; the message names it.
    #[error("{error}")]
    Table {
        path: ObjectPath,
        error: ConnectorError,
    },
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// An expression that can't be evaluated, a rule that failed.
    #[error("{0}")]
    DataFusion(Box<DataFusionError>),
    /// A bug of ours.
    #[error("This is a bug in the planner: {0}")]
    Internal(String),
}

impl From<DataFusionError> for PlanError {
    fn from(error: DataFusionError) -> PlanError {
        PlanError::DataFusion(Box::new(error))
    }
}
