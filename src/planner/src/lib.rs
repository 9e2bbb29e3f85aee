//! Logical plan -> optimized plan -> stream graph.
//!
//! - [`planner`]: the way in: what to plan, and what planning gives.
//! - [`decorrelate`]: subqueries as joins, where DataFusion's rules would leave them.
//! - [`optimize`]: DataFusion's logical rules that run, and why.
//! - [`streaming`]: the optimized plan as stream nodes, their changelogs, and the graph.
//! - [`batch`]: the optimized plan as DataFusion's physical plan, in pieces.
//! - [`guard`]: conditions run in the order that keeps them from failing.
//! - [`tables`]: connectors' sources and sinks behind the plan's tables.
//! - [`exprs`], [`columns`]: expressions and columns on their way to operators.
//! - [`compiled`]: a plan as a file.
//! - [`options`]: the configuration that planning reads.
//! - [`error`]: why a query can't be planned.

mod batch;
mod columns;
pub mod compiled;
mod decorrelate;
pub mod error;
mod exprs;
mod guard;
mod optimize;
pub mod options;
pub mod planner;
mod row_match;
mod streaming;
mod tables;
#[cfg(test)]
mod testing;

pub use compiled::CompiledPlan;
pub use error::PlanError;
pub use filbert_operators::bounded::FileCache;
pub use planner::{ExplainDetail, PlanTarget, PlanTexts, Planned, Planner, PlannerContext};
