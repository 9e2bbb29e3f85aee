//! What a statement gives: a schema and its rows, and for queries and INSERTs the client of their job.

pub(crate) mod text_table;

use std::collections::VecDeque;
use std::time::Duration;

use arrow::array::RecordBatch;
use filbert_runtime::{CollectHandle, JobClient, Received};
use filbert_types::{ChangeBatch, Field};

use crate::error::{ErrorKind, Result, TableError};
use text_table::TextTable;

/// Whether a statement only did something, or has rows to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultKind {
    /// The one row is `OK`.
    Success,
    /// The rows are the statement's answer.
    SuccessWithContent,
}

/// What kind of statement gave the result; it decides how the result is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultSource {
    /// DDL, SHOW, DESCRIBE, SET: the rows are at hand.
    Statement,
    /// A query: the rows come from a job.
    Query,
    /// INSERT: the job runs, or has ended with `table.dml-sync`.
    Insert,
}

/// What a wait for rows brought.
#[derive(Debug)]
pub enum Fetched {
    Batch(ChangeBatch),
    /// Nothing came in the time given.
    TimedOut,
    /// No rows follow.
    End,
}

enum Rows {
    Values(VecDeque<ChangeBatch>),
    Job(CollectHandle),
}

/// The result of a statement. Rows are fetched batch by batch; a query's job is held back while nobody fetches.
///
/// Dropping the result of a query that has not ended cancels its job.
pub struct TableResult {
    kind: ResultKind,
    source: ResultSource,
    fields: Vec<Field>,
    rows: Rows,
    job: Option<JobClient>,
    /// True where rows carry row kinds: queries in streaming mode.
    changelog: bool,
    ended: bool,
    /// INSERT under `table.dml-sync`.
    sync: bool,
    notices: Vec<String>,
    print: PrintContext,
}

/// What printing needs to know of the session that made the result.
#[derive(Debug, Clone)]
pub(crate) struct PrintContext {
    pub zone: filbert_types::zone::TimeZone,
    pub max_column_width: usize,
}

impl Default for PrintContext {
    fn default() -> PrintContext {
        PrintContext {
            zone: filbert_types::zone::TimeZone::UTC,
            max_column_width: 30,
        }
    }
}

impl TableResult {
    /// The result of a statement that only does something.
    pub(crate) fn ok() -> Result<TableResult> {
        let table = TextTable::of_names("result", vec!["OK".to_owned()]);
        let mut result = TableResult::of(table)?;
        result.kind = ResultKind::Success;
        Ok(result)
    }

    pub(crate) fn of(table: TextTable) -> Result<TableResult> {
        let (fields, batch) = table.finish()?;
        Ok(TableResult::values(ResultSource::Statement, fields, batch))
    }

    pub(crate) fn values(
        source: ResultSource,
        fields: Vec<Field>,
        batch: RecordBatch,
    ) -> TableResult {
        TableResult {
            kind: ResultKind::SuccessWithContent,
            source,
            fields,
            rows: Rows::Values(VecDeque::from([ChangeBatch::insert(batch)])),
            job: None,
            changelog: false,
            ended: false,
            sync: false,
            notices: Vec::new(),
            print: PrintContext::default(),
        }
    }

    /// The rows of a query's job.
    pub(crate) fn of_query(
        fields: Vec<Field>,
        job: JobClient,
        rows: CollectHandle,
        changelog: bool,
    ) -> TableResult {
        TableResult {
            kind: ResultKind::SuccessWithContent,
            source: ResultSource::Query,
            fields,
            rows: Rows::Job(rows),
            job: Some(job),
            changelog,
            ended: false,
            sync: false,
            notices: Vec::new(),
            print: PrintContext::default(),
        }
    }

    pub(crate) fn with_job(mut self, job: JobClient, sync: bool) -> TableResult {
        self.job = Some(job);
        self.sync = sync;
        self
    }

    pub(crate) fn with_notice(mut self, notice: impl Into<String>) -> TableResult {
        self.notices.push(notice.into());
        self
    }

    pub(crate) fn with_print_context(mut self, print: PrintContext) -> TableResult {
        self.print = print;
        self
    }

    pub fn kind(&self) -> ResultKind {
        self.kind
    }

    pub fn source(&self) -> ResultSource {
        self.source
    }

    /// The result's columns.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// True when the rows are a changelog: those of a query in streaming mode.
    pub fn is_changelog(&self) -> bool {
        self.changelog
    }

    /// What the user should know though the statement succeeded.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// True for an INSERT under `table.dml-sync`: the statement is done when its job has ended.
    pub fn is_sync(&self) -> bool {
        self.sync
    }

    /// The client of the job behind a query or an INSERT.
    pub fn job_client(&self) -> Option<&JobClient> {
        self.job.as_ref()
    }

    /// The next batch of rows; none at the end.
    ///
    /// # Errors
    /// When the job fails.
    pub fn next_batch(&mut self) -> Result<Option<ChangeBatch>> {
        match self.fetch(None)? {
            Fetched::Batch(batch) => Ok(Some(batch)),
            Fetched::End | Fetched::TimedOut => Ok(None),
        }
    }

    /// Waits at most `timeout` for rows.
    ///
    /// # Errors
    /// When the job fails.
    pub fn next_batch_timeout(&mut self, timeout: Duration) -> Result<Fetched> {
        self.fetch(Some(timeout))
    }

    fn fetch(&mut self, timeout: Option<Duration>) -> Result<Fetched> {
        let handle = match &mut self.rows {
            Rows::Values(batches) => {
                return Ok(match batches.pop_front() {
                    Some(batch) => Fetched::Batch(batch),
                    None => {
                        self.ended = true;
                        Fetched::End
                    }
                });
            }
            Rows::Job(handle) => handle,
        };
        if self.ended {
            return Ok(Fetched::End);
        }
        let received = match timeout {
            Some(timeout) => handle.recv_timeout(timeout),
            None => handle.recv(),
        };
        match received {
            Received::Batch(batch) => Ok(Fetched::Batch(batch)),
            Received::TimedOut => Ok(Fetched::TimedOut),
            Received::End(outcome) => {
                self.ended = true;
                outcome?;
                Ok(Fetched::End)
            }
        }
    }

    /// All rows, batch by batch, waiting for the end.
    ///
    /// # Errors
    /// When the job fails. An unbounded query never ends.
    pub fn collect(mut self) -> Result<Vec<ChangeBatch>> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next_batch()? {
            if batch.num_rows() > 0 {
                batches.push(batch);
            }
        }
        Ok(batches)
    }

    /// Waits for the job's end; statements without a job have ended already.
    ///
    /// # Errors
    /// When the job failed or was cancelled. A query's rows must be fetched while its job runs: use
    /// [`TableResult::collect`].
    pub fn wait(&self) -> Result<()> {
        let Some(job) = &self.job else {
            return Ok(());
        };
        let outcome = job.wait()?;
        if outcome.status == filbert_runtime::JobStatus::Canceled {
            return Err(cancelled(&outcome.left_behind));
        }
        Ok(())
    }

    /// Waits for the job's end for at most `timeout`. True when it has ended.
    ///
    /// # Errors
    /// When the job failed.
    pub fn wait_timeout(&self, timeout: Duration) -> Result<bool> {
        match self.job.as_ref().and_then(|job| job.wait_timeout(timeout)) {
            Some(outcome) => outcome.map(|_| true).map_err(TableError::from),
            None => Ok(self.job.is_none()),
        }
    }

    /// Cancels the job in order and waits, for at most ten seconds, until it has ended. Gives what it leaves behind
    /// unfinished.
    pub fn cancel(&mut self) -> Vec<String> {
        self.ended = true;
        let Some(job) = &self.job else {
            return Vec::new();
        };
        job.cancel();
        match job.wait_timeout(CANCEL_WAIT) {
            Some(Ok(outcome)) => outcome.left_behind,
            Some(Err(_)) | None => Vec::new(),
        }
    }

    /// The rows as an asynchronous stream. A thread fetches them; a bounded channel holds it back.
    pub fn into_stream(self) -> impl futures::Stream<Item = Result<ChangeBatch>> + Send + Unpin {
        let (sender, receiver) = tokio::sync::mpsc::channel(STREAM_BATCHES);
        std::thread::spawn(move || forward(self, &sender));
        Box::pin(futures::stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|item| (item, receiver))
        }))
    }

    pub(crate) fn print_context(&self) -> &PrintContext {
        &self.print
    }
}

/// How long a cancelled job is waited for.
const CANCEL_WAIT: Duration = Duration::from_secs(10);
/// Batches that wait for the reader of a stream.
const STREAM_BATCHES: usize = 4;

fn forward(mut result: TableResult, sender: &tokio::sync::mpsc::Sender<Result<ChangeBatch>>) {
    loop {
        let item = match result.next_batch_timeout(Duration::from_millis(200)) {
            Ok(Fetched::Batch(batch)) => Ok(batch),
            Ok(Fetched::TimedOut) if sender.is_closed() => return,
            Ok(Fetched::TimedOut) => continue,
            Ok(Fetched::End) => return,
            Err(error) => Err(error),
        };
        let failed = item.is_err();
        if sender.blocking_send(item).is_err() || failed {
            return;
        }
    }
}

pub(crate) fn cancelled(left_behind: &[String]) -> TableError {
    let error = TableError::new(ErrorKind::Cancelled, "The job was cancelled.");
    if left_behind.is_empty() {
        error
    } else {
        error.hint(format!("Left unfinished: {}.", left_behind.join(", ")))
    }
}

impl Drop for TableResult {
    fn drop(&mut self) {
        if self.source == ResultSource::Query
            && !self.ended
            && let Some(job) = &self.job
        {
            job.cancel();
        }
    }
}

impl std::fmt::Debug for TableResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableResult")
            .field("kind", &self.kind)
            .field("source", &self.source)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}
