//! Flink's built-in functions on DataFusion's expressions, and the typing of every expression.
//!
//! The binder knows names and scopes; this room knows types. Whatever stands in an expression (an operator, a CASE, a
//! cast, a call) the binder hands its bound arguments over and gets back a [`TypedExpr`].
//!
//! - [`typed`]: an expression with its [`LogicalType`](filbert_types::LogicalType), and what typing needs to know of the session.
//! - [`call`]: the ways in: calls by name, casts, common types.
//! - [`literal`]: literals with exactly Flink's types.
//! - [`multiset`]: the elements of a multiset, for plans.
//! - [`constructors`]: ROW, ARRAY and MAP values, and the fields of rows.
//! - [`operators`]: operators as functions by name.
//! - [`definition`]: what a function is: signatures, type inference, an expansion or a kernel, help.
//! - `bare_null`: which functions take a NULL that has no type.
//! - [`signature`]: combinators for type inference.
//! - [`kernel`]: combinators for kernels over Arrow columns.
//! - [`builtins`]: the functions, one file a family.
//! - [`aggregate`]: aggregate functions: typing for all, accumulators for batch.
//! - [`hash_order`]: the order in which Flink prints multisets and cast maps.
//! - `java`: Java's notions that the functions are made of: regular expressions, date patterns, ..
//! - [`window`]: functions with OVER.
//! - `json`: JSON values and paths; `variant`: the form of VARIANT values.
//! - `foreign_names`: what other databases call the functions.
//! - [`registry`]: names to functions; functions that an embedding program adds.
//! - [`cast`]: the cast matrix and its kernels.
//! - [`common_type`]: the least type that holds several.
//! - [`codec`]: expressions as bytes.
//! - Users' functions: [`definition`] has the scalar ones' trait; [`user_aggregate`], [`table_function`],
//!   [`process_table_function`], [`temporal_table_function`]; their [`parameters`], and [`value`]s for those that go row by row.
//! - [`udf`]: the one DataFusion function behind which every kernel runs.
//! - [`time_text`]: dates and times as text.
//! - [`type_name`]: types as the validator's errors name them.
//! - [`error`]: why a call is refused.

pub mod aggregate;
mod bare_null;
pub mod builtins;
pub mod call;
pub mod cast;
pub mod codec;
pub mod common_type;
pub mod constructors;
pub mod definition;
pub mod error;
mod foreign_names;
pub mod hash_order;
mod java;
mod json;
pub mod kernel;
pub mod literal;
pub mod multiset;
pub mod operators;
pub mod parameters;
pub mod process_table_function;
pub mod registry;
pub mod signature;
pub mod table_function;
pub mod temporal_table_function;
#[cfg(test)]
mod testing;
pub mod time_text;
pub mod type_name;
pub mod typed;
pub mod udf;
pub mod user_aggregate;
pub mod value;
mod variant;
pub mod window;

pub use common_type::common_type;
pub use definition::{Function, FunctionContext, FunctionRef, Inferred, ScalarFunction};
pub use error::CallError;
pub use parameters::Parameter;
pub use process_table_function::{
    InputRow, ProcessArgument, ProcessCall, ProcessChangelog, ProcessContext, ProcessTableFunction,
    StateDeclaration,
};
pub use registry::FunctionRegistry;
pub use table_function::{
    InferredTable, RowTableFunction, RowWise, TableCalls, TableFunction, TableRows,
};
pub use typed::{ExprContext, TypedExpr};
pub use user_aggregate::{AggregateFunction, AggregateStates};
pub use value::{Timestamp, Value};
