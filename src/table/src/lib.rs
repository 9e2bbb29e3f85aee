//! The library's face, on which the shell, the file runner and the test runner stand.
//!
//! - [`environment`]: [`TableEnvironment`], a session that executes statements.
//! - [`settings`]: how a session starts.
//! - [`result`]: [`TableResult`], what a statement gives.
//! - [`print`]: results as tableau, CSV or JSON.
//! - [`table`], [`statement_set`]: queries and sets of INSERTs before they run.
//! - [`compiled_plan`]: INSERTs planned into a file.
//! - [`completion`]: what may stand at a place of a statement.
//! - `execute`: one file a statement family; `binding` and `session` are what they stand on.
//! - [`error`]: why a statement failed, and where.

mod binding;
pub mod compiled_plan;
pub mod completion;
pub mod environment;
pub mod error;
mod execute;
mod function_names;
mod like;
pub mod print;
pub mod result;
mod session;
pub mod settings;
pub mod statement_set;
pub mod table;

pub use compiled_plan::CompiledPlan;
pub use environment::{TableEnvironment, single};
pub use error::{ErrorKind, TableError};
pub use execute::setting_notice;
pub use filbert_functions::process_table_function::{ArgumentKind, StateKind, TableTraits};
pub use filbert_functions::temporal_table_function::TemporalTableFunction;
pub use filbert_functions::{
    AggregateFunction, AggregateStates, FunctionContext, Inferred, InferredTable, InputRow,
    Parameter, ProcessArgument, ProcessCall, ProcessChangelog, ProcessContext,
    ProcessTableFunction, RowTableFunction, RowWise, ScalarFunction, StateDeclaration, TableCalls,
    TableFunction, TableRows, Timestamp, Value,
};
pub use filbert_runtime::{ExecutionState, JobClient, JobDetail, JobOverview, JobStatus};
pub use print::{OutputFormat, Row};
pub use result::{Fetched, ResultKind, ResultSource, TableResult};
pub use settings::EnvironmentSettings;
pub use statement_set::StatementSet;
pub use table::Table;

/// The examples of docs/library.md.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/library.md")]
struct LibraryExamples;
