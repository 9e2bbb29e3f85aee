//! A query: WITH, its body, ORDER BY, LIMIT.

use std::sync::Arc;

use datafusion::logical_expr::{LogicalPlan, Projection};
use sqlparser::ast::{self, SetExpr};

use crate::binder::{Binder, deeper, span_of};
use crate::error::{BindError, BindResult};
use crate::order::order_items;
use crate::scope::Relation;

impl Binder<'_> {
    /// A whole statement's query: its rows come in its order.
    pub fn statement_query(&mut self, query: &ast::Query) -> BindResult<Relation> {
        let visible = self.ctes.len();
        let relation = self.query_in_scope(query);
        self.ctes.truncate(visible);
        relation
    }

    /// A query inside of another one: an order without LIMIT means nothing there, and is dropped.
    pub fn query(&mut self, query: &ast::Query) -> BindResult<Relation> {
        deeper(|| {
            let mut relation = self.statement_query(query)?;
            if query.limit_clause.is_none() && query.fetch.is_none() && query.order_by.is_some() {
                relation.plan = without_sort(relation.plan)?;
            }
            Ok(relation)
        })
    }

    fn query_in_scope(&mut self, query: &ast::Query) -> BindResult<Relation> {
        check_query(query)?;
        if let Some(with) = &query.with {
            self.declare_ctes(with)?;
        }
        let order_by = order_items(query.order_by.as_ref())?;
        let relation = match query.body.as_ref() {
            SetExpr::Select(select) => self.select(select, order_by)?,
            SetExpr::Query(inner) if order_by.is_empty() => deeper(|| self.statement_query(inner))?,
            body => {
                let relation = self.set_expr(body)?;
                self.sort_relation(relation, order_by)?
            }
        };
        Ok(Relation {
            plan: self.limit(relation.plan, query)?,
            columns: relation.columns,
        })
    }

    /// A body: SELECT, VALUES, a set operation, a query in parentheses.
    pub fn set_expr(&mut self, body: &SetExpr) -> BindResult<Relation> {
        deeper(|| match body {
            SetExpr::Select(select) => self.select(select, &[]),
            SetExpr::Query(query) => self.query(query),
            SetExpr::Values(values) => self.values(values),
            SetExpr::SetOperation {
                op,
                set_quantifier,
                left,
                right,
            } => self.set_operation(*op, *set_quantifier, left, right),
            SetExpr::Table(table) => self.table_query(table),
            other => Err(BindError::unsupported(
                span_of(other),
                "This statement inside of a query",
            )),
        })
    }
}

/// The plan without the sort at its top, over which a projection may hide what was only sorted by.
fn without_sort(plan: LogicalPlan) -> BindResult<LogicalPlan> {
    Ok(match plan {
        LogicalPlan::Sort(sort) => Arc::unwrap_or_clone(sort.input),
        LogicalPlan::Projection(shown) => match shown.input.as_ref() {
            LogicalPlan::Sort(sort) => {
                LogicalPlan::Projection(Projection::try_new(shown.expr, Arc::clone(&sort.input))?)
            }
            _ => LogicalPlan::Projection(shown),
        },
        other => other,
    })
}

fn check_query(query: &ast::Query) -> BindResult<()> {
    let span = span_of(query);
    let refused = [
        (!query.locks.is_empty(), "FOR UPDATE"),
        (query.for_clause.is_some(), "FOR XML, JSON or BROWSE"),
        (query.settings.is_some(), "SETTINGS"),
        (query.format_clause.is_some(), "FORMAT"),
        (!query.pipe_operators.is_empty(), "The operator '|>'"),
    ];
    match refused.into_iter().find(|(present, _)| *present) {
        Some((_, what)) => Err(BindError::unsupported(span, what)),
        None => Ok(()),
    }
}
