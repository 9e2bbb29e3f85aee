//! Operator coordinators: split enumerators and committers, on a thread of the job's own, so that listing a folder or
//! committing a file never delays the control thread or a task.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use filbert_connector_api::source::Assignment;
use filbert_connector_api::{Committable, Committer, SplitEnumerator};
use filbert_operators::error::Result;
use filbert_operators::{CoordinatorEvent, CoordinatorGateway};

use crate::error::JobError;
use crate::task::{TaskHandle, TaskMessage};

/// Which operator of which vertex.
pub(crate) type OperatorKey = (usize, usize);

/// Makes an operator's coordinator, on the coordinators' thread.
pub(crate) type MakeCoordinator = Box<dyn FnOnce() -> Result<Coordinator> + Send>;

pub(crate) enum Coordinator {
    Source(Box<dyn SplitEnumerator>),
    /// None for a sink whose rows need no commit.
    Sink(Option<Box<dyn Committer>>),
}

enum Message {
    /// Tasks of a region start: their operators' coordinators begin anew.
    Start {
        coordinators: Vec<(OperatorKey, MakeCoordinator)>,
        tasks: HashMap<(usize, usize), TaskHandle>,
    },
    Event {
        operator: OperatorKey,
        subtask: usize,
        event: CoordinatorEvent,
    },
    /// The job has finished: commit what was prepared.
    Commit,
    Stop,
}

/// What the coordinators tell the job.
#[derive(Debug)]
pub(crate) enum CoordinatorReport {
    Failed(JobError),
    Committed,
}

/// The way to a job's coordinators.
#[derive(Clone)]
pub(crate) struct Coordinators {
    messages: Sender<Message>,
}

impl Coordinators {
    /// Starts the thread. `report` is called on it.
    pub(crate) fn spawn(
        job: &str,
        report: impl Fn(CoordinatorReport) + Send + 'static,
    ) -> std::io::Result<Coordinators> {
        let (messages, received) = crossbeam_channel::unbounded();
        std::thread::Builder::new()
            .name(format!("coordinators {job}"))
            .spawn(move || {
                Worker {
                    received,
                    report,
                    coordinators: BTreeMap::new(),
                    tasks: HashMap::new(),
                    later: Vec::new(),
                }
                .run();
            })?;
        Ok(Coordinators { messages })
    }

    pub(crate) fn start(
        &self,
        coordinators: Vec<(OperatorKey, MakeCoordinator)>,
        tasks: HashMap<(usize, usize), TaskHandle>,
    ) {
        self.send(Message::Start {
            coordinators,
            tasks,
        });
    }

    pub(crate) fn commit(&self) {
        self.send(Message::Commit);
    }

    pub(crate) fn stop(&self) {
        self.send(Message::Stop);
    }

    pub(crate) fn gateway(
        &self,
        operator: OperatorKey,
        subtask: usize,
    ) -> Arc<dyn CoordinatorGateway> {
        Arc::new(Gateway {
            coordinators: self.clone(),
            operator,
            subtask,
        })
    }

    fn send(&self, message: Message) {
        // A thread that is gone has been stopped.
        let _ = self.messages.send(message);
    }
}

struct Gateway {
    coordinators: Coordinators,
    operator: OperatorKey,
    subtask: usize,
}

impl CoordinatorGateway for Gateway {
    fn send(&self, event: CoordinatorEvent) {
        self.coordinators.send(Message::Event {
            operator: self.operator,
            subtask: self.subtask,
            event,
        });
    }
}

struct SinkState {
    committer: Option<Box<dyn Committer>>,
    prepared: Vec<Committable>,
}

enum State {
    Source(Box<dyn SplitEnumerator>),
    Sink(SinkState),
}

struct Worker<R> {
    received: Receiver<Message>,
    report: R,
    coordinators: BTreeMap<OperatorKey, State>,
    /// By vertex and subtask.
    tasks: HashMap<(usize, usize), TaskHandle>,
    /// Readers to be asked for again, and when.
    later: Vec<(Instant, OperatorKey, usize)>,
}

impl<R: Fn(CoordinatorReport)> Worker<R> {
    fn run(mut self) {
        loop {
            let timeout = self.until_next();
            let worked = match self.received.recv_timeout(timeout) {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(message) => self.message(message),
                Err(RecvTimeoutError::Timeout) => self.ask_again(),
            };
            if let Err(error) = worked {
                (self.report)(CoordinatorReport::Failed(error));
            }
        }
    }

    fn until_next(&self) -> Duration {
        let next = self.later.iter().map(|(at, ..)| *at).min();
        next.map_or(Duration::from_secs(3600), |at| {
            at.saturating_duration_since(Instant::now())
        })
    }

    fn message(&mut self, message: Message) -> Result<(), JobError> {
        match message {
            Message::Start {
                coordinators,
                tasks,
            } => {
                self.later
                    .retain(|(_, key, subtask)| !tasks.contains_key(&(key.0, *subtask)));
                self.tasks.extend(tasks);
                for (key, make) in coordinators {
                    let made = make().map_err(|e| JobError::of_task("Coordinator", e))?;
                    let state = match made {
                        Coordinator::Source(enumerator) => State::Source(enumerator),
                        Coordinator::Sink(committer) => State::Sink(SinkState {
                            committer,
                            prepared: Vec::new(),
                        }),
                    };
                    self.coordinators.insert(key, state);
                }
                Ok(())
            }
            Message::Event {
                operator,
                subtask,
                event: CoordinatorEvent::RequestSplits,
            } => self.assign(operator, subtask),
            Message::Event {
                operator,
                event: CoordinatorEvent::Prepared(committables),
                ..
            } => {
                if let Some(State::Sink(sink)) = self.coordinators.get_mut(&operator) {
                    sink.prepared.extend(committables);
                }
                Ok(())
            }
            Message::Commit => self.commit(),
            Message::Stop => Ok(()),
        }
    }

    fn assign(&mut self, operator: OperatorKey, subtask: usize) -> Result<(), JobError> {
        let Some(State::Source(enumerator)) = self.coordinators.get_mut(&operator) else {
            return Ok(());
        };
        let Some(task) = self.tasks.get(&(operator.0, subtask)) else {
            return Ok(());
        };
        let assignment = enumerator
            .next_splits(subtask)
            .map_err(|e| JobError::of_task("Split enumerator", e.into()))?;
        match assignment {
            Assignment::Splits(splits) => task.send(TaskMessage::Splits(splits)),
            Assignment::Finished => task.send(TaskMessage::NoMoreSplits),
            Assignment::Later(time) => {
                if let Some(at) = Instant::now().checked_add(time) {
                    self.later.push((at, operator, subtask));
                }
            }
        }
        Ok(())
    }

    fn ask_again(&mut self) -> Result<(), JobError> {
        let now = Instant::now();
        let (due, later) = self.later.drain(..).partition(|(at, ..)| *at <= now);
        self.later = later;
        let due: Vec<(Instant, OperatorKey, usize)> = due;
        for (_, operator, subtask) in due {
            self.assign(operator, subtask)?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), JobError> {
        for state in self.coordinators.values_mut() {
            let State::Sink(sink) = state else {
                continue;
            };
            if let Some(committer) = &mut sink.committer {
                let prepared = std::mem::take(&mut sink.prepared);
                committer
                    .commit(prepared)
                    .and_then(|()| committer.finish())
                    .map_err(|e| JobError::of_task("Committer", e.into()))?;
            }
        }
        (self.report)(CoordinatorReport::Committed);
        Ok(())
    }
}
