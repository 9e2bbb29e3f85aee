use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::utils::{conjunction, split_conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, Filter, LogicalPlan, and};
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use crate::optimize::adjusted::Adjusted;

/// DataFusion's rule, less two kinds of condition that it would take below an aggregate or an OVER window.
///
/// One that reads no column (`HAVING 1 > (SELECT ..)`): below a global aggregate it leaves no rows to it, not no row of
/// it. One that says another thing each time (`RAND() < 0.5`): it would run once a row, not once a group.
pub(super) fn filters_down() -> Adjusted<PushDownFilter> {
    Adjusted::new(rewrite)
}

fn rewrite(
    rule: &PushDownFilter,
    plan: LogicalPlan,
    config: &dyn OptimizerConfig,
) -> Result<Transformed<LogicalPlan>> {
    let filter = match plan {
        LogicalPlan::Filter(filter) if keeps_some(&filter) => filter,
        other => return rule.rewrite(other, config),
    };
    let (kept, others): (Vec<Expr>, Vec<Expr>) = split_conjunction_owned(filter.predicate.clone())
        .into_iter()
        .partition(stays);
    let (Some(kept), Some(others)) = (conjunction(kept), conjunction(others)) else {
        return Ok(Transformed::no(LogicalPlan::Filter(filter)));
    };
    let below = LogicalPlan::Filter(Filter::try_new(others, filter.input)?);
    rule.rewrite(below, config)?.map_data(|below| {
        let (condition, input) = match below {
            LogicalPlan::Filter(left) => (and(left.predicate, kept), left.input),
            pushed => (kept, Arc::new(pushed)),
        };
        Filter::try_new(condition, input).map(LogicalPlan::Filter)
    })
}

fn keeps_some(filter: &Filter) -> bool {
    matches!(
        filter.input.as_ref(),
        LogicalPlan::Aggregate(_) | LogicalPlan::Window(_)
    ) && split_conjunction(&filter.predicate).into_iter().any(stays)
}

fn stays(condition: &Expr) -> bool {
    condition.column_refs().is_empty() || condition.is_volatile()
}
