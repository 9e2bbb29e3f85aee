mod rows;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use filbert_sql::{ParsedStatement, Statement};
use filbert_table::print::OutputFormat;
use filbert_table::{
    ErrorKind, JobClient, JobStatus, ResultKind, ResultSource, TableEnvironment, TableError,
    TableResult,
};

use crate::interrupt::Interrupt;
use crate::messages::{self, Style};
use crate::progress::Progress;
use crate::terminal::Quiet;

/// How often a wait looks at ctrl-C.
const TICK: Duration = Duration::from_millis(50);

/// How results are shown.
#[derive(Debug, Clone, Copy)]
pub struct Show {
    pub format: OutputFormat,
    /// Print `[INFO]` lines: not where only the rows are wanted.
    pub messages: bool,
    pub style: Style,
    /// Somebody looks on: long waits show progress, tables update in place.
    pub interactive: bool,
}

/// Executes statements and shows what they give.
pub struct Client {
    env: TableEnvironment,
    show: Show,
    interrupt: Interrupt,
    /// The jobs that were started and not waited for.
    submitted: Vec<Submitted>,
}

/// A job that runs on while the client goes on.
struct Submitted {
    job: JobClient,
    /// Where its statement begins.
    line: u64,
}

/// How a job that was started and not waited for went wrong.
#[derive(Debug)]
pub struct JobFailure {
    /// Where the statement begins that started it.
    pub line: u64,
    pub error: TableError,
}

type Result<T> = std::result::Result<T, TableError>;

impl Client {
    pub fn new(env: TableEnvironment, show: Show, interrupt: Interrupt) -> Client {
        Client {
            env,
            show,
            interrupt,
            submitted: Vec::new(),
        }
    }

    pub fn environment(&self) -> &TableEnvironment {
        &self.env
    }

    pub fn show(&self) -> Show {
        self.show
    }

    pub fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// Executes one statement and writes what it gives to `out`.
    ///
    /// # Errors
    /// When the statement fails, ctrl-C ends it, or the output is closed.
    pub fn execute(&mut self, statement: &ParsedStatement, out: &mut dyn Write) -> Result<()> {
        let _quiet = self.show.interactive.then(Quiet::begin);
        let start = Instant::now();
        let update = is_update(&statement.statement);
        if update {
            self.info(messages::SUBMITTING, out)?;
        }
        let result = self.env.submit(statement)?;
        for notice in result.notices() {
            self.notice(notice, out)?;
        }
        match (result.source(), result.kind()) {
            (ResultSource::Insert, _) => self.insert(&result, statement.span.start.line, out),
            (ResultSource::Statement, ResultKind::Success) => {
                let added = update && !matches!(statement.statement, Statement::EndStatementSet);
                let text = if added {
                    messages::ADDED
                } else {
                    messages::SUCCEEDED
                };
                self.info(text, out)
            }
            (ResultSource::Statement, ResultKind::SuccessWithContent) => {
                let mut result = result;
                result.write_to(out, self.show.format).map(drop)
            }
            (ResultSource::Query, _) => self.query(result, start, out),
        }
    }

    /// The jobs that were started, not waited for, and still run.
    pub fn running_jobs(&self) -> usize {
        // Those that have ended stay: their outcome is still to be told.
        let running = |submitted: &&Submitted| !submitted.job.status().is_terminal();
        self.submitted.iter().filter(running).count()
    }

    /// The jobs that have failed since the last look; one that STOP JOB ended has not.
    pub fn failed_jobs(&mut self) -> Vec<JobFailure> {
        let (ended, running) = std::mem::take(&mut self.submitted)
            .into_iter()
            .partition(|submitted: &Submitted| submitted.job.status().is_terminal());
        self.submitted = running;
        let failures = ended.iter().filter_map(Submitted::failure);
        failures
            .filter(|failure| failure.error.kind != ErrorKind::Cancelled)
            .collect()
    }

    /// Waits for the jobs that were started and not waited for; ctrl-C cancels them. Each failure is told as soon as
    /// its job has ended.
    pub fn wait_for_jobs(&mut self, mut failed: impl FnMut(JobFailure)) {
        let _quiet = self.show.interactive.then(Quiet::begin);
        let mut progress = self.progress();
        loop {
            self.failed_jobs().into_iter().for_each(&mut failed);
            let Some(next) = self.submitted.first() else {
                return;
            };
            progress.tick(Some(&next.job));
            // Its outcome is read above.
            let _ = next.job.wait_timeout(TICK);
            if self.interrupt.take() {
                drop(progress);
                self.cancel_jobs().into_iter().for_each(&mut failed);
                return;
            }
        }
    }

    /// Cancels the jobs that were started and not waited for.
    pub fn cancel_jobs(&mut self) -> Vec<JobFailure> {
        for submitted in &self.submitted {
            submitted.job.cancel();
        }
        let submitted = std::mem::take(&mut self.submitted);
        submitted.iter().filter_map(Submitted::failure).collect()
    }

    fn insert(&mut self, result: &TableResult, line: u64, out: &mut dyn Write) -> Result<()> {
        let Some(job) = result.job_client() else {
            return Ok(());
        };
        if result.is_sync() {
            self.wait(job)?;
            return self.info(messages::COMPLETED, out);
        }
        self.info(messages::SUBMITTED, out)?;
        if self.show.messages {
            self.line(&format!("Job ID: {}\n", job.job_id()), out)?;
        }
        self.submitted.push(Submitted {
            job: job.clone(),
            line,
        });
        Ok(())
    }

    fn wait(&self, job: &JobClient) -> Result<()> {
        let mut progress = self.progress();
        while job.wait_timeout(TICK).is_none() {
            progress.tick(Some(job));
            if self.interrupt.take() {
                job.cancel();
                break;
            }
        }
        outcome(job)
    }

    /// Of batch work: a stream's rows show by themselves that it goes on.
    fn progress(&self) -> Progress {
        let configuration = self.env.configuration();
        let mode = configuration.get(&filbert_types::options::RUNTIME_MODE);
        let batch = mode.is_some_and(|mode| mode.eq_ignore_ascii_case("BATCH"));
        Progress::new(self.show.interactive && batch)
    }

    /// ` (0.52 seconds)`
    fn time_cost(&self, start: Instant) -> String {
        let configuration = self.env.configuration();
        match configuration.get_bool(&filbert_types::options::PRINT_TIME_COST) {
            Ok(false) => String::new(),
            _ => format!(" ({:.2} seconds)", start.elapsed().as_secs_f64()),
        }
    }

    /// Writes an `[INFO]` line, where such lines are wanted.
    ///
    /// # Errors
    /// When the output is closed.
    pub fn info(&self, text: &str, out: &mut dyn Write) -> Result<()> {
        if self.show.messages {
            self.line(&self.show.style.info(text), out)
        } else {
            Ok(())
        }
    }

    /// Writes a `[WARNING]` line, beside the rows where they are read by a program.
    fn notice(&self, text: &str, out: &mut dyn Write) -> Result<()> {
        if self.show.messages {
            return self.line(&self.show.style.warning(text), out);
        }
        // Nobody is left to tell when the error output is closed.
        let _ = writeln!(io::stderr(), "{}", Style::of_stderr().warning(text));
        Ok(())
    }

    fn line(&self, text: &str, out: &mut dyn Write) -> Result<()> {
        writeln!(out, "{text}").map_err(|error| TableError::output(&error))?;
        flush(out)
    }
}

impl Submitted {
    /// How a job that is about to end has failed, if it has.
    fn failure(&self) -> Option<JobFailure> {
        outcome(&self.job).err().map(|mut error| {
            let (name, id) = (self.job.name(), self.job.job_id());
            error.message = format!("Job '{name}' ({id}): {}", error.message);
            JobFailure {
                line: self.line,
                error,
            }
        })
    }
}

/// Waits for a job; one that was cancelled has not succeeded.
fn outcome(job: &JobClient) -> Result<()> {
    let outcome = job.wait();
    warn_of_losses(job);
    let outcome = outcome?;
    if outcome.status == JobStatus::Canceled {
        return Err(cancelled("The job was cancelled.", &outcome.left_behind));
    }
    Ok(())
}

/// Tells, beside the results, what a job's operators have left out.
fn warn_of_losses(job: &JobClient) {
    let detail = job.detail();
    let operators = || detail.vertices.iter().flat_map(|v| &v.operators);
    let losses = [
        (
            operators().map(|o| o.skipped_records).sum::<u64>(),
            "could not be read whole and lost its broken fields, or was skipped",
        ),
        (
            operators().map(|o| o.late_records_dropped).sum(),
            "came too late and was dropped",
        ),
        (
            operators().map(|o| o.null_records_dropped).sum(),
            "had NULL in a NOT NULL column and was dropped",
        ),
    ];
    let style = Style::of_stderr();
    for (count, what) in losses {
        let text = match count {
            0 => continue,
            1 => format!("1 record {what}."),
            _ => format!("{count} records: each {what}."),
        };
        // Nobody is left to tell when the error output is closed.
        let _ = writeln!(io::stderr(), "{}", style.warning(&text));
    }
}

fn cancelled(message: &str, left_behind: &[String]) -> TableError {
    let mut error = TableError::new(ErrorKind::Cancelled, message);
    if !left_behind.is_empty() {
        error.hint = Some(format!("Left unfinished: {}.", left_behind.join(", ")));
    }
    error
}

fn is_update(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Insert(_)
            | Statement::StatementSet(_)
            | Statement::EndStatementSet
            | Statement::ExecutePlan(_)
    )
}

fn flush(out: &mut dyn Write) -> Result<()> {
    out.flush().map_err(|error| TableError::output(&error))
}
