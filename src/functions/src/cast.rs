//! CAST, TRY_CAST and the casts that typing inserts.

mod kernel;
mod rules;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Cast, Expr};
use filbert_types::{LogicalType, TypeKind};

use crate::call::bind_kernel;
use crate::definition::{Body, Determinism, Function, FunctionRef};
use crate::signature::{ANY, CallArgs};
use crate::typed::{ExprContext, TypedExpr};
use crate::{CallError, definition::Inferred, type_name};

pub use kernel::cast_array;
pub(crate) use rules::integer_digits;
pub use rules::{CastSupport, support};

/// The functions behind casts; SQL reaches them by `CAST(.. AS ..)` alone.
pub static FUNCTIONS: &[Function] = &[CAST, TRY_CAST];

const CAST: Function = Function {
    fallible: true,
    hidden: true,
    ..Function::kernel(
        "CAST",
        &["CAST(<ANY> AS <TYPE>)"],
        "Converts a value to a type; fails where the value has no form in it.",
        as_given,
        kernel::cast,
    )
};

const TRY_CAST: Function = Function {
    hidden: true,
    determinism: Determinism::Always,
    ..Function::kernel(
        "TRY_CAST",
        &["TRY_CAST(<ANY> AS <TYPE>)"],
        "Converts a value to a type; NULL where the value has no form in it.",
        as_given,
        kernel::try_cast,
    )
};

fn as_given(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[ANY]])?;
    let kind = types[0].kind.clone();
    Ok(call.returns(types, kind))
}

/// `CAST(arg AS ty)`. The result is NOT NULL where the argument is, whatever `ty` says.
pub fn cast(ctx: &ExprContext, arg: TypedExpr, ty: &LogicalType) -> Result<TypedExpr, CallError> {
    check(&arg.ty, ty, false)?;
    let nullable = arg.ty.nullable;
    Ok(build(ctx, arg, &ty.with_nullable(nullable), false))
}

/// `TRY_CAST(arg AS ty)`: NULL where CAST fails.
pub fn try_cast(
    ctx: &ExprContext,
    arg: TypedExpr,
    ty: &LogicalType,
) -> Result<TypedExpr, CallError> {
    check(&arg.ty, ty, false)?;
    Ok(build(ctx, arg, &ty.with_nullable(true), true))
}

/// The cast that INSERT and function arguments get by themselves: refuses what Flink does not convert silently.
pub fn implicit_cast(
    ctx: &ExprContext,
    arg: TypedExpr,
    ty: &LogicalType,
) -> Result<TypedExpr, CallError> {
    check(&arg.ty, ty, true)?;
    coerce(ctx, arg, ty)
}

/// A cast that typing has already found to be right.
pub(crate) fn coerce(
    ctx: &ExprContext,
    arg: TypedExpr,
    ty: &LogicalType,
) -> Result<TypedExpr, CallError> {
    if arg.ty.kind == ty.kind {
        return Ok(arg);
    }
    if !support(&arg.ty, ty).is_possible() {
        return Err(no_cast(&arg.ty, ty));
    }
    let nullable = arg.ty.nullable;
    Ok(build(ctx, arg, &ty.with_nullable(nullable), false))
}

fn no_cast(from: &LogicalType, to: &LogicalType) -> CallError {
    CallError::NoCast {
        from: type_name::validator_name(from),
        to: type_name::validator_name(to),
    }
}

fn check(from: &LogicalType, to: &LogicalType, implicit: bool) -> Result<(), CallError> {
    match support(from, to) {
        CastSupport::Implicit => Ok(()),
        CastSupport::Explicit if !implicit => Ok(()),
        CastSupport::Explicit | CastSupport::Refused => Err(no_cast(from, to)),
        CastSupport::RefusedBecause(reason) => Err(CallError::Invalid(reason.to_string())),
    }
}

fn build(ctx: &ExprContext, arg: TypedExpr, ty: &LogicalType, try_cast: bool) -> TypedExpr {
    let (from, to) = (arg.ty.arrow(), ty.arrow());
    if rules::same_values(&arg.ty.kind, &ty.kind) && from == to {
        return TypedExpr::new(arg.expr, ty.clone());
    }
    if arg.ty.kind == TypeKind::Null {
        let null = ScalarValue::try_from(&to).unwrap_or(ScalarValue::Null);
        return TypedExpr::new(Expr::Literal(null, None), ty.with_nullable(true));
    }
    if rules::is_widening(&arg.ty.kind, &ty.kind) {
        if let Some(folded) = arg.literal().and_then(|v| v.cast_to(&to).ok()) {
            return TypedExpr::new(Expr::Literal(folded, None), ty.clone());
        }
        return TypedExpr::new(Expr::Cast(Cast::new(Box::new(arg.expr), to)), ty.clone());
    }
    let function = if try_cast { &TRY_CAST } else { &CAST };
    bind_kernel(ctx, FunctionRef::BuiltIn(function), vec![arg], ty.clone())
}

const _: () = assert!(matches!(CAST.body, Body::Kernel(_)));
