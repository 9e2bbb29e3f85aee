use serde::{Deserialize, Serialize};

use super::{AggregateCallSpec, JoinKind, SortKey};
use crate::expr::ExprSpec;

/// How a window TVF cuts time. All in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WindowSpec {
    Tumble {
        size_ms: i64,
        offset_ms: i64,
    },
    Hop {
        size_ms: i64,
        slide_ms: i64,
        offset_ms: i64,
    },
    Cumulate {
        size_ms: i64,
        step_ms: i64,
        offset_ms: i64,
    },
    /// Windows of whole months by the calendar.
    Months {
        shape: MonthWindow,
        size: i64,
        /// HOP's slide or CUMULATE's step.
        step: i64,
        offset_ms: i64,
    },
    Session {
        gap_ms: i64,
        partition_by: Vec<usize>,
    },
}

impl WindowSpec {
    /// The window without the columns that are partitioned by: equal for windows that are cut alike.
    pub fn shape(&self) -> WindowSpec {
        match self {
            WindowSpec::Session { gap_ms, .. } => WindowSpec::Session {
                gap_ms: *gap_ms,
                partition_by: Vec::new(),
            },
            other => other.clone(),
        }
    }
}

/// Adds window_start, window_end and window_time to each row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowTableFunctionSpec {
    pub window: WindowSpec,
    pub time: usize,
    /// Windows are of the processing time at which a row comes, whatever `time` holds.
    pub proctime: bool,
    /// The zone by which windows over TIMESTAMP_LTZ are cut; none for TIMESTAMP.
    pub time_zone: Option<String>,
}

/// GROUP BY window and keys: one row a window and key, when the watermark passes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowAggregateSpec {
    pub window: WindowSpec,
    /// The rowtime column, or the window's end where the window was assigned before.
    pub time: usize,
    /// The window was assigned before: each row belongs to the one window whose end is in `time`.
    pub assigned: bool,
    /// Windows are of processing time, and fire by the clock.
    pub proctime: bool,
    pub time_zone: Option<String>,
    pub keys: Vec<usize>,
    pub calls: Vec<AggregateCallSpec>,
    /// Which of window_start, window_end and window_time follow the calls' results.
    pub window_columns: Vec<WindowColumn>,
    /// The input sends -U or -D.
    pub input_retracts: bool,
    /// Windows send results before and after their ends too; the window was assigned before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emit: Option<WindowEmitSpec>,
    /// The input is what first phases have gathered: keys, the calls' states, the number of rows, and the slice's end,
    /// which is `time`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub merges: bool,
}

/// The first of two phases: gathers rows by slices of windows and keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocalWindowAggregateSpec {
    pub window: WindowSpec,
    pub time: usize,
    pub assigned: bool,
    pub time_zone: Option<String>,
    pub keys: Vec<usize>,
    pub calls: Vec<AggregateCallSpec>,
    pub input_retracts: bool,
}

/// How windows of months follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MonthWindow {
    Tumble,
    Hop,
    Cumulate,
}

/// When windows send results before and after their ends: `table.exec.emit.*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowEmitSpec {
    /// Before a window's end: so often, or with 0 after every row; none not at all.
    pub early_ms: Option<u64>,
    /// The same after its end.
    pub late_ms: Option<u64>,
    /// How long after its end a window takes rows.
    pub lateness_ms: u64,
    pub emit_update_before: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WindowColumn {
    Start,
    End,
    Time,
}

/// Joins the rows of equal windows of two insert-only inputs, once both have all of theirs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowJoinSpec {
    pub kind: JoinKind,
    pub time_zone: Option<String>,
    /// The windows' ends are of processing time.
    pub proctime: bool,
    /// Of each input, the column of the window's end.
    pub window_ends: [usize; 2],
    /// Of each input, the other columns that must be equal, the window's start among them.
    pub keys: [Vec<usize>; 2],
    /// For each pair of keys whether NULL meets NULL.
    pub null_meets_null: Vec<bool>,
    /// What else must hold, over the left's columns followed by the right's.
    pub condition: Option<ExprSpec>,
}

/// The first rows of each partition of a window, once it has all of its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowRankSpec {
    pub time_zone: Option<String>,
    pub proctime: bool,
    pub window_end: usize,
    /// The partition's columns but the window's end.
    pub partition_by: Vec<usize>,
    pub order_by: Vec<SortKey>,
    /// Of rows that sort alike the last comes first.
    pub last_first: bool,
    /// The ranks that are wanted, from 1.
    pub start: i64,
    pub end: i64,
    /// A BIGINT column with the rank follows the input's.
    pub output_rank: bool,
}
