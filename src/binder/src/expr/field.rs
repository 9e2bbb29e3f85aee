//! `row.field`, `array[1]`, `map['key']`.

use filbert_functions::TypedExpr;
use filbert_types::{Span, TypeKind};
use sqlparser::ast::{AccessExpr, Expr as Ast, Ident, Subscript};

use super::name::span_of_idents;
use super::{ExprCx, refuse};
use crate::binder::{Binder, ident_span, span_of};
use crate::error::{BindError, BindResult, available};

impl Binder<'_> {
    /// A field of a ROW. `path` is the whole name, for the error.
    pub fn field(
        &self,
        base: TypedExpr,
        name: &str,
        span: Option<Span>,
        path: &str,
    ) -> BindResult<TypedExpr> {
        let (TypeKind::Row(fields) | TypeKind::Structured { fields, .. }) = &base.ty.kind else {
            return Err(BindError::at(
                span,
                format!(
                    "Column '{path}' not found: '{name}' is no field of a value of type {}",
                    base.ty
                ),
            ));
        };
        let Some(field) = fields.iter().find(|f| f.name == name) else {
            let names = || fields.iter().map(|f| f.name.as_str());
            let hint = filbert_types::suggest::nearest(name, names()).map_or_else(
                || available("fields", names()),
                |near| format!("Did you mean '{near}'?"),
            );
            return Err(BindError::at(
                span,
                format!("Column '{path}' not found: the row has no field '{name}'"),
            )
            .with_hint(hint));
        };
        let name = field.name.clone();
        filbert_functions::constructors::field(self.cx.exprs, base, &name)
            .map_err(|e| BindError::from_call(&e, span))
    }

    /// A chain of accesses on any expression.
    pub fn field_access(
        &mut self,
        root: &Ast,
        chain: &[AccessExpr],
        cx: &mut ExprCx<'_>,
    ) -> BindResult<TypedExpr> {
        let (mut expr, rest) = self.access_root(root, chain, cx)?;
        for access in rest {
            expr = match access {
                AccessExpr::Dot(Ast::Identifier(ident)) => {
                    self.field(expr, &ident.value, ident_span(ident), &ident.value)?
                }
                AccessExpr::Subscript(Subscript::Index { index }) => {
                    let span = span_of(index);
                    let index = self.expr(index, cx)?;
                    self.scalar("ITEM", vec![expr, index], span)?
                }
                AccessExpr::Dot(other) => return Err(refuse(other)),
                AccessExpr::Subscript(Subscript::Slice { .. }) => {
                    return Err(BindError::unsupported(span_of(root), "An array slice"));
                }
            };
        }
        Ok(expr)
    }

    /// Leading names are one dotted name: `t.a.b[1]`.
    fn access_root<'c>(
        &mut self,
        root: &Ast,
        chain: &'c [AccessExpr],
        cx: &mut ExprCx<'_>,
    ) -> BindResult<(TypedExpr, &'c [AccessExpr])> {
        let mut idents: Vec<Ident> = match root {
            Ast::Identifier(ident) => vec![ident.clone()],
            Ast::CompoundIdentifier(idents) => idents.clone(),
            _ => return Ok((self.expr(root, cx)?, chain)),
        };
        let leading = chain
            .iter()
            .map_while(|a| match a {
                AccessExpr::Dot(Ast::Identifier(ident)) => Some(ident.clone()),
                _ => None,
            })
            .collect::<Vec<_>>();
        let used = leading.len();
        idents.extend(leading);
        let expr = self
            .name(&idents, cx)
            .map_err(|e| e.or_at(span_of_idents(&idents)))?;
        Ok((expr, &chain[used..]))
    }
}
