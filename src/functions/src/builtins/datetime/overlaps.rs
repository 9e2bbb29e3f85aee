//! OVERLAPS(a, b, c, d): `(a, b) OVERLAPS (c, d)`, where b and d are the ends of the periods or their lengths.

use datafusion::logical_expr::Expr;
use filbert_types::{LogicalType, TypeKind};

use crate::CallError;
use crate::builtins::conditional::case;
use crate::call::built_in;
use crate::definition::{Function, Inferred};
use crate::signature::{CallArgs, Family, Param};
use crate::typed::{ExprContext, TypedExpr};

pub static FUNCTIONS: &[Function] = &[Function::expand(
    "OVERLAPS",
    &["(<DATETIME>, <DATETIME_OR_INTERVAL>) OVERLAPS (<DATETIME>, <DATETIME_OR_INTERVAL>)"],
    "Whether two periods have a moment in common, their ends included.",
    infer,
    expand,
)
.aliases(&["TEMPORALOVERLAPS"])
.hidden()];

const POINT: Param = Param::of(Family::Datetime);
const LENGTH: Param = Param::of(Family::Interval);

fn infer(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[
        &[POINT, POINT, POINT, POINT],
        &[POINT, POINT, POINT, LENGTH],
        &[POINT, LENGTH, POINT, POINT],
        &[POINT, LENGTH, POINT, LENGTH],
    ])?;
    Ok(call.returns(types, TypeKind::Boolean))
}

fn expand(
    ctx: &ExprContext,
    args: Vec<TypedExpr>,
    _return_type: &LogicalType,
) -> Result<Expr, CallError> {
    let [a, b, c, d] = args.as_slice() else {
        return Err(CallError::Invalid("OVERLAPS compares two periods".into()));
    };
    let (first_start, first_end) = period(ctx, a, b)?;
    let (second_start, second_end) = period(ctx, c, d)?;
    let sides = vec![
        built_in(ctx, ">=", vec![first_end, second_start])?,
        built_in(ctx, ">=", vec![second_end, first_start])?,
    ];
    Ok(built_in(ctx, "AND", sides)?.expr)
}

/// The earlier and the later end of a period.
fn period(
    ctx: &ExprContext,
    start: &TypedExpr,
    end: &TypedExpr,
) -> Result<(TypedExpr, TypedExpr), CallError> {
    let end = if end.ty.kind.is_interval() {
        built_in(ctx, "+", vec![start.clone(), end.clone()])?
    } else {
        end.clone()
    };
    let ordered = built_in(ctx, "<=", vec![start.clone(), end.clone()])?.expr;
    let ty =
        crate::common_type(&[start.ty.clone(), end.ty.clone()]).unwrap_or_else(|| start.ty.clone());
    let (start, end) = (
        crate::cast::coerce(ctx, start.clone(), &ty)?,
        crate::cast::coerce(ctx, end, &ty)?,
    );
    let earlier = case(ordered.clone(), start.expr.clone(), end.expr.clone());
    let later = case(ordered, end.expr, start.expr);
    Ok((
        TypedExpr::new(earlier, ty.clone()),
        TypedExpr::new(later, ty),
    ))
}
