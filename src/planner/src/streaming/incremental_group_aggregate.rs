//! IncrementalGroupAggregate: between the two phases of an aggregation that is split by buckets of its DISTINCT values, in
//! place of the end of the first level and the beginning of the second.

use filbert_graph::OperatorSpec;
use filbert_graph::spec::{AggregateCallSpec, IncrementalGroupAggregateSpec};

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::aggregate::{AggregateCall, distinct_names};
use crate::streaming::changelog::{DeleteKind, ModifyKinds, UpdateKind};
use crate::streaming::node::{Accepts, Distribution, KeySet, NodeView, StreamOperator};

#[derive(Debug, Clone)]
pub(crate) struct IncrementalGroupAggregate {
    /// How many of the input's first columns are the keys.
    pub keys: usize,
    /// How many are keys and buckets.
    pub key_columns: usize,
    /// The first level's calls.
    pub calls: Vec<AggregateCall>,
    pub specs: Vec<AggregateCallSpec>,
    /// How Flink names the calls' buffers.
    pub buffers: Vec<String>,
    pub retracts: bool,
    /// Which calls need no retractions.
    pub ignored: Vec<bool>,
    pub state_ttl_ms: Option<u64>,
    pub mini_batch_rows: u64,
}

impl StreamOperator for IncrementalGroupAggregate {
    fn name(&self) -> &'static str {
        "IncrementalGroupAggregate"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let input = &view.input(0).columns;
        let names: Vec<&str> = input[..self.key_columns]
            .iter()
            .map(|c| c.name.as_str())
            .collect();
        let mut select: Vec<String> = names[..self.keys].iter().map(ToString::to_string).collect();
        let distinct = distinct_names(&self.calls);
        for (index, call) in self.calls.iter().enumerate() {
            let name = call.name(self.retracts && !self.ignored[index]);
            let values = distinct[index].as_ref().map(|d| format!("{d} "));
            let buffer = &self.buffers[index];
            let values = values.unwrap_or_default();
            select.push(format!("{name}({values}{buffer}) AS {buffer}"));
        }
        if let Some(rows) = self.buffers.get(self.calls.len()) {
            select.push(format!("COUNT_RETRACT({rows}) AS {rows}"));
        }
        format!(
            "partialAggGrouping=[{}], finalAggGrouping=[{}], select=[{}]",
            names.join(", "),
            names[..self.keys].join(", "),
            select.join(", ")
        )
    }

    fn spec(
        &self,
        _view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        Ok(Some(OperatorSpec::IncrementalGroupAggregate(
            IncrementalGroupAggregateSpec {
                keys: (0..self.keys).collect(),
                key_columns: self.key_columns,
                calls: self.specs.clone(),
                input_retracts: self.retracts,
                state_ttl_ms: self.state_ttl_ms,
                mini_batch_rows: self.mini_batch_rows,
            },
        )))
    }

    fn distribution(&self, _input: usize) -> Distribution {
        Distribution::Hash((0..self.key_columns).collect())
    }

    fn accepts(&self, _input: usize) -> Accepts {
        Accepts::Only(ModifyKinds::ALL, self.name().to_owned())
    }

    fn modifies(&self, _inputs: &[ModifyKinds]) -> ModifyKinds {
        ModifyKinds::INSERT
    }

    fn update_inputs(&self, _required: UpdateKind, _view: NodeView<'_>) -> Vec<Vec<UpdateKind>> {
        vec![vec![UpdateKind::None]]
    }

    fn delete_inputs(&self, _required: DeleteKind, _view: NodeView<'_>) -> Vec<Vec<DeleteKind>> {
        vec![vec![DeleteKind::None]]
    }

    fn upsert_keys(&self, _view: NodeView<'_>) -> Vec<KeySet> {
        Vec::new()
    }
}
