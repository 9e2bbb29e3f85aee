//! BETWEEN and IN.

use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::InList;
use filbert_types::TypeKind;

use super::is_nested;
use crate::CallError;
use crate::cast::{cast, coerce};
use crate::operators::logic;
use crate::typed::{ExprContext, TypedExpr};

fn bound(
    ctx: &ExprContext,
    name: &str,
    a: &TypedExpr,
    b: &TypedExpr,
) -> Result<TypedExpr, CallError> {
    let (a, b) = text_as_number(ctx, a.clone(), b.clone())?;
    crate::call::built_in(ctx, name, vec![a, b])
}

/// BETWEEN and IN read text beside a number as a number, which the plain comparisons refuse.
fn text_as_number(
    ctx: &ExprContext,
    a: TypedExpr,
    b: TypedExpr,
) -> Result<(TypedExpr, TypedExpr), CallError> {
    if a.ty.kind.is_numeric() && b.ty.kind.is_character() {
        let b = cast(ctx, b, &a.ty)?;
        return Ok((a, b));
    }
    if a.ty.kind.is_character() && b.ty.kind.is_numeric() {
        let a = cast(ctx, a, &b.ty)?;
        return Ok((a, b));
    }
    Ok((a, b))
}

pub(super) fn between(
    ctx: &ExprContext,
    args: Vec<TypedExpr>,
    symmetric: bool,
    negated: bool,
) -> Result<Expr, CallError> {
    let [value, low, high] = &args[..] else {
        return Err(CallError::Invalid("BETWEEN has three operands".into()));
    };
    let inside = |low: &TypedExpr, high: &TypedExpr| {
        let above = bound(ctx, ">=", value, low)?;
        let below = bound(ctx, "<=", value, high)?;
        logic::and(ctx, above, below)
    };
    let mut result = inside(low, high)?;
    if symmetric {
        let other = inside(high, low)?;
        result = crate::call::built_in(ctx, "OR", vec![result, other])?;
    }
    if negated {
        result = logic::not(ctx, result)?;
    }
    Ok(result.expr)
}

pub(super) fn in_list(
    ctx: &ExprContext,
    args: Vec<TypedExpr>,
    negated: bool,
) -> Result<Expr, CallError> {
    let mut args = args.into_iter();
    let Some(value) = args.next() else {
        return Err(CallError::Invalid("IN has a left side".into()));
    };
    let candidates: Vec<TypedExpr> = args.collect();
    if let Some(list) = plain_list(ctx, &value, &candidates)? {
        return Ok(Expr::InList(InList::new(
            Box::new(value.expr),
            list,
            negated,
        )));
    }
    let mut any: Option<TypedExpr> = None;
    for candidate in &candidates {
        let one = bound(ctx, "=", &value, candidate)?;
        any = Some(match any {
            Some(any) => crate::call::built_in(ctx, "OR", vec![any, one])?,
            None => one,
        });
    }
    let any = any.ok_or_else(|| CallError::Invalid("IN has an empty list".into()))?;
    let result = if negated { logic::not(ctx, any)? } else { any };
    Ok(result.expr)
}

/// The list as literals of the value's own Arrow type, where DataFusion's IN means the same: it builds a hash table.
fn plain_list(
    ctx: &ExprContext,
    value: &TypedExpr,
    candidates: &[TypedExpr],
) -> Result<Option<Vec<Expr>>, CallError> {
    let kind = &value.ty.kind;
    if candidates.len() < 2
        || is_nested(kind)
        || kind.is_approximate_numeric()
        || *kind == TypeKind::Null
    {
        return Ok(None);
    }
    let mut list = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let same_arrow = candidate.ty.arrow() == value.ty.arrow();
        if candidate.literal().is_none() || !(same_arrow || candidate.ty.kind == TypeKind::Null) {
            return Ok(None);
        }
        let candidate = if same_arrow {
            candidate.clone()
        } else {
            coerce(ctx, candidate.clone(), &value.ty)?
        };
        list.push(candidate.expr);
    }
    Ok(Some(list))
}
