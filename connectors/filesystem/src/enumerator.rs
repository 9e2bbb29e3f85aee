use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use filbert_connector_api::source::{Assignment, Partition};
use filbert_connector_api::{ConnectorError, Split, SplitEnumerator};
use serde::{Deserialize, Serialize};

use crate::listing::{FoundFile, Listing, is_wanted};

/// A file is cut only into pieces of at least this size.
const PIECE_BYTES_MIN: u64 = 16 << 20;

/// A piece of a file, and how far it has been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSplit {
    pub path: String,
    pub size: u64,
    pub modified_ms: i64,
    pub partition: Vec<Option<String>>,
    /// Records that begin at `start` or after it, and before `end`.
    pub start: u64,
    pub end: u64,
    /// Where the next record begins; none before the first was found.
    pub position: Option<u64>,
    /// Rows given out, of files that are no text.
    pub rows: u64,
}

impl FileSplit {
    pub fn to_split(&self) -> Result<Split, ConnectorError> {
        Ok(Split {
            id: format!("{}:{}", self.path, self.start),
            state: serde_json::to_value(self).map_err(damaged)?,
        })
    }
}

pub fn damaged(error: serde_json::Error) -> ConnectorError {
    ConnectorError::engine(format!("the position in the files is damaged: {error}"))
}

/// What a checkpoint keeps.
#[derive(Default, Serialize, Deserialize)]
struct State {
    pending: VecDeque<FileSplit>,
    /// Files found so far, of a folder that is watched.
    seen: BTreeSet<String>,
    /// True once the files of a folder that is not watched have been listed.
    listed: bool,
}

/// Lists files and hands out pieces of them.
pub struct FileEnumerator {
    listing: Listing,
    partitions: Option<Vec<Partition>>,
    monitor: Option<Duration>,
    /// How many readers there are, where files may be cut.
    readers: Option<usize>,
    state: State,
}

impl FileEnumerator {
    pub fn new(
        listing: Listing,
        partitions: Option<Vec<Partition>>,
        monitor: Option<Duration>,
        readers: Option<usize>,
    ) -> FileEnumerator {
        FileEnumerator {
            listing,
            partitions,
            monitor,
            readers,
            state: State::default(),
        }
    }

    fn list(&mut self) -> Result<(), ConnectorError> {
        let files = match self.listing.files() {
            Ok(files) => files,
            // A folder that is watched may come later.
            Err(_) if self.monitor.is_some() => Vec::new(),
            Err(error) => return Err(error),
        };
        let keys = &self.listing.partition_keys;
        let wanted = |file: &FoundFile| {
            is_wanted(file, keys, self.partitions.as_deref())
                && !self.state.seen.contains(file.path.as_ref())
        };
        let files: Vec<FoundFile> = files.into_iter().filter(wanted).collect();
        let total: u64 = files.iter().map(|f| f.size).sum();
        let piece = self.readers.map_or(u64::MAX, |readers| {
            // A few pieces a reader, so that all end at about the same time.
            let pieces = if readers > 1 { readers as u64 * 4 } else { 1 };
            (total / pieces).max(PIECE_BYTES_MIN)
        });
        for file in files {
            if self.monitor.is_some() {
                self.state.seen.insert(file.path.to_string());
            }
            self.state.pending.extend(cut(&file, piece));
        }
        self.state.listed = true;
        Ok(())
    }
}

/// The pieces of a file; the last may be up to half as large again.
fn cut(file: &FoundFile, piece: u64) -> Vec<FileSplit> {
    let count = ((file.size + piece / 2) / piece).max(1);
    let bound = |i: u64| (u128::from(file.size) * u128::from(i) / u128::from(count)) as u64;
    (0..count)
        .map(|i| FileSplit {
            path: file.path.to_string(),
            size: file.size,
            modified_ms: file.modified_ms,
            partition: file.partition.clone(),
            start: bound(i),
            end: bound(i + 1),
            position: None,
            rows: 0,
        })
        .collect()
}

impl SplitEnumerator for FileEnumerator {
    fn next_splits(&mut self, _: usize) -> Result<Assignment, ConnectorError> {
        if self.state.pending.is_empty() && (self.monitor.is_some() || !self.state.listed) {
            self.list()?;
        }
        match (self.state.pending.pop_front(), self.monitor) {
            (Some(split), _) => Ok(Assignment::Splits(vec![split.to_split()?])),
            (None, Some(interval)) => Ok(Assignment::Later(interval)),
            (None, None) => Ok(Assignment::Finished),
        }
    }

    fn add_splits_back(&mut self, splits: Vec<Split>) {
        let back = splits.into_iter().map(|s| serde_json::from_value(s.state));
        self.state.pending.extend(back.flatten());
    }

    fn snapshot(&self) -> Result<serde_json::Value, ConnectorError> {
        serde_json::to_value(&self.state).map_err(damaged)
    }

    fn restore(&mut self, state: serde_json::Value) -> Result<(), ConnectorError> {
        self.state = serde_json::from_value(state).map_err(damaged)?;
        Ok(())
    }
}
