use std::sync::Arc;

use filbert_connector_api::sink::WriterContext;
use filbert_connector_api::{ChangelogMode, Committable, ConnectorError, SinkWriter, TableSink};
use filbert_types::ChangeBatch;
use parking_lot::Mutex;

use crate::store::Store;

/// Writes into a table; rows can be read as soon as they are written.
pub struct MemorySink {
    pub store: Arc<Mutex<Store>>,
}

impl TableSink for MemorySink {
    fn changelog_mode(&self, requested: ChangelogMode) -> ChangelogMode {
        match requested.is_insert_only() {
            true => requested,
            false => self.store.lock().mode(),
        }
    }

    fn writer(&self, _: &WriterContext) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        Ok(Box::new(MemoryWriter {
            store: Arc::clone(&self.store),
        }))
    }
}

struct MemoryWriter {
    store: Arc<Mutex<Store>>,
}

impl SinkWriter for MemoryWriter {
    fn write(&mut self, batch: &ChangeBatch) -> Result<(), ConnectorError> {
        self.store.lock().write(batch)
    }

    fn prepare_commit(&mut self, _: bool) -> Result<Vec<Committable>, ConnectorError> {
        Ok(Vec::new())
    }
}
