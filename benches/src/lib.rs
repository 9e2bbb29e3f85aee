//! Benchmarks: TPC-H over Parquet, and the throughput of streaming jobs.
