//! GroupAggregate: GROUP BY over any input. It sends +I for a group's first row, -U and +U when a result changes, and -D
//! when the input takes back a group's last row.

use filbert_graph::OperatorSpec;
use filbert_graph::spec::{AggregateCallSpec, GroupAggregateSpec};

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::aggregate::AggregateCall;
use crate::streaming::changelog::{DeleteKind, ModifyKinds, UpdateKind};
use crate::streaming::monotonicity::ignored_retractions;
use crate::streaming::node::{Accepts, Distribution, KeySet, NodeView, StreamOperator};

#[derive(Debug, Clone)]
pub(crate) struct GroupAggregate {
    pub keys: Vec<usize>,
    pub calls: Vec<AggregateCall>,
    pub state_ttl_ms: Option<u64>,
}

impl StreamOperator for GroupAggregate {
    fn name(&self) -> &'static str {
        "GroupAggregate"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let input = view.input(0);
        let keys: Vec<&str> = self
            .keys
            .iter()
            .map(|k| input.columns[*k].name.as_str())
            .collect();
        let retracts = input.traits.retracts();
        let ignored = ignored_retractions(self, view.plan, view.node.inputs[0]);
        let calls = self
            .calls
            .iter()
            .zip(&view.node.columns[self.keys.len()..])
            .zip(ignored)
            .map(|((call, output), ignored)| {
                call.text(&input.columns, output, retracts && !ignored)
            });
        let select: Vec<String> = keys.iter().map(|k| (*k).to_owned()).chain(calls).collect();
        let select = format!("select=[{}]", select.join(", "));
        if keys.is_empty() {
            select
        } else {
            format!("groupBy=[{}], {select}", keys.join(", "))
        }
    }

    fn spec(
        &self,
        view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        let input = view.input(0);
        let ignored = ignored_retractions(self, view.plan, view.node.inputs[0]);
        let outputs = &view.node.columns[self.keys.len()..];
        let calls = self.calls.iter().zip(outputs).zip(ignored);
        Ok(Some(OperatorSpec::GroupAggregate(GroupAggregateSpec {
            keys: self.keys.clone(),
            calls: calls
                .map(|((call, output), ignored)| AggregateCallSpec {
                    ignores_retractions: ignored,
                    ..call.spec(&input.columns, output)
                })
                .collect(),
            emit_update_before: view.node.traits.update == UpdateKind::BeforeAndAfter,
            input_retracts: input.traits.retracts(),
            state_ttl_ms: self.state_ttl_ms,
        })))
    }

    fn distribution(&self, _input: usize) -> Distribution {
        if self.keys.is_empty() {
            Distribution::Single
        } else {
            Distribution::Hash(self.keys.clone())
        }
    }

    fn fixed_parallelism(&self) -> Option<usize> {
        self.keys.is_empty().then_some(1)
    }

    fn accepts(&self, _input: usize) -> Accepts {
        Accepts::Only(ModifyKinds::ALL, "GroupAggregate".to_owned())
    }

    fn modifies(&self, inputs: &[ModifyKinds]) -> ModifyKinds {
        ModifyKinds {
            insert: true,
            update: true,
            delete: !inputs.iter().all(|i| i.is_insert_only()),
        }
    }

    fn update_inputs(&self, _required: UpdateKind, _view: NodeView<'_>) -> Vec<Vec<UpdateKind>> {
        vec![vec![UpdateKind::BeforeAndAfter]]
    }

    fn delete_inputs(&self, _required: DeleteKind, _view: NodeView<'_>) -> Vec<Vec<DeleteKind>> {
        vec![vec![DeleteKind::Full]]
    }

    fn upsert_keys(&self, _view: NodeView<'_>) -> Vec<KeySet> {
        vec![(0..self.keys.len()).collect()]
    }
}
