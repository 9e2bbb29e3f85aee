//! What was found for each row, so that it is taken back as it was: Flink's `KeyedLookupJoinWrapper`.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use filbert_graph::spec::LookupMaterializeSpec;
use filbert_state::{Chains, KeyIndex, NO_SLOT, RowTable};
use filbert_types::{Clock, RowKind};

use crate::columns::{types_at, types_of};
use crate::error::Result;
use crate::keyed::slots_of;
use crate::lookup_join::emit::{Emitting, Joiner, Match, Pairs};
use crate::metrics::OperatorMetrics;
use crate::output::Output;
use crate::ttl::StateTtl;

pub(super) struct Materialized {
    key: Vec<usize>,
    index: KeyIndex,
    rows: RowTable,
    /// The rows of each key.
    of_key: Chains,
    ttl: Option<StateTtl>,
}

impl Materialized {
    pub fn new(
        spec: &LookupMaterializeSpec,
        input: &SchemaRef,
        found: &SchemaRef,
    ) -> Result<Materialized> {
        Ok(Materialized {
            index: KeyIndex::new(types_at(input, &spec.key))?,
            key: spec.key.clone(),
            rows: RowTable::new(&types_of(found)),
            of_key: Chains::default(),
            ttl: StateTtl::new(spec.state_ttl_ms),
        })
    }

    pub fn open(&mut self, clock: &Arc<dyn Clock>) {
        if let Some(ttl) = &mut self.ttl {
            ttl.open(clock);
        }
    }

    pub fn next_sweep(&self) -> Option<i64> {
        self.ttl.as_ref().map(StateTtl::next_sweep_ms)
    }

    pub fn sweep(&mut self, now_ms: i64) {
        let Some(ttl) = &mut self.ttl else {
            return;
        };
        if now_ms < ttl.next_sweep_ms() {
            return;
        }
        for slot in ttl.sweep(self.index.live_slots(), now_ms) {
            self.forget(slot)
                .into_iter()
                .for_each(|e| self.rows.remove(e));
        }
    }

    pub fn measure(&self, metrics: &OperatorMetrics) {
        let ttl = self.ttl.as_ref().map_or(0, StateTtl::memory_bytes);
        let tables = self.rows.memory_bytes() + self.of_key.memory_bytes();
        let bytes = tables + self.index.memory_bytes() + ttl;
        metrics.set_state(self.rows.len(), bytes);
    }

    /// Forgets a key; its entries stay readable until they are removed.
    fn forget(&mut self, slot: u32) -> Vec<u32> {
        let entries: Vec<u32> = self.of_key.entries_of(slot).collect();
        entries.iter().for_each(|entry| self.of_key.unlink(*entry));
        if let Some(ttl) = &mut self.ttl {
            ttl.reset(slot);
        }
        entries
    }

    /// The slot of each row's key; keys for which nothing is kept lose theirs at the end of a piece.
    fn slots(&mut self, emitting: &Emitting) -> Result<Vec<u32>> {
        let batch = &emitting.chunk.batch;
        slots_of(&mut self.index, &self.key, batch)
    }
}

impl Emitting {
    /// Sends a piece; what rows take back is what was found for them. True when it was the last.
    pub fn piece_kept(
        &mut self,
        joiner: &Joiner,
        kept: &mut Materialized,
        out: &mut Output,
    ) -> Result<bool> {
        let slots = kept.slots(self)?;
        let kinds = self.chunk.batch.kinds.clone();
        let adds = |row: usize| kinds.as_ref().is_none_or(|k| k[row].is_accumulate());
        let now_ms = kept.ttl.as_ref().map(StateTtl::now_ms);
        let mut pairs = Pairs::default();
        let (mut found_places, mut found_entries) = (Vec::new(), Vec::new());
        let mut left = Vec::new();
        let mut failed = None;
        let left_outer = joiner.left_outer;
        self.take_pairs(joiner, out.batch_rows(), |row, said| {
            let slot = slots[row.min(slots.len().saturating_sub(1))];
            match said {
                Match::Mark(mark) => pairs.mark(mark),
                Match::Starts if adds(row) => {
                    left.extend(kept.forget(slot));
                    if let (Some(ttl), Some(now_ms)) = (&mut kept.ttl, now_ms) {
                        ttl.touch(slot, now_ms);
                    }
                }
                Match::Starts => {
                    let entries = kept.forget(slot);
                    entries.iter().for_each(|entry| pairs.add(row, *entry));
                    if entries.is_empty() && left_outer {
                        pairs.add(row, NO_SLOT);
                    }
                    left.extend(entries);
                }
                Match::Found(place) => match kept.rows.reserve() {
                    Ok(entry) => {
                        kept.of_key.reserve(slot as usize + 1, entry as usize + 1);
                        kept.of_key.link(slot, entry);
                        found_places.push(place);
                        found_entries.push(entry);
                        pairs.add(row, entry);
                    }
                    Err(error) => failed = Some(error),
                },
                Match::Nothing if left_outer && adds(row) => pairs.add(row, NO_SLOT),
                Match::Nothing => {}
            }
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        kept.rows
            .replace(&self.found.columns, &found_places, &found_entries)?;
        let found = kept.rows.gather(&pairs.places)?;
        let mut made = self.made(&pairs, found, joiner)?;
        if let Some(kinds) = &made.kinds {
            // What is taken back is deleted, as in Flink.
            let deleted = kinds.iter().map(|kind| match kind {
                RowKind::UpdateBefore => RowKind::Delete,
                other => *other,
            });
            made.kinds = Some(deleted.collect());
        }
        left.into_iter().for_each(|entry| kept.rows.remove(entry));
        for slot in slots {
            if kept.of_key.first(slot).is_none() {
                kept.index.remove(slot);
            }
        }
        out.emit(made);
        Ok(self.is_done())
    }
}
