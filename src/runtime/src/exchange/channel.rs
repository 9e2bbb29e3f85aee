use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Waker;

use filbert_operators::OperatorError;
use filbert_operators::error::Result;
use filbert_types::{ChangeBatch, Element, WatermarkMark};
use parking_lot::Mutex;

use crate::exchange::spill::SpillFile;

/// Rows and bytes that a channel holds before its producer is held back. A push is never refused: the producer asks
/// `has_room` before it does the work whose output goes here, so that a channel holds at most this and one step's output.
/// Watermarks, barriers and ends count nothing: a channel full of rows can't delay its producer in sending them.
pub(crate) const CHANNEL_ROWS_MAX: usize = 32 * 1024;
pub(crate) const CHANNEL_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes that a blocking channel keeps in memory; what comes after goes to disk.
const BLOCKING_BYTES_MAX: usize = CHANNEL_BYTES_MAX;

/// One bounded queue from a producing subtask to a consuming one.
pub(crate) struct Channel {
    queue: Mutex<Queue>,
    /// Elements in the queue, to look without locking.
    length: AtomicUsize,
    full: AtomicBool,
    /// Holds all rows until the consumer starts, so it is never full.
    blocking: bool,
    producer: Waker,
    consumer: Waker,
}

#[derive(Default)]
struct Queue {
    elements: VecDeque<Queued>,
    rows: usize,
    bytes: usize,
    spill: Option<SpillFile>,
}

enum Queued {
    Memory(Element, usize),
    /// The next batch of the spill file, with its marks and its rows.
    Spilled(Vec<WatermarkMark>, usize),
}

impl Queue {
    fn is_full(&self) -> bool {
        self.rows >= CHANNEL_ROWS_MAX || self.bytes >= CHANNEL_BYTES_MAX
    }

    fn spill(&mut self, batch: &mut ChangeBatch) -> Result<()> {
        let spill = match &mut self.spill {
            Some(spill) => spill,
            empty => empty.insert(SpillFile::new(batch.schema())?),
        };
        spill.write(batch)?;
        let marks = std::mem::take(&mut batch.marks);
        self.elements
            .push_back(Queued::Spilled(marks, batch.num_rows()));
        Ok(())
    }
}

impl Channel {
    pub(crate) fn new(blocking: bool, producer: Waker, consumer: Waker) -> Channel {
        Channel {
            queue: Mutex::default(),
            length: AtomicUsize::new(0),
            full: AtomicBool::new(false),
            blocking,
            producer,
            consumer,
        }
    }

    /// False when the producer should wait; it is woken when there is room.
    pub(crate) fn has_room(&self) -> bool {
        !self.full.load(Ordering::Acquire)
    }

    /// Adds an element. `bytes` is what a batch weighs here; slices share buffers, so it is an upper bound.
    ///
    /// # Errors
    /// When a blocking channel can't spill.
    pub(crate) fn push(&self, mut element: Element, bytes: usize) -> Result<()> {
        let mut queue = self.queue.lock();
        match &mut element {
            Element::Batch(batch) if self.blocking && queue.bytes >= BLOCKING_BYTES_MAX => {
                queue.rows += batch.num_rows();
                queue.spill(batch)?;
            }
            _ => {
                if let Element::Batch(batch) = &element {
                    queue.rows += batch.num_rows();
                    queue.bytes += bytes;
                }
                queue.elements.push_back(Queued::Memory(element, bytes));
            }
        }
        self.full
            .store(queue.is_full() && !self.blocking, Ordering::Release);
        self.length.store(queue.elements.len(), Ordering::Release);
        drop(queue);
        self.consumer.wake_by_ref();
        Ok(())
    }

    /// True when there is something to pop.
    pub(crate) fn is_ready(&self) -> bool {
        self.length.load(Ordering::Acquire) > 0
    }

    /// The oldest element and its bytes.
    ///
    /// # Errors
    /// When what was spilled can't be read back.
    pub(crate) fn pop(&self) -> Result<Option<(Element, usize)>> {
        let mut queue = self.queue.lock();
        let popped = match queue.elements.pop_front() {
            None => return Ok(None),
            Some(Queued::Memory(element, bytes)) => {
                if let Element::Batch(batch) = &element {
                    queue.rows -= batch.num_rows();
                    queue.bytes -= bytes;
                }
                (element, bytes)
            }
            Some(Queued::Spilled(marks, rows)) => {
                queue.rows -= rows;
                let Some(spill) = &mut queue.spill else {
                    return Err(OperatorError::engine("A spilled exchange is gone."));
                };
                let mut batch = spill.read()?;
                batch.marks = marks;
                let bytes = batch.memory_bytes();
                (Element::Batch(batch), bytes)
            }
        };
        let was_full = self.full.load(Ordering::Relaxed);
        let full = queue.is_full() && !self.blocking;
        self.full.store(full, Ordering::Release);
        self.length.store(queue.elements.len(), Ordering::Release);
        drop(queue);
        if was_full && !full {
            self.producer.wake_by_ref();
        }
        Ok(Some(popped))
    }
}

#[cfg(test)]
mod tests;
