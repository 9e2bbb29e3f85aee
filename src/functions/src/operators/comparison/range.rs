//! BETWEEN and IN.

use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::InList;
use filbert_types::{LogicalType, TypeKind};

use super::{comparable, is_nested, row_constructors};
use crate::CallError;
use crate::cast::{cast, coerce};
use crate::common_type::common_type;
use crate::constructors::row_fields;
use crate::operators::logic;
use crate::type_name::validator_name;
use crate::typed::{ExprContext, TypedExpr};

pub(super) const BETWEEN_FORMS: &[&str] =
    &["<COMPARABLE_TYPE> BETWEEN <COMPARABLE_TYPE> AND <COMPARABLE_TYPE>"];

fn bound(
    ctx: &ExprContext,
    name: &str,
    a: &TypedExpr,
    b: &TypedExpr,
) -> Result<TypedExpr, CallError> {
    let (a, b) = text_as_number(ctx, a.clone(), b.clone())?;
    crate::call::built_in(ctx, name, vec![a, b])
}

/// BETWEEN reads text beside a number as a number, which the plain comparisons refuse.
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
    let refused = |error| match error {
        CallError::NoSignature { .. } => {
            let [value, low, high] = [value, low, high].map(|arg| validator_name(&arg.ty));
            CallError::NoSignature {
                name: "BETWEEN".into(),
                got: format!("<{value}> BETWEEN <{low}> AND <{high}>"),
                signatures: BETWEEN_FORMS.iter().map(|&form| form.to_owned()).collect(),
            }
        }
        other => other,
    };
    let inside = |low: &TypedExpr, high: &TypedExpr| {
        let above = bound(ctx, ">=", value, low).map_err(refused)?;
        let below = bound(ctx, "<=", value, high).map_err(refused)?;
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

/// `x IN (a, b)` is `x = a OR x = b`, where a and b become values of x's type, as CAST converts them: 1 is IN (1.5).
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
    let types: Vec<LogicalType> = candidates.iter().map(|c| c.ty.clone()).collect();
    let are_rows = candidates.iter().any(|c| row_fields(c).is_some());
    if !are_rows && common_type(&types).is_none() {
        return Err(CallError::Invalid(
            "Values in expression list must have compatible types".into(),
        ));
    }
    let candidates = candidates
        .into_iter()
        .map(|candidate| as_value(ctx, &value, candidate))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(list) = plain_list(&value, &candidates) {
        return Ok(Expr::InList(InList::new(
            Box::new(value.expr),
            list,
            negated,
        )));
    }
    let mut any: Option<TypedExpr> = None;
    for candidate in &candidates {
        let one = equal(ctx, &value, candidate)?;
        any = Some(match any {
            Some(any) => crate::call::built_in(ctx, "OR", vec![any, one])?,
            None => one,
        });
    }
    let any = any.ok_or_else(|| CallError::Invalid("IN has an empty list".into()))?;
    let result = if negated { logic::not(ctx, any)? } else { any };
    Ok(result.expr)
}

/// A candidate as a value of the left side's type; rows that are written as such are converted field by field.
fn as_value(
    ctx: &ExprContext,
    value: &TypedExpr,
    candidate: TypedExpr,
) -> Result<TypedExpr, CallError> {
    let (to, from) = (&value.ty.kind, &candidate.ty.kind);
    let is_same = std::mem::discriminant(to) == std::mem::discriminant(from)
        || matches!((to, from), (TypeKind::VarChar(_), TypeKind::Char(_)));
    if is_same || *to == TypeKind::Null || !comparable(to, from) {
        return Ok(candidate);
    }
    if *from == TypeKind::Null {
        return coerce(ctx, candidate, &value.ty);
    }
    cast(ctx, candidate, &value.ty)
}

fn equal(
    ctx: &ExprContext,
    value: &TypedExpr,
    candidate: &TypedExpr,
) -> Result<TypedExpr, CallError> {
    let Some(fields) = row_constructors(value, candidate) else {
        return crate::call::built_in(ctx, "=", vec![value.clone(), candidate.clone()]);
    };
    let mut all: Option<TypedExpr> = None;
    for (left, right) in fields {
        let right = as_value(ctx, &left, right)?;
        let one = equal(ctx, &left, &right)?;
        all = Some(match all {
            Some(all) => logic::and(ctx, all, one)?,
            None => one,
        });
    }
    all.ok_or_else(|| CallError::Invalid("A row in IN has no fields".into()))
}

/// The list as literals of the value's own Arrow type, where DataFusion's IN means the same: it builds a hash table.
fn plain_list(value: &TypedExpr, candidates: &[TypedExpr]) -> Option<Vec<Expr>> {
    let kind = &value.ty.kind;
    if candidates.len() < 2
        || is_nested(kind)
        || kind.is_approximate_numeric()
        || *kind == TypeKind::Null
    {
        return None;
    }
    let is_plain = |c: &TypedExpr| c.literal().is_some() && c.ty.arrow() == value.ty.arrow();
    candidates
        .iter()
        .map(|c| is_plain(c).then(|| c.expr.clone()))
        .collect()
}
