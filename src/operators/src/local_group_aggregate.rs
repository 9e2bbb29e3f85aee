//! The first of two phases of GROUP BY: gathers rows by key, and sends each key's state for the second phase to merge.
//!
//! - State: a bundle's keys with their accumulators and numbers of rows; nothing outlives a bundle.
//! - Changelog: takes any; emits inserts of keys, state columns, and the number of rows, retracted ones taken off.
//! - A bundle ends as in the second phase: with so many rows, at a watermark, before a barrier, at the input's end.
//! - Cost: keys are looked up once a batch, rows added in bulk; what crosses the exchange is a row a key and bundle.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::LocalGroupAggregateSpec;
use filbert_types::{ChangeBatch, Watermark};

use crate::aggregate::{AggregateCalls, Op, Rows};
use crate::bundle::groups::BundleGroups;
use crate::bundle::{Cut, Feed};
use crate::context::OperatorContext;
use crate::error::Result;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;

pub struct LocalGroupAggregateOperator {
    groups: BundleGroups,
    calls: AggregateCalls,
    feed: Feed,
    metrics: Arc<OperatorMetrics>,
}

impl LocalGroupAggregateOperator {
    /// # Errors
    /// When a function isn't there for its arguments, or a key's type can't be a key.
    pub fn new(
        spec: &LocalGroupAggregateSpec,
        input: &SchemaRef,
        output: SchemaRef,
        functions: &FunctionRegistry,
    ) -> Result<LocalGroupAggregateOperator> {
        Ok(LocalGroupAggregateOperator {
            groups: BundleGroups::new(&spec.keys, input, output)?,
            calls: AggregateCalls::with_functions(&spec.calls, spec.input_retracts, functions)?,
            feed: Feed::new(spec.mini_batch_rows),
            metrics: Arc::default(),
        })
    }

    fn run(&mut self, out: &mut Output) -> Result<Step> {
        loop {
            match self.feed.next() {
                Cut::Rows(batch) => self.add(&batch)?,
                Cut::Flush => {
                    if !self.emit(out)? {
                        return Ok(Step::More);
                    }
                    self.feed.flushed();
                }
                Cut::Watermark(watermark) => out.watermark(watermark),
                Cut::End => {
                    self.measure();
                    return Ok(Step::Done);
                }
            }
        }
    }

    fn add(&mut self, batch: &ChangeBatch) -> Result<()> {
        let slots = self.groups.slots_of(batch)?;
        self.calls.reserve_slots(self.groups.slots_end());
        let kinds = batch.kinds.as_ref();
        let ops: Option<Vec<Op>> = kinds.map(|kinds| kinds.iter().map(|k| Op::of(*k)).collect());
        let counts = self.groups.counts_mut();
        for (i, slot) in slots.iter().enumerate() {
            let added = ops.as_ref().is_none_or(|ops| ops[i] == Op::Add);
            counts[*slot as usize] += if added { 1 } else { -1 };
        }
        let rows = Rows {
            slots: &slots,
            ops: ops.as_deref(),
            resets: None,
        };
        self.calls.update(rows, batch.rows.columns())
    }

    /// Emits a bundle; false when the output is full before its end.
    fn emit(&mut self, out: &mut Output) -> Result<bool> {
        let states = |slots: &[u32]| self.calls.export(slots);
        let Some(slots) = self.groups.emit(out, states)? else {
            return Ok(false);
        };
        for slot in slots {
            self.calls.reset(slot);
        }
        Ok(true)
    }

    fn measure(&self) {
        let bytes = self.groups.memory_bytes() + self.calls.memory_bytes();
        self.metrics.state_rows.set(self.groups.len() as u64);
        self.metrics.state_bytes.set(bytes as u64);
    }
}

impl Operator for LocalGroupAggregateOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        Ok(())
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        self.feed.take(batch);
        self.run(out)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        self.feed.watermark(watermark);
        self.run(out)
    }

    fn prepare_barrier(&mut self, _checkpoint_id: u64, out: &mut Output) -> Result<Step> {
        self.feed.flush();
        self.run(out)
    }

    fn end_input(&mut self, _input: usize, out: &mut Output) -> Result<Step> {
        self.feed.flush();
        self.run(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}
