use std::collections::VecDeque;
use std::sync::Arc;

use filbert_connector_api::source::ReaderContext;
use filbert_connector_api::{
    Boundedness, ChangelogMode, ConnectorError, Position, PositionEnumerator, Pushdown,
    ReaderOutput, ScanSource, SourceReader, Split, SplitEnumerator,
};
use filbert_types::ChangeBatch;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::store::Store;

/// A table that is read: its rows, or its changes.
pub struct MemorySource {
    pub store: Arc<Mutex<Store>>,
    pub changelog: bool,
}

impl ScanSource for MemorySource {
    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn changelog_mode(&self) -> ChangelogMode {
        match self.changelog {
            true => self.store.lock().mode(),
            false => ChangelogMode::INSERT_ONLY,
        }
    }

    /// Changes of one key stay in order only as long as one reader reads them.
    fn parallelism(&self) -> Option<usize> {
        Some(1)
    }

    fn enumerator(
        &self,
        _: &Pushdown,
        _: usize,
    ) -> Result<Box<dyn SplitEnumerator>, ConnectorError> {
        Ok(Box::new(PositionEnumerator::new([RowsRead(0)])))
    }

    fn reader(
        &self,
        ctx: &ReaderContext,
        _: &Pushdown,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        Ok(Box::new(MemoryReader {
            store: Arc::clone(&self.store),
            changelog: self.changelog,
            batch_rows: ctx.batch_rows.max(1),
            split: None,
            damaged: None,
            unopened: false,
            batches: VecDeque::new(),
            finished: false,
        }))
    }
}

/// The one split: the rows read so far.
#[derive(Serialize, Deserialize)]
struct RowsRead(u64);

impl Position for RowsRead {
    fn id(&self) -> String {
        "memory".to_owned()
    }
}

struct MemoryReader {
    store: Arc<Mutex<Store>>,
    changelog: bool,
    batch_rows: usize,
    /// Rows given out of the split at hand.
    split: Option<u64>,
    /// A split that can't be read.
    damaged: Option<ConnectorError>,
    unopened: bool,
    batches: VecDeque<ChangeBatch>,
    finished: bool,
}

impl MemoryReader {
    fn open(&mut self, skip: u64) -> Result<(), ConnectorError> {
        let store = self.store.lock();
        let batches = match self.changelog {
            true => store.changes(),
            false => vec![ChangeBatch::insert(store.snapshot()?)],
        };
        let mut skip = usize::try_from(skip).unwrap_or(usize::MAX);
        for batch in batches {
            let mut at = skip.min(batch.num_rows());
            skip -= at;
            while at < batch.num_rows() {
                let length = self.batch_rows.min(batch.num_rows() - at);
                self.batches.push_back(batch.slice(at, length));
                at += length;
            }
        }
        Ok(())
    }
}

impl SourceReader for MemoryReader {
    fn poll(&mut self) -> Result<ReaderOutput, ConnectorError> {
        if let Some(error) = self.damaged.take() {
            return Err(error);
        }
        if std::mem::take(&mut self.unopened) {
            self.open(self.split.unwrap_or_default())?;
        }
        if let Some(batch) = self.batches.pop_front() {
            if let Some(rows) = &mut self.split {
                *rows += batch.num_rows() as u64;
            }
            return Ok(ReaderOutput::Batch(batch));
        }
        match self.split {
            // The split has been read.
            None if self.finished => Ok(ReaderOutput::Finished),
            None => Ok(ReaderOutput::NeedSplits),
            Some(_) => {
                self.split = None;
                Ok(ReaderOutput::Wait(std::time::Duration::ZERO))
            }
        }
    }

    fn add_splits(&mut self, splits: Vec<Split>) {
        for split in &splits {
            match RowsRead::of_split(split) {
                Ok(RowsRead(rows)) => self.split = Some(rows),
                Err(error) => self.damaged = Some(error),
            }
            self.unopened = true;
        }
    }

    fn no_more_splits(&mut self) {
        self.finished = true;
    }

    fn snapshot(&self) -> Vec<Split> {
        let split = self.split.map(RowsRead);
        split.iter().flat_map(RowsRead::to_split).collect()
    }
}
