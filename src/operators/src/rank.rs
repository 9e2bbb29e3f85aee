//! Top-N: the first rows of each partition in an order, by ROW_NUMBER, RANK or DENSE_RANK.
//!
//! - State: by partition its rows in order, each stored once: the first N only where rows can't come back (an input of
//!   inserts, or one that changes rows by key and only towards the front), else all.
//! - Changelog: takes any; each row's own changes, in Flink's order. With the rank's number every place that changes
//!   hands is an update (-U, +U); without it a row that falls out is deleted (-D) before the new one comes (+I); the one
//!   row of a Top-1 over inserts or by key is updated. By RANK and DENSE_RANK a row is updated when its rank moves.
//! - A retraction for a row that isn't known is dropped and counted. With a state TTL a partition that no row has
//!   touched for so long is forgotten.
//! - Watermarks pass; a mark moves to the place that corresponds.
//! - Cost: partitions are looked up and rows written once a batch; a place in the order takes binary searches, and one
//!   change a place that changes hands. DENSE_RANK walks its partition from the start.

mod changes;
pub(crate) mod first_n;
mod rank_number;
mod row_number;
pub(crate) mod store;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use filbert_graph::spec::{RankFunction, RankRange, RankSpec, RankStrategy};
use filbert_state::ValueTable;
use filbert_types::ChangeBatch;

use crate::aggregate::Op;
use crate::context::OperatorContext;
use crate::error::Result;
use crate::keyed::Keyed;
use crate::operator::{Operator, Step};
use crate::output::Output;
use changes::Changes;
use row_number::Incoming;
use store::{RankStore, RowKeys};

pub struct RankOperator {
    spec: RankSpec,
    top: TopN,
    output: SchemaRef,
    partitions: Keyed,
    /// By partition, the last rank wanted, one higher; 0 where none is known. For ranges that end with a column.
    ends: ValueTable<i64>,
    store: RankStore,
    changes: Changes,
    input: Option<Input>,
}

/// What decides over the changelog's form.
struct TopN {
    function: RankFunction,
    output_rank: bool,
    /// Places count: their number is shown, or the first ones are left out.
    numbered: bool,
    /// The one row of a partition, which is updated.
    is_top_1: bool,
}

/// A batch on its way.
struct Input {
    batch: ChangeBatch,
    partitions: Vec<u32>,
    keys: RowKeys,
    /// The last rank wanted, by row, for ranges that end with a column.
    ends: Option<ArrayRef>,
    row: usize,
    mark: usize,
}

impl RankOperator {
    /// # Errors
    /// When a partition's or a row key's type can't be a key, or a sort column's has no order.
    pub fn new(spec: &RankSpec, input: &SchemaRef, output: SchemaRef) -> Result<RankOperator> {
        let (start, end) = match spec.range {
            RankRange::Constant { start, end } => (start, end),
            RankRange::Column(_) => (1, i64::MAX),
        };
        let is_row_number = spec.function == RankFunction::RowNumber;
        Ok(RankOperator {
            top: TopN {
                function: spec.function,
                output_rank: spec.output_rank,
                numbered: spec.output_rank || start > 1,
                is_top_1: is_row_number
                    && (start, end) == (1, 1)
                    && spec.strategy != RankStrategy::Retract
                    && !spec.order_by.is_empty(),
            },
            output,
            partitions: Keyed::new(&spec.partition_by, input, spec.state_ttl_ms)?,
            ends: ValueTable::default(),
            store: RankStore::new(spec, input)?,
            changes: Changes::new(spec.emit_update_before, spec.output_rank, start..=end),
            input: None,
            spec: spec.clone(),
        })
    }

    /// Goes on until all is done or the output is full.
    fn run(&mut self, out: &mut Output) -> Result<Step> {
        loop {
            if !self.changes.ship(&self.store.rows, &self.output, out)? {
                return Ok(Step::More);
            }
            self.changes.clear();
            self.store.rows.forget_left();
            let Some(mut input) = self.input.take() else {
                return Ok(Step::Done);
            };
            let is_done = self.take_rows(&mut input, out.batch_rows())?;
            self.store.write(input.batch.rows.columns())?;
            if is_done {
                self.end_batch(&input);
            } else {
                self.input = Some(input);
            }
        }
    }

    /// Takes rows until there are enough changes for a batch; true when all rows are taken.
    fn take_rows(&mut self, input: &mut Input, changes_max: usize) -> Result<bool> {
        let now_ms = self.partitions.now_ms();
        let marks = std::mem::take(&mut input.batch.marks);
        loop {
            while let Some(mark) = marks.get(input.mark).filter(|m| m.offset <= input.row) {
                self.changes.rows.watermark(mark.watermark);
                input.mark += 1;
            }
            if input.row == input.batch.num_rows() {
                return Ok(true);
            }
            if self.changes.rows.len() >= changes_max {
                input.batch.marks = marks;
                return Ok(false);
            }
            self.expire(input.partitions[input.row], now_ms);
            self.take_row(input)?;
            input.row += 1;
        }
    }

    fn take_row(&mut self, input: &Input) -> Result<()> {
        let row = input.row;
        let incoming = Incoming {
            partition: input.partitions[row],
            keys: &input.keys,
            row,
            end: self.end_of(input),
        };
        let (top, store, changes) = (&self.top, &mut self.store, &mut self.changes);
        let adds = Op::of(input.batch.kind(row)) == Op::Add;
        let by_row_number = top.function == RankFunction::RowNumber;
        let known = match (&self.spec.strategy, by_row_number) {
            (RankStrategy::Append, true) => {
                row_number::append(top, store, incoming, changes)?;
                true
            }
            (RankStrategy::Update { .. }, true) if adds => {
                row_number::update(top, store, incoming, changes)?;
                true
            }
            (RankStrategy::Retract, true) if adds => {
                row_number::accumulate(top, store, incoming, changes)?;
                true
            }
            (_, true) => row_number::retract(top, store, incoming, changes),
            (strategy, false) if adds => {
                let trim = *strategy == RankStrategy::Append;
                rank_number::accumulate(top, store, incoming, trim, changes)?;
                true
            }
            (_, false) => rank_number::retract(top, store, incoming, changes),
        };
        if !known {
            let metrics = &self.partitions.metrics;
            metrics.count_unknown_retractions("Rank", 1);
        }
        Ok(())
    }

    /// The last rank wanted in the row's partition; a column says it with the partition's first row.
    fn end_of(&mut self, input: &Input) -> i64 {
        let Some(ends) = &input.ends else {
            return *self.changes.wanted.end();
        };
        let partition = input.partitions[input.row];
        let ends = ends.as_primitive::<Int64Type>();
        let end = match self.ends.get(partition).checked_sub(1) {
            Some(known) if known >= 0 => known,
            _ => {
                let first = if ends.is_null(input.row) {
                    0
                } else {
                    ends.value(input.row).max(0)
                };
                self.ends.set(partition, first.saturating_add(1));
                first
            }
        };
        self.changes.wanted = 1..=end;
        end
    }

    /// Forgets a partition that has expired, and notes that it is written now.
    fn expire(&mut self, partition: u32, now_ms: i64) {
        if self.partitions.is_expired(partition, now_ms) {
            self.ends.reset(partition);
            self.clear(partition);
        }
        self.partitions.touch(partition, now_ms);
    }

    /// Forgets a partition's rows.
    fn clear(&mut self, partition: u32) {
        for entry in self.store.sorted.clear_parent(partition) {
            self.store.leave(entry);
        }
    }

    fn end_batch(&mut self, input: &Input) {
        self.store.forget_keys();
        for partition in &input.partitions {
            if self.store.sorted.len_of(*partition) == 0 {
                self.forget_partition(*partition);
            }
        }
        self.measure();
    }

    fn forget_partition(&mut self, partition: u32) {
        self.ends.reset(partition);
        self.partitions.forget(partition);
    }

    fn measure(&self) {
        let bytes = self.partitions.memory_bytes() + self.store.memory_bytes();
        let metrics = &self.partitions.metrics;
        metrics.set_state(self.store.sorted.len(), bytes);
    }
}

impl Operator for RankOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.partitions.open(ctx);
        Ok(())
    }

    fn next_timer(&self) -> Option<i64> {
        self.partitions.next_sweep_ms()
    }

    fn timer(&mut self, now_ms: i64, _out: &mut Output) -> Result<Step> {
        for partition in self.partitions.sweep(now_ms) {
            self.clear(partition);
            self.forget_partition(partition);
        }
        self.store.rows.forget_left();
        self.store.forget_keys();
        self.measure();
        Ok(Step::Done)
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let columns = batch.rows.columns();
        let partitions = self.partitions.slots_of(&batch)?;
        self.store
            .sorted
            .reserve_parents(self.partitions.slots_end());
        let ends = match self.spec.range {
            RankRange::Constant { .. } => None,
            RankRange::Column(column) => {
                self.ends.reserve_slots(self.partitions.slots_end());
                Some(arrow::compute::cast(&columns[column], &DataType::Int64)?)
            }
        };
        self.input = Some(Input {
            keys: self.store.keys_of(columns, &self.spec, &partitions)?,
            partitions,
            ends,
            batch,
            row: 0,
            mark: 0,
        });
        self.run(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}

#[cfg(test)]
mod tests;
