//! Subqueries as values and conditions, in the shapes that DataFusion's decorrelation rules know.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use datafusion::common::{Column, Spans};
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison, SetQuantifier};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Operator, Projection, Subquery};
use filbert_functions::TypedExpr;
use filbert_types::{LogicalType, Span, TypeKind};
use sqlparser::ast::{BinaryOperator, Expr as Ast, Query};

use super::ExprCx;
use super::name::outer_reference;
use crate::aggregate::AggregateArgs;
use crate::binder::{Binder, NamedExpr};
use crate::error::{BindError, BindResult};
use crate::plan::{filter, project_exprs};
use crate::scope::{OuterScope, Relation, Scope, ScopeColumn};

/// A scalar subquery as it was bound. To Flink the same text in the same query block is one subquery, which runs once.
pub(crate) struct BoundScalar {
    scope: Rc<Scope>,
    /// Set where the outer columns are the keys of GROUP BY.
    grouped: bool,
    query: Query,
    value: TypedExpr,
}

impl BoundScalar {
    fn is(&self, query: &Query, cx: &ExprCx<'_>) -> bool {
        Rc::ptr_eq(&self.scope, cx.scope) && self.grouped == is_grouped(cx) && self.query == *query
    }
}

fn is_grouped(cx: &ExprCx<'_>) -> bool {
    cx.aggregates.is_some() && !cx.in_aggregate
}

impl Binder<'_> {
    /// Binds a query that may name the columns of the block it stands in.
    fn inner_query(&mut self, query: &Query, cx: &ExprCx<'_>) -> BindResult<Relation> {
        if self.pattern.is_some() {
            return Err(BindError::new(
                "Query expression encountered in illegal context",
            ));
        }
        self.outer.push(OuterScope {
            scope: Rc::clone(cx.scope),
            keys: cx
                .aggregates
                .as_ref()
                .filter(|_| !cx.in_aggregate)
                .map(|a| a.key_exprs()),
        });
        let relation = self.query(query);
        self.outer.pop();
        relation
    }

    pub fn scalar_subquery(
        &mut self,
        query: &Query,
        cx: &mut ExprCx<'_>,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        let known = self.scalars.iter().find(|s| s.is(query, cx));
        if let Some(known) = known.filter(|_| self.edits.is_none() && self.hints.is_empty()) {
            return Ok(known.value.clone());
        }
        let relation = self.inner_query(query, cx)?;
        let column = single_column(&relation, "A scalar subquery", span)?;
        let ty = relation.columns[column].ty.with_nullable(true);
        let relation = self.single_value(relation, span)?;
        let value = TypedExpr::new(
            Expr::ScalarSubquery(as_subquery(relation)),
            ty.without_time_attribute(),
        );
        self.scalars.push(BoundScalar {
            scope: Rc::clone(cx.scope),
            grouped: is_grouped(cx),
            query: query.clone(),
            value: value.clone(),
        });
        Ok(value)
    }

    /// A query whose one column has one row at most: more fail when it runs.
    fn single_value(&mut self, relation: Relation, span: Option<Span>) -> BindResult<Relation> {
        let [column] = relation.columns.as_slice() else {
            return Ok(relation);
        };
        if relation.plan.max_rows().is_some_and(|rows| rows <= 1) {
            return Ok(relation);
        }
        let args = AggregateArgs::plain(vec![column.expr()]);
        let value = self.aggregate("SINGLE_VALUE", args, false, span)?;
        let column = ScopeColumn {
            name: column.name.clone(),
            column: self.new_column("$f0", &value.ty),
            ty: value.ty,
        };
        let call = value.expr.alias(&column.column.name);
        let aggregate = Aggregate::try_new(Arc::new(relation.plan), Vec::new(), vec![call])?;
        Ok(Relation {
            plan: LogicalPlan::Aggregate(aggregate),
            columns: vec![column],
        })
    }

    pub fn exists(
        &mut self,
        query: &Query,
        negated: bool,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<TypedExpr> {
        let relation = self.inner_query(query, cx)?;
        Ok(boolean(
            Expr::Exists(Exists::new(as_subquery(relation), negated)),
            false,
        ))
    }

    pub fn in_subquery(
        &mut self,
        expr: &Ast,
        query: &Query,
        negated: bool,
        cx: &mut ExprCx<'_>,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        if let Ast::Tuple(items) = expr {
            let values = self.exprs(items, cx)?;
            return self.row_in_subquery(values, query, negated, cx, span);
        }
        let value = self.expr(expr, cx)?;
        let relation = self.inner_query(query, cx)?;
        let (value, relation) = self.aligned(value, relation, span)?;
        let nullable = value.ty.nullable || relation.columns.iter().any(|c| c.ty.nullable);
        Ok(boolean(
            Expr::InSubquery(InSubquery::new(
                Box::new(value.expr),
                as_subquery(relation),
                negated,
            )),
            nullable,
        ))
    }

    /// `x > ALL (..)`, `x = ANY (..)`.
    pub fn quantified(
        &mut self,
        left: &Ast,
        op: &BinaryOperator,
        right: &Ast,
        all: bool,
        cx: &mut ExprCx<'_>,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        let Some(query) = as_query(right) else {
            return Err(BindError::unsupported(
                span,
                "ANY or ALL over anything but a subquery",
            ));
        };
        let operator = match (op, all) {
            (BinaryOperator::Eq, false) => {
                return self.in_subquery(left, query, false, cx, span);
            }
            (BinaryOperator::NotEq, true) => return self.in_subquery(left, query, true, cx, span),
            (BinaryOperator::Eq, _) => Operator::Eq,
            (BinaryOperator::NotEq, _) => Operator::NotEq,
            (BinaryOperator::Lt, _) => Operator::Lt,
            (BinaryOperator::LtEq, _) => Operator::LtEq,
            (BinaryOperator::Gt, _) => Operator::Gt,
            (BinaryOperator::GtEq, _) => Operator::GtEq,
            _ => {
                return Err(BindError::unsupported(
                    span,
                    format!("The operator '{op}' with ANY or ALL"),
                ));
            }
        };
        let value = self.expr(left, cx)?;
        let relation = self.inner_query(query, cx)?;
        let (value, relation) = self.aligned(value, relation, span)?;
        let quantifier = if all {
            SetQuantifier::All
        } else {
            SetQuantifier::Any
        };
        Ok(boolean(
            Expr::SetComparison(SetComparison::new(
                Box::new(value.expr),
                as_subquery(relation),
                operator,
                quantifier,
            )),
            true,
        ))
    }

    /// Brings a value and a subquery's one column to one type.
    fn aligned(
        &mut self,
        value: TypedExpr,
        relation: Relation,
        span: Option<Span>,
    ) -> BindResult<(TypedExpr, Relation)> {
        let index = single_column(&relation, "The subquery of a comparison", span)?;
        let column = &relation.columns[index];
        let types = [value.ty.clone(), column.ty.clone()];
        let Some(common) = filbert_functions::common_type(&types) else {
            return Err(BindError::at(
                span,
                format!(
                    "Values passed to IN operator must have compatible types, but they are {} and {}",
                    types[0], types[1]
                ),
            ));
        };
        let value = self.to_common(value, &common, span)?;
        let item = NamedExpr {
            name: column.name.clone(),
            expr: self.to_common(column.expr(), &common, span)?,
        };
        let relation = self.project(relation.plan, vec![item])?;
        Ok((value, projected(relation)?))
    }

    /// `(a, b) IN (SELECT x, y ..)` as EXISTS. Of NOT IN only the truth is kept, which is what a condition asks for.
    fn row_in_subquery(
        &mut self,
        values: Vec<TypedExpr>,
        query: &Query,
        negated: bool,
        cx: &mut ExprCx<'_>,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        let relation = self.inner_query(query, cx)?;
        if relation.columns.len() != values.len() {
            return Err(BindError::at(
                span,
                format!(
                    "Values passed to IN operator must have compatible types: the row has {} fields, the subquery {} columns",
                    values.len(),
                    relation.columns.len()
                ),
            ));
        }
        let mut conditions = Vec::new();
        for (value, column) in values.into_iter().zip(&relation.columns) {
            let value = outer_reference(value)?;
            let maybe_null = value.ty.nullable || column.ty.nullable;
            let mut condition = self.scalar("=", vec![column.expr(), value.clone()], span)?;
            if negated && maybe_null {
                for side in [column.expr(), value] {
                    let null = self.scalar("IS NULL", vec![side], span)?;
                    condition = self.scalar("OR", vec![condition, null], span)?;
                }
            }
            conditions.push(condition);
        }
        let plan = match self.conjunction(conditions)? {
            Some(all) => filter(relation.plan, all.expr)?,
            None => relation.plan,
        };
        let relation = Relation {
            plan,
            columns: relation.columns,
        };
        Ok(boolean(
            Expr::Exists(Exists::new(as_subquery(relation), negated)),
            false,
        ))
    }

    /// Leaves a plan's columns as they are in a relation; the others go.
    pub fn only_columns(&mut self, relation: Relation) -> BindResult<Relation> {
        let exprs = relation
            .columns
            .iter()
            .map(|c| Expr::Column(c.column.clone()))
            .collect();
        Ok(Relation {
            plan: project_exprs(relation.plan, exprs)?,
            columns: relation.columns,
        })
    }
}

/// DataFusion's rule for IN asks the subquery's root for its expressions, which VALUES or a table can't tell.
fn projected(relation: Relation) -> BindResult<Relation> {
    if matches!(relation.plan, LogicalPlan::Projection(_)) {
        return Ok(relation);
    }
    let exprs = relation.columns.iter().map(|c| c.column.clone().into());
    let plan = Projection::try_new(exprs.collect(), Arc::new(relation.plan))?;
    Ok(Relation {
        plan: LogicalPlan::Projection(plan),
        columns: relation.columns,
    })
}

fn boolean(expr: Expr, nullable: bool) -> TypedExpr {
    TypedExpr::new(expr, LogicalType::new(TypeKind::Boolean, nullable))
}

fn as_query(ast: &Ast) -> Option<&Query> {
    match ast {
        Ast::Subquery(query) => Some(query),
        Ast::Nested(inner) => as_query(inner),
        _ => None,
    }
}

fn single_column(relation: &Relation, what: &str, span: Option<Span>) -> BindResult<usize> {
    if relation.columns.len() == 1 {
        return Ok(0);
    }
    let names: Vec<&str> = relation.columns.iter().map(|c| c.name.as_str()).collect();
    Err(BindError::at(
        span,
        format!(
            "{what} must have one column, but has {}: {}",
            names.len(),
            names.join(", ")
        ),
    ))
}

/// DataFusion's form of a subquery.
pub(crate) fn as_subquery(relation: Relation) -> Subquery {
    let mut seen = HashSet::new();
    let outer_ref_columns = relation
        .plan
        .all_out_ref_exprs()
        .into_iter()
        .filter(|e| match e {
            Expr::OuterReferenceColumn(_, column) => seen.insert(Column::clone(column)),
            _ => true,
        })
        .collect();
    Subquery {
        subquery: Arc::new(relation.plan),
        outer_ref_columns,
        spans: Spans::new(),
    }
}
