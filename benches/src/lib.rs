//! Benchmarks: TPC-H over Parquet, and the throughput of streaming jobs.
//!
//! - [`usage`]: CPU time and memory of this process.
//! - [`stats`]: medians and geometric means.

pub mod stats;
pub mod usage;
