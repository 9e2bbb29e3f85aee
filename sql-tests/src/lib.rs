//! The tests in SQL. `tests/slt.rs` runs every `.slt` file of this folder: ours by subject, and under `flink/` the
//! conformance corpus, whose every answer is Flink's own.
//!
//! - `known-differences.txt`: statements that we answer in another way than Flink, each with the reason.
//! - `waiting.txt`: files that wait for something that is not built yet.
//! - [`random`]: random queries over random changelogs, streaming against batch.
//! - [`time`]: queries over time, whose input comes out of order and in parts.
//! - [`replay`]: what a query has come to.

pub mod random;
pub mod replay;
pub mod time;

#[cfg(test)]
mod clock;
#[cfg(test)]
mod nexmark;
#[cfg(test)]
mod temporal_functions;
#[cfg(test)]
mod user_functions;
