//! The rows that a changelog leaves, and a view of them that updates in place.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::time::{Duration, Instant};

use filbert_table::TableError;
use filbert_table::print::{Row, Tableau, row_term};
use filbert_types::Field;

/// How often the view is drawn anew at most.
const REFRESH: Duration = Duration::from_millis(200);
/// Lines around the rows: borders, names, the status, the prompt to come.
const FRAME_LINES: usize = 7;
/// Rows of a page where the terminal does not tell its height.
const PAGE_ROWS: usize = 24;

/// What a changelog has come to: rows in the order of their arrival, at most `max` of them.
#[derive(Debug)]
pub(crate) struct Materialized {
    rows: BTreeMap<u64, Row>,
    /// Where rows with these cells are, the newest last.
    places: HashMap<Vec<Option<String>>, Vec<u64>>,
    next: u64,
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
            max: max.max(1),
            dropped: 0,
        }
    }

    /// Applies a change. A delete of a row that was given up changes nothing.
    pub fn apply(&mut self, change: Row) {
        if !change.kind.is_accumulate() {
            if let Some(place) = self.newest(&change) {
                self.rows.remove(&place);
            }
            return;
        }
        if self.rows.len() >= self.max
            && let Some((place, oldest)) = self.rows.pop_first()
        {
            self.forget(&oldest, place);
            self.dropped += 1;
        }
        let places = self.places.entry(change.cells.clone()).or_default();
        places.push(self.next);
        self.rows.insert(self.next, change);
        self.next += 1;
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

    /// The newest rows, oldest of them first.
    fn last(&self, count: usize) -> Vec<Row> {
        let skipped = self.rows.len().saturating_sub(count);
        self.rows.values().skip(skipped).cloned().collect()
    }
}

/// A view that is drawn over itself.
pub(crate) struct LiveView {
    /// Lines on the screen that belong to the view.
    lines: usize,
    drawn: Option<Instant>,
    page: usize,
    max_column_width: usize,
}

impl LiveView {
    pub fn new(max_column_width: usize) -> LiveView {
        let height = console::Term::stdout().size_checked().map(|(rows, _)| rows);
        let page = height.map_or(PAGE_ROWS, |h| usize::from(h).saturating_sub(FRAME_LINES));
        LiveView {
            lines: 0,
            drawn: None,
            page: page.max(1),
            max_column_width,
        }
    }

    /// Draws the newest page, unless it was drawn a moment ago.
    pub fn update(
        &mut self,
        fields: &[Field],
        rows: &Materialized,
        out: &mut dyn Write,
    ) -> Result<(), TableError> {
        if self.drawn.is_some_and(|at| at.elapsed() < REFRESH) {
            return Ok(());
        }
        let mut text = Vec::new();
        let page = rows.last(self.page);
        Tableau::write_all(fields, &page, self.max_column_width, &mut text)?;
        let count = rows.len() as u64;
        let shown = page.len();
        let hidden = if shown < rows.len() {
            format!(", the last {shown} are shown")
        } else {
            String::new()
        };
        let term = row_term(count);
        let status = format!("Running: {count} {term}{hidden}. Ctrl-C ends the query.\n");
        text.extend_from_slice(status.as_bytes());
        self.clear(out)?;
        self.lines = text.iter().filter(|b| **b == b'\n').count();
        self.drawn = Some(Instant::now());
        out.write_all(&text)
            .and_then(|()| out.flush())
            .map_err(|error| crate::client::closed(&error))
    }

    /// Takes the view off the screen.
    pub fn clear(&mut self, out: &mut dyn Write) -> Result<(), TableError> {
        let lines = std::mem::take(&mut self.lines);
        if lines == 0 {
            return Ok(());
        }
        write!(out, "\x1b[{lines}A\r\x1b[J").map_err(|error| crate::client::closed(&error))
    }
}

#[cfg(test)]
mod tests {
    use filbert_types::RowKind;

    use super::*;

    fn row(kind: RowKind, text: &str) -> Row {
        Row {
            kind,
            cells: vec![Some(text.to_owned())],
        }
    }

    fn texts(rows: Materialized) -> Vec<String> {
        let rows = rows.into_rows().into_iter();
        rows.map(|r| r.cells[0].clone().unwrap()).collect()
    }

    #[test]
    fn deletes_take_the_newest_equal_row() {
        let mut rows = Materialized::new(10);
        for (kind, text) in [
            (RowKind::Insert, "a"),
            (RowKind::Insert, "b"),
            (RowKind::Insert, "a"),
            (RowKind::Delete, "a"),
            (RowKind::UpdateBefore, "b"),
            (RowKind::UpdateAfter, "c"),
        ] {
            rows.apply(row(kind, text));
        }
        assert_eq!(texts(rows), ["a", "c"]);
    }

    #[test]
    fn the_oldest_rows_go_when_there_are_too_many() {
        let mut rows = Materialized::new(2);
        for text in ["a", "b", "c"] {
            rows.apply(row(RowKind::Insert, text));
        }
        rows.apply(row(RowKind::Delete, "a"));
        assert_eq!(rows.dropped, 1);
        assert_eq!(texts(rows), ["b", "c"]);
    }
}
