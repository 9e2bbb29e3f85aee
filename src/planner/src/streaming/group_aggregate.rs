//! GroupAggregate: GROUP BY over any input. It sends +I for a group's first row, -U and +U when a result changes, and -D
//! when the input takes back a group's last row. As GlobalGroupAggregate it merges what local phases send.

use filbert_graph::OperatorSpec;
use filbert_graph::spec::{AggregateCallSpec, GroupAggregateSpec};

use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::aggregate::{AggregateCall, distinct_names};
use crate::streaming::changelog::{DeleteKind, ModifyKinds, UpdateKind};
use crate::streaming::monotonicity::ignored_retractions;
use crate::streaming::node::{Accepts, Distribution, KeySet, NodeView, StreamOperator};

#[derive(Debug, Clone)]
pub(crate) struct GroupAggregate {
    pub keys: Vec<usize>,
    pub calls: Vec<AggregateCall>,
    pub state_ttl_ms: Option<u64>,
    pub level: Level,
    /// With mini-batch, how many rows a bundle holds.
    pub mini_batch_rows: Option<u64>,
    /// As the second phase: what the first was made of.
    pub merged: Option<Merged>,
}

/// Which level of a split DISTINCT an aggregation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Whole,
    /// By buckets of the values.
    Partial,
    /// Puts the buckets together.
    Final,
}

impl Level {
    /// What EXPLAIN says of it, before what is selected.
    pub const fn text(self) -> &'static str {
        match self {
            Level::Whole => "",
            Level::Partial => "partialFinalType=[PARTIAL], ",
            Level::Final => "partialFinalType=[FINAL], ",
        }
    }
}

/// The first phase, as the second one knows it.
#[derive(Debug, Clone)]
pub(crate) struct Merged {
    pub specs: Vec<AggregateCallSpec>,
    pub buffers: Vec<String>,
    pub retracts: bool,
    pub ignored: Vec<bool>,
}

impl GroupAggregate {
    pub fn new(
        keys: Vec<usize>,
        calls: Vec<AggregateCall>,
        state_ttl_ms: Option<u64>,
    ) -> GroupAggregate {
        GroupAggregate {
            keys,
            calls,
            state_ttl_ms,
            level: Level::Whole,
            mini_batch_rows: None,
            merged: None,
        }
    }

    /// The calls over these inputs; `ignored` tells those that need no retractions.
    pub fn specs(
        &self,
        input: &[PlanColumn],
        outputs: &[PlanColumn],
        ignored: &[bool],
    ) -> Vec<AggregateCallSpec> {
        let outputs = &outputs[self.keys.len()..];
        let calls = self.calls.iter().zip(outputs).zip(ignored);
        calls
            .map(|((call, output), ignored)| AggregateCallSpec {
                ignores_retractions: *ignored,
                ..call.spec(input, output)
            })
            .collect()
    }

    /// The calls as EXPLAIN prints them.
    fn call_texts(&self, view: NodeView<'_>) -> Vec<String> {
        let input = view.input(0);
        let outputs = view.node.columns[self.keys.len()..].iter();
        let calls = self.calls.iter().enumerate().zip(outputs);
        let Some(merged) = &self.merged else {
            let retracts = input.traits.retracts();
            let ignored = ignored_retractions(self, view.plan, view.node.inputs[0]);
            return calls
                .map(|((index, call), output)| {
                    call.text(&input.columns, output, retracts && !ignored[index])
                })
                .collect();
        };
        let distinct = distinct_names(&self.calls);
        calls
            .map(|((index, call), output)| {
                let name = call.name(merged.retracts && !merged.ignored[index]);
                let values = distinct[index].as_ref().map(|d| format!("{d} "));
                let values = values.unwrap_or_default();
                format!(
                    "{name}({values}{}) AS {}",
                    merged.buffers[index], output.name
                )
            })
            .collect()
    }
}

impl StreamOperator for GroupAggregate {
    fn name(&self) -> &'static str {
        match self.merged {
            Some(_) => "GlobalGroupAggregate",
            None => "GroupAggregate",
        }
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let keys: Vec<String> = self
            .keys
            .iter()
            .map(|k| view.input(0).columns[*k].name.clone())
            .collect();
        let select: Vec<String> = keys.iter().cloned().chain(self.call_texts(view)).collect();
        let select = format!("{}select=[{}]", self.level.text(), select.join(", "));
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
        let (calls, input_retracts) = match &self.merged {
            Some(merged) => (merged.specs.clone(), merged.retracts),
            None => {
                let ignored = ignored_retractions(self, view.plan, view.node.inputs[0]);
                let calls = self.specs(&input.columns, &view.node.columns, &ignored);
                (calls, input.traits.retracts())
            }
        };
        Ok(Some(OperatorSpec::GroupAggregate(GroupAggregateSpec {
            keys: self.keys.clone(),
            calls,
            emit_update_before: view.node.traits.update == UpdateKind::BeforeAndAfter,
            input_retracts,
            state_ttl_ms: self.state_ttl_ms,
            mini_batch_rows: self.mini_batch_rows,
            merges: self.merged.is_some(),
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
