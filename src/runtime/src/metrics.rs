use std::sync::Arc;

use filbert_operators::OperatorMetrics;
use filbert_operators::metrics::Counter;

use crate::status::{ExecutionState, JobStatus};

/// What one task counts; Flink's names in the comments.
#[derive(Debug, Default)]
pub struct TaskMetrics {
    /// numRecordsIn
    pub records_in: Counter,
    /// numRecordsOut
    pub records_out: Counter,
    /// numBytesIn
    pub bytes_in: Counter,
    /// numBytesOut
    pub bytes_out: Counter,
    /// accumulateBusyTimeMs, in microseconds
    pub busy_us: Counter,
    /// accumulateIdleTimeMs, in microseconds
    pub idle_us: Counter,
    /// accumulateBackPressuredTimeMs, in microseconds
    pub back_pressured_us: Counter,
    /// By the operators' order in the chain.
    pub operators: Vec<Arc<OperatorMetrics>>,
}

/// A job as SHOW JOBS lists it.
#[derive(Debug, Clone)]
pub struct JobOverview {
    pub job_id: String,
    pub name: String,
    pub status: JobStatus,
    pub start_time_ms: i64,
    /// None while it runs.
    pub end_time_ms: Option<i64>,
    pub restarts: u32,
}

/// A job as DESCRIBE JOB shows it.
#[derive(Debug, Clone)]
pub struct JobDetail {
    pub overview: JobOverview,
    pub vertices: Vec<VertexDetail>,
}

#[derive(Debug, Clone)]
pub struct VertexDetail {
    pub id: String,
    pub name: String,
    pub parallelism: usize,
    pub subtasks: Vec<SubtaskDetail>,
    /// The chained operators, summed over the subtasks.
    pub operators: Vec<OperatorDetail>,
}

#[derive(Debug, Clone)]
pub struct SubtaskDetail {
    pub subtask: usize,
    pub attempt: u32,
    pub state: ExecutionState,
    pub records_in: u64,
    pub records_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub busy_ms: u64,
    pub idle_ms: u64,
    pub back_pressured_ms: u64,
}

#[derive(Debug, Clone, Default)]
pub struct OperatorDetail {
    pub name: String,
    pub records_in: u64,
    pub records_out: u64,
    pub late_records_dropped: u64,
    pub skipped_records: u64,
    pub null_records_dropped: u64,
    pub unknown_retractions: u64,
    /// Keys that lookup joins have asked their tables for, and what their caches knew and didn't know.
    pub lookups: u64,
    pub lookup_cache_hits: u64,
    pub lookup_cache_misses: u64,
    pub lookup_cache_loads: u64,
    pub lookup_cached_rows: u64,
    pub state_rows: u64,
    pub state_bytes: u64,
    /// The least over the subtasks.
    pub watermark: Option<i64>,
}

impl OperatorDetail {
    pub(crate) fn add(&mut self, metrics: &OperatorMetrics) {
        self.records_in += metrics.records_in.get();
        self.records_out += metrics.records_out.get();
        self.late_records_dropped += metrics.late_records_dropped.get();
        self.skipped_records += metrics.skipped_records.get();
        self.null_records_dropped += metrics.null_records_dropped.get();
        self.unknown_retractions += metrics.unknown_retractions.get();
        self.lookups += metrics.lookups.get();
        self.lookup_cache_hits += metrics.lookup_cache_hits.get();
        self.lookup_cache_misses += metrics.lookup_cache_misses.get();
        self.lookup_cache_loads += metrics.lookup_cache_loads.get();
        self.lookup_cached_rows += metrics.lookup_cached_rows.get();
        self.state_rows += metrics.state_rows.get();
        self.state_bytes += metrics.state_bytes.get();
        let watermark = metrics.watermark.get();
        self.watermark = Some(self.watermark.map_or(watermark, |w| w.min(watermark)));
    }
}
