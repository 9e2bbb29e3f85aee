//! Specs of what orders rows: Top-N, deduplication, sorting, OVER.

use serde::{Deserialize, Serialize};

use crate::spec::AggregateCallSpec;

/// A column to sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortKey {
    pub column: usize,
    pub ascending: bool,
    pub nulls_first: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RankFunction {
    RowNumber,
    Rank,
    DenseRank,
}

/// The ranks that are wanted, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RankRange {
    /// Both inclusive; `i64::MAX` for no end.
    Constant { start: i64, end: i64 },
    /// Up to what this column holds in a partition's first row.
    Column(usize),
}

/// What the input may send, and so what must be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RankStrategy {
    /// Inserts.
    Append,
    /// Inserts, and updates by key that only move rows towards the front.
    Update { key: Vec<usize> },
    /// Any changes, with -U.
    Retract,
}

/// Top-N.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankSpec {
    pub partition_by: Vec<usize>,
    pub order_by: Vec<SortKey>,
    pub function: RankFunction,
    pub range: RankRange,
    pub strategy: RankStrategy,
    /// The rank follows the input's columns.
    pub output_rank: bool,
    pub emit_update_before: bool,
    /// Columns of processing time: rows are the same whatever these hold.
    pub processing_times: Vec<usize>,
    pub state_ttl_ms: Option<u64>,
}

/// The first rows of each partition as they come, of an input of inserts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstNSpec {
    pub partition_by: Vec<usize>,
    /// Ranks wanted, from 1, both inclusive.
    pub start: i64,
    pub end: i64,
    pub output_rank: bool,
    pub state_ttl_ms: Option<u64>,
}

/// The first or last row of each key by time, of an input of inserts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeduplicateSpec {
    pub key: Vec<usize>,
    /// None for processing time.
    pub rowtime: Option<usize>,
    pub keep_last: bool,
    pub emit_update_before: bool,
    /// Columns of processing time: rows are the same whatever these hold.
    pub processing_times: Vec<usize>,
    pub state_ttl_ms: Option<u64>,
}

/// Rows in the order of their time, equal ones by other columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemporalSortSpec {
    /// None for processing time.
    pub rowtime: Option<usize>,
    pub order_by: Vec<SortKey>,
}

/// By what the rows of an OVER window are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OverTime {
    Rowtime(usize),
    Proctime,
    /// An ordinary column: results change when rows come or go before.
    Column(SortKey),
    /// The event time of rows that change, or a column with a frame of so many rows: results are corrected.
    Corrected(SortKey),
}

/// One end of a frame: rows for ROWS, milliseconds for RANGE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OverBound {
    UnboundedPreceding,
    /// Behind the current row where positive, before it where negative.
    Offset(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverFrame {
    pub rows: bool,
    pub start: OverBound,
    pub end: OverBound,
}

/// What an OVER call computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum OverFunction {
    Aggregate(AggregateCallSpec),
    /// The value so many rows before the frame's last, or what the default's column holds.
    Lag {
        value: usize,
        offset: usize,
        default: Option<usize>,
    },
    /// The row's rank among the partition's rows; for windows whose results are corrected.
    Rank {
        dense: bool,
    },
}

/// Functions over one window; their results follow the input's columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OverSpec {
    pub partition_by: Vec<usize>,
    pub order: OverTime,
    pub frame: OverFrame,
    pub calls: Vec<OverFunction>,
    /// Calls that only tell whether a row's result has changed, for windows by ordinary columns.
    pub compared: Vec<OverFunction>,
    pub emit_update_before: bool,
    /// Columns of processing time: rows are the same whatever these hold.
    pub processing_times: Vec<usize>,
    pub state_ttl_ms: Option<u64>,
}
