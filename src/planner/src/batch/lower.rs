//! Relational ideas of Flink's in terms of DataFusion's nodes: watermarks mean nothing here, and a window table function
//! is arithmetic on its time column. What has an operator of ours stays.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Expr, Extension, Join, JoinType, LogicalPlan};
use filbert_binder::{BoundTable, ColumnTypes, Relational, RelationalNode};
use filbert_types::TimeKind;

use crate::batch::versions;
use crate::error::PlanError;
use crate::planner::PlannerContext;
use crate::tables::TableRef;

mod grouping_sets;
mod window;

/// A plan without nodes of ours but those that have operators.
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
            operation: "A call of TO_CHANGELOG or FROM_CHANGELOG".to_owned(),
            mode: "batch",
            hint: " They run in streaming mode, over bounded tables too.".to_owned(),
        }),
        Relational::ProcessTable(call) => Err(PlanError::Unsupported {
            operation: format!("The process table function {}", call.function),
            mode: "batch",
            hint: " Process table functions run in streaming mode, over bounded tables too."
                .to_owned(),
        }),
        // Operators of ours, which the physical planner puts in.
        Relational::Match(_) | Relational::OuterUnnest { .. } => {
            Ok(LogicalPlan::Extension(Extension {
                node: Arc::new(node.clone()),
            }))
        }
        Relational::Snapshot { .. } => Err(PlanError::Internal(
            "a snapshot is left in a batch plan".to_owned(),
        )),
    }
}

/// A plan in which tables as of now are the tables, and those as of an event's time are joined by their versions' times:
/// before anything takes these times for a reference to another query.
///
/// # Errors
/// When a table is wanted as of another time, or can't be looked up.
pub(super) fn as_of_now(
    plan: LogicalPlan,
    ctx: &PlannerContext,
    types: &ColumnTypes,
) -> Result<LogicalPlan, PlanError> {
    let mut failed = None;
    let lowered = plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::Join(join) = node else {
            return Ok(Transformed::no(node));
        };
        match joined_as_of(&join, ctx, types) {
            Ok(None) => Ok(Transformed::no(LogicalPlan::Join(join))),
            Ok(Some(joined)) => Ok(Transformed::yes(joined)),
            Err(error) => {
                failed = Some(error);
                datafusion::common::plan_err!("a table as of a time")
            }
        }
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(lowered?.data),
    }
}

/// A join with a table as of a time, without the time; none for other joins.
fn joined_as_of(
    join: &Join,
    ctx: &PlannerContext,
    types: &ColumnTypes,
) -> Result<Option<LogicalPlan>, PlanError> {
    let LogicalPlan::Extension(extension) = join.right.as_ref() else {
        return Ok(None);
    };
    let relational = extension.node.as_any().downcast_ref::<RelationalNode>();
    let Some(RelationalNode {
        relational: Relational::Snapshot { period, history },
        inputs,
        ..
    }) = relational
    else {
        return Ok(None);
    };
    let [input] = inputs.as_slice() else {
        return Err(PlanError::Internal("a snapshot of nothing".to_owned()));
    };
    let left = match period {
        Expr::OuterReferenceColumn(_, column) | Expr::Column(column) => Some(column),
        _ => None,
    };
    let Some(time) = left.filter(|column| join.left.schema().has_column(column)) else {
        return Err(PlanError::Refused(
            "Temporal table join currently only supports 'FOR SYSTEM_TIME AS OF' left table's time attribute field"
                .to_owned(),
        ));
    };
    let inner_or_left = matches!(join.join_type, JoinType::Inner | JoinType::Left);
    let name = join.join_type.to_string().to_uppercase();
    match types.get(time).map(|ty| ty.kind.time_kind()) {
        Some(TimeKind::Proctime) if history.is_some() => Err(PlanError::Unsupported {
            operation: "A temporal table function by processing time".to_owned(),
            mode: "batch",
            hint: " It runs with SET 'execution.runtime-mode' = 'streaming'.".to_owned(),
        }),
        Some(TimeKind::Proctime) if !inner_or_left => Err(PlanError::Refused(format!(
            "Unknown join type {name}: a lookup join is INNER or LEFT."
        ))),
        Some(TimeKind::Proctime) => {
            let mut join = join.clone();
            join.right = Arc::new(as_it_is(input, ctx)?);
            Ok(Some(LogicalPlan::Join(join)))
        }
        _ if !inner_or_left => Err(PlanError::Refused(format!("Unknown join type {name}"))),
        _ => versions::joined(join, input, time, history.as_ref(), types).map(Some),
    }
}

/// A table as of processing time is the table as it is read: the same rows are found by joining it as by asking it for each
/// key.
fn as_it_is(input: &LogicalPlan, ctx: &PlannerContext) -> Result<LogicalPlan, PlanError> {
    match scanned_table(input) {
        Some(bound) => {
            let table = TableRef {
                path: &bound.path,
                table: &bound.table,
                hint_options: &bound.hint_options,
            };
            match table.lookup_source(ctx)? {
                Some(_) => Ok(input.clone()),
                None => Err(PlanError::Refused(format!(
                    "The table '{}' can't be looked up by key: Processing-time temporal join is not supported yet.",
                    bound.path
                ))),
            }
        }
        None => Err(PlanError::Refused(
            "Processing-time temporal join is not supported yet.".to_owned(),
        )),
    }
}

/// The table below projections and filters.
pub(super) fn scanned_table(plan: &LogicalPlan) -> Option<&BoundTable> {
    match plan {
        LogicalPlan::TableScan(scan) => scan.source.downcast_ref::<BoundTable>(),
        LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) => {
            scanned_table(plan.inputs().first()?)
        }
        _ => None,
    }
}
