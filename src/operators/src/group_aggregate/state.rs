//! The groups of an aggregation, and how long they live.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::GroupAggregateSpec;
use filbert_state::{KeyIndex, ValueTable};
use filbert_types::Clock;

use crate::aggregate::AggregateCalls;
use crate::columns::types_at;
use crate::context::OperatorContext;
use crate::error::Result;
use crate::metrics::OperatorMetrics;

/// The groups of an aggregation: keys, how many rows each has, and the calls' accumulators.
pub(super) struct GroupState {
    pub index: KeyIndex,
    pub counts: ValueTable<i64>,
    pub calls: AggregateCalls,
    pub ttl: Option<Ttl>,
    pub clock: Option<Arc<dyn Clock>>,
    pub metrics: Arc<OperatorMetrics>,
}

/// When keys were last written, and how long they live from then on.
pub(super) struct Ttl {
    ttl_ms: i64,
    written_at_ms: ValueTable<i64>,
    next_sweep_ms: i64,
}

impl Ttl {
    pub fn new(ttl_ms: u64) -> Ttl {
        Ttl {
            ttl_ms: i64::try_from(ttl_ms).unwrap_or(i64::MAX),
            written_at_ms: ValueTable::default(),
            next_sweep_ms: i64::MAX,
        }
    }

    fn is_expired(&self, slot: u32, now_ms: i64) -> bool {
        self.written_at_ms.get(slot).saturating_add(self.ttl_ms) <= now_ms
    }
}

impl GroupState {
    pub fn new(
        spec: &GroupAggregateSpec,
        input: &SchemaRef,
        functions: &FunctionRegistry,
    ) -> Result<GroupState> {
        Ok(GroupState {
            index: KeyIndex::new(types_at(input, &spec.keys))?,
            counts: ValueTable::default(),
            calls: AggregateCalls::with_functions(&spec.calls, spec.input_retracts, functions)?,
            ttl: spec.state_ttl_ms.filter(|ttl| *ttl > 0).map(Ttl::new),
            clock: None,
            metrics: Arc::default(),
        })
    }

    pub fn open(&mut self, ctx: &OperatorContext) {
        self.metrics = Arc::clone(&ctx.metrics);
        self.clock = Some(Arc::clone(&ctx.clock));
        if let Some(ttl) = &mut self.ttl {
            ttl.next_sweep_ms = ctx.clock.now_ms().saturating_add(ttl.ttl_ms);
        }
    }

    /// The slots of keys; the tables have room for all of them.
    pub fn slots_for(
        &mut self,
        keys: &[ArrayRef],
        rows: usize,
        slots: &mut Vec<u32>,
    ) -> Result<()> {
        self.index.slots_for(keys, rows, slots)?;
        let slots_end = self.index.slots_end();
        self.counts.reserve_slots(slots_end);
        self.calls.reserve_slots(slots_end);
        Ok(())
    }

    /// Empties those of the keys that have expired, and notes that all of them are written now.
    pub fn expire(&mut self, slots: &[u32]) {
        let (Some(ttl), Some(clock)) = (&mut self.ttl, &self.clock) else {
            return;
        };
        let now_ms = clock.now_ms();
        ttl.written_at_ms.reserve_slots(self.index.slots_end());
        for slot in slots {
            if self.counts.get(*slot) > 0 && ttl.is_expired(*slot, now_ms) {
                self.counts.reset(*slot);
                self.calls.reset(*slot);
            }
            ttl.written_at_ms.set(*slot, now_ms);
        }
    }

    pub fn next_sweep_ms(&self) -> Option<i64> {
        self.ttl.as_ref().map(|ttl| ttl.next_sweep_ms)
    }

    /// Forgets all keys that have expired.
    pub fn sweep(&mut self, now_ms: i64) {
        let Some(ttl) = &mut self.ttl else { return };
        ttl.next_sweep_ms = now_ms.saturating_add(ttl.ttl_ms);
        let live = self.index.live_slots();
        let expired: Vec<u32> = live.filter(|slot| ttl.is_expired(*slot, now_ms)).collect();
        for slot in expired {
            self.forget(slot);
        }
        self.measure();
    }

    /// Forgets a key.
    pub fn forget(&mut self, slot: u32) {
        if self.index.is_live(slot) {
            self.counts.reset(slot);
            self.calls.reset(slot);
            self.index.remove(slot);
        }
    }

    /// Counts retractions of rows that no group has, and says so once.
    pub fn count_unknown(&self, rows: u64) {
        self.metrics
            .count_unknown_retractions("GroupAggregate", rows);
    }

    pub fn measure(&self) {
        let bytes =
            self.index.memory_bytes() + self.counts.memory_bytes() + self.calls.memory_bytes();
        self.metrics.set_state(self.index.len(), bytes);
    }
}
