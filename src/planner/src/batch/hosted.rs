//! Operators of ours in a batch plan: each is a node that carries what the operator must do.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::Column;
use datafusion::common::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};
use filbert_binder::relational::{PatternColumn, RowMatch};
use filbert_binder::{ColumnTypes, Relational, RelationalNode};
use filbert_graph::OperatorSpec;
use filbert_graph::spec::{MatchTime, UnnestSpec};
use filbert_operators::bounded::{Hosted, HostedExec};
use filbert_types::{Field, TimeKind, TypeKind};

use crate::columns::{PlanColumn, column_type};
use crate::error::PlanError;
use crate::exprs::{ExprCompiler, render};
use crate::row_match::RowMatcher;

/// Plans the relational nodes that lowering leaves.
pub(super) struct HostPlanner {
    types: ColumnTypes,
    exprs: ExprCompiler,
}

impl HostPlanner {
    pub fn new(types: ColumnTypes, options: &Arc<ConfigOptions>) -> HostPlanner {
        HostPlanner {
            types,
            exprs: ExprCompiler::new(options),
        }
    }

    fn plan(
        &self,
        node: &RelationalNode,
        logical: &LogicalPlan,
        input: &Arc<dyn ExecutionPlan>,
    ) -> std::result::Result<Arc<dyn ExecutionPlan>, PlanError> {
        let matching = match &node.relational {
            Relational::Match(matching) => matching,
            Relational::OuterUnnest { lists, condition } => {
                return self.unnest(node, logical, input, lists, condition);
            }
            _ => return Err(PlanError::Internal(format!("{node:?} in a batch plan"))),
        };
        let columns = columns(&self.types, logical.schema());
        let matcher = RowMatcher::new(matching, &self.types, &columns)?;
        let time = time(matching, &matcher, &columns)?;
        let spec = matcher.spec(&columns, time, &self.exprs)?;
        let hosted = Hosted {
            name: "Match".to_owned(),
            details: matcher.details(&columns),
            spec: OperatorSpec::Match(Box::new(spec)),
            input: fields(&columns),
            output: fields(&self::columns(&self.types, &node.schema)),
            is_row_by_row: false,
            partition_by: matcher.partition_by.clone(),
            order_by: match time {
                // As they come.
                MatchTime::Processing => Vec::new(),
                _ => matcher.order_by.clone(),
            },
        };
        let input = Arc::clone(input);
        Ok(Arc::new(HostedExec::new(Arc::new(hosted), input, None)))
    }

    /// LEFT JOIN UNNEST with a condition.
    fn unnest(
        &self,
        node: &RelationalNode,
        logical: &LogicalPlan,
        input: &Arc<dyn ExecutionPlan>,
        lists: &[Column],
        condition: &Expr,
    ) -> std::result::Result<Arc<dyn ExecutionPlan>, PlanError> {
        let output = columns(&self.types, &node.schema);
        let lists = lists.iter().map(|list| {
            let place = logical.schema().maybe_index_of_column(list);
            place.ok_or_else(|| PlanError::Internal(format!("no list {list} in UNNEST's input")))
        });
        let ty = self.exprs.type_of(condition, &output)?;
        let spec = UnnestSpec {
            lists: lists.collect::<std::result::Result<_, _>>()?,
            outer: true,
            call: None,
            condition: Some(self.exprs.compile(condition, &output, ty)?),
        };
        let hosted = Hosted {
            name: "Correlate".to_owned(),
            details: format!("condition=[{}]", render(condition, &output)),
            spec: OperatorSpec::Unnest(spec),
            input: fields(&columns(&self.types, logical.schema())),
            output: fields(&output),
            is_row_by_row: true,
            partition_by: Vec::new(),
            order_by: Vec::new(),
        };
        let input = Arc::clone(input);
        Ok(Arc::new(HostedExec::new(Arc::new(hosted), input, None)))
    }
}

fn fields(columns: &[PlanColumn]) -> Vec<Field> {
    let fields = columns.iter();
    fields
        .map(|c| Field::new(&c.column.name, c.ty.clone()))
        .collect()
}

fn columns(types: &ColumnTypes, schema: &datafusion::common::DFSchema) -> Vec<PlanColumn> {
    let columns = schema.columns().into_iter().zip(schema.fields());
    columns
        .map(|(column, field)| {
            let mut ty = column_type(types, &column, field.data_type());
            ty.nullable = field.is_nullable();
            PlanColumn::new(column, ty)
        })
        .collect()
}

/// The column of time, where ORDER BY begins with one, rising; by processing time rows are matched as they come.
fn time(
    matching: &RowMatch,
    matcher: &RowMatcher,
    columns: &[PlanColumn],
) -> std::result::Result<MatchTime, PlanError> {
    let first = matcher.order_by.first();
    let is_proctime = |column: usize| columns[column].ty.kind.time_kind() == TimeKind::Proctime;
    if first.is_some_and(|(column, ascending, _)| *ascending && is_proctime(*column)) {
        return Ok(MatchTime::Processing);
    }
    let by_time = first.filter(|(column, ascending, _)| {
        let kind = &columns[*column].ty.kind;
        let is_time = matches!(
            kind,
            TypeKind::Timestamp { .. } | TypeKind::TimestampLtz { .. }
        );
        *ascending && is_time
    });
    let reads_time = matching
        .columns
        .iter()
        .any(|(_, c)| matches!(c, PatternColumn::Rowtime));
    match by_time {
        Some((column, ..)) if reads_time || matching.within_ms.is_some() => {
            Ok(MatchTime::Sorted(Some(*column)))
        }
        None if matching.within_ms.is_some() => Err(PlanError::Refused(
            "WITHIN asks for an ORDER BY that begins with a column of time, ascending.".to_owned(),
        )),
        None if reads_time => Err(PlanError::Refused(
            "MATCH_ROWTIME() asks for an ORDER BY that begins with a column of time, ascending."
                .to_owned(),
        )),
        _ => Ok(MatchTime::Sorted(None)),
    }
}

#[async_trait]
impl ExtensionPlanner for HostPlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        _session: &dyn Session,
        _planning: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<RelationalNode>() else {
            return Ok(None);
        };
        let ([logical], [input]) = (logical_inputs, physical_inputs) else {
            return Ok(None);
        };
        let planned = self.plan(node, logical, input);
        planned
            .map(Some)
            .map_err(|e| DataFusionError::External(Box::new(e)))
    }
}
