//! Makes a changelog by key complete: adds the row that an update or a delete takes back, folds events that came twice,
//! and lets only rows through that fit a condition.
//!
//! - State: by key its last row, where that fits the condition.
//! - Changelog: takes +I, +U and -D (and -U, as -D), deletes by key too. The first row of a key emits +I; another one -U
//!   (where the consumer needs it) and +U; a row that equals the one before nothing; one that does not fit the condition
//!   -D of the one before. A delete emits -D with the stored row. A delete for a key that isn't known is dropped and,
//!   where no condition may have kept its row out, counted.
//! - With a state TTL equal rows are sent too, so that what is stored behind lives as long (as Flink does).
//! - Watermarks pass; a mark moves to the place that corresponds.
//! - Cost: keys are looked up and rows compared once a batch; the changelog is gathered by index from batch and state.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{interleave, take_record_batch};
use arrow::datatypes::SchemaRef;
use datafusion::physical_expr::PhysicalExpr;
use filbert_graph::spec::ChangelogNormalizeSpec;
use filbert_state::{KeyIndex, RowTable, ValueTable, equal_rows};
use filbert_types::{ChangeBatch, RowKind, WatermarkMark};

use crate::columns::{columns_at, types_at, types_of};
use crate::context::{ExpressionFactory, OperatorContext};
use crate::error::{OperatorError, Result};
use crate::marks::push_mark;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::ttl::StateTtl;

pub struct ChangelogNormalizeOperator {
    keys: Vec<usize>,
    condition: Option<Arc<dyn PhysicalExpr>>,
    emit_update_before: bool,
    output: SchemaRef,
    index: KeyIndex,
    /// By key the slot of its row, one higher; 0 for none.
    stored: ValueTable<u32>,
    rows: RowTable,
    ttl: Option<StateTtl>,
    metrics: Arc<OperatorMetrics>,
    /// By key the last row of the batch so far, one higher; 0 for none. All 0 between batches.
    last: ValueTable<u32>,
    slots: Vec<u32>,
}

/// What a key's row was before a row of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    None,
    /// The stored row, the n-th of those that the batch reads.
    Stored(usize),
    /// What an earlier row of the batch has left.
    Row(usize),
}

/// The changelog as it is gathered: rows of the batch (0) and stored ones (1).
#[derive(Default)]
struct Changes {
    picks: Vec<(usize, usize)>,
    kinds: Vec<RowKind>,
    marks: Vec<WatermarkMark>,
}

impl Changes {
    fn push(&mut self, pick: (usize, usize), kind: RowKind) {
        self.picks.push(pick);
        self.kinds.push(kind);
    }
}

/// The stored rows that a batch reads: for each the row of the batch that reads it first, and its slot.
#[derive(Default)]
struct Read {
    rows: Vec<u32>,
    slots: Vec<u32>,
}

impl ChangelogNormalizeOperator {
    /// # Errors
    /// When the condition can't be read, or a key's type can't be a key.
    pub fn new(
        spec: &ChangelogNormalizeSpec,
        input: &SchemaRef,
        output: SchemaRef,
        expressions: &dyn ExpressionFactory,
    ) -> Result<ChangelogNormalizeOperator> {
        let condition = spec.condition.as_ref();
        Ok(ChangelogNormalizeOperator {
            condition: condition
                .map(|c| expressions.physical(c, input))
                .transpose()?,
            emit_update_before: spec.emit_update_before,
            index: KeyIndex::new(types_at(input, &spec.keys))?,
            keys: spec.keys.clone(),
            output,
            stored: ValueTable::default(),
            rows: RowTable::new(&types_of(input)),
            ttl: StateTtl::new(spec.state_ttl_ms),
            metrics: Arc::default(),
            last: ValueTable::default(),
            slots: Vec::new(),
        })
    }

    /// Which rows of the batch that set a key's row fit the condition.
    fn fitting(&self, batch: &ChangeBatch) -> Result<Option<Vec<bool>>> {
        let Some(condition) = &self.condition else {
            return Ok(None);
        };
        // Deletes may lack all but the key: the condition says nothing about them.
        let setting: Vec<u32> = (0..batch.num_rows() as u32)
            .filter(|i| batch.kind(*i as usize).is_accumulate())
            .collect();
        let rows = take_record_batch(&batch.rows, &UInt32Array::from(setting.clone()))?;
        let value = condition.evaluate(&rows)?.into_array(rows.num_rows())?;
        let Some(mask) = value.as_any().downcast_ref::<BooleanArray>() else {
            return Err(OperatorError::engine("A condition is not BOOLEAN."));
        };
        let mut fits = vec![false; batch.num_rows()];
        for (i, row) in setting.iter().enumerate() {
            fits[*row as usize] = mask.is_valid(i) && mask.value(i);
        }
        Ok(Some(fits))
    }

    /// What each row's key was before it, and the stored rows among that.
    fn befores(&mut self) -> (Vec<Before>, Read) {
        let mut read = Read::default();
        let mut befores = Vec::with_capacity(self.slots.len());
        for (i, slot) in self.slots.iter().enumerate() {
            let before = match (self.last.get(*slot), self.stored.get(*slot)) {
                (0, 0) => Before::None,
                (0, stored) => {
                    read.rows.push(i as u32);
                    read.slots.push(stored - 1);
                    Before::Stored(read.slots.len() - 1)
                }
                (row, _) => Before::Row(row as usize - 1),
            };
            befores.push(before);
            self.last.set(*slot, i as u32 + 1);
        }
        self.slots.iter().for_each(|slot| self.last.reset(*slot));
        (befores, read)
    }

    /// Whether each row equals the one before it.
    fn equals(&self, batch: &ChangeBatch, befores: &[Before], read: &Read) -> Result<Vec<bool>> {
        let mut equal = vec![false; befores.len()];
        if self.ttl.is_some() {
            return Ok(equal);
        }
        let columns = batch.rows.columns();
        let stored = self.rows.equal(columns, &read.rows, &read.slots);
        for (row, same) in read.rows.iter().zip(stored?) {
            equal[*row as usize] = same;
        }
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for (i, before) in befores.iter().enumerate() {
            if let Before::Row(row) = before {
                left.push(i as u32);
                right.push(*row as u32);
            }
        }
        let same = equal_rows(columns, &left, &right)?;
        for (row, same) in left.iter().zip(same) {
            equal[*row as usize] = same;
        }
        Ok(equal)
    }

    /// The changelog, and whether each row leaves its key with a row.
    fn changes(
        &self,
        batch: &ChangeBatch,
        befores: &[Before],
        equal: &[bool],
        fits: Option<&[bool]>,
    ) -> (Changes, Vec<bool>) {
        let mut changes = Changes::default();
        let mut alive: Vec<bool> = Vec::with_capacity(befores.len());
        let mut marks = batch.marks.iter().peekable();
        let mut unknown = 0;
        for (i, before) in befores.iter().enumerate() {
            while let Some(mark) = marks.next_if(|m| m.offset <= i) {
                push_mark(&mut changes.marks, changes.picks.len(), mark.watermark);
            }
            let old = match before {
                Before::Stored(read) => Some((1, *read)),
                Before::Row(row) if alive[*row] => Some((0, *row)),
                Before::Row(_) | Before::None => None,
            };
            let sets = batch.kind(i).is_accumulate();
            let fits = sets && fits.is_none_or(|f| f[i]);
            alive.push(fits);
            match old {
                None if fits => changes.push((0, i), RowKind::Insert),
                None if !sets => unknown += 1,
                None => {}
                Some(_) if fits && equal[i] => {}
                Some(old) if fits => {
                    if self.emit_update_before {
                        changes.push(old, RowKind::UpdateBefore);
                    }
                    changes.push((0, i), RowKind::UpdateAfter);
                }
                Some(old) => changes.push(old, RowKind::Delete),
            }
        }
        for mark in marks {
            push_mark(&mut changes.marks, changes.picks.len(), mark.watermark);
        }
        if self.condition.is_none() {
            self.metrics
                .count_unknown_retractions("ChangelogNormalize", unknown);
        }
        (changes, alive)
    }

    fn gather(&self, batch: &ChangeBatch, read: &Read, changes: Changes) -> Result<ChangeBatch> {
        let stored = self.rows.gather(&read.slots)?;
        let columns = batch.rows.columns().iter().zip(&stored);
        let columns = columns
            .map(|(new, old)| interleave(&[new.as_ref(), old.as_ref()], &changes.picks))
            .collect::<std::result::Result<Vec<ArrayRef>, _>>()?;
        let rows = RecordBatch::try_new(Arc::clone(&self.output), columns)?;
        let mut batch = ChangeBatch::with_kinds(rows, changes.kinds);
        batch.marks = changes.marks;
        Ok(batch)
    }

    /// Stores what the batch has left of each key.
    fn store(&mut self, batch: &ChangeBatch, alive: &[bool]) -> Result<()> {
        let (mut new, mut new_keys) = (Vec::new(), Vec::new());
        let (mut changed, mut changed_slots) = (Vec::new(), Vec::new());
        for (i, slot) in self.slots.iter().enumerate().rev() {
            if self.last.get(*slot) != 0 {
                continue;
            }
            self.last.set(*slot, 1);
            match (alive[i], self.stored.get(*slot)) {
                (true, 0) => {
                    new.push(i as u32);
                    new_keys.push(*slot);
                }
                (true, stored) => {
                    changed.push(i as u32);
                    changed_slots.push(stored - 1);
                }
                (false, stored) => {
                    if stored != 0 {
                        self.rows.remove(stored - 1);
                    }
                    self.stored.reset(*slot);
                    self.index.remove(*slot);
                }
            }
        }
        self.slots.iter().for_each(|slot| self.last.reset(*slot));
        let columns = batch.rows.columns();
        self.rows.replace(columns, &changed, &changed_slots)?;
        let mut slots = Vec::new();
        self.rows.insert(columns, &new, &mut slots)?;
        for (key, slot) in new_keys.into_iter().zip(slots) {
            self.stored.set(key, slot + 1);
        }
        Ok(())
    }

    fn forget(&mut self, slot: u32) {
        if let Some(row) = self.stored.get(slot).checked_sub(1) {
            self.rows.remove(row);
            self.stored.reset(slot);
        }
    }

    /// Forgets the batch's rows that have expired, and notes that all its keys are written now.
    fn expire_touched(&mut self) {
        let Some(mut ttl) = self.ttl.take() else {
            return;
        };
        let now_ms = ttl.now_ms();
        for i in 0..self.slots.len() {
            let slot = self.slots[i];
            if ttl.is_expired(slot, now_ms) {
                self.forget(slot);
            }
            ttl.touch(slot, now_ms);
        }
        self.ttl = Some(ttl);
    }

    fn measure(&self) {
        let bytes = self.index.memory_bytes()
            + self.stored.memory_bytes()
            + self.rows.memory_bytes()
            + self.ttl.as_ref().map_or(0, StateTtl::memory_bytes);
        self.metrics.set_state(self.rows.len(), bytes);
    }
}

impl Operator for ChangelogNormalizeOperator {
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
        if let Some(mut ttl) = self.ttl.take() {
            for slot in ttl.sweep(self.index.live_slots(), now_ms) {
                self.forget(slot);
                ttl.reset(slot);
                self.index.remove(slot);
            }
            self.ttl = Some(ttl);
            self.measure();
        }
        Ok(Step::Done)
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let keys = columns_at(&batch, &self.keys);
        self.index
            .slots_for(&keys, batch.num_rows(), &mut self.slots)?;
        self.stored.reserve_slots(self.index.slots_end());
        self.last.reserve_slots(self.index.slots_end());
        self.expire_touched();
        let fits = self.fitting(&batch)?;
        let (befores, read) = self.befores();
        let equal = self.equals(&batch, &befores, &read)?;
        let (changes, alive) = self.changes(&batch, &befores, &equal, fits.as_deref());
        out.emit(self.gather(&batch, &read, changes)?);
        self.store(&batch, &alive)?;
        self.measure();
        Ok(Step::Done)
    }
}

#[cfg(test)]
mod tests;
