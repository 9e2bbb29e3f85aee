//! Batch plans: what planning and running them have in common.
//!
//! - [`cut`]: a plan's pieces, numbered alike by the planner and by whoever runs them.
//! - [`source_scan`]: the place of a source in a plan, until it is read for execution.
//! - [`hosted`]: an operator of ours in a plan, until it runs, and running.
//! - [`codec`]: those places as bytes.
//! - [`plan`]: a stored plan made ready to run; [`read_source`]: a source inside it; [`monitor`]: what its pieces do.
//! - [`piece`]: its root as the head of a task's chain.
//! - [`file_cache`]: footers of files, read once.

pub mod codec;
pub mod cut;
pub mod file_cache;
pub mod hosted;
pub mod monitor;
pub mod piece;
pub mod plan;
pub mod read_source;
pub mod source_scan;

pub use codec::{Placeholder, PlaceholderCodec, decode};
pub use cut::{Cut, Exchange, Piece, PieceInput, cut, wrap_pieces};
pub use file_cache::FileCache;
pub use hosted::{Hosted, HostedExec};
pub use monitor::{Cancellation, PieceMonitor};
pub use piece::BatchPieceOperator;
pub use plan::{PlanEnvironment, load_plan};
pub use source_scan::SourceScanExec;
