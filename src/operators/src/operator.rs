//! The operator's interface: step functions that a task's chain drives.
//!
//! An operator never waits and never loops over channels. Each call does a bounded piece of work, leaves what it has to
//! say in [`Output`], and returns how it stands. A call that returned [`Step::More`] or [`Step::Pending`] is finished
//! through [`Operator::resume`] before the operator is given anything else; a barrier passes only when every operator
//! of the chain stands at [`Step::Done`].

use std::time::Duration;

use filbert_connector_api::source::Split;
use filbert_types::{ChangeBatch, Watermark};

use crate::context::OperatorContext;
use crate::error::Result;
use crate::output::Output;
use crate::snapshot::OperatorSnapshot;

/// How an operator stands after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The call's work is done.
    Done,
    /// The output is full: `resume` when it has been shipped.
    More,
    /// Something outside is waited for (a lookup, a full result channel): `resume` when the task's waker has been called.
    Pending,
}

/// How a source stands after a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceStep {
    /// Poll again at once.
    More,
    /// Nothing before this much time has passed, or before splits arrive.
    Wait(Duration),
    /// Nothing before the task is woken: by splits that arrive, or through its waker.
    Idle,
    /// The source has ended; its last watermark is in the output.
    Finished,
}

/// One operator of a chain, in one subtask.
///
/// Batches carry watermarks as marks between their rows: an operator passes each mark on at the place in its output
/// that corresponds. A watermark that comes alone arrives through [`Operator::watermark`].
pub trait Operator: Send {
    /// The tags of the operator's side outputs, by number.
    fn side_outputs(&self) -> &'static [&'static str] {
        &[]
    }

    /// Called once, before anything else and before `restore`.
    ///
    /// # Errors
    /// When the operator can't start.
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        let _ = ctx;
        Ok(())
    }

    /// Takes a batch of input number `input`.
    ///
    /// # Errors
    /// When a row can't be processed.
    fn process(&mut self, input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step>;

    /// The watermark of all inputs together has risen. By default it is passed on.
    ///
    /// # Errors
    /// When what it sets off fails.
    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        out.watermark(watermark);
        Ok(Step::Done)
    }

    /// All inputs have become idle, or one is active again. By default it is passed on.
    ///
    /// # Errors
    /// When what it sets off fails.
    fn idle(&mut self, idle: bool, out: &mut Output) -> Result<Step> {
        out.idle(idle);
        Ok(Step::Done)
    }

    /// The processing time at which [`Operator::timer`] must be called, in milliseconds.
    fn next_timer(&self) -> Option<i64> {
        None
    }

    /// Processing time has reached `next_timer`.
    ///
    /// # Errors
    /// When what it sets off fails.
    fn timer(&mut self, now_ms: i64, out: &mut Output) -> Result<Step> {
        let _ = (now_ms, out);
        Ok(Step::Done)
    }

    /// Input number `input` has ended; its last watermark came before.
    ///
    /// # Errors
    /// When what it sets off fails.
    fn end_input(&mut self, input: usize, out: &mut Output) -> Result<Step> {
        let _ = (input, out);
        Ok(Step::Done)
    }

    /// Goes on with the call that returned `More` or `Pending`.
    ///
    /// # Errors
    /// As the call that it goes on with.
    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        let _ = out;
        Ok(Step::Done)
    }

    /// A barrier is about to pass: bundles are flushed, what is in flight outside is finished or made part of the state.
    ///
    /// # Errors
    /// When flushing fails.
    fn prepare_barrier(&mut self, checkpoint_id: u64, out: &mut Output) -> Result<Step> {
        let _ = (checkpoint_id, out);
        Ok(Step::Done)
    }

    /// The operator's state, frozen: writing it out must not need the operator. Empty for operators without state.
    ///
    /// # Errors
    /// When the state can't be read.
    fn snapshot(&mut self, checkpoint_id: u64) -> Result<OperatorSnapshot> {
        let _ = checkpoint_id;
        Ok(OperatorSnapshot::default())
    }

    /// Takes up state from a snapshot (several, or parts, after a change of parallelism), after `open`.
    ///
    /// # Errors
    /// When the state is not of this operator.
    fn restore(&mut self, state: Vec<OperatorSnapshot>) -> Result<()> {
        let _ = state;
        Ok(())
    }

    /// # Errors
    /// When what was prepared for the checkpoint can't be finished.
    fn checkpoint_complete(&mut self, checkpoint_id: u64) -> Result<()> {
        let _ = checkpoint_id;
        Ok(())
    }

    /// # Errors
    /// When what was prepared for the checkpoint can't be undone.
    fn checkpoint_aborted(&mut self, checkpoint_id: u64) -> Result<()> {
        let _ = checkpoint_id;
        Ok(())
    }

    /// Called once, at the very end, also after a failure: `finished` is true when all input was processed. Names what
    /// is left behind unfinished (hidden files).
    fn close(&mut self, finished: bool) -> Vec<String> {
        let _ = finished;
        Vec::new()
    }
}

/// An operator at the head of a chain that makes rows by itself.
pub trait SourceOperator: Operator {
    /// Does a bounded piece of work: at most a batch.
    ///
    /// # Errors
    /// When reading fails.
    fn poll(&mut self, out: &mut Output) -> Result<SourceStep>;

    /// Splits from the enumerator.
    fn add_splits(&mut self, splits: Vec<Split>) {
        let _ = splits;
    }

    fn no_more_splits(&mut self) {}

    /// Ends as if the input had ended. A source whose input ends by itself may go on to that end.
    fn drain(&mut self) {}
}

/// What [`crate::build`] makes of a spec.
pub enum BuiltOperator {
    Source(Box<dyn SourceOperator>),
    Operator(Box<dyn Operator>),
}

impl BuiltOperator {
    /// The operator, whichever it is.
    pub fn operator(&mut self) -> &mut dyn Operator {
        match self {
            BuiltOperator::Source(source) => source.as_mut(),
            BuiltOperator::Operator(operator) => operator.as_mut(),
        }
    }
}
