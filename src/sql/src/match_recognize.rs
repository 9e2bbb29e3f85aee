//! MATCH_RECOGNIZE: sqlparser's grammar for it lacks WITHIN and reluctant quantifiers and has no hook, so the clause is
//! cut out of the tokens before parsing and parsed here; a stub in the tree names it.

use std::ops::ControlFlow;

use filbert_types::Span;
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, MatchRecognizePattern, MatchRecognizeSymbol, OrderByExpr,
    TableFactor, VisitMut, VisitorMut,
};

use crate::ast::{Ident, Query};

mod parse;

pub(crate) use parse::parse;

/// The name of the call that carries a query before MATCH_RECOGNIZE through sqlparser's grammar.
pub(crate) const DERIVED: &str = "$derived";

/// What stands in `t MATCH_RECOGNIZE ( .. )`.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchRecognize {
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<OrderByExpr>,
    pub measures: Vec<Measure>,
    pub rows_per_match: RowsPerMatch,
    /// TO NEXT ROW unless written, as in Flink.
    pub after_match: AfterMatch,
    pub pattern: Pattern,
    /// What stands in its parentheses.
    pub pattern_span: Span,
    /// The pattern must begin (`^`) and end (`$`) the partition.
    pub anchored_start: bool,
    pub anchored_end: bool,
    /// An interval literal.
    pub within: Option<Expr>,
    pub subsets: Vec<Subset>,
    pub define: Vec<Definition>,
    /// From MATCH_RECOGNIZE to the closing parenthesis.
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    pub expr: Expr,
    pub name: Ident,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsPerMatch {
    One,
    All(EmptyMatches),
}

/// What ALL ROWS PER MATCH gives where no row is part of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyMatches {
    /// A row for a match without rows; what counts when nothing is written.
    Show,
    Omit,
    /// A row also for each row that no match takes.
    WithUnmatched,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterMatch {
    PastLastRow,
    ToNextRow,
    ToFirst(Ident),
    ToLast(Ident),
}

/// A row pattern.
#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    Variable(Ident),
    Concat(Vec<Pattern>),
    Alternation(Vec<Pattern>),
    Group(Box<Pattern>),
    Permute(Vec<Pattern>),
    /// `{- pattern -}`.
    Exclude(Box<Pattern>),
    Repeat {
        pattern: Box<Pattern>,
        quantifier: Quantifier,
        span: Span,
    },
}

/// How often a pattern repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantifier {
    /// None for `{,max}`.
    pub min: Option<u32>,
    pub max: Option<u32>,
    /// `*?`: as few as possible.
    pub reluctant: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subset {
    pub name: Ident,
    pub variables: Vec<Ident>,
}

/// `DEFINE variable AS condition`.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    pub variable: Ident,
    pub condition: Expr,
}

impl Query {
    /// The clause that a `TableFactor::MatchRecognize` of this query's tree stands for. Of the stub itself only `table`
    /// and `alias` mean something.
    pub fn match_recognize(&self, table: &TableFactor) -> Option<&MatchRecognize> {
        match_recognize_of(&self.matches, table)
    }
}

/// As [`Query::match_recognize`], of a query's clauses alone.
pub fn match_recognize_of<'m>(
    matches: &'m [MatchRecognize],
    table: &TableFactor,
) -> Option<&'m MatchRecognize> {
    let TableFactor::MatchRecognize { pattern, .. } = table else {
        return None;
    };
    let MatchRecognizePattern::Symbol(MatchRecognizeSymbol::Named(name)) = pattern else {
        return None;
    };
    matches.get(name.value.parse::<usize>().ok()?)
}

/// Gives queries before MATCH_RECOGNIZE their own form back.
pub(crate) fn restore_derived(query: &mut sqlparser::ast::Query) {
    let _ = query.visit(&mut RestoreDerived);
}

struct RestoreDerived;

impl VisitorMut for RestoreDerived {
    type Break = ();

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table {
            name,
            args: Some(args),
            alias,
            ..
        } = table
            && name
                .0
                .first()
                .and_then(|p| p.as_ident())
                .is_some_and(|i| i.value == DERIVED)
            && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Subquery(_)))) =
                args.args.first()
            && let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Subquery(subquery))) =
                args.args.swap_remove(0)
        {
            *table = TableFactor::Derived {
                lateral: false,
                subquery,
                alias: alias.take(),
                sample: None,
            };
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests;
