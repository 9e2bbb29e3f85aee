//! Byte strings by slot. While they repeat, equal ones stand once, as those of a dimension that a join has put beside
//! each fact: 4 bytes a slot. A column whose strings turn out to differ keeps each by itself.

use arrow::array::{Array, GenericByteViewArray};
use arrow::datatypes::ByteViewType;
use filbert_types::recent_views::RecentViews;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::arena::ByteArena;
use crate::hash::hash_bytes;

#[derive(Debug)]
pub(super) enum Texts {
    /// Not known yet, or they repeat.
    Shared(Shared),
    Each(ByteArena),
}

impl Default for Texts {
    fn default() -> Texts {
        Texts::Shared(Shared::default())
    }
}

/// Each string once.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// The string of each slot.
    ids: Vec<u32>,
    strings: ByteArena,
    /// How many slots have the string.
    counts: Vec<u32>,
    index: HashTable<u32>,
    free: Vec<u32>,
    /// How many strings were forgotten until now.
    forgotten: u64,
    /// Slots that have a string.
    live: usize,
    /// At so many slots it is looked at next whether strings repeat.
    next_look: usize,
}

const NO_STRING: u32 = u32::MAX;
/// At so many strings it is first looked at whether they repeat.
const FIRST_LOOK: usize = 32_768;

impl Texts {
    #[inline]
    pub fn get(&self, slot: u32) -> Option<&[u8]> {
        match self {
            Texts::Shared(shared) => shared.get(slot),
            Texts::Each(arena) => arena.get(slot),
        }
    }

    /// Writes row `rows[i]` of the array at `slots[i]`.
    pub fn write<T>(&mut self, array: &GenericByteViewArray<T>, rows: &[u32], slots: &[u32])
    where
        T: ByteViewType<Native: AsRef<[u8]>>,
    {
        // The strings' ids, as long as none was forgotten, whose id another one may have got.
        let mut recent = RecentViews::default();
        let mut forgotten = 0;
        for (row, slot) in rows.iter().zip(slots) {
            let row = *row as usize;
            if array.is_null(row) {
                self.set(*slot, None);
                continue;
            }
            let view = array.views()[row];
            if let Texts::Shared(shared) = self {
                if shared.forgotten != forgotten {
                    recent.clear();
                    forgotten = shared.forgotten;
                }
                if let Some(id) = recent.get(view) {
                    shared.counts[id as usize] += 1;
                    shared.live += 1;
                    shared.put(*slot, id);
                    continue;
                }
            }
            self.set(*slot, Some(array.value(row).as_ref()));
            if let Texts::Shared(shared) = self
                && shared.forgotten == forgotten
            {
                recent.put(view, shared.ids[*slot as usize]);
            }
        }
    }

    pub fn set(&mut self, slot: u32, value: Option<&[u8]>) {
        match self {
            Texts::Each(arena) => arena.set(slot, value),
            Texts::Shared(shared) => {
                shared.set(slot, value);
                if shared.live >= shared.next_look.max(FIRST_LOOK) {
                    self.look();
                }
            }
        }
    }

    pub fn clear(&mut self, slot: u32) {
        match self {
            Texts::Shared(shared) => shared.set(slot, None),
            Texts::Each(arena) => arena.clear(slot),
        }
    }

    pub fn memory_bytes(&self) -> usize {
        match self {
            Texts::Each(arena) => arena.memory_bytes(),
            Texts::Shared(shared) => {
                let words =
                    shared.ids.capacity() + shared.counts.capacity() + shared.free.capacity();
                words * 4 + shared.index.capacity() * 5 + shared.strings.memory_bytes()
            }
        }
    }

    /// Keeps each string by itself where most are the only one of their kind.
    fn look(&mut self) {
        let Texts::Shared(shared) = self else {
            return;
        };
        if shared.index.len() * 2 <= shared.live {
            shared.next_look = shared.live * 16;
            return;
        }
        let mut arena = ByteArena::default();
        for slot in 0..shared.ids.len() as u32 {
            arena.set(slot, shared.get(slot));
        }
        *self = Texts::Each(arena);
    }
}

impl Shared {
    #[inline]
    fn get(&self, slot: u32) -> Option<&[u8]> {
        let id = *self.ids.get(slot as usize)?;
        if id == NO_STRING {
            return None;
        }
        self.strings.get(id)
    }

    fn set(&mut self, slot: u32, value: Option<&[u8]>) {
        if value.is_none() && slot as usize >= self.ids.len() {
            return;
        }
        // The new one first: where it is the old one, that isn't forgotten in between.
        let id = value.map_or(NO_STRING, |value| self.id_of(value));
        self.put(slot, id);
    }

    /// The slot's string from now on, which is counted already.
    fn put(&mut self, slot: u32, id: u32) {
        let at = slot as usize;
        if at >= self.ids.len() {
            self.ids.resize(at + 1, NO_STRING);
        }
        let old = std::mem::replace(&mut self.ids[at], id);
        if old != NO_STRING {
            self.release(old);
        }
    }

    fn id_of(&mut self, value: &[u8]) -> u32 {
        let strings = &self.strings;
        let hash = |id: &u32| hash_bytes(strings.get(*id).unwrap_or_default());
        let found = self.index.entry(
            hash_bytes(value),
            |id| strings.get(*id) == Some(value),
            hash,
        );
        self.live += 1;
        match found {
            Entry::Occupied(entry) => {
                let id = *entry.get();
                self.counts[id as usize] += 1;
                id
            }
            Entry::Vacant(entry) => {
                let id = self.free.pop().unwrap_or(self.counts.len() as u32);
                entry.insert(id);
                if id as usize == self.counts.len() {
                    self.counts.push(0);
                }
                self.counts[id as usize] = 1;
                self.strings.set(id, Some(value));
                id
            }
        }
    }

    fn release(&mut self, id: u32) {
        self.live -= 1;
        let count = &mut self.counts[id as usize];
        *count -= 1;
        if *count > 0 {
            return;
        }
        let hash = hash_bytes(self.strings.get(id).unwrap_or_default());
        if let Ok(entry) = self.index.find_entry(hash, |other| *other == id) {
            entry.remove();
        }
        self.strings.clear(id);
        self.free.push(id);
        self.forgotten += 1;
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::cast::AsArray;
    use arrow::array::{StringViewArray, UInt32Array};
    use arrow::compute::take;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn repeating_strings_stand_once_and_others_by_themselves() {
        let mut few = Texts::default();
        let mut many = Texts::default();
        for slot in 0..40_000u32 {
            few.set(
                slot,
                Some(format!("a name of twenty bytes {}", slot % 100).as_bytes()),
            );
            many.set(
                slot,
                Some(format!("a name of twenty bytes {slot}").as_bytes()),
            );
        }
        assert!(few.memory_bytes() < 300_000, "{}", few.memory_bytes());
        assert!(matches!(many, Texts::Each(_)));
        assert_eq!(
            few.get(39_999),
            Some(b"a name of twenty bytes 99".as_slice())
        );
        assert_eq!(
            many.get(39_999),
            Some(b"a name of twenty bytes 39999".as_slice())
        );
    }

    proptest! {
        #[test]
        fn written_columns_are_kept(batches in prop::collection::vec(
            prop::collection::vec((0u32..12, prop::option::of(0u8..6)), 1..30), 1..8
        )) {
            let mut texts = Texts::default();
            let mut model: Vec<Option<String>> = vec![None; 12];
            for batch in batches {
                let text = |v: u8| format!("a text of twenty bytes {v}");
                // Few places, so that views repeat.
                let all = StringViewArray::from_iter_values((0..6).map(text));
                let picked = batch.iter().map(|(_, v)| v.map(u32::from)).collect::<UInt32Array>();
                let column = take(&all, &picked, None).unwrap();
                let slots: Vec<u32> = batch.iter().map(|(slot, _)| *slot).collect();
                let rows: Vec<u32> = (0..batch.len() as u32).collect();
                texts.write(column.as_string_view(), &rows, &slots);
                for (slot, value) in &batch {
                    model[*slot as usize] = value.map(text);
                }
                for (slot, value) in (0u32..).zip(&model) {
                    prop_assert_eq!(texts.get(slot), value.as_deref().map(str::as_bytes));
                }
            }
        }

        #[test]
        fn slots_keep_their_strings(steps in prop::collection::vec((0u32..20, prop::option::of(0u8..6)), 0..200)) {
            let mut texts = Texts::default();
            let mut model: Vec<Option<Vec<u8>>> = vec![None; 20];
            for (slot, value) in steps {
                let value = value.map(|v| vec![v; v as usize]);
                texts.set(slot, value.as_deref());
                model[slot as usize] = value;
                for (slot, value) in (0u32..).zip(&model) {
                    prop_assert_eq!(texts.get(slot), value.as_deref());
                }
            }
            for slot in 0..20 {
                texts.clear(slot);
            }
            let Texts::Shared(shared) = &texts else { return Ok(()) };
            prop_assert_eq!((shared.live, shared.index.len()), (0, 0));
        }
    }
}
