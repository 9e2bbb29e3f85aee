//! What a subquery reads of the queries around it, and subqueries that read it in filters alone.

use std::collections::BTreeSet;

use datafusion::common::Column;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison};
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{Expr, Filter, LogicalPlan, Subquery};

use super::{Independent, project, with_outer_as};
use crate::error::PlanError;

/// The columns of queries around a plan that it reads, at whatever depth.
pub(super) fn outer_refs(plan: &LogicalPlan) -> BTreeSet<Column> {
    let mut refs = BTreeSet::new();
    collect(plan, &mut refs);
    refs
}

fn collect(plan: &LogicalPlan, refs: &mut BTreeSet<Column>) {
    let known = |column: &Column| {
        let inputs = plan.inputs();
        inputs.iter().any(|input| input.schema().has_column(column))
    };
    let mut inner = BTreeSet::new();
    for input in plan.inputs() {
        collect(input, &mut inner);
    }
    // A LATERAL side reads the other one.
    refs.extend(inner.into_iter().filter(|column| !known(column)));
    for expr in plan.expressions() {
        let mut own = BTreeSet::new();
        collect_expr(&expr, &mut own);
        refs.extend(own);
        for subquery in subqueries(&expr) {
            let inside = outer_refs(&subquery.subquery);
            refs.extend(inside.into_iter().filter(|column| !known(column)));
        }
    }
}

fn collect_expr(expr: &Expr, refs: &mut BTreeSet<Column>) {
    // The closure never fails.
    let _ = expr.apply(|e| {
        if let Expr::OuterReferenceColumn(_, column) = e {
            refs.insert(column.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    });
}

/// The columns of queries around it that an expression reads, its subqueries aside.
pub(super) fn expr_outer_refs(expr: &Expr) -> BTreeSet<Column> {
    let mut refs = BTreeSet::new();
    collect_expr(expr, &mut refs);
    refs
}

/// The subqueries in an expression.
pub(super) fn subqueries(expr: &Expr) -> Vec<Subquery> {
    let mut found = Vec::new();
    // The closure never fails.
    let _ = expr.apply(|e| {
        match e {
            Expr::Exists(Exists { subquery, .. })
            | Expr::InSubquery(InSubquery { subquery, .. })
            | Expr::SetComparison(SetComparison { subquery, .. })
            | Expr::ScalarSubquery(subquery) => found.push(subquery.clone()),
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// Takes the filters that read `wanted` out of a chain of projections and filters: none where something else reads it.
pub(super) fn pull_filters(
    plan: &LogicalPlan,
    wanted: &BTreeSet<Column>,
) -> Result<Option<Independent>, PlanError> {
    let reads = |expr: &Expr| {
        expr_outer_refs(expr).iter().any(|c| wanted.contains(c))
            || subqueries(expr)
                .iter()
                .any(|s| !outer_refs(&s.subquery).is_disjoint(wanted))
    };
    match plan {
        _ if outer_refs(plan).is_disjoint(wanted) => Ok(Some(Independent {
            plan: plan.clone(),
            conditions: Vec::new(),
        })),
        LogicalPlan::Filter(filter) => {
            let Some(mut below) = pull_filters(&filter.input, wanted)? else {
                return Ok(None);
            };
            let mut kept = Vec::new();
            for conjunct in split_conjunction(&filter.predicate) {
                if !reads(conjunct) {
                    kept.push(conjunct.clone());
                } else if subqueries(conjunct).is_empty() {
                    let column_of =
                        |column: &Column| wanted.contains(column).then(|| column.clone());
                    let condition = with_outer_as(conjunct.clone(), &column_of)?;
                    below.conditions.push(condition);
                } else {
                    return Ok(None);
                }
            }
            if let Some(predicate) = conjunction(kept) {
                let filter = Filter::try_new(predicate, below.plan.into())?;
                below.plan = LogicalPlan::Filter(filter);
            }
            Ok(Some(below))
        }
        LogicalPlan::Projection(projection) => {
            if projection.expr.iter().any(reads) {
                return Ok(None);
            }
            let Some(below) = pull_filters(&projection.input, wanted)? else {
                return Ok(None);
            };
            // The conditions' columns must come through.
            let available = below.plan.schema().columns();
            let mut exprs = projection.expr.clone();
            let has = |exprs: &[Expr], column: &Column| {
                exprs
                    .iter()
                    .any(|e| matches!(e, Expr::Column(c) if c == column))
            };
            for condition in &below.conditions {
                for column in condition.column_refs() {
                    if available.contains(column) && !has(&exprs, column) {
                        exprs.push(Expr::Column(column.clone()));
                    }
                }
            }
            Ok(Some(Independent {
                plan: project(below.plan, exprs)?,
                conditions: below.conditions,
            }))
        }
        _ => Ok(None),
    }
}
