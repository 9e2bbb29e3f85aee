use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use filbert_connector_api::lookup::{
    AsyncLookup, LookedUp, LookupContext, LookupFuture, SyncLookup,
};
use filbert_connector_api::{ConnectorError, LookupOptions, LookupReader, LookupSource};
use filbert_types::Clock;
use parking_lot::Mutex;

use crate::store::Store;

/// A table that is looked up by some of its columns.
pub struct MemoryLookup {
    pub store: Arc<Mutex<Store>>,
    pub options: LookupOptions,
    /// Answers after so long, while others are asked for; none when it answers at once.
    pub delay: Option<Duration>,
}

impl LookupSource for MemoryLookup {
    fn options(&self) -> LookupOptions {
        self.options.clone()
    }

    fn reader(
        &self,
        key_columns: &[usize],
        ctx: &LookupContext,
    ) -> Result<LookupReader, ConnectorError> {
        let reader = MemoryReader {
            store: Arc::clone(&self.store),
            columns: Arc::from(key_columns),
        };
        Ok(match self.delay {
            None => LookupReader::Sync(Arc::new(reader)),
            Some(delay) => LookupReader::Async(Arc::new(DelayedReader {
                reader,
                delay,
                clock: Arc::clone(&ctx.clock),
            })),
        })
    }

    fn is_async(&self) -> bool {
        self.delay.is_some()
    }

    fn all_rows(&self) -> Result<RecordBatch, ConnectorError> {
        self.store.lock().snapshot()
    }
}

#[derive(Clone)]
struct MemoryReader {
    store: Arc<Mutex<Store>>,
    columns: Arc<[usize]>,
}

impl SyncLookup for MemoryReader {
    fn lookup(&self, keys: &RecordBatch) -> Result<LookedUp, ConnectorError> {
        self.store.lock().find(&self.columns, keys)
    }
}

/// Sees the table as it is when the delay is over.
struct DelayedReader {
    reader: MemoryReader,
    delay: Duration,
    clock: Arc<dyn Clock>,
}

impl AsyncLookup for DelayedReader {
    fn lookup(&self, keys: RecordBatch) -> LookupFuture {
        let (reader, delay) = (self.reader.clone(), self.delay);
        let clock = Arc::clone(&self.clock);
        Box::pin(async move {
            if !delay.is_zero() {
                filbert_connector_api::lookup::sleep(&clock, delay).await;
            }
            reader.lookup(&keys)
        })
    }
}
