use std::collections::HashSet;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::utils::{conjunction, split_conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, Filter, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// Drops `x IS NOT FALSE` from a filter that demands `x` anyway.
///
/// Binding writes `x AND y` as `x AND CASE WHEN x IS NOT FALSE THEN y ELSE FALSE END` where `y` can fail. Once constants
/// are folded `y` often can't (`d < DATE '1994-01-01' + INTERVAL '1' YEAR`), and simplifying leaves the guard as a
/// condition of its own, which would keep subqueries correlated and filters away from scans.
#[derive(Debug)]
pub(super) struct DropImpliedGuards;

impl OptimizerRule for DropImpliedGuards {
    fn name(&self) -> &str {
        "drop_implied_guards"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Filter(filter) = plan else {
            return Ok(Transformed::no(plan));
        };
        let Some(predicate) = without_implied(&filter.predicate) else {
            return Ok(Transformed::no(LogicalPlan::Filter(filter)));
        };
        let filter = Filter::try_new(predicate, filter.input)?;
        Ok(Transformed::yes(LogicalPlan::Filter(filter)))
    }
}

/// None where nothing is implied.
fn without_implied(predicate: &Expr) -> Option<Expr> {
    let demanded: HashSet<&Expr> = split_conjunction(predicate).into_iter().collect();
    let implied = |expr: &Expr| match expr {
        Expr::IsNotFalse(guard) => split_conjunction(guard)
            .iter()
            .all(|c| demanded.contains(c)),
        _ => false,
    };
    if !demanded.iter().any(|e| implied(e)) {
        return None;
    }
    let kept = split_conjunction_owned(predicate.clone());
    conjunction(kept.into_iter().filter(|e| !implied(e)))
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};

    use super::*;

    #[test]
    fn a_guard_goes_where_all_of_it_is_demanded() {
        let (a, b) = (col("a").gt(lit(1)), col("b").gt(lit(2)));
        let guard = a.clone().and(b.clone()).is_not_false();
        let rest = col("c").gt(lit(3));
        let whole = a
            .clone()
            .and(b.clone())
            .and(guard.clone())
            .and(rest.clone());
        assert_eq!(
            without_implied(&whole),
            Some(a.clone().and(b).and(rest.clone()))
        );
        assert_eq!(without_implied(&a.and(guard).and(rest)), None);
    }
}
