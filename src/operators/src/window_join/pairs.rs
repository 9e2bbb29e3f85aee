//! The join of one window's rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, UInt32Array, new_null_array};
use arrow::compute::take;
use filbert_graph::spec::JoinKind;
use filbert_state::{KeyIndex, NO_SLOT, RowTable};
use filbert_types::ChangeBatch;

use super::Layout;
use crate::columns::{record_batch, types_at};
use crate::error::Result;
use crate::expressions::evaluate_mask;
use crate::keyed::meeting_keys;
use crate::output::Output;

/// One window's join on its way out.
pub(super) struct Pairs {
    columns: [Vec<ArrayRef>; 2],
    counts: [usize; 2],
    /// Each left row's key; `NO_SLOT` for one that meets nothing.
    left_keys: Vec<u32>,
    /// Right rows by key: those of key `k` stand at `starts[k]..starts[k + 1]`.
    starts: Vec<u32>,
    right_rows: Vec<u32>,
    /// The next pair: a left row, and which of its key's right rows.
    at: (usize, u32),
    matched: [Vec<bool>; 2],
    phase: Phase,
}

#[derive(Clone, Copy)]
enum Phase {
    Pairs,
    /// Rows that go out by whether they have matches: the side, and the next row.
    Rest(usize, usize),
    Done,
}

impl Pairs {
    pub fn new(layout: &Layout, sides: &[RowTable], slots: &[Vec<u32>]) -> Result<Pairs> {
        let columns = [sides[0].gather(&slots[0])?, sides[1].gather(&slots[1])?];
        let counts = [slots[0].len(), slots[1].len()];
        let types = types_at(&layout.inputs[0], &layout.spec.keys[0]);
        let mut index = KeyIndex::new(types)?;
        let mut keys = [Vec::new(), Vec::new()];
        for side in 0..2 {
            let own = layout.spec.keys[side].iter();
            let own: Vec<ArrayRef> = own.map(|k| ArrayRef::clone(&columns[side][*k])).collect();
            index.slots_for(&own, counts[side], &mut keys[side])?;
            if let Some(meeting) = meeting_keys(&own, &layout.spec.null_meets_null) {
                let slots = keys[side].iter_mut().zip(&meeting);
                let nothing = slots.filter(|(_, meets)| !meets);
                nothing.for_each(|(slot, _)| *slot = NO_SLOT);
            }
        }
        let [left_keys, right_keys] = keys;
        let (starts, right_rows) = grouped(&right_keys, index.slots_end());
        Ok(Pairs {
            columns,
            matched: counts.map(|n| vec![false; n]),
            counts,
            left_keys,
            starts,
            right_rows,
            at: (0, 0),
            phase: Phase::Pairs,
        })
    }

    /// Emits until the window is done (true) or the output is full.
    pub fn emit(&mut self, layout: &Layout, out: &mut Output) -> Result<bool> {
        loop {
            if out.is_full() {
                return Ok(false);
            }
            match self.phase {
                Phase::Pairs => {
                    if !self.emit_pairs(layout, out)? {
                        self.phase = first_rest(layout.spec.kind);
                    }
                }
                Phase::Rest(side, from) => self.emit_rest(layout, side, from, out)?,
                Phase::Done => return Ok(true),
            }
        }
    }

    /// A piece of the pairs; false when there are no more.
    fn emit_pairs(&mut self, layout: &Layout, out: &mut Output) -> Result<bool> {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        let room = out.batch_rows();
        while self.at.0 < self.left_keys.len() && left.len() < room {
            let (row, skip) = self.at;
            let key = self.left_keys[row] as usize;
            let run = match key < self.starts.len().saturating_sub(1) {
                true => self.starts[key] + skip..self.starts[key + 1],
                false => 0..0,
            };
            let count = run.len().min(room - left.len());
            left.extend(std::iter::repeat_n(row as u32, count));
            let taken = run.start as usize..run.start as usize + count;
            right.extend_from_slice(&self.right_rows[taken]);
            self.at = match count < run.len() {
                true => (row, skip + count as u32),
                false => (row + 1, 0),
            };
        }
        if left.is_empty() {
            return Ok(false);
        }
        let (left, right) = (UInt32Array::from(left), UInt32Array::from(right));
        let inner = gives_pairs(layout.spec.kind);
        let mut pairs = None;
        let mut mask: Option<BooleanArray> = None;
        if inner || layout.condition.is_some() {
            let columns = self.taken(0, &left)?.into_iter();
            let columns = columns.chain(self.taken(1, &right)?).collect();
            let made = record_batch(&layout.both, columns, left.len())?;
            if let Some(condition) = &layout.condition {
                mask = evaluate_mask(condition, &made)?;
            }
            pairs = Some(made);
        }
        for (i, (l, r)) in left.values().iter().zip(right.values()).enumerate() {
            if mask.as_ref().is_none_or(|mask| mask.value(i)) {
                self.matched[0][*l as usize] = true;
                self.matched[1][*r as usize] = true;
            }
        }
        if let Some(pairs) = pairs.filter(|_| inner) {
            let kept = match mask {
                None => pairs,
                Some(mask) => arrow::compute::filter_record_batch(&pairs, &mask)?,
            };
            let count = kept.num_rows();
            let rows = record_batch(&layout.output, kept.columns().to_vec(), count)?;
            out.emit(ChangeBatch::insert(rows));
        }
        Ok(true)
    }

    fn taken(&self, side: usize, rows: &UInt32Array) -> Result<Vec<ArrayRef>> {
        let columns = self.columns[side].iter();
        columns
            .map(|column| Ok(take(column, rows, None)?))
            .collect()
    }

    /// A piece of the rows of one side that go out for having matches or none.
    fn emit_rest(
        &mut self,
        layout: &Layout,
        side: usize,
        from: usize,
        out: &mut Output,
    ) -> Result<()> {
        let kind = layout.spec.kind;
        let until = (from + out.batch_rows()).min(self.counts[side]);
        let wanted = |row: &usize| match kind {
            JoinKind::Mark => true,
            JoinKind::Semi => self.matched[side][*row],
            _ => !self.matched[side][*row],
        };
        let rows: Vec<usize> = (from..until).filter(wanted).collect();
        let picked = UInt32Array::from_iter_values(rows.iter().map(|r| *r as u32));
        let own = self.taken(side, &picked)?;
        let nulls = |other: usize| {
            let fields = layout.inputs[other].fields().iter();
            fields.map(|f| new_null_array(f.data_type(), rows.len()))
        };
        let columns: Vec<ArrayRef> = match (kind, side) {
            (JoinKind::Semi | JoinKind::Anti, _) => own,
            (JoinKind::Mark, _) => {
                let marks = rows.iter().map(|r| Some(self.matched[0][*r]));
                let marks: BooleanArray = marks.collect();
                own.into_iter()
                    .chain([Arc::new(marks) as ArrayRef])
                    .collect()
            }
            (_, 0) => own.into_iter().chain(nulls(1)).collect(),
            _ => nulls(0).chain(own).collect(),
        };
        let rows = record_batch(&layout.output, columns, rows.len())?;
        out.emit(ChangeBatch::insert(rows));
        self.phase = match until < self.counts[side] {
            true => Phase::Rest(side, until),
            false if side == 0 && kind == JoinKind::Full => Phase::Rest(1, 0),
            false => Phase::Done,
        };
        Ok(())
    }
}

fn gives_pairs(kind: JoinKind) -> bool {
    !matches!(kind, JoinKind::Semi | JoinKind::Anti | JoinKind::Mark)
}

/// What follows the pairs.
fn first_rest(kind: JoinKind) -> Phase {
    match kind {
        JoinKind::Inner => Phase::Done,
        JoinKind::Right => Phase::Rest(1, 0),
        _ => Phase::Rest(0, 0),
    }
}

/// A counting sort of rows by key: where each key's rows start, and the rows.
fn grouped(keys: &[u32], keys_end: usize) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0u32; keys_end + 1];
    for key in keys.iter().filter(|k| **k != NO_SLOT) {
        starts[*key as usize + 1] += 1;
    }
    for key in 0..keys_end {
        starts[key + 1] += starts[key];
    }
    let mut next = starts.clone();
    let mut rows = vec![0u32; starts[keys_end] as usize];
    for (row, key) in (0u32..).zip(keys).filter(|(_, k)| **k != NO_SLOT) {
        let place = &mut next[*key as usize];
        rows[*place as usize] = row;
        *place += 1;
    }
    (starts, rows)
}
