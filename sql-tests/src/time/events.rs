use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringViewArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

/// The columns of every table; `id` is unique.
pub const COLUMNS: &str = "id INT, k INT, v INT, s STRING, ts TIMESTAMP(3)";

/// How far behind the greatest time a row may come, in seconds; the watermark's delay.
pub const BOUND_S: i64 = 20;

/// 2024-01-01T00:00:00Z
const EPOCH_MS: i64 = 1_704_067_200_000;

#[derive(Debug, Clone)]
pub struct Event {
    pub id: i32,
    pub k: Option<i32>,
    pub v: Option<i32>,
    pub s: Option<&'static str>,
    pub ts_ms: i64,
}

/// A table's rows in the order in which they come, split by split.
#[derive(Debug, Clone)]
pub struct Events {
    pub splits: Vec<Vec<Event>>,
}

const TEXTS: [&str; 3] = ["x", "y", "yy"];

impl Events {
    /// Rows of at most some minutes, each split within the watermark's bound.
    pub fn random(rng: &mut StdRng, rows_max: usize, splits: usize) -> Events {
        let count = rng.random_range(0..=rows_max);
        let span_s = [20, 90, 400][rng.random_range(0..3)];
        // No two rows at one time, where order would matter.
        let mut times: Vec<i64> = (0..span_s * 2).map(|half| half * 500).collect();
        times.shuffle(rng);
        times.truncate(count);
        let mut rows: Vec<Event> = times
            .iter()
            .zip(0..)
            .map(|(ms, id)| Event {
                id,
                k: (!rng.random_bool(0.1)).then(|| rng.random_range(0..4)),
                v: (!rng.random_bool(0.15)).then(|| rng.random_range(-20..20)),
                s: (!rng.random_bool(0.15)).then(|| TEXTS[rng.random_range(0..TEXTS.len())]),
                ts_ms: EPOCH_MS + ms,
            })
            .collect();
        // A row comes less than the bound after the time that it has: it is behind none by as much.
        let shift_ms = rng.random_range(0..BOUND_S) * 1000;
        let mut arrival: Vec<(i64, Event)> = rows
            .drain(..)
            .map(|row| (row.ts_ms + rng.random_range(0..=shift_ms), row))
            .collect();
        arrival.sort_by_key(|(at, row)| (*at, row.id));
        let mut events = Events {
            splits: vec![Vec::new(); splits.max(1)],
        };
        let whole = events.splits.len();
        for (_, row) in arrival {
            events.splits[rng.random_range(0..whole)].push(row);
        }
        events
    }

    /// Gives a key to the rows that have none.
    pub fn give_keys(&mut self) {
        for row in self.splits.iter_mut().flatten() {
            row.k.get_or_insert(0);
        }
    }

    pub fn rows(&self) -> impl Iterator<Item = &Event> {
        self.splits.iter().flatten()
    }

    /// As one split, in the order of times.
    pub fn in_order(&self) -> Events {
        let mut rows: Vec<Event> = self.rows().cloned().collect();
        rows.sort_by_key(|row| row.ts_ms);
        Events { splits: vec![rows] }
    }

    /// As one may write it down to repeat a case.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for split in &self.splits {
            text.push_str(" split\n");
            for row in split {
                let seconds = (row.ts_ms - EPOCH_MS) as f64 / 1000.0;
                // Writing to a String can't fail.
                let _ = writeln!(
                    text,
                    "  {} {:?} {:?} {:?} {seconds}",
                    row.id, row.k, row.v, row.s
                );
            }
        }
        text.replace("Some(", "")
            .replace(')', "")
            .replace("None", "NULL")
    }
}

/// Rows as a batch of [`COLUMNS`].
pub fn record_batch(rows: &[&Event]) -> Option<RecordBatch> {
    let ints = |value: fn(&Event) -> Option<i32>| -> ArrayRef {
        Arc::new(rows.iter().map(|r| value(r)).collect::<Int32Array>())
    };
    let texts: StringViewArray = rows.iter().map(|r| r.s).collect();
    let times: TimestampMillisecondArray = rows.iter().map(|r| Some(r.ts_ms)).collect();
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int32, true),
        Field::new("k", DataType::Int32, true),
        Field::new("v", DataType::Int32, true),
        Field::new("s", DataType::Utf8View, true),
        Field::new("ts", DataType::Timestamp(TimeUnit::Millisecond, None), true),
    ]);
    let columns = vec![
        ints(|r| Some(r.id)),
        ints(|r| r.k),
        ints(|r| r.v),
        Arc::new(texts),
        Arc::new(times),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).ok()
}
