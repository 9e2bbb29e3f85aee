use arrow::array::RecordBatch;

use crate::error::ConnectorError;

/// A source that is asked for the rows of given keys.
pub trait LookupSource: Send + Sync {
    /// A reader for lookups by the columns at `key_columns` (indices of the table's physical columns).
    ///
    /// # Errors
    /// When the source cannot be asked by these columns.
    fn lookup(&self, key_columns: &[usize]) -> Result<Box<dyn LookupReader>, ConnectorError>;
}

/// Answers lookups.
pub trait LookupReader: Send {
    /// The rows for a batch of keys: the matching rows, and for each the index of its key.
    ///
    /// # Errors
    /// When the source fails.
    fn lookup(&mut self, keys: &RecordBatch) -> Result<(RecordBatch, Vec<u32>), ConnectorError>;
}
