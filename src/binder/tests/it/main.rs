//! Binds texts against a catalog in memory and looks at the plans.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod ddl;
mod errors;
mod harness;
mod queries;
mod tpch;
