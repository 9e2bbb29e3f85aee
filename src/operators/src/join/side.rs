//! One input's rows by join key, and how the row that a change is about is found.

use std::collections::HashSet;

use arrow::datatypes::SchemaRef;
use filbert_graph::spec::{JoinSideSpec, JoinUniqueKey};
use filbert_state::{Chains, NO_SLOT, RowIndex, RowTable, ValueTable};
use filbert_types::ChangeBatch;

use crate::columns::types_of;
use crate::error::Result;

/// The rows of one input.
pub(super) struct Side {
    pub keys: Vec<usize>,
    pub rows: RowTable,
    /// Rows below their join key.
    pub chains: Chains,
    finder: Finder,
    /// How often a row stands there; 1 where rows are not counted.
    counts: ValueTable<u32>,
    /// Rows of the other side that a row meets.
    matches: Option<ValueTable<u32>>,
    ttl: Option<Ttl>,
}

/// How the row that a change is about is found.
enum Finder {
    /// Never: the input only inserts.
    None,
    /// It is the only one of its join key.
    JoinKey,
    /// By a unique key.
    UniqueKey(RowIndex),
    /// As a whole, one of several equals.
    WholeRow(RowIndex),
}

struct Ttl {
    ttl_ms: i64,
    written_at_ms: ValueTable<i64>,
    next_sweep_ms: i64,
}

/// A batch to be stored.
pub(super) struct SideLayout<'a> {
    pub batch: &'a ChangeBatch,
    pub key_slots: &'a [u32],
    /// Every key's slot is below this.
    pub keys_end: usize,
    pub now_ms: i64,
}

/// What storing a batch has done, by row.
#[derive(Default)]
pub(super) struct Stored {
    /// The slots of the rows; none for those that are not stored. Empty when nothing is asked of them.
    pub slots: Vec<u32>,
    /// Whether the row took the place of one with its unique key that had not been taken back.
    pub replaces: Vec<bool>,
    /// Retractions of rows that were not there.
    pub unknown: u64,
}

impl Side {
    pub fn new(spec: &JoinSideSpec, schema: &SchemaRef, counts_matches: bool) -> Side {
        let types = types_of(schema);
        let ttl_ms = spec.state_ttl_ms.filter(|ttl| *ttl > 0);
        let finder = match &spec.unique_key {
            JoinUniqueKey::JoinKey => Finder::JoinKey,
            JoinUniqueKey::Columns(columns) => Finder::UniqueKey(RowIndex::new(columns.clone())),
            JoinUniqueKey::None if spec.changes || ttl_ms.is_some() => {
                Finder::WholeRow(RowIndex::new((0..types.len()).collect()))
            }
            JoinUniqueKey::None => Finder::None,
        };
        Side {
            keys: spec.keys.clone(),
            rows: RowTable::new(&types),
            chains: match finder {
                Finder::None => Chains::growing(),
                _ => Chains::default(),
            },
            finder,
            counts: ValueTable::default(),
            matches: counts_matches.then(ValueTable::default),
            ttl: ttl_ms.map(|ttl| Ttl {
                ttl_ms: i64::try_from(ttl).unwrap_or(i64::MAX),
                written_at_ms: ValueTable::default(),
                next_sweep_ms: i64::MAX,
            }),
        }
    }

    /// Stores what a batch inserts and removes what it takes back. Its own rows don't meet each other, so that only the
    /// outcome counts.
    pub fn store(&mut self, layout: &SideLayout<'_>) -> Result<Stored> {
        let wanted: Vec<u32> = (0u32..)
            .zip(layout.key_slots)
            .filter(|(_, key)| **key != NO_SLOT)
            .map(|(row, _)| row)
            .collect();
        let mut slots = Vec::with_capacity(wanted.len());
        self.find(layout, &wanted, &mut slots)?;
        let mut stored = Stored::default();
        if !matches!(self.finder, Finder::None) {
            self.apply(layout, &wanted, &slots, &mut stored)?;
        }
        if self.matches.is_some() || !stored.replaces.is_empty() {
            stored.slots.resize(layout.batch.num_rows(), NO_SLOT);
            for (row, slot) in wanted.iter().zip(&slots) {
                stored.slots[*row as usize] = *slot;
            }
        }
        Ok(stored)
    }

    /// The slots of the rows; those not known are stored and chained.
    fn find(
        &mut self,
        layout: &SideLayout<'_>,
        wanted: &[u32],
        slots: &mut Vec<u32>,
    ) -> Result<()> {
        let columns = layout.batch.rows.columns();
        let (rows, keys) = (&mut self.rows, layout.key_slots);
        let key_of = |row: u32| keys[row as usize];
        let made: Vec<(u32, u32)> = match &mut self.finder {
            Finder::None => {
                rows.insert(columns, wanted, slots)?;
                let keys = wanted.iter().map(|row| key_of(*row));
                keys.zip(slots.iter().copied()).collect()
            }
            Finder::JoinKey => {
                let mut seen = HashSet::new();
                let chains = &self.chains;
                let mut is_new =
                    |row: u32| chains.first(key_of(row)).is_none() && seen.insert(key_of(row));
                let new: Vec<u32> = wanted.iter().copied().filter(|r| is_new(*r)).collect();
                rows.insert(columns, &new, slots)?;
                let keys = new.iter().map(|row| key_of(*row));
                keys.zip(slots.iter().copied()).collect()
            }
            Finder::UniqueKey(index) | Finder::WholeRow(index) => {
                let length = layout.batch.num_rows();
                let new = index.slots_for(rows, columns, length, wanted, slots)?;
                let new = new.into_iter().map(|at| at as usize);
                new.map(|at| (key_of(wanted[at]), slots[at])).collect()
            }
        };
        self.reserve(layout.keys_end);
        for (key, slot) in made {
            self.chains.link(key, slot);
        }
        if matches!(self.finder, Finder::JoinKey) {
            let first = |row: &u32| self.chains.first(key_of(*row)).unwrap_or(NO_SLOT);
            slots.clear();
            slots.extend(wanted.iter().map(first));
        }
        Ok(())
    }

    fn reserve(&mut self, keys_end: usize) {
        let rows_end = self.rows.slots_end();
        self.chains.reserve(keys_end, rows_end);
        if !matches!(self.finder, Finder::None) {
            self.counts.reserve_slots(rows_end);
        }
        if let Some(matches) = &mut self.matches {
            matches.reserve_slots(rows_end);
        }
        if let Some(ttl) = &mut self.ttl {
            ttl.written_at_ms.reserve_slots(rows_end);
        }
    }

    /// Counts the rows up and down in order, writes new versions over old ones, and removes what is left without.
    fn apply(
        &mut self,
        layout: &SideLayout<'_>,
        wanted: &[u32],
        slots: &[u32],
        stored: &mut Stored,
    ) -> Result<()> {
        let unique = !matches!(self.finder, Finder::WholeRow(_));
        if unique {
            stored.replaces.resize(layout.batch.num_rows(), false);
        }
        let (mut written, mut places) = (Vec::new(), Vec::new());
        for (row, slot) in wanted.iter().zip(slots) {
            self.expire(*slot, layout.now_ms);
            let count = self.counts.get(*slot);
            if layout.batch.kind(*row as usize).is_accumulate() {
                if unique {
                    stored.replaces[*row as usize] = count > 0;
                    written.push(*row);
                    places.push(*slot);
                }
                self.counts.set(*slot, if unique { 1 } else { count + 1 });
                self.touch(*slot, layout.now_ms);
            } else {
                stored.unknown += u64::from(count == 0);
                self.counts.set(*slot, count.saturating_sub(1));
            }
        }
        if unique {
            let columns = layout.batch.rows.columns();
            self.rows.replace(columns, &written, &places)?;
        }
        for slot in slots {
            if self.counts.get(*slot) == 0 {
                self.remove(*slot);
            }
        }
        Ok(())
    }

    fn remove(&mut self, slot: u32) {
        if !self.rows.is_live(slot) {
            return;
        }
        self.chains.unlink(slot);
        if let Finder::UniqueKey(index) | Finder::WholeRow(index) = &mut self.finder {
            index.remove(slot);
        }
        if let Some(matches) = &mut self.matches {
            matches.reset(slot);
        }
        self.rows.remove(slot);
    }

    /// How often the row stands there.
    pub fn copies(&self, slot: u32) -> u32 {
        match self.finder {
            Finder::WholeRow(_) => self.counts.get(slot),
            _ => 1,
        }
    }

    /// How many rows of the other side the row meets; of a side that counts them.
    pub fn matches(&self, slot: u32) -> u32 {
        self.matches.as_ref().map_or(0, |m| m.get(slot))
    }

    pub fn counts_matches(&self) -> bool {
        self.matches.is_some()
    }

    pub fn set_matches(&mut self, slot: u32, count: u32, now_ms: i64) {
        if let Some(matches) = &mut self.matches
            && self.rows.is_live(slot)
        {
            matches.set(slot, count);
            self.touch(slot, now_ms);
        }
    }

    fn touch(&mut self, slot: u32, now_ms: i64) {
        if let Some(ttl) = &mut self.ttl {
            ttl.written_at_ms.set(slot, now_ms);
        }
    }

    /// Makes a row that has outlived its time as if it were new.
    fn expire(&mut self, slot: u32, now_ms: i64) {
        if self.counts.get(slot) > 0 && self.is_expired(slot, now_ms) {
            self.counts.reset(slot);
            if let Some(matches) = &mut self.matches {
                matches.reset(slot);
            }
        }
    }

    #[inline]
    pub fn is_expired(&self, slot: u32, now_ms: i64) -> bool {
        self.ttl
            .as_ref()
            .is_some_and(|ttl| ttl.written_at_ms.get(slot).saturating_add(ttl.ttl_ms) <= now_ms)
    }

    pub fn start_ttl(&mut self, now_ms: i64) {
        if let Some(ttl) = &mut self.ttl {
            ttl.next_sweep_ms = now_ms.saturating_add(ttl.ttl_ms);
        }
    }

    pub fn next_sweep(&self) -> Option<i64> {
        self.ttl.as_ref().map(|ttl| ttl.next_sweep_ms)
    }

    /// Removes what has outlived its time, when the sweep is due; gives the join keys of what was removed.
    pub fn sweep(&mut self, now_ms: i64) -> Vec<u32> {
        let Some(ttl) = &mut self.ttl else {
            return Vec::new();
        };
        if ttl.next_sweep_ms > now_ms {
            return Vec::new();
        }
        ttl.next_sweep_ms = now_ms.saturating_add(ttl.ttl_ms);
        let mut keys = Vec::new();
        for slot in 0..self.rows.slots_end() as u32 {
            if self.rows.is_live(slot) && self.is_expired(slot, now_ms) {
                keys.push(self.chains.parent(slot));
                self.counts.reset(slot);
                self.remove(slot);
            }
        }
        keys
    }

    pub fn memory_bytes(&self) -> usize {
        let index = match &self.finder {
            Finder::UniqueKey(index) | Finder::WholeRow(index) => index.memory_bytes(),
            Finder::None | Finder::JoinKey => 0,
        };
        let matches = self.matches.as_ref().map_or(0, ValueTable::memory_bytes);
        let ttl = self.ttl.as_ref();
        let written = ttl.map_or(0, |ttl| ttl.written_at_ms.memory_bytes());
        let counts = self.counts.memory_bytes();
        index + matches + written + counts + self.rows.memory_bytes() + self.chains.memory_bytes()
    }
}
