//! Benchmarks: TPC-H over Parquet, and the throughput of streaming jobs.
//!
//! - [`usage`]: CPU time and memory of this process.
//! - [`stats`]: medians and geometric means.
//! - [`nexmark`]: the function that a query of Nexmark calls.

pub mod nexmark;
pub mod stats;
pub mod usage;
