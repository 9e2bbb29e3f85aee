//! Lets one row of a primary key through to an upsert sink, when the query changes its rows by another key: rows wait for
//! the watermark, changes that undo each other are gone by then, and of several rows that are left the first is kept or
//! the job fails (Flink's `WatermarkCompactingSinkMaterializer`, ON CONFLICT DO NOTHING and DO ERROR).
//!
//! - State: by primary key the row that was written, and what has come since the last watermark.
//! - Changelog: takes any, with whole rows; emits +I, +U and -D by primary key.
//! - At a watermark: the keys that have changed are compacted and their net change is emitted.
//! - Cost: both keys are looked up once a batch; compacting a key is linear in what has come for it.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::util::display::array_value_to_string;
use filbert_graph::spec::SinkMaterializerSpec;
use filbert_state::{Chains, KeyIndex, RowTable, ValueTable};
use filbert_types::{ChangeBatch, RowKind, Watermark};

use crate::columns::{columns_at, types_at};
use crate::context::OperatorContext;
use crate::error::{OperatorError, Result};
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;

/// The one list of the keys that have changed.
const CHANGED: u32 = 0;

pub struct SinkCompactingMaterializerOperator {
    primary_key: Vec<usize>,
    primary_key_names: Vec<String>,
    row_key: Vec<usize>,
    /// A conflict fails the job; else the first row is kept.
    fails: bool,
    output: SchemaRef,
    keys: KeyIndex,
    entries: KeyIndex,
    rows: RowTable,
    /// What has come for each key, and the keys for which something has come.
    pending: Chains,
    changed: Chains,
    retracts: ValueTable<bool>,
    entry_of: ValueTable<u32>,
    /// By key the row that was written, one higher; 0 for none.
    written: ValueTable<u32>,
    /// What is left of the batch at hand, and the watermark at which it stopped.
    rest: Option<ChangeBatch>,
    compacting: Option<Watermark>,
    metrics: Arc<OperatorMetrics>,
}

impl SinkCompactingMaterializerOperator {
    /// # Errors
    /// When a column's type can't be a key.
    pub fn new(
        spec: &SinkMaterializerSpec,
        fails: bool,
        input: &SchemaRef,
        output: SchemaRef,
    ) -> Result<SinkCompactingMaterializerOperator> {
        let all: Vec<usize> = (0..input.fields().len()).collect();
        let row_key = spec.upsert_key.clone().unwrap_or_else(|| all.clone());
        Ok(SinkCompactingMaterializerOperator {
            keys: KeyIndex::new(types_at(input, &spec.primary_key))?,
            entries: KeyIndex::new(types_at(input, &row_key))?,
            primary_key_names: spec
                .primary_key
                .iter()
                .map(|i| input.field(*i).name().clone())
                .collect(),
            primary_key: spec.primary_key.clone(),
            row_key,
            fails,
            output,
            rows: RowTable::new(&types_at(input, &all)),
            pending: Chains::default(),
            changed: Chains::default(),
            retracts: ValueTable::default(),
            entry_of: ValueTable::default(),
            written: ValueTable::default(),
            rest: None,
            compacting: None,
            metrics: Arc::default(),
        })
    }

    /// Notes the rows of a piece without marks.
    fn buffer(&mut self, batch: &ChangeBatch) -> Result<()> {
        let (mut keys, mut entries, mut slots) = (Vec::new(), Vec::new(), Vec::new());
        let count = batch.num_rows();
        self.keys
            .slots_for(&columns_at(batch, &self.primary_key), count, &mut keys)?;
        let row_key = columns_at(batch, &self.row_key);
        self.entries
            .slots_below(&row_key, count, Some(&keys), &mut entries)?;
        let every: Vec<u32> = (0..count as u32).collect();
        self.rows.insert(batch.rows.columns(), &every, &mut slots)?;
        let (keys_end, rows_end) = (self.keys.slots_end(), self.rows.slots_end());
        self.pending.reserve(keys_end, rows_end);
        self.changed.reserve(1, keys_end);
        self.written.reserve_slots(keys_end);
        self.retracts.reserve_slots(rows_end);
        self.entry_of.reserve_slots(rows_end);
        for (i, row) in slots.into_iter().enumerate() {
            if self.pending.first(keys[i]).is_none() {
                self.changed.link(CHANGED, keys[i]);
            }
            self.retracts.set(row, !batch.kind(i).is_accumulate());
            self.entry_of.set(row, entries[i]);
            self.pending.link(keys[i], row);
        }
        Ok(())
    }

    /// The rows of a key that are left, the one that was written first.
    fn left(&mut self, key: u32, gone: &mut Vec<u32>) -> Vec<u32> {
        let mut left: Vec<u32> = self.written.get(key).checked_sub(1).into_iter().collect();
        let mut unknown = 0;
        while let Some(row) = self.pending.pop(key) {
            let entry = self.entry_of.get(row);
            let same = left.iter().position(|r| self.entry_of.get(*r) == entry);
            match (self.retracts.get(row), same) {
                (true, same) => {
                    gone.push(row);
                    match same {
                        Some(at) => gone.push(left.remove(at)),
                        None => unknown += 1,
                    }
                }
                (false, Some(at)) if self.row_key.len() < self.output.fields().len() => {
                    gone.push(std::mem::replace(&mut left[at], row));
                }
                (false, _) => left.push(row),
            }
        }
        self.metrics
            .count_unknown_retractions("SinkMaterializer", unknown);
        left
    }

    /// Compacts keys until none is left or the output is full.
    fn compact(&mut self, out: &mut Output) -> Result<Step> {
        let (mut rows, mut kinds, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        let mut touched = Vec::new();
        // Updates that write the same row again say nothing.
        let mut updates = Vec::new();
        while rows.len() < out.batch_rows()
            && let Some(key) = self.changed.pop(CHANGED)
        {
            let old = self.written.get(key).checked_sub(1);
            let left = self.left(key, &mut gone);
            if left.len() > 1 && self.fails {
                return Err(self.conflict(left[0])?);
            }
            touched.push(key);
            let keep = match (old, left.as_slice()) {
                (Some(old), [_, _, ..]) => Some(old),
                (_, left) => left.first().copied(),
            };
            gone.extend(left.iter().filter(|row| Some(**row) != keep));
            match (old, keep) {
                (None, None) => {}
                (Some(old), None) => {
                    rows.push(old);
                    kinds.push(RowKind::Delete);
                }
                (None, Some(new)) => {
                    rows.push(new);
                    kinds.push(RowKind::Insert);
                }
                (Some(old), Some(new)) if old == new => {}
                (Some(old), Some(new)) => {
                    updates.push((rows.len(), old));
                    rows.push(new);
                    kinds.push(RowKind::UpdateAfter);
                }
            }
            self.written.set(key, keep.map_or(0, |row| row + 1));
        }
        let columns = self.rows.gather(&rows)?;
        out.emit(self.changes(columns, kinds, &updates)?);
        self.forget(&gone, &touched);
        match self.changed.first(CHANGED) {
            None => Ok(Step::Done),
            Some(_) => Ok(Step::More),
        }
    }

    fn changes(
        &self,
        columns: Vec<ArrayRef>,
        kinds: Vec<RowKind>,
        updates: &[(usize, u32)],
    ) -> Result<ChangeBatch> {
        let (at, old): (Vec<u32>, Vec<u32>) =
            updates.iter().map(|(at, old)| (*at as u32, *old)).unzip();
        let same = self.rows.equal(&columns, &at, &old)?;
        let rows = RecordBatch::try_new(Arc::clone(&self.output), columns)?;
        let batch = ChangeBatch::with_kinds(rows, kinds);
        if !same.contains(&true) {
            return Ok(batch);
        }
        let mut keep = vec![true; batch.num_rows()];
        for (at, same) in at.iter().zip(same) {
            keep[*at as usize] = !same;
        }
        let kept = (0..batch.num_rows() as u32).filter(|i| keep[*i as usize]);
        Ok(batch.take(&kept.collect::<Vec<_>>().into())?)
    }

    fn conflict(&self, row: u32) -> Result<OperatorError> {
        let columns = self.rows.gather(&[row])?;
        let pairs = self.primary_key.iter().zip(&self.primary_key_names);
        let key = pairs
            .map(|(i, name)| {
                let value = array_value_to_string(&columns[*i], 0)?;
                Ok(format!("{name}={value}"))
            })
            .collect::<Result<Vec<String>>>()?;
        Ok(OperatorError::user(format!(
            "Primary key constraint violation: multiple distinct records with the same primary key detected. \
             Conflicting key: [{}]. Use ON CONFLICT DO NOTHING to keep the first record.",
            key.join(", ")
        )))
    }

    fn forget(&mut self, gone: &[u32], keys: &[u32]) {
        for row in gone {
            self.rows.remove(*row);
        }
        // Entries are the same for all that a key has seen: they go with it.
        let kept: HashSet<u32> = keys
            .iter()
            .filter_map(|key| self.written.get(*key).checked_sub(1))
            .map(|row| self.entry_of.get(row))
            .collect();
        for row in gone {
            let entry = self.entry_of.get(*row);
            if !kept.contains(&entry) {
                self.entries.remove(entry);
            }
        }
        for key in keys {
            if self.written.get(*key) == 0 {
                self.keys.remove(*key);
            }
        }
        let bytes = self.keys.memory_bytes() + self.entries.memory_bytes();
        let bytes = bytes + self.rows.memory_bytes() + self.pending.memory_bytes();
        self.metrics.set_state(self.rows.len(), bytes);
    }

    /// Goes on until the batch at hand is worked off or the output is full.
    fn advance(&mut self, out: &mut Output) -> Result<Step> {
        loop {
            if let Some(watermark) = self.compacting {
                if self.compact(out)? == Step::More {
                    return Ok(Step::More);
                }
                self.compacting = None;
                out.watermark(watermark);
            }
            let Some(batch) = self.rest.take() else {
                return Ok(Step::Done);
            };
            let mark = batch.marks.first().copied();
            let end = mark.map_or(batch.num_rows(), |m| m.offset);
            let piece = batch.slice(0, end);
            if end > 0 {
                self.buffer(&piece)?;
            }
            if let Some(mark) = mark {
                self.compacting = Some(mark.watermark);
                let mut rest = batch.slice(end, batch.num_rows() - end);
                // Marks at the very end of the rows are not part of a slice.
                rest.marks = batch.marks[1..].to_vec();
                rest.marks.iter_mut().for_each(|m| m.offset -= end);
                self.rest = Some(rest);
            }
        }
    }
}

impl Operator for SinkCompactingMaterializerOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        Ok(())
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        self.rest = Some(batch);
        self.advance(out)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        self.compacting = Some(watermark);
        self.advance(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.advance(out)
    }
}

#[cfg(test)]
mod tests;
