use std::fmt;

use filbert_types::suggest::hinted;
use filbert_types::{Location, Span};

/// Why a text is no statement: what was found, where, and what would help.
///
/// `Display` prints message and hint; whoever shows it adds the place (see [`ParseError::excerpt`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    pub message: String,
    /// In the text that was given to the parser.
    pub span: Span,
    /// What to write instead, where that can be guessed.
    pub hint: Option<String>,
    /// The text ended too early: more of it could make a statement. A shell asks for the next line.
    pub incomplete: bool,
}

pub type Result<T> = std::result::Result<T, ParseError>;

impl ParseError {
    pub fn new(message: impl Into<String>, span: Span) -> ParseError {
        ParseError {
            message: message.into(),
            span,
            hint: None,
            incomplete: false,
        }
    }

    pub fn with_hint(mut self, hint: impl Into<String>) -> ParseError {
        self.hint = Some(hint.into());
        self
    }

    /// The hint, unless there is one already.
    pub(crate) fn with_missing_hint(self, hint: &str) -> ParseError {
        if self.hint.is_some() {
            self
        } else {
            self.with_hint(hint)
        }
    }

    pub(crate) fn incomplete(mut self) -> ParseError {
        self.incomplete = true;
        self
    }

    /// The line of `text` that holds the error, with the place underlined.
    pub fn excerpt(&self, text: &str) -> String {
        excerpt(text, self.span)
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hinted(&self.message, self.hint.as_deref()))
    }
}

impl std::error::Error for ParseError {}

/// The first line of `span` in `text`, its number before it and the place underlined below it.
pub fn excerpt(text: &str, span: Span) -> String {
    let Location { line, column } = span.start;
    let Some(source) = text.lines().nth((line.max(1) - 1) as usize) else {
        return String::new();
    };
    let width = if span.end.line == line {
        span.end.column.saturating_sub(column).max(1)
    } else {
        (source.chars().count() as u64 + 1)
            .saturating_sub(column)
            .max(1)
    };
    let number = line.to_string();
    // Tabs are kept, so that the marks stand below what they mark.
    let lead: String = source
        .chars()
        .take(column.saturating_sub(1) as usize)
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    format!(
        "{number} | {source}\n{:indent$} | {lead}{}",
        "",
        "^".repeat(width as usize),
        indent = number.len()
    )
}
