//! Joins each left row with the version of a right row that was valid at the left row's event time: inner and left.
//!
//! - State: an index of keys; of each key the left rows that the watermark has not passed, by time, and the versions of
//!   its right row, by time. The newest version behind the watermark stays, older ones go.
//! - Changelog: takes any; a left row goes out with its own kind. A right row is the version from its time on, and
//!   replaces the one of the same time; a -D (or -U) is a version too: from its time on there is no row.
//! - At a watermark each key with left rows up to it is joined, the key with the earliest time first and the rows of a
//!   key in the order of their coming, as in Flink's `TemporalRowTimeJoinOperator`; then the watermark passes. Nothing is
//!   late: a left row behind the watermark is joined at the next one, with the versions that are still there, and a late
//!   version is seen by what is joined after it has come.
//! - By processing time (a temporal table function's history) a left row goes out as it comes, beside the newest version
//!   of its key, which is all that is kept.
//! - Cost: keys are hashed once a batch; a place among versions takes a binary search; the rest of the condition runs on
//!   pieces of a batch. State is the values of a row and about 50 bytes beside them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array};
use arrow::buffer::NullBuffer;
use arrow::compute::{SortOptions, filter_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::physical_expr::PhysicalExpr;
use filbert_graph::spec::TemporalJoinSpec;
use filbert_state::{KeyIndex, NO_SLOT, SortKeyBatch, SortedTable, TimeTable, ValueTable};
use filbert_types::{ChangeBatch, RowKind, Watermark, WatermarkMark};

use crate::columns::{columns_at, record_batch, types_at};
use crate::context::{ExpressionFactory, OperatorContext};
use crate::error::{OperatorError, Result};
use crate::expressions::evaluate_mask;
use crate::join::both_schemas;
use crate::keyed::meeting_keys;
use crate::marks::{filter_marks, marks_of_piece, push_mark};
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::stored_rows::StoredRows;
use crate::watermark_assigner::to_millis;

pub struct TemporalJoinOperator {
    spec: TemporalJoinSpec,
    condition: Option<Arc<dyn PhysicalExpr>>,
    both: SchemaRef,
    output: SchemaRef,
    index: KeyIndex,
    /// The rows that wait, and the versions.
    sides: [TimedRows; 2],
    /// Keys by the time at which they are joined next; `due` has the valid one.
    timers: TimeTable<Vec<u32>>,
    due: ValueTable<Option<i64>>,
    /// Keys by the times of their versions: when it has passed, older ones go.
    outdated: TimeTable<Vec<u32>>,
    /// Keys that may have nothing left, to be looked at when no batch names them any more.
    emptied: Vec<u32>,
    /// By left entry: when it came.
    arrivals: ValueTable<u64>,
    next_arrival: u64,
    pairs: Pairs,
    metrics: Arc<OperatorMetrics>,
}

/// Rows of one input below their key, by time.
struct TimedRows {
    rows: StoredRows,
    sorted: SortedTable,
    /// By entry.
    times: ValueTable<i64>,
    kinds: ValueTable<Option<RowKind>>,
}

/// Left rows with their versions on their way out, and the watermarks between them.
#[derive(Default)]
struct Pairs {
    left: Vec<u32>,
    right: Vec<u32>,
    kinds: Vec<RowKind>,
    marks: Vec<WatermarkMark>,
    shipped: usize,
}

impl TimedRows {
    fn new(input: &SchemaRef) -> Result<TimedRows> {
        let by_time = [(DataType::Int64, SortOptions::default())];
        Ok(TimedRows {
            rows: StoredRows::new(input),
            sorted: SortedTable::new(&by_time)?,
            times: ValueTable::default(),
            kinds: ValueTable::default(),
        })
    }

    fn accept(&mut self, row: usize, time: i64, kind: RowKind) -> Result<u32> {
        let entry = self.rows.accept(row)?;
        self.times.reserve_slots(entry as usize + 1);
        self.times.set(entry, time);
        self.kinds.reserve_slots(entry as usize + 1);
        self.kinds.set(entry, Some(kind));
        Ok(entry)
    }

    /// How many of a key's rows are not younger than `time`.
    fn count_until(&self, key: u32, time: i64) -> usize {
        let (mut low, mut high) = (0, self.sorted.len_of(key));
        while low < high {
            let middle = (low + high) / 2;
            match self.sorted.get(key, middle) {
                Some(entry) if self.times.get(entry) <= time => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }

    /// Takes a key's oldest rows out; they stay readable until all has been shipped.
    fn pop_front(&mut self, key: u32, count: usize) -> Vec<u32> {
        let entries: Vec<u32> = self.sorted.iter_from(key, 0).take(count).collect();
        self.sorted.pop_front(key, count);
        entries.iter().for_each(|entry| self.rows.leave(*entry));
        entries
    }

    fn memory_bytes(&self) -> usize {
        let tables = self.times.memory_bytes() + self.kinds.memory_bytes();
        self.rows.memory_bytes() + self.sorted.memory_bytes() + tables
    }
}

/// A batch that is being taken up.
struct Input<'a> {
    batch: &'a ChangeBatch,
    times: Int64Array,
    /// The times as sort keys.
    order: SortKeyBatch,
    keys: Vec<u32>,
    /// Rows whose key can meet others; none when all can.
    meeting: Option<NullBuffer>,
}

impl Input<'_> {
    fn meets(&self, row: usize) -> bool {
        self.meeting.as_ref().is_none_or(|rows| rows.is_valid(row))
    }
}

impl TemporalJoinOperator {
    /// # Errors
    /// When the condition can't be read, or a key's type can't be a key.
    pub fn new(
        spec: &TemporalJoinSpec,
        inputs: [&SchemaRef; 2],
        output: SchemaRef,
        expressions: &dyn ExpressionFactory,
    ) -> Result<TemporalJoinOperator> {
        let both = both_schemas(inputs);
        let condition = spec.condition.as_ref();
        let condition = condition.map(|expr| expressions.physical(expr, &both));
        TemporalJoinOperator::from_parts(spec, inputs, output, condition.transpose()?)
    }

    fn from_parts(
        spec: &TemporalJoinSpec,
        inputs: [&SchemaRef; 2],
        output: SchemaRef,
        condition: Option<Arc<dyn PhysicalExpr>>,
    ) -> Result<TemporalJoinOperator> {
        Ok(TemporalJoinOperator {
            spec: spec.clone(),
            condition,
            both: both_schemas(inputs),
            output,
            index: KeyIndex::new(types_at(inputs[0], &spec.keys[0]))?,
            sides: [TimedRows::new(inputs[0])?, TimedRows::new(inputs[1])?],
            timers: TimeTable::default(),
            due: ValueTable::default(),
            outdated: TimeTable::default(),
            emptied: Vec::new(),
            arrivals: ValueTable::default(),
            next_arrival: 0,
            pairs: Pairs::default(),
            metrics: Arc::default(),
        })
    }

    fn input<'a>(&mut self, side: usize, batch: &'a ChangeBatch) -> Result<Input<'a>> {
        let times = match self.spec.times {
            Some(times) => to_millis(batch.rows.column(times[side]))?,
            None => Int64Array::from_value(0, batch.num_rows()),
        };
        if times.null_count() > 0 {
            return Err(OperatorError::user(
                "RowTime field should not be null, please convert it to a non-null long value.",
            ));
        }
        let count = batch.num_rows();
        let columns = columns_at(batch, &self.spec.keys[side]);
        let mut keys = Vec::new();
        self.index.slots_for(&columns, count, &mut keys)?;
        let meeting = meeting_keys(&columns, &self.spec.null_meets_null);
        let end = self.index.slots_end();
        self.due.reserve_slots(end);
        for timed in &mut self.sides {
            timed.sorted.reserve_parents(end);
        }
        let order = [Arc::new(times.clone()) as ArrayRef];
        let order = self.sides[side].sorted.keys_of(&order, count);
        Ok(Input {
            batch,
            times,
            order: order?,
            keys,
            meeting,
        })
    }

    fn add_left(&mut self, input: &Input<'_>, row: usize) -> Result<()> {
        let (key, time) = (input.keys[row], input.times.value(row));
        let waiting = &mut self.sides[0];
        let entry = waiting.accept(row, time, input.batch.kind(row))?;
        waiting.sorted.insert(key, &input.order, row, entry);
        self.arrivals.reserve_slots(entry as usize + 1);
        self.arrivals.set(entry, self.next_arrival);
        self.next_arrival += 1;
        self.join_at(key, time);
        Ok(())
    }

    fn add_version(&mut self, input: &Input<'_>, row: usize) -> Result<()> {
        let (key, time) = (input.keys[row], input.times.value(row));
        if !input.meets(row) {
            self.emptied.push(key);
            return Ok(());
        }
        let versions = &mut self.sides[1];
        let entry = versions.accept(row, time, input.batch.kind(row))?;
        let place = versions.sorted.lower_bound(key, &input.order, row);
        let same = versions.sorted.get(key, place);
        match same.filter(|old| versions.times.get(*old) == time) {
            Some(old) => {
                versions.sorted.replace(key, old, entry);
                versions.rows.leave(old);
            }
            None => {
                versions.sorted.insert(key, &input.order, row, entry);
                self.outdated.at(time).push(key);
            }
        }
        self.join_at(key, time);
        Ok(())
    }

    /// By processing time: a row of either side, as it comes.
    fn add_now(&mut self, side: usize, input: &Input<'_>, row: usize) -> Result<()> {
        let (key, kind) = (input.keys[row], input.batch.kind(row));
        let [rows, versions] = &mut self.sides;
        let newest = versions.sorted.get(key, 0);
        if side == 0 {
            let version = newest.filter(|_| input.meets(row));
            if version.is_some() || self.spec.left_outer {
                let entry = rows.accept(row, 0, kind)?;
                rows.rows.leave(entry);
                self.pairs.left.push(entry);
                self.pairs.right.push(version.unwrap_or(NO_SLOT));
                self.pairs.kinds.push(kind);
            }
        } else if input.meets(row) {
            versions.pop_front(key, 1);
            if kind.is_accumulate() {
                let entry = versions.accept(row, 0, kind)?;
                versions.sorted.insert(key, &input.order, row, entry);
            }
        }
        if versions.sorted.len_of(key) == 0 {
            self.emptied.push(key);
        }
        Ok(())
    }

    /// The key is joined when the watermark reaches this time, or earlier.
    fn join_at(&mut self, key: u32, time: i64) {
        if self.due.get(key).is_none_or(|due| time < due) {
            self.due.set(key, Some(time));
            self.timers.at(time).push(key);
        }
    }

    fn pass(&mut self, watermark: Watermark) {
        while let Some((time, keys)) = self.timers.pop_until(watermark.0) {
            for key in keys {
                if self.due.get(key) == Some(time) {
                    self.due.set(key, None);
                    self.join_key(key, watermark.0);
                }
            }
        }
        while let Some((_, keys)) = self.outdated.pop_until(watermark.0) {
            for key in keys {
                let passed = self.sides[1].count_until(key, watermark.0);
                self.sides[1].pop_front(key, passed.saturating_sub(1));
            }
        }
        push_mark(&mut self.pairs.marks, self.pairs.left.len(), watermark);
    }

    /// Joins the rows of a key that the watermark has passed.
    fn join_key(&mut self, key: u32, watermark: i64) {
        let [waiting, versions] = &mut self.sides;
        let ready = waiting.count_until(key, watermark);
        let mut ready = waiting.pop_front(key, ready);
        ready.sort_unstable_by_key(|entry| self.arrivals.get(*entry));
        for entry in ready {
            let place = versions.count_until(key, waiting.times.get(entry));
            let version = place.checked_sub(1);
            let version = version.and_then(|place| versions.sorted.get(key, place));
            let is_row = |e: &u32| versions.kinds.get(*e).is_some_and(RowKind::is_accumulate);
            let version = version.filter(is_row);
            if version.is_some() || self.spec.left_outer {
                self.pairs.left.push(entry);
                self.pairs.right.push(version.unwrap_or(NO_SLOT));
                let kind = waiting.kinds.get(entry);
                self.pairs.kinds.push(kind.unwrap_or(RowKind::Insert));
            }
        }
        match waiting.sorted.get(key, 0) {
            Some(next) => {
                let time = waiting.times.get(next);
                self.join_at(key, time);
            }
            None => self.emptied.push(key),
        }
    }

    fn run(&mut self, out: &mut Output) -> Result<Step> {
        while self.pairs.shipped < self.pairs.left.len() {
            if out.is_full() {
                return Ok(Step::More);
            }
            self.ship_piece(out)?;
        }
        if self.pairs.left.is_empty() {
            self.pairs
                .marks
                .iter()
                .for_each(|m| out.watermark(m.watermark));
        }
        self.pairs = Pairs::default();
        for timed in &mut self.sides {
            timed.rows.forget_left();
        }
        for key in std::mem::take(&mut self.emptied) {
            let is_empty = |timed: &TimedRows| timed.sorted.len_of(key) == 0;
            if self.sides.iter().all(is_empty) && self.index.is_live(key) {
                self.due.set(key, None);
                self.index.remove(key);
            }
        }
        let rows: usize = self.sides.iter().map(|timed| timed.rows.len()).sum();
        let bytes: usize = self.sides.iter().map(TimedRows::memory_bytes).sum();
        let bytes = bytes + self.index.memory_bytes();
        self.metrics.set_state(rows, bytes);
        Ok(Step::Done)
    }

    fn ship_piece(&mut self, out: &mut Output) -> Result<()> {
        let start = self.pairs.shipped;
        let end = self.pairs.left.len().min(start + out.batch_rows());
        let count = end - start;
        let left = self.sides[0].rows.gather(&self.pairs.left[start..end])?;
        let mut versions = self.pairs.right[start..end].to_vec();
        let mut right = self.sides[1].rows.gather(&versions)?;
        let both = |left: &[ArrayRef], right: &[ArrayRef]| [left, right].concat();
        let mut kept = None;
        if let Some(condition) = &self.condition {
            let pairs = record_batch(&self.both, both(&left, &right), count)?;
            if let Some(mask) = evaluate_mask(condition, &pairs)? {
                if self.spec.left_outer {
                    let fails = versions.iter_mut().zip(mask.values());
                    fails
                        .filter(|(_, holds)| !holds)
                        .for_each(|(version, _)| *version = NO_SLOT);
                    right = self.sides[1].rows.gather(&versions)?;
                } else {
                    kept = Some(mask);
                }
            }
        }
        let mut rows = record_batch(&self.output, both(&left, &right), count)?;
        let mut kinds = self.pairs.kinds[start..end].to_vec();
        let mut marks = marks_of_piece(&self.pairs.marks, start, end);
        if let Some(mask) = kept {
            rows = filter_record_batch(&rows, &mask)?;
            let mut holds = mask.values().iter();
            kinds.retain(|_| holds.next().unwrap_or(false));
            marks = filter_marks(&marks, mask.values());
        }
        let mut made = ChangeBatch::with_kinds(rows, kinds);
        made.marks = marks;
        out.emit(made);
        self.pairs.shipped = end;
        Ok(())
    }
}

impl Operator for TemporalJoinOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        Ok(())
    }

    fn process(&mut self, side: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let input = self.input(side, &batch)?;
        let mut marks = batch.marks.iter().peekable();
        for row in 0..batch.num_rows() {
            while let Some(mark) = marks.next_if(|m| m.offset <= row) {
                self.pass(mark.watermark);
            }
            match side {
                _ if self.spec.times.is_none() => self.add_now(side, &input, row)?,
                0 => self.add_left(&input, row)?,
                _ => self.add_version(&input, row)?,
            }
        }
        for mark in marks {
            self.pass(mark.watermark);
        }
        self.sides[side].rows.write(batch.rows.columns())?;
        self.run(out)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        self.pass(watermark);
        self.run(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}

#[cfg(test)]
mod tests;
