use serde::{Deserialize, Serialize};

use super::JoinKind;
use crate::expr::ExprSpec;

/// Joins the rows of two insert-only inputs whose times lie near each other: `lower_ms <= left - right <= upper_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntervalJoinSpec {
    /// Inner, left, right or full.
    pub kind: JoinKind,
    /// Times are those of arrival.
    pub proctime: bool,
    /// Of each input, its time attribute.
    pub times: [usize; 2],
    pub lower_ms: i64,
    pub upper_ms: i64,
    /// Of each input, the columns that must be equal.
    pub keys: [Vec<usize>; 2],
    /// For each pair of keys whether NULL meets NULL.
    pub null_meets_null: Vec<bool>,
    /// What else must hold, over the left's columns followed by the right's.
    pub condition: Option<ExprSpec>,
    /// How much longer than it must a row waits that has met nothing (`table.exec.interval-join.min-cleanup-interval`).
    #[serde(default)]
    pub min_cleanup_ms: i64,
}
