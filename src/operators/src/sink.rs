//! Writes rows through a connector's writer.
//!
//! - State: the writer's own (an open file's position), and what it has prepared to be committed.
//! - Changelog: takes what the sink said it takes.
//! - Values of another length than their column's type are left alone, cut and padded, or fail the job.
//! - NULL in a NOT NULL column fails the job, or drops the row and counts it (`table.exec.sink.not-null-enforcer`).
//! - At the end of input, and before a barrier, the writer makes everything durable; the committer beside the job's
//!   manager makes it visible. What a cancelled writer leaves behind is named.

use std::sync::Arc;

use arrow::array::Array;
use arrow::buffer::NullBuffer;
use filbert_connector_api::sink::WriterContext;
use filbert_connector_api::{Committable, SinkWriter, TableSink};
use filbert_graph::spec::SinkSpec;
use filbert_types::{ChangeBatch, Clock, options};

use crate::context::{CoordinatorEvent, CoordinatorGateway, IoRuntime, OperatorContext, TaskInfo};
use crate::error::{OperatorError, Result};
use crate::marks::filter_batch;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::sink_lengths::LengthEnforcer;
use crate::snapshot::OperatorSnapshot;

pub struct SinkOperator {
    sink: Arc<dyn TableSink>,
    spec: SinkSpec,
    /// The names of the columns at `spec.not_null`.
    not_null_names: Vec<String>,
    opened: Option<Opened>,
}

struct Opened {
    writer: Box<dyn SinkWriter>,
    coordinator: Option<Arc<dyn CoordinatorGateway>>,
    metrics: Arc<OperatorMetrics>,
    drop_nulls: bool,
    lengths: LengthEnforcer,
}

/// What a connector is told of where its writer or its committer runs.
///
/// # Errors
/// When the process can't start threads.
pub fn writer_context(
    spec: &SinkSpec,
    task: &TaskInfo,
    number: usize,
    clock: &Arc<dyn Clock>,
    io: &dyn IoRuntime,
) -> Result<WriterContext> {
    Ok(WriterContext {
        job_id: task.job_id.clone(),
        sink: number,
        subtask: task.subtask,
        parallelism: task.parallelism,
        attempt: task.attempt,
        overwrite: spec.overwrite,
        static_partition: spec.static_partition.clone(),
        batch: spec.batch,
        clock: Arc::clone(clock),
        io: io.handle()?,
    })
}

impl SinkOperator {
    pub fn new(
        sink: Arc<dyn TableSink>,
        spec: SinkSpec,
        input: &arrow::datatypes::Schema,
    ) -> SinkOperator {
        let persisted: Vec<&str> = spec
            .table
            .schema
            .columns
            .iter()
            .filter(|c| c.is_persisted())
            .map(|c| c.name.as_str())
            .collect();
        let name = |i: &usize| {
            let named = persisted.get(*i).copied();
            named.unwrap_or_else(|| input.field(*i).name()).to_owned()
        };
        SinkOperator {
            not_null_names: spec.not_null.iter().map(name).collect(),
            sink,
            spec,
            opened: None,
        }
    }

    fn opened(&mut self) -> Result<&mut Opened> {
        self.opened
            .as_mut()
            .ok_or_else(|| OperatorError::engine("The sink is not open."))
    }

    /// The rows without those that have a NULL where none may be.
    fn enforce_not_null(&mut self, batch: ChangeBatch) -> Result<ChangeBatch> {
        let mut valid: Option<NullBuffer> = None;
        for (column, name) in self.spec.not_null.iter().zip(&self.not_null_names) {
            let array = batch.rows.column(*column);
            if array.null_count() == 0 {
                continue;
            }
            if !self.opened.as_ref().is_some_and(|o| o.drop_nulls) {
                return Err(OperatorError::user(format!(
                    "Column '{name}' is NOT NULL, however, a null value is being written into it. You can set job \
                     configuration '{}'='DROP' to suppress this exception and drop such records silently.",
                    options::NOT_NULL_ENFORCER.key
                )));
            }
            valid = NullBuffer::union(valid.as_ref(), array.nulls());
        }
        let Some(valid) = valid else {
            return Ok(batch);
        };
        self.opened()?
            .metrics
            .null_records_dropped
            .add(valid.null_count() as u64);
        filter_batch(&batch, valid.inner())
    }

    fn prepare(&mut self, end_of_input: bool) -> Result<()> {
        let opened = self.opened()?;
        let prepared: Vec<Committable> = opened.writer.prepare_commit(end_of_input)?;
        if let Some(coordinator) = &opened.coordinator
            && !prepared.is_empty()
        {
            coordinator.send(CoordinatorEvent::Prepared(prepared));
        }
        Ok(())
    }
}

impl Operator for SinkOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        let conf = &ctx.configuration;
        options::NOT_NULL_ENFORCER
            .check(conf.get(&options::NOT_NULL_ENFORCER).unwrap_or("ERROR"))
            .map_err(|e| OperatorError::user(e.to_string()))?;
        let drop_nulls = conf
            .get(&options::NOT_NULL_ENFORCER)
            .is_some_and(|v| v.trim().eq_ignore_ascii_case("DROP"));
        let persisted = self.spec.table.schema.columns.iter();
        let persisted = persisted.filter(|c| c.is_persisted());
        let lengths = LengthEnforcer::new(conf, persisted.map(|c| (c.name.clone(), c.ty.clone())))?;
        self.opened = Some(Opened {
            lengths,
            writer: self.sink.writer(&writer_context(
                &self.spec,
                &ctx.task,
                ctx.sink_number,
                &ctx.clock,
                ctx.io.as_ref(),
            )?)?,
            coordinator: ctx.coordinator.clone(),
            metrics: Arc::clone(&ctx.metrics),
            drop_nulls,
        });
        Ok(())
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, _out: &mut Output) -> Result<Step> {
        let mut batch = self.enforce_not_null(batch)?;
        if batch.num_rows() > 0 {
            let opened = self.opened()?;
            batch.rows = opened.lengths.enforce(batch.rows)?;
            opened.writer.write(&batch)?;
            opened.metrics.records_out.add(batch.num_rows() as u64);
        }
        Ok(Step::Done)
    }

    fn end_input(&mut self, _input: usize, _out: &mut Output) -> Result<Step> {
        self.prepare(true)?;
        Ok(Step::Done)
    }

    fn prepare_barrier(&mut self, _checkpoint_id: u64, _out: &mut Output) -> Result<Step> {
        self.prepare(false)?;
        Ok(Step::Done)
    }

    fn snapshot(&mut self, _checkpoint_id: u64) -> Result<OperatorSnapshot> {
        let state = self.opened()?.writer.snapshot()?;
        Ok(OperatorSnapshot {
            operator: state
                .map(|s| ("writer".to_owned(), s))
                .into_iter()
                .collect(),
            ..OperatorSnapshot::default()
        })
    }

    fn close(&mut self, finished: bool) -> Vec<String> {
        match &mut self.opened {
            Some(opened) if !finished => opened.writer.abort(),
            _ => Vec::new(),
        }
    }
}
