//! GROUP BY window and keys whose results are sent before the window's end and updated after it (`table.exec.emit.*`).
//!
//! - State: by window and key, the number of rows, each call's accumulator, and, while what was sent is no longer so, the
//!   values that were sent. A window is kept until the watermark has passed its end by the allowed lateness.
//! - Changelog: takes any; emits +I for a window's first result, -U (where the consumer needs it) and +U when it differs
//!   from what was sent, -D when its rows have been retracted.
//! - Before its end a window's result goes out after every row, or every `early_ms` by the clock, counted from the key's
//!   first row; when the watermark passes its end, if it has not gone out or has changed; then again after every late row
//!   or every `late_ms`. What has changed and not gone out when the window is forgotten goes out then. (In Flink it is
//!   lost.) As in Flink, a key whose first row comes after the window's end sends after every row.
//! - Rows behind the allowed lateness are dropped and counted, and go to the side output `late-data`.
//! - Over processing time windows end by the clock, or with the input; no row is late.
//! - Cost: as GROUP BY with the window as a key.

mod changes;

use std::sync::Arc;

use arrow::array::{Array, Int64Array, UInt32Array};
use arrow::datatypes::{DataType, SchemaRef};
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::{WindowAggregateSpec, WindowEmitSpec};
use filbert_state::{RowTable, TimeTable, ValueTable};
use filbert_types::{ChangeBatch, Clock, Watermark};

use super::slices::Slices;
use crate::aggregate::{Op, Rows};
use crate::context::OperatorContext;
use crate::error::{OperatorError, Result};
use crate::group_aggregate::state_error;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::watermark_assigner::to_millis;
use crate::windows::WindowAssigner;

pub struct EmittingWindowAggregateOperator {
    spec: WindowAggregateSpec,
    emit: WindowEmitSpec,
    assigner: WindowAssigner,
    output: SchemaRef,
    slices: Slices,
    groups: ValueTable<Group>,
    /// What was sent of the groups that have changed since.
    sent: RowTable,
    /// Groups by the instant of the clock at which they send.
    timers: TimeTable<Vec<u32>>,
    /// The greatest watermark seen; over processing time the instant up to which windows have ended.
    progress: i64,
    /// The end of the last window that has fired.
    fired_end: i64,
    clock: Option<Arc<dyn Clock>>,
    input: Option<Input>,
    sending: Option<Sending>,
    /// Passes on when nothing is due any more.
    passing: Option<Watermark>,
    metrics: Arc<OperatorMetrics>,
}

/// What stands beside a group's accumulators.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    window_end: i64,
    /// A result of it has been sent and not been deleted.
    is_sent: bool,
    /// It may differ from what was sent.
    is_changed: bool,
    /// Where what was sent is kept, plus one; 0 for nowhere.
    sent_row: u32,
    /// Its window has ended since its first row.
    has_fired: bool,
    /// When the clock's periods began, and at which instant it sends; 0 for none.
    began_ms: i64,
    due_ms: i64,
}

/// A batch on its way through the operator.
struct Input {
    batch: ChangeBatch,
    ends: Int64Array,
    row: usize,
    mark: usize,
}

/// Groups that send, in pieces.
struct Sending {
    slots: Vec<u32>,
    done: usize,
    /// They are forgotten behind it.
    forgets: bool,
}

/// When a row's group sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Now,
    /// By the clock.
    Every(u64),
    /// When the window ends.
    AtEnd,
}

/// The rows of a batch up to a watermark that changes something.
#[derive(Default)]
struct Segment {
    now: Vec<u32>,
    later: Vec<u32>,
    late: Vec<u32>,
    /// The watermark at which something is due.
    due: i64,
}

impl EmittingWindowAggregateOperator {
    /// # Errors
    /// When the window's parameters make no windows, or a function isn't there for its arguments.
    pub fn new(
        spec: &WindowAggregateSpec,
        emit: WindowEmitSpec,
        input: &SchemaRef,
        output: SchemaRef,
        functions: &FunctionRegistry,
    ) -> Result<EmittingWindowAggregateOperator> {
        let keys = spec.keys.iter();
        let keys = keys.map(|k| input.field(*k).data_type().clone()).collect();
        let results = spec.keys.len()..spec.keys.len() + spec.calls.len();
        let results: Vec<DataType> = results
            .map(|i| output.field(i).data_type().clone())
            .collect();
        Ok(EmittingWindowAggregateOperator {
            assigner: WindowAssigner::new(&spec.window, spec.time_zone.as_deref())?,
            slices: Slices::new(keys, &spec.calls, spec.input_retracts, functions)?,
            groups: ValueTable::default(),
            sent: RowTable::new(&results),
            timers: TimeTable::default(),
            spec: spec.clone(),
            emit,
            output,
            progress: i64::MIN,
            fired_end: i64::MIN,
            clock: None,
            input: None,
            sending: None,
            passing: None,
            metrics: Arc::default(),
        })
    }

    /// Goes on until all is done or the output is full.
    fn run(&mut self, out: &mut Output) -> Result<Step> {
        loop {
            if let Some(sending) = self.sending.take()
                && let Some(rest) = self.send(sending, out)?
            {
                self.sending = Some(rest);
                return Ok(Step::More);
            }
            if let Some(due) = self.next_due() {
                self.sending = Some(due);
                continue;
            }
            if let Some(watermark) = self.passing.take() {
                out.watermark(watermark);
            }
            let Some(input) = self.input.take() else {
                self.measure();
                return Ok(Step::Done);
            };
            self.add_rows(input, out)?;
        }
    }

    /// The window that ends or is forgotten next, if that is due.
    fn next_due(&mut self) -> Option<Sending> {
        let ends = self.slices.end_after(self.fired_end);
        let ends = ends.filter(|end| self.assigner.fires_at(*end) <= self.progress);
        let goes = self.slices.first_end();
        let goes = goes.filter(|end| self.forgotten_at(*end) <= self.progress);
        if let Some(end) = ends
            && goes.is_none_or(|goes| self.forgotten_at(goes) >= self.assigner.fires_at(end))
        {
            self.fired_end = end;
            let slots = self.slices.slots_of(end);
            for slot in &slots {
                let mut group = self.groups.get(*slot);
                group.has_fired = true;
                (group.began_ms, group.due_ms) = (0, 0);
                self.groups.set(*slot, group);
            }
            let slots = slots.into_iter().filter(|slot| self.must_send(*slot));
            return Some(Sending {
                slots: slots.collect(),
                done: 0,
                forgets: false,
            });
        }
        Some(Sending {
            slots: self.slices.pop_until(goes?)?,
            done: 0,
            forgets: true,
        })
    }

    fn must_send(&self, slot: u32) -> bool {
        let group = self.groups.get(slot);
        group.is_changed || (!group.is_sent && self.slices.has_rows(slot))
    }

    /// The watermark at which a window takes no more rows.
    fn forgotten_at(&self, end: i64) -> i64 {
        let lateness = i64::try_from(self.emit.lateness_ms).unwrap_or(i64::MAX);
        self.assigner.fires_at(end).saturating_add(lateness)
    }

    /// Takes the rows up to the next watermark at which something is due.
    fn add_rows(&mut self, mut input: Input, out: &mut Output) -> Result<()> {
        let mut segment = Segment {
            due: self.due_at(),
            ..Segment::default()
        };
        let marks = std::mem::take(&mut input.batch.marks);
        // Watermarks that pass by rows which have not been applied yet.
        let mut passed = None;
        loop {
            while let Some(mark) = marks
                .get(input.mark)
                .copied()
                .filter(|m| m.offset <= input.row)
            {
                input.mark += 1;
                if !self.spec.proctime {
                    self.progress = self.progress.max(mark.watermark.0);
                }
                // What goes out for the rows before it must not come behind it.
                if !segment.now.is_empty() || self.progress >= segment.due {
                    self.apply(&input.batch, &input.ends, &segment, out)?;
                    self.passing = Some(mark.watermark);
                    input.batch.marks = marks;
                    self.input = Some(input);
                    return Ok(());
                }
                passed = Some(mark.watermark);
            }
            if let Some(watermark) = passed.take() {
                out.watermark(watermark);
            }
            if input.row == input.batch.num_rows() {
                return self.apply(&input.batch, &input.ends, &segment, out);
            }
            self.classify(&input, &mut segment);
            input.row += 1;
        }
    }

    fn classify(&self, input: &Input, segment: &mut Segment) {
        let row = input.row as u32;
        let end = input.ends.value(input.row);
        let is_over = !self.spec.proctime && self.assigner.fires_at(end) <= self.progress;
        if is_over && self.forgotten_at(end) <= self.progress {
            segment.late.push(row);
            return;
        }
        let due = match is_over {
            true => self.forgotten_at(end),
            false => self.assigner.fires_at(end),
        };
        if !self.spec.proctime {
            segment.due = segment.due.min(due);
        }
        // Whether its group sends at once is looked at when the group is known.
        match (is_over, self.emit.early_ms) {
            (true, _) | (false, Some(0)) => segment.now.push(row),
            _ => segment.later.push(row),
        }
    }

    /// The watermark at which a window ends or is forgotten.
    fn due_at(&self) -> i64 {
        if self.spec.proctime {
            return i64::MAX;
        }
        let ends = self.slices.end_after(self.fired_end);
        let ends = ends.map(|end| self.assigner.fires_at(end));
        let goes = self.slices.first_end().map(|end| self.forgotten_at(end));
        let (ends, goes) = (ends.unwrap_or(i64::MAX), goes.unwrap_or(i64::MAX));
        ends.min(goes)
    }

    fn apply(
        &mut self,
        batch: &ChangeBatch,
        ends: &Int64Array,
        segment: &Segment,
        out: &mut Output,
    ) -> Result<()> {
        if !segment.late.is_empty() {
            self.metrics
                .late_records_dropped
                .add(segment.late.len() as u64);
            out.emit_side(0, batch.take(&UInt32Array::from(segment.late.clone()))?);
        }
        let (mut now, mut later) = (Vec::new(), Vec::new());
        for (rows, all_now) in [(&segment.now, true), (&segment.later, false)] {
            let slots = self.locate(batch, ends, rows)?;
            for (row, slot) in rows.iter().zip(slots) {
                match all_now && self.moment(slot) == Moment::Now {
                    true => now.push((*row, slot)),
                    false => later.push((*row, slot)),
                }
            }
        }
        // Of one group all rows come now, or all later.
        self.add_later(batch, &later)?;
        self.add_now(batch, &now, out)
    }

    fn locate(&mut self, batch: &ChangeBatch, ends: &Int64Array, rows: &[u32]) -> Result<Vec<u32>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let taken = batch.take(&UInt32Array::from(rows.to_vec()))?;
        let ends: Vec<i64> = rows.iter().map(|row| ends.value(*row as usize)).collect();
        let slots = self.slices.locate(&taken, &self.spec.keys, &ends)?;
        self.groups.reserve_slots(self.slices.index.slots_end());
        for (slot, end) in slots.iter().zip(ends) {
            let group = self.groups.get(*slot);
            self.groups.set(
                *slot,
                Group {
                    window_end: end,
                    ..group
                },
            );
        }
        Ok(slots)
    }

    fn moment(&self, slot: u32) -> Moment {
        let group = self.groups.get(slot);
        let is_over =
            !self.spec.proctime && self.assigner.fires_at(group.window_end) <= self.progress;
        let every = match (is_over, group.has_fired) {
            (false, _) => self.emit.early_ms,
            (true, true) => self.emit.late_ms,
            (true, false) => Some(0),
        };
        match every {
            None => Moment::AtEnd,
            Some(0) => Moment::Now,
            Some(ms) => Moment::Every(ms),
        }
    }

    /// Counts rows; what each does to its group, and whether it takes the group's last row away.
    fn count(&mut self, batch: &ChangeBatch, rows: &[(u32, u32)]) -> (Vec<Op>, Vec<bool>) {
        let counts = self.slices.counts.values_mut();
        let mut unknown = 0;
        let mut ops = Vec::with_capacity(rows.len());
        let mut empties = Vec::with_capacity(rows.len());
        for (row, slot) in rows {
            let count = &mut counts[*slot as usize];
            let op = match Op::of(batch.kind(*row as usize)) {
                Op::Retract if *count <= 0 => {
                    unknown += 1;
                    Op::Skip
                }
                op => op,
            };
            *count += match op {
                Op::Add => 1,
                Op::Retract => -1,
                Op::Skip => 0,
            };
            ops.push(op);
            empties.push(op == Op::Retract && *count == 0);
        }
        self.metrics.unknown_retractions.add(unknown);
        (ops, empties)
    }

    /// Adds rows whose groups send later.
    fn add_later(&mut self, batch: &ChangeBatch, rows: &[(u32, u32)]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let slots: Vec<u32> = rows.iter().map(|(_, slot)| *slot).collect();
        self.touch(&slots)?;
        let (ops, _) = self.count(batch, rows);
        let taken = UInt32Array::from_iter_values(rows.iter().map(|(row, _)| *row));
        let taken = batch.take(&taken)?;
        self.slices.calls.update(
            Rows {
                slots: &slots,
                ops: batch.kinds.is_some().then_some(ops.as_slice()),
                resets: None,
            },
            taken.rows.columns(),
        )
    }

    /// Notes what these groups have sent, and when they send next.
    fn touch(&mut self, slots: &[u32]) -> Result<()> {
        let mut fresh = Vec::new();
        let now = self.clock.as_ref().map_or(0, |clock| clock.now_ms());
        for slot in slots {
            let mut group = self.groups.get(*slot);
            if !group.is_changed {
                group.is_changed = true;
                if group.is_sent {
                    fresh.push(*slot);
                }
            }
            if let Moment::Every(ms) = self.moment(*slot)
                && group.due_ms == 0
            {
                let every = i64::try_from(ms).unwrap_or(i64::MAX);
                if group.began_ms == 0 {
                    group.began_ms = now;
                }
                let periods = (now - group.began_ms) / every + 1;
                let due = group.began_ms.saturating_add(periods.saturating_mul(every));
                group.due_ms = due;
                let timer = self.timers.at(due, || Ok::<_, OperatorError>(Vec::new()))?;
                timer.push(*slot);
            }
            self.groups.set(*slot, group);
        }
        if fresh.is_empty() {
            return Ok(());
        }
        let values = self.slices.calls.values(&fresh)?;
        let all: Vec<u32> = (0..fresh.len() as u32).collect();
        let mut rows = Vec::new();
        self.sent
            .insert(&values, &all, &mut rows)
            .map_err(state_error)?;
        for (slot, row) in fresh.iter().zip(rows) {
            let mut group = self.groups.get(*slot);
            group.sent_row = row + 1;
            self.groups.set(*slot, group);
        }
        Ok(())
    }

    /// Sends groups; what is left when the output is full.
    fn send(&mut self, mut sending: Sending, out: &mut Output) -> Result<Option<Sending>> {
        while sending.done < sending.slots.len() {
            if out.is_full() {
                return Ok(Some(sending));
            }
            let until = (sending.done + out.batch_rows()).min(sending.slots.len());
            let piece = &sending.slots[sending.done..until];
            if piece.iter().any(|slot| self.must_send(*slot)) {
                out.emit(self.net_changes(piece)?);
            }
            sending.done = until;
        }
        if sending.forgets {
            self.slices.release(&sending.slots);
            for slot in &sending.slots {
                self.groups.reset(*slot);
            }
        }
        Ok(None)
    }

    /// The clock has reached groups' instants.
    fn ring(&mut self, now_ms: i64) {
        let mut slots = Vec::new();
        while let Some((at, due)) = self.timers.pop_until(now_ms) {
            for slot in due {
                let mut group = self.groups.get(slot);
                if group.due_ms == at {
                    group.due_ms = 0;
                    self.groups.set(slot, group);
                    slots.push(slot);
                }
            }
        }
        slots.retain(|slot| self.must_send(*slot));
        self.sending = Some(Sending {
            slots,
            done: 0,
            forgets: false,
        });
    }

    fn measure(&self) {
        self.metrics.state_rows.set(self.slices.len() as u64);
        let bytes =
            self.slices.memory_bytes() + self.groups.memory_bytes() + self.sent.memory_bytes();
        self.metrics.state_bytes.set(bytes as u64);
    }
}

impl Operator for EmittingWindowAggregateOperator {
    fn side_outputs(&self) -> &'static [&'static str] {
        &["late-data"]
    }

    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        self.clock = Some(Arc::clone(&ctx.clock));
        Ok(())
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let ends = to_millis(batch.rows.column(self.spec.time))?;
        if ends.null_count() > 0 {
            return Err(OperatorError::engine("A row without its window's end."));
        }
        self.input = Some(Input {
            ends,
            batch,
            row: 0,
            mark: 0,
        });
        self.run(out)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        if !self.spec.proctime {
            self.progress = self.progress.max(watermark.0);
        }
        self.passing = Some(watermark);
        self.run(out)
    }

    fn next_timer(&self) -> Option<i64> {
        let end = self.slices.first_end().filter(|_| self.spec.proctime);
        let end = end.map(|end| self.assigner.fires_at(end) + 1);
        match (self.timers.first_time(), end) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn timer(&mut self, now_ms: i64, out: &mut Output) -> Result<Step> {
        if self.spec.proctime {
            self.progress = self.progress.max(now_ms - 1);
        }
        self.ring(now_ms);
        self.run(out)
    }

    fn end_input(&mut self, _input: usize, out: &mut Output) -> Result<Step> {
        // Flink forgets the windows that are open in processing time when the input ends; here they count.
        if self.spec.proctime {
            self.progress = i64::MAX;
        }
        self.run(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}

#[cfg(test)]
mod tests;
