//! Why a statement is refused.

use std::fmt;

use filbert_functions::CallError;
use filbert_types::Span;

/// Why a statement is refused: what is wrong, where, and what might help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindError {
    pub message: String,
    /// The part of the statement's text that is to blame.
    pub span: Option<Span>,
    pub hint: Option<String>,
}

pub type BindResult<T> = Result<T, BindError>;

impl BindError {
    pub fn new(message: impl Into<String>) -> BindError {
        BindError {
            message: message.into(),
            span: None,
            hint: None,
        }
    }

    /// An error at a place.
    pub fn at(span: Option<Span>, message: impl Into<String>) -> BindError {
        BindError {
            message: message.into(),
            span,
            hint: None,
        }
    }

    /// Something of Flink's, or of SQL's, that is understood and not there.
    pub(crate) fn unsupported(span: Option<Span>, what: impl fmt::Display) -> BindError {
        BindError::at(span, format!("{what} is not supported."))
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> BindError {
        let hint = hint.into();
        if !hint.is_empty() {
            self.hint = Some(hint);
        }
        self
    }

    /// Puts the error at `span` unless a narrower place is known.
    #[must_use]
    pub(crate) fn or_at(mut self, span: Option<Span>) -> BindError {
        self.span = self.span.or(span);
        self
    }

    /// As [`or_at`](Self::or_at), for a place that takes work to find.
    #[must_use]
    pub(crate) fn or_else_at(mut self, span: impl FnOnce() -> Option<Span>) -> BindError {
        self.span = self.span.or_else(span);
        self
    }

    pub(crate) fn from_call(error: &CallError, span: Option<Span>) -> BindError {
        BindError::at(span, error.to_string())
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            let stop = if self.message.ends_with(['.', ':', '!', '?']) {
                ""
            } else {
                "."
            };
            write!(f, "{stop} {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for BindError {}

impl From<datafusion::error::DataFusionError> for BindError {
    /// What DataFusion says of a plan that the binder made.
    fn from(error: datafusion::error::DataFusionError) -> BindError {
        BindError::new(error.strip_backtrace())
    }
}

/// `Available columns: 'a', 'b'.`, each once, cut where there are many.
pub(crate) fn available<'a>(what: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN_MAX: usize = 12;
    let mut seen = std::collections::HashSet::new();
    let names: Vec<&str> = names
        .into_iter()
        .filter(|name| seen.insert(*name))
        .collect();
    if names.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN_MAX)
        .map(|n| format!("'{n}'"))
        .collect();
    let more = names.len().saturating_sub(SHOWN_MAX);
    let tail = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("Available {what}: {}{tail}.", shown.join(", "))
}
