//! What a condition's order guards: `x <> 0 AND 10 / x > 1` divides only where the left side lets a row through. The
//! functions room guards what one AND joins; here are the conditions that rules have put together from several WHEREs,
//! in an order that is theirs.

use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{Case, Expr, Filter, LogicalPlan, and, lit};
use filbert_functions::operators::can_fail;

use crate::error::PlanError;

/// Puts in every filter the conditions that can't fail first, and lets the others run only on what they leave.
///
/// # Errors
/// When a plan can't be put together again; that would be a bug.
pub(crate) fn guard_filters(plan: LogicalPlan) -> Result<LogicalPlan, PlanError> {
    let guarded = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Filter(filter) => match guarded(&filter.predicate) {
            Some(predicate) => Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(
                predicate,
                filter.input,
            )?))),
            None => Ok(Transformed::no(LogicalPlan::Filter(filter))),
        },
        other => Ok(Transformed::no(other)),
    })?;
    Ok(guarded.data)
}

/// None where nothing needs a guard.
fn guarded(predicate: &Expr) -> Option<Expr> {
    let (unsafe_ones, safe): (Vec<Expr>, Vec<Expr>) = split_conjunction_owned(predicate.clone())
        .into_iter()
        .partition(|c| can_fail(c) && !is_guarded(c));
    if unsafe_ones.is_empty() || safe.is_empty() {
        return None;
    }
    let first = safe.into_iter().reduce(and)?;
    let then = unsafe_ones.into_iter().reduce(and)?;
    let guard = Case::new(
        None,
        vec![(Box::new(first.clone()), Box::new(then))],
        Some(Box::new(lit(false))),
    );
    Some(and(first, Expr::Case(guard)))
}

/// True for what runs behind a condition of its own already.
fn is_guarded(expr: &Expr) -> bool {
    matches!(expr, Expr::Case(case) if case.expr.is_none()
        && case.when_then_expr.iter().all(|(when, _)| !can_fail(when)))
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};
    use filbert_functions::{TypedExpr, call};
    use filbert_types::{LogicalType, TypeKind};

    use super::*;

    fn failing(name: &str) -> Expr {
        let ctx = crate::testing::expr_context();
        let text = TypedExpr::new(col(name), LogicalType::string());
        let cast = call::cast(&ctx, text, &TypeKind::Int.into()).unwrap();
        cast.expr.gt(lit(1))
    }

    #[test]
    fn a_condition_that_can_fail_runs_behind_those_that_cannot() {
        let merged = failing("a").and(col("b").gt(lit(0)));
        let guarded = guarded(&merged).unwrap().to_string();
        let (first, rest) = guarded.split_once(" AND ").unwrap();
        assert_eq!(first, "b > Int32(0)");
        assert!(
            rest.starts_with("CASE WHEN b > Int32(0) THEN CAST"),
            "{rest}"
        );
    }

    #[test]
    fn what_cannot_fail_or_stands_alone_is_left() {
        assert!(guarded(&col("a").gt(lit(1)).and(col("b").gt(lit(0)))).is_none());
        assert!(guarded(&failing("a")).is_none());
    }
}
