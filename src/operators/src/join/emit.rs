//! What goes out for a batch's rows, once their matches are known.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, UInt32Array};
use arrow::compute::take;
use filbert_graph::spec::JoinKind;
use filbert_state::NO_SLOT;
use filbert_types::{ChangeBatch, RowKind, WatermarkMark};

use crate::columns::record_batch;
use crate::error::Result;
use crate::join::JoinOperator;
use crate::join::probe::Work;
use crate::marks::push_mark;
use crate::output::Output;

/// The rows that go out, as pairs of a row of the batch and a stored row of the other side; [`NO_SLOT`] for NULLs.
#[derive(Default)]
struct Picks {
    input: Vec<u32>,
    other: Vec<u32>,
    kinds: Vec<RowKind>,
    /// Of a mark join, the mark of each.
    found: Vec<bool>,
    marks: Vec<WatermarkMark>,
}

impl Picks {
    fn push(&mut self, input: u32, other: u32, kind: RowKind) {
        self.input.push(input);
        self.other.push(other);
        self.kinds.push(kind);
    }

    fn push_mark_row(&mut self, input: u32, other: u32, found: bool, kind: RowKind) {
        self.push(input, other, kind);
        self.found.push(found);
    }

    fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Passes on the marks of the batch up to this row.
    fn pass_marks(&mut self, work: &mut Work, row: usize) {
        while let Some(mark) = work.batch.marks.get(work.marks_done) {
            if mark.offset > row {
                return;
            }
            push_mark(&mut self.marks, self.kinds.len(), mark.watermark);
            work.marks_done += 1;
        }
    }
}

impl JoinOperator {
    /// Emits a batch of what the complete rows cause.
    pub(super) fn emit_rows(&mut self, work: &mut Work, out: &mut Output) -> Result<()> {
        let mut picks = Picks::default();
        while work.at.row < work.complete_end() && picks.len() < out.batch_rows() {
            let row = work.at.row;
            picks.pass_marks(work, row);
            if self.emit_row(work, &mut picks, out.batch_rows()) {
                work.at.row += 1;
                work.at.matched = 0;
            }
        }
        if work.at.row == work.complete_end() {
            work.next_rows();
        }
        if work.at.row == work.batch.num_rows() {
            picks.pass_marks(work, usize::MAX);
        }
        if picks.len() == 0 {
            picks.marks.iter().for_each(|m| out.watermark(m.watermark));
            return Ok(());
        }
        out.emit(self.gather(work, picks)?);
        Ok(())
    }

    /// Emits what a row causes; false when there is more than fits.
    fn emit_row(&mut self, work: &mut Work, picks: &mut Picks, rows_max: usize) -> bool {
        let input_is_left = work.input == 0;
        match self.kind {
            JoinKind::Inner | JoinKind::Left | JoinKind::Right | JoinKind::Full => {
                self.emit_pairs(work, picks, rows_max)
            }
            JoinKind::Semi | JoinKind::Anti | JoinKind::Mark if input_is_left => {
                self.emit_left(work, picks);
                true
            }
            JoinKind::Semi | JoinKind::Anti | JoinKind::Mark => {
                self.emit_decided(work, picks, rows_max)
            }
        }
    }

    fn emit_pairs(&mut self, work: &mut Work, picks: &mut Picks, rows_max: usize) -> bool {
        let row = work.at.row;
        let input_kind = work.batch.kind(row);
        let accumulates = input_kind.is_accumulate();
        let input_outer = self.sides[work.input].counts_matches();
        let other_outer = self.sides[1 - work.input].counts_matches();
        let written = match (accumulates, input_outer, other_outer) {
            (true, false, false) | (false, false, _) => input_kind,
            (true, _, _) => RowKind::Insert,
            (false, true, _) => RowKind::Delete,
        };
        let matches = work.matches_of(row);
        if matches.is_empty() && input_outer {
            picks.push(row as u32, NO_SLOT, written);
        }
        let replaces = work.stored.replaces.get(row).copied().unwrap_or(false);
        let pairs = self.pairs[work.input] && other_outer;
        if pairs {
            self.versions.begin(row, work.next_version(row));
        }
        let versions = &mut self.versions;
        let other = &mut self.sides[1 - work.input];
        let mut at = work.at;
        while let Some(slot) = matches.get(at.matched).copied() {
            if picks.len() >= rows_max {
                work.at = at;
                return false;
            }
            let before = other.matches(slot);
            if accumulates && other_outer && before == 0 && !versions.keeps(slot) {
                picks.push(NO_SLOT, slot, RowKind::Delete);
            }
            picks.push(row as u32, slot, written);
            if !accumulates && other_outer && before == 1 && !versions.goes_on(slot) {
                picks.push(NO_SLOT, slot, RowKind::Insert);
            }
            at.copy += 1;
            if at.copy < other.copies(slot) {
                continue;
            }
            if other_outer {
                let after = counted(before, accumulates, replaces);
                other.set_matches(slot, after, work.now_ms);
            }
            at.copy = 0;
            at.matched += 1;
        }
        if pairs {
            versions.end(accumulates);
        }
        let has_matches = accumulates.then(|| self.count_matches(work));
        self.set_own_matches(work, has_matches);
        work.at.copy = 0;
        true
    }

    /// A left row of a semi, anti or mark join.
    fn emit_left(&mut self, work: &mut Work, picks: &mut Picks) {
        let row = work.at.row;
        let kind = work.batch.kind(row);
        let found = !work.matches_of(row).is_empty();
        match self.kind {
            JoinKind::Mark => picks.push_mark_row(row as u32, NO_SLOT, found, kind),
            JoinKind::Anti if !found => picks.push(row as u32, NO_SLOT, kind),
            JoinKind::Semi if found => picks.push(row as u32, NO_SLOT, kind),
            _ => {}
        }
        let matches = kind.is_accumulate().then(|| self.count_matches(work));
        self.set_own_matches(work, matches);
    }

    /// A right row of a semi, anti or mark join: the left rows that it decides.
    fn emit_decided(&mut self, work: &mut Work, picks: &mut Picks, rows_max: usize) -> bool {
        let row = work.at.row;
        let input_kind = work.batch.kind(row);
        let accumulates = input_kind.is_accumulate();
        let replaces = work.stored.replaces.get(row).copied().unwrap_or(false);
        let matches = work.matches_of(row);
        let left = &mut self.sides[0];
        let mut at = work.at;
        while let Some(slot) = matches.get(at.matched).copied() {
            if picks.len() >= rows_max {
                work.at = at;
                return false;
            }
            let before = left.matches(slot);
            if before == u32::from(!accumulates) {
                match self.kind {
                    JoinKind::Mark => {
                        picks.push_mark_row(NO_SLOT, slot, !accumulates, RowKind::Delete);
                        picks.push_mark_row(NO_SLOT, slot, accumulates, RowKind::Insert);
                    }
                    JoinKind::Anti if accumulates => picks.push(NO_SLOT, slot, RowKind::Delete),
                    JoinKind::Anti => picks.push(NO_SLOT, slot, RowKind::Insert),
                    _ => picks.push(NO_SLOT, slot, input_kind),
                }
            }
            at.copy += 1;
            if at.copy < left.copies(slot) {
                continue;
            }
            left.set_matches(slot, counted(before, accumulates, replaces), work.now_ms);
            at.copy = 0;
            at.matched += 1;
        }
        work.at.copy = 0;
        true
    }

    fn count_matches(&self, work: &Work) -> u32 {
        let other = &self.sides[1 - work.input];
        let matches = work.matches_of(work.at.row).iter();
        matches.map(|slot| other.copies(*slot)).sum()
    }

    fn set_own_matches(&mut self, work: &Work, matches: Option<u32>) {
        if let (Some(count), Some(slot)) = (matches, work.stored.slots.get(work.at.row)) {
            self.sides[work.input].set_matches(*slot, count, work.now_ms);
        }
    }

    fn gather(&self, work: &Work, picks: Picks) -> Result<ChangeBatch> {
        let other = &self.sides[1 - work.input];
        let input_columns = || -> Result<Vec<ArrayRef>> {
            let rows: UInt32Array = picks
                .input
                .iter()
                .map(|row| (*row != NO_SLOT).then_some(*row))
                .collect();
            let columns = work.batch.rows.columns().iter();
            Ok(columns
                .map(|column| take(column, &rows, None))
                .collect::<Result<_, _>>()?)
        };
        let other_columns = || -> Result<Vec<ArrayRef>> { Ok(other.rows.gather(&picks.other)?) };
        let columns = match (self.kind, work.input) {
            (JoinKind::Semi | JoinKind::Anti, 0) => input_columns()?,
            (JoinKind::Semi | JoinKind::Anti, _) => other_columns()?,
            (JoinKind::Mark, side) => {
                let mut columns = if side == 0 {
                    input_columns()?
                } else {
                    other_columns()?
                };
                columns.push(Arc::new(BooleanArray::from(picks.found.clone())));
                columns
            }
            (_, 0) => [input_columns()?, other_columns()?].concat(),
            (_, _) => [other_columns()?, input_columns()?].concat(),
        };
        let rows = record_batch(&self.output, columns, picks.len())?;
        let mut batch = ChangeBatch::with_kinds(rows, picks.kinds);
        batch.marks = picks.marks;
        Ok(batch)
    }
}

/// How many matches a row has once a row of the other side has come or gone. A row that replaces another of its unique
/// key met the same rows before.
fn counted(before: u32, accumulates: bool, replaces: bool) -> u32 {
    match (accumulates, replaces && before > 0) {
        (true, false) => before + 1,
        (true, true) => before,
        (false, _) => before.saturating_sub(1),
    }
}
