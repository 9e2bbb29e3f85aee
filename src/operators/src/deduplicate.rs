//! The first or the last row of each key by time.
//!
//! - Last row: state is the row of each key; the first row is inserted, each later one that isn't older updates it (-U
//!   where the consumer needs it, +U). By processing time a row equal to the one before says nothing, unless a state TTL
//!   is to be prolonged by it.
//! - First row by event time: state is the earliest row of each key until the watermark reaches its time, then that the
//!   key has been emitted; emits inserts, in the order of time. A row older than the watermark is late: it is dropped
//!   and counted. (The first row by processing time is [`crate::rank::first_n`]'s.)
//! - Takes inserts. With a state TTL a key that has not been written for so long is forgotten; rows that wait for the
//!   watermark are not.
//! - Watermarks pass; a mark moves to the place that corresponds.
//! - Cost: one look-up a batch, rows written once a batch.

mod first_row;
mod last_row;

pub use first_row::FirstRowOperator;
pub use last_row::LastRowOperator;
