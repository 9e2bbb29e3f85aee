use std::collections::{BTreeMap, BTreeSet};

use crate::table::ValueTable;

/// The end of a chain of rows.
const NO_ROW: u32 = u32::MAX;

/// Sessions below each key: spans of time that neither overlap nor touch, each with the rows that made it, or with what
/// stands for them. A row whose span meets others joins them into one.
#[derive(Debug, Default)]
pub struct SessionTable {
    /// By key and beginning.
    spans: BTreeMap<(u32, i64), Span>,
    /// By end, to fire in order: end, key, beginning.
    ends: BTreeSet<(i64, u32, i64)>,
    /// The row behind each row in its session.
    next: ValueTable<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    end: i64,
    first: u32,
    last: u32,
}

/// A session that was taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    pub key: u32,
    pub start: i64,
    pub end: i64,
    /// Its first row; the others follow by [`SessionTable::next_row`].
    pub first_row: Option<u32>,
}

impl SessionTable {
    /// The end of the session that the span `[start, end]` would be part of.
    pub fn end_with(&self, key: u32, start: i64, end: i64) -> i64 {
        self.meeting(key, start, end)
            .map(|(_, span)| span.end)
            .fold(end, i64::max)
    }

    /// Adds a row with its span `[start, end]`.
    pub fn add(&mut self, key: u32, start: i64, end: i64, row: u32) {
        self.next.reserve_slots(row as usize + 1);
        self.next.set(row, NO_ROW);
        // Most rows come into a session that is there and stays within it or moves its end.
        if let Some(span) = self.containing(key, start, end) {
            let last = std::mem::replace(&mut span.last, row);
            self.next.set(last, row);
            return;
        }
        let (from, mut joined) = self.join(key, start, end);
        match joined.last {
            NO_ROW => joined.first = row,
            last => self.next.set(last, row),
        }
        joined.last = row;
        self.insert(key, from, joined);
    }

    /// Adds a span `[start, end]` whose row isn't kept: gives the first entry of the session that it is part of, which
    /// `make` makes where it meets none. Sessions that become one have several entries then.
    ///
    /// # Errors
    /// As `make`.
    pub fn entry_for<E>(
        &mut self,
        key: u32,
        start: i64,
        end: i64,
        make: impl FnOnce() -> Result<u32, E>,
    ) -> Result<u32, E> {
        if let Some(span) = self.containing(key, start, end) {
            return Ok(span.first);
        }
        let (from, mut joined) = self.join(key, start, end);
        if joined.first == NO_ROW {
            let entry = make()?;
            self.next.reserve_slots(entry as usize + 1);
            self.next.set(entry, NO_ROW);
            (joined.first, joined.last) = (entry, entry);
        }
        self.insert(key, from, joined);
        Ok(joined.first)
    }

    /// The session that holds the whole span.
    fn containing(&mut self, key: u32, start: i64, end: i64) -> Option<&mut Span> {
        let mut before = self.spans.range_mut((key, i64::MIN)..=(key, start));
        let (_, span) = before.next_back()?;
        (span.end >= end).then_some(span)
    }

    /// Takes the sessions that the span meets out: what they make together with it, and its beginning.
    fn join(&mut self, key: u32, start: i64, end: i64) -> (i64, Span) {
        let mut joined = Span {
            end,
            first: NO_ROW,
            last: NO_ROW,
        };
        let mut from = start;
        let met: Vec<(i64, Span)> = self.meeting(key, start, end).collect();
        for (begin, span) in met {
            self.spans.remove(&(key, begin));
            self.ends.remove(&(span.end, key, begin));
            from = from.min(begin);
            joined.end = joined.end.max(span.end);
            match joined.last {
                NO_ROW => joined.first = span.first,
                last => self.next.set(last, span.first),
            }
            joined.last = span.last;
        }
        (from, joined)
    }

    fn insert(&mut self, key: u32, from: i64, span: Span) {
        self.ends.insert((span.end, key, from));
        self.spans.insert((key, from), span);
    }

    /// The sessions that the span meets, in time's order.
    fn meeting(&self, key: u32, start: i64, end: i64) -> impl Iterator<Item = (i64, Span)> {
        let before = self.spans.range((key, i64::MIN)..(key, start)).next_back();
        let within = self.spans.range((key, start)..=(key, end));
        before
            .into_iter()
            .chain(within)
            .map(|((_, begin), span)| (*begin, *span))
            .filter(move |(_, span)| span.end >= start)
    }

    /// The earliest end.
    pub fn first_end(&self) -> Option<i64> {
        self.ends.first().map(|(end, _, _)| *end)
    }

    /// Takes the session that ends first out.
    pub fn pop_first(&mut self) -> Option<Session> {
        let (end, key, start) = self.ends.pop_first()?;
        let span = self.spans.remove(&(key, start))?;
        Some(Session {
            key,
            start,
            end,
            first_row: Some(span.first),
        })
    }

    /// The row behind this one in its session.
    pub fn next_row(&self, row: u32) -> Option<u32> {
        Some(self.next.get(row)).filter(|next| *next != NO_ROW)
    }

    pub fn has_key(&self, key: u32) -> bool {
        let mut spans = self.spans.range((key, i64::MIN)..=(key, i64::MAX));
        spans.next().is_some()
    }

    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub fn memory_bytes(&self) -> usize {
        let entry = size_of::<((u32, i64), Span)>() + size_of::<(i64, u32, i64)>();
        self.spans.len() * entry + self.next.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(table: &SessionTable, session: &Session) -> Vec<u32> {
        std::iter::successors(session.first_row, |row| table.next_row(*row)).collect()
    }

    #[test]
    fn a_row_joins_the_sessions_that_it_meets() {
        let mut table = SessionTable::default();
        table.add(0, 0, 10, 0);
        table.add(0, 30, 40, 1);
        table.add(1, 5, 15, 2);
        assert_eq!(table.len(), 3);
        assert_eq!(table.end_with(0, 20, 30), 40);
        table.add(0, 20, 30, 3);
        assert_eq!(table.len(), 3, "10 and 20 don't touch, 30 and 30 do");
        table.add(0, 10, 20, 4);
        assert_eq!(table.len(), 2);
        assert_eq!(table.first_end(), Some(15));
        let first = table.pop_first().unwrap();
        assert_eq!((first.key, first.start, first.end), (1, 5, 15));
        let second = table.pop_first().unwrap();
        assert_eq!((second.key, second.start, second.end), (0, 0, 40));
        assert_eq!(rows(&table, &second), [0, 1, 3, 4]);
        assert!(table.is_empty() && !table.has_key(0));
    }

    proptest::proptest! {
        /// Against the plain way: sort the spans, join those that meet.
        #[test]
        fn sessions_are_what_sorting_gives(starts in proptest::collection::vec((0u32..2, 0i64..60), 0..40)) {
            let mut table = SessionTable::default();
            for (row, (key, start)) in starts.iter().enumerate() {
                table.add(*key, *start, start + 5, row as u32);
            }
            let mut expected = Vec::new();
            for key in 0..2 {
                let mut own: Vec<i64> = starts.iter().filter(|s| s.0 == key).map(|s| s.1).collect();
                own.sort_unstable();
                for start in own {
                    match expected.last_mut() {
                        Some((k, _, end, n)) if *k == key && start <= *end => {
                            *end = start + 5;
                            *n += 1;
                        }
                        _ => expected.push((key, start, start + 5, 1)),
                    }
                }
            }
            expected.sort_by_key(|(key, start, end, _)| (*end, *key, *start));
            let mut found = Vec::new();
            while let Some(session) = table.pop_first() {
                found.push((session.key, session.start, session.end, rows(&table, &session).len()));
            }
            proptest::prop_assert_eq!(found, expected);
        }
    }
}
