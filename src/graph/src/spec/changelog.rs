use filbert_types::RowKind;
use serde::{Deserialize, Serialize};

use crate::expr::ExprSpec;

/// Makes a changelog by key complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangelogNormalizeSpec {
    pub keys: Vec<usize>,
    /// Only rows that fit are let through and kept.
    pub condition: Option<ExprSpec>,
    /// The consumer needs -U.
    pub emit_update_before: bool,
    pub state_ttl_ms: Option<u64>,
}

/// What becomes of several rows of one primary key (ON CONFLICT).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConflictSpec {
    /// The one that came last is written.
    Deduplicate,
    /// The one that came first is kept.
    Nothing,
    /// The job fails.
    Error,
}

/// Makes one row a primary key of the rows that a sink gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SinkMaterializerSpec {
    pub primary_key: Vec<usize>,
    /// By which the query changes its rows; none where nothing tells them apart but all their columns.
    pub upsert_key: Option<Vec<usize>>,
    pub conflict: ConflictSpec,
    pub state_ttl_ms: Option<u64>,
}

/// Turns rows' kinds into codes and back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChangelogFunctionSpec {
    /// The input's columns, then the code of the row's kind; rows of kinds without a code are dropped.
    To {
        codes: Vec<(RowKind, String)>,
        /// The operator's name, where the call gives one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uid: Option<String>,
    },
    /// The input's columns, each row of the kind that the code at `op` stands for.
    From {
        op: usize,
        codes: Vec<(String, RowKind)>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uid: Option<String>,
    },
}

impl ChangelogFunctionSpec {
    pub fn uid(&self) -> Option<&str> {
        match self {
            ChangelogFunctionSpec::To { uid, .. } | ChangelogFunctionSpec::From { uid, .. } => {
                uid.as_deref()
            }
        }
    }
}
