//! The last row: each replaces the one before it, at once.

use arrow::array::{Array, Int64Array};
use arrow::datatypes::SchemaRef;
use filbert_graph::spec::DeduplicateSpec;
use filbert_state::{ValueTable, hash_rows};
use filbert_types::{ChangeBatch, RowKind};

use crate::columns::columns_at;
use crate::context::OperatorContext;
use crate::error::Result;
use crate::keyed::Keyed;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::stored_rows::{StoredChanges, StoredRows};
use crate::watermark_assigner::to_millis;

/// The last row of each key.
pub struct LastRowOperator {
    spec: DeduplicateSpec,
    output: SchemaRef,
    keys: Keyed,
    rows: StoredRows,
    /// By key: its row's entry, one higher; 0 for none.
    entries: ValueTable<u32>,
    /// By key: its row's time, or the hash of its content.
    marks: ValueTable<i64>,
    content: Vec<usize>,
    changes: StoredChanges,
}

impl LastRowOperator {
    /// # Errors
    /// When a key's type can't be a key.
    pub fn new(
        spec: &DeduplicateSpec,
        input: &SchemaRef,
        output: SchemaRef,
    ) -> Result<LastRowOperator> {
        Ok(LastRowOperator {
            spec: spec.clone(),
            output,
            keys: Keyed::new(&spec.key, input, spec.state_ttl_ms)?,
            rows: StoredRows::new(input),
            entries: ValueTable::default(),
            marks: ValueTable::default(),
            content: (0..input.fields().len())
                .filter(|c| !spec.processing_times.contains(c))
                .collect(),
            changes: StoredChanges::default(),
        })
    }

    fn run(&mut self, out: &mut Output) -> Result<Step> {
        if !self.changes.ship_all(&mut self.rows, &self.output, out)? {
            return Ok(Step::More);
        }
        self.measure();
        Ok(Step::Done)
    }

    /// By event time the rows' times, else the hashes of their contents.
    fn marks_of(&self, batch: &ChangeBatch) -> Result<Vec<i64>> {
        let Some(rowtime) = self.spec.rowtime else {
            let content = columns_at(batch, &self.content);
            let hashes = hash_rows(&content, batch.num_rows())?;
            return Ok(hashes.into_iter().map(|h| h as i64).collect());
        };
        let times: Int64Array = to_millis(batch.rows.column(rowtime))?;
        Ok((0..times.len())
            .map(|i| if times.is_null(i) { 0 } else { times.value(i) })
            .collect())
    }

    /// True when the row says nothing: it is older, or by processing time the same.
    fn is_skipped(&self, slot: u32, mark: i64) -> bool {
        if self.entries.get(slot) == 0 {
            return false;
        }
        let known = self.marks.get(slot);
        match self.spec.rowtime {
            Some(_) => mark < known,
            None => mark == known && self.keys.lives_for_ever(),
        }
    }

    fn measure(&self) {
        let bytes = self.keys.memory_bytes()
            + self.rows.memory_bytes()
            + self.entries.memory_bytes()
            + self.marks.memory_bytes();
        let metrics = &self.keys.metrics;
        metrics.set_state(self.rows.len(), bytes);
    }
}

impl Operator for LastRowOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.keys.open(ctx);
        Ok(())
    }

    fn next_timer(&self) -> Option<i64> {
        self.keys.next_sweep_ms()
    }

    fn timer(&mut self, now_ms: i64, _out: &mut Output) -> Result<Step> {
        for slot in self.keys.sweep(now_ms) {
            if let Some(entry) = self.entries.get(slot).checked_sub(1) {
                self.rows.leave(entry);
            }
            self.entries.reset(slot);
            self.keys.forget(slot);
        }
        self.rows.forget_left();
        self.measure();
        Ok(Step::Done)
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let slots = self.keys.slots_of(&batch)?;
        self.entries.reserve_slots(self.keys.slots_end());
        self.marks.reserve_slots(self.keys.slots_end());
        let row_marks = self.marks_of(&batch)?;
        let now_ms = self.keys.now_ms();
        let mut watermarks = batch.marks.iter().peekable();
        for (row, (slot, mark)) in slots.iter().zip(&row_marks).enumerate() {
            while let Some(watermark) = watermarks.next_if(|m| m.offset <= row) {
                self.changes.watermark(watermark.watermark);
            }
            let expired = self.keys.is_expired(*slot, now_ms);
            if !expired && self.is_skipped(*slot, *mark) {
                continue;
            }
            let entry = self.rows.accept(row)?;
            let old = self.entries.get(*slot).checked_sub(1);
            if let Some(old) = old {
                self.rows.leave(old);
            }
            match old.filter(|_| !expired) {
                None => self.changes.push(RowKind::Insert, entry),
                Some(old) => {
                    if self.spec.emit_update_before {
                        self.changes.push(RowKind::UpdateBefore, old);
                    }
                    self.changes.push(RowKind::UpdateAfter, entry);
                }
            }
            self.entries.set(*slot, entry + 1);
            self.marks.set(*slot, *mark);
            self.keys.touch(*slot, now_ms);
        }
        watermarks.for_each(|m| self.changes.watermark(m.watermark));
        self.rows.write(batch.rows.columns())?;
        self.run(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}
