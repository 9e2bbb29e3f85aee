//! `=`, `<>`, `<`, .., IS DISTINCT FROM, BETWEEN and IN.

mod floats;
mod range;

use floats::floats;
use range::{BETWEEN_FORMS, between, in_list};

use datafusion::logical_expr::{Expr, Operator, binary_expr};
use filbert_types::{LogicalType, TypeKind};

use super::nested;
use crate::call::bind_kernel;
use crate::cast::constant::written_number;
use crate::cast::{cast, coerce, try_cast};
use crate::common_type::common_type;
use crate::definition::{Function, FunctionRef, Inferred};
use crate::signature::{ANY, CallArgs};
use crate::typed::{ExprContext, TypedExpr};
use crate::{CallError, literal};

const COMPARABLE: &[&str] = &["<COMPARABLE_TYPE> <operator> <COMPARABLE_TYPE>"];

pub static FUNCTIONS: &[Function] = &[
    operator(
        "=",
        &["<COMPARABLE_TYPE> = <COMPARABLE_TYPE>"],
        infer_equality,
        |c, a, _| expand(c, a, Comparison::Eq),
    ),
    operator(
        "<>",
        &["<COMPARABLE_TYPE> <> <COMPARABLE_TYPE>"],
        infer_equality,
        |c, a, _| expand(c, a, Comparison::NotEq),
    ),
    operator(
        "<",
        &["<COMPARABLE_TYPE> < <COMPARABLE_TYPE>"],
        infer_compare,
        |c, a, _| expand(c, a, Comparison::Lt),
    ),
    operator(
        "<=",
        &["<COMPARABLE_TYPE> <= <COMPARABLE_TYPE>"],
        infer_compare,
        |c, a, _| expand(c, a, Comparison::LtEq),
    ),
    operator(
        ">",
        &["<COMPARABLE_TYPE> > <COMPARABLE_TYPE>"],
        infer_compare,
        |c, a, _| expand(c, a, Comparison::Gt),
    ),
    operator(
        ">=",
        &["<COMPARABLE_TYPE> >= <COMPARABLE_TYPE>"],
        infer_compare,
        |c, a, _| expand(c, a, Comparison::GtEq),
    ),
    distinct("IS DISTINCT FROM", |c, a, _| {
        expand(c, a, Comparison::Distinct)
    }),
    distinct("IS NOT DISTINCT FROM", |c, a, _| {
        expand(c, a, Comparison::NotDistinct)
    }),
    kernel("$EQ", |call| floats(call, Comparison::Eq)),
    kernel("$NE", |call| floats(call, Comparison::NotEq)),
    kernel("$LT", |call| floats(call, Comparison::Lt)),
    kernel("$LE", |call| floats(call, Comparison::LtEq)),
    kernel("$GT", |call| floats(call, Comparison::Gt)),
    kernel("$GE", |call| floats(call, Comparison::GtEq)),
    kernel("$DISTINCT", |call| floats(call, Comparison::Distinct)),
    kernel("$NOT_DISTINCT", |call| {
        floats(call, Comparison::NotDistinct)
    }),
    kernel("$NESTED_EQ", |call| nested::compare(call, Comparison::Eq)),
    kernel("$NESTED_NE", |call| {
        nested::compare(call, Comparison::NotEq)
    }),
    kernel("$NESTED_DISTINCT", |call| {
        nested::compare(call, Comparison::Distinct)
    }),
    kernel("$NESTED_NOT_DISTINCT", |call| {
        nested::compare(call, Comparison::NotDistinct)
    }),
    range("BETWEEN", |c, a, _| between(c, a, false, false)),
    range("NOT BETWEEN", |c, a, _| between(c, a, false, true)),
    range("BETWEEN SYMMETRIC", |c, a, _| between(c, a, true, false)),
    range("NOT BETWEEN SYMMETRIC", |c, a, _| between(c, a, true, true)),
    list("IN", |c, a, _| in_list(c, a, false)),
    list("NOT IN", |c, a, _| in_list(c, a, true)),
];

const fn operator(
    name: &'static str,
    signatures: &'static [&'static str],
    infer: crate::definition::Infer,
    expand: crate::definition::Expand,
) -> Function {
    Function::expand(
        name,
        signatures,
        "Compares two values; NULL where one is.",
        infer,
        expand,
    )
    .hidden()
}

const fn distinct(name: &'static str, expand: crate::definition::Expand) -> Function {
    Function::expand(
        name,
        COMPARABLE,
        "Compares two values, with NULL as a value.",
        |call| {
            let inferred = infer_compare(call)?;
            let types = inferred.arg_types;
            Ok(call.returns_type(types, LogicalType::not_null(TypeKind::Boolean)))
        },
        expand,
    )
    .hidden()
}

const fn kernel(name: &'static str, kernel: crate::definition::Kernel) -> Function {
    Function::kernel(
        name,
        COMPARABLE,
        "Compares two values.",
        infer_compare,
        kernel,
    )
    .hidden()
}

const fn range(name: &'static str, expand: crate::definition::Expand) -> Function {
    Function::expand(
        name,
        BETWEEN_FORMS,
        "Whether a value lies between two others, both included.",
        |call| {
            let types = call.matches(&[&[ANY, ANY, ANY]])?;
            Ok(call.returns(types, TypeKind::Boolean))
        },
        expand,
    )
    .hidden()
}

const fn list(name: &'static str, expand: crate::definition::Expand) -> Function {
    Function::expand(
        name,
        &["<COMPARABLE_TYPE> IN (<COMPARABLE_TYPE>, ...)"],
        "Whether a value is among others.",
        |call| {
            let types = call.matches_variadic(&[ANY, ANY], &ANY)?;
            // Rows that are written as such are compared field by field.
            let nullable_field = call.args.iter().any(|arg| {
                crate::constructors::row_fields(arg)
                    .is_some_and(|fields| fields.iter().any(|f| f.ty.nullable))
            });
            let nullable = nullable_field || types.iter().any(|t| t.nullable);
            Ok(call.returns_type(types, LogicalType::new(TypeKind::Boolean, nullable)))
        },
        expand,
    )
    .hidden()
}

/// A way to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Eq,
    NotEq,
    Lt,
    LtEq,
    Gt,
    GtEq,
    Distinct,
    NotDistinct,
}

impl Comparison {
    fn operator(self) -> Operator {
        match self {
            Comparison::Eq => Operator::Eq,
            Comparison::NotEq => Operator::NotEq,
            Comparison::Lt => Operator::Lt,
            Comparison::LtEq => Operator::LtEq,
            Comparison::Gt => Operator::Gt,
            Comparison::GtEq => Operator::GtEq,
            Comparison::Distinct => Operator::IsDistinctFrom,
            Comparison::NotDistinct => Operator::IsNotDistinctFrom,
        }
    }

    fn float_kernel(self) -> &'static str {
        match self {
            Comparison::Eq => "$EQ",
            Comparison::NotEq => "$NE",
            Comparison::Lt => "$LT",
            Comparison::LtEq => "$LE",
            Comparison::Gt => "$GT",
            Comparison::GtEq => "$GE",
            Comparison::Distinct => "$DISTINCT",
            Comparison::NotDistinct => "$NOT_DISTINCT",
        }
    }

    fn nested_kernel(self) -> Option<&'static str> {
        match self {
            Comparison::Eq => Some("$NESTED_EQ"),
            Comparison::NotEq => Some("$NESTED_NE"),
            Comparison::Distinct => Some("$NESTED_DISTINCT"),
            Comparison::NotDistinct => Some("$NESTED_NOT_DISTINCT"),
            _ => None,
        }
    }

    fn is_order(self) -> bool {
        matches!(
            self,
            Comparison::Lt | Comparison::LtEq | Comparison::Gt | Comparison::GtEq
        )
    }
}

pub(crate) fn infer_compare(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[ANY, ANY]])?;
    let (a, b) = (&types[0], &types[1]);
    if !comparable(&a.kind, &b.kind) {
        return Err(call.refuse());
    }
    if is_character_and_number(&a.kind, &b.kind) {
        let name = |t: &LogicalType| crate::type_name::validator_name(t);
        let strip = |t: String| t.split('(').next().unwrap_or_default().to_string();
        return Err(CallError::Invalid(format!(
            "implicit type conversion between {} and {} is not supported now",
            strip(name(a)),
            strip(name(b))
        )));
    }
    // Constructors are compared field by field.
    let nullable_field = row_constructors(&call.args[0], &call.args[1])
        .is_some_and(|fields| fields.iter().any(|(l, r)| l.ty.nullable || r.ty.nullable));
    let nullable = nullable_field || call.any_nullable();
    Ok(call.returns_type(types, LogicalType::new(TypeKind::Boolean, nullable)))
}

fn infer_equality(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let mut inferred = infer_compare(call)?;
    let (a, b) = (&call.args[0], &call.args[1]);
    inferred.return_type.nullable |=
        may_be_no_datetime(a, &b.ty.kind) || may_be_no_datetime(b, &a.ty.kind);
    Ok(inferred)
}

/// Equality reads a text beside a datetime as one, and is NULL where it is none; an order fails there. A literal text is
/// read at once.
fn may_be_no_datetime(text: &TypedExpr, other: &TypeKind) -> bool {
    let is_datetime = other.is_timestamp() || matches!(other, TypeKind::Date | TypeKind::Time(_));
    is_datetime && text.ty.kind.is_character() && text.literal().is_none()
}

fn is_character_and_number(a: &TypeKind, b: &TypeKind) -> bool {
    (a.is_character() && b.is_numeric()) || (a.is_numeric() && b.is_character())
}

fn comparable(a: &TypeKind, b: &TypeKind) -> bool {
    use TypeKind::*;
    match (a, b) {
        (Null, _) | (_, Null) => true,
        (a, b) if a.is_numeric() && b.is_numeric() => true,
        (a, b) if a.is_character() && b.is_character() => true,
        (a, b) if a.is_binary() && b.is_binary() => true,
        (a, b) if a.is_timestamp() && b.is_timestamp() => true,
        (a, b) if is_character_and_number(a, b) => true,
        (Date | Time(_), b) if b.is_character() => true,
        (a, Date | Time(_)) if a.is_character() => true,
        (a, b) if a.is_timestamp() && b.is_character() => true,
        (a, b) if a.is_character() && b.is_timestamp() => true,
        (Boolean, b) if b.is_character() => true,
        (a, Boolean) if a.is_character() => true,
        (Boolean, Boolean) | (Date, Date) | (Time(_), Time(_)) => true,
        (IntervalYearMonth(_), IntervalYearMonth(_)) => true,
        (IntervalDayTime(_), IntervalDayTime(_)) => true,
        (Array(a), Array(b)) | (Multiset(a), Multiset(b)) => comparable(&a.kind, &b.kind),
        (Map(ak, av), Map(bk, bv)) => {
            comparable(&ak.kind, &bk.kind) && comparable(&av.kind, &bv.kind)
        }
        (Row(a), Row(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|(a, b)| comparable(&a.ty.kind, &b.ty.kind))
        }
        (a, b) => a == b && !matches!(a, Raw { .. } | Symbol | Descriptor),
    }
}

/// The type in which two values are compared.
fn comparison_kind(a: &LogicalType, b: &LogicalType, how: Comparison) -> Option<TypeKind> {
    use TypeKind::*;
    Some(match (&a.kind, &b.kind) {
        (Null, Null) => Boolean,
        // Equality converts to the left one's type, order to the wider: Flink's way.
        (Float, Double) | (Double, Float) => match how {
            Comparison::Eq | Comparison::NotEq => a.kind.clone(),
            _ => Double,
        },
        (a, b) if a.is_timestamp() && b.is_timestamp() => {
            let precision = timestamp_precision(a).max(timestamp_precision(b));
            match (a, b) {
                (Timestamp { .. }, Timestamp { .. }) => TypeKind::timestamp(precision),
                _ => TypeKind::timestamp_ltz(precision),
            }
        }
        // Text beside a number or a datetime is read as one.
        (a, b) if a.is_character() && !b.is_character() && *b != Null => b.clone(),
        (a, b) if b.is_character() && !a.is_character() && *a != Null => a.clone(),
        _ => common_type(&[a.clone(), b.clone()])?.kind,
    })
}

fn timestamp_precision(kind: &TypeKind) -> u8 {
    match kind {
        TypeKind::Timestamp { precision, .. } | TypeKind::TimestampLtz { precision, .. } => {
            *precision
        }
        _ => 0,
    }
}

fn expand(ctx: &ExprContext, args: Vec<TypedExpr>, how: Comparison) -> Result<Expr, CallError> {
    let mut args = args.into_iter();
    let (Some(left), Some(right)) = (args.next(), args.next()) else {
        return Err(CallError::Invalid("A comparison has two sides".into()));
    };
    compare(ctx, left, right, how)
}

/// The expression that compares two values whose types have been found comparable.
pub(crate) fn compare(
    ctx: &ExprContext,
    left: TypedExpr,
    right: TypedExpr,
    how: Comparison,
) -> Result<Expr, CallError> {
    let (a, b) = (&left.ty.kind, &right.ty.kind);
    if let Some(fields) = row_constructors(&left, &right) {
        return compare_rows(ctx, fields, how);
    }
    if let Some(answer) = written_numbers(&left, &right, how) {
        return Ok(literal::boolean(answer).expr);
    }
    let text_and_boolean = (*a == TypeKind::Boolean && b.is_character())
        || (*b == TypeKind::Boolean && a.is_character());
    if text_and_boolean {
        // Never equal in Flink, whatever the text says; NULL stays NULL.
        let null = literal::null_of(&LogicalType::from(TypeKind::Boolean)).expr;
        let either_null = left.expr.is_null().or(right.expr.is_null());
        let answer = literal::boolean(matches!(how, Comparison::NotEq | Comparison::Distinct)).expr;
        return Ok(crate::builtins::conditional::case(
            either_null,
            null,
            answer,
        ));
    }
    let refuse = || CallError::Invalid(format!("Cannot compare {} with {}", left.ty, right.ty));
    let kind = comparison_kind(&left.ty, &right.ty, how).ok_or_else(refuse)?;
    if how.is_order() && is_nested(&kind) {
        return Err(CallError::Invalid(format!(
            "Comparable type expected, but was '{}'.",
            left.ty
        )));
    }
    let ty = LogicalType::from(kind);
    let left = comparison_side(ctx, left, &ty, how)?;
    let right = comparison_side(ctx, right, &ty, how)?;
    let name = match &ty.kind {
        kind if is_nested(kind) => how.nested_kernel(),
        kind if kind.is_approximate_numeric() => Some(how.float_kernel()),
        _ => None,
    };
    let Some(name) = name else {
        return Ok(binary_expr(left.expr, how.operator(), right.expr));
    };
    let nullable = left.ty.nullable || right.ty.nullable;
    let function = crate::registry::built_in(name)
        .ok_or_else(|| CallError::Invalid(format!("The comparison {name} is not registered")))?;
    let result = LogicalType::new(TypeKind::Boolean, nullable);
    Ok(bind_kernel(
        ctx,
        FunctionRef::BuiltIn(function),
        vec![left, right],
        result,
    )
    .expr)
}

/// Numbers that are written as literals are equal where their digits are, whatever types they are cast to.
fn written_numbers(left: &TypedExpr, right: &TypedExpr, how: Comparison) -> Option<bool> {
    let (a, b) = (&left.ty.kind, &right.ty.kind);
    let is_approximate = a.is_approximate_numeric() || b.is_approximate_numeric();
    let is_equality = matches!(how, Comparison::Eq | Comparison::NotEq);
    if a == b || !is_approximate || !is_equality {
        return None;
    }
    let equal = written_number(&left.expr)? == written_number(&right.expr)?;
    Some(equal == (how == Comparison::Eq))
}

/// One side, in the type in which the two are compared.
fn comparison_side(
    ctx: &ExprContext,
    side: TypedExpr,
    ty: &LogicalType,
    how: Comparison,
) -> Result<TypedExpr, CallError> {
    if !how.is_order() && may_be_no_datetime(&side, &ty.kind) {
        return try_cast(ctx, side, ty);
    }
    if side.ty.kind.is_character() && !ty.kind.is_character() {
        return cast(ctx, side, ty);
    }
    if side.ty.kind.is_character() || side.ty.kind.is_binary() {
        return Ok(side);
    }
    coerce(ctx, side, ty)
}

fn is_nested(kind: &TypeKind) -> bool {
    matches!(
        kind,
        TypeKind::Array(_)
            | TypeKind::Map(..)
            | TypeKind::Multiset(_)
            | TypeKind::Row(_)
            | TypeKind::Structured { .. }
            | TypeKind::Variant
            | TypeKind::Bitmap
    )
}

/// The fields of two row constructors, pairwise.
fn row_constructors(left: &TypedExpr, right: &TypedExpr) -> Option<Vec<(TypedExpr, TypedExpr)>> {
    let left = crate::constructors::row_fields(left)?;
    let right = crate::constructors::row_fields(right)?;
    (left.len() == right.len() && !left.is_empty()).then(|| left.into_iter().zip(right).collect())
}

/// `(a, b) = (c, d)` is `a = c AND b = d`; a NULL field makes the answer unknown.
fn compare_rows(
    ctx: &ExprContext,
    fields: Vec<(TypedExpr, TypedExpr)>,
    how: Comparison,
) -> Result<Expr, CallError> {
    let (each, negate) = match how {
        Comparison::Eq => (Comparison::Eq, false),
        Comparison::NotEq => (Comparison::Eq, true),
        Comparison::Distinct => (Comparison::NotDistinct, true),
        Comparison::NotDistinct => (Comparison::NotDistinct, false),
        _ => {
            let types: Vec<String> = fields.iter().map(|(l, _)| l.ty.to_string()).collect();
            return Err(CallError::Invalid(format!(
                "Comparable type expected, but was 'ROW<{}>'.",
                types.join(", ")
            )));
        }
    };
    let mut all: Option<Expr> = None;
    for (left, right) in fields {
        let one = compare(ctx, left, right, each)?;
        all = Some(match all {
            Some(all) => super::guard::and(all, one),
            None => one,
        });
    }
    let all = all.unwrap_or_else(|| literal::boolean(true).expr);
    Ok(if negate {
        Expr::Not(Box::new(all))
    } else {
        all
    })
}
