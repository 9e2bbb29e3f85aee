use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Waker;

use filbert_types::Element;
use parking_lot::Mutex;

/// Rows and bytes that a channel holds before its producer is held back. A push is never refused: the producer asks
/// `has_room` before it does the work whose output goes here, so that a channel holds at most this and one step's output.
/// Watermarks, barriers and ends count nothing: a channel full of rows can't delay its producer in sending them.
pub(crate) const CHANNEL_ROWS_MAX: usize = 32 * 1024;
pub(crate) const CHANNEL_BYTES_MAX: usize = 16 * 1024 * 1024;

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
    elements: VecDeque<(Element, usize)>,
    rows: usize,
    bytes: usize,
}

impl Queue {
    fn is_full(&self) -> bool {
        self.rows >= CHANNEL_ROWS_MAX || self.bytes >= CHANNEL_BYTES_MAX
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

    /// Bytes that a batch of rows weighs here; slices share buffers, so it is an upper bound.
    pub(crate) fn push(&self, element: Element, bytes: usize) {
        let mut queue = self.queue.lock();
        if let Element::Batch(batch) = &element {
            queue.rows += batch.num_rows();
            queue.bytes += bytes;
        }
        queue.elements.push_back((element, bytes));
        self.full
            .store(queue.is_full() && !self.blocking, Ordering::Release);
        self.length.store(queue.elements.len(), Ordering::Release);
        drop(queue);
        self.consumer.wake_by_ref();
    }

    /// True when there is something to pop.
    pub(crate) fn is_ready(&self) -> bool {
        self.length.load(Ordering::Acquire) > 0
    }

    /// The oldest element and its bytes.
    pub(crate) fn pop(&self) -> Option<(Element, usize)> {
        let mut queue = self.queue.lock();
        let (element, bytes) = queue.elements.pop_front()?;
        if let Element::Batch(batch) = &element {
            queue.rows -= batch.num_rows();
            queue.bytes -= bytes;
        }
        let was_full = self.full.load(Ordering::Relaxed);
        let full = queue.is_full() && !self.blocking;
        self.full.store(full, Ordering::Release);
        self.length.store(queue.elements.len(), Ordering::Release);
        drop(queue);
        if was_full && !full {
            self.producer.wake_by_ref();
        }
        Some((element, bytes))
    }
}
