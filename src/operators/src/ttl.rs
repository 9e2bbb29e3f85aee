//! How long state lives after it was last written (`table.exec.state.ttl`).

use std::sync::Arc;

use filbert_state::ValueTable;
use filbert_types::Clock;

/// When slots were last written, and how long they live from then on.
pub(crate) struct StateTtl {
    ttl_ms: i64,
    /// One higher, so that 0 is a slot that was never written.
    written_at_ms: ValueTable<i64>,
    next_sweep_ms: i64,
    clock: Option<Arc<dyn Clock>>,
}

impl StateTtl {
    /// None where state lives for ever.
    pub fn new(ttl_ms: Option<u64>) -> Option<StateTtl> {
        ttl_ms.filter(|ttl| *ttl > 0).map(|ttl| StateTtl {
            ttl_ms: i64::try_from(ttl).unwrap_or(i64::MAX),
            written_at_ms: ValueTable::default(),
            next_sweep_ms: i64::MAX,
            clock: None,
        })
    }

    pub fn open(&mut self, clock: &Arc<dyn Clock>) {
        self.next_sweep_ms = clock.now_ms().saturating_add(self.ttl_ms);
        self.clock = Some(Arc::clone(clock));
    }

    pub fn now_ms(&self) -> i64 {
        self.clock.as_ref().map_or(0, |clock| clock.now_ms())
    }

    pub fn touch(&mut self, slot: u32, now_ms: i64) {
        self.written_at_ms.reserve_slots(slot as usize + 1);
        self.written_at_ms.set(slot, now_ms.saturating_add(1));
    }

    pub fn is_expired(&self, slot: u32, now_ms: i64) -> bool {
        let written = self.written_at_ms.values().get(slot as usize).copied();
        written
            .is_some_and(|at| at > 0 && at.saturating_add(self.ttl_ms) <= now_ms.saturating_add(1))
    }

    pub fn reset(&mut self, slot: u32) {
        self.written_at_ms.reset(slot);
    }

    /// When what has expired should be looked for.
    pub fn next_sweep_ms(&self) -> i64 {
        self.next_sweep_ms
    }

    /// Those of the live slots that have expired.
    pub fn sweep(&mut self, live: impl Iterator<Item = u32>, now_ms: i64) -> Vec<u32> {
        self.next_sweep_ms = now_ms.saturating_add(self.ttl_ms);
        live.filter(|slot| self.is_expired(*slot, now_ms)).collect()
    }

    pub fn memory_bytes(&self) -> usize {
        self.written_at_ms.memory_bytes()
    }
}
