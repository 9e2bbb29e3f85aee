//! Logical plan -> optimized plan -> stream graph.
//!
//! - [`planner`]: the way in: what to plan, and what planning gives.
//! - [`optimize`]: DataFusion's logical rules that run, and why.
//! - [`streaming`]: the optimized plan as stream nodes, their changelogs, and the graph.
//! - [`tables`]: connectors' sources and sinks behind the plan's tables.
//! - [`exprs`], [`columns`]: expressions and columns on their way to operators.
//! - [`options`]: the configuration that planning reads.
//! - [`error`]: why a query can't be planned.

mod columns;
pub mod error;
mod exprs;
mod optimize;
pub mod options;
pub mod planner;
mod streaming;
mod tables;

pub use error::PlanError;
pub use planner::{ExplainDetail, PlanTarget, Planned, Planner, PlannerContext};
