//! A job as it runs: vertices, their subtasks, and the attempts to run each.

use std::sync::Arc;

use crate::metrics::{OperatorDetail, SubtaskDetail, TaskMetrics, VertexDetail};
use crate::status::ExecutionState;

/// A vertex as clients see it.
#[derive(Debug, Clone)]
pub(crate) struct VertexView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) operator_names: Vec<String>,
    pub(crate) subtasks: Vec<SubtaskView>,
}

#[derive(Debug, Clone)]
pub(crate) struct SubtaskView {
    pub(crate) attempt: u32,
    pub(crate) state: ExecutionState,
    pub(crate) metrics: Arc<TaskMetrics>,
}

impl VertexView {
    pub(crate) fn detail(&self) -> VertexDetail {
        let mut operators: Vec<OperatorDetail> = self
            .operator_names
            .iter()
            .map(|name| OperatorDetail {
                name: name.clone(),
                ..OperatorDetail::default()
            })
            .collect();
        for subtask in &self.subtasks {
            for (sum, metrics) in operators.iter_mut().zip(&subtask.metrics.operators) {
                sum.add(metrics);
            }
        }
        VertexDetail {
            id: self.id.clone(),
            name: self.name.clone(),
            parallelism: self.subtasks.len(),
            subtasks: self
                .subtasks
                .iter()
                .enumerate()
                .map(|(i, view)| view.detail(i))
                .collect(),
            operators,
        }
    }
}

impl SubtaskView {
    fn detail(&self, subtask: usize) -> SubtaskDetail {
        let metrics = &self.metrics;
        SubtaskDetail {
            subtask,
            attempt: self.attempt,
            state: self.state,
            records_in: metrics.records_in.get(),
            records_out: metrics.records_out.get(),
            bytes_in: metrics.bytes_in.get(),
            bytes_out: metrics.bytes_out.get(),
            busy_ms: metrics.busy_us.get() / 1000,
            idle_ms: metrics.idle_us.get() / 1000,
            back_pressured_ms: metrics.back_pressured_us.get() / 1000,
        }
    }
}
