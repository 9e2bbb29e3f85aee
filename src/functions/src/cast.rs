//! CAST, TRY_CAST and the casts that typing inserts.

pub(crate) mod constant;
mod datetime;
mod kernel;
mod nested;
mod number;
mod parse;
mod rules;
mod text;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Cast, Expr};
use filbert_types::logical_type::IntervalFields;
use filbert_types::{Field, LogicalType, TypeKind};

use crate::call::bind_kernel;
use crate::definition::{Body, Determinism, Function, FunctionRef};
use crate::signature::{ANY, CallArgs};
use crate::typed::{ExprContext, TypedExpr};
use crate::{CallError, definition::Inferred, literal, type_name};

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
    let nullable = arg.ty.nullable || arg.ty.kind == TypeKind::Null;
    check_single_unit(&arg.ty, ty)?;
    check(&arg.ty, ty, false)?;
    let to_number = ty.kind.is_approximate_numeric() || matches!(ty.kind, TypeKind::Decimal { .. });
    let arg = match constant::literal_under_cast(&arg) {
        Some(written) if to_number => written,
        _ => arg,
    };
    Ok(build(
        ctx,
        arg,
        &in_expressions(ty).with_nullable(nullable),
        false,
    ))
}

/// `TRY_CAST(arg AS ty)`: NULL where CAST fails.
pub fn try_cast(
    ctx: &ExprContext,
    arg: TypedExpr,
    ty: &LogicalType,
) -> Result<TypedExpr, CallError> {
    check_single_unit(&arg.ty, ty)?;
    check(&arg.ty, ty, false)?;
    Ok(build(
        ctx,
        arg,
        &in_expressions(ty).with_nullable(true),
        true,
    ))
}

/// In expressions every interval is one of months or of milliseconds, and fields have no comments.
fn in_expressions(ty: &LogicalType) -> LogicalType {
    let kind = match &ty.kind {
        TypeKind::IntervalYearMonth(_) => literal::INTERVAL_MONTHS,
        TypeKind::IntervalDayTime(_) => literal::INTERVAL_MILLIS,
        _ => return without_comments(ty),
    };
    LogicalType::new(kind, ty.nullable)
}

fn without_comments(ty: &LogicalType) -> LogicalType {
    let inner = |ty: &LogicalType| Box::new(without_comments(ty));
    let kind = match &ty.kind {
        TypeKind::Row(fields) => TypeKind::Row(
            fields
                .iter()
                .map(|f| Field::new(&f.name, without_comments(&f.ty)))
                .collect(),
        ),
        TypeKind::Structured { class, fields } => TypeKind::Structured {
            class: class.clone(),
            fields: fields
                .iter()
                .map(|f| Field::new(&f.name, without_comments(&f.ty)))
                .collect(),
        },
        TypeKind::Array(element) => TypeKind::Array(inner(element)),
        TypeKind::Multiset(element) => TypeKind::Multiset(inner(element)),
        TypeKind::Map(key, value) => TypeKind::Map(inner(key), inner(value)),
        kind => kind.clone(),
    };
    LogicalType::new(kind, ty.nullable)
}

/// How many months or milliseconds the one unit of an interval type is; none where it has two.
fn single_unit(kind: &TypeKind) -> Option<i128> {
    match kind {
        TypeKind::IntervalYearMonth(fields) | TypeKind::IntervalDayTime(fields) => match fields {
            IntervalFields::Year { .. } => Some(12),
            IntervalFields::Month => Some(1),
            IntervalFields::Day { .. } => Some(86_400_000),
            IntervalFields::Hour => Some(3_600_000),
            IntervalFields::Minute => Some(60_000),
            IntervalFields::Second { .. } => Some(1_000),
            _ => None,
        },
        _ => None,
    }
}

/// A number cast to an interval has one unit.
fn check_single_unit(from: &LogicalType, to: &LogicalType) -> Result<(), CallError> {
    let is_number = from.kind.is_numeric() && to.kind.is_interval();
    match is_number && single_unit(&to.kind).is_none() {
        true => Err(no_cast(from, to)),
        false => Ok(()),
    }
}

/// `CAST(5 AS INTERVAL DAY)`, where the number stands there as a literal, counts in the interval's unit: five days.
/// Other numbers count months or milliseconds, as in Flink. None where this is another cast.
pub fn literal_to_interval(
    arg: &TypedExpr,
    ty: &LogicalType,
) -> Result<Option<TypedExpr>, CallError> {
    let unit = single_unit(&ty.kind).filter(|_| arg.ty.kind.is_numeric());
    let Some((unit, value)) = unit.zip(arg.literal()) else {
        return Ok(None);
    };
    let scaled = match value {
        ScalarValue::Int32(Some(value)) => i128::from(*value) * unit,
        ScalarValue::Int64(Some(value)) => i128::from(*value) * unit,
        ScalarValue::Decimal128(Some(value), _, scale) => match value.checked_mul(unit) {
            Some(scaled) => scaled / 10_i128.pow(u32::from(scale.unsigned_abs())),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    let out_of_range = |_| CallError::Invalid(format!("{scaled} is too much for an interval"));
    Ok(Some(match ty.kind {
        TypeKind::IntervalYearMonth(_) => {
            literal::interval_months(i32::try_from(scaled).map_err(out_of_range)?)
        }
        _ => literal::interval_millis(i64::try_from(scaled).map_err(out_of_range)?),
    }))
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

/// A row or a collection with a NULL in it that nothing gives a type.
pub fn holds_untyped_null(kind: &TypeKind) -> bool {
    let null = |ty: &LogicalType| ty.kind == TypeKind::Null || holds_untyped_null(&ty.kind);
    match kind {
        TypeKind::Array(element) | TypeKind::Multiset(element) => null(element),
        TypeKind::Map(key, value) => null(key) || null(value),
        TypeKind::Row(fields) | TypeKind::Structured { fields, .. } => {
            fields.iter().any(|f| null(&f.ty))
        }
        _ => false,
    }
}

fn no_cast(from: &LogicalType, to: &LogicalType) -> CallError {
    CallError::NoCast {
        from: type_name::validator_name(from),
        to: type_name::validator_name(to),
    }
}

fn check(from: &LogicalType, to: &LogicalType, implicit: bool) -> Result<(), CallError> {
    if !implicit && holds_untyped_null(&from.kind) {
        return Err(CallError::Invalid("Illegal type: NULL".into()));
    }
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

#[cfg(test)]
mod tests;
