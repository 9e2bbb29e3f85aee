//! The first N rows of each partition as they come: LIMIT, a Top-N by ascending processing time, the first row of a
//! deduplication by processing time. Flink's AppendOnlyFirstNFunction.
//!
//! - State: by partition, how many rows have come, up to N.
//! - Changelog: takes and emits inserts.
//! - With a state TTL a partition is counted anew when no row of it has been let through for so long.
//! - Watermarks pass; a mark moves to the place that corresponds.
//! - Cost: one look-up a batch.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use filbert_graph::spec::FirstNSpec;
use filbert_state::ValueTable;
use filbert_types::{ChangeBatch, WatermarkMark};

use crate::columns::record_batch;
use crate::context::OperatorContext;
use crate::error::Result;
use crate::keyed::Keyed;
use crate::marks::push_mark;
use crate::operator::{Operator, Step};
use crate::output::Output;

pub struct FirstNOperator {
    spec: FirstNSpec,
    output: SchemaRef,
    partitions: Keyed,
    counts: ValueTable<i64>,
}

impl FirstNOperator {
    /// # Errors
    /// When a partition's type can't be a key.
    pub fn new(spec: &FirstNSpec, input: &SchemaRef, output: SchemaRef) -> Result<FirstNOperator> {
        Ok(FirstNOperator {
            spec: spec.clone(),
            output,
            partitions: Keyed::new(&spec.partition_by, input, spec.state_ttl_ms)?,
            counts: ValueTable::default(),
        })
    }

    /// The rows that are let through, and their ranks.
    fn pick(&mut self, slots: &[u32]) -> (Vec<u32>, Vec<i64>) {
        let (mut rows, mut ranks) = (Vec::new(), Vec::new());
        let now_ms = self.partitions.now_ms();
        let counts = self.counts.values_mut();
        for (row, slot) in (0u32..).zip(slots) {
            let count = &mut counts[*slot as usize];
            if self.partitions.is_expired(*slot, now_ms) {
                *count = 0;
            }
            if *count >= self.spec.end {
                continue;
            }
            *count += 1;
            self.partitions.touch(*slot, now_ms);
            if *count >= self.spec.start {
                rows.push(row);
                ranks.push(*count);
            }
        }
        (rows, ranks)
    }

    fn measure(&self) {
        let bytes = self.partitions.memory_bytes() + self.counts.memory_bytes();
        let metrics = &self.partitions.metrics;
        metrics.set_state(self.partitions.index.len(), bytes);
    }
}

/// The marks after only the rows at `picked` are kept.
fn picked_marks(marks: &[WatermarkMark], picked: &[u32]) -> Vec<WatermarkMark> {
    let mut kept = Vec::new();
    for mark in marks {
        let offset = picked.partition_point(|row| (*row as usize) < mark.offset);
        push_mark(&mut kept, offset, mark.watermark);
    }
    kept
}

impl Operator for FirstNOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.partitions.open(ctx);
        Ok(())
    }

    fn next_timer(&self) -> Option<i64> {
        self.partitions.next_sweep_ms()
    }

    fn timer(&mut self, now_ms: i64, _out: &mut Output) -> Result<Step> {
        for slot in self.partitions.sweep(now_ms) {
            self.counts.reset(slot);
            self.partitions.forget(slot);
        }
        self.measure();
        Ok(Step::Done)
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let slots = self.partitions.slots_of(&batch)?;
        self.counts.reserve_slots(self.partitions.slots_end());
        let (rows, ranks) = self.pick(&slots);
        let marks = picked_marks(&batch.marks, &rows);
        let picked = UInt32Array::from(rows);
        let columns = batch.rows.columns().iter();
        let mut columns = columns
            .map(|c| take(c, &picked, None))
            .collect::<Result<Vec<ArrayRef>, _>>()?;
        if self.spec.output_rank {
            columns.push(Arc::new(Int64Array::from(ranks)));
        }
        let rows = record_batch(&self.output, columns, picked.len())?;
        let mut picked = ChangeBatch::insert(rows);
        picked.marks = marks;
        out.emit(picked);
        self.measure();
        Ok(Step::Done)
    }
}
