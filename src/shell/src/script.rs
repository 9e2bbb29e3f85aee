use std::fmt;
use std::io::{self, BufRead, Write};

use filbert_sql::{Completeness, ParsedStatement, Statement, Statements, completeness};
use filbert_table::{ErrorKind, TableError};

use crate::client::{Client, JobFailure};

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

/// How a text's statements went.
type Done = Result<(), Box<ScriptFailure>>;

impl Script<'_> {
    /// Runs the statements one after the other, up to the first that fails, and waits for the jobs that they started:
    /// a later mistake doesn't stop what an earlier INSERT began. Every failure is told as it happens.
    pub fn run(
        &self,
        client: &mut Client,
        out: &mut dyn Write,
        tell: &mut dyn FnMut(&ScriptFailure),
    ) -> ScriptEnd {
        let done = self.statements(client, out);
        finish(done, self.source, client, out, tell)
    }

    fn statements(&self, client: &mut Client, out: &mut dyn Write) -> Done {
        let mut line = 1;
        for parsed in Statements::new(self.text) {
            let parsed = parsed.map_err(|error| self.failure(line, error.into()))?;
            line = parsed.span.start.line;
            self.check(&parsed)
                .and_then(|()| client.execute(&parsed, out))
                .map_err(|error| self.failure(line, error))?;
        }
        Ok(())
    }

    fn failure(&self, line: u64, error: TableError) -> Box<ScriptFailure> {
        Box::new(ScriptFailure {
            source: self.source.map(str::to_owned),
            line: error.span.map_or(line, |span| span.start.line),
            report: error.report(self.text),
            error,
        })
    }

    fn check(&self, parsed: &ParsedStatement) -> Result<(), TableError> {
        let runs_a_job = matches!(
            parsed.statement,
            Statement::Query(_)
                | Statement::Insert(_)
                | Statement::StatementSet(_)
                | Statement::ExecutePlan(_)
        );
        if self.allowed == Allowed::Initialisation && runs_a_job {
            let message = "An initialisation file may hold no queries and no INSERTs.";
            return Err(TableError::validation(message).at(parsed.span));
        }
        Ok(())
    }
}

/// Runs the statements that come from a pipe, each as soon as it is complete; otherwise as [`Script::run`].
///
/// # Errors
/// When the pipe can't be read.
pub fn run_pipe(
    input: &mut dyn BufRead,
    client: &mut Client,
    out: &mut dyn Write,
    tell: &mut dyn FnMut(&ScriptFailure),
) -> io::Result<ScriptEnd> {
    // What has run is kept as empty lines, so that places are counted from the pipe's beginning.
    let mut text = String::new();
    let mut lines = 0;
    let mut done = Ok(());
    loop {
        let more = input.read_line(&mut text)? > 0;
        lines += usize::from(more);
        if !more || completeness(&text) == Completeness::Complete {
            let script = Script {
                text: &text,
                source: None,
                allowed: Allowed::All,
            };
            done = script.statements(client, out);
            text = "\n".repeat(lines);
        }
        if !more || done.is_err() {
            return Ok(finish(done, None, client, out, tell));
        }
    }
}

/// Waits for the jobs of a script whose statements have run.
fn finish(
    done: Done,
    source: Option<&str>,
    client: &mut Client,
    out: &mut dyn Write,
    tell: &mut dyn FnMut(&ScriptFailure),
) -> ScriptEnd {
    let mut end = ScriptEnd::Succeeded;
    let mut failed = |failure: Box<ScriptFailure>| {
        if end == ScriptEnd::Succeeded {
            end = match failure.error.kind {
                ErrorKind::Cancelled => ScriptEnd::Interrupted,
                _ => ScriptEnd::Failed,
            };
        }
        tell(&failure);
    };
    let of_job = |job: JobFailure| {
        Box::new(ScriptFailure {
            source: source.map(str::to_owned),
            line: job.line,
            report: job.error.to_string(),
            error: job.error,
        })
    };
    let stopped = done.as_ref().err().map(|failure| failure.error.kind);
    done.unwrap_or_else(&mut failed);
    if stopped == Some(ErrorKind::Cancelled) {
        let cancelled = client.cancel_jobs();
        cancelled.into_iter().map(of_job).for_each(failed);
        return end;
    }
    let jobs = client.running_jobs();
    if stopped.is_some() && jobs > 0 {
        let text = format!(
            "The script stops here; {jobs} of its jobs still run and are waited for. Ctrl-C cancels them."
        );
        // The error itself is told on another way.
        let _ = client.info(&text, out);
    }
    client.wait_for_jobs(|job| failed(of_job(job)));
    end
}
