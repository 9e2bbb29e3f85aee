//! `||` of character strings.

use datafusion::logical_expr::Expr;
use filbert_types::logical_type::MAX_LENGTH;
use filbert_types::{LogicalType, TypeKind};

use crate::CallError;
use crate::call::bind_kernel;
use crate::definition::{Function, FunctionRef, Inferred};
use crate::signature::{CallArgs, STRING};
use crate::typed::{ExprContext, TypedExpr};

pub static FUNCTIONS: &[Function] = &[Function::expand(
    "||",
    &["<CHARACTER> || <CHARACTER>"],
    "Two texts, one after the other; NULL where one is.",
    infer,
    expand,
)
.hidden()];

fn infer(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[STRING, STRING]])?;
    let length = |kind: &TypeKind| match kind {
        TypeKind::Char(n) | TypeKind::VarChar(n) => *n,
        _ => MAX_LENGTH,
    };
    let sum = length(&types[0].kind)
        .saturating_add(length(&types[1].kind))
        .min(MAX_LENGTH);
    let kind = match (&types[0].kind, &types[1].kind) {
        (TypeKind::Char(_), TypeKind::Char(_)) => TypeKind::Char(sum),
        _ => TypeKind::VarChar(sum),
    };
    Ok(call.returns(types, kind))
}

/// By CONCAT's kernel, whose result is the same but for its length.
fn expand(ctx: &ExprContext, args: Vec<TypedExpr>, ty: &LogicalType) -> Result<Expr, CallError> {
    let concat = crate::registry::built_in("CONCAT")
        .ok_or_else(|| CallError::Unsupported("The operator ||".into()))?;
    Ok(bind_kernel(ctx, FunctionRef::BuiltIn(concat), args, ty.clone()).expr)
}
