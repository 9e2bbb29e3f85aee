//! What names mean in DEFINE and MEASURES.

use datafusion::common::Column;
use datafusion::logical_expr::Expr;
use filbert_sql::{MatchRecognize, RowsPerMatch};
use filbert_types::LogicalType;

use super::pattern::BoundPattern;
use crate::error::{BindError, BindResult};
use crate::relational::{MatchAggregate, PatternColumn};
use crate::scope::ScopeColumn;

/// What names mean in DEFINE and MEASURES, and what was read so far.
#[derive(Default)]
pub(crate) struct PatternScope {
    pub(super) columns: Vec<ScopeColumn>,
    pub(super) alias: Option<String>,
    /// The pattern's variables.
    pub(super) variables: Vec<String>,
    /// Names that may stand before a column; those that are not the pattern's never have a row.
    known: Vec<String>,
    subsets: Vec<(String, Vec<usize>)>,
    /// The pattern is more than Flink takes.
    standard: bool,
    /// Values of MEASURES are as of the row that is given, unless FINAL says otherwise.
    all_rows: bool,
    running: bool,
    /// PREV or NEXT was used.
    pub(super) physical: bool,
    /// Set in DEFINE: the variable that is being defined, none for one that the pattern lacks.
    pub(super) defining: Option<Option<usize>>,
    defined: Vec<String>,
    /// Set inside of a navigation's or an aggregate's arguments.
    pub(super) row: Option<RowScope>,
    pub(super) cells: Vec<Expr>,
    pub(super) references: Vec<(Column, PatternColumn)>,
    pub(super) types: Vec<LogicalType>,
    pub(super) aggregates: Vec<MatchAggregate>,
}

/// The arguments of one call are about rows of one variable.
#[derive(Default)]
pub(super) struct RowScope {
    pub qualifier: Option<String>,
    /// All columns so far are without a variable.
    pub any: bool,
    pub mixed: bool,
}

impl PatternScope {
    pub(super) fn new(
        pattern: &BoundPattern,
        clauses: &MatchRecognize,
        alias: Option<String>,
        columns: Vec<ScopeColumn>,
    ) -> BindResult<PatternScope> {
        let mut subsets: Vec<(String, Vec<usize>)> = Vec::new();
        for subset in &clauses.subsets {
            let members = subset
                .variables
                .iter()
                .map(|v| super::pattern::variable(&pattern.variables, v))
                .collect::<BindResult<_>>()?;
            if pattern.variables.contains(&subset.name.value)
                || subsets.iter().any(|(name, _)| *name == subset.name.value)
            {
                return Err(BindError::at(
                    Some(subset.name.span),
                    format!(
                        "Pattern variable '{}' has already been defined",
                        subset.name.value
                    ),
                ));
            }
            subsets.push((subset.name.value.clone(), members));
        }
        let defined = clauses.define.iter().map(|d| d.variable.value.clone());
        Ok(PatternScope {
            columns,
            alias,
            known: pattern.variables.iter().cloned().chain(defined).collect(),
            variables: pattern.variables.clone(),
            subsets,
            standard: pattern.standard,
            all_rows: matches!(clauses.rows_per_match, RowsPerMatch::All(_)),
            ..PatternScope::default()
        })
    }

    /// Begins a variable's definition; false when it has one.
    pub(super) fn define(&mut self, name: &str, variable: Option<usize>) -> bool {
        self.defining = Some(variable);
        if self.defined.iter().any(|d| d == name) {
            return false;
        }
        self.defined.push(name.to_string());
        true
    }

    pub(super) fn measure(&mut self) {
        self.defining = None;
        self.running = self.all_rows;
    }

    /// Begins what FINAL or RUNNING is about; gives how it was before.
    pub(super) fn set_running(&mut self, running: bool) -> bool {
        std::mem::replace(&mut self.running, running && self.all_rows)
    }

    pub(super) fn is_running(&self) -> bool {
        self.running && self.defining.is_none()
    }

    /// The name of the variable that is being defined.
    pub(super) fn defined_name(&self) -> Option<&str> {
        self.defining?;
        self.defined.last().map(String::as_str)
    }

    /// The variables of the rows that a qualifier is about; none when it is unknown.
    pub(super) fn rows_of(&self, qualifier: &str) -> Option<Vec<usize>> {
        if let Some(variable) = self.variables.iter().position(|v| v == qualifier) {
            return Some(vec![variable]);
        }
        if let Some((_, members)) = self.subsets.iter().find(|(name, _)| name == qualifier)
            && (self.defining.is_none() || self.standard)
        {
            return Some(members.clone());
        }
        let known = self.known.iter().any(|k| k == qualifier);
        (known || self.alias.as_deref() == Some(qualifier)).then(Vec::new)
    }

    pub(super) fn all(&self) -> Vec<usize> {
        (0..self.variables.len()).collect()
    }

    pub(super) fn cell(&mut self, expr: Expr) -> usize {
        let known = self.cells.iter().position(|c| *c == expr);
        known.unwrap_or_else(|| {
            self.cells.push(expr);
            self.cells.len() - 1
        })
    }
}
