//! Java's `PriorityQueue`, place by place.

/// A binary heap that keeps its elements in the same places as Java's `PriorityQueue`: Flink walks over such queues, so
/// that which of several equally early matches is found first depends on the places.
#[derive(Debug, Clone)]
pub(super) struct JavaHeap<T> {
    items: Vec<T>,
}

impl<T> Default for JavaHeap<T> {
    fn default() -> JavaHeap<T> {
        JavaHeap { items: Vec::new() }
    }
}

/// What a heap sorts by.
pub(super) trait Ranked: Copy {
    fn rank(&self) -> u64;
}

impl<T: Ranked> JavaHeap<T> {
    pub fn add(&mut self, item: T) {
        let mut at = self.items.len();
        self.items.push(item);
        while at > 0 {
            let parent = (at - 1) / 2;
            if item.rank() >= self.items[parent].rank() {
                break;
            }
            self.items[at] = self.items[parent];
            at = parent;
        }
        self.items[at] = item;
    }

    pub fn peek(&self) -> Option<&T> {
        self.items.first()
    }

    pub fn poll(&mut self) -> Option<T> {
        let last = self.items.pop()?;
        match self.items.first().copied() {
            None => Some(last),
            Some(first) => {
                self.sift_down(0, last);
                Some(first)
            }
        }
    }

    /// Takes out what `remove` says, as `removeAll` does.
    pub fn remove_if(&mut self, mut remove: impl FnMut(&T) -> bool) {
        let before = self.items.len();
        self.items.retain(|item| !remove(item));
        if self.items.len() < before {
            for at in (0..self.items.len() / 2).rev() {
                let item = self.items[at];
                self.sift_down(at, item);
            }
        }
    }

    /// The elements in their places.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn clear(&mut self) {
        self.items.clear();
    }

    /// Puts an element at the end, where it stood before.
    pub fn restore(&mut self, item: T) {
        self.items.push(item);
    }

    fn sift_down(&mut self, start: usize, item: T) {
        let (mut at, length) = (start, self.items.len());
        while at < length / 2 {
            let mut child = 2 * at + 1;
            if child + 1 < length && self.items[child].rank() > self.items[child + 1].rank() {
                child += 1;
            }
            if item.rank() <= self.items[child].rank() {
                break;
            }
            self.items[at] = self.items[child];
            at = child;
        }
        self.items[at] = item;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Item(u64, char);

    impl Ranked for Item {
        fn rank(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn places_are_javas() {
        let mut heap = JavaHeap::default();
        for (i, name) in [5, 3, 5, 1, 3].into_iter().zip('a'..) {
            heap.add(Item(i, name));
        }
        // As java.util.PriorityQueue prints it.
        let names: String = heap.items().iter().map(|i| i.1).collect();
        assert_eq!(names, "dbcae");
        heap.remove_if(|i| i.1 == 'd');
        let names: String = heap.items().iter().map(|i| i.1).collect();
        assert_eq!(names, "beac");
        assert_eq!(heap.poll().map(|i| i.1), Some('b'));
        assert_eq!(heap.poll().map(|i| i.1), Some('e'));
    }
}
