use std::fmt;

use serde::{Deserialize, Serialize};

/// The promise that no row with a rowtime at or before this instant follows: milliseconds since the epoch, in UTC for
/// TIMESTAMP_LTZ and in local time for TIMESTAMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Watermark(pub i64);

impl Watermark {
    /// Nothing is promised yet.
    pub const MIN: Watermark = Watermark(i64::MIN);
    /// The input has ended: every window fires.
    pub const MAX: Watermark = Watermark(i64::MAX);
}

impl fmt::Display for Watermark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Watermark::MIN => f.write_str("MIN"),
            Watermark::MAX => f.write_str("MAX"),
            Watermark(ms) => write!(f, "{ms}"),
        }
    }
}
