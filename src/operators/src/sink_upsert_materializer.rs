//! Puts the rows of a primary key in order before an upsert sink, when the query changes them by another key: what is
//! written last is the row that came last of those that are still there (Flink's `SinkUpsertMaterializer`).
//!
//! - State: by primary key its rows, in the order in which they came; each is found by the query's upsert key, or by all
//!   its columns where it has none.
//! - Changelog: takes any, with whole rows; emits +I for a key's first row, +U for each other, +U of the row before when
//!   the last is taken back, -D when none is left. A retraction of a row that isn't known is dropped and counted.
//! - Watermarks pass; a mark moves to the place that corresponds.
//! - Cost: both keys are looked up once a batch; the rows' order is links by slot, so that each change is constant.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use filbert_graph::spec::SinkMaterializerSpec;
use filbert_state::{Chains, KeyIndex, RowTable};
use filbert_types::{ChangeBatch, RowKind, WatermarkMark};

use crate::columns::{columns_at, types_at};
use crate::context::OperatorContext;
use crate::error::Result;
use crate::marks::push_mark;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::ttl::StateTtl;

pub struct SinkUpsertMaterializerOperator {
    primary_key: Vec<usize>,
    /// The query's upsert key; all columns where it has none.
    row_key: Vec<usize>,
    has_upsert_key: bool,
    output: SchemaRef,
    keys: KeyIndex,
    /// Primary key and row key.
    entries: KeyIndex,
    rows: RowTable,
    /// The rows of each primary key.
    order: Chains,
    /// The equal rows of each entry: one where it is of an upsert key.
    equal: Chains,
    ttl: Option<StateTtl>,
    metrics: Arc<OperatorMetrics>,
}

/// What a batch makes: rows by slot with their kinds, and the rows that are gone after it.
#[derive(Default)]
struct Changes {
    rows: Vec<u32>,
    kinds: Vec<RowKind>,
    marks: Vec<WatermarkMark>,
    gone: Vec<u32>,
}

impl Changes {
    fn push(&mut self, row: u32, kind: RowKind) {
        self.rows.push(row);
        self.kinds.push(kind);
    }
}

impl SinkUpsertMaterializerOperator {
    /// # Errors
    /// When a column's type can't be a key.
    pub fn new(
        spec: &SinkMaterializerSpec,
        input: &SchemaRef,
        output: SchemaRef,
    ) -> Result<SinkUpsertMaterializerOperator> {
        let all: Vec<usize> = (0..input.fields().len()).collect();
        let row_key = spec.upsert_key.clone().unwrap_or_else(|| all.clone());
        Ok(SinkUpsertMaterializerOperator {
            keys: KeyIndex::new(types_at(input, &spec.primary_key))?,
            entries: KeyIndex::new(types_at(input, &row_key))?,
            primary_key: spec.primary_key.clone(),
            row_key,
            has_upsert_key: spec.upsert_key.is_some(),
            output,
            rows: RowTable::new(&types_at(input, &all)),
            order: Chains::default(),
            equal: Chains::default(),
            ttl: StateTtl::new(spec.state_ttl_ms),
            metrics: Arc::default(),
        })
    }

    fn add(&mut self, key: u32, entry: u32, row: u32, changes: &mut Changes) {
        let kind = match self.order.first(key) {
            None => RowKind::Insert,
            Some(_) => RowKind::UpdateAfter,
        };
        let old = self.equal.first(entry).filter(|_| self.has_upsert_key);
        if let Some(old) = old {
            self.order.replace(old, row);
            self.equal.unlink(old);
            changes.gone.push(old);
        } else {
            self.order.link(key, row);
        }
        self.equal.link(entry, row);
        changes.push(row, kind);
    }

    /// False when the row isn't known.
    fn retract(&mut self, key: u32, entry: u32, changes: &mut Changes) -> bool {
        let Some(row) = self.equal.pop(entry) else {
            return false;
        };
        let was_last = self.order.last(key) == Some(row);
        self.order.unlink(row);
        changes.gone.push(row);
        match self.order.last(key) {
            None => changes.push(row, RowKind::Delete),
            Some(last) if was_last => changes.push(last, RowKind::UpdateAfter),
            Some(_) => {}
        }
        true
    }

    fn changes(&mut self, batch: &ChangeBatch, keys: &[u32], entries: &[u32]) -> Result<Changes> {
        let adding: Vec<u32> = (0..batch.num_rows() as u32)
            .filter(|i| batch.kind(*i as usize).is_accumulate())
            .collect();
        let mut added = Vec::new();
        self.rows
            .insert(batch.rows.columns(), &adding, &mut added)?;
        let rows_end = self.rows.slots_end();
        self.order.reserve(self.keys.slots_end(), rows_end);
        self.equal.reserve(self.entries.slots_end(), rows_end);
        self.expire(keys);
        let mut added = added.into_iter();
        let mut changes = Changes::default();
        let mut marks = batch.marks.iter().peekable();
        let mut unknown = 0;
        for i in 0..batch.num_rows() {
            while let Some(mark) = marks.next_if(|m| m.offset <= i) {
                push_mark(&mut changes.marks, changes.rows.len(), mark.watermark);
            }
            if batch.kind(i).is_accumulate() {
                if let Some(row) = added.next() {
                    self.add(keys[i], entries[i], row, &mut changes);
                }
            } else if !self.retract(keys[i], entries[i], &mut changes) {
                unknown += 1;
            }
        }
        for mark in marks {
            push_mark(&mut changes.marks, changes.rows.len(), mark.watermark);
        }
        self.metrics
            .count_unknown_retractions("SinkMaterializer", unknown);
        Ok(changes)
    }

    fn gather(&self, changes: &mut Changes) -> Result<ChangeBatch> {
        let columns = self.rows.gather(&changes.rows)?;
        let rows = RecordBatch::try_new(Arc::clone(&self.output), columns)?;
        let mut batch = ChangeBatch::with_kinds(rows, std::mem::take(&mut changes.kinds));
        batch.marks = std::mem::take(&mut changes.marks);
        Ok(batch)
    }

    /// Forgets the rows that are gone, and the keys that the batch has left without rows.
    fn forget(&mut self, gone: &[u32], keys: &[u32], entries: &[u32]) {
        gone.iter().for_each(|row| self.rows.remove(*row));
        for entry in entries {
            if self.entries.is_live(*entry) && self.equal.first(*entry).is_none() {
                self.entries.remove(*entry);
            }
        }
        for key in keys {
            if self.keys.is_live(*key) && self.order.first(*key).is_none() {
                self.keys.remove(*key);
            }
        }
    }

    /// Empties the keys of a batch that have expired, and notes that all of them are written now.
    fn expire(&mut self, keys: &[u32]) {
        let Some(mut ttl) = self.ttl.take() else {
            return;
        };
        let now_ms = ttl.now_ms();
        for key in keys {
            if ttl.is_expired(*key, now_ms) {
                self.clear(*key);
            }
            ttl.touch(*key, now_ms);
        }
        self.ttl = Some(ttl);
    }

    /// Forgets a key's rows; their entries stay until the batch has been worked off or the sweep is through.
    fn clear(&mut self, key: u32) {
        while let Some(row) = self.order.pop(key) {
            self.equal.unlink(row);
            self.rows.remove(row);
        }
    }

    fn sweep(&mut self, now_ms: i64) {
        let Some(mut ttl) = self.ttl.take() else {
            return;
        };
        for key in ttl.sweep(self.keys.live_slots(), now_ms) {
            let rows = self.order.entries_of(key);
            let entries: Vec<u32> = rows.map(|row| self.equal.parent(row)).collect();
            self.clear(key);
            self.forget(&[], &[key], &entries);
            ttl.reset(key);
        }
        self.ttl = Some(ttl);
    }

    fn measure(&self) {
        let bytes = self.keys.memory_bytes()
            + self.entries.memory_bytes()
            + self.rows.memory_bytes()
            + self.order.memory_bytes()
            + self.equal.memory_bytes()
            + self.ttl.as_ref().map_or(0, StateTtl::memory_bytes);
        self.metrics.set_state(self.rows.len(), bytes);
    }
}

impl Operator for SinkUpsertMaterializerOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        if let Some(ttl) = &mut self.ttl {
            ttl.open(&ctx.clock);
        }
        Ok(())
    }

    fn next_timer(&self) -> Option<i64> {
        self.ttl.as_ref().map(StateTtl::next_sweep_ms)
    }

    fn timer(&mut self, now_ms: i64, _out: &mut Output) -> Result<Step> {
        self.sweep(now_ms);
        self.measure();
        Ok(Step::Done)
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let (mut keys, mut entries) = (Vec::new(), Vec::new());
        self.keys.slots_for(
            &columns_at(&batch, &self.primary_key),
            batch.num_rows(),
            &mut keys,
        )?;
        let row_key = columns_at(&batch, &self.row_key);
        self.entries
            .slots_below(&row_key, batch.num_rows(), Some(&keys), &mut entries)?;
        let mut changes = self.changes(&batch, &keys, &entries)?;
        out.emit(self.gather(&mut changes)?);
        self.forget(&changes.gone, &keys, &entries);
        self.measure();
        Ok(Step::Done)
    }
}

#[cfg(test)]
mod tests;
