use std::sync::Arc;

use filbert_types::{ChangeBatch, Clock};
use serde::{Deserialize, Serialize};

use crate::changelog::ChangelogMode;
use crate::error::ConnectorError;

/// A table to be written: Flink's `DynamicTableSink`, with its abilities as methods.
pub trait TableSink: Send + Sync {
    /// What the sink takes of a query that would send `requested`.
    fn changelog_mode(&self, requested: ChangelogMode) -> ChangelogMode;

    /// Metadata columns that can be written.
    fn metadata(&self) -> Vec<filbert_types::Field> {
        Vec::new()
    }

    /// `sink.parallelism`, where the sink has it.
    fn parallelism(&self) -> Option<usize> {
        None
    }

    /// True when INSERT OVERWRITE is understood.
    fn supports_overwrite(&self) -> bool {
        false
    }

    /// True when the sink is partitioned by columns of its rows.
    fn supports_partitioning(&self) -> bool {
        false
    }

    /// True when batch mode should bring the rows of a partition to one writer.
    fn shuffles_by_partition(&self) -> bool {
        false
    }

    /// # Errors
    /// When the target is out of reach.
    fn writer(&self, ctx: &WriterContext) -> Result<Box<dyn SinkWriter>, ConnectorError>;

    /// The committer, for sinks whose rows appear only when committed.
    ///
    /// # Errors
    /// When the target is out of reach.
    fn committer(&self, ctx: &WriterContext) -> Result<Option<Box<dyn Committer>>, ConnectorError> {
        let _ = ctx;
        Ok(None)
    }
}

/// What a writer is told of where it runs.
#[derive(Clone)]
pub struct WriterContext {
    pub job_id: String,
    /// Tells the job's sinks apart: they may write to one table.
    pub sink: usize,
    pub subtask: usize,
    pub parallelism: usize,
    /// Tells this attempt's files from those of an earlier one.
    pub attempt: u32,
    /// INSERT OVERWRITE.
    pub overwrite: bool,
    /// Static values of `PARTITION (k = 'v')`, by column.
    pub static_partition: Vec<(String, String)>,
    pub batch: bool,
    pub clock: Arc<dyn Clock>,
    pub io: tokio::runtime::Handle,
}

/// Something prepared that a committer makes visible: a file to rename, a transaction to commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committable(pub serde_json::Value);

/// Writes rows on a task's thread. A row has the table's physical columns in their order (partition columns among them),
/// then the metadata columns that are written.
pub trait SinkWriter: Send {
    /// # Errors
    /// When a row cannot be written.
    fn write(&mut self, batch: &ChangeBatch) -> Result<(), ConnectorError>;

    /// Makes everything written so far durable, ready to commit; called before a barrier and at the end of input.
    ///
    /// # Errors
    /// When it cannot be made durable.
    fn prepare_commit(&mut self, end_of_input: bool) -> Result<Vec<Committable>, ConnectorError>;

    /// What a checkpoint keeps of a writer (an open file's position).
    ///
    /// # Errors
    /// When the state cannot be written.
    fn snapshot(&mut self) -> Result<Option<serde_json::Value>, ConnectorError> {
        Ok(None)
    }

    /// Gives up what is not committed. What stays behind, hidden, is named in the result.
    fn abort(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// Commits what writers have prepared, beside the job's manager. Committing twice must do no harm.
pub trait Committer: Send {
    /// # Errors
    /// When something cannot be committed; what was committed before stays.
    fn commit(&mut self, committables: Vec<Committable>) -> Result<(), ConnectorError>;

    /// Called once after the last commit of a job that ended well (success files, overwritten files dropped).
    ///
    /// # Errors
    /// When finishing fails.
    fn finish(&mut self) -> Result<(), ConnectorError> {
        Ok(())
    }
}
