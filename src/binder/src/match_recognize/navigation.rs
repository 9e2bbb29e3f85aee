//! FIRST, LAST, PREV and NEXT: which row a value is of.

use datafusion::common::ScalarValue;
use filbert_functions::TypedExpr;
use filbert_types::Span;
use sqlparser::ast::{Expr as Ast, Function, FunctionArg};

use super::scope::PatternScope;
use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::call::{call_parts, plain_arg};
use crate::expr::{ExprCx, parts_of};

/// Which row a navigation leads to.
#[derive(Clone, Copy)]
pub(super) struct Navigation {
    pub first: bool,
    pub offset: u32,
    pub physical: i64,
}

pub(super) const CURRENT: Navigation = Navigation {
    first: false,
    offset: 0,
    physical: 0,
};

impl Binder<'_> {
    pub(super) fn navigation(
        &mut self,
        upper: &str,
        function: &Function,
        cx: &mut ExprCx<'_>,
        scope: &mut PatternScope,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        let (ast, navigation) = self.navigated(upper, function, scope, span)?;
        scope.physical |= navigation.physical != 0;
        if scope.row.is_some() {
            return Err(BindError::unsupported(
                span,
                format!("{upper} inside of a call"),
            ));
        }
        let (value, qualifier) =
            self.over_rows(&function.to_string(), span, scope, |b| b.expr(ast, cx))?;
        let rows = match &qualifier {
            Some(name) => scope.rows_of(name).unwrap_or_default(),
            None => scope.all(),
        };
        let name = if navigation.first { "FIRST" } else { "LAST" };
        let shown = match function_arg_text(ast) {
            Some(text) if qualifier.is_some() => text,
            Some(text) => format!("*.{text}"),
            None => ast.to_string(),
        };
        let text = match navigation.physical {
            0 => format!("{name}({shown}, {})", navigation.offset),
            physical if physical < 0 => format!("PREV({shown}, {})", -physical),
            physical => format!("NEXT({shown}, {physical})"),
        };
        Ok(self.reference(rows, navigation, value, text, scope))
    }

    /// What FIRST, LAST, PREV and NEXT, perhaps inside of each other, lead to.
    fn navigated<'f>(
        &mut self,
        upper: &str,
        function: &'f Function,
        scope: &PatternScope,
        span: Option<Span>,
    ) -> BindResult<(&'f Ast, Navigation)> {
        let physical = matches!(upper, "PREV" | "NEXT");
        if physical && scope.defining.is_none() {
            return Err(BindError::at(
                span,
                format!("Cannot use PREV/NEXT in MEASURE '{function}'"),
            ));
        }
        let (args, _) = call_parts(function)?;
        let (arg, count) = match args {
            [arg] => (arg, u32::from(physical)),
            [arg, count] => (arg, self.offset(upper, count)?),
            _ => {
                return Err(BindError::at(
                    span,
                    format!(
                        "Invalid number of arguments to function '{upper}'. Was expecting 2 arguments"
                    ),
                ));
            }
        };
        let ast = plain_arg(arg, upper)?;
        let inner = match ast {
            Ast::Function(inner) => Some((inner, inner.name.to_string().to_uppercase())),
            _ => None,
        };
        let navigation = Navigation {
            first: upper == "FIRST",
            offset: if physical { 0 } else { count },
            physical: match upper {
                "PREV" => -i64::from(count),
                "NEXT" => i64::from(count),
                _ => 0,
            },
        };
        match inner {
            Some((inner, name)) if physical && matches!(name.as_str(), "FIRST" | "LAST") => {
                let (ast, logical) = self.navigated(&name, inner, scope, span)?;
                let physical = navigation.physical;
                Ok((
                    ast,
                    Navigation {
                        physical,
                        ..logical
                    },
                ))
            }
            Some((_, name)) if matches!(name.as_str(), "FIRST" | "LAST" | "PREV" | "NEXT") => Err(
                BindError::at(span, format!("Cannot nest {name} in {upper} '{function}'")),
            ),
            _ => Ok((ast, navigation)),
        }
    }

    fn offset(&mut self, name: &str, arg: &FunctionArg) -> BindResult<u32> {
        let ast = plain_arg(arg, name)?;
        let scope = crate::unnest::empty_scope();
        let bound = self.expr(ast, &mut ExprCx::plain(&scope, "MATCH_RECOGNIZE"))?;
        match bound.literal() {
            Some(ScalarValue::Int32(Some(n))) if *n >= 0 => Ok(n.unsigned_abs()),
            _ => Err(BindError::at(
                span_of(ast),
                format!("The offset of {name} must be a whole number that is not negative"),
            )),
        }
    }
}

/// The text of a plain name.
fn function_arg_text(ast: &Ast) -> Option<String> {
    match ast {
        Ast::Identifier(ident) => Some(ident.value.clone()),
        Ast::CompoundIdentifier(idents) => Some(parts_of(idents).join(".")),
        _ => None,
    }
}
