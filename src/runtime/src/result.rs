//! The bounded way of a query's rows from its Collect operators to the client.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use filbert_operators::{Offered, ResultGateway};
use filbert_types::ChangeBatch;
use parking_lot::{Condvar, Mutex};

use crate::error::JobError;

/// Rows that wait in a result channel before its producers are held back.
const RESULT_ROWS_MAX: usize = 32 * 1024;

/// What a client gets when it asks for rows.
#[derive(Debug)]
pub enum Received {
    Batch(ChangeBatch),
    /// Nothing came in the time given.
    TimedOut,
    /// The job has ended: no rows follow. An error when it failed; a cancelled job ends its result without one.
    End(Result<(), JobError>),
}

#[derive(Default)]
struct Channel {
    batches: VecDeque<ChangeBatch>,
    rows: usize,
    /// Set when the job has ended.
    ended: Option<Result<(), JobError>>,
    /// The client has dropped its handle.
    closed: bool,
    /// Some row has been taken by the client: the job can't start again unseen.
    delivered: bool,
    producers: Vec<Waker>,
}

/// The channel's end in the job.
#[derive(Default)]
pub(crate) struct ResultSink {
    channel: Mutex<Channel>,
    arrived: Condvar,
}

impl ResultSink {
    pub(crate) fn end(&self, outcome: Result<(), JobError>) {
        let mut channel = self.channel.lock();
        channel.ended.get_or_insert(outcome);
        self.arrived.notify_all();
    }

    /// Drops what the client hasn't taken, before the job starts again. False when rows were taken already.
    pub(crate) fn reset(&self) -> bool {
        let mut channel = self.channel.lock();
        channel.batches.clear();
        channel.rows = 0;
        !channel.delivered
    }
}

impl ResultGateway for ResultSink {
    fn offer(&self, batch: ChangeBatch, waker: &Waker) -> Offered {
        let mut channel = self.channel.lock();
        if channel.closed {
            return Offered::Closed;
        }
        if channel.rows >= RESULT_ROWS_MAX {
            if !channel.producers.iter().any(|w| w.will_wake(waker)) {
                channel.producers.push(waker.clone());
            }
            return Offered::Full(batch);
        }
        channel.rows += batch.num_rows();
        channel.batches.push_back(batch);
        self.arrived.notify_one();
        Offered::Taken
    }
}

/// The client's end of a query's result. Dropping it before the end lets the job's rows go nowhere; the client cancels
/// the job when it wants no more.
pub struct CollectHandle {
    sink: Arc<ResultSink>,
}

impl CollectHandle {
    pub(crate) fn new(sink: Arc<ResultSink>) -> CollectHandle {
        CollectHandle { sink }
    }

    /// Waits for the next batch, as long as it takes.
    pub fn recv(&self) -> Received {
        self.recv_deadline(None)
    }

    /// Waits for the next batch for at most `timeout`.
    pub fn recv_timeout(&self, timeout: Duration) -> Received {
        self.recv_deadline(Instant::now().checked_add(timeout))
    }

    fn recv_deadline(&self, deadline: Option<Instant>) -> Received {
        let mut channel = self.sink.channel.lock();
        loop {
            if let Some(batch) = channel.batches.pop_front() {
                channel.rows -= batch.num_rows();
                channel.delivered = true;
                if channel.rows < RESULT_ROWS_MAX {
                    channel.producers.drain(..).for_each(Waker::wake);
                }
                return Received::Batch(batch);
            }
            if let Some(outcome) = &channel.ended {
                return Received::End(outcome.clone());
            }
            match deadline {
                None => self.sink.arrived.wait(&mut channel),
                Some(deadline) => {
                    if self
                        .sink
                        .arrived
                        .wait_until(&mut channel, deadline)
                        .timed_out()
                        && channel.batches.is_empty()
                        && channel.ended.is_none()
                    {
                        return Received::TimedOut;
                    }
                }
            }
        }
    }
}

impl Drop for CollectHandle {
    fn drop(&mut self) {
        let mut channel = self.sink.channel.lock();
        channel.closed = true;
        channel.batches.clear();
        channel.rows = 0;
        channel.producers.drain(..).for_each(Waker::wake);
    }
}
