//! `+ - * / %` and the signs. Integers wrap, decimals give NULL where the result type can't hold them, division by zero
//! of exact numbers is an error.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, PrimitiveArray};
use arrow::compute::binary;
use arrow::datatypes::{Int8Type, Int16Type, Int32Type, Int64Type};
use datafusion::common::{Result as DfResult, ScalarValue, internal_err};
use datafusion::logical_expr::{Expr, Operator, binary_expr};
use filbert_types::logical_type::MAX_DECIMAL_PRECISION;
use filbert_types::{LogicalType, TypeKind};

use super::logic::unary;
use super::{decimal, temporal};
use crate::call::bind_kernel;
use crate::cast::coerce;
use crate::common_type::{common_type, digits};
use crate::definition::{Function, FunctionRef, Inferred};
use crate::kernel::{Arg, Call, fail};
use crate::signature::{ANY, CallArgs, Family, NUMERIC, Param};
use crate::typed::{ExprContext, TypedExpr};
use crate::{CallError, literal};

pub static FUNCTIONS: &[Function] = &[
    operator(
        "+",
        &["<NUMERIC> + <NUMERIC>", "<DATETIME> + <INTERVAL>"],
        infer_plus,
        |c, a, t| expand(c, a, t, Arithmetic::Plus),
    ),
    operator(
        "-",
        &[
            "<NUMERIC> - <NUMERIC>",
            "<DATETIME> - <INTERVAL>",
            "-<NUMERIC>",
        ],
        infer_minus,
        |c, a, t| expand(c, a, t, Arithmetic::Minus),
    ),
    operator(
        "*",
        &["<NUMERIC> * <NUMERIC>", "<INTERVAL> * <NUMERIC>"],
        infer_times,
        |c, a, t| expand(c, a, t, Arithmetic::Times),
    ),
    operator("/", &["<NUMERIC> / <NUMERIC>"], infer_divide, |c, a, t| {
        expand(c, a, t, Arithmetic::Divide)
    }),
    operator(
        "%",
        &["<EXACT_NUMERIC> % <EXACT_NUMERIC>"],
        infer_mod,
        |c, a, t| expand(c, a, t, Arithmetic::Modulo),
    ),
    Function::expand(
        "MOD",
        &["MOD(<EXACT_NUMERIC>, <EXACT_NUMERIC>)"],
        "The remainder of a division, with the sign of the dividend.",
        infer_mod,
        |c, a, t| expand(c, a, t, Arithmetic::Modulo),
    ),
    kernel("$INT_DIVIDE", |call| integers(call, false)).fallible(),
    kernel("$INT_MOD", |call| integers(call, true)).fallible(),
    kernel("$DECIMAL_PLUS", |call| {
        decimal::arithmetic(call, Arithmetic::Plus)
    }),
    kernel("$DECIMAL_MINUS", |call| {
        decimal::arithmetic(call, Arithmetic::Minus)
    }),
    kernel("$DECIMAL_TIMES", |call| {
        decimal::arithmetic(call, Arithmetic::Times)
    }),
    kernel("$DECIMAL_DIVIDE", |call| {
        decimal::arithmetic(call, Arithmetic::Divide)
    })
    .fallible(),
    kernel("$DECIMAL_MOD", |call| {
        decimal::arithmetic(call, Arithmetic::Modulo)
    })
    .fallible(),
];

const fn operator(
    name: &'static str,
    signatures: &'static [&'static str],
    infer: crate::definition::Infer,
    expand: crate::definition::Expand,
) -> Function {
    Function::expand(name, signatures, "Arithmetic.", infer, expand).hidden()
}

const fn kernel(name: &'static str, kernel: crate::definition::Kernel) -> Function {
    Function::kernel(
        name,
        &["<NUMERIC> <operator> <NUMERIC>"],
        "Arithmetic.",
        |call| {
            let types = call.matches(&[&[ANY, ANY]])?;
            let kind = types[0].kind.clone();
            Ok(call.returns(types, kind))
        },
        kernel,
    )
    .hidden()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Plus,
    Minus,
    Times,
    Divide,
    Modulo,
}

impl Arithmetic {
    fn operator(self) -> Operator {
        match self {
            Arithmetic::Plus => Operator::Plus,
            Arithmetic::Minus => Operator::Minus,
            Arithmetic::Times => Operator::Multiply,
            Arithmetic::Divide => Operator::Divide,
            Arithmetic::Modulo => Operator::Modulo,
        }
    }

    fn decimal_kernel(self) -> &'static str {
        match self {
            Arithmetic::Plus => "$DECIMAL_PLUS",
            Arithmetic::Minus => "$DECIMAL_MINUS",
            Arithmetic::Times => "$DECIMAL_TIMES",
            Arithmetic::Divide => "$DECIMAL_DIVIDE",
            Arithmetic::Modulo => "$DECIMAL_MOD",
        }
    }
}

const EXACT: Param = Param::of(Family::ExactNumeric);

fn infer_plus(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    if call.len() == 1 {
        let types = call.matches(&[&[NUMERIC], &[Param::of(Family::Interval)]])?;
        let ty = types[0].clone();
        return Ok(call.returns_type(types, ty));
    }
    infer_additive(call, Arithmetic::Plus)
}

fn infer_minus(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    if call.len() == 1 {
        return infer_plus(call);
    }
    infer_additive(call, Arithmetic::Minus)
}

fn infer_additive(call: &CallArgs<'_>, op: Arithmetic) -> Result<Inferred, CallError> {
    match temporal::infer(call, op)? {
        Some(inferred) => Ok(inferred),
        None => infer_numeric(call, op),
    }
}

fn infer_times(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    infer_additive(call, Arithmetic::Times)
}

fn infer_divide(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    infer_numeric(call, Arithmetic::Divide)
}

fn infer_mod(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    call.matches(&[&[EXACT, EXACT]])?;
    infer_numeric(call, Arithmetic::Modulo)
}

fn infer_numeric(call: &CallArgs<'_>, op: Arithmetic) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[NUMERIC, NUMERIC]])?;
    let kind = numeric_result(&types[0], &types[1], op).ok_or_else(|| call.refuse())?;
    Ok(call.returns(types, kind))
}

/// The type of an arithmetic result.
pub fn numeric_result(a: &LogicalType, b: &LogicalType, op: Arithmetic) -> Option<TypeKind> {
    if a.kind.is_exact_numeric() && b.kind.is_exact_numeric() {
        let (left, right) = (digits(&a.kind), digits(&b.kind));
        // A whole remainder is as wide as its divisor.
        if op == Arithmetic::Modulo && left.1 == 0 && right.1 == 0 {
            return Some(b.kind.clone());
        }
        if is_decimal(&a.kind) || is_decimal(&b.kind) {
            return Some(decimal_result(left, right, op));
        }
    }
    Some(common_type(&[a.clone(), b.clone()])?.kind)
}

fn is_decimal(kind: &TypeKind) -> bool {
    matches!(kind, TypeKind::Decimal { .. })
}

/// Flink's derivation of a decimal result's precision and scale.
fn decimal_result((p1, s1): (u8, u8), (p2, s2): (u8, u8), op: Arithmetic) -> TypeKind {
    let (p1, s1, p2, s2) = (p1 as i32, s1 as i32, p2 as i32, s2 as i32);
    let (precision, scale) = match op {
        Arithmetic::Plus | Arithmetic::Minus => {
            let scale = s1.max(s2);
            ((p1 - s1).max(p2 - s2) + scale + 1, scale)
        }
        Arithmetic::Times => (p1 + p2 + 1, s1 + s2),
        Arithmetic::Divide => {
            let scale = 6.max(s1 + p2 + 1);
            (p1 - s1 + s2 + scale, scale)
        }
        Arithmetic::Modulo => {
            let scale = s1.max(s2);
            ((p1 - s1).min(p2 - s2) + scale, scale)
        }
    };
    let max = MAX_DECIMAL_PRECISION as i32;
    if precision <= max {
        return TypeKind::decimal(precision as u8, scale as u8);
    }
    let integer = precision - scale;
    let scale = (max - integer).max(scale.min(6));
    TypeKind::decimal(MAX_DECIMAL_PRECISION, scale as u8)
}

fn expand(
    ctx: &ExprContext,
    args: Vec<TypedExpr>,
    ty: &LogicalType,
    op: Arithmetic,
) -> Result<Expr, CallError> {
    if args.len() == 1 {
        if op == Arithmetic::Minus && args[0].ty.kind.is_interval() && args[0].literal().is_none() {
            let minus_one = literal::of(
                ScalarValue::Int64(Some(-1)),
                LogicalType::not_null(TypeKind::BigInt),
            );
            let args = args.into_iter().chain([minus_one]).collect();
            return temporal::expand(ctx, args, ty, Arithmetic::Times);
        }
        return sign(args, op);
    }
    if args.iter().any(|a| !a.ty.kind.is_numeric()) {
        return temporal::expand(ctx, args, ty, op);
    }
    let mut args = args.into_iter();
    let (Some(left), Some(right)) = (args.next(), args.next()) else {
        return Err(CallError::Invalid("Arithmetic has two operands".into()));
    };
    match &ty.kind {
        TypeKind::Decimal { .. } => decimals(ctx, left, right, ty, op),
        // What is left of a whole decimal number, by an integer.
        kind if kind.is_integer() && is_decimal(&left.ty.kind) => {
            let (a, b) = (digits(&left.ty.kind), digits(&right.ty.kind));
            let whole = LogicalType::new(decimal_result(a, b, op), ty.nullable);
            let rest = TypedExpr::new(decimals(ctx, left, right, &whole, op)?, whole);
            Ok(coerce(ctx, rest, ty)?.expr)
        }
        kind if kind.is_integer() => integer(ctx, left, right, ty, op),
        _ => {
            let left = coerce(ctx, left, ty)?;
            let right = coerce(ctx, right, ty)?;
            if op == Arithmetic::Divide && left.literal().is_some() && is_zero(&right) {
                return Err(CallError::Invalid("Division by zero".into()));
            }
            Ok(binary_expr(left.expr, op.operator(), right.expr))
        }
    }
}

/// Flink divides constants as decimal numbers, which have no infinity.
fn is_zero(divisor: &TypedExpr) -> bool {
    match divisor.literal() {
        Some(ScalarValue::Float64(Some(value))) => *value == 0.0,
        Some(ScalarValue::Float32(Some(value))) => *value == 0.0,
        _ => false,
    }
}

fn sign(args: Vec<TypedExpr>, op: Arithmetic) -> Result<Expr, CallError> {
    if op == Arithmetic::Plus {
        return unary(args, |e| e);
    }
    unary(args, |e| match &e {
        // Flink reads `-0e0` as a decimal number, which has no negative zero.
        Expr::Literal(ScalarValue::Float64(Some(0.0)), _) => e,
        Expr::Literal(value, metadata) => match negated(value) {
            Some(value) => Expr::Literal(value, metadata.clone()),
            None => Expr::Negative(Box::new(e)),
        },
        _ => Expr::Negative(Box::new(e)),
    })
}

fn negated(value: &ScalarValue) -> Option<ScalarValue> {
    Some(match value {
        ScalarValue::Int8(v) => ScalarValue::Int8(v.map(i8::wrapping_neg)),
        ScalarValue::Int16(v) => ScalarValue::Int16(v.map(i16::wrapping_neg)),
        ScalarValue::Int32(v) => ScalarValue::Int32(v.map(i32::wrapping_neg)),
        ScalarValue::Int64(v) => ScalarValue::Int64(v.map(i64::wrapping_neg)),
        ScalarValue::Float32(v) => ScalarValue::Float32(v.map(|v| -v)),
        ScalarValue::Float64(v) => ScalarValue::Float64(v.map(|v| -v)),
        ScalarValue::Decimal128(v, p, s) => ScalarValue::Decimal128(v.map(|v| -v), *p, *s),
        ScalarValue::IntervalYearMonth(v) => {
            ScalarValue::IntervalYearMonth(v.map(i32::wrapping_neg))
        }
        ScalarValue::DurationMillisecond(v) => {
            ScalarValue::DurationMillisecond(v.map(i64::wrapping_neg))
        }
        _ => return None,
    })
}

fn integer(
    ctx: &ExprContext,
    left: TypedExpr,
    right: TypedExpr,
    ty: &LogicalType,
    op: Arithmetic,
) -> Result<Expr, CallError> {
    let wider = common_type(&[left.ty.clone(), right.ty.clone()]).unwrap_or_else(|| ty.clone());
    let left = coerce(ctx, left, &wider)?;
    let right = coerce(ctx, right, &wider)?;
    let name = match op {
        Arithmetic::Divide => "$INT_DIVIDE",
        Arithmetic::Modulo => "$INT_MOD",
        _ => return Ok(binary_expr(left.expr, op.operator(), right.expr)),
    };
    // A divisor that is neither 0 nor -1 can neither fail nor overflow.
    if right.literal().is_some_and(is_safe_divisor) {
        let expr = binary_expr(left.expr, op.operator(), right.expr);
        let result = TypedExpr::new(expr, wider);
        return Ok(coerce(ctx, result, ty)?.expr);
    }
    let nullable = ty.nullable;
    let result = built_in_kernel(ctx, name, left, right, &wider.with_nullable(nullable))?;
    Ok(coerce(ctx, result, ty)?.expr)
}

fn is_safe_divisor(value: &ScalarValue) -> bool {
    match value {
        ScalarValue::Int8(Some(v)) => !matches!(v, 0 | -1),
        ScalarValue::Int16(Some(v)) => !matches!(v, 0 | -1),
        ScalarValue::Int32(Some(v)) => !matches!(v, 0 | -1),
        ScalarValue::Int64(Some(v)) => !matches!(v, 0 | -1),
        _ => false,
    }
}

fn decimals(
    ctx: &ExprContext,
    left: TypedExpr,
    right: TypedExpr,
    ty: &LogicalType,
    op: Arithmetic,
) -> Result<Expr, CallError> {
    let as_decimal = |side: TypedExpr| {
        let (precision, scale) = digits(&side.ty.kind);
        let decimal = LogicalType::new(TypeKind::decimal(precision, scale), side.ty.nullable);
        coerce(ctx, side, &decimal)
    };
    let (left, right) = (as_decimal(left)?, as_decimal(right)?);
    if is_exact_in_arrow(&left.ty.kind, &right.ty.kind, op) {
        return Ok(binary_expr(left.expr, op.operator(), right.expr));
    }
    Ok(built_in_kernel(ctx, op.decimal_kernel(), left, right, ty)?.expr)
}

/// Arrow's result type is Flink's, and holds every result.
fn is_exact_in_arrow(a: &TypeKind, b: &TypeKind, op: Arithmetic) -> bool {
    let ((p1, s1), (p2, s2)) = (digits(a), digits(b));
    let precision = match op {
        Arithmetic::Plus | Arithmetic::Minus => (p1 - s1).max(p2 - s2) + s1.max(s2) + 1,
        Arithmetic::Times => p1 + p2 + 1,
        Arithmetic::Divide | Arithmetic::Modulo => return false,
    };
    precision <= MAX_DECIMAL_PRECISION
}

fn built_in_kernel(
    ctx: &ExprContext,
    name: &str,
    left: TypedExpr,
    right: TypedExpr,
    ty: &LogicalType,
) -> Result<TypedExpr, CallError> {
    let function = crate::registry::built_in(name)
        .ok_or_else(|| CallError::Invalid(format!("The operator {name} is not registered")))?;
    Ok(bind_kernel(
        ctx,
        FunctionRef::BuiltIn(function),
        vec![left, right],
        ty.clone(),
    ))
}

fn integers(call: &Call<'_>, modulo: bool) -> DfResult<ArrayRef> {
    match call.return_type.kind {
        TypeKind::TinyInt => typed_integers::<Int8Type>(call, modulo),
        TypeKind::SmallInt => typed_integers::<Int16Type>(call, modulo),
        TypeKind::Int => typed_integers::<Int32Type>(call, modulo),
        TypeKind::BigInt => typed_integers::<Int64Type>(call, modulo),
        _ => internal_err!("{} on {}", call.name, call.return_type),
    }
}

fn typed_integers<T: ArrowPrimitiveType>(call: &Call<'_>, modulo: bool) -> DfResult<ArrayRef> {
    let (left, right) = (call.primitives::<T>(0)?, call.primitives::<T>(1)?);
    if let Some(results) = nonzero_divisors(&left, &right, modulo)? {
        return Ok(results);
    }
    call.strict::<T>(|row| {
        let (a, b) = (left.value(row), right.value(row));
        if b.is_zero() {
            return Err(fail("/ by zero"));
        }
        Ok(Some(if modulo {
            a.mod_wrapping(b)
        } else {
            a.div_wrapping(b)
        }))
    })
}

/// Quotients or remainders of a whole column, where no divisor is zero; none where one may be.
fn nonzero_divisors<T: ArrowPrimitiveType>(
    left: &Arg<PrimitiveArray<T>>,
    right: &Arg<PrimitiveArray<T>>,
    modulo: bool,
) -> DfResult<Option<ArrayRef>> {
    let divisors = right.array();
    if left.is_constant() || divisors.values().iter().any(|b| b.is_zero()) {
        return Ok(None);
    }
    let dividends = left.array();
    let results: PrimitiveArray<T> = match (right.is_constant(), modulo) {
        (true, _) if divisors.null_count() > 0 => return Ok(None),
        (true, true) => {
            let b = divisors.value(0);
            dividends.unary(|a| a.mod_wrapping(b))
        }
        (true, false) => {
            let b = divisors.value(0);
            dividends.unary(|a| a.div_wrapping(b))
        }
        (false, true) => binary(dividends, divisors, |a, b| a.mod_wrapping(b))?,
        (false, false) => binary(dividends, divisors, |a, b| a.div_wrapping(b))?,
    };
    Ok(Some(Arc::new(results)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(a: (u8, u8), b: (u8, u8), op: Arithmetic) -> (u8, u8) {
        digits(&decimal_result(a, b, op))
    }

    #[test]
    fn decimal_types_are_flinks() {
        use Arithmetic::*;
        assert_eq!(result((38, 10), (38, 10), Plus), (38, 9));
        assert_eq!(result((38, 10), (38, 10), Times), (38, 6));
        assert_eq!(result((38, 0), (20, 18), Divide), (38, 6));
        assert_eq!(result((20, 18), (38, 0), Divide), (38, 36));
        assert_eq!(result((18, 6), (38, 18), Plus), (38, 17));
        assert_eq!(result((18, 6), (38, 18), Divide), (38, 8));
        assert_eq!(result((38, 18), (18, 6), Divide), (38, 12));
        assert_eq!(result((10, 2), (3, 0), Modulo), (5, 2));
        assert_eq!(result((7, 5), (5, 0), Modulo), (7, 5));
        assert_eq!(result((10, 2), (10, 0), Divide), (21, 13));
    }
}
