//! ChangelogNormalize: behind a source whose changelog is by key, or may hold events twice. It keeps the last row of each
//! key, so that it can send any changelog; rows that don't fit its condition it does not keep.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use filbert_graph::OperatorSpec;
use filbert_graph::spec::ChangelogNormalizeSpec;
use filbert_types::TypeKind;

use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::{ExprCompiler, columns_read, is_deterministic, position, render};
use crate::streaming::calc::Calc;
use crate::streaming::changelog::{DeleteKind, ModifyKinds, UpdateKind};
use crate::streaming::convert::calc::identity;
use crate::streaming::node::{
    Accepts, Distribution, KeySet, NodeId, NodeView, StreamOp, StreamOperator, StreamPlan,
};

#[derive(Debug, Clone)]
pub(crate) struct ChangelogNormalize {
    pub keys: Vec<usize>,
    pub condition: Option<Expr>,
    pub state_ttl_ms: Option<u64>,
}

impl StreamOperator for ChangelogNormalize {
    fn name(&self) -> &'static str {
        "ChangelogNormalize"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let names = view.input_names();
        let keys: Vec<&str> = self.keys.iter().map(|k| names[*k]).collect();
        let key = format!("key=[{}]", keys.join(", "));
        match &self.condition {
            Some(condition) => format!(
                "{key}, condition=[{}]",
                render(condition, &view.input(0).columns)
            ),
            None => key,
        }
    }

    fn spec(
        &self,
        view: NodeView<'_>,
        exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        let input = &view.input(0).columns;
        let condition = self.condition.as_ref();
        let condition = condition.map(|c| exprs.compile(c, input, TypeKind::Boolean.into()));
        Ok(Some(OperatorSpec::ChangelogNormalize(
            ChangelogNormalizeSpec {
                keys: self.keys.clone(),
                condition: condition.transpose()?,
                emit_update_before: view.node.traits.update == UpdateKind::BeforeAndAfter,
                state_ttl_ms: self.state_ttl_ms,
            },
        )))
    }

    fn distribution(&self, _input: usize) -> Distribution {
        Distribution::Hash(self.keys.clone())
    }

    fn accepts(&self, _input: usize) -> Accepts {
        Accepts::Only(ModifyKinds::ALL, "ChangelogNormalize".to_owned())
    }

    fn modifies(&self, _inputs: &[ModifyKinds]) -> ModifyKinds {
        ModifyKinds::ALL
    }

    fn update_inputs(&self, _required: UpdateKind, _view: NodeView<'_>) -> Vec<Vec<UpdateKind>> {
        vec![vec![UpdateKind::OnlyAfter]]
    }

    fn delete_inputs(&self, _required: DeleteKind, _view: NodeView<'_>) -> Vec<Vec<DeleteKind>> {
        vec![vec![DeleteKind::ByKey], vec![DeleteKind::Full]]
    }

    fn upsert_keys(&self, _view: NodeView<'_>) -> Vec<KeySet> {
        vec![self.keys.iter().copied().collect()]
    }
}

/// Moves the conditions of Calcs over ChangelogNormalize into it, so that it keeps no row that is filtered away; what
/// reads the key alone goes below it.
///
/// # Errors
/// When a column of a condition is not in the input: a bug.
pub(crate) fn push_conditions(plan: StreamPlan) -> Result<StreamPlan, PlanError> {
    let is_normalize = |id: &NodeId| matches!(plan.nodes[*id].op, StreamOp::ChangelogNormalize(_));
    if !(0..plan.nodes.len()).any(|id| is_normalize(&id)) {
        return Ok(plan);
    }
    // The condition that the only consumer of a ChangelogNormalize puts on its rows.
    let mut conditions: Vec<Option<Expr>> = vec![None; plan.nodes.len()];
    let mut consumers = vec![0; plan.nodes.len()];
    for node in &plan.nodes {
        for input in &node.inputs {
            consumers[*input] += 1;
            if let StreamOp::Calc(calc) = &node.op
                && is_normalize(input)
            {
                conditions[*input].clone_from(&calc.condition);
            }
        }
    }
    let mut out = StreamPlan::default();
    let mut moved: Vec<NodeId> = Vec::with_capacity(plan.nodes.len());
    let mut taken = vec![false; plan.nodes.len()];
    for (id, mut node) in plan.nodes.into_iter().enumerate() {
        let below: Vec<NodeId> = node.inputs.clone();
        let mut inputs: Vec<NodeId> = below.iter().map(|i| moved[*i]).collect();
        match &mut node.op {
            StreamOp::ChangelogNormalize(normalize) if consumers[id] == 1 => {
                if let Some(condition) = conditions[id].take().filter(is_deterministic) {
                    taken[id] = true;
                    let condition =
                        renamed(condition, &node.columns, &out.nodes[inputs[0]].columns)?;
                    inputs[0] = normalize.take(condition, inputs[0], &mut out);
                }
            }
            StreamOp::Calc(calc) if below.iter().any(|i| taken[*i]) => {
                calc.condition = None;
                let input = &out.nodes[inputs[0]].columns;
                let same = calc.projection.len() == input.len()
                    && calc
                        .projection
                        .iter()
                        .enumerate()
                        .all(|(i, e)| crate::exprs::as_column(e, input) == Some(i));
                if same {
                    out.nodes[inputs[0]].columns = node.columns;
                    moved.push(inputs[0]);
                    continue;
                }
            }
            _ => {}
        }
        moved.push(out.add(node.op, inputs, node.columns));
    }
    Ok(out)
}

/// The expression over the same columns under other names.
fn renamed(expr: Expr, from: &[PlanColumn], to: &[PlanColumn]) -> Result<Expr, PlanError> {
    let renamed = expr.transform(|expr| match &expr {
        Expr::Column(column) => match position(from, column) {
            Some(at) => Ok(Transformed::yes(Expr::Column(to[at].column.clone()))),
            None => Ok(Transformed::no(expr)),
        },
        _ => Ok(Transformed::no(expr)),
    })?;
    Ok(renamed.data)
}

impl ChangelogNormalize {
    /// Takes a condition on its rows; its input, with a filter over it for what reads the key alone.
    fn take(&mut self, condition: Expr, input: NodeId, out: &mut StreamPlan) -> NodeId {
        let columns = out.nodes[input].columns.clone();
        let on_key = |e: &Expr| {
            let read = columns_read(e, &columns);
            read.iter().all(|column| self.keys.contains(column))
        };
        let (key, rest): (Vec<Expr>, Vec<Expr>) = split_conjunction_owned(condition)
            .into_iter()
            .partition(on_key);
        self.condition = conjunction(rest);
        if key.is_empty() {
            return input;
        }
        let calc = StreamOp::Calc(Calc {
            condition: conjunction(key),
            projection: identity(&columns),
        });
        out.add(calc, vec![input], columns)
    }
}
