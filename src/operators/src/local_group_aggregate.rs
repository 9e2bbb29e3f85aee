//! The first of two phases of GROUP BY: gathers rows by key, and sends each key's state for the second phase to merge.
//!
//! - State: a bundle's keys with their accumulators and numbers of rows; nothing outlives a bundle.
//! - Changelog: takes any; emits inserts of keys, state columns, and the number of rows, retracted ones taken off.
//! - A bundle ends as in the second phase: with so many rows, at a watermark, before a barrier, at the input's end.
//! - Cost: keys are looked up once a batch, rows added in bulk; what crosses the exchange is a row a key and bundle.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::LocalGroupAggregateSpec;
use filbert_state::{KeyIndex, ValueTable};
use filbert_types::{ChangeBatch, Watermark};

use crate::aggregate::{AggregateCalls, Op, Rows};
use crate::bundle::{Cut, Feed};
use crate::context::OperatorContext;
use crate::error::Result;
use crate::group_aggregate::state_error;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;

pub struct LocalGroupAggregateOperator {
    keys: Vec<usize>,
    index: KeyIndex,
    calls: AggregateCalls,
    counts: ValueTable<i64>,
    output: SchemaRef,
    /// The slots of a bundle that goes out, and how many have.
    emitting: Option<(Vec<u32>, usize)>,
    feed: Feed,
    metrics: Arc<OperatorMetrics>,
}

impl LocalGroupAggregateOperator {
    /// # Errors
    /// When a function isn't there for its arguments, or a key's type can't be a key.
    pub fn new(
        spec: &LocalGroupAggregateSpec,
        input: &SchemaRef,
        output: SchemaRef,
        functions: &FunctionRegistry,
    ) -> Result<LocalGroupAggregateOperator> {
        let keys = spec.keys.iter();
        let types = keys.map(|k| input.field(*k).data_type().clone()).collect();
        Ok(LocalGroupAggregateOperator {
            keys: spec.keys.clone(),
            index: KeyIndex::new(types).map_err(state_error)?,
            calls: AggregateCalls::with_functions(&spec.calls, spec.input_retracts, functions)?,
            counts: ValueTable::default(),
            output,
            emitting: None,
            feed: Feed::new(spec.mini_batch_rows),
            metrics: Arc::default(),
        })
    }

    fn run(&mut self, out: &mut Output) -> Result<Step> {
        loop {
            match self.feed.next() {
                Cut::Rows(batch) => self.add(&batch)?,
                Cut::Flush => {
                    if !self.emit(out)? {
                        return Ok(Step::More);
                    }
                    self.feed.flushed();
                }
                Cut::Watermark(watermark) => out.watermark(watermark),
                Cut::End => {
                    self.measure();
                    return Ok(Step::Done);
                }
            }
        }
    }

    fn add(&mut self, batch: &ChangeBatch) -> Result<()> {
        let keys = self.keys.iter();
        let keys: Vec<ArrayRef> = keys
            .map(|k| ArrayRef::clone(batch.rows.column(*k)))
            .collect();
        let mut slots = Vec::new();
        self.index
            .slots_for(&keys, batch.num_rows(), &mut slots)
            .map_err(state_error)?;
        self.counts.reserve_slots(self.index.slots_end());
        self.calls.reserve_slots(self.index.slots_end());
        let kinds = batch.kinds.as_ref();
        let ops: Option<Vec<Op>> = kinds.map(|kinds| kinds.iter().map(|k| Op::of(*k)).collect());
        let counts = self.counts.values_mut();
        for (i, slot) in slots.iter().enumerate() {
            let added = ops.as_ref().is_none_or(|ops| ops[i] == Op::Add);
            counts[*slot as usize] += if added { 1 } else { -1 };
        }
        let rows = Rows {
            slots: &slots,
            ops: ops.as_deref(),
            resets: None,
        };
        self.calls.update(rows, batch.rows.columns())
    }

    /// Emits a bundle; false when the output is full before its end.
    fn emit(&mut self, out: &mut Output) -> Result<bool> {
        let (slots, mut done) = match self.emitting.take() {
            Some(emitting) => emitting,
            None => (self.index.live_slots().collect(), 0),
        };
        while done < slots.len() {
            if out.is_full() {
                self.emitting = Some((slots, done));
                return Ok(false);
            }
            let end = slots.len().min(done + out.batch_rows());
            out.emit(self.states(&slots[done..end])?);
            done = end;
        }
        for slot in &slots {
            self.counts.reset(*slot);
            self.calls.reset(*slot);
        }
        self.index.clear();
        Ok(true)
    }

    fn states(&self, slots: &[u32]) -> Result<ChangeBatch> {
        let mut columns = self.index.key_columns(slots).map_err(state_error)?;
        columns.extend(self.calls.export(slots)?);
        let rows = slots.iter().map(|slot| self.counts.get(*slot));
        columns.push(Arc::new(Int64Array::from_iter_values(rows)));
        let columns = columns.iter().zip(self.output.fields());
        let columns =
            columns.map(
                |(column, field)| match column.data_type() == field.data_type() {
                    true => Ok(ArrayRef::clone(column)),
                    false => cast(column, field.data_type()),
                },
            );
        let columns = columns.collect::<Result<_, _>>()?;
        let rows = RecordBatch::try_new(Arc::clone(&self.output), columns)?;
        Ok(ChangeBatch::insert(rows))
    }

    fn measure(&self) {
        let bytes =
            self.index.memory_bytes() + self.counts.memory_bytes() + self.calls.memory_bytes();
        self.metrics.state_rows.set(self.index.len() as u64);
        self.metrics.state_bytes.set(bytes as u64);
    }
}

impl Operator for LocalGroupAggregateOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        Ok(())
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        self.feed.take(batch);
        self.run(out)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        self.feed.watermark(watermark);
        self.run(out)
    }

    fn prepare_barrier(&mut self, _checkpoint_id: u64, out: &mut Output) -> Result<Step> {
        self.feed.flush();
        self.run(out)
    }

    fn end_input(&mut self, _input: usize, out: &mut Output) -> Result<Step> {
        self.feed.flush();
        self.run(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}
