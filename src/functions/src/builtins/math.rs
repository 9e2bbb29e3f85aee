//! Numeric functions.
//!
//! - [`elementary`]: powers, logarithms, trigonometry: DOUBLE in, DOUBLE out.
//! - `hyperbolic`: their hyperbolic ones, to the last digit as Java.
//! - [`rounding`]: CEIL, FLOOR, ROUND, TRUNCATE.
//! - [`sign`]: ABS, SIGN.
//! - [`random`]: RAND, RAND_INTEGER, UUID.

pub(crate) mod elementary;
mod hyperbolic;
pub(crate) mod random;
pub(crate) mod rounding;
pub(crate) mod sign;
