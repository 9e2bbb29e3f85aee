//! The load of a full cache, on the io threads.

use std::sync::Arc;
use std::task::Waker;

use arrow::array::RecordBatch;
use filbert_connector_api::{ConnectorError, LookupSource};
use parking_lot::Mutex;

use crate::context::IoRuntime;
use crate::error::Result;

type Loaded = std::result::Result<RecordBatch, ConnectorError>;

/// A full cache that is loaded anew, while the old one answers.
#[derive(Default)]
pub(super) struct Reload {
    /// When the load that is on its way began.
    began_ms: Option<i64>,
    arrived: Arc<Mutex<Option<Loaded>>>,
}

impl Reload {
    pub fn is_running(&self) -> bool {
        self.began_ms.is_some()
    }

    pub fn has_arrived(&self) -> bool {
        self.arrived.lock().is_some()
    }

    pub fn start(
        &mut self,
        source: &Arc<dyn LookupSource>,
        now_ms: i64,
        io: &dyn IoRuntime,
        waker: &Waker,
    ) -> Result<()> {
        self.began_ms = Some(now_ms);
        let (source, arrived) = (Arc::clone(source), Arc::clone(&self.arrived));
        let waker = waker.clone();
        io.handle()?.spawn_blocking(move || {
            let rows = source.all_rows();
            *arrived.lock() = Some(rows);
            waker.wake();
        });
        Ok(())
    }

    /// When the load began that has ended, and its rows.
    pub fn take(&mut self) -> Option<(i64, Loaded)> {
        let rows = self.arrived.lock().take()?;
        Some((self.began_ms.take().unwrap_or(0), rows))
    }
}
