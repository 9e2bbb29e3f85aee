use std::fmt;
use std::io::Write;

use filbert_sql::{ParsedStatement, Statement, Statements};
use filbert_table::TableError;

use crate::client::Client;

/// Where a script stopped and why.
#[derive(Debug)]
pub struct ScriptFailure {
    /// The file's name, or none for a text from the command line.
    pub source: Option<String>,
    /// Of the place that is to blame, from 1.
    pub line: u64,
    /// The error with the line of the text and the place underlined.
    pub report: String,
    pub error: TableError,
}

impl fmt::Display for ScriptFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.report)?;
        match &self.source {
            Some(source) => write!(f, "\nat {source}:{}", self.line),
            None => Ok(()),
        }
    }
}

/// Which statements a script may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    All,
    /// An initialisation: no queries and no INSERTs.
    Initialisation,
}

/// Runs a script's statements one after the other and waits for the jobs that it started.
///
/// # Errors
/// At the first statement that fails.
pub fn run_script(
    client: &mut Client,
    text: &str,
    source: Option<&str>,
    allowed: Allowed,
    out: &mut dyn Write,
) -> Result<(), Box<ScriptFailure>> {
    let fail = |line: u64, error: TableError| {
        Box::new(ScriptFailure {
            source: source.map(str::to_owned),
            line: error.span.map_or(line, |span| span.start.line),
            report: error.report(text),
            error,
        })
    };
    let mut line = 1;
    for parsed in Statements::new(text) {
        let parsed = parsed.map_err(|error| fail(line, error.into()))?;
        line = parsed.span.start.line;
        check(&parsed, allowed).map_err(|error| fail(line, error))?;
        client
            .execute(&parsed, out)
            .map_err(|error| fail(line, error))?;
    }
    client.wait_for_jobs().map_err(|error| fail(line, error))
}

fn check(parsed: &ParsedStatement, allowed: Allowed) -> Result<(), TableError> {
    let runs_a_job = matches!(
        parsed.statement,
        Statement::Query(_) | Statement::Insert(_) | Statement::StatementSet(_)
    );
    if allowed == Allowed::Initialisation && runs_a_job {
        let message = "An initialisation file may hold no queries and no INSERTs.";
        return Err(TableError::validation(message).at(parsed.span));
    }
    Ok(())
}
