//! The search for the matches of a batch's rows, which can stop within a row.

use std::collections::HashSet;

use filbert_state::NO_SLOT;
use filbert_types::ChangeBatch;

use crate::error::Result;
use crate::join::JoinOperator;
use crate::join::side::{Side, Stored};

/// A batch on its way through the join: matches are found for some rows, then those rows are emitted, and so on.
pub(super) struct Work {
    pub input: usize,
    pub batch: ChangeBatch,
    pub key_slots: Vec<u32>,
    pub stored: Stored,
    pub now_ms: i64,
    /// The row whose matches are looked for next.
    row: usize,
    /// Where the search for the row's matches stands, when it has begun.
    cursor: Option<Cursor>,
    /// The matches of rows `first ..`, one after the other, and where those of each end.
    matched: Vec<u32>,
    ends: Vec<usize>,
    first: usize,
    pub at: EmitAt,
    /// Marks that have been passed on.
    pub marks_done: usize,
}

/// Of a row that is taken back right before its next version comes: the rows of the other side whose only match it was
/// and that the next version meets too. They are not padded between the two.
#[derive(Default)]
pub(super) struct Versions {
    /// The row that goes, and what its next version meets.
    next: Option<(usize, HashSet<u32>)>,
    kept: HashSet<u32>,
}

impl Versions {
    /// Begins with a row, or goes on with it; `next` is what its next version meets.
    pub fn begin(&mut self, row: usize, next: &[u32]) {
        if self.next.as_ref().is_none_or(|(of, _)| *of != row) {
            self.next = Some((row, next.iter().copied().collect()));
        }
    }

    /// Whether this row, whose last match goes, meets the next version; it is remembered.
    pub fn goes_on(&mut self, slot: u32) -> bool {
        let goes_on = self
            .next
            .as_ref()
            .is_some_and(|(_, next)| next.contains(&slot));
        if goes_on {
            self.kept.insert(slot);
        }
        goes_on
    }

    /// Whether this row met the version before and nothing else.
    pub fn keeps(&self, slot: u32) -> bool {
        self.kept.contains(&slot)
    }

    /// The row is through: with the next version what was remembered is settled.
    pub fn end(&mut self, accumulates: bool) {
        self.next = None;
        if accumulates {
            self.kept.clear();
        }
    }
}

/// What is emitted next.
#[derive(Clone, Copy, Default)]
pub(super) struct EmitAt {
    pub row: usize,
    /// The match of the row, and which of its equals.
    pub matched: usize,
    pub copy: u32,
}

/// A walk over the rows that a key meets.
#[derive(Clone, Copy)]
struct Cursor {
    next: Option<u32>,
    /// What follows the chain.
    then: Then,
}

#[derive(Clone, Copy)]
enum Then {
    Nothing,
    /// The rows whose key is NULL.
    NullKeys,
    /// Every row from this slot on.
    All(u32),
}

impl Work {
    pub fn new(
        input: usize,
        batch: ChangeBatch,
        key_slots: Vec<u32>,
        stored: Stored,
        now_ms: i64,
    ) -> Work {
        Work {
            input,
            batch,
            key_slots,
            stored,
            now_ms,
            row: 0,
            cursor: None,
            matched: Vec::new(),
            ends: Vec::new(),
            first: 0,
            at: EmitAt::default(),
            marks_done: 0,
        }
    }

    /// There are rows whose matches are all known and that are not emitted yet.
    pub fn has_complete_rows(&self) -> bool {
        !self.ends.is_empty() && !self.is_inside_row()
    }

    /// The search stopped amid a row's matches.
    pub fn is_inside_row(&self) -> bool {
        self.cursor.is_some()
    }

    pub fn is_done(&self) -> bool {
        self.row == self.batch.num_rows() && self.ends.is_empty()
    }

    /// Rows whose matches are known end here.
    pub fn complete_end(&self) -> usize {
        self.first + self.ends.len()
    }

    /// The matches of a row among those that are complete.
    pub fn matches_of(&self, row: usize) -> &[u32] {
        let at = row - self.first;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.matched[start..self.ends[at]]
    }

    /// What the next version of a row that is taken back meets, where it comes right behind.
    pub fn next_version(&self, row: usize) -> &[u32] {
        let next = row + 1;
        let is_next = !self.batch.kind(row).is_accumulate()
            && next < self.complete_end()
            && self.batch.kind(next).is_accumulate()
            && self.key_slots[row] == self.key_slots[next];
        if is_next { self.matches_of(next) } else { &[] }
    }

    /// All complete rows are emitted.
    pub fn next_rows(&mut self) {
        self.first = self.complete_end();
        self.matched.clear();
        self.ends.clear();
    }
}

impl JoinOperator {
    /// Looks for the matches of the next rows, until so many pairs have been looked at.
    pub(super) fn find_matches(&self, work: &mut Work, pairs_max: usize) -> Result<()> {
        let other = &self.sides[1 - work.input];
        let (mut rows, mut slots) = (Vec::new(), Vec::new());
        let mut ends = Vec::new();
        while work.row < work.batch.num_rows() && slots.len() < pairs_max {
            let key = work.key_slots[work.row];
            let mut cursor = work.cursor.take().unwrap_or_else(|| self.start(other, key));
            while let Some(slot) = self.next(other, &mut cursor) {
                if other.is_expired(slot, work.now_ms) {
                    continue;
                }
                rows.push(work.row as u32);
                slots.push(slot);
                if slots.len() == pairs_max {
                    break;
                }
            }
            if cursor.is_over() {
                ends.push(slots.len());
                work.row += 1;
            } else {
                work.cursor = Some(cursor);
            }
        }
        let kept = match &self.condition {
            Some(condition) if !slots.is_empty() => {
                condition.holds(work.input, &work.batch, &rows, &other.rows, &slots)?
            }
            _ => None,
        };
        let before = work.matched.len();
        match kept {
            None => {
                work.matched.extend_from_slice(&slots);
                work.ends.extend(ends.iter().map(|end| before + end));
            }
            Some(mask) => {
                let mut from = 0;
                for end in ends.iter().copied().chain([slots.len()]) {
                    let held = (from..end).filter(|i| mask.value(*i));
                    work.matched.extend(held.map(|i| slots[i]));
                    work.ends.push(work.matched.len());
                    from = end;
                }
                // The last stretch belongs to a row that isn't over, or to none.
                work.ends.pop();
            }
        }
        Ok(())
    }

    fn start(&self, other: &Side, key: u32) -> Cursor {
        if key == NO_SLOT {
            return Cursor {
                next: None,
                then: Then::Nothing,
            };
        }
        let (next, then) = match self.null_key {
            None => (other.chains.first(key), Then::Nothing),
            Some(null) if null == key => (None, Then::All(0)),
            Some(_) => (other.chains.first(key), Then::NullKeys),
        };
        let mut cursor = Cursor { next, then };
        self.settle(other, &mut cursor);
        cursor
    }

    fn next(&self, other: &Side, cursor: &mut Cursor) -> Option<u32> {
        let slot = cursor.next?;
        cursor.next = match cursor.then {
            Then::All(_) => None,
            _ => other.chains.after(slot),
        };
        self.settle(other, cursor);
        Some(slot)
    }

    /// Goes on to what follows where a chain has ended.
    fn settle(&self, other: &Side, cursor: &mut Cursor) {
        if cursor.next.is_some() {
            return;
        }
        match cursor.then {
            Then::Nothing => {}
            Then::NullKeys => {
                cursor.next = self.null_key.and_then(|null| other.chains.first(null));
                cursor.then = Then::Nothing;
            }
            Then::All(from) => {
                let end = other.rows.slots_end() as u32;
                cursor.next = (from..end).find(|slot| other.rows.is_live(*slot));
                cursor.then = match cursor.next {
                    Some(slot) => Then::All(slot + 1),
                    None => Then::Nothing,
                };
            }
        }
    }
}

impl Cursor {
    fn is_over(&self) -> bool {
        self.next.is_none()
    }
}
