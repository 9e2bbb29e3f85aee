//! Relational ideas of Flink's in terms of DataFusion's nodes: watermarks mean nothing here, and a window table function
//! is arithmetic on its time column.

use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::LogicalPlan;
use filbert_binder::{Relational, RelationalNode};

use crate::error::PlanError;
use crate::planner::PlannerContext;

mod grouping_sets;
mod window;

/// A plan without nodes of ours.
///
/// # Errors
/// When batch can't run one of them; it is named.
pub(super) fn lower(plan: LogicalPlan, ctx: &PlannerContext) -> Result<LogicalPlan, PlanError> {
    let mut failed = None;
    let lowered = plan.transform_up_with_subqueries(|node| {
        if let LogicalPlan::Aggregate(aggregate) = &node {
            let lowered = grouping_sets::lower(aggregate)?;
            return Ok(lowered.map_or_else(|| Transformed::no(node), Transformed::yes));
        }
        let LogicalPlan::Extension(extension) = &node else {
            return Ok(Transformed::no(node));
        };
        let Some(relational) = extension.node.as_any().downcast_ref::<RelationalNode>() else {
            return Ok(Transformed::no(node));
        };
        match lower_node(relational, ctx) {
            Ok(lowered) => Ok(Transformed::yes(lowered)),
            Err(error) => {
                failed = Some(error);
                datafusion::common::plan_err!("a node that batch can't run")
            }
        }
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(lowered?.data),
    }
}

fn lower_node(node: &RelationalNode, ctx: &PlannerContext) -> Result<LogicalPlan, PlanError> {
    let Some(input) = node.inputs.first() else {
        return Err(PlanError::Internal(format!("{node:?} has no input")));
    };
    match &node.relational {
        Relational::WatermarkAssigner { .. } => Ok(input.clone()),
        Relational::WindowTableFunction { window, time, .. } => {
            window::lower(node, input, window, time, ctx)
        }
        Relational::ChangelogFunction(_) => Err(PlanError::Unsupported {
            operation: "TO_CHANGELOG or FROM_CHANGELOG".to_owned(),
            mode: "batch",
            hint: String::new(),
        }),
        Relational::Match(_) => Err(PlanError::Unsupported {
            operation: "MATCH_RECOGNIZE".to_owned(),
            mode: "batch",
            hint: String::new(),
        }),
        Relational::Snapshot { .. } => Err(PlanError::Unsupported {
            operation: "FOR SYSTEM_TIME AS OF".to_owned(),
            mode: "batch",
            hint: String::new(),
        }),
    }
}
