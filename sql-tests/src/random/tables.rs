use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Field, Schema};
use filbert_connector_api::ChangelogMode;
use filbert_types::{ChangeBatch, RowKind};
use rand::Rng;
use rand::rngs::StdRng;

/// The columns of every table: `k INT, a INT, b INT, s STRING`.
pub const COLUMNS: &str = "k INT, a INT, b INT, s STRING";

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub k: Option<i32>,
    pub a: Option<i32>,
    pub b: Option<i32>,
    pub s: Option<&'static str>,
}

/// What a table's source sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    InsertOnly,
    /// Rows come and go; equal rows are apart.
    Retract,
    /// Rows by key, with what they were before.
    Keyed,
    /// Rows by key: +I, +U and -D.
    Upsert,
}

impl Mode {
    pub fn is_keyed(self) -> bool {
        matches!(self, Mode::Keyed | Mode::Upsert)
    }

    pub fn changelog_mode(self) -> ChangelogMode {
        match self {
            Mode::InsertOnly => ChangelogMode::INSERT_ONLY,
            Mode::Retract | Mode::Keyed => ChangelogMode::ALL,
            Mode::Upsert => ChangelogMode {
                update_before: false,
                ..ChangelogMode::ALL
            },
        }
    }
}

/// A table's changelog.
#[derive(Debug, Clone)]
pub struct Table {
    pub mode: Mode,
    pub changes: Vec<(RowKind, Row)>,
}

const TEXTS: [&str; 4] = ["x", "y", "yy", ""];

fn some<T>(rng: &mut StdRng, nulls: f64, make: impl FnOnce(&mut StdRng) -> T) -> Option<T> {
    if rng.random_bool(nulls) {
        None
    } else {
        Some(make(rng))
    }
}

fn row(rng: &mut StdRng) -> Row {
    Row {
        k: some(rng, 0.1, |rng| rng.random_range(0..8)),
        a: some(rng, 0.15, |rng| rng.random_range(0..5)),
        b: some(rng, 0.15, |rng| rng.random_range(-20..20)),
        s: some(rng, 0.15, |rng| TEXTS[rng.random_range(0..TEXTS.len())]),
    }
}

impl Table {
    /// A random changelog of about so many changes.
    pub fn random(rng: &mut StdRng, changes_max: usize) -> Table {
        let mode =
            [Mode::InsertOnly, Mode::Retract, Mode::Keyed, Mode::Upsert][rng.random_range(0..4)];
        let count = rng.random_range(0..=changes_max);
        let changes = if mode.is_keyed() {
            keyed_changes(rng, count, mode == Mode::Keyed)
        } else {
            loose_changes(rng, count, mode == Mode::Retract)
        };
        Table { mode, changes }
    }

    /// The rows that the changelog comes to.
    pub fn rows(&self) -> Vec<Row> {
        if self.mode.is_keyed() {
            let mut rows = BTreeMap::new();
            for (kind, row) in &self.changes {
                match kind {
                    RowKind::Insert | RowKind::UpdateAfter => {
                        rows.insert(row.k, row.clone());
                    }
                    RowKind::Delete => {
                        rows.remove(&row.k);
                    }
                    RowKind::UpdateBefore => {}
                }
            }
            return rows.into_values().collect();
        }
        let mut rows: Vec<Row> = Vec::new();
        for (kind, row) in &self.changes {
            if kind.is_accumulate() {
                rows.push(row.clone());
            } else if let Some(at) = rows.iter().position(|r| r == row) {
                rows.swap_remove(at);
            }
        }
        rows
    }

    /// The changes in batches of so many rows.
    pub fn batches(&self, batch_rows: usize) -> Vec<ChangeBatch> {
        self.changes
            .chunks(batch_rows.max(1))
            .filter_map(|changes| {
                let rows: Vec<&Row> = changes.iter().map(|(_, row)| row).collect();
                let kinds: Vec<RowKind> = changes.iter().map(|(kind, _)| *kind).collect();
                Some(ChangeBatch::with_kinds(record_batch(&rows)?, kinds))
            })
            .collect()
    }

    /// As one may write it down to repeat a case.
    pub fn text(&self) -> String {
        let mut text = format!("{:?}\n", self.mode);
        for (kind, row) in &self.changes {
            // Writing to a String can't fail.
            let _ = writeln!(
                text,
                "  {kind} {:?} {:?} {:?} {:?}",
                row.k, row.a, row.b, row.s
            );
        }
        text.replace("Some(", "")
            .replace(')', "")
            .replace("None", "NULL")
    }
}

/// Rows as a batch of [`COLUMNS`].
pub fn record_batch(rows: &[&Row]) -> Option<RecordBatch> {
    let ints = |value: fn(&Row) -> Option<i32>| -> ArrayRef {
        Arc::new(rows.iter().map(|r| value(r)).collect::<Int32Array>())
    };
    let texts: StringViewArray = rows.iter().map(|r| r.s).collect();
    let schema = Schema::new(vec![
        Field::new("k", DataType::Int32, true),
        Field::new("a", DataType::Int32, true),
        Field::new("b", DataType::Int32, true),
        Field::new("s", DataType::Utf8View, true),
    ]);
    let columns = vec![ints(|r| r.k), ints(|r| r.a), ints(|r| r.b), Arc::new(texts)];
    RecordBatch::try_new(Arc::new(schema), columns).ok()
}

fn keyed_changes(rng: &mut StdRng, count: usize, with_before: bool) -> Vec<(RowKind, Row)> {
    let mut rows: BTreeMap<i32, Row> = BTreeMap::new();
    let mut changes = Vec::new();
    while changes.len() < count {
        let key = rng.random_range(0..10);
        let new = Row {
            k: Some(key),
            ..row(rng)
        };
        match rows.get(&key).cloned() {
            None => {
                changes.push((RowKind::Insert, new.clone()));
                rows.insert(key, new);
            }
            Some(old) if rng.random_bool(0.3) => {
                changes.push((RowKind::Delete, old));
                rows.remove(&key);
            }
            Some(old) => {
                if with_before {
                    changes.push((RowKind::UpdateBefore, old));
                }
                changes.push((RowKind::UpdateAfter, new.clone()));
                rows.insert(key, new);
            }
        }
    }
    changes
}

fn loose_changes(rng: &mut StdRng, count: usize, retracts: bool) -> Vec<(RowKind, Row)> {
    let mut rows: Vec<Row> = Vec::new();
    let mut changes = Vec::new();
    while changes.len() < count {
        if !retracts || rows.is_empty() || rng.random_bool(0.6) {
            let new = row(rng);
            changes.push((RowKind::Insert, new.clone()));
            rows.push(new);
            continue;
        }
        let at = rng.random_range(0..rows.len());
        if rng.random_bool(0.5) {
            changes.push((RowKind::Delete, rows.swap_remove(at)));
        } else {
            let new = row(rng);
            changes.push((RowKind::UpdateBefore, rows[at].clone()));
            changes.push((RowKind::UpdateAfter, new.clone()));
            rows[at] = new;
        }
    }
    changes
}
