//! COALESCE, IF, NULLIF, ..: all of them CASE expressions, so that they stay lazy.

use datafusion::logical_expr::Expr;

use crate::CallError;
use crate::common_type::common_type;
use crate::definition::{Function, Inferred};
use crate::signature::CallArgs;
use crate::typed::{ExprContext, TypedExpr};
use filbert_types::LogicalType;

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

/// `CASE WHEN condition THEN value ELSE otherwise END`.
pub(crate) fn case(condition: Expr, value: Expr, otherwise: Expr) -> Expr {
    Expr::Case(datafusion::logical_expr::Case::new(
        None,
        vec![(Box::new(condition), Box::new(value))],
        Some(Box::new(otherwise)),
    ))
}
