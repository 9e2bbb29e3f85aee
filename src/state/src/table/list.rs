use crate::table::ValueTable;

/// Occurrences of entries below each key, in the order in which they came: a list that may hold an entry many times, from
/// which the oldest occurrence of an entry is taken back at constant cost.
///
/// Entries are slots of an index of their own (a [`KeyIndex`](crate::KeyIndex) below the key), each below one key. A
/// retraction that finds no occurrence is owed: the next one that comes pays it.
#[derive(Debug, Default)]
pub struct ListTable {
    nodes: Vec<Node>,
    free: Vec<u32>,
    /// First and last node, by key and by entry.
    keys: ValueTable<Ends>,
    entries: ValueTable<Ends>,
    /// How many occurrences an entry has; below zero, how many it owes.
    counts: ValueTable<i64>,
}

/// Links are stored one higher, 0 for none.
#[derive(Debug, Clone, Copy, Default)]
struct Ends {
    head: u32,
    tail: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Node {
    entry: u32,
    previous: u32,
    next: u32,
    /// The next occurrence of the same entry.
    next_same: u32,
}

impl ListTable {
    /// Makes room for keys and entries below these ends.
    pub fn reserve(&mut self, slots_end: usize, entries_end: usize) {
        self.keys.reserve_slots(slots_end);
        self.entries.reserve_slots(entries_end);
        self.counts.reserve_slots(entries_end);
    }

    /// Appends an occurrence of the entry to the key's list.
    pub fn push(&mut self, slot: u32, entry: u32) {
        let count = self.counts.get(entry);
        self.counts.set(entry, count + 1);
        if count < 0 {
            return;
        }
        let key = self.keys.get(slot);
        let node = Node {
            entry,
            previous: key.tail,
            ..Node::default()
        };
        let link = self.add_node(node);
        self.keys.set(slot, appended(key, link));
        if let Some(before) = key.tail.checked_sub(1) {
            self.nodes[before as usize].next = link;
        }
        let same = self.entries.get(entry);
        self.entries.set(entry, appended(same, link));
        if let Some(before) = same.tail.checked_sub(1) {
            self.nodes[before as usize].next_same = link;
        }
    }

    /// Takes back the oldest occurrence of the entry.
    pub fn retract(&mut self, slot: u32, entry: u32) {
        self.counts.set(entry, self.counts.get(entry) - 1);
        let same = self.entries.get(entry);
        let Some(at) = same.head.checked_sub(1) else {
            return;
        };
        let node = self.nodes[at as usize];
        let tail = if node.next_same == 0 { 0 } else { same.tail };
        let head = node.next_same;
        self.entries.set(entry, Ends { head, tail });
        let mut key = self.keys.get(slot);
        match node.previous.checked_sub(1) {
            Some(before) => self.nodes[before as usize].next = node.next,
            None => key.head = node.next,
        }
        match node.next.checked_sub(1) {
            Some(after) => self.nodes[after as usize].previous = node.previous,
            None => key.tail = node.previous,
        }
        self.keys.set(slot, key);
        self.free.push(at);
    }

    /// The key's occurrences, oldest first, by their entries.
    pub fn occurrences(&self, slot: u32) -> impl Iterator<Item = u32> {
        let first = self.keys.values().get(slot as usize).map_or(0, |k| k.head);
        let mut at = first;
        std::iter::from_fn(move || {
            let node = self.nodes[at.checked_sub(1)? as usize];
            at = node.next;
            Some(node.entry)
        })
    }

    /// The entry of the key's oldest occurrence.
    pub fn first(&self, slot: u32) -> Option<u32> {
        let key = self.keys.values().get(slot as usize)?;
        Some(self.nodes[key.head.checked_sub(1)? as usize].entry)
    }

    /// The entry of the key's newest occurrence.
    pub fn last(&self, slot: u32) -> Option<u32> {
        let key = self.keys.values().get(slot as usize)?;
        Some(self.nodes[key.tail.checked_sub(1)? as usize].entry)
    }

    /// How many occurrences an entry has; below zero, how many retractions wait for one.
    pub fn count(&self, entry: u32) -> i64 {
        self.counts.get(entry)
    }

    /// Forgets that an entry owes anything; its occurrences stay.
    pub fn forgive(&mut self, entry: u32) {
        self.counts.set(entry, self.counts.get(entry).max(0));
    }

    pub fn memory_bytes(&self) -> usize {
        self.nodes.capacity() * std::mem::size_of::<Node>()
            + self.free.capacity() * 4
            + self.keys.memory_bytes()
            + self.entries.memory_bytes()
            + self.counts.memory_bytes()
    }

    fn add_node(&mut self, node: Node) -> u32 {
        match self.free.pop() {
            Some(free) => {
                self.nodes[free as usize] = node;
                free + 1
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() as u32
            }
        }
    }
}

fn appended(ends: Ends, link: u32) -> Ends {
    let head = if ends.head == 0 { link } else { ends.head };
    Ends { head, tail: link }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lists_are_as_vectors(steps in prop::collection::vec((0u32..2, 0u32..3, any::<bool>()), 0..80)) {
            let mut table = ListTable::default();
            table.reserve(2, 6);
            let mut model: Vec<Vec<u32>> = vec![Vec::new(); 2];
            let mut owed = [0i64; 6];
            for (slot, value, retract) in steps {
                let entry = slot * 3 + value;
                let list = &mut model[slot as usize];
                if retract {
                    table.retract(slot, entry);
                    match list.iter().position(|e| *e == entry) {
                        Some(at) => { list.remove(at); }
                        None => owed[entry as usize] += 1,
                    }
                } else {
                    table.push(slot, entry);
                    if owed[entry as usize] > 0 { owed[entry as usize] -= 1 } else { list.push(entry) }
                }
                for slot in 0..2u32 {
                    let list = &model[slot as usize];
                    prop_assert_eq!(&table.occurrences(slot).collect::<Vec<_>>(), list);
                    prop_assert_eq!(table.first(slot), list.first().copied());
                    prop_assert_eq!(table.last(slot), list.last().copied());
                }
            }
        }
    }
}
