//! Correlate: each row beside the elements of its collections, for UNNEST. Changes pass as they are.

use filbert_graph::OperatorSpec;
use filbert_graph::spec::UnnestSpec;

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::node::{KeySet, NodeView, StreamOperator, names};

#[derive(Debug, Clone)]
pub(crate) struct Unnest {
    /// Columns of the input that hold lists; the output has an element in the place of each.
    pub lists: Vec<usize>,
    pub outer: bool,
}

impl StreamOperator for Unnest {
    fn name(&self) -> &'static str {
        "Correlate"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let input = view.input_names();
        let lists: Vec<&str> = self.lists.iter().map(|l| input[*l]).collect();
        format!(
            "correlate=[table(UNNEST({}))], select=[{}], joinType=[{}]",
            lists.join(", "),
            names(&view.node.columns).join(", "),
            if self.outer { "LEFT" } else { "INNER" }
        )
    }

    fn spec(
        &self,
        _view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        Ok(Some(OperatorSpec::Unnest(UnnestSpec {
            lists: self.lists.clone(),
            outer: self.outer,
        })))
    }

    /// A row gives several.
    fn upsert_keys(&self, _view: NodeView<'_>) -> Vec<KeySet> {
        Vec::new()
    }
}
