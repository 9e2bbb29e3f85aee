//! WindowAggregate: GROUP BY window and keys. One row a window and key is sent when the watermark passes the window's
//! end; it is never changed.

use filbert_graph::OperatorSpec;
use filbert_graph::spec::{
    AggregateCallSpec, WindowAggregateSpec, WindowColumn, WindowEmitSpec, WindowSpec,
};

use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::aggregate::AggregateCall;
use crate::streaming::changelog::{DeleteKind, ModifyKinds, UpdateKind};
use crate::streaming::group_aggregate::Merged;
use crate::streaming::node::{Accepts, Distribution, KeySet, NodeView, StreamOperator};
use crate::streaming::window_tvf::window_text;

#[derive(Debug, Clone)]
pub(crate) struct WindowAggregate {
    pub window: WindowSpec,
    /// The rowtime column; where the window was assigned before, its end.
    pub time: usize,
    pub assigned: bool,
    pub proctime: bool,
    pub time_zone: Option<String>,
    pub keys: Vec<usize>,
    pub calls: Vec<AggregateCall>,
    /// What follows the keys and the calls' results in the output.
    pub window_columns: Vec<WindowColumn>,
    /// Results go out before and after the windows' ends too.
    pub emit: Option<WindowEmitSpec>,
    /// As the second phase: what the first was made of.
    pub merged: Option<Merged>,
}

impl WindowAggregate {
    /// The calls over these inputs.
    pub fn specs(&self, input: &[PlanColumn], outputs: &[PlanColumn]) -> Vec<AggregateCallSpec> {
        let calls = self.calls.iter().zip(&outputs[self.keys.len()..]);
        calls
            .map(|(call, output)| call.spec(input, output))
            .collect()
    }

    /// As Flink's `WindowEmitStrategy` prints itself.
    fn emit_text(emit: &WindowEmitSpec) -> String {
        let delay = |ms: u64| match ms {
            0 => "no delay".to_owned(),
            ms => format!("delay {ms} millisecond"),
        };
        let early = emit.early_ms.map(|ms| format!("early {}", delay(ms)));
        let late = emit.late_ms.map(|ms| format!("late {}", delay(ms)));
        let parts: Vec<String> = early.into_iter().chain(late).collect();
        format!(", emit=[{}]", parts.join(", "))
    }

    fn window_item(which: WindowColumn) -> &'static str {
        match which {
            WindowColumn::Start => "start('w$)",
            WindowColumn::End => "end('w$)",
            WindowColumn::Time => "rowtime('w$)",
        }
    }
}

impl StreamOperator for WindowAggregate {
    fn name(&self) -> &'static str {
        match self.merged {
            Some(_) => "GlobalWindowAggregate",
            None => "WindowAggregate",
        }
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let input = view.input(0);
        let time = &input.columns[self.time].name;
        let time = if self.merged.is_some() {
            format!("slice_end=[{time}]")
        } else if self.assigned {
            format!("win_end=[{time}]")
        } else {
            format!("time_col=[{time}]")
        };
        let window = window_text(&self.window, &time, &input.columns);
        let keys: Vec<&str> = self
            .keys
            .iter()
            .map(|k| input.columns[*k].name.as_str())
            .collect();
        let retracts = input.traits.retracts();
        let outputs = &view.node.columns[self.keys.len()..];
        let mut select: Vec<String> = keys.iter().map(|k| (*k).to_owned()).collect();
        let calls = self.calls.iter().enumerate().zip(outputs);
        select.extend(calls.map(|((index, call), output)| match &self.merged {
            Some(merged) => format!(
                "{}({}) AS {}",
                call.name(merged.retracts),
                merged.buffers[index],
                output.name
            ),
            None => call.text(&input.columns, output, retracts),
        }));
        select.extend(
            self.window_columns
                .iter()
                .zip(&outputs[self.calls.len()..])
                .map(|(which, output)| format!("{} AS {}", Self::window_item(*which), output.name)),
        );
        let group_by = match keys.as_slice() {
            [] => String::new(),
            keys => format!("groupBy=[{}], ", keys.join(", ")),
        };
        let emit = self.emit.as_ref().map(Self::emit_text).unwrap_or_default();
        format!(
            "{group_by}window=[{window}], select=[{}]{emit}",
            select.join(", ")
        )
    }

    fn spec(
        &self,
        view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        let input = view.input(0);
        Ok(Some(OperatorSpec::WindowAggregate(WindowAggregateSpec {
            window: self.window.clone(),
            time: self.time,
            assigned: self.assigned,
            proctime: self.proctime,
            time_zone: self.time_zone.clone(),
            keys: self.keys.clone(),
            calls: match &self.merged {
                Some(merged) => merged.specs.clone(),
                None => self.specs(&input.columns, &view.node.columns),
            },
            window_columns: self.window_columns.clone(),
            input_retracts: match &self.merged {
                Some(merged) => merged.retracts,
                None => input.traits.retracts(),
            },
            merges: self.merged.is_some(),
            emit: self.emit.map(|emit| WindowEmitSpec {
                emit_update_before: view.node.traits.update == UpdateKind::BeforeAndAfter,
                ..emit
            }),
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
        Accepts::Only(ModifyKinds::ALL, "WindowAggregate".to_owned())
    }

    fn modifies(&self, inputs: &[ModifyKinds]) -> ModifyKinds {
        ModifyKinds {
            insert: true,
            update: self.emit.is_some(),
            delete: self.emit.is_some() && inputs.iter().any(|i| i.update || i.delete),
        }
    }

    fn update_inputs(&self, _required: UpdateKind, _view: NodeView<'_>) -> Vec<Vec<UpdateKind>> {
        vec![vec![UpdateKind::BeforeAndAfter]]
    }

    fn delete_inputs(&self, _required: DeleteKind, _view: NodeView<'_>) -> Vec<Vec<DeleteKind>> {
        vec![vec![DeleteKind::Full]]
    }

    /// The keys with any of the window's columns.
    fn upsert_keys(&self, _view: NodeView<'_>) -> Vec<KeySet> {
        let first = self.keys.len() + self.calls.len();
        (0..self.window_columns.len())
            .map(|w| (0..self.keys.len()).chain([first + w]).collect())
            .collect()
    }
}
