/// Whose fault a failure is; restart strategies retry only what a retry can mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// Bad options or bad data: trying again gives the same.
    User,
    /// The outside world (a file system, a network): trying again may help.
    World,
    /// A bug of ours.
    Engine,
}

/// What went wrong in a connector, a format or a catalog.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ConnectorError {
    pub blame: Blame,
    pub message: String,
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ConnectorError {
    pub fn user(message: impl Into<String>) -> ConnectorError {
        ConnectorError::new(Blame::User, message)
    }

    pub fn world(message: impl Into<String>) -> ConnectorError {
        ConnectorError::new(Blame::World, message)
    }

    pub fn engine(message: impl Into<String>) -> ConnectorError {
        ConnectorError::new(Blame::Engine, message)
    }

    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> ConnectorError {
        self.source = Some(source.into());
        self
    }

    fn new(blame: Blame, message: impl Into<String>) -> ConnectorError {
        ConnectorError {
            blame,
            message: message.into(),
            source: None,
        }
    }
}

impl From<arrow::error::ArrowError> for ConnectorError {
    fn from(error: arrow::error::ArrowError) -> ConnectorError {
        ConnectorError::engine(error.to_string()).with_source(error)
    }
}

impl From<filbert_types::config::ConfigError> for ConnectorError {
    fn from(error: filbert_types::config::ConfigError) -> ConnectorError {
        ConnectorError::user(error.to_string())
    }
}
