//! The middle of a DISTINCT aggregation that is split by buckets and runs in two phases: it merges what the first phase
//! sends by key and bucket, and sends by key what a bundle has brought, for the last phase to merge.
//!
//! - State: by key and bucket the number of rows and the values that DISTINCT calls have seen. What the other calls have
//!   come to passes through: a bundle's keys with their accumulators, which don't outlive it.
//! - Changelog: takes the first phase's rows (keys, state columns, number of rows) and emits rows of that form.
//! - With a state TTL the values of a bucket that no row has touched for so long are forgotten.
//! - A bundle ends as in the other phases: with so many rows, at a watermark, before a barrier, at the input's end.
//! - Cost: keys are looked up twice a batch; what crosses the exchange is a row a key and bundle.

use arrow::datatypes::SchemaRef;
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::IncrementalGroupAggregateSpec;
use filbert_state::ValueTable;
use filbert_types::ChangeBatch;

use crate::aggregate::AggregateCalls;
use crate::bundle::Bundle;
use crate::bundle::groups::{BundleGroups, sent_states};
use crate::context::OperatorContext;
use crate::error::Result;
use crate::keyed::Keyed;
use crate::output::Output;

pub struct IncrementalGroupAggregate {
    /// How many columns of the input are keys and buckets.
    key_columns: usize,
    buckets: Keyed,
    /// By bucket, its rows.
    bucket_rows: ValueTable<i64>,
    /// By bucket, its key's slot in the bundle.
    key_of: ValueTable<u32>,
    groups: BundleGroups,
    /// DISTINCT values by bucket, accumulators by the bundle's keys.
    calls: AggregateCalls,
}

impl IncrementalGroupAggregate {
    /// # Errors
    /// When a function isn't there for its arguments, or a key's type can't be a key.
    pub fn new(
        spec: &IncrementalGroupAggregateSpec,
        input: &SchemaRef,
        output: SchemaRef,
        functions: &FunctionRegistry,
    ) -> Result<IncrementalGroupAggregate> {
        let columns: Vec<usize> = (0..spec.key_columns).collect();
        Ok(IncrementalGroupAggregate {
            key_columns: spec.key_columns,
            buckets: Keyed::new(&columns, input, spec.state_ttl_ms)?,
            bucket_rows: ValueTable::default(),
            key_of: ValueTable::default(),
            groups: BundleGroups::new(&spec.keys, input, output)?,
            calls: AggregateCalls::with_functions(&spec.calls, spec.input_retracts, functions)?,
        })
    }

    fn forget_bucket(&mut self, bucket: u32) {
        self.bucket_rows.reset(bucket);
        self.calls.reset_values(bucket);
        self.buckets.forget(bucket);
    }
}

impl Bundle for IncrementalGroupAggregate {
    fn add(&mut self, _input: usize, batch: &ChangeBatch) -> Result<()> {
        let buckets = self.buckets.slots_of(batch)?;
        let slots = self.groups.slots_of(batch)?;
        self.key_of.reserve_slots(self.buckets.slots_end());
        self.bucket_rows.reserve_slots(self.buckets.slots_end());
        let slots_end = self.groups.slots_end().max(self.buckets.slots_end());
        self.calls.reserve_slots(slots_end);
        let (state, rows) = sent_states(batch, self.key_columns)?;
        let now_ms = self.buckets.now_ms();
        for ((bucket, slot), by) in buckets.iter().zip(&slots).zip(rows.values()) {
            if self.buckets.is_expired(*bucket, now_ms) {
                self.bucket_rows.reset(*bucket);
                self.calls.reset_values(*bucket);
            }
            self.buckets.touch(*bucket, now_ms);
            self.key_of.set(*bucket, *slot);
            let known = self.bucket_rows.get(*bucket);
            self.bucket_rows.set(*bucket, known + by);
            self.groups.counts_mut()[*slot as usize] += by;
        }
        self.calls
            .import_apart(&buckets, &self.key_of, &slots, state)?;
        for bucket in &buckets {
            if self.bucket_rows.get(*bucket) <= 0 && self.buckets.index.is_live(*bucket) {
                self.forget_bucket(*bucket);
            }
        }
        Ok(())
    }

    fn emit(&mut self, out: &mut Output) -> Result<bool> {
        let states = |slots: &[u32]| self.calls.export_results(slots);
        let Some(slots) = self.groups.emit(out, states)? else {
            return Ok(false);
        };
        for slot in slots {
            self.calls.reset_results(slot);
        }
        Ok(true)
    }

    fn measure(&self) {
        let bytes = self.buckets.memory_bytes()
            + self.bucket_rows.memory_bytes()
            + self.key_of.memory_bytes()
            + self.groups.memory_bytes()
            + self.calls.memory_bytes();
        let metrics = &self.buckets.metrics;
        metrics.set_state(self.buckets.index.len(), bytes);
    }

    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.buckets.open(ctx);
        Ok(())
    }

    fn next_timer(&self) -> Option<i64> {
        self.buckets.next_sweep_ms()
    }

    fn timer(&mut self, now_ms: i64) {
        for bucket in self.buckets.sweep(now_ms) {
            self.forget_bucket(bucket);
        }
        self.measure();
    }
}
