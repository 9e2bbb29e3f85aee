use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use datafusion::catalog::TableProvider;
use datafusion::logical_expr::Expr;
use filbert_types::{ChangeBatch, Clock, Field, Watermark};
use serde::{Deserialize, Serialize};

use crate::changelog::ChangelogMode;
use crate::error::ConnectorError;

/// Whether a source ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Boundedness {
    Bounded,
    Unbounded,
}

/// A partition: its keys in the order of PARTITIONED BY, each with its value, NULL being none.
pub type Partition = Vec<(String, Option<String>)>;

/// What the planner has decided to let the source do. It is applied once, before readers are made.
#[derive(Debug, Clone, Default)]
pub struct Pushdown {
    /// Indices into the source's fields (physical columns, then the metadata asked for), in output order; none for all.
    pub projection: Option<Vec<usize>>,
    /// The fields that are read of some ROW columns, by the column's index; the others of these columns may be NULL.
    pub nested: BTreeMap<usize, Vec<String>>,
    /// Conjuncts that the source said it takes, over its field names.
    pub filters: Vec<Expr>,
    /// At most this many rows are wanted in all.
    pub limit: Option<u64>,
    /// The only partitions to read; none for all.
    pub partitions: Option<Vec<Partition>>,
}

/// How a source takes a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterSupport {
    /// Not at all.
    No,
    /// It may let rows through that do not match: the plan filters again.
    Inexact,
    /// Exactly.
    Exact,
}

/// A table to be read from its beginning: Flink's `ScanTableSource`, with its abilities as methods.
pub trait ScanSource: Send + Sync {
    fn boundedness(&self) -> Boundedness;

    fn changelog_mode(&self) -> ChangelogMode {
        ChangelogMode::INSERT_ONLY
    }

    /// The metadata columns that can be read: key and type.
    fn metadata(&self) -> Vec<Field> {
        Vec::new()
    }

    /// True when `SOURCE_WATERMARK()` may be used.
    fn provides_watermarks(&self) -> bool {
        false
    }

    /// True when a reader reads several splits beside each other, each with rows in an order of its own: watermarks are
    /// then made by split, in the source. Its readers say of each batch which split it is from.
    fn supports_watermark_push_down(&self) -> bool {
        false
    }

    fn supports_projection(&self) -> bool {
        false
    }

    /// True when fields of ROW columns that nobody reads are left away.
    fn supports_nested_projection(&self) -> bool {
        false
    }

    fn supports_limit(&self) -> bool {
        false
    }

    fn supports_filter(&self, filter: &Expr) -> FilterSupport {
        let _ = filter;
        FilterSupport::No
    }

    /// The table's partitions when they can be listed; the planner prunes them by the partition columns' predicates.
    ///
    /// # Errors
    /// When listing fails.
    fn list_partitions(&self) -> Result<Option<Vec<Partition>>, ConnectorError> {
        Ok(None)
    }

    /// `scan.parallelism`: a fixed parallelism for the source, else the job's.
    fn parallelism(&self) -> Option<usize> {
        None
    }

    /// Batch mode's way in, for a connector whose files DataFusion reads itself (statistics, pruning, dynamic filters).
    /// Its schema is the physical columns, then `metadata`.
    fn table_provider(&self, metadata: &[Field]) -> Option<Arc<dyn TableProvider>> {
        let _ = metadata;
        None
    }

    /// The splits, for the job's coordinator. `parallelism` readers will ask.
    ///
    /// # Errors
    /// When the source is out of reach.
    fn enumerator(
        &self,
        pushdown: &Pushdown,
        parallelism: usize,
    ) -> Result<Box<dyn SplitEnumerator>, ConnectorError>;

    /// A reader of splits, for one subtask. Rows have the physical columns, then `metadata`, narrowed by the pushed
    /// projection.
    ///
    /// # Errors
    /// When the source is out of reach.
    fn reader(
        &self,
        ctx: &ReaderContext,
        pushdown: &Pushdown,
    ) -> Result<Box<dyn SourceReader>, ConnectorError>;
}

/// What a reader is told of where it runs.
#[derive(Clone)]
pub struct ReaderContext {
    /// Tells the job's own randomness (unseeded generators) from another job's.
    pub job_id: String,
    pub subtask: usize,
    pub parallelism: usize,
    /// Metadata keys asked for, with the types that the source declared.
    pub metadata: Vec<Field>,
    /// Rows that a batch should hold at most.
    pub batch_rows: usize,
    pub clock: Arc<dyn Clock>,
    /// Where file systems and networks are waited for.
    pub io: tokio::runtime::Handle,
}

/// A part of a source with the position reached in it: what a checkpoint stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    pub id: String,
    /// The connector's own encoding of what the split is and how far it has been read.
    pub state: serde_json::Value,
}

/// What an enumerator answers to a reader that asks for work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assignment {
    Splits(Vec<Split>),
    /// Nothing now; ask again after this long.
    Later(Duration),
    /// There will be no more splits.
    Finished,
}

/// Finds splits and hands them out; lives beside the job's manager, never on a task's thread.
pub trait SplitEnumerator: Send {
    /// # Errors
    /// When the source is out of reach.
    fn next_splits(&mut self, subtask: usize) -> Result<Assignment, ConnectorError>;

    /// Takes back the splits of a failed reader, at the positions of the last checkpoint.
    fn add_splits_back(&mut self, splits: Vec<Split>);

    /// What a checkpoint keeps: splits found but not handed out, files seen.
    ///
    /// # Errors
    /// When the state cannot be written as JSON.
    fn snapshot(&self) -> Result<serde_json::Value, ConnectorError>;

    /// # Errors
    /// When the state is not of this enumerator.
    fn restore(&mut self, state: serde_json::Value) -> Result<(), ConnectorError>;
}

/// What one poll of a reader gives.
#[derive(Debug)]
pub enum ReaderOutput {
    Batch(ChangeBatch),
    /// The source's own watermark (`SOURCE_WATERMARK()`).
    Watermark(Watermark),
    /// A split has been read to its end: it no longer holds watermarks back.
    SplitFinished(String),
    /// The splits at hand are read: the reader wants more.
    NeedSplits,
    /// Nothing before this much time has passed (rate limits, polling).
    Wait(Duration),
    /// All splits are read and there will be no more.
    Finished,
}

/// Reads splits on a task's thread. A poll does a bounded piece of work: at most a batch.
pub trait SourceReader: Send {
    /// # Errors
    /// When reading or decoding fails.
    fn poll(&mut self) -> Result<ReaderOutput, ConnectorError>;

    fn add_splits(&mut self, splits: Vec<Split>);

    fn no_more_splits(&mut self);

    /// The splits at hand with the positions after the last batch given out.
    fn snapshot(&self) -> Vec<Split>;

    /// The split of the last batch given out, by its id, where the source makes watermarks by split.
    fn split_of_batch(&self) -> Option<&str> {
        None
    }

    /// The splits that must not be read for now, being too far ahead of others; those named before may be again. There is
    /// always one that may be read. False where the reader can't leave single splits out.
    fn pause_splits(&mut self, paused: &BTreeSet<String>) -> bool {
        let _ = paused;
        false
    }

    /// Called when a checkpoint has completed; by default nothing.
    ///
    /// # Errors
    /// When the source refuses (an acknowledgement failed).
    fn checkpoint_complete(&mut self, checkpoint_id: u64) -> Result<(), ConnectorError> {
        let _ = checkpoint_id;
        Ok(())
    }

    /// Records skipped because they were malformed, since the last call.
    fn take_skipped(&mut self) -> u64 {
        0
    }
}
