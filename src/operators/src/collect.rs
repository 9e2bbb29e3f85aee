//! Hands rows to the client that asked for them.
//!
//! - State: none; a job whose rows were shown can't start again unseen.
//! - Changelog: takes any.
//! - Waits (`Pending`) while the client's channel is full. Rows for a client that has gone are dropped.

use std::sync::Arc;

use filbert_graph::spec::CollectSpec;
use filbert_types::ChangeBatch;

use crate::context::{Offered, OperatorContext, ResultGateway};
use crate::error::{OperatorError, Result};
use crate::operator::{Operator, Step};
use crate::output::Output;

pub struct CollectOperator {
    result_id: String,
    opened: Option<(Arc<dyn ResultGateway>, std::task::Waker)>,
    waiting: Option<ChangeBatch>,
}

impl CollectOperator {
    pub fn new(spec: &CollectSpec) -> CollectOperator {
        CollectOperator {
            result_id: spec.result_id.clone(),
            opened: None,
            waiting: None,
        }
    }

    fn offer(&mut self, batch: ChangeBatch) -> Result<Step> {
        let Some((results, waker)) = &self.opened else {
            return Err(OperatorError::engine("Collect is not open."));
        };
        match results.offer(batch, waker) {
            Offered::Taken | Offered::Closed => Ok(Step::Done),
            Offered::Full(batch) => {
                self.waiting = Some(batch);
                Ok(Step::Pending)
            }
        }
    }
}

impl Operator for CollectOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        let results = ctx.results.get(&self.result_id).ok_or_else(|| {
            OperatorError::engine(format!("The job has no result '{}'.", self.result_id))
        })?;
        self.opened = Some((Arc::clone(results), ctx.waker.clone()));
        Ok(())
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, _out: &mut Output) -> Result<Step> {
        self.offer(batch)
    }

    fn resume(&mut self, _out: &mut Output) -> Result<Step> {
        match self.waiting.take() {
            Some(batch) => self.offer(batch),
            None => Ok(Step::Done),
        }
    }
}
