use std::fmt;

use filbert_catalog::ManagerError;
use filbert_connector_api::{CatalogError, ConnectorError};
use filbert_planner::PlanError;
use filbert_runtime::JobError;
use filbert_sql::ParseError;
use filbert_types::Span;
use filbert_types::config::ConfigError;
use filbert_types::suggest::hinted;

/// At which stage a statement failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text is no statement.
    Parse,
    /// Names, types or options don't fit.
    Validation,
    /// The query can't be planned.
    Plan,
    /// The job failed while it ran.
    Execution,
    /// The statement was cancelled.
    Cancelled,
    /// Nobody reads the output any more, as behind `| head`.
    OutputClosed,
}

/// Why a statement failed: what is wrong, where in its text, and what might help.
///
/// `Display` prints message and hint; [`TableError::report`] adds the place in the text.
#[derive(Debug, Clone)]
pub struct TableError {
    pub kind: ErrorKind,
    pub message: String,
    /// The part that is to blame, in the text that was given.
    pub span: Option<Span>,
    pub hint: Option<String>,
}

pub type Result<T> = std::result::Result<T, TableError>;

impl TableError {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> TableError {
        TableError {
            kind,
            message: message.into(),
            span: None,
            hint: None,
        }
    }

    pub fn validation(message: impl Into<String>) -> TableError {
        TableError::new(ErrorKind::Validation, message)
    }

    /// Output that could not be written.
    pub fn output(error: &std::io::Error) -> TableError {
        let kind = match error.kind() {
            std::io::ErrorKind::BrokenPipe => ErrorKind::OutputClosed,
            _ => ErrorKind::Execution,
        };
        TableError::new(kind, format!("The output cannot be written: {error}."))
    }

    /// A statement of Flink's that this engine hasn't.
    pub(crate) fn unsupported(what: impl fmt::Display) -> TableError {
        TableError::validation(format!("{what} is not supported yet."))
    }

    #[must_use]
    pub fn at(mut self, span: Span) -> TableError {
        self.span = self.span.or(Some(span));
        self
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> TableError {
        self.hint = Some(hint.into());
        self
    }

    /// Message and hint, and below them the line of `text` with the place underlined.
    pub fn report(&self, text: &str) -> String {
        let excerpt = self
            .span
            .map(|span| filbert_sql::excerpt(text, span))
            .unwrap_or_default();
        if excerpt.is_empty() {
            self.to_string()
        } else {
            format!("{self}\n{excerpt}")
        }
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hinted(&self.message, self.hint.as_deref()))
    }
}

impl std::error::Error for TableError {}

impl From<ParseError> for TableError {
    fn from(error: ParseError) -> TableError {
        TableError {
            kind: ErrorKind::Parse,
            message: error.message,
            span: Some(error.span),
            hint: error.hint,
        }
    }
}

impl From<ManagerError> for TableError {
    fn from(error: ManagerError) -> TableError {
        TableError::validation(error.to_string())
    }
}

impl From<CatalogError> for TableError {
    fn from(error: CatalogError) -> TableError {
        TableError::validation(error.to_string())
    }
}

impl From<ConnectorError> for TableError {
    fn from(error: ConnectorError) -> TableError {
        TableError::validation(error.to_string())
    }
}

impl From<ConfigError> for TableError {
    fn from(error: ConfigError) -> TableError {
        TableError::validation(error.to_string())
    }
}

impl From<PlanError> for TableError {
    fn from(error: PlanError) -> TableError {
        TableError::new(ErrorKind::Plan, error.to_string())
    }
}

impl From<JobError> for TableError {
    fn from(error: JobError) -> TableError {
        let task = error.task.as_ref();
        let hint = task.map(|task| format!("It failed in the task '{task}'."));
        TableError {
            kind: ErrorKind::Execution,
            message: error.message.clone(),
            span: None,
            hint,
        }
    }
}
