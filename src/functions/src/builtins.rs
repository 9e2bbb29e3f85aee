//! Flink's built-in functions, one file a family. A family is a `pub static FUNCTIONS: &[Function]`.

pub(crate) mod conditional;

use crate::cast;
use crate::definition::Function;

/// The families' tables.
static FAMILIES: &[&[Function]] = &[cast::FUNCTIONS, conditional::FUNCTIONS];

/// Every built-in scalar function and operator.
pub fn all() -> impl Iterator<Item = &'static Function> {
    FAMILIES.iter().flat_map(|family| family.iter())
}
