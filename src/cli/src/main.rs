//! The `filbert` binary: arguments, nothing else.

mod args;
mod commands;
mod docs;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("FILBERT_LOG"))
        .with_writer(std::io::stderr)
        .init();
    commands::run(args::Args::parse())
}
