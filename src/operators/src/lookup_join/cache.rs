//! What a lookup join keeps of its table: the rows of keys that were asked for, or all rows.

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::datatypes::SchemaRef;
use filbert_connector_api::lookup::{CacheReload, PartialCache};
use filbert_connector_api::{LookupCaching, LookupSource};
use filbert_state::{Chains, KeyIndex, RowTable, ValueTable};

use crate::columns::{record_batch, types_of};
use crate::error::Result;
use crate::lookup_join::found::{Finder, Piece};
use crate::lookup_join::take_rows;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// What the cache has for some keys.
pub(super) struct Looked {
    pub pieces: Vec<Piece>,
    /// The numbers of the keys that it doesn't know.
    pub missing: Vec<u32>,
}

pub(super) struct Cache {
    kind: Kind,
    kept: Kept,
    schema: SchemaRef,
}

enum Kind {
    None,
    Partial(PartialCache),
    Full {
        reload: CacheReload,
        next_load_ms: i64,
    },
}

/// Rows by their key.
struct Kept {
    index: KeyIndex,
    rows: RowTable,
    of_key: Chains,
    /// The keys, the one that was not asked for the longest first.
    by_access: Chains,
    written_ms: ValueTable<i64>,
    accessed_ms: ValueTable<i64>,
    /// By slot, whether the key is in the cache.
    known: ValueTable<bool>,
}

impl Kept {
    fn new(keys: &SchemaRef, rows: &SchemaRef) -> Result<Kept> {
        Ok(Kept {
            index: KeyIndex::new(types_of(keys))?,
            rows: RowTable::new(&types_of(rows)),
            of_key: Chains::default(),
            by_access: Chains::default(),
            written_ms: ValueTable::default(),
            accessed_ms: ValueTable::default(),
            known: ValueTable::default(),
        })
    }

    fn slots(&mut self, keys: &RecordBatch) -> Result<Vec<u32>> {
        let mut slots = Vec::new();
        self.index
            .slots_for(keys.columns(), keys.num_rows(), &mut slots)?;
        let end = self.index.slots_end();
        self.of_key.reserve(end, 0);
        self.by_access.reserve(1, end);
        self.written_ms.reserve_slots(end);
        self.accessed_ms.reserve_slots(end);
        self.known.reserve_slots(end);
        Ok(slots)
    }

    fn access(&mut self, slot: u32, now_ms: i64) {
        self.by_access.unlink(slot);
        self.by_access.link(0, slot);
        self.accessed_ms.set(slot, now_ms);
    }

    fn remember(&mut self, slot: u32, now_ms: i64) {
        if !self.known.get(slot) {
            self.known.set(slot, true);
            self.by_access.link(0, slot);
        }
        self.written_ms.set(slot, now_ms);
        self.accessed_ms.set(slot, now_ms);
    }

    fn forget_rows(&mut self, slot: u32) {
        while let Some(entry) = self.of_key.pop(slot) {
            self.rows.remove(entry);
        }
    }

    fn forget(&mut self, slot: u32) {
        self.forget_rows(slot);
        if self.known.get(slot) {
            self.by_access.unlink(slot);
            self.known.set(slot, false);
        }
        self.index.remove(slot);
    }

    /// Stores rows below the slots of their keys.
    fn store(&mut self, columns: &[ArrayRef], rows: &[u32], slots: &[u32]) -> Result<()> {
        let mut entries = Vec::new();
        self.rows.insert(columns, rows, &mut entries)?;
        self.of_key
            .reserve(self.index.slots_end(), self.rows.slots_end());
        for (slot, entry) in slots.iter().zip(entries) {
            self.of_key.link(*slot, entry);
        }
        Ok(())
    }
}

impl Cache {
    /// `keys` and `rows` are the columns of keys and of what is kept.
    pub fn new(caching: &LookupCaching, keys: &SchemaRef, rows: &SchemaRef) -> Result<Cache> {
        Ok(Cache {
            kind: match caching {
                LookupCaching::None => Kind::None,
                LookupCaching::Partial(options) => Kind::Partial(options.clone()),
                LookupCaching::Full(options) => Kind::Full {
                    reload: options.reload,
                    next_load_ms: i64::MAX,
                },
            },
            kept: Kept::new(keys, rows)?,
            schema: SchemaRef::clone(rows),
        })
    }

    pub fn is_used(&self) -> bool {
        !matches!(self.kind, Kind::None)
    }

    /// Rows kept.
    pub fn rows(&self) -> usize {
        self.kept.rows.len()
    }

    /// What is known of these keys.
    pub fn look(&mut self, keys: &RecordBatch, now_ms: i64) -> Result<Looked> {
        let mut looked = Looked {
            pieces: Vec::new(),
            missing: Vec::new(),
        };
        if matches!(self.kind, Kind::None) {
            looked.missing = (0..keys.num_rows() as u32).collect();
            return Ok(looked);
        }
        self.forget_expired(now_ms);
        let slots = self.kept.slots(keys)?;
        let (mut entries, mut numbers) = (Vec::new(), Vec::new());
        for (number, slot) in slots.into_iter().enumerate() {
            if self.kept.known.get(slot) && !self.is_expired(slot, now_ms) {
                let before = entries.len();
                entries.extend(self.kept.of_key.entries_of(slot));
                numbers.resize(numbers.len() + entries.len() - before, number as u32);
                self.kept.access(slot, now_ms);
                continue;
            }
            self.kept.forget(slot);
            // A full cache knows all there is.
            if matches!(self.kind, Kind::Partial(_)) {
                looked.missing.push(number as u32);
            }
        }
        let columns = self.kept.rows.gather(&entries)?;
        let rows = record_batch(&self.schema, columns, entries.len())?;
        looked.pieces.push(Piece { rows, numbers });
        Ok(looked)
    }

    fn is_expired(&self, slot: u32, now_ms: i64) -> bool {
        let Kind::Partial(options) = &self.kind else {
            return false;
        };
        let over = |since: i64, time: Option<std::time::Duration>| {
            let ms = time.map(|time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
            ms.is_some_and(|ms| now_ms.saturating_sub(since) >= ms)
        };
        over(self.kept.written_ms.get(slot), options.expire_after_write)
            || over(self.kept.accessed_ms.get(slot), options.expire_after_access)
    }

    /// Forgets the keys that were not asked for the longest, as far as they are over.
    fn forget_expired(&mut self, now_ms: i64) {
        while let Some(slot) = self.kept.by_access.first(0) {
            if !self.is_expired(slot, now_ms) {
                break;
            }
            self.kept.forget(slot);
        }
    }

    /// Takes up what the table has answered for these keys.
    pub fn store(&mut self, keys: &RecordBatch, found: &Piece, now_ms: i64) -> Result<()> {
        let Kind::Partial(options) = &self.kind else {
            return Ok(());
        };
        let (keys_max, keeps_missing) = (options.keys_max, options.keeps_missing_keys);
        let slots = self.kept.slots(keys)?;
        let mut has_rows = vec![false; slots.len()];
        for number in &found.numbers {
            has_rows[*number as usize] = true;
        }
        for (slot, has_rows) in slots.iter().zip(&has_rows) {
            self.kept.forget_rows(*slot);
            if *has_rows || keeps_missing {
                self.kept.remember(*slot, now_ms);
            } else {
                self.kept.forget(*slot);
            }
        }
        let rows: Vec<u32> = (0..found.numbers.len() as u32).collect();
        let numbers = found.numbers.iter();
        let of_rows: Vec<u32> = numbers.map(|number| slots[*number as usize]).collect();
        self.kept.store(found.rows.columns(), &rows, &of_rows)?;
        while self.kept.index.len() > keys_max {
            let Some(oldest) = self.kept.by_access.first(0) else {
                break;
            };
            self.kept.forget(oldest);
        }
        Ok(())
    }

    /// The rows with which a full cache begins; none for other caches.
    pub fn open(&mut self, source: &dyn LookupSource, now_ms: i64) -> Result<Option<RecordBatch>> {
        if !matches!(self.kind, Kind::Full { .. }) {
            return Ok(None);
        }
        let rows = source.all_rows()?;
        self.loaded(now_ms, now_ms);
        Ok(Some(rows))
    }

    /// Takes the rows of a table, with all its columns, in place of what it has.
    pub fn fill(&mut self, finder: &Finder, keys: &[usize], rows: RecordBatch) -> Result<()> {
        let key_columns: Vec<ArrayRef> = keys
            .iter()
            .map(|key| ArrayRef::clone(rows.column(*key)))
            .collect();
        // A row whose key has a NULL is never found.
        let kept = (0..rows.num_rows()).filter(|row| key_columns.iter().all(|c| c.is_valid(*row)));
        let kept: UInt32Array = kept.map(|row| row as u32).collect::<Vec<_>>().into();
        let keys = rows.project(keys)?;
        let keys = take_rows(&keys, &kept)?;
        let piece = finder.narrow((take_rows(&rows, &kept)?, vec![0; kept.len()]), 1)?;
        self.kept = Kept::new(&keys.schema(), &self.schema)?;
        let slots = self.kept.slots(&keys)?;
        slots.iter().for_each(|slot| self.kept.remember(*slot, 0));
        let places: Vec<u32> = (0..kept.len() as u32).collect();
        self.kept.store(piece.rows.columns(), &places, &slots)
    }

    pub fn next_load_ms(&self) -> Option<i64> {
        match self.kind {
            Kind::Full { next_load_ms, .. } => Some(next_load_ms),
            _ => None,
        }
    }

    pub fn is_due(&self, now_ms: i64) -> bool {
        self.next_load_ms().is_some_and(|due| due <= now_ms)
    }

    /// A load that began and ended at these times is done.
    pub fn loaded(&mut self, began_ms: i64, ended_ms: i64) {
        if let Kind::Full {
            reload,
            next_load_ms,
        } = &mut self.kind
        {
            *next_load_ms = next_load(*reload, began_ms, ended_ms);
        }
    }
}

fn next_load(reload: CacheReload, began_ms: i64, ended_ms: i64) -> i64 {
    match reload {
        CacheReload::Periodic {
            interval,
            fixed_rate,
        } => {
            let from = if fixed_rate { began_ms } else { ended_ms };
            let interval = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
            from.saturating_add(interval.max(1))
        }
        CacheReload::Timed {
            time_of_day_seconds,
            offset_seconds,
            interval_days,
        } => {
            let offset = offset_seconds.unwrap_or(0);
            let today = (ended_ms / 1000 + offset).div_euclid(DAY_SECONDS);
            let at = |day: i64| (day * DAY_SECONDS + time_of_day_seconds - offset) * 1000;
            match at(today) > ended_ms {
                true => at(today),
                false => at(today.saturating_add(interval_days.min(36_500))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_full_cache_is_loaded_at_its_times() {
        let every = |fixed_rate| CacheReload::Periodic {
            interval: Duration::from_secs(10),
            fixed_rate,
        };
        assert_eq!(next_load(every(true), 1_000, 3_000), 11_000);
        assert_eq!(next_load(every(false), 1_000, 3_000), 13_000);
        let at_ten = |offset_seconds, interval_days| CacheReload::Timed {
            time_of_day_seconds: 36_000,
            offset_seconds,
            interval_days,
        };
        let hour = 3_600_000;
        assert_eq!(next_load(at_ten(None, 1), 0, 9 * hour), 10 * hour);
        assert_eq!(next_load(at_ten(None, 1), 0, 10 * hour), 34 * hour);
        assert_eq!(next_load(at_ten(Some(7_200), 2), 0, 9 * hour), 56 * hour);
    }
}
