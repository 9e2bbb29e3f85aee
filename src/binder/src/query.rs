//! A query: WITH, its body, ORDER BY, LIMIT.

use sqlparser::ast::{self, SetExpr};

use crate::binder::{Binder, deeper, span_of};
use crate::error::{BindError, BindResult};
use crate::order::order_items;
use crate::scope::Relation;

impl Binder<'_> {
    pub fn query(&mut self, query: &ast::Query) -> BindResult<Relation> {
        deeper(|| {
            let visible = self.ctes.len();
            let relation = self.query_in_scope(query);
            self.ctes.truncate(visible);
            relation
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
