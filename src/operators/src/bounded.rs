//! Batch plans: what planning and running them have in common.
//!
//! - [`cut`]: a plan's pieces, numbered alike by the planner and by whoever runs them.
//! - [`source_scan`]: the place of a source in a plan, until it is read for execution.
//! - [`codec`]: those places as bytes.

pub mod codec;
pub mod cut;
pub mod source_scan;

pub use codec::{PlaceholderCodec, decode_source_scan};
pub use cut::{Cut, Exchange, Piece, PieceInput, cut, wrap_pieces};
pub use source_scan::SourceScanExec;
