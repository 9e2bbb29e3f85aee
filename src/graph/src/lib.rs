//! The graphs of a job, as plain data: nothing here runs.
//!
//! - [`stream_graph`]: what the planner makes: operators and how their rows travel.
//! - [`job_graph`]: operators chained into vertices, with the data sets between them.
//! - [`spec`]: what each operator must do.
//! - [`expr`]: expressions as bytes, beside their text and type.

pub mod expr;
pub mod job_graph;
pub mod spec;
pub mod stream_graph;

pub use expr::ExprSpec;
pub use job_graph::{IntermediateDataSet, JobEdge, JobGraph, JobVertex};
pub use spec::OperatorSpec;
pub use stream_graph::{ExchangeMode, Partitioner, StreamEdge, StreamGraph, StreamNode};
