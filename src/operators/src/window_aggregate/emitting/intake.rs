//! The rows of a batch on their way into their groups: which send at once, which later, and which come too late.

use arrow::array::{Int64Array, UInt32Array};
use filbert_types::ChangeBatch;

use super::{EmittingWindowAggregateOperator, Group};
use crate::aggregate::{Op, Rows};
use crate::error::Result;
use crate::output::Output;

/// A batch on its way through the operator.
pub(super) struct Input {
    pub(super) batch: ChangeBatch,
    pub(super) ends: Int64Array,
    pub(super) row: usize,
    pub(super) mark: usize,
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
    /// Takes the rows up to the next watermark at which something is due.
    pub(super) fn add_rows(&mut self, mut input: Input, out: &mut Output) -> Result<()> {
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
    pub(super) fn count(
        &mut self,
        batch: &ChangeBatch,
        rows: &[(u32, u32)],
    ) -> (Vec<Op>, Vec<bool>) {
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
                self.timers.at(due).push(*slot);
            }
            self.groups.set(*slot, group);
        }
        if fresh.is_empty() {
            return Ok(());
        }
        let values = self.slices.calls.values(&fresh)?;
        let all: Vec<u32> = (0..fresh.len() as u32).collect();
        let mut rows = Vec::new();
        self.sent.insert(&values, &all, &mut rows)?;
        for (slot, row) in fresh.iter().zip(rows) {
            let mut group = self.groups.get(*slot);
            group.sent_row = row + 1;
            self.groups.set(*slot, group);
        }
        Ok(())
    }
}
