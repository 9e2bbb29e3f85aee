//! Functions of arrays, maps and multisets.
//!
//! - [`array`]: single arrays: APPEND, CONTAINS, DISTINCT, SLICE, SORT, JOIN, ..
//! - [`set`]: several arrays: CONCAT, UNION, EXCEPT, INTERSECT.
//! - [`map`]: keys, values, entries; building and uniting maps.
//! - [`item`]: `array[i]`, `map[k]`, `variant[..]`.
//! - [`elements`]: what those share: element ranges, equality, gathering.

pub(crate) mod array;
pub(crate) mod elements;
pub(crate) mod item;
pub(crate) mod map;
pub(crate) mod set;
