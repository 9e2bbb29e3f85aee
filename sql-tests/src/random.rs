//! Random queries over random changelogs: what a streaming query has come to, once its input has ended, equals what the
//! batch query says of the rows that its input has come to.
//!
//! - [`tables`]: small tables and their changelogs.
//! - [`source`]: the connector that reads them.
//! - [`query`]: queries as text.
//! - [`expr`]: scalar expressions as text.
//! - [`check`]: runs a case every way and compares.

pub mod check;
pub mod expr;
pub mod query;
pub mod source;
pub mod tables;

pub use check::{Outcome, Tally, run_case, run_cases, run_expressions};
