#![allow(dead_code, unused_imports, reason = "each test file uses its part")]
#![allow(
    clippy::unwrap_used,
    reason = "test code, which clippy knows only inside of test functions"
)]
//! Job graphs by hand, over a source of numbers and a sink that remembers.

pub mod connectors;
pub mod jobs;

pub use jobs::{Job, aggregate, calc, collect, numbers, sink, values};
