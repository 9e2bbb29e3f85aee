//! A join that gathers both inputs' rows in bundles and joins what they come to (Flink's
//! `MiniBatchStreamingJoinOperator`): the side whose rows are padded comes last, so that most of them have met theirs.

use std::collections::VecDeque;

use arrow::datatypes::SchemaRef;
use filbert_graph::spec::{JoinKind, JoinSideSpec, JoinSpec, JoinUniqueKey};
use filbert_types::ChangeBatch;

use crate::bundle::Bundle;
use crate::bundle::net_changes::NetChanges;
use crate::context::OperatorContext;
use crate::error::Result;
use crate::join::JoinOperator;
use crate::operator::{Operator, Step};
use crate::output::Output;

pub(crate) struct MiniBatchJoin {
    join: JoinOperator,
    gathered: [NetChanges; 2],
    first: usize,
    /// What goes through the join while a bundle is emitted.
    emitting: Option<VecDeque<(usize, ChangeBatch)>>,
    /// The join has more to say of its last batch.
    pending: bool,
}

impl MiniBatchJoin {
    pub fn new(join: JoinOperator, spec: &JoinSpec, inputs: [&SchemaRef; 2]) -> MiniBatchJoin {
        let side = |side: &JoinSideSpec, schema: &SchemaRef| {
            let unique_key = match &side.unique_key {
                JoinUniqueKey::None => None,
                JoinUniqueKey::JoinKey => Some(side.keys.clone()),
                JoinUniqueKey::Columns(columns) => Some(columns.clone()),
            };
            NetChanges::new(SchemaRef::clone(schema), unique_key, side.upserts)
        };
        MiniBatchJoin {
            join,
            gathered: [side(&spec.left, inputs[0]), side(&spec.right, inputs[1])],
            first: usize::from(spec.kind != JoinKind::Right),
            emitting: None,
            pending: false,
        }
    }
}

impl Bundle for MiniBatchJoin {
    const INPUTS: usize = 2;

    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.join.open(ctx)
    }

    fn add(&mut self, input: usize, batch: &ChangeBatch) -> Result<()> {
        self.gathered[input].add(batch);
        Ok(())
    }

    fn emit(&mut self, out: &mut Output) -> Result<bool> {
        if self.emitting.is_none() {
            let mut batches = VecDeque::new();
            for side in [self.first, 1 - self.first] {
                let left = self.gathered[side].take()?;
                batches.extend(left.map(|left| (side, left)));
            }
            self.emitting = Some(batches);
        }
        loop {
            let step = if self.pending {
                self.join.resume(out)?
            } else {
                match self.emitting.as_mut().and_then(VecDeque::pop_front) {
                    Some((side, batch)) => self.join.process(side, batch, out)?,
                    None => break,
                }
            };
            self.pending = step != Step::Done;
            if self.pending {
                return Ok(false);
            }
        }
        self.emitting = None;
        Ok(true)
    }

    fn measure(&self) {}

    fn next_timer(&self) -> Option<i64> {
        self.join.next_timer()
    }

    fn timer(&mut self, now_ms: i64) {
        self.join.sweep(now_ms);
    }
}
