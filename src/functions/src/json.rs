//! JSON as Flink's functions see it: Jackson's numbers and escapes, Jayway's paths.
//!
//! - [`value`]: text to values and back.
//! - [`path`]: paths, and [`eval`] what they select.

pub(crate) mod eval;
pub(crate) mod path;
pub(crate) mod value;
