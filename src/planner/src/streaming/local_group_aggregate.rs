//! LocalGroupAggregate: the first phase of an aggregation, before the exchange. It sends each bundle's keys with the state
//! of the calls as columns, and the number of rows.

use filbert_graph::OperatorSpec;
use filbert_graph::spec::{AggregateCallSpec, LocalGroupAggregateSpec};

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::aggregate::{AggregateCall, distinct_names};
use crate::streaming::changelog::{DeleteKind, ModifyKinds, UpdateKind};
use crate::streaming::group_aggregate::Level;
use crate::streaming::node::{Accepts, KeySet, NodeView, StreamOperator};

#[derive(Debug, Clone)]
pub(crate) struct LocalGroupAggregate {
    pub keys: Vec<usize>,
    pub calls: Vec<AggregateCall>,
    pub specs: Vec<AggregateCallSpec>,
    pub level: Level,
    /// How Flink names the calls' buffers.
    pub buffers: Vec<String>,
    pub retracts: bool,
    /// Which calls need no retractions.
    pub ignored: Vec<bool>,
    pub mini_batch_rows: u64,
}

impl StreamOperator for LocalGroupAggregate {
    fn name(&self) -> &'static str {
        "LocalGroupAggregate"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let input = &view.input(0).columns;
        let keys: Vec<String> = self.keys.iter().map(|k| input[*k].name.clone()).collect();
        let distinct = distinct_names(&self.calls);
        let mut select = keys.clone();
        for (index, call) in self.calls.iter().enumerate() {
            let retracts = self.retracts && !self.ignored[index];
            let call = call.call_text(input, retracts, distinct[index].as_deref());
            select.push(format!("{call} AS {}", self.buffers[index]));
        }
        if let Some(rows) = self.buffers.get(self.calls.len()) {
            select.push(format!("COUNT_RETRACT(*) AS {rows}"));
        }
        let mut named: Vec<&String> = Vec::new();
        for (call, name) in self.calls.iter().zip(&distinct) {
            if let Some(name) = name.as_ref().filter(|name| !named.contains(name)) {
                named.push(name);
                select.push(format!("DISTINCT({}) AS {name}", call.args_text(input)));
            }
        }
        let select = format!("{}select=[{}]", self.level.text(), select.join(", "));
        match keys.is_empty() {
            true => select,
            false => format!("groupBy=[{}], {select}", keys.join(", ")),
        }
    }

    fn spec(
        &self,
        _view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        Ok(Some(OperatorSpec::LocalGroupAggregate(
            LocalGroupAggregateSpec {
                keys: self.keys.clone(),
                calls: self.specs.clone(),
                input_retracts: self.retracts,
                mini_batch_rows: self.mini_batch_rows,
            },
        )))
    }

    fn accepts(&self, _input: usize) -> Accepts {
        Accepts::Only(ModifyKinds::ALL, "LocalGroupAggregate".to_owned())
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
