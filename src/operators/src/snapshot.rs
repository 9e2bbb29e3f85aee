//! What an operator leaves in a checkpoint.

use arrow::array::RecordBatch;
use filbert_connector_api::source::Split;

/// An operator's state at a barrier, as typed columns: a format that outlives an upgrade.
#[derive(Debug, Clone, Default)]
pub struct OperatorSnapshot {
    /// Keyed tables: rows of key columns and value columns, each row with the key group it belongs to.
    pub keyed: Vec<KeyedSnapshot>,
    /// State of the subtask that no key owns: JSON, by name.
    pub operator: Vec<(String, serde_json::Value)>,
    /// A source's splits with their positions.
    pub splits: Vec<Split>,
}

/// One keyed table's rows.
#[derive(Debug, Clone)]
pub struct KeyedSnapshot {
    pub name: String,
    pub rows: RecordBatch,
    pub key_groups: Vec<u16>,
}
