//! VALUES.

use std::rc::Rc;
use std::sync::Arc;

use datafusion::logical_expr::{LogicalPlan, Union, Values};
use filbert_functions::TypedExpr;
use filbert_types::{LogicalType, Span};
use sqlparser::ast;

use crate::binder::{Binder, generated_name, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;
use crate::plan::{one_row, project_exprs, schema_of};
use crate::scope::{Relation, Scope, ScopeColumn};
use crate::typing::refuse_untyped_null;

/// Typed rows of equal length.
pub(crate) struct Rows {
    pub rows: Vec<Vec<(TypedExpr, Option<Span>)>>,
}

impl Binder<'_> {
    pub fn values(&mut self, values: &ast::Values) -> BindResult<Relation> {
        let rows = self.values_rows(values)?;
        for (value, span) in rows.rows.iter().flatten() {
            refuse_untyped_null(value, *span)?;
        }
        self.rows_relation(rows)
    }

    pub fn values_rows(&mut self, values: &ast::Values) -> BindResult<Rows> {
        let scope = Rc::new(Scope::default());
        let mut rows = Vec::with_capacity(values.rows.len());
        let mut width = None;
        for row in &values.rows {
            let items = unwrap_row(&row.content);
            let mut cx = ExprCx::plain(&scope, "VALUES");
            let bound = items
                .iter()
                .map(|e| Ok((self.expr(e, &mut cx)?, span_of(*e))))
                .collect::<BindResult<Vec<_>>>()?;
            let expected = *width.get_or_insert(bound.len());
            if bound.len() != expected {
                return Err(BindError::at(
                    items.first().copied().and_then(span_of),
                    format!(
                        "The rows of VALUES differ in length: {expected} and {}",
                        bound.len()
                    ),
                ));
            }
            rows.push(bound);
        }
        Ok(Rows { rows })
    }

    /// A relation of rows whose columns take the common type of their values.
    pub fn rows_relation(&mut self, rows: Rows) -> BindResult<Relation> {
        let width = rows.rows.first().map_or(0, Vec::len);
        let mut types = Vec::with_capacity(width);
        for index in 0..width {
            let column: Vec<LogicalType> =
                rows.rows.iter().map(|r| r[index].0.ty.clone()).collect();
            let Some(common) = filbert_functions::common_type(&column) else {
                let place = rows
                    .rows
                    .iter()
                    .find(|r| !r[index].0.ty.same_kind(&column[0]))
                    .and_then(|r| r[index].1);
                let mut names: Vec<String> = column.iter().map(ToString::to_string).collect();
                names.dedup();
                return Err(BindError::at(
                    place,
                    format!(
                        "Values in column {} of VALUES have no common type: {}",
                        index + 1,
                        names.join(", ")
                    ),
                ));
            };
            types.push(common);
        }
        self.typed_rows(rows, types)
    }

    /// A relation of rows, cast to these types.
    pub fn typed_rows(&mut self, rows: Rows, types: Vec<LogicalType>) -> BindResult<Relation> {
        let columns: Vec<ScopeColumn> = types
            .into_iter()
            .enumerate()
            .map(|(i, ty)| ScopeColumn {
                name: generated_name(i),
                column: self.new_column(&generated_name(i), &ty),
                ty,
            })
            .collect();
        let mut all = Vec::with_capacity(rows.rows.len());
        for row in rows.rows {
            let cast = row
                .into_iter()
                .zip(&columns)
                .map(|((value, span), c)| self.to_common(value, &c.ty, span))
                .collect::<BindResult<Vec<_>>>()?;
            all.push(cast);
        }
        let constant = all.iter().flatten().all(is_standalone);
        let plan = if constant {
            LogicalPlan::Values(Values {
                schema: schema_of(&columns)?,
                values: all
                    .into_iter()
                    .map(|row| row.into_iter().map(|v| v.expr).collect())
                    .collect(),
            })
        } else {
            rows_as_union(all, &columns)?
        };
        Ok(Relation { plan, columns })
    }
}

/// Rows with subqueries or names of an outer query can't be literal rows.
fn rows_as_union(rows: Vec<Vec<TypedExpr>>, columns: &[ScopeColumn]) -> BindResult<LogicalPlan> {
    let mut inputs = Vec::with_capacity(rows.len());
    for row in rows {
        let exprs = row
            .into_iter()
            .zip(columns)
            .map(|(v, c)| v.expr.alias(&c.column.name))
            .collect();
        inputs.push(Arc::new(project_exprs(one_row(), exprs)?));
    }
    if inputs.len() == 1
        && let Some(only) = inputs.pop()
    {
        return Ok(Arc::unwrap_or_clone(only));
    }
    Ok(LogicalPlan::Union(Union::try_new(inputs)?))
}

fn is_standalone(value: &TypedExpr) -> bool {
    use datafusion::common::tree_node::TreeNode;
    use datafusion::logical_expr::Expr;
    !value
        .expr
        .exists(|e| Ok(matches!(e, Expr::OuterReferenceColumn(..))))
        .unwrap_or(true)
        && !crate::expr::has_subquery(&value.expr)
}

/// `VALUES ROW(1, 2)`, `VALUES ((1, 2))` and `VALUES (ROW(1, 2))` stand for `VALUES (1, 2)`.
fn unwrap_row(row: &[ast::Expr]) -> Vec<&ast::Expr> {
    match row {
        [ast::Expr::Tuple(items)] => items.iter().collect(),
        [ast::Expr::Function(call)] if call.name.to_string().eq_ignore_ascii_case("ROW") => {
            filbert_sql::json_arguments(call)
        }
        row => row.iter().collect(),
    }
}
