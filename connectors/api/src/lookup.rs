//! Sources that are asked for the rows of given keys: Flink's `LookupTableSource`. What is common to them (caching,
//! retries, waiting) is done by the operator that asks; a source says how it wants to be asked.

mod options;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use arrow::array::RecordBatch;
use filbert_types::Clock;

use crate::error::ConnectorError;

pub use options::{
    CacheReload, FullCache, LOOKUP_CACHE, LOOKUP_MAX_RETRIES, LOOKUP_OPTIONS, LookupCaching,
    LookupOptions, PartialCache,
};

/// The rows for a batch of keys: all physical columns, and for each row the index of its key.
pub type LookedUp = (RecordBatch, Vec<u32>);

/// A lookup on its way.
pub type LookupFuture = Pin<Box<dyn Future<Output = Result<LookedUp, ConnectorError>> + Send>>;

/// A source that is asked for the rows of given keys.
pub trait LookupSource: Send + Sync {
    /// How its rows are kept, and how often a failed lookup is tried again.
    fn options(&self) -> LookupOptions {
        LookupOptions::default()
    }

    /// How it answers, asked by the columns at `key_columns` (rising indices of the table's physical columns).
    ///
    /// # Errors
    /// When the source cannot be asked by these columns.
    fn reader(
        &self,
        key_columns: &[usize],
        ctx: &LookupContext,
    ) -> Result<LookupReader, ConnectorError>;

    /// True when it is asked asynchronously.
    fn is_async(&self) -> bool {
        false
    }

    /// All rows of the table, for a full cache.
    ///
    /// # Errors
    /// When the source fails, or can't give all its rows.
    fn all_rows(&self) -> Result<RecordBatch, ConnectorError> {
        Err(ConnectorError::user(
            "This table cannot be held in a full cache.",
        ))
    }
}

/// What a reader is told of where it runs.
#[derive(Clone)]
pub struct LookupContext {
    pub clock: Arc<dyn Clock>,
}

/// A way of asking. Keys are batches of the key columns, in their order, each key once and without NULLs.
#[derive(Clone)]
pub enum LookupReader {
    Sync(Arc<dyn SyncLookup>),
    Async(Arc<dyn AsyncLookup>),
}

/// Answers at once.
pub trait SyncLookup: Send + Sync {
    /// # Errors
    /// When the source fails.
    fn lookup(&self, keys: &RecordBatch) -> Result<LookedUp, ConnectorError>;
}

/// Answers later; many lookups may be on their way.
pub trait AsyncLookup: Send + Sync {
    fn lookup(&self, keys: RecordBatch) -> LookupFuture;
}

/// Waits until the clock has moved on by so much; for lookups on their way, inside tokio.
pub async fn sleep(clock: &Arc<dyn Clock>, time: Duration) {
    let ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let deadline = clock.now_ms().saturating_add(ms);
    while clock.now_ms() < deadline {
        match clock.sleep_until(deadline) {
            Some(time) => tokio::time::sleep(time).await,
            // Only a wake-up can bring the deadline.
            None => {
                poll_fn(|cx| {
                    clock.subscribe(cx.waker().clone());
                    match clock.now_ms() < deadline {
                        true => Poll::Pending,
                        false => Poll::Ready(()),
                    }
                })
                .await;
            }
        }
    }
}
