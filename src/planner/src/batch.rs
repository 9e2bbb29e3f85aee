//! Batch: DataFusion's physical planner makes the plan, which is cut at its exchanges. Each piece is a node of the stream
//! graph, each exchange an edge; the whole plan travels beside the graph as bytes.
//!
//! - [`lower`]: relational ideas of Flink's in terms of DataFusion's nodes.
//! - `versions`: temporal joins by event time.
//! - [`physical`]: the physical plan; [`hosted`]: operators of ours in it.
//! - [`build`]: its pieces as nodes of a graph.
//! - [`names`]: how pieces are called.

pub(crate) mod build;
mod hosted;
mod lower;
mod names;
mod physical;
mod versions;

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection};
use datafusion::physical_plan::ExecutionPlan;
use filbert_binder::BoundQuery;

use crate::decorrelate::decorrelate;
use crate::error::PlanError;
use crate::guard::guard_filters;
use crate::optimize::optimize;
use crate::planner::{PlanTarget, PlannerContext};
use crate::tables::resolve_scans;

pub(crate) use names::tree;

/// A target's plan.
pub(crate) struct BatchPlan {
    pub logical: LogicalPlan,
    pub physical: Arc<dyn ExecutionPlan>,
}

/// Plans one target.
///
/// # Errors
/// When DataFusion can't plan an operation, or a source is unbounded.
pub(crate) fn plan_target(
    ctx: &PlannerContext,
    options: &Arc<ConfigOptions>,
    target: &PlanTarget,
) -> Result<BatchPlan, PlanError> {
    let query = target.query();
    let asked = lower::as_of_now(in_order(query)?, ctx, &query.types)?;
    let independent = decorrelate(asked, ctx, &query.types)?;
    let lowered = lower::lower(independent, ctx)?;
    let resolved = resolve_scans(lowered, ctx, true)?;
    let logical = optimize(resolved, true, options, ctx.expr.query_start_us)?;
    let logical = guard_filters(logical)?;
    let physical = physical::physical_plan(&logical, &query.types, options, &ctx.files)?;
    Ok(BatchPlan { logical, physical })
}

/// The query's plan with the result's columns in their order, and no others.
fn in_order(query: &BoundQuery) -> Result<LogicalPlan, PlanError> {
    let columns = query.plan.schema().columns();
    let wanted: Vec<_> = query.output.iter().map(|o| o.column.clone()).collect();
    if columns == wanted {
        return Ok(query.plan.clone());
    }
    let exprs = wanted.into_iter().map(Expr::Column).collect();
    let projection = Projection::try_new(exprs, Arc::new(query.plan.clone()))?;
    Ok(LogicalPlan::Projection(projection))
}
