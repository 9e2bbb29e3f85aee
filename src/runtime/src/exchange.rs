//! How rows travel between tasks.
//!
//! - [`channel`]: one bounded queue from a producing subtask to a consuming one.
//! - [`spill`]: what a blocking channel can't keep in memory.
//! - [`writer`]: deals a producer's rows to its channels by a partitioner.
//! - [`partitioner`]: which rows go where.
//! - [`gate`]: reads a consumer's channels: watermarks, idleness, ends and barriers of all together.
//! - [`read_order`]: in which order that happens.
//! - [`topology`]: which subtasks an edge joins.

pub(crate) mod channel;
pub(crate) mod gate;
pub(crate) mod partitioner;
pub(crate) mod read_order;
pub(crate) mod spill;
pub(crate) mod topology;
pub(crate) mod writer;
