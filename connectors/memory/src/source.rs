use std::collections::VecDeque;
use std::sync::Arc;

use filbert_connector_api::source::{Assignment, ReaderContext};
use filbert_connector_api::{
    Boundedness, ChangelogMode, ConnectorError, Pushdown, ReaderOutput, ScanSource, SourceReader,
    Split, SplitEnumerator,
};
use filbert_types::ChangeBatch;
use parking_lot::Mutex;

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
        Ok(Box::new(Whole {
            given: Vec::new(),
            asked: false,
        }))
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
            unopened: false,
            batches: VecDeque::new(),
            finished: false,
        }))
    }
}

/// The one split: the rows read so far.
fn split(rows: u64) -> Split {
    Split {
        id: "memory".to_owned(),
        state: serde_json::Value::from(rows),
    }
}

struct Whole {
    given: Vec<Split>,
    asked: bool,
}

impl SplitEnumerator for Whole {
    fn next_splits(&mut self, _: usize) -> Result<Assignment, ConnectorError> {
        if !std::mem::replace(&mut self.asked, true) {
            return Ok(Assignment::Splits(vec![split(0)]));
        }
        match std::mem::take(&mut self.given) {
            back if back.is_empty() => Ok(Assignment::Finished),
            back => Ok(Assignment::Splits(back)),
        }
    }

    fn add_splits_back(&mut self, splits: Vec<Split>) {
        self.given.extend(splits);
    }

    fn snapshot(&self) -> Result<serde_json::Value, ConnectorError> {
        Ok(serde_json::Value::from(self.asked))
    }

    fn restore(&mut self, state: serde_json::Value) -> Result<(), ConnectorError> {
        self.asked = state.as_bool().unwrap_or_default();
        Ok(())
    }
}

struct MemoryReader {
    store: Arc<Mutex<Store>>,
    changelog: bool,
    batch_rows: usize,
    /// Rows given out of the split at hand.
    split: Option<u64>,
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
        for split in splits {
            let rows = split.state.as_u64().unwrap_or_default();
            self.split = Some(rows);
            self.unopened = true;
        }
    }

    fn no_more_splits(&mut self) {
        self.finished = true;
    }

    fn snapshot(&self) -> Vec<Split> {
        self.split.map(split).into_iter().collect()
    }
}
