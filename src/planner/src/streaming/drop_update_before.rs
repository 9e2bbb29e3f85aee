//! DropUpdateBefore: drops -U behind a source whose consumers need only what a row has become.

use filbert_graph::OperatorSpec;

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::node::{NodeView, StreamOperator};

#[derive(Debug, Clone, Copy)]
pub(crate) struct DropUpdateBefore;

impl StreamOperator for DropUpdateBefore {
    fn name(&self) -> &'static str {
        "DropUpdateBefore"
    }

    fn details(&self, _view: NodeView<'_>) -> String {
        String::new()
    }

    fn spec(
        &self,
        _view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        Ok(Some(OperatorSpec::DropUpdateBefore))
    }
}
