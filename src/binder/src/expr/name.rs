//! Names: the longest sense in the nearest scope; what is left of a dotted name are fields.

use std::rc::Rc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::Expr;
use filbert_functions::TypedExpr;
use filbert_types::Span;
use sqlparser::ast::Ident;

use super::{ExprCx, parts_of};
use crate::binder::{Binder, ident_span};
use crate::ddl::quoted;
use crate::error::{BindError, BindResult};
use crate::scope::{Found, OuterScope, Scope, not_found};

impl Binder<'_> {
    /// Binds a name of one part or more.
    pub fn name(&mut self, idents: &[Ident], cx: &mut ExprCx<'_>) -> BindResult<TypedExpr> {
        if let Some(mut scope) = self.pattern.take() {
            let bound = self.pattern_name(idents, &mut scope);
            self.pattern = Some(scope);
            return bound;
        }
        let parts = parts_of(idents);
        let span = span_of_idents(idents);
        if let [name] = parts[..]
            && let Some(alias) = cx.aliases.iter().find(|a| a.name == name)
        {
            self.note(span, || quoted(name));
            return Ok(alias.expr.clone());
        }
        if let Some(found) = cx.scope.find(&parts, span)? {
            self.note(span, || whole_name(&parts, &found, cx.scope));
            let base_span = span_of_idents(&idents[..found.parts]);
            let base = self.ungrouped_check(found.expr.clone(), &parts, base_span, cx)?;
            return self.name_fields(base, &idents[found.parts..], &parts);
        }
        if let Some((found, scope)) = self.outer_name(&parts, span)? {
            self.note(span, || whole_name(&parts, &found, &scope));
            let used = found.parts;
            return self.name_fields(found.expr, &idents[used..], &parts);
        }
        if let [ident] = idents
            && let Some(call) = self.niladic(ident)
        {
            return call;
        }
        let scopes: Vec<&Scope> = std::iter::once(cx.scope.as_ref())
            .chain(self.outer.iter().rev().map(|o| o.scope.as_ref()))
            .collect();
        Err(not_found(&parts, &scopes, span))
    }

    /// A column of a query block around this one.
    fn outer_name(
        &self,
        parts: &[&str],
        span: Option<Span>,
    ) -> BindResult<Option<(Found, Rc<Scope>)>> {
        for outer in self.outer.iter().rev() {
            let Some(found) = outer.scope.find(parts, span)? else {
                continue;
            };
            check_outer_key(outer, &found.expr.expr, parts, span)?;
            let found = Found {
                column: found.column,
                expr: outer_reference(found.expr)?,
                parts: found.parts,
            };
            return Ok(Some((found, Rc::clone(&outer.scope))));
        }
        Ok(None)
    }

    /// Fields of a value, by what is left of a dotted name.
    pub(crate) fn name_fields(
        &mut self,
        base: TypedExpr,
        fields: &[Ident],
        parts: &[&str],
    ) -> BindResult<TypedExpr> {
        let mut expr = base;
        for field in fields {
            expr = self.field(expr, &field.value, ident_span(field), &parts.join("."))?;
        }
        Ok(expr)
    }
}

/// A name with its relation's in front, in backticks.
fn whole_name(parts: &[&str], found: &Found, scope: &Scope) -> String {
    let relation = found
        .column
        .as_ref()
        .and_then(|column| scope.relation_of(column))
        .and_then(|r| r.alias.as_deref());
    let column = parts[found.parts - 1];
    relation
        .into_iter()
        .chain([column])
        .chain(parts[found.parts..].iter().copied())
        .map(quoted)
        .collect::<Vec<_>>()
        .join(".")
}

fn check_outer_key(
    outer: &OuterScope,
    expr: &Expr,
    parts: &[&str],
    span: Option<Span>,
) -> BindResult<()> {
    match &outer.keys {
        Some(keys) if !keys.contains(expr) => Err(BindError::at(
            span,
            format!("Expression '{}' is not being grouped", parts.join(".")),
        )),
        _ => Ok(()),
    }
}

/// Turns the columns of an outer block's expression into references to it.
pub(crate) fn outer_reference(expr: TypedExpr) -> BindResult<TypedExpr> {
    let ty = expr.ty;
    let expr = expr
        .expr
        .transform_up(|e| {
            Ok(match e {
                Expr::Column(column) => {
                    let field = ty.arrow_field(&column.name);
                    Transformed::yes(Expr::OuterReferenceColumn(field.into(), column))
                }
                other => Transformed::no(other),
            })
        })?
        .data;
    Ok(TypedExpr::new(expr, ty))
}

/// From the first name to the last.
pub(crate) fn span_of_idents(idents: &[Ident]) -> Option<Span> {
    let first = ident_span(idents.first()?)?;
    let last = ident_span(idents.last()?)?;
    Some(first.union(last))
}
