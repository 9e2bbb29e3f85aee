//! Expand: each row once for every grouping set, for GROUPING SETS, ROLLUP and CUBE.

use filbert_graph::OperatorSpec;
use filbert_graph::spec::ExpandSpec;

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::node::{KeySet, NodeView, StreamOperator};

#[derive(Debug, Clone)]
pub(crate) struct Expand {
    pub spec: ExpandSpec,
}

impl StreamOperator for Expand {
    fn name(&self) -> &'static str {
        "Expand"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let input = view.input_names();
        let sets: Vec<String> = self
            .spec
            .sets
            .iter()
            .map(|set| {
                let mut parts: Vec<String> = set
                    .columns
                    .iter()
                    .map(|c| c.map_or("null".to_owned(), |i| input[i].to_owned()))
                    .collect();
                parts.push(format!("{} AS $e", set.id));
                format!("{{{}}}", parts.join(", "))
            })
            .collect();
        format!("projects=[{}]", sets.join(", "))
    }

    fn spec(
        &self,
        _view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        Ok(Some(OperatorSpec::Expand(self.spec.clone())))
    }

    fn upsert_keys(&self, view: NodeView<'_>) -> Vec<KeySet> {
        let expand_id = view.node.columns.len() - 1;
        let kept = |column: &usize| {
            self.spec
                .sets
                .iter()
                .all(|set| set.columns.get(*column) == Some(&Some(*column)))
        };
        view.input(0)
            .upsert_keys
            .iter()
            .filter(|key| key.iter().all(kept))
            .map(|key| key.iter().copied().chain([expand_id]).collect())
            .collect()
    }
}
