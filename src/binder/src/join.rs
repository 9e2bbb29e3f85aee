//! ON, USING, NATURAL.

use std::rc::Rc;

use datafusion::common::Column;
use datafusion::logical_expr::{JoinType, LogicalPlan};
use filbert_functions::TypedExpr;
use filbert_types::{LogicalType, Span, TypeKind};
use sqlparser::ast::{Expr as Ast, JoinConstraint};

use crate::binder::{Binder, name_parts, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::{ExprCx, has_subquery, split_conjuncts};
use crate::from::From;
use crate::plan::{filter, join};
use crate::scope::{MergedColumn, Scope};

impl Binder<'_> {
    pub fn join_relations(
        &mut self,
        left: From,
        right: From,
        join_type: JoinType,
        constraint: &JoinConstraint,
        span: Option<Span>,
    ) -> BindResult<From> {
        match constraint {
            JoinConstraint::None if join_type == JoinType::Inner => {
                self.join_on(left, right, join_type, None, span)
            }
            JoinConstraint::None => Err(BindError::at(
                span,
                "INNER, LEFT, RIGHT or FULL join requires a condition (NATURAL keyword or ON or USING clause)",
            )),
            JoinConstraint::On(condition) => {
                self.join_on(left, right, join_type, Some(condition), span)
            }
            JoinConstraint::Using(names) => {
                let mut columns = Vec::new();
                for name in names {
                    let parts = name_parts(name)?;
                    let [column] = parts.as_slice() else {
                        return Err(BindError::at(
                            span_of(name),
                            format!("USING takes plain column names, not '{name}'"),
                        ));
                    };
                    columns.push((column.clone(), span_of(name)));
                }
                self.join_using(left, right, join_type, &columns, span)
            }
            JoinConstraint::Natural => {
                let columns = common_names(&left.scope, &right.scope);
                self.join_using(left, right, join_type, &columns, span)
            }
        }
    }

    fn join_on(
        &mut self,
        left: From,
        right: From,
        join_type: JoinType,
        condition: Option<&Ast>,
        span: Option<Span>,
    ) -> BindResult<From> {
        let mut scope = left.scope;
        scope.append(right.scope, span)?;
        let scope = Rc::new(scope);
        let mut on = Vec::new();
        // A subquery in the condition of an inner join is a filter of the joined rows.
        let mut above = Vec::new();
        for conjunct in condition.map(split_conjuncts).unwrap_or_default() {
            let mut cx = ExprCx::plain(&scope, "ON");
            let place = span_of(conjunct);
            let bound = self.expr(conjunct, &mut cx)?;
            let ty = LogicalType::new(TypeKind::Boolean, bound.ty.nullable);
            let checked = TypedExpr::new(self.condition(bound, "ON", place)?, ty);
            if has_subquery(&checked.expr) && join_type == JoinType::Inner {
                above.push(checked);
            } else {
                on.push(checked);
            }
        }
        let on = self.conjunction(on)?.map(|c| c.expr);
        let mut plan = join(left.plan, right.plan, on, join_type)?;
        for condition in above {
            plan = filter(plan, condition.expr)?;
        }
        let mut scope = Rc::unwrap_or_clone(scope);
        make_nullable(&mut scope, &plan, join_type, left_columns(&plan));
        self.record_types(&scope);
        Ok(From { plan, scope })
    }

    fn join_using(
        &mut self,
        left: From,
        right: From,
        join_type: JoinType,
        names: &[(String, Option<Span>)],
        span: Option<Span>,
    ) -> BindResult<From> {
        let mut conditions = Vec::new();
        let mut pairs = Vec::new();
        for (name, place) in names {
            let place = place.or(span);
            let l = using_column(&left.scope, name, place)?;
            let r = using_column(&right.scope, name, place)?;
            conditions.push(self.scalar("=", vec![l.clone(), r.clone()], place)?);
            pairs.push((name.clone(), l, r));
        }
        let on = self.conjunction(conditions)?.map(|c| c.expr);
        let mut scope = left.scope;
        scope.append(right.scope, span)?;
        let plan = join(left.plan, right.plan, on, join_type)?;
        make_nullable(&mut scope, &plan, join_type, left_columns(&plan));
        self.record_types(&scope);
        self.merge_columns(&mut scope, pairs, join_type)?;
        Ok(From { plan, scope })
    }

    fn merge_columns(
        &mut self,
        scope: &mut Scope,
        pairs: Vec<(String, TypedExpr, TypedExpr)>,
        join_type: JoinType,
    ) -> BindResult<()> {
        let mut merged = Vec::new();
        for (name, l, r) in pairs {
            let expr = match join_type {
                JoinType::Right => r.clone(),
                JoinType::Full => {
                    self.scalar("COALESCE", vec![nullable(&l), nullable(&r)], None)?
                }
                _ => l.clone(),
            };
            let mut hides: Vec<_> = scope
                .merged
                .iter()
                .filter(|m| m.name == name)
                .flat_map(|m| m.hides.clone())
                .collect();
            let both = l
                .expr
                .column_refs()
                .into_iter()
                .chain(r.expr.column_refs())
                .cloned();
            for column in both {
                if !hides.contains(&column) {
                    hides.push(column);
                }
            }
            merged.push(MergedColumn { name, expr, hides });
        }
        let kept: Vec<MergedColumn> = scope
            .merged
            .drain(..)
            .filter(|m| merged.iter().all(|n| n.name != m.name))
            .collect();
        scope.merged = merged.into_iter().chain(kept).collect();
        Ok(())
    }

    fn record_types(&mut self, scope: &Scope) {
        for column in scope.columns() {
            self.types.insert(&column.column, column.ty.clone());
        }
    }
}

fn nullable(expr: &TypedExpr) -> TypedExpr {
    TypedExpr::new(expr.expr.clone(), expr.ty.with_nullable(true))
}

fn using_column(scope: &Scope, name: &str, span: Option<Span>) -> BindResult<TypedExpr> {
    scope
        .column(name, span)?
        .ok_or_else(|| crate::scope::not_found(&[name], &[scope], span))
}

/// The names that both sides have, in the left side's order.
fn common_names(left: &Scope, right: &Scope) -> Vec<(String, Option<Span>)> {
    let right: Vec<String> = right.star().into_iter().map(|(name, _)| name).collect();
    let mut names = Vec::new();
    for (name, _) in left.star() {
        if right.contains(&name) && !names.iter().any(|(n, _)| *n == name) {
            names.push((name, None));
        }
    }
    names
}

/// How many of a join's columns come from its left side.
fn left_columns(plan: &LogicalPlan) -> usize {
    match plan {
        LogicalPlan::Join(join) => join.left.schema().fields().len(),
        LogicalPlan::Filter(filter) => left_columns(&filter.input),
        _ => 0,
    }
}

/// The columns of an outer join's other side can be NULL.
fn make_nullable(scope: &mut Scope, plan: &LogicalPlan, join_type: JoinType, left_count: usize) {
    let (left, right) = match join_type {
        JoinType::Left => (false, true),
        JoinType::Right => (true, false),
        JoinType::Full => (true, true),
        _ => return,
    };
    let columns = plan.schema().columns();
    let (left_side, right_side) = columns.split_at(left_count.min(columns.len()));
    let is_nullable = |column: &Column| {
        (left && left_side.contains(column)) || (right && right_side.contains(column))
    };
    for relation in &mut scope.relations {
        for column in &mut relation.columns {
            if is_nullable(&column.column) {
                column.ty.nullable = true;
            }
        }
    }
    for merged in &mut scope.merged {
        if merged
            .expr
            .expr
            .column_refs()
            .iter()
            .any(|c| is_nullable(c))
        {
            merged.expr.ty.nullable = true;
        }
    }
}
