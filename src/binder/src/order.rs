//! ORDER BY and LIMIT.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::Sort as SortExpr;
use datafusion::logical_expr::{Expr, Limit, LogicalPlan, Sort};
use filbert_functions::TypedExpr;
use filbert_types::LogicalType;
use sqlparser::ast::{
    Expr as Ast, Fetch, LimitClause, OrderBy, OrderByExpr, OrderByKind, Query, Value,
};

use crate::binder::{Binder, NamedExpr, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;
use crate::scope::{Relation, Scope};
use crate::typing::check_orderable;

/// The expressions of an ORDER BY; what Flink's lacks is refused.
pub(crate) fn order_items(order_by: Option<&OrderBy>) -> BindResult<&[OrderByExpr]> {
    let Some(order_by) = order_by else {
        return Ok(&[]);
    };
    if order_by.interpolate.is_some() {
        return Err(BindError::new("INTERPOLATE is not supported."));
    }
    match &order_by.kind {
        OrderByKind::Expressions(items) => Ok(items),
        OrderByKind::All(_) => Err(BindError::new("ORDER BY ALL is not supported.")),
    }
}

/// The position that an ORDER BY item names, from 0.
pub(crate) fn ordinal(ast: &Ast, count: usize) -> BindResult<Option<usize>> {
    let Ast::Value(value) = ast else {
        return Ok(None);
    };
    let Value::Number(digits, _) = &value.value else {
        return Ok(None);
    };
    match digits.parse::<usize>() {
        Ok(n) if (1..=count).contains(&n) => Ok(Some(n - 1)),
        Ok(_) => Err(BindError::at(span_of(ast), "Ordinal out of range")
            .with_hint(format!("The select list has {count} items."))),
        Err(_) => Ok(None),
    }
}

impl Binder<'_> {
    /// NULL is the smallest value, unless NULLS FIRST or LAST say otherwise.
    pub fn sort_expr(
        &mut self,
        item: &OrderByExpr,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<(SortExpr, LogicalType)> {
        let bound = self.expr(&item.expr, cx)?;
        let ty = bound.ty.clone();
        check_orderable(&ty, span_of(&item.expr))?;
        Ok((sort_of(item, bound.expr)?, ty))
    }

    pub fn sort_exprs(
        &mut self,
        items: &[OrderByExpr],
        cx: &mut ExprCx<'_>,
    ) -> BindResult<Vec<SortExpr>> {
        items
            .iter()
            .map(|i| self.sort_expr(i, cx).map(|(sort, _)| sort))
            .collect()
    }

    /// Sorts a relation by its own columns: their names, their positions, or expressions over them.
    pub fn sort_relation(
        &mut self,
        relation: Relation,
        items: &[OrderByExpr],
    ) -> BindResult<Relation> {
        if items.is_empty() {
            return Ok(relation);
        }
        let scope = std::rc::Rc::new(Scope::of_columns(relation.columns.clone()));
        let mut sort = Vec::new();
        for item in items {
            let expr = match ordinal(&item.expr, relation.columns.len())? {
                Some(index) => relation.columns[index].expr(),
                None => {
                    let mut cx = ExprCx::plain(&scope, "ORDER BY");
                    self.expr(&item.expr, &mut cx)?
                }
            };
            check_orderable(&expr.ty, span_of(&item.expr))?;
            let expr = expr.expr;
            sort.push(sort_of(item, expr)?);
        }
        Ok(Relation {
            plan: sort_plan(relation.plan, sort),
            columns: relation.columns,
        })
    }

    /// LIMIT, OFFSET and FETCH.
    pub fn limit(&mut self, plan: LogicalPlan, query: &Query) -> BindResult<LogicalPlan> {
        let (mut skip, mut fetch) = match &query.limit_clause {
            None => (None, None),
            Some(LimitClause::LimitOffset {
                limit,
                offset,
                limit_by,
            }) => {
                if let Some(by) = limit_by.first() {
                    return Err(BindError::unsupported(span_of(by), "LIMIT .. BY"));
                }
                (offset.as_ref().map(|o| &o.value), limit.as_ref())
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => (Some(offset), Some(limit)),
        };
        if let Some(Fetch {
            with_ties,
            percent,
            quantity,
        }) = &query.fetch
        {
            if *with_ties || *percent {
                return Err(BindError::new(
                    "FETCH with TIES or PERCENT is not supported.",
                ));
            }
            fetch = fetch.or(quantity.as_ref());
        }
        let skip = skip.take().map(|e| row_count(e, "OFFSET")).transpose()?;
        let fetch = fetch.map(|e| row_count(e, "LIMIT")).transpose()?;
        if skip.is_none() && fetch.is_none() {
            return Ok(plan);
        }
        let literal = |n: i64| Box::new(Expr::Literal(ScalarValue::Int64(Some(n)), None));
        Ok(LogicalPlan::Limit(Limit {
            skip: skip.filter(|n| *n > 0).map(literal),
            fetch: fetch.map(literal),
            input: Arc::new(plan),
        }))
    }
}

fn row_count(ast: &Ast, clause: &str) -> BindResult<i64> {
    if let Ast::Value(value) = ast
        && let Value::Number(digits, _) = &value.value
        && let Ok(n) = digits.parse::<i64>()
    {
        return Ok(n);
    }
    Err(BindError::at(
        span_of(ast),
        format!("{clause} takes a whole number of rows, not '{ast}'"),
    ))
}

pub(crate) fn sort_of(item: &OrderByExpr, expr: Expr) -> BindResult<SortExpr> {
    if item.with_fill.is_some() {
        return Err(BindError::unsupported(
            span_of(&item.expr),
            "ORDER BY .. WITH FILL",
        ));
    }
    let ascending = item.options.asc.unwrap_or(true);
    let nulls_first = item.options.nulls_first.unwrap_or(ascending);
    Ok(SortExpr::new(expr, ascending, nulls_first))
}

/// A sort; by constants alone there is nothing to sort.
pub(crate) fn sort_plan(plan: LogicalPlan, exprs: Vec<SortExpr>) -> LogicalPlan {
    let expr: Vec<SortExpr> = exprs
        .into_iter()
        .filter(|s| !matches!(s.expr, Expr::Literal(..)))
        .collect();
    if expr.is_empty() {
        return plan;
    }
    LogicalPlan::Sort(Sort {
        expr,
        input: Arc::new(plan),
        fetch: None,
    })
}

/// An ORDER BY item over the select list: which item it is, or an expression of its own.
pub(crate) enum OrderKey {
    Item(usize),
    Hidden(TypedExpr),
}

/// Where the select list has this very expression, its place.
pub(crate) fn item_of(items: &[NamedExpr], expr: &Expr) -> Option<usize> {
    items.iter().position(|i| i.expr.expr == *expr)
}
