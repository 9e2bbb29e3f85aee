//! Logical plan -> optimized plan -> stream graph.
//!
//! - [`planner`]: the way in: what to plan, and what planning gives.
//! - [`options`]: the configuration that planning reads.
//! - [`error`]: why a query can't be planned.

pub mod error;
pub mod options;
pub mod planner;

pub use error::PlanError;
pub use planner::{ExplainDetail, PlanTarget, Planned, Planner, PlannerContext};
