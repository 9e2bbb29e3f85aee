use filbert_types::{Field, LogicalType};
use serde::{Deserialize, Serialize};

use crate::expr::ExprSpec;

/// MATCH_RECOGNIZE.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatchSpec {
    pub partition_by: Vec<usize>,
    pub time: MatchTime,
    /// What orders rows of one time: columns of the input, with `ascending` and `nulls first`.
    pub order_by: Vec<(usize, bool, bool)>,
    pub variables: Vec<String>,
    pub pattern: RowPattern,
    /// The match is the one that standard SQL prefers, not the one that Flink's automaton finds.
    pub standard: bool,
    pub within_ms: Option<i64>,
    pub after: AfterMatch,
    pub rows: MatchRows,
    /// What must be known of each row: expressions over the input.
    pub cells: Vec<ExprSpec>,
    pub aggregates: Vec<MatchAggregateSpec>,
    /// The condition of each variable; none holds for every row.
    pub conditions: Vec<Option<MatchExprSpec>>,
    pub measures: Vec<MatchExprSpec>,
}

/// What a match gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MatchRows {
    /// A row: the keys, then the measures.
    One,
    /// A row for each of its rows: these columns of the input stand between the keys and the measures.
    All {
        columns: Vec<usize>,
        /// A match without rows gives the row at which it was found.
        empty: bool,
        /// Rows that are in no match are given too, with measures of NULL.
        unmatched: bool,
    },
}

/// What orders the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MatchTime {
    /// A rowtime column: rows wait for the watermark.
    Event(usize),
    /// The time at which they come.
    Processing,
    /// The input comes sorted by the keys, then by the order; with the column of time, if there is one.
    Sorted(Option<usize>),
}

/// A row pattern over variables by number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowPattern {
    Variable(usize),
    Concat(Vec<RowPattern>),
    Alternation(Vec<RowPattern>),
    /// Rows that are matched and not shown.
    Exclude(Box<RowPattern>),
    Repeat {
        pattern: Box<RowPattern>,
        min: u32,
        max: Option<u32>,
        reluctant: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AfterMatch {
    PastLastRow,
    ToNextRow,
    ToFirst(usize),
    ToLast(usize),
}

/// An expression over values of the match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatchExprSpec {
    pub columns: Vec<(MatchColumn, LogicalType)>,
    pub expr: ExprSpec,
}

/// A value of the match. `running`: as of the row that is given, not as of the match's end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MatchColumn {
    /// A cell of the `offset`-th row, from the first or from the last, of those that map to one of the variables; and
    /// of the row so many places behind that one (before it, if negative).
    Row {
        variables: Vec<usize>,
        first: bool,
        offset: u32,
        physical: i64,
        cell: usize,
        running: bool,
    },
    Aggregate {
        place: usize,
        running: bool,
    },
    /// The time of the match.
    Rowtime,
    /// The variable of a row of the match.
    Classifier {
        running: bool,
    },
    MatchNumber,
}

/// An aggregate over the rows that map to one of the variables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatchAggregateSpec {
    pub function: String,
    pub variables: Vec<usize>,
    /// Cells.
    pub args: Vec<usize>,
    pub arg_types: Vec<LogicalType>,
    pub output: Field,
}
