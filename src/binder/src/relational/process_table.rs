//! Calls of process table functions, as the plan holds them.

use datafusion::common::{Column, Result, internal_err};
use datafusion::logical_expr::Expr;
use filbert_functions::ProcessChangelog;
use filbert_functions::process_table_function::TableTraits;

/// A call of a process table function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProcessTableCall {
    /// The name by which the function was registered.
    pub function: String,
    /// The operator's name: `uid`, else the function's; none for functions without state.
    pub uid: Option<String>,
    /// One for each input.
    pub tables: Vec<ProcessTable>,
    /// The scalar arguments by number, constants; none for tables.
    pub scalars: Vec<Option<Expr>>,
    pub changelog: ProcessChangelog,
    pub deterministic: bool,
    /// `f(TABLE(#0) PARTITION BY($0), 'x', DEFAULT(), DEFAULT())`
    pub invocation: String,
}

/// A table argument.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProcessTable {
    /// Its number among the function's arguments.
    pub argument: usize,
    pub traits: TableTraits,
    /// The columns of a row as the function sees it.
    pub columns: Vec<Column>,
    /// Places among `columns`.
    pub partition_by: Vec<usize>,
    /// The place of the time column.
    pub on_time: Option<usize>,
}

impl ProcessTableCall {
    /// What the node reads of its inputs, and the constants.
    pub(super) fn exprs(&self) -> Vec<Expr> {
        let columns = self.tables.iter().flat_map(|t| &t.columns);
        let columns = columns.cloned().map(Expr::Column);
        columns
            .chain(self.scalars.iter().flatten().cloned())
            .collect()
    }

    pub(super) fn with_exprs(&self, exprs: Vec<Expr>) -> Result<ProcessTableCall> {
        let mut call = self.clone();
        let mut exprs = exprs.into_iter();
        for column in call.tables.iter_mut().flat_map(|t| &mut t.columns) {
            let Some(Expr::Column(renamed)) = exprs.next() else {
                return internal_err!("a column of a table argument must stay one");
            };
            *column = renamed;
        }
        for scalar in call.scalars.iter_mut().flatten() {
            if let Some(expr) = exprs.next() {
                *scalar = expr;
            }
        }
        Ok(call)
    }
}
