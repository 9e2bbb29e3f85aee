//! The sqllogictest runner behind `filbert test`.
//!
//! - [`script`]: a file's records, read by the sqllogictest crate.
//! - [`session`]: a fresh session for a file, and what a statement gives in it as lines.
//! - [`run`]: files and their records, each run whatever happened to those before it.
//! - [`complete`]: answers written into the file.
//! - [`report`]: differences as text, and the summary.

pub mod complete;
pub mod report;
pub mod run;
pub mod script;
pub mod session;

pub use report::print_outcome;
pub use run::{FileReport, Options, Outcome, RecordResult, find_files, run_file};
pub use script::{Expectation, Script, ScriptError, TestRecord};
pub use session::{Answer, NewEnvironment, Session};
