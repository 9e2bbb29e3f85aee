//! The operators of jobs, one file each.
//!
//! - [`operator`]: the interface: step functions, driven by a chain.
//! - [`output`]: where an operator leaves what it has to say.
//! - [`chain`]: drives the operators of one task.
//! - [`context`]: what an operator is told when it is opened.
//! - [`build`]: from a spec to its operator; [`connect`]: from a table to its connector.
//! - [`expressions`]: expressions from their bytes.
//! - Sources: [`source`], with watermarks of its own ([`source_watermarks`], [`alignment`]); [`values`].
//! - Row by row: [`calc`], [`expand`], [`unnest`], [`drop_update_before`], [`changelog_function`],
//!   [`watermark_assigner`].
//! - Keyed: [`group_aggregate`], its first phase [`local_group_aggregate`] and a middle one,
//!   [`incremental_group_aggregate`], on the functions of [`aggregate`]; bundles end
//!   at [`mini_batch_assigner`]'s watermarks. [`changelog_normalize`].
//! - Before sinks: [`sink_upsert_materializer`], [`sink_compacting_materializer`].
//! - Two inputs: [`join`], `interval_join`, [`temporal_join`]. A table asked by key: `lookup_join`.
//! - Ordering: [`rank`], [`deduplicate`], [`temporal_sort`], [`over`].
//! - Windows: [`window_table_function`], [`window_aggregate`], its first phase [`local_window_aggregate`], on [`windows`];
//!   `session_window` and `session_aggregate`, on `sessions`; `window_join` and `window_rank`, on `window_rows`.
//! - Patterns: [`match_recognize`].
//! - Users' own: `process_table_function`.
//! - Ends: [`sink`], [`collect`].
//! - Batch: [`bounded`], batch plans and their pieces.
//! - [`snapshot`]: what an operator leaves in a checkpoint.
//! - [`check`], [`marks`], [`metrics`], [`error`]: checking, watermark marks, counting, failing.
//! - [`testing`]: batches as text.

pub mod aggregate;
pub mod alignment;
pub mod bounded;
pub mod build;
mod bundle;
pub mod calc;
pub mod chain;
pub mod changelog_function;
pub mod changelog_normalize;
pub mod check;
pub mod collect;
mod columns;
pub mod connect;
pub mod context;
pub mod deduplicate;
pub mod drop_update_before;
pub mod error;
pub mod expand;
pub mod expressions;
pub mod group_aggregate;
pub mod incremental_group_aggregate;
mod interval_join;
pub mod join;
mod keyed;
pub mod local_group_aggregate;
pub mod local_window_aggregate;
mod lookup_join;
pub mod marks;
pub mod match_recognize;
pub mod metrics;
pub mod mini_batch_assigner;
pub mod operator;
pub mod output;
pub mod over;
mod process_table_function;
pub mod rank;
mod session_aggregate;
mod session_window;
mod sessions;
pub mod sink;
pub mod sink_compacting_materializer;
mod sink_lengths;
pub mod sink_upsert_materializer;
pub mod snapshot;
pub mod source;
pub mod source_watermarks;
mod stored_rows;
pub mod temporal_join;
pub mod temporal_sort;
pub mod testing;
mod ttl;
pub mod unnest;
pub mod values;
pub mod watermark_assigner;
pub mod window_aggregate;
mod window_join;
mod window_rank;
mod window_rows;
pub mod window_table_function;
pub mod windows;

pub use build::build;
pub use chain::{Chain, ChainLink, ChainStep, Outlet, Route, Target};
pub use context::{
    CoordinatorEvent, CoordinatorGateway, ExpressionFactory, IoRuntime, JobContext, Offered,
    OperatorContext, ResultGateway, TaskInfo,
};
pub use error::OperatorError;
pub use expressions::CodecExpressions;
pub use metrics::OperatorMetrics;
pub use operator::{BuiltOperator, Operator, SourceOperator, SourceStep, Step};
pub use output::{Emitted, Output};
pub use snapshot::{KeyedSnapshot, OperatorSnapshot};
