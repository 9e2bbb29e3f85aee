use std::sync::Arc;

use arrow::array::RecordBatch;
use filbert_connector_api::lookup::LookupReader;
use filbert_connector_api::{ConnectorError, LookupSource};
use parking_lot::Mutex;

use crate::store::Store;

/// A table that is looked up by some of its columns.
pub struct MemoryLookup {
    pub store: Arc<Mutex<Store>>,
}

impl LookupSource for MemoryLookup {
    fn lookup(&self, key_columns: &[usize]) -> Result<Box<dyn LookupReader>, ConnectorError> {
        Ok(Box::new(MemoryLookupReader {
            store: Arc::clone(&self.store),
            columns: key_columns.to_vec(),
        }))
    }
}

struct MemoryLookupReader {
    store: Arc<Mutex<Store>>,
    columns: Vec<usize>,
}

impl LookupReader for MemoryLookupReader {
    fn lookup(&mut self, keys: &RecordBatch) -> Result<(RecordBatch, Vec<u32>), ConnectorError> {
        self.store.lock().find(&self.columns, keys)
    }
}
