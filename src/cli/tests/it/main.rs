//! The binary as its users run it: arguments, pipes, exit codes, signals.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bad_statements;
mod jobs;
mod process;
mod prompt;
mod scripts;
mod terminal;
