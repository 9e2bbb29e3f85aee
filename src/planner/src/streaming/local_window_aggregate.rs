//! LocalWindowAggregate: the first phase of a window aggregation, before the exchange. It sends each slice's keys with the
//! state of the calls as columns, the number of rows, and the slice's end.

use filbert_graph::OperatorSpec;
use filbert_graph::spec::{LocalWindowAggregateSpec, WindowSpec};
use filbert_operators::aggregate::AggregateCalls;
use filbert_types::options::AGG_PHASE_STRATEGY;
use filbert_types::{LogicalType, TypeKind};

use crate::columns::{PlanColumn, shown_type};
use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::planner::PlannerContext;
use crate::streaming::changelog::{DeleteKind, ModifyKinds, Traits, UpdateKind};
use crate::streaming::group_aggregate::{GroupAggregate, Merged};
use crate::streaming::mini_batch::{buffer_names, can_merge_all, is_distributed, rebuild};
use crate::streaming::node::{
    Accepts, KeySet, NodeId, NodeView, StreamOp, StreamOperator, StreamPlan,
};
use crate::streaming::window_aggregate::WindowAggregate;
use crate::streaming::window_tvf::window_text;

#[derive(Debug, Clone)]
pub(crate) struct LocalWindowAggregate {
    /// The whole aggregation, over this node's input.
    pub aggregate: WindowAggregate,
    pub merged: Merged,
}

impl StreamOperator for LocalWindowAggregate {
    fn name(&self) -> &'static str {
        "LocalWindowAggregate"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let input = &view.input(0).columns;
        let aggregate = &self.aggregate;
        let time = &input[aggregate.time].name;
        let time = match aggregate.assigned {
            true => format!("win_end=[{time}]"),
            false => format!("time_col=[{time}]"),
        };
        let window = window_text(&aggregate.window, &time, input);
        let keys = aggregate.keys.iter().map(|k| input[*k].name.clone());
        let mut select: Vec<String> = keys.collect();
        let group_by = match select.is_empty() {
            true => String::new(),
            false => format!("groupBy=[{}], ", select.join(", ")),
        };
        for (call, buffer) in aggregate.calls.iter().zip(&self.merged.buffers) {
            let call = call.call_text(input, self.merged.retracts, None);
            select.push(format!("{call} AS {buffer}"));
        }
        select.push("slice_end('w$) AS $slice_end".to_owned());
        format!(
            "{group_by}window=[{window}], select=[{}]",
            select.join(", ")
        )
    }

    fn spec(
        &self,
        _view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        let aggregate = &self.aggregate;
        Ok(Some(OperatorSpec::LocalWindowAggregate(
            LocalWindowAggregateSpec {
                window: aggregate.window.clone(),
                time: aggregate.time,
                assigned: aggregate.assigned,
                time_zone: aggregate.time_zone.clone(),
                keys: aggregate.keys.clone(),
                calls: self.merged.specs.clone(),
                input_retracts: self.merged.retracts,
            },
        )))
    }

    fn accepts(&self, _input: usize) -> Accepts {
        Accepts::Only(ModifyKinds::ALL, "LocalWindowAggregate".to_owned())
    }

    fn modifies(&self, _inputs: &[ModifyKinds]) -> ModifyKinds {
        ModifyKinds::INSERT
    }

    fn update_inputs(&self, _required: UpdateKind, _view: NodeView<'_>) -> Vec<Vec<UpdateKind>> {
        vec![vec![UpdateKind::BeforeAndAfter]]
    }

    fn delete_inputs(&self, _required: DeleteKind, _view: NodeView<'_>) -> Vec<Vec<DeleteKind>> {
        vec![vec![DeleteKind::Full]]
    }

    fn upsert_keys(&self, _view: NodeView<'_>) -> Vec<KeySet> {
        Vec::new()
    }
}

/// Splits window aggregations in two phases, by `table.optimizer.agg-phase-strategy`: AUTO does where there is an exchange
/// between subtasks. After the changelog is inferred.
///
/// # Errors
/// When a function isn't there for its arguments.
pub(crate) fn split_in_phases(
    plan: &mut StreamPlan,
    ctx: &PlannerContext,
    parallelism: usize,
) -> Result<(), PlanError> {
    let strategy = ctx
        .configuration
        .get(&AGG_PHASE_STRATEGY)
        .unwrap_or_default();
    let splits = match strategy.to_uppercase().as_str() {
        "ONE_PHASE" => false,
        "TWO_PHASE" => true,
        _ => parallelism > 1,
    };
    if !splits {
        return Ok(());
    }
    rebuild(plan, |plan, node| {
        let (op, inputs) = match node.op {
            StreamOp::WindowAggregate(aggregate) if can_split(plan, node.inputs[0], &aggregate) => {
                let (global, local) = phases(plan, node.inputs[0], aggregate, &node.columns)?;
                (StreamOp::WindowAggregate(global), vec![local])
            }
            op => (op, node.inputs),
        };
        let made = plan.add(op, inputs, node.columns);
        plan.nodes[made].traits = node.traits;
        Ok(made)
    })
}

fn can_split(plan: &StreamPlan, input: NodeId, aggregate: &WindowAggregate) -> bool {
    let session = matches!(aggregate.window, WindowSpec::Session { .. });
    let like = as_group_aggregate(aggregate);
    !session
        && !aggregate.proctime
        && aggregate.emit.is_none()
        && can_merge_all(
            &like,
            plan.nodes[input].traits.retracts(),
            // Windows take no functions of the embedding program.
            &filbert_functions::FunctionRegistry::new(),
        )
        && !is_distributed(plan, input, &like)
}

fn as_group_aggregate(aggregate: &WindowAggregate) -> GroupAggregate {
    GroupAggregate::new(aggregate.keys.clone(), aggregate.calls.clone(), None)
}

/// The second phase, and the first one as a node.
fn phases(
    plan: &mut StreamPlan,
    input: NodeId,
    aggregate: WindowAggregate,
    outputs: &[PlanColumn],
) -> Result<(WindowAggregate, NodeId), PlanError> {
    let from = &plan.nodes[input];
    let retracts = from.traits.retracts();
    let specs = aggregate.specs(&from.columns, outputs);
    let calls =
        AggregateCalls::new(&specs, retracts).map_err(|e| PlanError::Refused(e.to_string()))?;
    let keys = aggregate.keys.iter().map(|key| from.columns[*key].clone());
    let mut columns: Vec<PlanColumn> = keys.collect();
    let states = calls.state_types();
    let states = states.iter().map(shown_type);
    let counts = [
        LogicalType::not_null(TypeKind::BigInt),
        LogicalType::not_null(TypeKind::BigInt),
    ];
    for ty in states.chain(counts) {
        let name = format!("acc${}#{}", columns.len(), plan.nodes.len());
        let column = datafusion::common::Column::new_unqualified(name);
        columns.push(PlanColumn::new(column, ty));
    }
    let time = columns.len() - 1;
    columns[time].name = "$slice_end".to_owned();
    let merged = Merged {
        buffers: buffer_names(&as_group_aggregate(&aggregate), retracts),
        ignored: vec![false; specs.len()],
        specs,
        retracts,
    };
    let global = WindowAggregate {
        time,
        keys: (0..aggregate.keys.len()).collect(),
        merged: Some(merged.clone()),
        ..aggregate.clone()
    };
    let local = LocalWindowAggregate { aggregate, merged };
    let made = plan.add(
        StreamOp::LocalWindowAggregate(Box::new(local)),
        vec![input],
        columns,
    );
    plan.nodes[made].traits = Traits::of(ModifyKinds::INSERT, UpdateKind::None, DeleteKind::None);
    Ok((global, made))
}
