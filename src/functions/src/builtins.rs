//! Flink's built-in functions, one file a family. A family is a `pub static FUNCTIONS: &[Function]`.

pub mod bitmap;
pub(crate) mod collection;
pub(crate) mod conditional;
pub(crate) mod datetime;
pub(crate) mod encode;
pub(crate) mod hash;
pub(crate) mod json;
pub(crate) mod math;
mod object;
pub(crate) mod string;
pub(crate) mod url;
pub(crate) mod variant;

use crate::definition::Function;
use crate::{cast, constructors, operators};

/// The families' tables.
static FAMILIES: &[&[Function]] = &[
    cast::FUNCTIONS,
    bitmap::FUNCTIONS,
    collection::array::FUNCTIONS,
    collection::item::FUNCTIONS,
    collection::map::FUNCTIONS,
    collection::set::FUNCTIONS,
    conditional::FUNCTIONS,
    constructors::FUNCTIONS,
    datetime::current::FUNCTIONS,
    datetime::extract::FUNCTIONS,
    datetime::format::FUNCTIONS,
    datetime::overlaps::FUNCTIONS,
    datetime::parse::FUNCTIONS,
    datetime::shift::FUNCTIONS,
    encode::FUNCTIONS,
    hash::FUNCTIONS,
    json::build::FUNCTIONS,
    json::query::FUNCTIONS,
    math::elementary::FUNCTIONS,
    math::random::FUNCTIONS,
    math::rounding::FUNCTIONS,
    math::sign::FUNCTIONS,
    object::FUNCTIONS,
    operators::arithmetic::FUNCTIONS,
    operators::comparison::FUNCTIONS,
    operators::concat::FUNCTIONS,
    operators::logic::FUNCTIONS,
    operators::temporal::FUNCTIONS,
    string::case::FUNCTIONS,
    string::concat::FUNCTIONS,
    string::like::FUNCTIONS,
    string::pad::FUNCTIONS,
    string::printf::FUNCTIONS,
    string::regexp::FUNCTIONS,
    string::search::FUNCTIONS,
    string::slice::FUNCTIONS,
    string::split::FUNCTIONS,
    string::trim::FUNCTIONS,
    url::FUNCTIONS,
    variant::FUNCTIONS,
];

/// Every built-in scalar function and operator.
pub fn all() -> impl Iterator<Item = &'static Function> {
    FAMILIES.iter().flat_map(|family| family.iter())
}
