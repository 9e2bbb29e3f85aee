use std::collections::BTreeMap;
use std::ops::Bound;

/// Values with their counts below each key, in the values' order: what MIN and MAX need to take values back.
///
/// One tree holds all keys, so that a key with one value costs one entry. A count may be negative: a retraction that
/// comes before its value waits for it, as in Flink's `MinWithRetract`.
#[derive(Debug)]
pub struct OrderedMultiset<T> {
    counts: BTreeMap<(u32, T), i64>,
    /// Bytes that values hold outside the tree.
    value_bytes: usize,
}

impl<T> Default for OrderedMultiset<T> {
    fn default() -> OrderedMultiset<T> {
        OrderedMultiset {
            counts: BTreeMap::new(),
            value_bytes: 0,
        }
    }
}

impl<T: Ord + Clone> OrderedMultiset<T> {
    /// Adds `by` to the value's count; at zero the value goes.
    pub fn add(&mut self, slot: u32, value: T, by: i64, heap_bytes: usize) {
        use std::collections::btree_map::Entry;
        match self.counts.entry((slot, value)) {
            Entry::Vacant(entry) => {
                entry.insert(by);
                self.value_bytes += heap_bytes;
            }
            Entry::Occupied(mut entry) => {
                *entry.get_mut() += by;
                if *entry.get() == 0 {
                    entry.remove();
                    self.value_bytes = self.value_bytes.saturating_sub(heap_bytes);
                }
            }
        }
    }

    /// The least value with a positive count; `lowest` sorts before all values.
    pub fn min(&self, slot: u32, lowest: T) -> Option<&T> {
        self.counts
            .range((slot, lowest)..)
            .take_while(|((s, _), _)| *s == slot)
            .find(|(_, count)| **count > 0)
            .map(|((_, value), _)| value)
    }

    /// The greatest value with a positive count; `lowest` sorts before all values.
    pub fn max(&self, slot: u32, lowest: T) -> Option<&T> {
        let end = slot
            .checked_add(1)
            .map_or(Bound::Unbounded, |next| Bound::Excluded((next, lowest)));
        self.counts
            .range((Bound::Unbounded, end))
            .rev()
            .take_while(|((s, _), _)| *s == slot)
            .find(|(_, count)| **count > 0)
            .map(|((_, value), _)| value)
    }

    /// A key's values with their counts, in the values' order; counts below zero wait for their values.
    pub fn iter(&self, slot: u32, lowest: T) -> impl Iterator<Item = (&T, i64)> {
        self.counts
            .range((slot, lowest)..)
            .take_while(move |((s, _), _)| *s == slot)
            .map(|((_, value), count)| (value, *count))
    }

    /// Forgets a key's values.
    pub fn reset(&mut self, slot: u32, lowest: T, heap_bytes: impl Fn(&T) -> usize) {
        let values: Vec<(u32, T)> = self
            .counts
            .range((slot, lowest)..)
            .take_while(|((s, _), _)| *s == slot)
            .map(|(key, _)| key.clone())
            .collect();
        for key in values {
            self.value_bytes = self.value_bytes.saturating_sub(heap_bytes(&key.1));
            self.counts.remove(&key);
        }
    }

    /// Values of all keys.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    pub fn memory_bytes(&self) -> usize {
        // A B-tree's nodes are about three quarters full.
        self.counts.len() * (std::mem::size_of::<((u32, T), i64)>() * 4 / 3) + self.value_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_follow_retractions() {
        let mut set = OrderedMultiset::<i64>::default();
        for value in [5, 3, 9, 3] {
            set.add(7, value, 1, 0);
        }
        set.add(8, 1, 1, 0);
        assert_eq!(set.min(7, i64::MIN), Some(&3));
        assert_eq!(set.max(7, i64::MIN), Some(&9));
        set.add(7, 3, -1, 0);
        set.add(7, 9, -1, 0);
        assert_eq!(set.min(7, i64::MIN), Some(&3));
        assert_eq!(set.max(7, i64::MIN), Some(&5));
        set.reset(7, i64::MIN, |_| 0);
        assert_eq!(set.min(7, i64::MIN), None);
        assert_eq!(set.max(8, i64::MIN), Some(&1));
        assert_eq!(set.len(), 1);
    }

    #[test]
    fn a_retraction_before_its_value_waits() {
        let mut set = OrderedMultiset::<i64>::default();
        set.add(0, 4, -1, 0);
        assert_eq!(set.min(0, i64::MIN), None);
        set.add(0, 4, 1, 0);
        assert!(set.is_empty());
    }
}
