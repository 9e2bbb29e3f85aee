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
use filbert_types::ChangeBatch;

use crate::aggregate::{AggregateCalls, Op, Rows};
use crate::bundle::Bundle;
use crate::bundle::groups::BundleGroups;
use crate::context::OperatorContext;
use crate::error::Result;
use crate::metrics::OperatorMetrics;
use crate::output::Output;

pub struct LocalGroupAggregate {
    groups: BundleGroups,
    calls: AggregateCalls,
    metrics: Arc<OperatorMetrics>,
}

impl LocalGroupAggregate {
    /// # Errors
    /// When a function isn't there for its arguments, or a key's type can't be a key.
    pub fn new(
        spec: &LocalGroupAggregateSpec,
        input: &SchemaRef,
        output: SchemaRef,
        functions: &FunctionRegistry,
    ) -> Result<LocalGroupAggregate> {
        Ok(LocalGroupAggregate {
            groups: BundleGroups::new(&spec.keys, input, output)?,
            calls: AggregateCalls::with_functions(&spec.calls, spec.input_retracts, functions)?,
            metrics: Arc::default(),
        })
    }
}

impl Bundle for LocalGroupAggregate {
    fn add(&mut self, _input: usize, batch: &ChangeBatch) -> Result<()> {
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

    fn emit(&mut self, out: &mut Output) -> Result<bool> {
        let states = |slots: &[u32]| self.calls.export(slots);
        let Some(slots) = self.groups.emit(out, states)? else {
            return Ok(false);
        };
        self.calls.reset_all(&slots);
        Ok(true)
    }

    fn measure(&self) {
        let bytes = self.groups.memory_bytes() + self.calls.memory_bytes();
        self.metrics.set_state(self.groups.len(), bytes);
    }

    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        Ok(())
    }
}
