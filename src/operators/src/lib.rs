//! The operators of jobs, one file each.
//!
//! - [`operator`]: the interface: step functions, driven by a chain.
//! - [`output`]: where an operator leaves what it has to say.
//! - [`context`]: what an operator is told when it is opened.
//! - [`bounded`]: batch plans and their pieces.
//! - [`snapshot`]: what it leaves in a checkpoint.
//! - [`metrics`], [`clock`], [`error`]: counting, time, failing.

pub mod bounded;
pub mod clock;
pub mod context;
pub mod error;
pub mod metrics;
pub mod operator;
pub mod output;
pub mod snapshot;

pub use clock::{Clock, ManualClock, SystemClock};
pub use context::{
    CoordinatorEvent, CoordinatorGateway, ExpressionFactory, IoRuntime, JobContext, Offered,
    OperatorContext, ResultGateway, TaskInfo,
};
pub use error::OperatorError;
pub use metrics::OperatorMetrics;
pub use operator::{BuiltOperator, Operator, SourceOperator, SourceStep, Step};
pub use output::{Emitted, Output};
pub use snapshot::{KeyedSnapshot, OperatorSnapshot};
