use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

/// Apache Flink SQL in one binary.
///
/// Without -f or -e: reads SQL from a pipe, or opens a prompt on a terminal.
#[derive(Debug, Parser)]
#[command(name = "filbert", version)]
pub struct Args {
    #[command(flatten)]
    pub session: SessionArgs,

    /// Run this script and end with its jobs; the first error stops it.
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Run these statements and end with their jobs.
    #[arg(
        short = 'e',
        long = "execute",
        value_name = "SQL",
        conflicts_with = "file"
    )]
    pub execute: Option<String>,

    /// The form of results: tableau, csv or json.
    #[arg(long, value_name = "FORM", default_value = "tableau")]
    pub output: String,

    /// Where the prompt keeps its history.
    #[arg(long = "history", alias = "hist", value_name = "FILE")]
    pub history: Option<PathBuf>,

    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, ClapArgs)]
pub struct SessionArgs {
    /// Run this script first: SET and DDL.
    #[arg(short = 'i', long = "init", value_name = "FILE", global = true)]
    pub init: Option<PathBuf>,

    /// Set an option of the session.
    #[arg(short = 'D', value_name = "KEY=VALUE", value_parser = key_value, global = true)]
    pub define: Vec<(String, String)>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run sqllogictest files.
    Test(TestArgs),
    /// Write the reference pages into a folder.
    #[command(hide = true)]
    Docs {
        folder: PathBuf,
        /// Only tell which pages are stale.
        #[arg(long)]
        check: bool,
    },
}

#[derive(Debug, ClapArgs)]
pub struct TestArgs {
    /// Files, or folders that are searched for .slt files.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Write the answers into the files.
    #[arg(long)]
    pub complete: bool,

    /// How many seconds a record may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    pub timeout: u64,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err("expected key=value".to_owned()),
    }
}
