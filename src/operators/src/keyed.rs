//! The keys of an operator's state: by which columns a row finds its slot, and how long a slot lives after it was last
//! written.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::buffer::NullBuffer;
use arrow::datatypes::SchemaRef;
use filbert_state::KeyIndex;
use filbert_types::ChangeBatch;

use crate::columns::{columns_at, types_at};
use crate::context::OperatorContext;
use crate::error::Result;
use crate::metrics::OperatorMetrics;
use crate::ttl::StateTtl;

pub(crate) struct Keyed {
    columns: Vec<usize>,
    pub index: KeyIndex,
    ttl: Option<StateTtl>,
    pub metrics: Arc<OperatorMetrics>,
}

impl Keyed {
    /// # Errors
    /// When a column's type can't be a key.
    pub fn new(columns: &[usize], input: &SchemaRef, ttl_ms: Option<u64>) -> Result<Keyed> {
        Ok(Keyed {
            columns: columns.to_vec(),
            index: KeyIndex::new(types_at(input, columns))?,
            ttl: StateTtl::new(ttl_ms),
            metrics: Arc::default(),
        })
    }

    pub fn open(&mut self, ctx: &OperatorContext) {
        self.metrics = Arc::clone(&ctx.metrics);
        if let Some(ttl) = &mut self.ttl {
            ttl.open(&ctx.clock);
        }
    }

    /// The slot of each row's key.
    pub fn slots_of(&mut self, batch: &ChangeBatch) -> Result<Vec<u32>> {
        slots_of(&mut self.index, &self.columns, batch)
    }

    /// The end of the slots that are in use.
    pub fn slots_end(&self) -> usize {
        self.index.slots_end()
    }

    pub fn lives_for_ever(&self) -> bool {
        self.ttl.is_none()
    }

    pub fn now_ms(&self) -> i64 {
        self.ttl.as_ref().map_or(0, StateTtl::now_ms)
    }

    pub fn is_expired(&self, slot: u32, now_ms: i64) -> bool {
        self.ttl
            .as_ref()
            .is_some_and(|t| t.is_expired(slot, now_ms))
    }

    pub fn touch(&mut self, slot: u32, now_ms: i64) {
        if let Some(ttl) = &mut self.ttl {
            ttl.touch(slot, now_ms);
        }
    }

    /// When what has expired should be looked for.
    pub fn next_sweep_ms(&self) -> Option<i64> {
        self.ttl.as_ref().map(StateTtl::next_sweep_ms)
    }

    /// The slots that have expired.
    pub fn sweep(&mut self, now_ms: i64) -> Vec<u32> {
        let live = self.index.live_slots();
        let ttl = self.ttl.as_mut();
        ttl.map_or_else(Vec::new, |ttl| ttl.sweep(live, now_ms))
    }

    /// Forgets when a slot was written, not its key.
    pub fn forget_age(&mut self, slot: u32) {
        if let Some(ttl) = &mut self.ttl {
            ttl.reset(slot);
        }
    }

    pub fn forget(&mut self, slot: u32) {
        self.forget_age(slot);
        self.index.remove(slot);
    }

    pub fn memory_bytes(&self) -> usize {
        let ttl = self.ttl.as_ref().map_or(0, StateTtl::memory_bytes);
        self.index.memory_bytes() + ttl
    }
}

/// The slot of each row's key, which these columns make; keys not known get one.
pub(crate) fn slots_of(
    index: &mut KeyIndex,
    columns: &[usize],
    batch: &ChangeBatch,
) -> Result<Vec<u32>> {
    let keys = columns_at(batch, columns);
    let mut slots = Vec::new();
    index.slots_for(&keys, batch.num_rows(), &mut slots)?;
    Ok(slots)
}

/// Which rows' keys can meet others: those without a NULL that meets nothing. None when all can.
pub(crate) fn meeting_keys(keys: &[ArrayRef], null_meets_null: &[bool]) -> Option<NullBuffer> {
    keys.iter()
        .zip(null_meets_null)
        .filter(|(_, meets)| !**meets)
        .fold(None, |all, (key, _)| {
            NullBuffer::union(all.as_ref(), key.logical_nulls().as_ref())
        })
        .filter(|nulls| nulls.null_count() > 0)
}
