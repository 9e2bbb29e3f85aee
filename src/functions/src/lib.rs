//! Flink's built-in functions on DataFusion's expressions, and the typing of every expression.
//!
//! The binder knows names and scopes; this room knows types. Whatever stands in an expression (an operator, a CASE, a
//! cast, a call) the binder hands its bound arguments over and gets back a [`TypedExpr`].
//!
//! - [`typed`]: an expression with its [`LogicalType`](filbert_types::LogicalType), and what typing needs to know of the session.
//! - [`call`]: the ways in: calls by name, casts, common types.
//! - [`error`]: why a call is refused.

pub mod call;
pub mod error;
pub mod typed;

pub use error::CallError;
pub use typed::{ExprContext, TypedExpr};
