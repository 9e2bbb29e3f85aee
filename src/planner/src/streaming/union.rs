//! Union: UNION ALL. It is only edges of the graph: several lead into one input of the consumer.

use filbert_graph::OperatorSpec;

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::node::{KeySet, NodeView, StreamOperator, names};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Union;

impl StreamOperator for Union {
    fn name(&self) -> &'static str {
        "Union"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        format!(
            "all=[true], union=[{}]",
            names(&view.node.columns).join(", ")
        )
    }

    fn spec(
        &self,
        _view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        Ok(None)
    }

    /// Two branches may send the same row.
    fn upsert_keys(&self, _view: NodeView<'_>) -> Vec<KeySet> {
        Vec::new()
    }
}
