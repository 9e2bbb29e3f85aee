//! The keys of a bundle in a phase of an aggregation that sends accumulators on: each with its number of rows.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{Int64Type, SchemaRef};
use filbert_state::{KeyIndex, ValueTable};
use filbert_types::ChangeBatch;

use crate::columns::types_at;
use crate::error::{OperatorError, Result};
use crate::keyed::slots_of;
use crate::output::Output;

/// What a phase before has sent behind the keys: the state columns, and by key the number of rows.
///
/// # Errors
/// When there is no number of rows: a bug.
pub(crate) fn sent_states(batch: &ChangeBatch, keys: usize) -> Result<(&[ArrayRef], &Int64Array)> {
    let (rows, states) = batch.rows.columns()[keys..]
        .split_last()
        .and_then(|(rows, states)| Some((rows.as_primitive_opt::<Int64Type>()?, states)))
        .ok_or_else(|| OperatorError::engine("A local aggregation sends no number of rows."))?;
    Ok((states, rows))
}

pub(crate) struct BundleGroups {
    keys: Vec<usize>,
    index: KeyIndex,
    counts: ValueTable<i64>,
    /// Keys, state columns, number of rows.
    output: SchemaRef,
    /// The slots of a bundle that goes out, and how many have.
    emitting: Option<(Vec<u32>, usize)>,
}

impl BundleGroups {
    /// # Errors
    /// When a key's type can't be a key.
    pub fn new(keys: &[usize], input: &SchemaRef, output: SchemaRef) -> Result<BundleGroups> {
        Ok(BundleGroups {
            keys: keys.to_vec(),
            index: KeyIndex::new(types_at(input, keys))?,
            counts: ValueTable::default(),
            output,
            emitting: None,
        })
    }

    /// The slot of each row's key.
    ///
    /// # Errors
    /// When the keys can't be hashed.
    pub fn slots_of(&mut self, batch: &ChangeBatch) -> Result<Vec<u32>> {
        let slots = slots_of(&mut self.index, &self.keys, batch)?;
        self.counts.reserve_slots(self.index.slots_end());
        Ok(slots)
    }

    /// Every slot is below.
    pub fn slots_end(&self) -> usize {
        self.index.slots_end()
    }

    /// The number of rows by slot.
    pub fn counts_mut(&mut self) -> &mut [i64] {
        self.counts.values_mut()
    }

    pub fn len(&self) -> usize {
        self.index.len()
    }

    pub fn memory_bytes(&self) -> usize {
        self.index.memory_bytes() + self.counts.memory_bytes()
    }

    /// Emits the bundle, with the state columns that `states` gives for slots, and forgets its keys. Gives their slots;
    /// none when the output is full before the end.
    ///
    /// # Errors
    /// When `states` fails.
    pub fn emit(
        &mut self,
        out: &mut Output,
        states: impl Fn(&[u32]) -> Result<Vec<ArrayRef>>,
    ) -> Result<Option<Vec<u32>>> {
        let (slots, mut done) = match self.emitting.take() {
            Some(emitting) => emitting,
            None => (self.index.live_slots().collect(), 0),
        };
        while done < slots.len() {
            if out.is_full() {
                self.emitting = Some((slots, done));
                return Ok(None);
            }
            let end = slots.len().min(done + out.batch_rows());
            let some = &slots[done..end];
            out.emit(self.rows(some, states(some)?)?);
            done = end;
        }
        for slot in &slots {
            self.counts.reset(*slot);
        }
        self.index.clear();
        Ok(Some(slots))
    }

    fn rows(&self, slots: &[u32], states: Vec<ArrayRef>) -> Result<ChangeBatch> {
        let mut columns = self.index.key_columns(slots)?;
        columns.extend(states);
        let rows = slots.iter().map(|slot| self.counts.get(*slot));
        columns.push(Arc::new(Int64Array::from_iter_values(rows)));
        let typed = columns.iter().zip(self.output.fields());
        let typed = typed.map(
            |(column, field)| match column.data_type() == field.data_type() {
                true => Ok(ArrayRef::clone(column)),
                false => cast(column, field.data_type()),
            },
        );
        let columns = typed.collect::<Result<_, _>>()?;
        let rows = RecordBatch::try_new(Arc::clone(&self.output), columns)?;
        Ok(ChangeBatch::insert(rows))
    }
}
