//! The first N rows of each partition as they come: LIMIT, a Top-N by ascending processing time, the first row of a
//! deduplication by processing time. Flink's AppendOnlyFirstNFunction.
//!
//! - State: by partition, how many rows have come, up to N.
//! - Changelog: takes and emits inserts.
//! - With a state TTL a partition is counted anew when no row of it has been let through for so long.
//! - Watermarks pass; a mark moves to the place that corresponds.
//! - Cost: one look-up a batch.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use filbert_graph::spec::FirstNSpec;
use filbert_state::{KeyIndex, ValueTable};
use filbert_types::{ChangeBatch, WatermarkMark};

use crate::context::OperatorContext;
use crate::error::Result;
use crate::group_aggregate::state_error;
use crate::marks::push_mark;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::ttl::StateTtl;

pub struct FirstNOperator {
    spec: FirstNSpec,
    output: SchemaRef,
    partitions: KeyIndex,
    counts: ValueTable<i64>,
    ttl: Option<StateTtl>,
    metrics: Arc<OperatorMetrics>,
}

impl FirstNOperator {
    /// # Errors
    /// When a partition's type can't be a key.
    pub fn new(spec: &FirstNSpec, input: &SchemaRef, output: SchemaRef) -> Result<FirstNOperator> {
        let types = spec.partition_by.iter();
        let types = types.map(|c| input.field(*c).data_type().clone()).collect();
        Ok(FirstNOperator {
            spec: spec.clone(),
            output,
            partitions: KeyIndex::new(types).map_err(state_error)?,
            counts: ValueTable::default(),
            ttl: StateTtl::new(spec.state_ttl_ms),
            metrics: Arc::default(),
        })
    }

    /// The rows that are let through, and their ranks.
    fn pick(&mut self, slots: &[u32]) -> (Vec<u32>, Vec<i64>) {
        let (mut rows, mut ranks) = (Vec::new(), Vec::new());
        let now_ms = self.ttl.as_ref().map_or(0, StateTtl::now_ms);
        let counts = self.counts.values_mut();
        for (row, slot) in (0u32..).zip(slots) {
            let count = &mut counts[*slot as usize];
            if let Some(ttl) = &self.ttl
                && ttl.is_expired(*slot, now_ms)
            {
                *count = 0;
            }
            if *count >= self.spec.end {
                continue;
            }
            *count += 1;
            if let Some(ttl) = &mut self.ttl {
                ttl.touch(*slot, now_ms);
            }
            if *count >= self.spec.start {
                rows.push(row);
                ranks.push(*count);
            }
        }
        (rows, ranks)
    }

    fn measure(&self) {
        let bytes = self.partitions.memory_bytes() + self.counts.memory_bytes();
        self.metrics.state_rows.set(self.partitions.len() as u64);
        self.metrics.state_bytes.set(bytes as u64);
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
        let Some(ttl) = &mut self.ttl else {
            return Ok(Step::Done);
        };
        for slot in ttl.sweep(self.partitions.live_slots(), now_ms) {
            ttl.reset(slot);
            self.counts.reset(slot);
            self.partitions.remove(slot);
        }
        self.measure();
        Ok(Step::Done)
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let keys = self.spec.partition_by.iter();
        let keys: Vec<ArrayRef> = keys
            .map(|c| ArrayRef::clone(batch.rows.column(*c)))
            .collect();
        let mut slots = Vec::new();
        self.partitions
            .slots_for(&keys, batch.num_rows(), &mut slots)
            .map_err(state_error)?;
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
        let options = RecordBatchOptions::new().with_row_count(Some(picked.len()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.output), columns, &options)?;
        let mut picked = ChangeBatch::insert(rows);
        picked.marks = marks;
        out.emit(picked);
        self.measure();
        Ok(Step::Done)
    }
}
