//! Subqueries that are joined below the node in which they stand: those that it holds more than once, as COALESCE and
//! CASE make them, and all those of aggregates and windows.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, Subquery};

use super::{Decorrelator, under_name};
use crate::error::PlanError;

/// A subquery's value, and the column that it has become.
type Named = (Expr, Column);

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
        let repeated = repeated.into_iter().map(Expr::ScalarSubquery);
        let named = self.grow(input, repeated.collect())?;
        exprs.into_iter().map(|e| replaced(e, &named)).collect()
    }

    /// Makes every subquery in `exprs` a column of `input`, which grows by them. The expressions keep their names.
    pub(super) fn below(
        &mut self,
        input: &mut LogicalPlan,
        exprs: Vec<Expr>,
    ) -> Result<Vec<Expr>, PlanError> {
        let named = self.grow(input, values(&exprs))?;
        let mut kept = Vec::with_capacity(exprs.len());
        for expr in exprs {
            let name = expr.schema_name().to_string();
            kept.push(under_name(replaced(expr, &named)?, name));
        }
        Ok(kept)
    }

    /// Each value as a column of its own, under the others.
    fn grow(
        &mut self,
        input: &mut LogicalPlan,
        values: Vec<Expr>,
    ) -> Result<Vec<Named>, PlanError> {
        let mut named = Vec::with_capacity(values.len());
        for value in values {
            let name = self.new_column("value");
            let kept = input.schema().columns().into_iter().map(Expr::Column);
            let column = value.clone().alias(&name.name);
            let grown =
                Projection::try_new(kept.chain([column]).collect(), Arc::new(input.clone()))?;
            *input = self.projection(grown)?;
            named.push((value, name));
        }
        Ok(named)
    }
}

fn is_subquery(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_)
    )
}

/// The values of subqueries in the expressions, each once.
fn values(exprs: &[Expr]) -> Vec<Expr> {
    let mut found: Vec<Expr> = Vec::new();
    for expr in exprs {
        // The closure never fails.
        let _ = expr.apply(|e| {
            if !is_subquery(e) {
                return Ok(TreeNodeRecursion::Continue);
            }
            if !found.contains(e) {
                found.push(e.clone());
            }
            Ok(TreeNodeRecursion::Jump)
        });
    }
    found
}

fn replaced(expr: Expr, named: &[Named]) -> Result<Expr, PlanError> {
    let replaced = expr.transform_down(|e| {
        if !is_subquery(&e) {
            return Ok(Transformed::no(e));
        }
        Ok(match named.iter().find(|(known, _)| *known == e) {
            Some((_, name)) => {
                Transformed::new(Expr::Column(name.clone()), true, TreeNodeRecursion::Jump)
            }
            None => Transformed::no(e),
        })
    })?;
    Ok(replaced.data)
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
