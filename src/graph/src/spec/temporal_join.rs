use serde::{Deserialize, Serialize};

use crate::expr::ExprSpec;

/// Joins each left row with the version of the right's row that was valid at its time, once the watermark has passed it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TemporalJoinSpec {
    /// A left row without a version is padded with NULL; else it is dropped.
    pub left_outer: bool,
    /// Of each input, the column of its event time; none by processing time: the newest version counts when a row comes.
    #[serde(default)]
    pub times: Option<[usize; 2]>,
    /// Of each input, the columns that must be equal.
    pub keys: [Vec<usize>; 2],
    /// For each pair of keys whether NULL meets NULL.
    pub null_meets_null: Vec<bool>,
    /// What else must hold of a row and its version, over the left's columns followed by the right's.
    pub condition: Option<ExprSpec>,
}
