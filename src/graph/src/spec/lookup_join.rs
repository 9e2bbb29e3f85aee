use filbert_types::Field;
use serde::{Deserialize, Serialize};

use crate::expr::ExprSpec;
use crate::spec::{CalcSpec, SourceSpec};

/// Joins each row with the rows that a table has for its key when the row comes by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LookupJoinSpec {
    /// The table; its projection narrows what is found.
    pub table: SourceSpec,
    /// The columns of what is found, after the projection.
    pub found: Vec<Field>,
    /// A row without a match is padded with NULL; else it is dropped.
    pub left_outer: bool,
    /// By the table's physical columns, rising.
    pub keys: Vec<LookupKeySpec>,
    /// What must hold of a row before anything is looked up for it.
    pub pre_filter: Option<ExprSpec>,
    /// What is done with the rows found before they are joined, one after another.
    pub calcs: Vec<LookupCalcSpec>,
    /// What else must hold of a pair, over the input's columns followed by those of what is found.
    pub condition: Option<ExprSpec>,
    /// Lookups may be on their way while others are; else each batch waits for its own.
    pub asynchronous: Option<AsyncLookupSpec>,
    pub retry: Option<LookupRetrySpec>,
    /// What was found for a row is kept, so that it can be taken back.
    pub materialize: Option<LookupMaterializeSpec>,
}

/// A column of the table and what it must equal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LookupKeySpec {
    /// Among the table's physical columns.
    pub column: usize,
    pub value: LookupKeyValue,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum LookupKeyValue {
    /// A column of the input.
    Input(usize),
    Constant(ExprSpec),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LookupCalcSpec {
    pub calc: CalcSpec,
    pub output: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsyncLookupSpec {
    /// Rows that may wait for their lookups.
    pub capacity: usize,
    pub timeout_ms: u64,
    pub order: AsyncOrder,
}

/// In which order rows leave whose lookups have ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AsyncOrder {
    /// As they came.
    Ordered,
    /// As their lookups end; never past a watermark.
    Unordered,
    /// As their lookups end, rows that agree in these columns as they came.
    ByKey(Vec<usize>),
}

/// Looks a key up again that had no rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupRetrySpec {
    pub delay_ms: u64,
    pub attempts_max: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupMaterializeSpec {
    /// The input's columns that tell a row from all others.
    pub key: Vec<usize>,
    pub state_ttl_ms: Option<u64>,
}
