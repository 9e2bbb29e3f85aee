//! Plans SQL over tables of a test connector and looks at plans and graphs.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod batch;
mod connector;
mod harness;
mod refusals;
mod streaming;
