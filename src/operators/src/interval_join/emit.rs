//! Pairs of a batch's rows with those of the other side, and rows that go out padded.

use arrow::array::{ArrayRef, BooleanArray, UInt32Array};
use arrow::compute::take;
use filbert_state::NO_SLOT;
use filbert_types::ChangeBatch;

use super::{IntervalJoinOperator, Work};
use crate::columns::record_batch;
use crate::error::Result;
use crate::output::Output;

/// Pairs of a row of the batch and a stored row of the other side; [`NO_SLOT`] for NULLs.
#[derive(Default)]
struct Pairs {
    rows: Vec<u32>,
    slots: Vec<u32>,
    /// Rows that have all their pairs.
    complete: std::ops::Range<usize>,
    /// Rows of the other side that were over when they were met.
    expired: Vec<u32>,
}

impl IntervalJoinOperator {
    /// Joins a piece of the rows up to `until`, between which no time passes.
    pub(super) fn join_rows(
        &mut self,
        work: &mut Work,
        until: usize,
        out: &mut Output,
    ) -> Result<()> {
        let mut pairs = self.find_pairs(work, until, out.batch_rows());
        let other = 1 - work.side;
        if !pairs.rows.is_empty() {
            let holds = match &self.condition {
                Some(condition) => condition.holds(
                    work.side,
                    &work.batch,
                    &pairs.rows,
                    &self.sides[other].rows,
                    &pairs.slots,
                )?,
                None => None,
            };
            keep(&mut pairs, holds.as_ref());
            for (row, slot) in pairs.rows.iter().zip(&pairs.slots) {
                work.matched[*row as usize] = true;
                self.sides[other].matched.set(*slot, true);
            }
        }
        let padded = self.store(work, pairs.complete.clone())?;
        pairs.slots.extend(padded.iter().map(|_| NO_SLOT));
        pairs.rows.extend(padded);
        if !pairs.rows.is_empty() {
            let picked = UInt32Array::from(pairs.rows);
            let columns = work.batch.rows.columns().iter();
            let own = columns.map(|c| Ok(take(c, &picked, None)?));
            let own = own.collect::<Result<Vec<ArrayRef>>>()?;
            let met = self.sides[other].rows.gather(&pairs.slots);
            let met = met?;
            let (left, right) = if work.side == 0 {
                (own, met)
            } else {
                (met, own)
            };
            self.emit(left, right, pairs.slots.len(), out)?;
        }
        self.let_go(other, pairs.expired);
        Ok(())
    }

    fn find_pairs(&mut self, work: &mut Work, until: usize, room: usize) -> Pairs {
        let mut pairs = Pairs {
            complete: work.row..work.row,
            ..Pairs::default()
        };
        let waits = self.sides[work.side].waits_ms;
        let other = &mut self.sides[1 - work.side];
        while work.row < until && pairs.rows.len() < room {
            let row = work.row;
            let last = work.times[row].saturating_add(waits);
            let key = work.keys[row];
            if work.meets[row] && (work.paired > 0 || other.expired_until < last) {
                let from = other.order.lower_bound(key, &work.first, row) + work.paired;
                let before = pairs.slots.len();
                let met = other.order.iter_from(key, from);
                let met = met.take_while(|slot| other.times.get(*slot) <= last);
                pairs.slots.extend(met.take(room - before));
                let count = pairs.slots.len() - before;
                pairs.rows.extend(std::iter::repeat_n(row as u32, count));
                if before + count == room {
                    work.paired += count;
                    break;
                }
                pairs.expired.extend(other.expire(key, self.now));
            }
            work.row += 1;
            work.paired = 0;
        }
        pairs.complete.end = work.row;
        pairs
    }

    /// Stores those of the rows that still wait; gives those that don't and go out padded.
    fn store(&mut self, work: &Work, complete: std::ops::Range<usize>) -> Result<Vec<u32>> {
        let never = self.is_empty_interval();
        let own = &mut self.sides[work.side];
        let (mut waiting, mut padded) = (Vec::new(), Vec::new());
        for row in complete {
            if !never && self.now < work.times[row].saturating_add(own.waits_ms) {
                waiting.push(row as u32);
            } else if own.outer && !work.matched[row] {
                padded.push(row as u32);
            }
        }
        let mut slots = Vec::new();
        own.rows
            .insert(work.batch.rows.columns(), &waiting, &mut slots)?;
        own.times.reserve_slots(own.rows.slots_end());
        own.matched.reserve_slots(own.rows.slots_end());
        for (row, slot) in waiting.iter().zip(slots) {
            let row = *row as usize;
            let (key, time) = (work.keys[row], work.times[row]);
            let own = &mut self.sides[work.side];
            own.times.set(slot, time);
            own.matched.set(slot, work.matched[row]);
            own.order.insert(key, &work.sort_keys, row, slot);
            if own.timer_of(key).is_none() {
                self.set_timer(work.side, key, time);
            }
        }
        Ok(padded)
    }

    /// A piece of the rows that go out padded with NULL.
    pub(super) fn emit_pads(&mut self, out: &mut Output) -> Result<()> {
        let end = self.pads.len().min(self.pads_done + out.batch_rows());
        let pads = self.pads[self.pads_done..end].to_vec();
        self.pads_done = end;
        let columns = |side: usize| {
            let slots = pads.iter();
            let slots = slots.map(|(of, slot)| if *of == side { *slot } else { NO_SLOT });
            let slots: Vec<u32> = slots.collect();
            self.sides[side].rows.gather(&slots)
        };
        let (left, right) = (columns(0)?, columns(1)?);
        self.emit(left, right, pads.len(), out)?;
        for (side, slot) in pads {
            self.sides[side].rows.remove(slot);
        }
        Ok(())
    }

    fn emit(
        &self,
        left: Vec<ArrayRef>,
        right: Vec<ArrayRef>,
        rows: usize,
        out: &mut Output,
    ) -> Result<()> {
        let columns = left.into_iter().chain(right).collect();
        let rows = record_batch(&self.output, columns, rows)?;
        out.emit(ChangeBatch::insert(rows));
        Ok(())
    }
}

/// Keeps the pairs for which the condition holds.
fn keep(pairs: &mut Pairs, holds: Option<&BooleanArray>) {
    let Some(holds) = holds else {
        return;
    };
    let mut places = 0..holds.len();
    pairs
        .rows
        .retain(|_| places.next().is_some_and(|i| holds.value(i)));
    let mut places = 0..holds.len();
    pairs
        .slots
        .retain(|_| places.next().is_some_and(|i| holds.value(i)));
}
