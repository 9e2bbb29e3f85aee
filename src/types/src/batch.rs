use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use serde::{Deserialize, Serialize};

use crate::row_kind::RowKind;
use crate::time::Watermark;

/// A watermark inside a batch: it holds after the first `offset` rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatermarkMark {
    pub offset: usize,
    pub watermark: Watermark,
}

/// The unit of data: rows, the kind of each, and the watermarks that lie between them.
///
/// A batch without stored kinds holds inserts only. Marks are in the order of their offsets, watermarks rising, each
/// offset at most the row count. Batch boundaries mean nothing: cutting or joining batches never changes an answer.
#[derive(Debug, Clone)]
pub struct ChangeBatch {
    pub rows: RecordBatch,
    pub kinds: Option<Arc<[RowKind]>>,
    pub marks: Vec<WatermarkMark>,
}

impl ChangeBatch {
    /// A batch of inserts.
    pub fn insert(rows: RecordBatch) -> ChangeBatch {
        ChangeBatch {
            rows,
            kinds: None,
            marks: Vec::new(),
        }
    }

    /// A batch with a kind a row; all-insert kinds are not stored.
    ///
    /// # Panics
    /// In debug builds, when there are not as many kinds as rows.
    pub fn with_kinds(rows: RecordBatch, kinds: Vec<RowKind>) -> ChangeBatch {
        debug_assert_eq!(rows.num_rows(), kinds.len());
        let kinds = kinds
            .iter()
            .any(|k| *k != RowKind::Insert)
            .then(|| Arc::from(kinds));
        ChangeBatch {
            rows,
            kinds,
            marks: Vec::new(),
        }
    }

    pub fn num_rows(&self) -> usize {
        self.rows.num_rows()
    }

    pub fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    pub fn kind(&self, row: usize) -> RowKind {
        self.kinds.as_ref().map_or(RowKind::Insert, |k| k[row])
    }

    /// Memory that the rows' buffers pin, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.rows.get_array_memory_size()
    }

    /// The same rows with other columns; kinds and marks stay.
    pub fn with_rows(&self, rows: RecordBatch) -> ChangeBatch {
        debug_assert_eq!(rows.num_rows(), self.num_rows());
        ChangeBatch {
            rows,
            kinds: self.kinds.clone(),
            marks: self.marks.clone(),
        }
    }

    /// Rows `offset .. offset + length`, with the marks that lie after at least one of them.
    pub fn slice(&self, offset: usize, length: usize) -> ChangeBatch {
        let kinds = self
            .kinds
            .as_ref()
            .map(|k| Arc::from(&k[offset..offset + length]));
        let marks = self
            .marks
            .iter()
            .filter(|m| m.offset > offset && m.offset <= offset + length)
            .map(|m| WatermarkMark {
                offset: m.offset - offset,
                watermark: m.watermark,
            })
            .collect();
        ChangeBatch {
            rows: self.rows.slice(offset, length),
            kinds,
            marks,
        }
    }

    /// The rows at `indices`, with their kinds and without marks.
    ///
    /// # Errors
    /// When an index is out of bounds.
    pub fn take(&self, indices: &UInt32Array) -> Result<ChangeBatch, ArrowError> {
        let rows = take_record_batch(&self.rows, indices)?;
        let kinds = self
            .kinds
            .as_ref()
            .map(|k| indices.values().iter().map(|i| k[*i as usize]).collect());
        Ok(ChangeBatch {
            rows,
            kinds,
            marks: Vec::new(),
        })
    }
}

/// A checkpoint's barrier: what comes before it belongs to the checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Barrier {
    pub checkpoint_id: u64,
    /// Milliseconds since the epoch at which the coordinator triggered it.
    pub timestamp_ms: i64,
}

/// What flows between tasks.
#[derive(Debug, Clone)]
pub enum Element {
    Batch(ChangeBatch),
    Watermark(Watermark),
    /// The channel's source has nothing to say for now; its watermark no longer counts.
    Idle,
    Active,
    Barrier(Barrier),
    /// The source has ended; with `drain` the pipeline's timers fire as at the end of time.
    EndOfData {
        drain: bool,
    },
    /// Nothing follows on this channel.
    EndOfPartition,
}
