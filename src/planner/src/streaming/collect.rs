//! Collect: hands a query's rows to the client, through one subtask.

use filbert_graph::OperatorSpec;
use filbert_graph::spec::CollectSpec;

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::node::{NodeView, StreamOperator};

#[derive(Debug, Clone)]
pub(crate) struct Collect {
    pub result_id: String,
}

impl StreamOperator for Collect {
    fn name(&self) -> &'static str {
        "Collect"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        format!("fields=[{}]", view.input_names().join(", "))
    }

    fn graph_name(&self) -> String {
        "Sink: Collect table sink".to_owned()
    }

    fn spec(
        &self,
        _view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        Ok(Some(OperatorSpec::Collect(CollectSpec {
            result_id: self.result_id.clone(),
        })))
    }

    fn fixed_parallelism(&self) -> Option<usize> {
        Some(1)
    }
}
