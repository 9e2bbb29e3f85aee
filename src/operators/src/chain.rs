//! Drives the operators of one task.
//!
//! Each operator has an inbox. A step of the chain gives the most downstream operator that has something to do its next
//! piece, and moves what it emitted on; so an inbox holds at most what one step of the operator before it emitted, and
//! nothing here waits: the task's loop asks between steps whether the outlets have room.

use std::collections::VecDeque;

use filbert_connector_api::source::Split;
use filbert_types::{ChangeBatch, Watermark};

use crate::check::{EdgeCheck, Replay};
use crate::context::OperatorContext;
use crate::error::{OperatorError, Result};
use crate::operator::{BuiltOperator, SourceStep, Step};
use crate::output::{Emitted, Output};
use crate::snapshot::OperatorSnapshot;

/// Where rows leave a chain: a result partition, or what hosts the chain.
pub trait Outlet: Send {
    /// # Errors
    /// When the rows can't be dealt out.
    fn batch(&mut self, batch: ChangeBatch) -> Result<()>;

    /// # Errors
    /// When what is gathered can't be dealt out first.
    fn watermark(&mut self, watermark: Watermark) -> Result<()>;

    /// # Errors
    /// When what is gathered can't be dealt out first.
    fn idle(&mut self, idle: bool) -> Result<()>;
}

/// Where an operator's output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Another operator of the chain.
    Operator(usize),
    /// An outlet, by number.
    Outlet(usize),
}

/// A way out of an operator: its main output, or one of its side outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    pub side: Option<usize>,
    pub target: Target,
}

/// An operator to be put into a chain.
pub struct ChainLink {
    pub name: String,
    pub operator: BuiltOperator,
    pub routes: Vec<Route>,
    pub context: OperatorContext,
    pub schema: arrow::datatypes::SchemaRef,
    /// How debug builds replay what it sends.
    pub replay: Option<Replay>,
}

/// What the chain needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainStep {
    /// A piece of work was done: call again once the outlets have room.
    Worked,
    /// Everything given in has been processed.
    Idle,
    /// An operator waits for something outside: call `wake` and step again when the task is woken.
    Pending,
}

enum Work {
    Batch(usize, ChangeBatch),
    Watermark(Watermark),
    Idle(bool),
    Timer(i64),
    EndInput(usize),
    PrepareBarrier(u64),
}

struct Node {
    name: String,
    operator: BuiltOperator,
    context: OperatorContext,
    routes: Vec<Route>,
    inbox: VecDeque<Work>,
    state: Step,
    /// What to pass on when the operator is done with it.
    then: Option<Work>,
    open_inputs: usize,
    out: Output,
    check: EdgeCheck,
}

/// The operators of one subtask.
pub struct Chain {
    nodes: Vec<Node>,
    outlets: Vec<Box<dyn Outlet>>,
}

impl Chain {
    /// Puts operators together, each after the one that feeds it. `head_inputs` is how many inputs the first has.
    pub fn new(links: Vec<ChainLink>, outlets: Vec<Box<dyn Outlet>>, head_inputs: usize) -> Chain {
        let nodes = links.into_iter().enumerate().map(|(i, link)| Node {
            out: Output::new(link.context.batch_rows),
            check: EdgeCheck::new(link.schema, link.replay),
            name: link.name,
            operator: link.operator,
            context: link.context,
            routes: link.routes,
            inbox: VecDeque::new(),
            state: Step::Done,
            then: None,
            open_inputs: if i == 0 { head_inputs } else { 1 },
        });
        Chain {
            nodes: nodes.collect(),
            outlets,
        }
    }

    /// # Errors
    /// When an operator can't start.
    pub fn open(&mut self) -> Result<()> {
        // From the end, so that nobody sends to an operator that isn't open.
        for node in self.nodes.iter_mut().rev() {
            let context = node.context.clone();
            let opened = node.operator.operator().open(&context);
            opened.map_err(|e| e.within(&node.name))?;
        }
        Ok(())
    }

    /// A batch for the head's input number `input`.
    pub fn push_batch(&mut self, input: usize, batch: ChangeBatch) {
        self.push(Work::Batch(input, batch));
    }

    pub fn push_watermark(&mut self, watermark: Watermark) {
        self.push(Work::Watermark(watermark));
    }

    pub fn push_idle(&mut self, idle: bool) {
        self.push(Work::Idle(idle));
    }

    /// The head's input number `input` has ended.
    pub fn push_end_input(&mut self, input: usize) {
        self.push(Work::EndInput(input));
    }

    /// A barrier comes: operators flush, from the head on.
    pub fn push_prepare_barrier(&mut self, checkpoint_id: u64) {
        self.push(Work::PrepareBarrier(checkpoint_id));
    }

    fn push(&mut self, work: Work) {
        if let Some(head) = self.nodes.first_mut() {
            head.inbox.push_back(work);
        }
    }

    /// True when all that was given in has been processed.
    pub fn is_idle(&self) -> bool {
        self.nodes
            .iter()
            .all(|n| n.state == Step::Done && n.inbox.is_empty())
    }

    /// The task was woken: operators that wait are tried again.
    pub fn wake(&mut self) {
        for node in &mut self.nodes {
            if node.state == Step::Pending {
                node.state = Step::More;
            }
        }
    }

    /// Does one piece of work.
    ///
    /// # Errors
    /// What the operator failed with, with its name.
    pub fn step(&mut self) -> Result<ChainStep> {
        for at in (0..self.nodes.len()).rev() {
            let node = &mut self.nodes[at];
            match node.state {
                Step::Pending => return Ok(ChainStep::Pending),
                Step::Done if node.inbox.is_empty() => continue,
                Step::Done | Step::More => {
                    node.work()?;
                    self.ship(at)?;
                    return Ok(ChainStep::Worked);
                }
            }
        }
        Ok(ChainStep::Idle)
    }

    /// Polls the source at the head; the chain must be idle.
    ///
    /// # Errors
    /// What the source failed with, with its name.
    pub fn poll_source(&mut self) -> Result<SourceStep> {
        let Some(Node {
            operator: BuiltOperator::Source(source),
            out,
            name,
            ..
        }) = self.nodes.first_mut()
        else {
            return Err(OperatorError::engine("This chain has no source."));
        };
        let step = source.poll(out).map_err(|e| e.within(name))?;
        self.ship(0)?;
        if step == SourceStep::Finished {
            self.push_end_input(0);
        }
        Ok(step)
    }

    pub fn add_splits(&mut self, splits: Vec<Split>) {
        if let Some(BuiltOperator::Source(source)) = self.head() {
            source.add_splits(splits);
        }
    }

    pub fn no_more_splits(&mut self) {
        if let Some(BuiltOperator::Source(source)) = self.head() {
            source.no_more_splits();
        }
    }

    pub fn drain(&mut self) {
        if let Some(BuiltOperator::Source(source)) = self.head() {
            source.drain();
        }
    }

    fn head(&mut self) -> Option<&mut BuiltOperator> {
        self.nodes.first_mut().map(|n| &mut n.operator)
    }

    /// The earliest processing time that an operator waits for.
    pub fn next_timer(&mut self) -> Option<i64> {
        self.nodes
            .iter_mut()
            .filter_map(|n| n.operator.operator().next_timer())
            .min()
    }

    /// Gives the operators whose time has come their timers; the chain must be idle.
    pub fn fire_timers(&mut self, now_ms: i64) {
        for node in &mut self.nodes {
            let due = node.operator.operator().next_timer();
            if due.is_some_and(|due| due <= now_ms) {
                node.inbox.push_back(Work::Timer(now_ms));
            }
        }
    }

    /// The operators' states, in order; the chain must be idle after `push_prepare_barrier`.
    ///
    /// # Errors
    /// When a state can't be read.
    pub fn snapshot(&mut self, checkpoint_id: u64) -> Result<Vec<OperatorSnapshot>> {
        let snapshots = self.nodes.iter_mut().map(|node| {
            let taken = node.operator.operator().snapshot(checkpoint_id);
            taken.map_err(|e| e.within(&node.name))
        });
        snapshots.collect()
    }

    /// Tells all operators how a checkpoint ended.
    ///
    /// # Errors
    /// When an operator can't finish or undo what it had prepared.
    pub fn checkpoint_ended(&mut self, checkpoint_id: u64, completed: bool) -> Result<()> {
        for node in &mut self.nodes {
            let operator = node.operator.operator();
            let told = if completed {
                operator.checkpoint_complete(checkpoint_id)
            } else {
                operator.checkpoint_aborted(checkpoint_id)
            };
            told.map_err(|e| e.within(&node.name))?;
        }
        Ok(())
    }

    pub fn outlets(&mut self) -> &mut [Box<dyn Outlet>] {
        &mut self.outlets
    }

    /// Closes all operators; returns what they leave behind unfinished.
    pub fn close(&mut self, finished: bool) -> Vec<String> {
        self.nodes
            .iter_mut()
            .flat_map(|n| n.operator.operator().close(finished))
            .collect()
    }

    /// Moves what operator `at` emitted to where it goes, and what follows its work when that is done.
    fn ship(&mut self, at: usize) -> Result<()> {
        while let Some(emitted) = self.nodes[at].out.take() {
            self.nodes[at].count(&emitted)?;
            let side = match &emitted {
                Emitted::Side(tag, _) => Some(*tag),
                _ => None,
            };
            let is_rows = matches!(emitted, Emitted::Batch(_) | Emitted::Side(..));
            for r in 0..self.nodes[at].routes.len() {
                let route = self.nodes[at].routes[r];
                // Watermarks go everywhere, rows by their output.
                if !is_rows || route.side == side {
                    self.deliver(route.target, &emitted)?;
                }
            }
        }
        if self.nodes[at].state == Step::Done {
            match self.nodes[at].then.take() {
                Some(Work::PrepareBarrier(id)) => {
                    self.tell_operators(at, |inbox| inbox.push_back(Work::PrepareBarrier(id)));
                }
                Some(Work::EndInput(_)) => {
                    self.tell_operators(at, |inbox| inbox.push_back(Work::EndInput(0)));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn tell_operators(&mut self, at: usize, mut send: impl FnMut(&mut VecDeque<Work>)) {
        for r in 0..self.nodes[at].routes.len() {
            if let Target::Operator(next) = self.nodes[at].routes[r].target {
                send(&mut self.nodes[next].inbox);
            }
        }
    }

    fn deliver(&mut self, target: Target, emitted: &Emitted) -> Result<()> {
        match target {
            Target::Operator(next) => self.nodes[next].inbox.push_back(match emitted {
                Emitted::Batch(batch) | Emitted::Side(_, batch) => Work::Batch(0, batch.clone()),
                Emitted::Watermark(watermark) => Work::Watermark(*watermark),
                Emitted::Idle(idle) => Work::Idle(*idle),
            }),
            Target::Outlet(outlet) => {
                let outlet = &mut self.outlets[outlet];
                match emitted {
                    Emitted::Batch(batch) | Emitted::Side(_, batch) => {
                        outlet.batch(batch.clone())?;
                    }
                    Emitted::Watermark(watermark) => outlet.watermark(*watermark)?,
                    Emitted::Idle(idle) => outlet.idle(*idle)?,
                }
            }
        }
        Ok(())
    }
}

impl Node {
    /// One call of the operator.
    fn work(&mut self) -> Result<()> {
        let operator = self.operator.operator();
        let out = &mut self.out;
        let step = if self.state == Step::More {
            operator.resume(out)
        } else {
            match self.inbox.pop_front() {
                None => Ok(Step::Done),
                Some(Work::Batch(input, batch)) => {
                    self.context.metrics.records_in.add(batch.num_rows() as u64);
                    operator.process(input, batch, out)
                }
                Some(Work::Watermark(watermark)) => operator.watermark(watermark, out),
                Some(Work::Idle(idle)) => operator.idle(idle, out),
                Some(Work::Timer(now_ms)) => operator.timer(now_ms, out),
                Some(Work::EndInput(input)) => {
                    self.open_inputs = self.open_inputs.saturating_sub(1);
                    if self.open_inputs == 0 {
                        self.then = Some(Work::EndInput(0));
                    }
                    operator.end_input(input, out)
                }
                Some(Work::PrepareBarrier(id)) => {
                    self.then = Some(Work::PrepareBarrier(id));
                    operator.prepare_barrier(id, out)
                }
            }
        };
        self.state = step.map_err(|e| e.within(&self.name))?;
        Ok(())
    }

    fn count(&mut self, emitted: &Emitted) -> Result<()> {
        let metrics = &self.context.metrics;
        match emitted {
            Emitted::Batch(batch) => {
                metrics.records_out.add(batch.num_rows() as u64);
                if let Some(mark) = batch.marks.last() {
                    metrics.watermark.set(mark.watermark.0);
                }
            }
            Emitted::Watermark(watermark) => metrics.watermark.set(watermark.0),
            Emitted::Side(..) | Emitted::Idle(_) => {}
        }
        if cfg!(debug_assertions) {
            self.check
                .emitted(emitted)
                .map_err(|e| e.within(&self.name))?;
        }
        Ok(())
    }
}
