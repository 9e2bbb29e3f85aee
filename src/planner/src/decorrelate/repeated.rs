//! Subqueries that a node holds more than once, as COALESCE and CASE make them: each is joined once.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, Subquery};

use super::Decorrelator;
use crate::error::PlanError;

impl Decorrelator<'_> {
    /// Makes each scalar subquery that stands in `exprs` more than once a column of `input`, which grows by it.
    pub(super) fn once(
        &mut self,
        input: &mut LogicalPlan,
        exprs: Vec<Expr>,
    ) -> Result<Vec<Expr>, PlanError> {
        let repeated = repeated(&exprs);
        if repeated.is_empty() {
            return Ok(exprs);
        }
        let mut named = Vec::with_capacity(repeated.len());
        for subquery in repeated {
            let name = self.new_column("value");
            let kept = input.schema().columns().into_iter().map(Expr::Column);
            let value = Expr::ScalarSubquery(subquery.clone()).alias(&name.name);
            let grown =
                Projection::try_new(kept.chain([value]).collect(), Arc::new(input.clone()))?;
            *input = self.projection(grown)?;
            named.push((subquery, name));
        }
        exprs
            .into_iter()
            .map(|expr| {
                let replaced = expr.transform_up(|e| {
                    let Expr::ScalarSubquery(subquery) = &e else {
                        return Ok(Transformed::no(e));
                    };
                    Ok(match named.iter().find(|(known, _)| known == subquery) {
                        Some((_, name)) => Transformed::yes(Expr::Column(name.clone())),
                        None => Transformed::no(e),
                    })
                })?;
                Ok(replaced.data)
            })
            .collect()
    }
}

/// The scalar subqueries that stand in the expressions more than once, each once.
fn repeated(exprs: &[Expr]) -> Vec<Subquery> {
    let mut seen: Vec<Subquery> = Vec::new();
    let mut repeated: Vec<Subquery> = Vec::new();
    for expr in exprs {
        // The closure never fails.
        let _ = expr.apply(|e| {
            if let Expr::ScalarSubquery(subquery) = e {
                match seen.contains(subquery) {
                    true if !repeated.contains(subquery) => repeated.push(subquery.clone()),
                    true => {}
                    false => seen.push(subquery.clone()),
                }
            }
            Ok(TreeNodeRecursion::Continue)
        });
    }
    repeated
}
