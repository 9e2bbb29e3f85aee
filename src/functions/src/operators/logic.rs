//! AND, OR, NOT and the IS predicates.

use datafusion::logical_expr::Expr;
use filbert_types::{LogicalType, TypeKind};

use super::guard;
use crate::CallError;
use crate::definition::{Function, Inferred};
use crate::signature::{ANY, BOOLEAN, CallArgs};
use crate::typed::{ExprContext, TypedExpr};

pub static FUNCTIONS: &[Function] = &[
    Function::expand(
        "AND",
        &["<BOOLEAN> AND <BOOLEAN>"],
        "TRUE where both sides are.",
        infer_connective,
        |_, args, _| Ok(fold(args, guard::and)),
    )
    .hidden(),
    Function::expand(
        "OR",
        &["<BOOLEAN> OR <BOOLEAN>"],
        "TRUE where a side is.",
        infer_connective,
        |_, args, _| Ok(fold(args, guard::or)),
    )
    .hidden(),
    Function::expand(
        "NOT",
        &["NOT <BOOLEAN>"],
        "The opposite truth value.",
        |call| {
            let types = call.matches(&[&[BOOLEAN]])?;
            Ok(call.returns(types, TypeKind::Boolean))
        },
        |_, args, _| unary(args, |e| Expr::Not(Box::new(e))),
    )
    .hidden(),
    Function::expand(
        "IS NULL",
        &["<ANY> IS NULL"],
        "TRUE for NULL.",
        infer_is,
        |_, args, _| unary(args, Expr::is_null),
    )
    .hidden(),
    Function::expand(
        "IS NOT NULL",
        &["<ANY> IS NOT NULL"],
        "FALSE for NULL.",
        infer_is,
        |_, args, _| unary(args, Expr::is_not_null),
    )
    .hidden(),
    truth("IS TRUE", &["<BOOLEAN> IS TRUE"], |_, args, _| {
        unary(args, Expr::is_true)
    }),
    truth("IS FALSE", &["<BOOLEAN> IS FALSE"], |_, args, _| {
        unary(args, Expr::is_false)
    }),
    truth("IS UNKNOWN", &["<BOOLEAN> IS UNKNOWN"], |_, args, _| {
        unary(args, Expr::is_null)
    }),
    truth("IS NOT TRUE", &["<BOOLEAN> IS NOT TRUE"], |_, args, _| {
        unary(args, Expr::is_not_true)
    }),
    truth("IS NOT FALSE", &["<BOOLEAN> IS NOT FALSE"], |_, args, _| {
        unary(args, Expr::is_not_false)
    }),
    truth(
        "IS NOT UNKNOWN",
        &["<BOOLEAN> IS NOT UNKNOWN"],
        |_, args, _| unary(args, Expr::is_not_null),
    ),
];

const fn truth(
    name: &'static str,
    signatures: &'static [&'static str],
    expand: crate::definition::Expand,
) -> Function {
    Function::expand(
        name,
        signatures,
        "Tests a truth value; never NULL.",
        |call| {
            let types = call.matches(&[&[BOOLEAN]])?;
            Ok(call.returns_type(types, LogicalType::not_null(TypeKind::Boolean)))
        },
        expand,
    )
    .hidden()
}

fn infer_connective(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches_variadic(&[BOOLEAN, BOOLEAN], &BOOLEAN)?;
    Ok(call.returns(types, TypeKind::Boolean))
}

fn infer_is(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[ANY]])?;
    Ok(call.returns_type(types, LogicalType::not_null(TypeKind::Boolean)))
}

fn fold(args: Vec<TypedExpr>, connect: fn(Expr, Expr) -> Expr) -> Expr {
    let mut exprs = args.into_iter().map(|a| a.expr);
    // Inference has seen to it that there are two at least.
    let first = exprs.next().unwrap_or_default();
    exprs.fold(first, connect)
}

pub(super) fn unary(args: Vec<TypedExpr>, f: impl Fn(Expr) -> Expr) -> Result<Expr, CallError> {
    Ok(args
        .into_iter()
        .next()
        .map(|a| f(a.expr))
        .unwrap_or_default())
}

/// Binds `left AND right` of two conditions.
pub(crate) fn and(
    ctx: &ExprContext,
    left: TypedExpr,
    right: TypedExpr,
) -> Result<TypedExpr, CallError> {
    crate::call::built_in(ctx, "AND", vec![left, right])
}

/// Binds `NOT arg`.
pub(crate) fn not(ctx: &ExprContext, arg: TypedExpr) -> Result<TypedExpr, CallError> {
    crate::call::built_in(ctx, "NOT", vec![arg])
}
