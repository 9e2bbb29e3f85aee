//! MATCH_RECOGNIZE, bound. Its conditions and measures are expressions over columns of their own, each of which is a
//! [`PatternColumn`]: a value of a row of the match, or of several.

use datafusion::common::{Column, Result, internal_err};
use datafusion::logical_expr::Expr;
use filbert_types::LogicalType;

/// What stands in `t MATCH_RECOGNIZE ( .. )`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RowMatch {
    pub partition_by: Vec<Column>,
    pub order_by: Vec<MatchOrder>,
    /// The names of the pattern's variables; everything else tells them by their place here.
    pub variables: Vec<String>,
    pub pattern: RowPattern,
    /// The pattern as Flink's plans print it.
    pub pattern_text: String,
    /// The pattern is more than Flink takes: the match is the one that standard SQL prefers.
    pub standard: bool,
    pub within_ms: Option<i64>,
    pub after: AfterMatch,
    pub rows: MatchRows,
    /// What must be known of each row: expressions over the input.
    pub cells: Vec<Expr>,
    /// The columns of `define` and `measures`.
    pub columns: Vec<(Column, PatternColumn)>,
    pub aggregates: Vec<MatchAggregate>,
    /// The condition of each variable; none holds for every row.
    pub define: Vec<Option<Expr>>,
    pub measures: Vec<(Column, Expr)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MatchOrder {
    pub column: Column,
    pub ascending: bool,
    pub nulls_first: bool,
}

/// What a match gives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MatchRows {
    One,
    /// A row for each of its rows.
    All {
        /// Columns of the input that stand between the keys and the measures.
        shown: Vec<Column>,
        /// A row for a match without rows.
        empty: bool,
        /// A row for each row that is in no match.
        unmatched: bool,
    },
}

/// A row pattern over variables by number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AfterMatch {
    PastLastRow,
    ToNextRow,
    ToFirst(usize),
    ToLast(usize),
}

/// A value that an expression reads of the match.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PatternColumn {
    /// A cell of the `offset`-th row, from the first or from the last, of those that map to one of the variables; and
    /// of the row so many places behind that one (before it, if negative).
    Row {
        variables: Vec<usize>,
        first: bool,
        offset: u32,
        physical: i64,
        cell: usize,
        /// As of the row that is given, not as of the match's end.
        running: bool,
        /// `LAST(a.v, 1)`
        text: String,
    },
    Aggregate {
        place: usize,
        running: bool,
    },
    /// The time of the match.
    Rowtime,
    /// The name of the variable that a row is mapped to.
    Classifier {
        running: bool,
    },
    MatchNumber,
}

/// An aggregate over the rows that map to one of the variables.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MatchAggregate {
    pub function: String,
    pub variables: Vec<usize>,
    /// Cells.
    pub args: Vec<usize>,
    pub arg_types: Vec<LogicalType>,
    pub ty: LogicalType,
    /// `SUM(a.v)`
    pub text: String,
}

impl RowMatch {
    /// What is read of the input, as the optimizer sees it.
    pub(super) fn input_exprs(&self) -> Vec<Expr> {
        let keys = self.partition_by.iter();
        let order = self.order_by.iter().map(|o| &o.column);
        let shown: &[Column] = match &self.rows {
            MatchRows::One => &[],
            MatchRows::All { shown, .. } => shown,
        };
        let columns = keys.chain(order).chain(shown).cloned().map(Expr::Column);
        columns.chain(self.cells.iter().cloned()).collect()
    }

    /// The same with the optimizer's form of what is read.
    pub(super) fn with_input_exprs(&self, exprs: Vec<Expr>) -> Result<RowMatch> {
        let mut changed = self.clone();
        let mut exprs = exprs.into_iter();
        let order = changed.order_by.iter_mut().map(|o| &mut o.column);
        let shown: &mut [Column] = match &mut changed.rows {
            MatchRows::One => &mut [],
            MatchRows::All { shown, .. } => shown,
        };
        let keys = changed.partition_by.iter_mut();
        for column in keys.chain(order).chain(shown) {
            match exprs.next() {
                Some(Expr::Column(given)) => *column = given,
                _ => return internal_err!("a key of MATCH_RECOGNIZE must stay a column"),
            }
        }
        changed.cells = exprs.collect();
        Ok(changed)
    }
}
