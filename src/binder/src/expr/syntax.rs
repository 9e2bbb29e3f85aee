//! Calls with a syntax of their own: CAST, CASE, EXTRACT, TRIM and the like.

use filbert_functions::TypedExpr;
use filbert_types::Span;
use sqlparser::ast::{
    self, CaseWhen, CastKind, CeilFloorKind, DateTimeField, Expr as Ast, MapEntry, TrimWhereField,
    UnaryOperator,
};

use super::{ExprCx, refuse};
use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult};
use crate::typing::symbol;

impl Binder<'_> {
    pub fn cast_syntax(&mut self, ast: &Ast, cx: &mut ExprCx<'_>) -> BindResult<TypedExpr> {
        let Ast::Cast {
            kind,
            expr,
            data_type,
            format: None,
            ..
        } = ast
        else {
            return Err(refuse(ast));
        };
        let span = None;
        let ty = filbert_sql::cast_type(data_type).map_err(|e| {
            BindError::at(
                filbert_sql::cast_type_span(data_type).or(span),
                e.to_string(),
            )
        })?;
        let arg = self.expr(expr, cx)?;
        if *kind == CastKind::Cast && is_number(expr) {
            let interval = filbert_functions::cast::literal_to_interval(&arg, &ty);
            if let Some(interval) = interval.map_err(|e| BindError::from_call(&e, span))? {
                return Ok(interval);
            }
        }
        match kind {
            CastKind::Cast => self.cast(arg, &ty, span),
            CastKind::TryCast | CastKind::SafeCast => self.try_cast(arg, &ty, span),
            CastKind::DoubleColon => Err(BindError::unsupported(span, "The operator '::'")
                .with_hint(format!("Write CAST(value AS {ty})."))),
        }
    }

    pub fn case(&mut self, ast: &Ast, cx: &mut ExprCx<'_>) -> BindResult<TypedExpr> {
        let Ast::Case {
            operand,
            conditions,
            else_result,
            ..
        } = ast
        else {
            return Err(refuse(ast));
        };
        let operand = match operand {
            Some(operand) => Some(self.expr(operand, cx)?),
            None => None,
        };
        let mut whens = Vec::new();
        for CaseWhen { condition, result } in conditions {
            let mut when = self.expr(condition, cx)?;
            if let Some(operand) = &operand {
                when = self
                    .scalar("=", vec![operand.clone(), when], None)
                    .map_err(|e| e.or_else_at(|| span_of(condition)))?;
            }
            whens.push((when, self.expr(result, cx)?));
        }
        let otherwise = match else_result {
            Some(otherwise) => Some(self.expr(otherwise, cx)?),
            None => None,
        };
        filbert_functions::call::case(self.cx.exprs, whens, otherwise)
            .map_err(|e| BindError::from_call(&e, None))
    }

    /// `MAP[k, v, ..]`.
    fn map_syntax(&mut self, map: &ast::Map, cx: &mut ExprCx<'_>) -> BindResult<TypedExpr> {
        let mut args = Vec::with_capacity(map.entries.len() * 2);
        for MapEntry { key, value } in &map.entries {
            args.push(self.expr(key, cx)?);
            args.push(self.expr(value, cx)?);
        }
        self.scalar("MAP", args, None)
    }

    /// Syntax that stands for an ordinary call.
    pub fn syntax_call(&mut self, ast: &Ast, cx: &mut ExprCx<'_>) -> BindResult<TypedExpr> {
        let span = None;
        match ast {
            Ast::Extract { field, expr, .. } => {
                let arg = self.expr(expr, cx)?;
                self.scalar("EXTRACT", vec![unit(field), arg], span)
            }
            Ast::Ceil { expr, field } => self.rounding("CEIL", expr, field, cx, span),
            Ast::Floor { expr, field } => self.rounding("FLOOR", expr, field, cx, span),
            Ast::Position { expr, r#in } => self.call_of("POSITION", &[expr, r#in], cx, span),
            Ast::Substring {
                expr,
                substring_from,
                substring_for,
                ..
            } => {
                let mut args = vec![expr.as_ref()];
                args.extend(substring_from.as_deref());
                args.extend(substring_for.as_deref());
                self.call_of("SUBSTRING", &args, cx, span)
            }
            Ast::Overlay {
                expr,
                overlay_what,
                overlay_from,
                overlay_for,
            } => {
                let mut args = vec![expr.as_ref(), overlay_what, overlay_from];
                args.extend(overlay_for.as_deref());
                self.call_of("OVERLAY", &args, cx, span)
            }
            Ast::Trim {
                trim_where,
                trim_what,
                expr,
                trim_characters: None,
            } => self.trim(trim_where.as_ref(), trim_what.as_deref(), expr, cx, span),
            Ast::Map(map) => self.map_syntax(map, cx),
            _ => Err(refuse(ast)),
        }
    }

    fn rounding(
        &mut self,
        name: &str,
        expr: &Ast,
        kind: &CeilFloorKind,
        cx: &mut ExprCx<'_>,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        let mut args = vec![self.expr(expr, cx)?];
        match kind {
            CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => {}
            CeilFloorKind::DateTimeField(field) => args.push(unit(field)),
            CeilFloorKind::Scale(scale) => args.push(self.literal(scale, span)?),
        }
        self.scalar(name, args, span)
    }

    fn trim(
        &mut self,
        place: Option<&TrimWhereField>,
        what: Option<&Ast>,
        expr: &Ast,
        cx: &mut ExprCx<'_>,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        let place = match place {
            Some(TrimWhereField::Leading) => "LEADING",
            Some(TrimWhereField::Trailing) => "TRAILING",
            Some(TrimWhereField::Both) | None => "BOTH",
        };
        let what = match what {
            Some(what) => self.expr(what, cx)?,
            None => super::literal::text(" "),
        };
        let arg = self.expr(expr, cx)?;
        self.scalar("TRIM", vec![symbol(place), what, arg], span)
    }
}

/// A time unit as a keyword argument.
pub(crate) fn unit(field: &DateTimeField) -> TypedExpr {
    symbol(&field.to_string())
}

/// A number as written, with or without a sign.
fn is_number(ast: &Ast) -> bool {
    match ast {
        Ast::Value(value) => matches!(value.value, ast::Value::Number(..)),
        Ast::Nested(inner) => is_number(inner),
        Ast::UnaryOp {
            op: UnaryOperator::Minus | UnaryOperator::Plus,
            expr,
        } => is_number(expr),
        _ => false,
    }
}
