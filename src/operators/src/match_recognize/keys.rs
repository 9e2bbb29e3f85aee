use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use filbert_state::{KeyIndex, ValueTable};

use super::automaton::{Automaton, Computation, KeyMatches};
use crate::error::Result;
use crate::group_aggregate::state_error;

/// The keys, and the partial matches of each while none of its rows is looked at.
pub(super) struct Keys {
    pub index: KeyIndex,
    /// By key: rows that wait, timers, and one for partial matches; a key without any is forgotten.
    uses: ValueTable<u32>,
    /// By key: the first of its partial matches and of its whole ones; stored one higher, 0 for none.
    partial: ValueTable<u32>,
    completed: ValueTable<u32>,
    stored: ValueTable<Stored>,
    free: Vec<u32>,
    live: usize,
}

/// A computation in the chain of its key.
#[derive(Debug, Clone, Copy, Default)]
struct Stored {
    computation: Computation,
    next: u32,
}

impl Keys {
    /// # Errors
    /// When a type can't be a key.
    pub fn new(types: Vec<DataType>) -> Result<Keys> {
        Ok(Keys {
            index: KeyIndex::new(types).map_err(state_error)?,
            uses: ValueTable::default(),
            partial: ValueTable::default(),
            completed: ValueTable::default(),
            stored: ValueTable::default(),
            free: Vec::new(),
            live: 0,
        })
    }

    /// The keys of these rows.
    ///
    /// # Errors
    /// When there are too many.
    pub fn of(&mut self, columns: &[ArrayRef], rows: usize, keys: &mut Vec<u32>) -> Result<()> {
        self.index
            .slots_for(columns, rows, keys)
            .map_err(state_error)?;
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
        self.chain(partial, |c| matches.partial.restore(c));
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
        for computation in computations.iter().rev() {
            let place = self.free.pop().unwrap_or_else(|| {
                let places = self.stored.values().len();
                self.stored.reserve_slots(places + 1);
                places as u32
            });
            self.stored.set(
                place,
                Stored {
                    computation: *computation,
                    next,
                },
            );
            self.live += 1;
            next = place + 1;
        }
        next
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
            + self.free.capacity() * 4
    }
}
