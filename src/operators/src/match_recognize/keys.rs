//! The keys of PARTITION BY, and what hangs on each.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use filbert_state::{KeyIndex, ValueTable};

use super::automaton::{Automaton, Computation, KeyMatches, NOT_STARTED};
use crate::error::Result;

/// The keys, and the partial matches of each while none of its rows is looked at.
pub(super) struct Keys {
    pub index: KeyIndex,
    /// By key: rows that wait, timers, and one for partial matches; a key without any is forgotten.
    uses: ValueTable<u32>,
    /// By key: the first of its partial matches and of its whole ones; stored one higher, 0 for none.
    partial: ValueTable<u32>,
    completed: ValueTable<u32>,
    stored: ValueTable<Stored>,
    /// By key, where matches are numbered: how many were found.
    numbers: ValueTable<u64>,
    free: Vec<u32>,
    live: usize,
}

/// A computation in the chain of its key. The one without rows, which every key has, isn't stored: the one before it is
/// marked.
#[derive(Debug, Clone, Copy, Default)]
struct Stored {
    computation: Computation,
    next: u32,
}

/// In a state: the computation without rows comes next.
const BEFORE_NOT_STARTED: u32 = 1 << 31;

impl Keys {
    /// # Errors
    /// When a type can't be a key.
    pub fn new(types: Vec<DataType>) -> Result<Keys> {
        Ok(Keys {
            index: KeyIndex::new(types)?,
            uses: ValueTable::default(),
            partial: ValueTable::default(),
            completed: ValueTable::default(),
            stored: ValueTable::default(),
            numbers: ValueTable::default(),
            free: Vec::new(),
            live: 0,
        })
    }

    /// The keys of these rows.
    ///
    /// # Errors
    /// When there are too many.
    pub fn of(&mut self, columns: &[ArrayRef], rows: usize, keys: &mut Vec<u32>) -> Result<()> {
        self.index.slots_for(columns, rows, keys)?;
        let end = self.index.slots_end();
        self.uses.reserve_slots(end);
        self.partial.reserve_slots(end);
        self.completed.reserve_slots(end);
        Ok(())
    }

    #[inline]
    pub fn hold(&mut self, key: u32) {
        self.uses.values_mut()[key as usize] += 1;
    }

    #[inline]
    pub fn release(&mut self, key: u32) {
        let uses = &mut self.uses.values_mut()[key as usize];
        *uses -= 1;
        if *uses == 0 {
            self.index.remove(key);
        }
    }

    /// Takes a key's matches out of the state.
    pub fn load(&mut self, key: u32, automaton: &Automaton, matches: &mut KeyMatches) {
        automaton.begin(matches);
        let (partial, completed) = (self.partial.get(key), self.completed.get(key));
        if partial == 0 {
            return;
        }
        matches.partial.clear();
        self.chain(partial, |mut c| {
            let marked = c.state & BEFORE_NOT_STARTED != 0;
            c.state &= !BEFORE_NOT_STARTED;
            matches.partial.restore(c);
            if marked {
                matches.partial.restore(automaton.not_started());
            }
        });
        self.chain(completed, |c| matches.completed.restore(c));
        self.partial.set(key, 0);
        self.completed.set(key, 0);
        // The caller still needs the key: it isn't forgotten here.
        self.uses.values_mut()[key as usize] -= 1;
    }

    /// Puts a key's matches back into the state.
    pub fn store(&mut self, key: u32, matches: &KeyMatches) {
        if Automaton::is_idle(matches) {
            return;
        }
        let partial = self.link(matches.partial.items());
        let completed = self.link(matches.completed.items());
        self.partial.set(key, partial);
        self.completed.set(key, completed);
        self.hold(key);
    }

    /// Takes out of the state the partial matches that [`Keys::put_partial`] left there.
    pub fn take_partial(&mut self, key: u32, each: impl FnMut(Computation)) {
        let first = self.partial.get(key);
        self.chain(first, each);
        self.partial.set(key, 0);
    }

    /// Leaves partial matches in the state, of a key that something else holds.
    pub fn put_partial(&mut self, key: u32, partial: &[Computation]) {
        if partial.is_empty() {
            return;
        }
        let first = self.link(partial);
        self.partial.set(key, first);
    }

    /// The number of the key's next match, counted while the key is known.
    pub fn next_number(&mut self, key: u32) -> u64 {
        self.numbers.reserve_slots(key as usize + 1);
        let number = self.numbers.get(key) + 1;
        self.numbers.set(key, number);
        if number == 1 {
            self.hold(key);
        }
        number
    }

    /// Counts the key's matches anew.
    pub fn reset_number(&mut self, key: u32) {
        if self
            .numbers
            .values()
            .get(key as usize)
            .is_some_and(|n| *n > 0)
        {
            self.numbers.reset(key);
            self.release(key);
        }
    }

    fn chain(&mut self, first: u32, mut each: impl FnMut(Computation)) {
        let mut at = first;
        while let Some(place) = at.checked_sub(1) {
            let stored = self.stored.get(place);
            each(stored.computation);
            self.free.push(place);
            self.live -= 1;
            at = stored.next;
        }
    }

    fn link(&mut self, computations: &[Computation]) -> u32 {
        let mut next = 0;
        let mut mark = 0;
        for (i, computation) in computations.iter().enumerate().rev() {
            // The least of all in rank: it is never the first of several.
            if i > 0 && computation.start == NOT_STARTED {
                mark = BEFORE_NOT_STARTED;
                continue;
            }
            let mut computation = *computation;
            computation.state |= mark;
            mark = 0;
            let place = self.free.pop().unwrap_or_else(|| {
                let places = self.stored.values().len();
                self.stored.reserve_slots(places + 1);
                places as u32
            });
            self.stored.set(place, Stored { computation, next });
            self.live += 1;
            next = place + 1;
        }
        next
    }

    /// Every key is below this.
    pub fn end(&self) -> u32 {
        self.index.slots_end() as u32
    }

    /// Partial and whole matches stored.
    pub fn len(&self) -> usize {
        self.live
    }

    pub fn memory_bytes(&self) -> usize {
        self.index.memory_bytes()
            + self.uses.memory_bytes()
            + self.partial.memory_bytes()
            + self.completed.memory_bytes()
            + self.stored.memory_bytes()
            + self.numbers.memory_bytes()
            + self.free.capacity() * 4
    }
}
