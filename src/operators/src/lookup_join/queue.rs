//! Rows whose lookups are on their way, and when they may go out.

use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::task::Waker;

use arrow::array::{RecordBatch, UInt32Array};
use filbert_connector_api::lookup::LookedUp;
use filbert_graph::spec::AsyncOrder;
use filbert_types::Watermark;
use parking_lot::Mutex;
use tokio::task::AbortHandle;

use crate::context::IoRuntime;
use crate::error::Result;
use crate::lookup_join::chunk::Chunk;
use crate::lookup_join::emit::Emitting;
use crate::lookup_join::found::{Found, Piece};

/// The number of a chunk, and what the table has said.
pub(super) type Answer = (u64, Result<LookedUp>);

/// What has come in and not gone out, in the order of its coming.
#[derive(Default)]
pub(super) struct Queue {
    entries: VecDeque<Entry>,
    next_id: u64,
    rows: usize,
    arrived: Arc<Mutex<Vec<Answer>>>,
}

pub(super) enum Entry {
    Chunk(Box<ChunkEntry>),
    Watermark(Watermark),
    Idle(bool),
}

pub(super) struct ChunkEntry {
    id: u64,
    pub chunk: Chunk,
    /// By row, where rows of one key must stay in order.
    hashes: Vec<u64>,
    pub state: State,
}

pub(super) enum State {
    Waiting {
        /// Held so that the lookup ends with its chunk.
        _task: TaskHandle,
        /// What the cache had.
        cached: Vec<Piece>,
        /// The numbers of the keys that were asked for.
        missing: UInt32Array,
        keys: RecordBatch,
    },
    Found(Found),
    Taken,
}

/// A lookup on its way; nobody waits for it any more once this is dropped.
pub(super) struct TaskHandle(AbortHandle);

impl Drop for TaskHandle {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl ChunkEntry {
    pub fn into_emitting(self) -> Option<Emitting> {
        match self.state {
            State::Found(found) => Some(Emitting::new(self.chunk, found)),
            _ => None,
        }
    }
}

impl Queue {
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Rows in flight.
    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn has_arrived(&self) -> bool {
        !self.arrived.lock().is_empty()
    }

    pub fn push(&mut self, entry: Entry) {
        self.entries.push_back(entry);
    }

    /// Starts a lookup, whose answer arrives under the number of the next chunk.
    pub fn spawn(
        &self,
        asked: impl Future<Output = Result<LookedUp>> + Send + 'static,
        io: &dyn IoRuntime,
        waker: &Waker,
    ) -> Result<TaskHandle> {
        let (id, arrived, waker) = (self.next_id, Arc::clone(&self.arrived), waker.clone());
        let task = io.handle()?.spawn(async move {
            let answer = asked.await;
            arrived.lock().push((id, answer));
            waker.wake();
        });
        Ok(TaskHandle(task.abort_handle()))
    }

    pub fn push_chunk(&mut self, chunk: Chunk, hashes: Vec<u64>, state: State) {
        self.rows += chunk.batch.num_rows();
        self.entries.push_back(Entry::Chunk(Box::new(ChunkEntry {
            id: self.next_id,
            chunk,
            hashes,
            state,
        })));
        self.next_id += 1;
    }

    pub fn take_arrived(&self) -> Vec<Answer> {
        std::mem::take(&mut *self.arrived.lock())
    }

    /// The chunk of this number.
    pub fn waiting(&mut self, id: u64) -> Option<&mut ChunkEntry> {
        self.entries.iter_mut().find_map(|entry| match entry {
            Entry::Chunk(chunk) if chunk.id == id => Some(chunk.as_mut()),
            _ => None,
        })
    }

    /// The hashes of the rows in flight.
    pub fn hashes(&self) -> HashSet<u64> {
        let chunks = self.entries.iter().filter_map(|entry| match entry {
            Entry::Chunk(chunk) => Some(chunk),
            _ => None,
        });
        chunks.flat_map(|chunk| &chunk.hashes).copied().collect()
    }

    /// Takes what may go next.
    pub fn next(&mut self, order: &AsyncOrder) -> Option<Entry> {
        let at = self.next_place(order)?;
        let entry = self.entries.remove(at)?;
        if let Entry::Chunk(chunk) = &entry {
            self.rows -= chunk.chunk.batch.num_rows();
        }
        Some(entry)
    }

    fn next_place(&self, order: &AsyncOrder) -> Option<usize> {
        for (at, entry) in self.entries.iter().enumerate() {
            match entry {
                Entry::Chunk(chunk) if matches!(chunk.state, State::Found(_)) => return Some(at),
                // Rows of a key that is in flight are not asked for: their order needs no care here.
                Entry::Chunk(_) if *order != AsyncOrder::Ordered => {}
                Entry::Chunk(_) => return None,
                Entry::Watermark(_) | Entry::Idle(_) => return (at == 0).then_some(0),
            }
        }
        None
    }
}
