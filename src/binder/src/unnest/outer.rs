//! `LEFT JOIN UNNEST(..) ON condition`, and the same with a table function: rows none of whose elements meet the condition
//! stand beside NULLs.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, NullHandling, UnnestOptions};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, Projection, Unnest};
use filbert_types::{LogicalType, TypeKind};
use sqlparser::ast::Expr as Ast;

use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;
use crate::from::From;
use crate::plan::{column_exprs, project_exprs};
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
        let plan = self.with_condition(joined.plan, predicate);
        Ok(From {
            plan: plan.map_err(|e| e.or_else_at(|| span))?,
            scope: Rc::unwrap_or_clone(scope),
        })
    }

    /// Carries the condition through projections to the elements.
    pub(super) fn with_condition(
        &mut self,
        plan: LogicalPlan,
        condition: Expr,
    ) -> BindResult<LogicalPlan> {
        match plan {
            LogicalPlan::Projection(projection) => {
                let condition = with_columns(condition, &by_column(&projection))?;
                self.below(projection, condition)
            }
            LogicalPlan::Unnest(unnest) => self.elements_where(unnest, condition),
            LogicalPlan::Extension(node) => self.elements_where_too(node, condition),
            other => Err(BindError::new(format!(
                "{} stands between a LEFT JOIN's condition and its UNNEST",
                other.display()
            ))),
        }
    }

    /// The projection over elements that meet the condition.
    fn below(&mut self, projection: Projection, condition: Expr) -> BindResult<LogicalPlan> {
        let input = self.with_condition(Arc::unwrap_or_clone(projection.input), condition)?;
        let projection = Projection::try_new(projection.expr, Arc::new(input))?;
        Ok(LogicalPlan::Projection(projection))
    }

    /// The elements that meet another condition, too.
    fn elements_where_too(&mut self, node: Extension, condition: Expr) -> BindResult<LogicalPlan> {
        let node = node.node.as_any().downcast_ref::<RelationalNode>();
        let (
            Some(node),
            Some(Relational::OuterUnnest {
                lists,
                condition: first,
            }),
        ) = (node, node.map(|node| &node.relational))
        else {
            return Err(BindError::new(
                "A LEFT JOIN's condition has lost its UNNEST".to_owned(),
            ));
        };
        let [input] = node.inputs.as_slice() else {
            return Err(BindError::new("UNNEST has one input".to_owned()));
        };
        let options = UnnestOptions {
            null_handling: NullHandling::PreserveAndExpandEmpty,
            recursions: Vec::new(),
        };
        let unnest = Unnest::try_new(Arc::new(input.clone()), lists.clone(), options)?;
        self.elements_where(unnest, first.clone().and(condition))
    }

    /// The elements that meet the condition. Subqueries that read the left side alone become columns of it.
    fn elements_where(&mut self, unnest: Unnest, condition: Expr) -> BindResult<LogicalPlan> {
        let lists = unnest.exec_columns;
        let mut exprs: Vec<Expr> = column_exprs(&unnest.input);
        let before = exprs.len();
        let condition = condition.transform_down(|e| {
            if !is_subquery(&e) || !reads_only_left(&e, &unnest.input, &lists) {
                return Ok(Transformed::no(e));
            }
            let column = self.new_column("value", &self.subquery_type(&e));
            exprs.push(e.alias(&column.name));
            Ok(Transformed::new(
                Expr::Column(column),
                true,
                TreeNodeRecursion::Jump,
            ))
        })?;
        if condition.data.exists(|e| Ok(is_subquery(e)))? {
            return Err(BindError::unsupported(
                None,
                "A subquery over the elements in the condition of a LEFT JOIN with UNNEST or a table function",
            ));
        }
        let (input, schema) = match exprs.len() == before {
            true => (Arc::unwrap_or_clone(unnest.input), unnest.schema),
            false => {
                let input = project_exprs(Arc::unwrap_or_clone(unnest.input), exprs)?;
                let grown =
                    Unnest::try_new(Arc::new(input.clone()), lists.clone(), unnest.options)?;
                (input, grown.schema)
            }
        };
        Ok(LogicalPlan::Extension(Extension {
            node: Arc::new(RelationalNode {
                relational: Relational::OuterUnnest {
                    lists,
                    condition: condition.data,
                },
                inputs: vec![input],
                schema,
            }),
        }))
    }

    fn subquery_type(&self, expr: &Expr) -> LogicalType {
        let value = match expr {
            Expr::ScalarSubquery(subquery) => subquery.subquery.schema().columns().pop(),
            _ => None,
        };
        let ty = value.and_then(|column| self.types.get(&column).cloned());
        ty.unwrap_or(LogicalType::from(TypeKind::Boolean))
            .with_nullable(true)
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

/// True for a subquery that reads columns of `left` and none of the lists that are unnested.
fn reads_only_left(expr: &Expr, left: &LogicalPlan, lists: &[Column]) -> bool {
    let subquery = match expr {
        Expr::ScalarSubquery(subquery) => subquery,
        Expr::InSubquery(item) => &item.subquery,
        Expr::Exists(exists) => &exists.subquery,
        Expr::SetComparison(comparison) => &comparison.subquery,
        _ => return false,
    };
    let outer = subquery.outer_ref_columns.iter().map(|e| match e {
        Expr::OuterReferenceColumn(_, column) => Some(column),
        _ => None,
    });
    let compared = expr.column_refs().into_iter().map(Some);
    compared
        .chain(outer)
        .all(|column| column.is_some_and(|c| left.schema().has_column(c) && !lists.contains(c)))
}

/// What a projection's columns stand for.
fn by_column(projection: &Projection) -> HashMap<Column, Expr> {
    let columns = projection.schema.columns().into_iter();
    let exprs = projection.expr.iter().map(|e| e.clone().unalias());
    columns.zip(exprs).collect()
}

fn with_columns(condition: Expr, by_column: &HashMap<Column, Expr>) -> BindResult<Expr> {
    let inlined = condition.transform(|e| match &e {
        Expr::Column(column) => match by_column.get(column) {
            Some(expr) => Ok(Transformed::new(
                expr.clone(),
                true,
                TreeNodeRecursion::Jump,
            )),
            None => Ok(Transformed::no(e)),
        },
        _ => Ok(Transformed::no(e)),
    })?;
    Ok(inlined.data)
}
