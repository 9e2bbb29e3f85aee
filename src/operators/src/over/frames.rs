//! The rows of each partition's frames: which enter and leave the accumulators for each row, and when a row's frame is
//! complete.

use filbert_graph::spec::{OverBound, OverFrame};
use filbert_state::{SortedTable, ValueTable};
use filbert_types::RowKind;

use super::steps::Steps;
use crate::aggregate::Op;
use crate::stored_rows::{StoredChanges, StoredRows};

/// Positions in the list of a partition's rows, which is in the order of time.
pub(super) struct Frames {
    frame: OverFrame,
    /// Rows before this one have entered the accumulators.
    added: ValueTable<u32>,
    /// Rows before this one have left them.
    retracted: ValueTable<u32>,
    /// Rows before this one have gone out.
    emitted: ValueTable<u32>,
    /// Each row is looked at once more when its value is taken.
    pub reads_current: bool,
}

/// What frames work on: the rows' order, where a partition's list has the number after its own, and their times.
pub(super) struct Window<'a> {
    pub order: &'a mut SortedTable,
    pub times: &'a ValueTable<i64>,
    pub rows: &'a mut StoredRows,
    pub steps: &'a mut Steps,
    pub changes: &'a mut StoredChanges,
    /// All rows up to this time have come.
    pub complete_until: i64,
}

/// The list of a partition's rows.
pub(super) const fn list_of(partition: u32) -> u32 {
    partition + 1
}

impl Frames {
    pub fn new(frame: OverFrame) -> Frames {
        Frames {
            frame,
            added: ValueTable::default(),
            retracted: ValueTable::default(),
            emitted: ValueTable::default(),
            reads_current: false,
        }
    }

    pub fn reserve(&mut self, partitions_end: usize) {
        for table in [&mut self.added, &mut self.retracted, &mut self.emitted] {
            table.reserve_slots(partitions_end);
        }
    }

    pub fn reset(&mut self, partition: u32) {
        for table in [&mut self.added, &mut self.retracted, &mut self.emitted] {
            table.reset(partition);
        }
    }

    /// True when a frame reaches behind its row, so that rows wait.
    pub fn waits(&self) -> bool {
        matches!(self.frame.end, OverBound::Offset(end) if end > 0)
    }

    /// How far behind a row its frame reaches, for RANGE.
    pub fn range_after(&self) -> Option<i64> {
        match self.frame.end {
            OverBound::Offset(end) if !self.frame.rows => Some(end),
            _ => None,
        }
    }

    /// How far before a row its frame reaches, for a bounded RANGE.
    pub fn range_before(&self) -> Option<i64> {
        match self.frame.start {
            OverBound::Offset(start) if !self.frame.rows => Some(-start),
            _ => None,
        }
    }

    pub fn is_unbounded(&self) -> bool {
        self.frame.start == OverBound::UnboundedPreceding
    }

    /// Sends the rows out whose frames are complete, until there are enough steps; false when there is more.
    pub fn advance(&mut self, partition: u32, window: &mut Window<'_>, steps_max: usize) -> bool {
        let list = list_of(partition);
        let length = window.order.len_of(list);
        let mut at = Positions {
            added: self.added.get(partition) as usize,
            retracted: self.retracted.get(partition) as usize,
            emitted: self.emitted.get(partition) as usize,
        };
        let mut is_done = true;
        let mut last_step = None;
        while at.emitted < length {
            if window.steps.len() >= steps_max {
                is_done = false;
                break;
            }
            let Some(current) = window.order.get(list, at.emitted) else {
                break;
            };
            let Some(end) = self.end(&at, current, list, length, window) else {
                break;
            };
            let start = self.start(&at, current, list, length, window);
            let before = window.steps.len();
            self.leave(&mut at, start, list, partition, window);
            for entry in window
                .order
                .iter_from(list, at.added)
                .take(end.saturating_sub(at.added))
            {
                window.steps.push(partition, entry, Op::Add);
            }
            at.added = at.added.max(end);
            self.leave(&mut at, start, list, partition, window);
            if window.steps.len() > before {
                last_step = Some(window.steps.len() - 1);
            }
            let step = match last_step.filter(|_| !self.reads_current) {
                Some(step) => step,
                None => {
                    window.steps.push(partition, current, Op::Skip);
                    window.steps.len() - 1
                }
            };
            last_step = Some(step);
            window.steps.output(step);
            window.changes.push(RowKind::Insert, current);
            at.emitted += 1;
        }
        self.drop_front(partition, at, window);
        is_done
    }

    /// The position behind the frame's last row; none while it isn't known.
    fn end(
        &self,
        at: &Positions,
        current: u32,
        list: u32,
        length: usize,
        window: &Window<'_>,
    ) -> Option<usize> {
        let OverBound::Offset(offset) = self.frame.end else {
            return Some(length);
        };
        if self.frame.rows {
            let end = at.emitted as i64 + offset + 1;
            let is_known = end <= length as i64 || window.complete_until == i64::MAX;
            return is_known.then(|| end.clamp(0, length as i64) as usize);
        }
        let until = window.times.get(current).saturating_add(offset);
        if offset > 0 && until > window.complete_until {
            return None;
        }
        let more = window.order.iter_from(list, at.added);
        let more = more.take_while(|entry| window.times.get(*entry) <= until);
        Some(at.added + more.count())
    }

    /// The position of the frame's first row.
    fn start(
        &self,
        at: &Positions,
        current: u32,
        list: u32,
        length: usize,
        window: &Window<'_>,
    ) -> usize {
        let OverBound::Offset(offset) = self.frame.start else {
            return 0;
        };
        if self.frame.rows {
            return (at.emitted as i64 + offset).clamp(0, length as i64) as usize;
        }
        let from = window.times.get(current).saturating_add(offset);
        let gone = window.order.iter_from(list, at.retracted);
        at.retracted + gone.take_while(|e| window.times.get(*e) < from).count()
    }

    /// Rows before the frame's start leave, as far as they have entered.
    fn leave(
        &self,
        at: &mut Positions,
        start: usize,
        list: u32,
        partition: u32,
        window: &mut Window<'_>,
    ) {
        let until = start.min(at.added);
        let leaving = until.saturating_sub(at.retracted);
        for entry in window.order.iter_from(list, at.retracted).take(leaving) {
            window.steps.push(partition, entry, Op::Retract);
        }
        at.retracted += leaving;
    }

    /// Forgets the rows at the front that nobody needs any more.
    fn drop_front(&mut self, partition: u32, at: Positions, window: &mut Window<'_>) {
        let list = list_of(partition);
        let passed = if self.is_unbounded() {
            at.added
        } else {
            at.retracted
        };
        let gone = at.emitted.min(passed);
        for entry in window.order.iter_from(list, 0).take(gone) {
            window.rows.leave(entry);
        }
        window.order.pop_front(list, gone);
        self.added.set(partition, (at.added - gone) as u32);
        self.retracted
            .set(partition, at.retracted.saturating_sub(gone) as u32);
        self.emitted.set(partition, (at.emitted - gone) as u32);
    }
}

struct Positions {
    added: usize,
    retracted: usize,
    emitted: usize,
}
