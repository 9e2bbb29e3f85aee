//! Java's `StrictMath`, which other libraries miss by the last digit: `libm`'s exponentials are of the same origin.

use std::f64::consts::LN_2;

/// Above it E's power is infinite, though half of it isn't.
const OVERFLOW: f64 = 709.782712893384;

pub(super) fn cosh(x: f64) -> f64 {
    let x = x.abs();
    if x < 0.5 * LN_2 {
        let t = libm::expm1(x);
        let w = 1.0 + t;
        return 1.0 + (t * t) / (w + w);
    }
    if x < 22.0 {
        let t = libm::exp(x);
        return 0.5 * t + 0.5 / t;
    }
    large(x, 0.5)
}

pub(super) fn sinh(x: f64) -> f64 {
    let half = if x < 0.0 { -0.5 } else { 0.5 };
    let magnitude = x.abs();
    if magnitude < 2f64.powi(-28) || x.is_nan() {
        return x;
    }
    if magnitude < 22.0 {
        let t = libm::expm1(magnitude);
        if magnitude < 1.0 {
            return half * (2.0 * t - t * t / (t + 1.0));
        }
        return half * (t + t / (t + 1.0));
    }
    large(magnitude, half)
}

fn large(magnitude: f64, half: f64) -> f64 {
    if magnitude < OVERFLOW {
        return half * libm::exp(magnitude);
    }
    let w = libm::exp(0.5 * magnitude);
    half * w * w
}

pub(super) fn tanh(x: f64) -> f64 {
    let magnitude = x.abs();
    if magnitude < 2f64.powi(-55) || x.is_nan() {
        return x;
    }
    let result = if magnitude >= 22.0 {
        1.0
    } else if magnitude >= 1.0 {
        1.0 - 2.0 / (libm::expm1(2.0 * magnitude) + 2.0)
    } else {
        let t = libm::expm1(-2.0 * magnitude);
        -t / (t + 2.0)
    };
    result.copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Flink's SINH, COSH and TANH answered.
    #[test]
    fn last_digits_are_javas() {
        for (x, sine, cosine, tangent) in [
            (
                0.1,
                0.10016675001984403,
                1.0050041680558035,
                0.09966799462495582,
            ),
            (
                0.7,
                0.7585837018395334,
                1.255169005630943,
                0.6043677771171636,
            ),
            (
                1.0,
                1.1752011936438014,
                1.543080634815244,
                0.7615941559557649,
            ),
            (
                1.3,
                1.698382437292616,
                1.9709142303266285,
                0.8617231593133063,
            ),
            (
                2.9,
                9.059561074693326,
                9.114584294749735,
                0.9939631673505831,
            ),
            (
                3.3,
                13.537877876628322,
                13.574761044029561,
                0.9972829600991421,
            ),
            (
                5.7,
                149.4320275008014,
                149.43537346625888,
                0.9999776092809898,
            ),
            (
                7.1,
                605.9831246938265,
                605.9839497987498,
                0.9999986384046582,
            ),
            (9.9, 9965.185194027807, 9965.18524420249, 0.9999999949650026),
        ] {
            assert_eq!((sinh(x), cosh(x), tanh(x)), (sine, cosine, tangent), "{x}");
        }
        assert_eq!(sinh(1e-10), 1e-10);
        assert_eq!(
            (sinh(1000.0), cosh(-1000.0)),
            (f64::INFINITY, f64::INFINITY)
        );
        assert_eq!(tanh(-1000.0), -1.0);
    }
}
