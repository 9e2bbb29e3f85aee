//! Correlate: each row beside the elements of its collections, for UNNEST, or beside the rows of a table function's call.
//! Changes pass as they are.

use datafusion::logical_expr::Expr;
use filbert_graph::OperatorSpec;
use filbert_graph::spec::UnnestSpec;

use crate::error::PlanError;
use crate::exprs::{ExprCompiler, is_deterministic, render};
use crate::streaming::node::{KeySet, NodeView, StreamOperator, names};

#[derive(Debug, Clone)]
pub(crate) struct Unnest {
    /// Columns of the input that hold lists; the output has an element in the place of each.
    pub lists: Vec<usize>,
    pub outer: bool,
    /// A table function's call: it gives the list, which stands behind the input's columns.
    pub call: Option<Expr>,
}

impl Unnest {
    fn join_type(&self) -> &'static str {
        if self.outer { "LEFT" } else { "INNER" }
    }
}

impl StreamOperator for Unnest {
    fn name(&self) -> &'static str {
        "Correlate"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        if let Some(call) = &self.call {
            let call = render(call, &view.input(0).columns);
            return format!(
                "invocation=[{call}], correlate=[table({call})], select=[{}], joinType=[{}]",
                names(&view.node.columns).join(","),
                self.join_type()
            );
        }
        let input = view.input_names();
        let lists: Vec<&str> = self.lists.iter().map(|l| input[*l]).collect();
        format!(
            "correlate=[table(UNNEST({}))], select=[{}], joinType=[{}]",
            lists.join(", "),
            names(&view.node.columns).join(", "),
            self.join_type()
        )
    }

    fn spec(
        &self,
        view: NodeView<'_>,
        exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        let input = &view.input(0).columns;
        let call = self.call.as_ref().map(|call| {
            let ty = exprs.type_of(call, input)?;
            exprs.compile(call, input, ty)
        });
        Ok(Some(OperatorSpec::Unnest(UnnestSpec {
            lists: self.lists.clone(),
            outer: self.outer,
            call: call.transpose()?,
        })))
    }

    fn is_deterministic(&self) -> bool {
        self.call.as_ref().is_none_or(is_deterministic)
    }

    /// A row gives several.
    fn upsert_keys(&self, _view: NodeView<'_>) -> Vec<KeySet> {
        Vec::new()
    }
}
