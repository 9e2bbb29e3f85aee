use std::io::{self, Write};
use std::time::{Duration, Instant};

use filbert_sql::{ParsedStatement, Statement};
use filbert_table::print::{OutputFormat, Row, Tableau, row_term};
use filbert_table::{
    ErrorKind, Fetched, ResultKind, ResultSource, TableEnvironment, TableError, TableResult,
};
use filbert_types::{ChangeBatch, options};

use crate::interrupt::Interrupt;
use crate::live::{LiveView, Materialized};
use crate::messages::{self, Style};
use crate::progress::Progress;

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
    running: Vec<TableResult>,
}

type Result<T> = std::result::Result<T, TableError>;

impl Client {
    pub fn new(env: TableEnvironment, show: Show, interrupt: Interrupt) -> Client {
        Client {
            env,
            show,
            interrupt,
            running: Vec::new(),
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
        let start = Instant::now();
        let update = is_update(&statement.statement);
        if update {
            self.info(messages::SUBMITTING, out)?;
        }
        let mut result = self.env.submit(statement)?;
        for notice in result.notices() {
            self.line(&self.show.style.warning(notice), out)?;
        }
        match (result.source(), result.kind()) {
            (ResultSource::Insert, _) => self.insert(result, out),
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
                result.write_to(out, self.show.format).map(drop)
            }
            (ResultSource::Query, _) => self.query(result, start, out),
        }
    }

    /// Waits for the jobs that were started and not waited for.
    ///
    /// # Errors
    /// When one failed, or ctrl-C cancelled it.
    pub fn wait_for_jobs(&mut self) -> Result<()> {
        for mut result in std::mem::take(&mut self.running) {
            self.wait(&mut result)?;
        }
        Ok(())
    }

    fn insert(&mut self, mut result: TableResult, out: &mut dyn Write) -> Result<()> {
        if result.is_sync() {
            self.wait(&mut result)?;
            return self.info(messages::COMPLETED, out);
        }
        self.info(messages::SUBMITTED, out)?;
        if self.show.messages
            && let Some(job) = result.job_client()
        {
            self.line(&format!("Job ID: {}\n", job.job_id()), out)?;
        }
        self.running.push(result);
        Ok(())
    }

    fn wait(&self, result: &mut TableResult) -> Result<()> {
        let mut progress = Progress::new(self.show.interactive);
        while !result.wait_timeout(TICK)? {
            progress.tick(result.job_client());
            if self.interrupt.take() {
                return Err(cancelled(result));
            }
        }
        result.wait()
    }

    fn query(&self, mut result: TableResult, start: Instant, out: &mut dyn Write) -> Result<()> {
        if self.show.format != OutputFormat::Tableau {
            return self.rows_only(&mut result, out);
        }
        if !result.is_changelog() {
            let rows = self.collect(&mut result)?;
            return self.finished(&result, &rows, start, out);
        }
        if self.mode() == "TABLE" {
            return self.table(result, start, out);
        }
        self.changelog(&mut result, start, out)
    }

    /// Shows what the changes have come to: on a terminal all the time, else at the end.
    fn table(&self, mut result: TableResult, start: Instant, out: &mut dyn Write) -> Result<()> {
        let configuration = self.env.configuration();
        let max = configuration.get_i64(&options::MAX_TABLE_RESULT_ROWS)?;
        let max = max.and_then(|max| usize::try_from(max).ok());
        let mut rows = Materialized::new(max.unwrap_or(usize::MAX));
        let mut view = LiveView::new(result.max_column_width());
        let outcome = loop {
            match self.next(&mut result) {
                Ok(Some(batch)) => {
                    result
                        .rows(&batch)?
                        .into_iter()
                        .for_each(|row| rows.apply(row));
                    if self.show.interactive {
                        view.update(result.fields(), &rows, out)?;
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        view.clear(out)?;
        let dropped = rows.dropped;
        self.finished(&result, &rows.into_rows(), start, out)?;
        if dropped > 0 {
            let key = options::MAX_TABLE_RESULT_ROWS.key;
            let text = format!(
                "{dropped} older rows are not shown: '{key}' is {}.",
                max.unwrap_or_default()
            );
            self.line(&self.show.style.warning(&text), out)?;
        }
        outcome
    }

    /// `sql-client.execution.result-mode`.
    fn mode(&self) -> String {
        let configuration = self.env.configuration();
        let mode = configuration.get(&options::RESULT_MODE);
        mode.unwrap_or_default().to_uppercase()
    }

    fn rows_only(&self, result: &mut TableResult, out: &mut dyn Write) -> Result<()> {
        let writer = result.row_writer(self.show.format);
        writer.header(result, out)?;
        while let Some(batch) = self.next(result)? {
            writer.batch(result, &batch, out)?;
            flush(out)?;
        }
        flush(out)
    }

    /// Prints changes as they come.
    fn changelog(
        &self,
        result: &mut TableResult,
        start: Instant,
        out: &mut dyn Write,
    ) -> Result<()> {
        let tableau = Tableau::by_types(result.fields(), result.max_column_width());
        tableau.header(out)?;
        flush(out)?;
        let mut count = 0;
        let outcome = loop {
            match self.next(result) {
                Ok(Some(batch)) => {
                    for row in result.rows(&batch)? {
                        tableau.row(&row, out)?;
                        count += 1;
                    }
                    flush(out)?;
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if count > 0 {
            tableau.border(out)?;
        }
        match outcome {
            Ok(()) => {
                let time = self.time_cost(start);
                let text = format!("Received a total of {count} {}{time}", row_term(count));
                self.line(&text, out)
            }
            Err(error) if error.kind == ErrorKind::Cancelled => {
                let time = self.time_cost(start);
                let rows = row_term(count);
                let text = format!("Query terminated, received a total of {count} {rows}{time}");
                self.line(&text, out)?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    fn finished(
        &self,
        result: &TableResult,
        rows: &[Row],
        start: Instant,
        out: &mut dyn Write,
    ) -> Result<()> {
        let width = result.max_column_width();
        let count = Tableau::write_all(result.fields(), rows, width, out)?;
        let time = self.time_cost(start);
        let text = match count {
            0 => format!("Empty set{time}"),
            n => format!("{n} {} in set{time}", row_term(n)),
        };
        self.line(&text, out)
    }

    fn collect(&self, result: &mut TableResult) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        let mut progress = Progress::new(self.show.interactive);
        while let Some(batch) = self.next_showing(result, &mut progress)? {
            rows.extend(result.rows(&batch)?);
        }
        Ok(rows)
    }

    /// The next batch; ctrl-C cancels the job and is an error.
    fn next(&self, result: &mut TableResult) -> Result<Option<ChangeBatch>> {
        self.next_showing(result, &mut Progress::new(false))
    }

    fn next_showing(
        &self,
        result: &mut TableResult,
        progress: &mut Progress,
    ) -> Result<Option<ChangeBatch>> {
        loop {
            progress.tick(result.job_client());
            match result.next_batch_timeout(TICK)? {
                Fetched::Batch(batch) => return Ok(Some(batch)),
                Fetched::End => return Ok(None),
                Fetched::TimedOut => {}
            }
            if self.interrupt.take() {
                return Err(cancelled(result));
            }
        }
    }

    /// ` (0.52 seconds)`
    fn time_cost(&self, start: Instant) -> String {
        let configuration = self.env.configuration();
        match configuration.get_bool(&options::PRINT_TIME_COST) {
            Ok(false) => String::new(),
            _ => format!(" ({:.2} seconds)", start.elapsed().as_secs_f64()),
        }
    }

    fn info(&self, text: &str, out: &mut dyn Write) -> Result<()> {
        if self.show.messages {
            self.line(&self.show.style.info(text), out)
        } else {
            Ok(())
        }
    }

    fn line(&self, text: &str, out: &mut dyn Write) -> Result<()> {
        writeln!(out, "{text}").map_err(|error| closed(&error))?;
        flush(out)
    }
}

fn is_update(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Insert(_) | Statement::StatementSet(_) | Statement::EndStatementSet
    )
}

fn cancelled(result: &mut TableResult) -> TableError {
    let left = result.cancel();
    let mut error = TableError::new(ErrorKind::Cancelled, messages::RESULT_CANCELLED);
    if !left.is_empty() {
        error.hint = Some(format!("Left unfinished: {}.", left.join(", ")));
    }
    error
}

fn flush(out: &mut dyn Write) -> Result<()> {
    out.flush().map_err(|error| closed(&error))
}

pub(crate) fn closed(error: &io::Error) -> TableError {
    TableError::new(
        ErrorKind::Execution,
        format!("The output cannot be written: {error}."),
    )
}
