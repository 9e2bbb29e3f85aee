//! The graphs of a job, as plain data: nothing here runs.
//!
//! - [`stream_graph`]: what the planner makes: operators and how their rows travel.
//! - [`spec`]: what each operator must do.
//! - [`expr`]: expressions as bytes, beside their text and type.
//! - [`uid`]: the stable name of each operator.
//! - [`validate`]: what a stream graph must keep to.
//! - [`mod@chain`]: stream graph -> job graph.
//! - [`job_graph`]: operators chained into vertices, with the data sets between them.
//! - [`options`]: the configuration that shapes a job graph.
//! - [`plan_json`]: both graphs as JSON, with Flink's field names.

pub mod chain;
pub mod error;
pub mod expr;
pub mod job_graph;
pub mod options;
pub mod plan_json;
pub mod spec;
pub mod stream_graph;
pub mod uid;
pub mod validate;

pub use chain::{JobSettings, chain};
pub use error::GraphError;
pub use expr::ExprSpec;
pub use job_graph::{ChainedOperator, IntermediateDataSet, JobEdge, JobGraph, JobType, JobVertex};
pub use options::default_max_parallelism;
pub use spec::OperatorSpec;
pub use stream_graph::{
    ChainingStrategy, ExchangeMode, Partitioner, ResourceSpec, StreamEdge, StreamGraph, StreamNode,
};
