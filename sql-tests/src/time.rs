//! Random queries over time: whatever the order within the watermark's bound, the number of splits, their interleaving and
//! the size of batches, a streaming query comes to what the batch query says; and when the last watermark has passed,
//! nothing is left in the state of what only waits for time.
//!
//! - [`events`]: tables of rows with times.
//! - [`source`]: the connector that reads them, split by split.
//! - [`query`]: queries as text.
//! - [`check`]: runs a case every way and compares.

pub mod check;
pub mod events;
pub mod query;
pub mod source;

pub use check::run_case;
