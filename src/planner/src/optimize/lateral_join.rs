use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection};
use datafusion::optimizer::decorrelate_lateral_join::DecorrelateLateralJoin;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use crate::optimize::adjusted::Adjusted;

/// DataFusion's rule, with the join's own columns and no more.
///
/// The rule lifts a subquery's condition into the join, and with it the columns that it reads. Whoever passes all its
/// input's columns on (a Window) would then have more columns than before.
pub(super) fn lateral_join() -> Adjusted<DecorrelateLateralJoin> {
    Adjusted::new(rewrite)
}

fn rewrite(
    rule: &DecorrelateLateralJoin,
    plan: LogicalPlan,
    config: &dyn OptimizerConfig,
) -> Result<Transformed<LogicalPlan>> {
    let schema = Arc::clone(plan.schema());
    let rewritten = rule.rewrite(plan, config)?;
    if rewritten.data.schema().fields().len() == schema.fields().len() {
        return Ok(rewritten);
    }
    let columns = schema.columns().into_iter().map(Expr::Column).collect();
    let projection = Projection::try_new(columns, Arc::new(rewritten.data))?;
    Ok(Transformed::yes(LogicalPlan::Projection(projection)))
}
