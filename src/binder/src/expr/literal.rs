//! Literals: the text is the syntax tree's, the type is given by `filbert-functions`.

use datafusion::common::ScalarValue;
use filbert_functions::literal::{self, IntervalQualifier, IntervalUnit};
use filbert_functions::{CallError, TypedExpr};
use filbert_sql::LiteralKind;
use filbert_types::{LogicalType, Span, TypeKind};
use sqlparser::ast::{
    DateTimeField, Expr as Ast, Ident, Interval, TypedString, UnaryOperator, Value, ValueWithSpan,
};

use super::{ExprCx, refuse};
use crate::binder::{Binder, ident_span};
use crate::error::{BindError, BindResult};

impl Binder<'_> {
    pub fn literal(&self, value: &ValueWithSpan, span: Option<Span>) -> BindResult<TypedExpr> {
        match &value.value {
            Value::Number(digits, _) => self.number(digits, span),
            Value::SingleQuotedString(s)
            | Value::EscapedStringLiteral(s)
            | Value::UnicodeStringLiteral(s)
            | Value::NationalStringLiteral(s) => Ok(literal::string(s)),
            Value::HexStringLiteral(hex) => placed(literal::binary(hex), span),
            Value::Boolean(b) => Ok(literal::boolean(*b)),
            Value::Null => Ok(literal::null()),
            Value::DoubleQuotedString(s) => Err(BindError::unsupported(
                span,
                format!("The double-quoted text \"{s}\""),
            )
            .with_hint(format!("Write '{s}' for text or `{s}` for a name."))),
            Value::Placeholder(_) => Err(BindError::unsupported(span, "A parameter placeholder")),
            other => Err(BindError::unsupported(span, format!("The literal {other}"))),
        }
    }

    /// A number as written, with its sign.
    pub fn number(&self, text: &str, span: Option<Span>) -> BindResult<TypedExpr> {
        placed(literal::number(text), span)
    }

    /// `DATE '2024-01-31'`.
    pub fn typed_string(&self, typed: &TypedString, span: Option<Span>) -> BindResult<TypedExpr> {
        let Some(text) = string_value(&typed.value.value) else {
            return Err(BindError::unsupported(span, format!("The literal {typed}")));
        };
        let bound = match filbert_sql::literal_kind(typed) {
            LiteralKind::Date => literal::date(text),
            LiteralKind::Time => literal::time(text),
            LiteralKind::Timestamp => literal::timestamp(text),
            LiteralKind::TimestampLtz => literal::timestamp_ltz(text, self.cx.exprs.time_zone),
        };
        placed(bound, span)
    }

    /// `INTERVAL '1 02:03' DAY TO MINUTE`; with anything but text in front of the unit, so many units.
    pub fn interval(
        &mut self,
        interval: &Interval,
        cx: &mut ExprCx<'_>,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        if let Some((left, right)) = filbert_sql::interval_difference(interval) {
            let last = interval.last_field.as_ref();
            let Some(unit) = last.or(interval.leading_field.as_ref()) else {
                return Err(BindError::at(span, "The difference has no unit"));
            };
            let unit = literal::symbol(&unit.to_string());
            let args = vec![self.expr(left, cx)?, self.expr(right, cx)?, unit];
            return self.scalar("MINUS_DATE", args, span);
        }
        let (value, negative) = match interval.value.as_ref() {
            Ast::UnaryOp {
                op: UnaryOperator::Minus,
                expr,
            } => (expr.as_ref(), true),
            Ast::UnaryOp {
                op: UnaryOperator::Plus,
                expr,
            } => (expr.as_ref(), false),
            other => (other, false),
        };
        let Some(first) = &interval.leading_field else {
            return Err(BindError::at(span, "The interval has no unit")
                .with_hint("Write it as INTERVAL '5' MINUTE."));
        };
        let precision = |p: Option<u64>| p.and_then(|p| u8::try_from(p).ok());
        let qualifier = IntervalQualifier {
            first: interval_unit(first, span)?,
            first_precision: precision(interval.leading_precision),
            last: match &interval.last_field {
                Some(last) => Some(interval_unit(last, span)?),
                None => None,
            },
        };
        if let Ast::Value(v) = value
            && let Some(text) = string_value(&v.value)
        {
            return placed(literal::interval(text, negative, qualifier), span);
        }
        let bound = self.expr(value, cx)?;
        match bound.literal() {
            Some(ScalarValue::Int32(Some(n))) => {
                placed(literal::interval(&n.to_string(), negative, qualifier), span)
            }
            _ => Err(refuse(value)
                .with_hint("The amount of an INTERVAL is text in quotes: INTERVAL '5' MINUTE.")),
        }
    }

    /// CURRENT_DATE and the like, which may be called without parentheses.
    pub fn niladic(&self, ident: &Ident) -> Option<BindResult<TypedExpr>> {
        const NILADIC: &[&str] = &[
            "CURRENT_DATE",
            "CURRENT_TIME",
            "CURRENT_TIMESTAMP",
            "LOCALTIME",
            "LOCALTIMESTAMP",
            "CURRENT_ROW_TIMESTAMP",
            "PI",
        ];
        if ident.quote_style.is_some() {
            return None;
        }
        let upper = ident.value.to_uppercase();
        NILADIC
            .contains(&upper.as_str())
            .then(|| self.scalar(&upper, Vec::new(), ident_span(ident)))
    }
}

fn placed(result: Result<TypedExpr, CallError>, span: Option<Span>) -> BindResult<TypedExpr> {
    result.map_err(|e| BindError::from_call(&e, span))
}

fn string_value(value: &Value) -> Option<&str> {
    match value {
        Value::SingleQuotedString(s) | Value::UnicodeStringLiteral(s) => Some(s),
        _ => None,
    }
}

fn interval_unit(field: &DateTimeField, span: Option<Span>) -> BindResult<IntervalUnit> {
    IntervalUnit::parse(&field.to_string())
        .ok_or_else(|| BindError::unsupported(span, format!("The interval unit {field}")))
}

/// Text that the syntax leaves out.
pub(crate) fn text(value: &str) -> TypedExpr {
    literal::string(value)
}

/// True for NULL without a type.
pub(crate) fn is_null(ty: &LogicalType) -> bool {
    ty.kind == TypeKind::Null
}
