use crate::table::ValueTable;

/// Lists of entries below parents, each in the order of linking: entries can be taken out anywhere.
///
/// A parent costs 8 bytes, an entry 12, or 4 where lists only grow.
#[derive(Debug, Default)]
pub struct Chains {
    /// Nothing is ever taken out: an entry doesn't know its parent, nor the one before it.
    only_grow: bool,
    /// First and last entry of a parent; stored one higher, 0 for none.
    heads: ValueTable<u32>,
    tails: ValueTable<u32>,
    /// Neighbours of an entry; stored one higher.
    next: ValueTable<u32>,
    previous: ValueTable<u32>,
    parents: ValueTable<u32>,
}

impl Chains {
    /// Lists of which no entry is ever taken out, or asked for its parent.
    pub fn growing() -> Chains {
        Chains {
            only_grow: true,
            ..Chains::default()
        }
    }

    /// Makes room for parents and entries below these ends.
    pub fn reserve(&mut self, parents_end: usize, entries_end: usize) {
        self.heads.reserve_slots(parents_end);
        self.tails.reserve_slots(parents_end);
        self.next.reserve_slots(entries_end);
        if !self.only_grow {
            self.previous.reserve_slots(entries_end);
            self.parents.reserve_slots(entries_end);
        }
    }

    /// Empties all lists; parents and entries have no room any more.
    pub fn clear(&mut self) {
        self.heads.clear();
        self.tails.clear();
        self.next.clear();
        self.previous.clear();
        self.parents.clear();
    }

    /// Puts an entry that is in no list at the end of the parent's.
    pub fn link(&mut self, parent: u32, entry: u32) {
        let last = self.tails.get(parent);
        match last.checked_sub(1) {
            Some(before) => self.next.set(before, entry + 1),
            None => self.heads.set(parent, entry + 1),
        }
        self.next.set(entry, 0);
        self.tails.set(parent, entry + 1);
        if !self.only_grow {
            self.previous.set(entry, last);
            self.parents.set(entry, parent);
        }
    }

    /// Takes an entry out of its list.
    pub fn unlink(&mut self, entry: u32) {
        let parent = self.parents.get(entry);
        let (previous, next) = (self.previous.get(entry), self.next.get(entry));
        match previous.checked_sub(1) {
            Some(before) => self.next.set(before, next),
            None => self.heads.set(parent, next),
        }
        match next.checked_sub(1) {
            Some(after) => self.previous.set(after, previous),
            None => self.tails.set(parent, previous),
        }
    }

    /// Puts an entry that is in no list in the place of one that is in the parent's.
    pub fn replace(&mut self, old: u32, new: u32) {
        let parent = self.parents.get(old);
        let (previous, next) = (self.previous.get(old), self.next.get(old));
        match previous.checked_sub(1) {
            Some(before) => self.next.set(before, new + 1),
            None => self.heads.set(parent, new + 1),
        }
        match next.checked_sub(1) {
            Some(after) => self.previous.set(after, new + 1),
            None => self.tails.set(parent, new + 1),
        }
        self.previous.set(new, previous);
        self.next.set(new, next);
        self.parents.set(new, parent);
    }

    /// Takes the parent's first entry out of its list.
    pub fn pop(&mut self, parent: u32) -> Option<u32> {
        let entry = self.first(parent)?;
        self.unlink(entry);
        Some(entry)
    }

    /// The parent's last entry.
    #[inline]
    pub fn last(&self, parent: u32) -> Option<u32> {
        let tails = self.tails.values();
        tails.get(parent as usize).and_then(|at| at.checked_sub(1))
    }

    /// The parent's first entry.
    #[inline]
    pub fn first(&self, parent: u32) -> Option<u32> {
        let heads = self.heads.values();
        heads.get(parent as usize).and_then(|at| at.checked_sub(1))
    }

    /// The entry after this one in its list.
    #[inline]
    pub fn after(&self, entry: u32) -> Option<u32> {
        self.next.get(entry).checked_sub(1)
    }

    /// The entry before this one in its list.
    #[inline]
    pub fn before(&self, entry: u32) -> Option<u32> {
        self.previous.get(entry).checked_sub(1)
    }

    /// The parent of an entry that is in a list.
    #[inline]
    pub fn parent(&self, entry: u32) -> u32 {
        self.parents.get(entry)
    }

    /// The entries of a parent, oldest first.
    pub fn entries_of(&self, parent: u32) -> impl Iterator<Item = u32> {
        let mut at = self.first(parent);
        std::iter::from_fn(move || {
            let entry = at?;
            at = self.after(entry);
            Some(entry)
        })
    }

    pub fn memory_bytes(&self) -> usize {
        let words = [
            &self.heads,
            &self.tails,
            &self.next,
            &self.previous,
            &self.parents,
        ];
        words.iter().map(|t| t.memory_bytes()).sum()
    }
}
