//! Numeric functions.
//!
//! - [`elementary`]: powers, logarithms, trigonometry: DOUBLE in, DOUBLE out.
//! - [`rounding`]: CEIL, FLOOR, ROUND, TRUNCATE.
//! - [`sign`]: ABS, SIGN.
//! - [`random`]: RAND, RAND_INTEGER, UUID.

pub(crate) mod elementary;
pub(crate) mod random;
pub(crate) mod rounding;
pub(crate) mod sign;
