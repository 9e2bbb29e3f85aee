//! The rows that a changelog leaves.

use std::collections::{BTreeMap, HashMap};

use filbert_table::print::Row;
use filbert_types::RowKind;

/// What a changelog has come to: rows in the order of their arrival, at most `max` of them. An updated row stays where
/// it was.
#[derive(Debug)]
pub(crate) struct Materialized {
    rows: BTreeMap<u64, Row>,
    /// Where rows with these cells are, the newest last.
    places: HashMap<Vec<Option<String>>, Vec<u64>>,
    next: u64,
    /// Where the row was whose update is under way.
    vacated: Option<u64>,
    max: usize,
    /// Rows given up because there were too many.
    pub dropped: u64,
}

impl Materialized {
    pub fn new(max: usize) -> Materialized {
        Materialized {
            rows: BTreeMap::new(),
            places: HashMap::new(),
            next: 0,
            vacated: None,
            max: max.max(1),
            dropped: 0,
        }
    }

    /// Applies a change. A delete of a row that was given up changes nothing.
    pub fn apply(&mut self, change: Row) {
        let vacated = self.vacated.take();
        if !change.kind.is_accumulate() {
            if let Some(place) = self.newest(&change) {
                self.rows.remove(&place);
                self.vacated = (change.kind == RowKind::UpdateBefore).then_some(place);
            }
            return;
        }
        if self.rows.len() >= self.max
            && let Some((place, oldest)) = self.rows.pop_first()
        {
            self.forget(&oldest, place);
            self.dropped += 1;
        }
        let place = match vacated {
            Some(place) if change.kind == RowKind::UpdateAfter => place,
            _ => {
                self.next += 1;
                self.next
            }
        };
        self.places
            .entry(change.cells.clone())
            .or_default()
            .push(place);
        self.rows.insert(place, change);
    }

    fn newest(&mut self, row: &Row) -> Option<u64> {
        let places = self.places.get_mut(&row.cells)?;
        let place = places.pop();
        if places.is_empty() {
            self.places.remove(&row.cells);
        }
        place
    }

    fn forget(&mut self, row: &Row, place: u64) {
        if let Some(places) = self.places.get_mut(&row.cells) {
            places.retain(|p| *p != place);
            if places.is_empty() {
                self.places.remove(&row.cells);
            }
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn into_rows(self) -> Vec<Row> {
        self.rows.into_values().collect()
    }

    /// `count` rows from the `first` on, found from the nearer end.
    pub fn page(&self, first: usize, count: usize) -> Vec<Row> {
        let end = first.saturating_add(count).min(self.rows.len());
        let count = end.saturating_sub(first);
        let after = self.rows.len() - end;
        if first <= after {
            let rows = self.rows.values().skip(first);
            return rows.take(count).cloned().collect();
        }
        let rows = self.rows.values().rev().skip(after);
        let mut page: Vec<Row> = rows.take(count).cloned().collect();
        page.reverse();
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: RowKind, text: &str) -> Row {
        Row {
            kind,
            cells: vec![Some(text.to_owned())],
        }
    }

    fn texts(rows: Vec<Row>) -> Vec<String> {
        rows.into_iter()
            .map(|r| r.cells[0].clone().unwrap())
            .collect()
    }

    #[test]
    fn deletes_take_the_newest_equal_row() {
        let mut rows = Materialized::new(10);
        for (kind, text) in [
            (RowKind::Insert, "a"),
            (RowKind::Insert, "b"),
            (RowKind::Insert, "a"),
            (RowKind::Delete, "a"),
            (RowKind::Insert, "d"),
            (RowKind::UpdateBefore, "b"),
            (RowKind::UpdateAfter, "c"),
        ] {
            rows.apply(row(kind, text));
        }
        assert_eq!(texts(rows.into_rows()), ["a", "c", "d"]);
    }

    #[test]
    fn the_oldest_rows_go_when_there_are_too_many() {
        let mut rows = Materialized::new(2);
        for text in ["a", "b", "c"] {
            rows.apply(row(RowKind::Insert, text));
        }
        rows.apply(row(RowKind::Delete, "a"));
        assert_eq!(rows.dropped, 1);
        assert_eq!(texts(rows.into_rows()), ["b", "c"]);
    }

    #[test]
    fn pages_are_the_same_from_either_end() {
        let mut rows = Materialized::new(100);
        let all: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        for text in &all {
            rows.apply(row(RowKind::Insert, text));
        }
        for first in 0..12 {
            for count in 0..12 {
                let expected: Vec<String> = all.iter().skip(first).take(count).cloned().collect();
                assert_eq!(texts(rows.page(first, count)), expected, "{first} {count}");
            }
        }
    }
}
