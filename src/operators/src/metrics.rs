//! What operators count, readable while they run.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A counter that a task writes and anyone reads.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, n: u64) {
        self.add_and_get_before(n);
    }

    fn add_and_get_before(&self, n: u64) -> u64 {
        self.0.fetch_add(n, Ordering::Relaxed)
    }

    pub fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A signed value that a task writes and anyone reads.
#[derive(Debug)]
pub struct Gauge(AtomicI64);

impl Gauge {
    pub const fn new(value: i64) -> Gauge {
        Gauge(AtomicI64::new(value))
    }

    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one operator of one subtask counts, by Flink's names in the comments.
#[derive(Debug)]
pub struct OperatorMetrics {
    /// numRecordsIn
    pub records_in: Counter,
    /// numRecordsOut
    pub records_out: Counter,
    /// numLateRecordsDropped
    pub late_records_dropped: Counter,
    /// numRecordsInErrors: malformed records that were skipped.
    pub skipped_records: Counter,
    /// Rows that the not-null enforcer dropped.
    pub null_records_dropped: Counter,
    /// Retractions of rows that the state doesn't know.
    pub unknown_retractions: Counter,
    /// Keys that a lookup join has asked its table for.
    pub lookups: Counter,
    /// hitCount
    pub lookup_cache_hits: Counter,
    /// missCount
    pub lookup_cache_misses: Counter,
    /// loadCount of a full cache.
    pub lookup_cache_loads: Counter,
    /// numCachedRecords
    pub lookup_cached_rows: Counter,
    pub state_rows: Counter,
    pub state_bytes: Counter,
    /// currentOutputWatermark; `i64::MIN` before the first.
    pub watermark: Gauge,
}

impl OperatorMetrics {
    /// What the state holds: rows, or keys where none are kept, and bytes.
    pub fn set_state(&self, rows: usize, bytes: usize) {
        self.state_rows.set(rows as u64);
        self.state_bytes.set(bytes as u64);
    }

    /// Counts retractions of rows that an operator's state doesn't know; the log hears of the first.
    pub fn count_unknown_retractions(&self, operator: &str, rows: u64) {
        if rows > 0 && self.unknown_retractions.add_and_get_before(rows) == 0 {
            tracing::warn!(
                operator,
                "dropped a retraction of a row that the state doesn't know; further ones are counted in the metric unknownRetractions alone. The state may have expired, or the input's changelog is incomplete."
            );
        }
    }
}

impl Default for OperatorMetrics {
    fn default() -> OperatorMetrics {
        OperatorMetrics {
            records_in: Counter::default(),
            records_out: Counter::default(),
            late_records_dropped: Counter::default(),
            skipped_records: Counter::default(),
            null_records_dropped: Counter::default(),
            unknown_retractions: Counter::default(),
            lookups: Counter::default(),
            lookup_cache_hits: Counter::default(),
            lookup_cache_misses: Counter::default(),
            lookup_cache_loads: Counter::default(),
            lookup_cached_rows: Counter::default(),
            state_rows: Counter::default(),
            state_bytes: Counter::default(),
            watermark: Gauge::new(i64::MIN),
        }
    }
}
