use std::fmt;
use std::io::Write;

use filbert_sql::{ParsedStatement, Statement, Statements};
use filbert_table::{ErrorKind, TableError};

use crate::client::Client;

/// A place of a script where something went wrong, and what.
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

/// A text of statements.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a> {
    pub text: &'a str,
    /// The name of its file.
    pub source: Option<&'a str>,
    pub allowed: Allowed,
}

/// Which statements a script may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    All,
    /// An initialisation: no queries and no INSERTs.
    Initialisation,
}

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptEnd {
    Succeeded,
    Failed,
    /// Ctrl-C ended it.
    Interrupted,
}

impl Script<'_> {
    /// Runs the statements one after the other, up to the first that fails, and waits for the jobs that they started:
    /// a later mistake doesn't stop what an earlier INSERT began. Every failure is told as it happens.
    pub fn run(
        &self,
        client: &mut Client,
        out: &mut dyn Write,
        tell: &mut dyn FnMut(&ScriptFailure),
    ) -> ScriptEnd {
        let mut end = ScriptEnd::Succeeded;
        let mut failed = |line, error: TableError| {
            if end == ScriptEnd::Succeeded {
                end = match error.kind {
                    ErrorKind::Cancelled => ScriptEnd::Interrupted,
                    _ => ScriptEnd::Failed,
                };
            }
            tell(&self.failure(line, error));
        };
        let interrupted = match self.statements(client, out) {
            Ok(()) => false,
            Err((line, error)) => {
                let interrupted = error.kind == ErrorKind::Cancelled;
                failed(line, error);
                self.announce_wait(client, interrupted, out);
                interrupted
            }
        };
        if interrupted {
            let cancelled = client.cancel_jobs();
            cancelled
                .into_iter()
                .for_each(|job| failed(job.line, job.error));
        } else {
            client.wait_for_jobs(|job| failed(job.line, job.error));
        }
        end
    }

    fn statements(
        &self,
        client: &mut Client,
        out: &mut dyn Write,
    ) -> Result<(), (u64, TableError)> {
        let mut line = 1;
        for parsed in Statements::new(self.text) {
            let parsed = parsed.map_err(|error| (line, error.into()))?;
            line = parsed.span.start.line;
            self.check(&parsed)
                .and_then(|()| client.execute(&parsed, out))
                .map_err(|error| (line, error))?;
        }
        Ok(())
    }

    fn announce_wait(&self, client: &mut Client, interrupted: bool, out: &mut dyn Write) {
        let jobs = client.running_jobs();
        if jobs > 0 && !interrupted {
            let text = format!(
                "The script stops here; {jobs} of its jobs still run and are waited for. Ctrl-C cancels them."
            );
            // The error itself is told on another way.
            let _ = client.info(&text, out);
        }
    }

    fn failure(&self, line: u64, error: TableError) -> ScriptFailure {
        ScriptFailure {
            source: self.source.map(str::to_owned),
            line: error.span.map_or(line, |span| span.start.line),
            report: error.report(self.text),
            error,
        }
    }

    fn check(&self, parsed: &ParsedStatement) -> Result<(), TableError> {
        let runs_a_job = matches!(
            parsed.statement,
            Statement::Query(_) | Statement::Insert(_) | Statement::StatementSet(_)
        );
        if self.allowed == Allowed::Initialisation && runs_a_job {
            let message = "An initialisation file may hold no queries and no INSERTs.";
            return Err(TableError::validation(message).at(parsed.span));
        }
        Ok(())
    }
}
