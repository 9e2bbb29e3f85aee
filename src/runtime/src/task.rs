//! One subtask of a vertex: a thread that reads channels or splits, drives its chain, and ships what comes out.
//!
//! The loop alone waits: for messages, for rows, for room in the channels, for time. Whatever it waits for wakes it
//! through its [`TaskWaker`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use filbert_connector_api::source::Split;
use filbert_operators::error::Result;
use filbert_operators::{Chain, ChainStep, Outlet, SourceStep};
use filbert_types::{Barrier, ChangeBatch, Clock, Element, Watermark};
use parking_lot::Mutex;

use crate::exchange::gate::{GateEvent, InputGate};
use crate::exchange::writer::ResultWriter;
use crate::metrics::TaskMetrics;
use crate::task_waker::TaskWaker;

/// What a task is told while it runs.
#[derive(Debug)]
pub(crate) enum TaskMessage {
    Splits(Vec<Split>),
    NoMoreSplits,
    /// End the source as if its input had ended.
    Drain,
}

/// The way to a running task.
#[derive(Clone)]
pub(crate) struct TaskHandle {
    messages: Sender<TaskMessage>,
    canceled: Arc<AtomicBool>,
    waker: Arc<TaskWaker>,
}

impl TaskHandle {
    pub(crate) fn new(waker: Arc<TaskWaker>) -> (TaskHandle, Mailbox) {
        let (messages, received) = crossbeam_channel::unbounded();
        let canceled = Arc::new(AtomicBool::new(false));
        let mailbox = Mailbox {
            received,
            canceled: Arc::clone(&canceled),
            waker: Arc::clone(&waker),
        };
        let handle = TaskHandle {
            messages,
            canceled,
            waker,
        };
        (handle, mailbox)
    }

    pub(crate) fn send(&self, message: TaskMessage) {
        // A task that has ended needs no messages.
        if self.messages.send(message).is_ok() {
            std::task::Wake::wake_by_ref(&self.waker);
        }
    }

    pub(crate) fn cancel(&self) {
        self.canceled.store(true, Ordering::Release);
        std::task::Wake::wake_by_ref(&self.waker);
    }
}

/// A task's end of its [`TaskHandle`].
pub(crate) struct Mailbox {
    received: Receiver<TaskMessage>,
    canceled: Arc<AtomicBool>,
    waker: Arc<TaskWaker>,
}

/// How a task ended, if it didn't fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskEnd {
    Finished,
    Canceled,
}

/// Where a task's rows come from.
pub(crate) enum Head {
    /// The first operator of the chain makes them.
    Source(SourceHead),
    Gate(InputGate),
}

/// What a task knows of its source.
#[derive(Debug, Default)]
pub(crate) struct SourceHead {
    /// Not polled before this time.
    wait_until_ms: Option<i64>,
    /// Not polled before the task is woken.
    idle: bool,
    finished: bool,
}

pub(crate) struct Task {
    pub(crate) chain: Chain,
    pub(crate) head: Head,
    pub(crate) writers: Vec<Arc<Mutex<ResultWriter>>>,
    pub(crate) mailbox: Mailbox,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<TaskMetrics>,
    /// How long rows may wait in a writer; none when only a full batch sends them.
    pub(crate) buffer_timeout_ms: Option<i64>,
    /// When what waits in the writers must go.
    pub(crate) flush_at_ms: Option<i64>,
}

/// A chain's outlet on a writer, which the task's loop looks at too. Both run on the task's thread, so that the lock is
/// never contended.
pub(crate) struct WriterOutlet(pub(crate) Arc<Mutex<ResultWriter>>);

impl Outlet for WriterOutlet {
    fn batch(&mut self, batch: ChangeBatch) -> Result<()> {
        self.0.lock().batch(batch)
    }

    fn watermark(&mut self, watermark: Watermark) -> Result<()> {
        self.0.lock().watermark(watermark)
    }

    fn idle(&mut self, idle: bool) -> Result<()> {
        self.0.lock().idle(idle)
    }
}

/// What the loop should do next.
enum Next {
    Again,
    /// Wait for a wake-up, or until this time.
    Wait(Reason, Option<i64>),
    End,
}

enum Reason {
    Idle,
    BackPressure,
}

impl Task {
    /// Runs to the end; `running` is called when the operators are open.
    ///
    /// # Errors
    /// What an operator failed with.
    pub(crate) fn run(&mut self, running: impl FnOnce()) -> Result<TaskEnd> {
        self.mailbox.waker.attach();
        let waker = std::task::Waker::from(Arc::clone(&self.mailbox.waker));
        self.clock.subscribe(waker);
        self.chain.open()?;
        running();
        let mut since = Instant::now();
        loop {
            if self.mailbox.canceled.load(Ordering::Acquire) {
                return Ok(TaskEnd::Canceled);
            }
            self.read_messages();
            match self.advance_unless_canceled()? {
                Next::Again => {}
                Next::End => break,
                Next::Wait(reason, deadline) => {
                    let busy = since.elapsed();
                    self.wait(deadline);
                    let waited = since.elapsed().saturating_sub(busy);
                    since = Instant::now();
                    self.count_time(busy, waited, &reason);
                    self.chain.wake();
                    if let Head::Source(source) = &mut self.head {
                        source.idle = false;
                    }
                }
            }
        }
        self.metrics.busy_us.add(micros(since.elapsed()));
        Ok(TaskEnd::Finished)
    }

    /// A task that is being cancelled may fail because its surroundings go away; that is no failure.
    fn advance_unless_canceled(&mut self) -> Result<Next> {
        match self.advance() {
            Err(_) if self.mailbox.canceled.load(Ordering::Acquire) => Ok(Next::Again),
            other => other,
        }
    }

    fn read_messages(&mut self) {
        while let Ok(message) = self.mailbox.received.try_recv() {
            match message {
                TaskMessage::Splits(splits) => self.chain.add_splits(splits),
                TaskMessage::NoMoreSplits => self.chain.no_more_splits(),
                TaskMessage::Drain => self.chain.drain(),
            }
            if let Head::Source(source) = &mut self.head {
                source.wait_until_ms = None;
                source.idle = false;
            }
        }
    }

    /// Does a bounded piece of work, or says what to wait for.
    fn advance(&mut self) -> Result<Next> {
        if !self.writers.iter().all(|w| w.lock().has_room()) {
            return Ok(Next::Wait(Reason::BackPressure, None));
        }
        match self.chain.step()? {
            ChainStep::Worked => {
                self.schedule_flush();
                self.flush_when_due()?;
                return Ok(Next::Again);
            }
            ChainStep::Pending => {
                self.flush()?;
                return Ok(Next::Wait(Reason::Idle, None));
            }
            ChainStep::Idle => {}
        }
        let timer = self.chain.next_timer();
        if let Some(due) = timer {
            let now = self.clock.now_ms();
            if due <= now {
                self.chain.fire_timers(now);
                return Ok(Next::Again);
            }
        }
        let next = match &mut self.head {
            Head::Source(_) => self.poll_source()?,
            Head::Gate(_) => self.poll_gate()?,
        };
        match next {
            Next::Wait(reason, deadline) => {
                // Nothing to do: rows needn't wait for others.
                self.flush()?;
                let deadline = [deadline, timer].into_iter().flatten().min();
                Ok(Next::Wait(reason, deadline))
            }
            next => Ok(next),
        }
    }

    fn poll_source(&mut self) -> Result<Next> {
        let Head::Source(source) = &mut self.head else {
            return Ok(Next::End);
        };
        if source.finished {
            self.end()?;
            return Ok(Next::End);
        }
        if source.idle {
            return Ok(Next::Wait(Reason::Idle, None));
        }
        if let Some(until) = source.wait_until_ms {
            if self.clock.now_ms() < until {
                return Ok(Next::Wait(Reason::Idle, Some(until)));
            }
            source.wait_until_ms = None;
        }
        match self.chain.poll_source()? {
            SourceStep::More => {}
            SourceStep::Wait(time) => {
                let ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX).max(1);
                source.wait_until_ms = Some(self.clock.now_ms().saturating_add(ms));
            }
            SourceStep::Idle => source.idle = true,
            SourceStep::Finished => source.finished = true,
        }
        Ok(Next::Again)
    }

    fn poll_gate(&mut self) -> Result<Next> {
        let Head::Gate(gate) = &mut self.head else {
            return Ok(Next::End);
        };
        match gate.poll()? {
            Some(GateEvent::Batch(input, batch)) => self.chain.push_batch(input, batch),
            Some(GateEvent::Watermark(watermark)) => self.chain.push_watermark(watermark),
            Some(GateEvent::Idle(idle)) => self.chain.push_idle(idle),
            Some(GateEvent::EndInput(input)) => self.chain.push_end_input(input),
            Some(GateEvent::Barrier(barrier)) => self.pass_barrier(barrier)?,
            None if gate.is_finished() => {
                self.end()?;
                return Ok(Next::End);
            }
            None => return Ok(Next::Wait(Reason::Idle, None)),
        }
        Ok(Next::Again)
    }

    /// Hands a barrier on. Nobody triggers checkpoints yet; when the coordinator does, the chain is prepared and its
    /// state taken here, where every operator stands at `Done`.
    fn pass_barrier(&mut self, barrier: Barrier) -> Result<()> {
        for writer in &self.writers {
            writer.lock().broadcast(&Element::Barrier(barrier))?;
        }
        Ok(())
    }

    /// All input is processed: tells the consumers.
    fn end(&mut self) -> Result<()> {
        for writer in &self.writers {
            let mut writer = writer.lock();
            writer.broadcast(&Element::EndOfData { drain: true })?;
            writer.broadcast(&Element::EndOfPartition)?;
        }
        Ok(())
    }

    fn schedule_flush(&mut self) {
        if self.flush_at_ms.is_none()
            && let Some(timeout) = self.buffer_timeout_ms
            && self.writers.iter().any(|w| w.lock().has_waiting())
        {
            self.flush_at_ms = Some(self.clock.now_ms() + timeout);
        }
    }

    fn flush_when_due(&mut self) -> Result<()> {
        match self.flush_at_ms {
            Some(due) if due <= self.clock.now_ms() => self.flush(),
            _ => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.flush_at_ms = None;
        for writer in &self.writers {
            writer.lock().flush()?;
        }
        Ok(())
    }

    fn wait(&self, deadline: Option<i64>) {
        let timeout = deadline.and_then(|at| self.clock.sleep_until(at));
        let patience = match &self.head {
            Head::Gate(gate) => gate.patience(),
            Head::Source(_) => None,
        };
        let timeout = [timeout, patience].into_iter().flatten().min();
        self.mailbox.waker.wait(timeout);
    }

    fn count_time(&self, busy: Duration, waited: Duration, reason: &Reason) {
        self.metrics.busy_us.add(micros(busy));
        let counter = match reason {
            Reason::Idle => &self.metrics.idle_us,
            Reason::BackPressure => &self.metrics.back_pressured_us,
        };
        counter.add(micros(waited));
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
