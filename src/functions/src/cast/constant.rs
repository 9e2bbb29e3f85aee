//! Numbers that are written as literals, seen through casts to FLOAT and DOUBLE: Calcite keeps their decimal value.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use filbert_types::LogicalType;

use super::CAST;
use crate::typed::TypedExpr;
use crate::udf::BoundFunction;

/// The argument, where this is CAST of it to FLOAT or DOUBLE.
fn under_cast(expr: &Expr) -> Option<(&Expr, &LogicalType)> {
    let Expr::ScalarFunction(call) = expr else {
        return None;
    };
    let bound = call.func.inner().downcast_ref::<BoundFunction>()?;
    let is_cast =
        bound.function.name() == CAST.name && bound.return_type.kind.is_approximate_numeric();
    match (&call.args[..], &bound.arg_types[..]) {
        ([arg], [ty]) if is_cast => Some((arg, ty)),
        _ => None,
    }
}

/// The exact literal in `CAST(literal AS FLOAT)`, which a further cast converts in its stead.
pub(super) fn literal_under_cast(arg: &TypedExpr) -> Option<TypedExpr> {
    let (inner, ty) = under_cast(&arg.expr)?;
    let is_exact = matches!(inner, Expr::Literal(..)) && ty.kind.is_exact_numeric();
    is_exact.then(|| TypedExpr::new(inner.clone(), ty.clone()))
}

/// The value of a number that is written as a literal: its digits without trailing zeros, and their scale.
pub(crate) fn written_number(expr: &Expr) -> Option<(i128, i32)> {
    let (mut digits, mut scale) = match expr {
        Expr::Literal(value, _) => number(value)?,
        other => written_number(under_cast(other)?.0)?,
    };
    while digits % 10 == 0 && digits != 0 {
        digits /= 10;
        scale -= 1;
    }
    Some((digits, if digits == 0 { 0 } else { scale }))
}

fn number(value: &ScalarValue) -> Option<(i128, i32)> {
    let text = match value {
        ScalarValue::Int8(Some(v)) => return Some((i128::from(*v), 0)),
        ScalarValue::Int16(Some(v)) => return Some((i128::from(*v), 0)),
        ScalarValue::Int32(Some(v)) => return Some((i128::from(*v), 0)),
        ScalarValue::Int64(Some(v)) => return Some((i128::from(*v), 0)),
        ScalarValue::Decimal128(Some(v), _, scale) => return Some((*v, i32::from(*scale))),
        ScalarValue::Float32(Some(v)) => v.to_string(),
        ScalarValue::Float64(Some(v)) => v.to_string(),
        _ => return None,
    };
    let scale = text.split_once('.').map_or(0, |(_, after)| after.len());
    let digits = text.replace('.', "").parse().ok()?;
    Some((digits, i32::try_from(scale).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_their_digits() {
        let written = |value: ScalarValue| written_number(&Expr::Literal(value, None));
        assert_eq!(written(ScalarValue::Int32(Some(100))), Some((1, -2)));
        assert_eq!(
            written(ScalarValue::Decimal128(Some(150), 4, 2)),
            Some((15, 1))
        );
        assert_eq!(written(ScalarValue::Float64(Some(1.5))), Some((15, 1)));
        assert_eq!(written(ScalarValue::Float32(Some(0.1))), Some((1, 1)));
        assert_eq!(written(ScalarValue::Float64(Some(-0.0))), Some((0, 0)));
        assert_eq!(written(ScalarValue::Float64(Some(f64::NAN))), None);
        assert_eq!(written(ScalarValue::Float64(Some(1e300))), None);
    }
}
