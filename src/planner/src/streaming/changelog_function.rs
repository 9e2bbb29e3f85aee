//! TO_CHANGELOG and FROM_CHANGELOG: rows' kinds as a column of codes, and the other way round.

use filbert_graph::OperatorSpec;
use filbert_graph::spec::ChangelogFunctionSpec;
use filbert_types::RowKind;

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::changelog::{DeleteKind, ModifyKinds, UpdateKind};
use crate::streaming::node::{Accepts, KeySet, NodeView, StreamOperator};

#[derive(Debug, Clone)]
pub(crate) struct ChangelogFunction {
    pub spec: ChangelogFunctionSpec,
}

impl ChangelogFunction {
    fn function(&self) -> &'static str {
        match self.spec {
            ChangelogFunctionSpec::To { .. } => "TO_CHANGELOG",
            ChangelogFunctionSpec::From { .. } => "FROM_CHANGELOG",
        }
    }
}

impl StreamOperator for ChangelogFunction {
    fn name(&self) -> &'static str {
        "ProcessTableFunction"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let names: Vec<&str> = view.node.columns.iter().map(|c| c.name.as_str()).collect();
        format!(
            "invocation=[{}(TABLE(#0))], uid=[{}], select=[{}]",
            self.function(),
            self.spec.uid().unwrap_or("null"),
            names.join(",")
        )
    }

    fn spec(
        &self,
        _view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        Ok(Some(OperatorSpec::ChangelogFunction(self.spec.clone())))
    }

    fn accepts(&self, _input: usize) -> Accepts {
        let kinds = match self.spec {
            ChangelogFunctionSpec::To { .. } => ModifyKinds::ALL,
            ChangelogFunctionSpec::From { .. } => ModifyKinds::INSERT,
        };
        Accepts::Only(kinds, "StreamPhysicalProcessTableFunction".to_owned())
    }

    fn modifies(&self, _inputs: &[ModifyKinds]) -> ModifyKinds {
        let ChangelogFunctionSpec::From { codes, .. } = &self.spec else {
            return ModifyKinds::INSERT;
        };
        let has = |kind: RowKind| codes.iter().any(|(_, k)| *k == kind);
        ModifyKinds {
            insert: has(RowKind::Insert),
            update: has(RowKind::UpdateBefore) || has(RowKind::UpdateAfter),
            delete: has(RowKind::Delete),
        }
    }

    /// TO_CHANGELOG shows what a row was before, so that its input must say it.
    fn update_inputs(&self, _required: UpdateKind, _view: NodeView<'_>) -> Vec<Vec<UpdateKind>> {
        vec![vec![UpdateKind::BeforeAndAfter]]
    }

    fn delete_inputs(&self, _required: DeleteKind, _view: NodeView<'_>) -> Vec<Vec<DeleteKind>> {
        vec![vec![DeleteKind::Full]]
    }

    fn upsert_keys(&self, _view: NodeView<'_>) -> Vec<KeySet> {
        Vec::new()
    }

    fn always_sends_update_before(&self) -> bool {
        matches!(self.spec, ChangelogFunctionSpec::From { .. })
    }
}
