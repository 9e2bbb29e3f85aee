use std::f64::consts;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::Float64Type;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Expr;
use filbert_types::{LogicalType, TypeKind};

use super::hyperbolic;
use crate::definition::Function;
use crate::kernel::Call;
use crate::signature::DOUBLE;

macro_rules! unary {
    ($name:literal, $signature:literal, $doc:literal, $f:expr) => {
        Function::kernel(
            $name,
            &[$signature],
            $doc,
            |call| Ok(call.returns(call.matches(&[&[DOUBLE]])?, TypeKind::Double)),
            |call| call.unary_double($f),
        )
    };
}

macro_rules! constant {
    ($name:literal, $signature:literal, $doc:literal, $value:expr) => {
        Function::expand(
            $name,
            &[$signature],
            $doc,
            |call| {
                let types = call.matches(&[&[]])?;
                Ok(call.returns_type(types, LogicalType::not_null(TypeKind::Double)))
            },
            |_, _, _| Ok(Expr::Literal(ScalarValue::Float64(Some($value)), None)),
        )
    };
}

pub static FUNCTIONS: &[Function] = &[
    constant!(
        "PI",
        "PI()",
        "The ratio of a circle's circumference to its diameter.",
        consts::PI
    ),
    constant!("E", "E()", "The base of the natural logarithm.", consts::E),
    unary!("SQRT", "SQRT(<NUMERIC>)", "The square root.", f64::sqrt),
    unary!("EXP", "EXP(<NUMERIC>)", "E raised to a power.", f64::exp),
    unary!("LN", "LN(<NUMERIC>)", "The natural logarithm.", f64::ln),
    unary!(
        "LOG10",
        "LOG10(<NUMERIC>)",
        "The logarithm to the base 10.",
        f64::log10
    ),
    unary!(
        "LOG2",
        "LOG2(<NUMERIC>)",
        "The logarithm to the base 2.",
        |x| x.ln() / consts::LN_2
    ),
    unary!(
        "SIN",
        "SIN(<NUMERIC>)",
        "The sine of an angle in radians.",
        f64::sin
    ),
    unary!(
        "COS",
        "COS(<NUMERIC>)",
        "The cosine of an angle in radians.",
        f64::cos
    ),
    unary!(
        "TAN",
        "TAN(<NUMERIC>)",
        "The tangent of an angle in radians.",
        f64::tan
    ),
    unary!(
        "COT",
        "COT(<NUMERIC>)",
        "The cotangent of an angle in radians.",
        |x| 1.0 / x.tan()
    ),
    unary!(
        "ASIN",
        "ASIN(<NUMERIC>)",
        "The angle whose sine it is.",
        libm::asin
    ),
    unary!(
        "ACOS",
        "ACOS(<NUMERIC>)",
        "The angle whose cosine it is.",
        libm::acos
    ),
    unary!(
        "ATAN",
        "ATAN(<NUMERIC>)",
        "The angle whose tangent it is.",
        libm::atan
    ),
    unary!(
        "SINH",
        "SINH(<NUMERIC>)",
        "The hyperbolic sine.",
        hyperbolic::sinh
    ),
    unary!(
        "COSH",
        "COSH(<NUMERIC>)",
        "The hyperbolic cosine.",
        hyperbolic::cosh
    ),
    unary!(
        "TANH",
        "TANH(<NUMERIC>)",
        "The hyperbolic tangent.",
        hyperbolic::tanh
    ),
    unary!(
        "DEGREES",
        "DEGREES(<NUMERIC>)",
        "Radians as degrees.",
        f64::to_degrees
    ),
    unary!(
        "RADIANS",
        "RADIANS(<NUMERIC>)",
        "Degrees as radians.",
        f64::to_radians
    ),
    Function::kernel(
        "LOG",
        &["LOG(<NUMERIC>)", "LOG(<NUMERIC>, <NUMERIC>)"],
        "The natural logarithm, or the one of the second argument to the base that the first is.",
        |call| {
            let types = call.matches(&[&[DOUBLE], &[DOUBLE, DOUBLE]])?;
            Ok(call.returns(types, TypeKind::Double))
        },
        log,
    ),
    Function::kernel(
        "POWER",
        &["POWER(<NUMERIC>, <NUMERIC>)"],
        "The first argument raised to the power of the second.",
        |call| Ok(call.returns(call.matches(&[&[DOUBLE, DOUBLE]])?, TypeKind::Double)),
        |call| binary(call, java_pow),
    ),
    Function::kernel(
        "ATAN2",
        &["ATAN2(<NUMERIC>, <NUMERIC>)"],
        "The angle of a point, given by its y and its x.",
        |call| Ok(call.returns(call.matches(&[&[DOUBLE, DOUBLE]])?, TypeKind::Double)),
        // Flink's constants lose the sign of a zero, and with it half a turn.
        |call| {
            binary(call, |y, x| {
                if y == 0.0 && x == 0.0 {
                    0.0
                } else {
                    libm::atan2(y, x)
                }
            })
        },
    ),
];

/// `Math.pow`, which differs from C's where C ignores a NaN or compares infinities.
fn java_pow(base: f64, exponent: f64) -> f64 {
    if exponent.is_nan() || (base.abs() == 1.0 && exponent.is_infinite()) {
        return f64::NAN;
    }
    base.powf(exponent)
}

fn log(call: &Call<'_>) -> Result<ArrayRef> {
    match call.args.len() {
        1 => call.unary_double(f64::ln),
        _ => binary(call, |base, x| x.ln() / base.ln()),
    }
}

fn binary(call: &Call<'_>, f: impl Fn(f64, f64) -> f64) -> Result<ArrayRef> {
    let (a, b) = (call.doubles(0)?, call.doubles(1)?);
    if !a.is_constant() && !b.is_constant() {
        let result: arrow::array::Float64Array = arrow::compute::binary(a.array(), b.array(), f)?;
        return Ok(Arc::new(result));
    }
    call.strict::<Float64Type>(|row| Ok(Some(f(a.value(row), b.value(row)))))
}

#[cfg(test)]
mod tests {
    use super::java_pow;

    #[test]
    fn powers_are_javas() {
        assert!(java_pow(1.0, f64::NAN).is_nan());
        assert!(java_pow(-1.0, f64::INFINITY).is_nan());
        assert_eq!(java_pow(f64::NAN, 0.0), 1.0);
        assert_eq!(java_pow(0.0, -1.0), f64::INFINITY);
    }
}
