//! COALESCE, IF, NULLIF, ..: all of them CASE expressions, so that they stay lazy.

use datafusion::logical_expr::{Case, Expr};

use crate::cast::coerce;
use crate::common_type::common_type;
use crate::definition::{Function, Inferred};
use crate::signature::CallArgs;
use crate::typed::{ExprContext, TypedExpr};
use crate::{CallError, constructors, literal};
use filbert_types::{LogicalType, TypeKind};

pub static FUNCTIONS: &[Function] = &[Function::expand(
    "COALESCE",
    &["COALESCE(<COMMON>, <COMMON>...)"],
    "The first argument that is not NULL.",
    infer_coalesce,
    expand_coalesce,
)];

fn infer_coalesce(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    if call.is_empty() {
        return Err(call.wrong_count(&[1]));
    }
    let types = call.types();
    let common = common_type(&types).ok_or_else(|| call.refuse())?;
    let nullable = types.iter().all(|t| t.nullable);
    let args = types
        .iter()
        .map(|t| common.with_nullable(t.nullable))
        .collect();
    Ok(call.returns_type(args, common.with_nullable(nullable)))
}

fn expand_coalesce(
    _ctx: &ExprContext,
    args: Vec<TypedExpr>,
    _return_type: &LogicalType,
) -> Result<Expr, CallError> {
    let mut args = args.into_iter().map(|a| a.expr).rev();
    let Some(mut result) = args.next() else {
        return Err(CallError::Invalid("COALESCE() has no arguments".into()));
    };
    for arg in args {
        result = case(arg.clone().is_not_null(), arg, result);
    }
    Ok(result)
}

pub(crate) fn bind_case(
    ctx: &ExprContext,
    whens: Vec<(TypedExpr, TypedExpr)>,
    otherwise: Option<TypedExpr>,
) -> Result<TypedExpr, CallError> {
    let otherwise = otherwise.unwrap_or_else(literal::null);
    let (conditions, mut values): (Vec<_>, Vec<_>) = whens.into_iter().unzip();
    if let Some(wrong) = conditions
        .iter()
        .find(|c| !matches!(c.ty.kind, TypeKind::Boolean | TypeKind::Null))
    {
        return Err(CallError::Invalid(format!(
            "Expected a boolean type as CASE's condition, but got {}",
            wrong.ty
        )));
    }
    values.push(otherwise);
    if values.iter().all(|v| v.ty.kind == TypeKind::Null) {
        return Err(CallError::Invalid(
            "ELSE clause or at least one THEN clause must be non-NULL".into(),
        ));
    }
    let types: Vec<String> = values.iter().map(|v| v.ty.to_string()).collect();
    let (mut values, ty) = constructors::to_common_type(ctx, values).ok_or_else(|| {
        CallError::Invalid(format!(
            "Illegal mixing of types in CASE or COALESCE statement: {}",
            types.join(", ")
        ))
    })??;
    let otherwise = values.pop().map(|v| Box::new(v.expr));
    let boolean = LogicalType::from(TypeKind::Boolean);
    let conditions = conditions
        .into_iter()
        .map(|c| coerce(ctx, c, &boolean))
        .collect::<Result<Vec<_>, _>>()?;
    let whens = conditions
        .into_iter()
        .zip(values)
        .map(|(when, then)| (Box::new(when.expr), Box::new(then.expr)))
        .collect();
    let expr = Expr::Case(Case::new(None, whens, otherwise));
    Ok(TypedExpr::new(expr, ty))
}

/// `CASE WHEN condition THEN value ELSE otherwise END`.
pub(crate) fn case(condition: Expr, value: Expr, otherwise: Expr) -> Expr {
    Expr::Case(Case::new(
        None,
        vec![(Box::new(condition), Box::new(value))],
        Some(Box::new(otherwise)),
    ))
}
