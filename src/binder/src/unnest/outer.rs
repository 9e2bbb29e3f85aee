//! `LEFT JOIN UNNEST(..) ON condition`, and the same with a table function: rows none of whose elements meet the condition
//! stand beside NULLs.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchemaRef};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, Projection};
use sqlparser::ast::Expr as Ast;

use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;
use crate::from::From;
use crate::relational::{Relational, RelationalNode};
use crate::scope::Scope;

impl Binder<'_> {
    /// The outer join with elements, whose columns a plan of projections has made already, with a condition.
    pub(crate) fn outer_where(&mut self, joined: From, condition: &Ast) -> BindResult<From> {
        let span = span_of(condition);
        let scope: Rc<Scope> = Rc::new(joined.scope);
        let mut cx = ExprCx::plain(&scope, "ON");
        let bound = self.expr(condition, &mut cx)?;
        let predicate = self.condition(bound, "ON", span)?;
        if predicate.exists(|e| Ok(is_subquery(e)))? {
            return Err(BindError::unsupported(
                span,
                "A subquery in the condition of a LEFT JOIN with UNNEST or a table function",
            ));
        }
        Ok(From {
            plan: with_condition(joined.plan, predicate)?,
            scope: Rc::unwrap_or_clone(scope),
        })
    }
}

fn is_subquery(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::ScalarSubquery(_)
            | Expr::InSubquery(_)
            | Expr::Exists(_)
            | Expr::SetComparison(_)
            | Expr::OuterReferenceColumn(..)
    )
}

/// Carries the condition through projections to the elements.
fn with_condition(plan: LogicalPlan, condition: Expr) -> BindResult<LogicalPlan> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let condition = inlined(condition, &projection)?;
            let input = Arc::unwrap_or_clone(projection.input);
            let input = Arc::new(with_condition(input, condition)?);
            Ok(LogicalPlan::Projection(Projection::try_new(
                projection.expr,
                input,
            )?))
        }
        LogicalPlan::Unnest(unnest) => Ok(LogicalPlan::Extension(Extension {
            node: Arc::new(RelationalNode {
                relational: Relational::OuterUnnest {
                    lists: unnest.exec_columns,
                    condition,
                },
                inputs: vec![Arc::unwrap_or_clone(unnest.input)],
                schema: DFSchemaRef::clone(&unnest.schema),
            }),
        })),
        other => Err(BindError::new(format!(
            "{} stands between a LEFT JOIN's condition and its UNNEST",
            other.display()
        ))),
    }
}

fn inlined(condition: Expr, projection: &Projection) -> BindResult<Expr> {
    let columns = projection.schema.columns().into_iter();
    let exprs = projection.expr.iter().map(|e| e.clone().unalias());
    let by_column: HashMap<Column, Expr> = columns.zip(exprs).collect();
    let inlined = condition.transform(|e| match &e {
        Expr::Column(column) => match by_column.get(column) {
            Some(expr) => Ok(Transformed::new(
                expr.clone(),
                true,
                datafusion::common::tree_node::TreeNodeRecursion::Jump,
            )),
            None => Ok(Transformed::no(e)),
        },
        _ => Ok(Transformed::no(e)),
    })?;
    Ok(inlined.data)
}
