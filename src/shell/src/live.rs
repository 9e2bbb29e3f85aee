//! A view of a changing table that fills the screen and updates in place.

use std::io::Write;
use std::time::{Duration, Instant};

use filbert_table::TableError;
use filbert_table::print::{Tableau, columns, row_term};
use filbert_types::Field;

use crate::materialized::Materialized;
use crate::terminal::{Key, Keys};

/// Queries that end sooner are never shown in a view.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often the view is drawn anew at most.
const REFRESH: Duration = Duration::from_millis(200);
/// Lines around the rows: borders, names, the status.
const FRAME_LINES: usize = 5;
/// The size of a terminal that doesn't tell it.
const SIZE: (u16, u16) = (24, 80);
/// Columns of the screen that an arrow moves by.
const SIDEWAYS: usize = 10;

/// The other screen, without a cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// What the user wants of the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    GoOn,
    Quit,
}

/// A view on its own screen; the user's screen is back when it is closed.
pub(crate) struct LiveView {
    opened: Instant,
    /// There when the view is on the screen.
    keys: Option<Keys>,
    drawn: Option<Instant>,
    /// The first row shown; none follows the newest rows.
    first: Option<usize>,
    left: usize,
    max_column_width: usize,
}

impl LiveView {
    pub fn new(max_column_width: usize) -> LiveView {
        LiveView {
            opened: Instant::now(),
            keys: None,
            drawn: None,
            first: None,
            left: 0,
            max_column_width,
        }
    }

    /// Looks at the keys and draws the table, unless that was a moment ago.
    pub fn update(
        &mut self,
        fields: &[Field],
        rows: &Materialized,
        out: &mut dyn Write,
    ) -> Result<Wish, TableError> {
        if self.opened.elapsed() < PATIENCE {
            return Ok(Wish::GoOn);
        }
        let pressed = match &self.keys {
            Some(keys) => keys.pressed(),
            None => {
                let Some(keys) = Keys::open() else {
                    return Ok(Wish::GoOn);
                };
                self.keys = Some(keys);
                put(out, ENTER)?;
                Vec::new()
            }
        };
        let (height, width) = console::Term::stdout().size_checked().unwrap_or(SIZE);
        let page = usize::from(height).saturating_sub(FRAME_LINES).max(1);
        for key in &pressed {
            if *key == Key::Quit {
                return Ok(Wish::Quit);
            }
            self.turn(*key, rows.len(), page);
        }
        if pressed.is_empty() && self.drawn.is_some_and(|at| at.elapsed() < REFRESH) {
            return Ok(Wish::GoOn);
        }
        let text = self.frame(fields, rows, page, usize::from(width))?;
        self.drawn = Some(Instant::now());
        put(out, &text)?;
        Ok(Wish::GoOn)
    }

    fn turn(&mut self, key: Key, rows: usize, page: usize) {
        let last = rows.saturating_sub(page);
        let first = self.first.unwrap_or(last).min(last);
        let to = match key {
            Key::LineUp => first.saturating_sub(1),
            Key::LineDown => first + 1,
            Key::PageUp => first.saturating_sub(page),
            Key::PageDown => first + page,
            Key::First => 0,
            Key::Last => last,
            Key::Left => {
                self.left = self.left.saturating_sub(SIDEWAYS);
                return;
            }
            Key::Right => {
                self.left += SIDEWAYS;
                return;
            }
            Key::Quit => return,
        };
        self.first = (to < last).then_some(to);
    }

    fn frame(
        &self,
        fields: &[Field],
        rows: &Materialized,
        page: usize,
        width: usize,
    ) -> Result<String, TableError> {
        let last = rows.len().saturating_sub(page);
        let first = self.first.unwrap_or(last).min(last);
        let shown = rows.page(first, page);
        let tableau = Tableau::by_data(fields, &shown, self.max_column_width);
        let mut table = Vec::new();
        tableau.header(&mut table)?;
        for row in &shown {
            tableau.row(row, &mut table)?;
        }
        tableau.border(&mut table)?;
        let mut text = String::from("\x1b[H");
        for line in String::from_utf8_lossy(&table).lines() {
            text.push_str(columns(line, self.left, width));
            text.push_str("\x1b[K\r\n");
        }
        let status = status(first, shown.len(), rows.len(), self.opened.elapsed());
        text.push_str("\x1b[7m");
        text.push_str(columns(&status, 0, width));
        text.push_str("\x1b[0m\x1b[K\x1b[J");
        Ok(text)
    }

    /// Takes the view off the screen.
    pub fn close(&mut self, out: &mut dyn Write) -> Result<(), TableError> {
        match self.keys.take() {
            Some(_) => put(out, LEAVE),
            None => Ok(()),
        }
    }
}

fn status(first: usize, shown: usize, rows: usize, running: Duration) -> String {
    let seconds = running.as_secs();
    let term = row_term(rows as u64);
    let place = if shown < rows {
        format!("{}-{} of {rows} {term}", first + 1, first + shown)
    } else {
        format!("{rows} {term}")
    };
    format!(
        "{place}, running for {}:{:02}  Q quit  N/P page  G last  arrows move",
        seconds / 60,
        seconds % 60
    )
}

fn put(out: &mut dyn Write, text: &str) -> Result<(), TableError> {
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| TableError::output(&error))
}

#[cfg(test)]
mod tests {
    use filbert_table::print::Row;
    use filbert_types::{RowKind, TypeKind};

    use super::*;

    fn plain(text: &str) -> String {
        let mut plain = String::new();
        for (number, part) in text.split('\x1b').enumerate() {
            let end = part.find(|c: char| c.is_ascii_alphabetic());
            plain.push_str(match end {
                Some(end) if number > 0 => &part[end + 1..],
                _ => part,
            });
        }
        plain.replace('\r', "")
    }

    #[test]
    fn the_view_follows_the_newest_rows_until_it_is_turned() {
        let mut rows = Materialized::new(100);
        for n in 0..5 {
            rows.apply(Row {
                kind: RowKind::Insert,
                cells: vec![Some(format!("row {n}"))],
            });
        }
        let fields = [Field::new("name", TypeKind::Int.into())];
        let mut view = LiveView::new(30);
        let frame = |view: &LiveView| plain(&view.frame(&fields, &rows, 2, 12).unwrap());
        let newest =
            "+-------+\n|  name |\n+-------+\n| row 3 |\n| row 4 |\n+-------+\n4-5 of 5 row";
        assert_eq!(frame(&view), newest);
        view.turn(Key::PageUp, 5, 2);
        assert!(frame(&view).contains("row 1") && !frame(&view).contains("row 3"));
        view.turn(Key::PageDown, 5, 2);
        assert_eq!(view.first, None);
        view.turn(Key::Right, 5, 2);
        assert!(frame(&view).starts_with("\n\n"));
    }
}
