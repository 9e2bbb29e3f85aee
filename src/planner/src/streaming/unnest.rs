//! Correlate: each row beside the elements of its collections, for UNNEST, or beside the rows of a table function's call.
//! Changes pass as they are.

use datafusion::logical_expr::Expr;
use filbert_graph::OperatorSpec;
use filbert_graph::spec::UnnestSpec;

use crate::columns::PlanColumn;
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
    /// Where `outer`: which elements count, and the node's columns by the names that it calls them.
    pub condition: Option<(Expr, Vec<PlanColumn>)>,
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
        let condition = self.condition.as_ref().map(|(condition, columns)| {
            let condition = render(condition, columns);
            format!(", condition=[{condition}]")
        });
        let condition = condition.unwrap_or_default();
        if let Some(call) = &self.call {
            let call = render(call, &view.input(0).columns);
            return format!(
                "invocation=[{call}], correlate=[table({call})], select=[{}], joinType=[{}]{condition}",
                names(&view.node.columns).join(","),
                self.join_type()
            );
        }
        let input = view.input_names();
        let lists: Vec<&str> = self.lists.iter().map(|l| input[*l]).collect();
        format!(
            "correlate=[table(UNNEST({}))], select=[{}], joinType=[{}]{condition}",
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
        let condition = self.condition.as_ref().map(|(condition, columns)| {
            exprs.compile(condition, columns, exprs.type_of(condition, columns)?)
        });
        Ok(Some(OperatorSpec::Unnest(UnnestSpec {
            lists: self.lists.clone(),
            outer: self.outer,
            call: call.transpose()?,
            condition: condition.transpose()?,
        })))
    }

    fn is_deterministic(&self) -> bool {
        let mut exprs = self
            .call
            .iter()
            .chain(self.condition.iter().map(|(c, _)| c));
        exprs.all(is_deterministic)
    }

    /// A row gives several.
    fn upsert_keys(&self, _view: NodeView<'_>) -> Vec<KeySet> {
        Vec::new()
    }
}
