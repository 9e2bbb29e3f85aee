//! Flink's built-in functions, one file a family. A family is a `pub static FUNCTIONS: &[Function]`.

pub(crate) mod conditional;

use crate::definition::Function;
use crate::{cast, constructors, operators};

/// The families' tables.
static FAMILIES: &[&[Function]] = &[
    cast::FUNCTIONS,
    conditional::FUNCTIONS,
    constructors::FUNCTIONS,
    operators::arithmetic::FUNCTIONS,
    operators::comparison::FUNCTIONS,
    operators::logic::FUNCTIONS,
    operators::temporal::FUNCTIONS,
];

/// Every built-in scalar function and operator.
pub fn all() -> impl Iterator<Item = &'static Function> {
    FAMILIES.iter().flat_map(|family| family.iter())
}
