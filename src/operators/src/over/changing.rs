//! OVER by an ordinary column, or by the time of rows that change: rows come and go anywhere in the order, and results
//! change with them.
//!
//! - State: by partition all rows in order, and the result of each.
//! - Changelog: takes any. A row is inserted (or updated) with its result, and deleted with it; the rows behind it, and
//!   with RANGE those that are equal to it, are updated (-U where the consumer needs it, +U) while their results change.
//!   By time the rows that are updated are those whose frames reach the changed row. A retraction for a row that isn't
//!   known is dropped and counted.
//! - Watermarks pass; a mark moves to the place that corresponds. With a state TTL a partition that no row has touched for
//!   so long is forgotten.
//! - Cost: each change runs the functions over its partition once; by time, over the frames that reach it.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, SchemaRef};
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::{
    OverFunction, OverSpec, RankFunction, RankRange, RankSpec, RankStrategy, SortKey,
};
use filbert_state::{NO_SLOT, RowTable, ValueTable};
use filbert_types::{ChangeBatch, RowKind};

use super::corrected::{ByTime, aggregates};
use super::steps::{Calls, Steps};
use crate::aggregate::Op;
use crate::context::OperatorContext;
use crate::error::Result;
use crate::keyed::Keyed;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::rank::store::{RankStore, RowKeys};
use crate::stored_rows::StoredChanges;

/// The functions run in one slot, anew for each change.
pub(super) const SCRATCH: u32 = 0;

pub struct ChangingOverOperator {
    /// The partitions, the order and the rows as a Top-N without end has them.
    rank: RankSpec,
    rows_frame: bool,
    emit_update_before: bool,
    output: SchemaRef,
    partitions: Keyed,
    pub(super) store: RankStore,
    pub(super) calls: Calls,
    /// Results by slots of their own, with what only tells of changes behind them.
    results: RowTable,
    /// How many columns of them go out.
    shown: usize,
    /// By entry, its result's slot.
    result_of: ValueTable<u32>,
    /// Where the order is that of time: the frames.
    pub(super) by_time: Option<ByTime>,
    changes: StoredChanges,
    /// The result of each change.
    change_results: Vec<u32>,
    /// Results that nobody needs once the changes have gone out.
    stale: Vec<u32>,
    input: Option<Input>,
}

pub(super) struct Input {
    pub batch: ChangeBatch,
    pub partitions: Vec<u32>,
    pub keys: RowKeys,
    /// By time, that of each row.
    pub times: Vec<i64>,
    pub row: usize,
    mark: usize,
}

/// Rows of a partition from where results may have changed, and these.
pub(super) struct Computed {
    pub entries: Vec<u32>,
    /// The first position of `entries` and of the results.
    pub from: usize,
    results: Vec<ArrayRef>,
    /// By position from `from`, whether the result is as it was.
    pub same: Vec<bool>,
}

impl ChangingOverOperator {
    /// # Errors
    /// When a function isn't there for its arguments, or a type can't be a key or has no order.
    pub fn new(
        spec: &OverSpec,
        order: SortKey,
        input: &SchemaRef,
        output: SchemaRef,
        registry: &FunctionRegistry,
    ) -> Result<ChangingOverOperator> {
        let rank = RankSpec {
            partition_by: spec.partition_by.clone(),
            order_by: vec![order],
            function: RankFunction::RowNumber,
            range: RankRange::Constant {
                start: 1,
                end: i64::MAX,
            },
            strategy: RankStrategy::Retract,
            output_rank: false,
            emit_update_before: spec.emit_update_before,
            processing_times: spec.processing_times.clone(),
            state_ttl_ms: spec.state_ttl_ms,
        };
        let by_time = ByTime::new(spec, order.column);
        let functions: Vec<OverFunction> = match &by_time {
            Some(_) => aggregates(&spec.calls),
            None => spec.calls.iter().chain(&spec.compared).cloned().collect(),
        };
        let retracts = by_time.as_ref().is_some_and(ByTime::retracts);
        let shown = output.fields().iter().skip(input.fields().len());
        let mut result_types: Vec<DataType> = shown.map(|f| f.data_type().clone()).collect();
        result_types.extend(spec.compared.iter().map(|_| DataType::Int64));
        Ok(ChangingOverOperator {
            rows_frame: spec.frame.rows,
            emit_update_before: spec.emit_update_before,
            partitions: Keyed::new(&spec.partition_by, input, spec.state_ttl_ms)?,
            store: RankStore::new(&rank, input)?,
            calls: Calls::new(&functions, input, retracts, registry)?,
            results: RowTable::new(&result_types),
            shown: spec.calls.len(),
            result_of: ValueTable::default(),
            by_time,
            changes: StoredChanges::default(),
            change_results: Vec::new(),
            stale: Vec::new(),
            input: None,
            output,
            rank,
        })
    }

    fn run(&mut self, out: &mut Output) -> Result<Step> {
        loop {
            let gathered = self.results.gather(&self.change_results)?;
            let shown = self.shown;
            let sliced = |range: std::ops::Range<usize>| -> Vec<ArrayRef> {
                let columns = gathered.iter().take(shown);
                columns.map(|c| c.slice(range.start, range.len())).collect()
            };
            if !self
                .changes
                .ship(&self.store.rows, &self.output, sliced, out)?
            {
                return Ok(Step::More);
            }
            self.changes.clear();
            self.change_results.clear();
            self.store.rows.forget_left();
            self.stale
                .drain(..)
                .for_each(|slot| self.results.remove(slot));
            let Some(mut input) = self.input.take() else {
                return Ok(Step::Done);
            };
            if self.take_rows(&mut input, out.batch_rows())? {
                self.end_batch(&input);
            } else {
                self.input = Some(input);
            }
        }
    }

    /// Takes rows until there are enough changes for a batch; true when all rows are taken.
    fn take_rows(&mut self, input: &mut Input, changes_max: usize) -> Result<bool> {
        let now_ms = self.partitions.now_ms();
        loop {
            let mark = input.batch.marks.get(input.mark).copied();
            if let Some(mark) = mark.filter(|m| m.offset <= input.row) {
                self.changes.watermark(mark.watermark);
                input.mark += 1;
                continue;
            }
            if input.row == input.batch.num_rows() {
                return Ok(true);
            }
            if self.changes.len() >= changes_max {
                return Ok(false);
            }
            self.expire(input.partitions[input.row], now_ms);
            let kind = input.batch.kind(input.row);
            match (Op::of(kind) == Op::Add, self.by_time.is_some()) {
                (true, true) => self.insert_by_time(input, kind)?,
                (false, true) => self.remove_by_time(input)?,
                (true, false) => self.insert(input, kind)?,
                (false, false) => self.remove(input)?,
            }
            input.row += 1;
        }
    }

    /// Stores the batch's row; its entry and position.
    pub(super) fn accept(&mut self, input: &Input) -> Result<(u32, usize)> {
        let (partition, row) = (input.partitions[input.row], input.row);
        let entry = self.store.accept(&input.keys, row)?;
        self.result_of.reserve_slots(entry as usize + 1);
        self.result_of.set(entry, NO_SLOT);
        let sort = &input.keys.sort;
        let position = self.store.sorted.insert(partition, sort, row, entry);
        self.store.write(input.batch.rows.columns())?;
        Ok((entry, position))
    }

    /// Takes the row that the batch's takes back out of the order; its entry and position.
    pub(super) fn take_back(&mut self, input: &Input) -> Result<Option<(u32, usize)>> {
        let (partition, row) = (input.partitions[input.row], input.row);
        let Some((position, entry)) = self.store.find(partition, &input.keys, row) else {
            let metrics = &self.partitions.metrics;
            metrics.count_unknown_retractions("OverAggregate", 1);
            return Ok(None);
        };
        self.store.write(input.batch.rows.columns())?;
        self.store.sorted.remove(partition, entry);
        self.store.leave(entry);
        Ok(Some((entry, position)))
    }

    fn insert(&mut self, input: &Input, kind: RowKind) -> Result<()> {
        let (partition, row) = (input.partitions[input.row], input.row);
        let (_, position) = self.accept(input)?;
        let sort = &input.keys.sort;
        let first = match self.rows_frame {
            true => position,
            false => self.store.sorted.lower_bound(partition, sort, row),
        };
        let computed = self.compute(partition, first)?;
        let group = self.group_end(&computed, first);
        // Equal rows before the new one have its result too; theirs may have changed with it.
        let group_changed = first < position && !computed.same[0];
        for at in first..group {
            if at == position {
                self.emit_new(&computed, at, kind)?;
            } else if group_changed {
                self.emit_update(&computed, at)?;
            }
        }
        self.update_followers(&computed, group)
    }

    fn remove(&mut self, input: &Input) -> Result<()> {
        let (partition, row) = (input.partitions[input.row], input.row);
        let Some((entry, position)) = self.take_back(input)? else {
            return Ok(());
        };
        let first = match self.rows_frame {
            true => position,
            false => self
                .store
                .sorted
                .lower_bound(partition, &input.keys.sort, row),
        };
        let computed = self.compute(partition, first)?;
        let is_equal = |at: usize| {
            let other = computed.entries.get(at - computed.from);
            other.is_some_and(|o| self.store.sorted.compare(*o, &input.keys.sort, row).is_eq())
        };
        let group = match !self.rows_frame && is_equal(first) {
            true => self.group_end(&computed, first),
            false => first,
        };
        let group_changed = group > first && !computed.same[0];
        for at in first..position {
            if group_changed {
                self.emit_update(&computed, at)?;
            }
        }
        self.emit_delete(entry);
        for at in position..group {
            if group_changed {
                self.emit_update(&computed, at)?;
            }
        }
        self.update_followers(&computed, group)
    }

    /// The results of a partition's rows from a position on.
    fn compute(&mut self, partition: u32, from: usize) -> Result<Computed> {
        let sorted = &self.store.sorted;
        let all: Vec<u32> = sorted.iter_from(partition, 0).collect();
        let mut steps = Steps::default();
        for entry in &all {
            steps.push(SCRATCH, *entry, Op::Add);
        }
        let mut at = from;
        while at < all.len() {
            let mut end = at + 1;
            while !self.rows_frame && end < all.len() && sorted.same_key(all[at], all[end]) {
                end += 1;
            }
            (at..end).for_each(|_| steps.output(end - 1));
            at = end;
        }
        let entries = all[from.min(all.len())..].to_vec();
        self.calls.reserve(1);
        self.calls.reset(SCRATCH);
        let results = self.calls.run(&steps, &self.store.rows)?;
        self.compared(entries, from, results)
    }

    /// Results beside what they were.
    pub(super) fn compared(
        &self,
        entries: Vec<u32>,
        from: usize,
        results: Vec<ArrayRef>,
    ) -> Result<Computed> {
        let mut same = Vec::new();
        if !entries.is_empty() {
            let rows: Vec<u32> = (0..entries.len() as u32).collect();
            let known: Vec<u32> = entries.iter().map(|e| self.result_of.get(*e)).collect();
            same = self.results.equal(&results, &rows, &known)?;
        }
        Ok(Computed {
            entries,
            from,
            results,
            same,
        })
    }

    /// The position behind the rows that are equal to the one at `first`; with ROWS each stands for itself.
    fn group_end(&self, computed: &Computed, first: usize) -> usize {
        if self.rows_frame {
            return first + 1;
        }
        let sorted = &self.store.sorted;
        let entries = &computed.entries[first - computed.from..];
        let equal = entries
            .iter()
            .take_while(|e| sorted.same_key(entries[0], **e));
        first + equal.count()
    }

    /// Updates the rows behind until a result is as it was: all behind it are, too.
    fn update_followers(&mut self, computed: &Computed, from: usize) -> Result<()> {
        for at in from..computed.from + computed.entries.len() {
            if computed.same[at - computed.from] {
                return Ok(());
            }
            self.emit_update(computed, at)?;
        }
        Ok(())
    }

    pub(super) fn emit_delete(&mut self, entry: u32) {
        let result = self.result_of.get(entry);
        self.changes.push(RowKind::Delete, entry);
        self.change_results.push(result);
        self.stale.push(result);
    }

    pub(super) fn emit_new(&mut self, computed: &Computed, at: usize, kind: RowKind) -> Result<()> {
        let slot = self.keep_result(computed, at)?;
        self.changes
            .push(kind, computed.entries[at - computed.from]);
        self.change_results.push(slot);
        Ok(())
    }

    pub(super) fn emit_update(&mut self, computed: &Computed, at: usize) -> Result<()> {
        let entry = computed.entries[at - computed.from];
        let old = self.result_of.get(entry);
        if self.emit_update_before {
            self.changes.push(RowKind::UpdateBefore, entry);
            self.change_results.push(old);
        }
        self.stale.push(old);
        self.emit_new(computed, at, RowKind::UpdateAfter)
    }

    fn keep_result(&mut self, computed: &Computed, at: usize) -> Result<u32> {
        let index = at - computed.from;
        let slot = self.results.reserve()?;
        let results = self
            .results
            .replace(&computed.results, &[index as u32], &[slot]);
        results?;
        self.result_of.set(computed.entries[index], slot);
        Ok(slot)
    }

    fn expire(&mut self, partition: u32, now_ms: i64) {
        if self.partitions.is_expired(partition, now_ms) {
            self.clear(partition);
        }
        self.partitions.touch(partition, now_ms);
    }

    fn clear(&mut self, partition: u32) {
        for entry in self.store.sorted.clear_parent(partition) {
            self.stale.push(self.result_of.get(entry));
            self.store.leave(entry);
        }
    }

    fn end_batch(&mut self, input: &Input) {
        for partition in &input.partitions {
            if self.store.sorted.len_of(*partition) == 0 {
                self.partitions.forget(*partition);
            }
        }
        self.measure();
    }

    fn measure(&self) {
        let bytes = self.partitions.memory_bytes()
            + self.store.memory_bytes()
            + self.results.memory_bytes()
            + self.result_of.memory_bytes()
            + self.calls.memory_bytes();
        let metrics = &self.partitions.metrics;
        metrics.set_state(self.store.sorted.len(), bytes);
    }
}

impl Operator for ChangingOverOperator {
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
            self.partitions.forget(partition);
        }
        self.store.rows.forget_left();
        self.stale
            .drain(..)
            .for_each(|slot| self.results.remove(slot));
        self.measure();
        Ok(Step::Done)
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let columns = batch.rows.columns();
        let partitions = self.partitions.slots_of(&batch)?;
        self.store
            .sorted
            .reserve_parents(self.partitions.slots_end());
        let times = match &self.by_time {
            Some(by_time) => by_time.times_of(&batch)?,
            None => Vec::new(),
        };
        self.input = Some(Input {
            keys: self.store.keys_of(columns, &self.rank, &partitions)?,
            times,
            partitions,
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
