//! TableSourceScan: reads a table through its connector, which does what it can of projection, filters and limit.

use std::collections::BTreeMap;
use std::time::Duration;

use datafusion::logical_expr::Expr;
use filbert_connector_api::ChangelogMode;
use filbert_connector_api::options::WatermarkParams;
use filbert_graph::OperatorSpec;
use filbert_graph::spec::{AlignmentSpec, PartitionSpec, SourceSpec, SourceWatermarkSpec};

use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::{ExprCompiler, render};
use crate::streaming::changelog::{DeleteKind, ModifyKinds, UpdateKind};
use crate::streaming::node::{KeySet, NodeView, StreamOperator, names};
use crate::tables::ScanTable;

#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub table: ScanTable,
    /// Indices into the table's scanned columns; none for all.
    pub projection: Option<Vec<usize>>,
    /// The fields that are read of some ROW columns, by the column's index in the table.
    pub nested: BTreeMap<usize, Vec<String>>,
    /// What the connector filters, over its own field names.
    pub filters: Vec<Expr>,
    pub partitions: Option<Vec<PartitionSpec>>,
    pub batch: bool,
    pub watermark: Option<SourceWatermark>,
}

/// Watermarks that the source makes.
#[derive(Debug, Clone)]
pub(crate) struct SourceWatermark {
    pub expr: Expr,
    /// The source's columns as `expr` names them: they may be renamed in place.
    pub columns: Vec<PlanColumn>,
    pub interval_ms: u64,
    pub idle_timeout_ms: Option<u64>,
    pub params: WatermarkParams,
}

impl SourceWatermark {
    fn text(&self) -> String {
        let idle = self.idle_timeout_ms;
        let idle = idle.map(|ms| format!("idletimeout=[{ms}], "));
        let strategy = match self.params.on_event {
            true => "on-event",
            false => "on-periodic",
        };
        let alignment = self.params.alignment.as_ref().map(|alignment| {
            format!(
                ", alignment=[group={}, maxDrift={}, updateInterval={}]",
                alignment.group,
                alignment.max_drift.as_millis(),
                alignment.update_interval.as_millis()
            )
        });
        format!(
            ", watermark=[{}], {}watermarkEmitStrategy=[{strategy}]{}",
            render(&self.expr, &self.columns),
            idle.unwrap_or_default(),
            alignment.unwrap_or_default()
        )
    }

    fn spec(&self, exprs: &ExprCompiler) -> Result<SourceWatermarkSpec, PlanError> {
        let columns = &self.columns;
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let ty = exprs.type_of(&self.expr, columns)?;
        Ok(SourceWatermarkSpec {
            watermark: exprs.compile(&self.expr, columns, ty)?,
            on_event: self.params.on_event,
            interval_ms: self.interval_ms,
            idle_timeout_ms: self.idle_timeout_ms,
            alignment: self.params.alignment.as_ref().map(|a| AlignmentSpec {
                group: a.group.clone(),
                max_drift_ms: millis(a.max_drift),
                update_interval_ms: millis(a.update_interval),
            }),
        })
    }
}

impl Source {
    pub fn changelog_mode(&self) -> ChangelogMode {
        self.table.source.changelog_mode()
    }

    /// What the connector was asked to do, as EXPLAIN shows it behind the table's name.
    pub fn abilities(&self, fields: &[PlanColumn]) -> String {
        let mut text = String::new();
        if !self.filters.is_empty() {
            let filters: Vec<String> = self.filters.iter().map(|f| render(f, &[])).collect();
            text.push_str(&format!(", filter=[{}]", filters.join(", ")));
        }
        if let Some(partitions) = &self.partitions {
            let partitions: Vec<String> = partitions.iter().map(partition_text).collect();
            text.push_str(&format!(", partitions=[{}]", partitions.join(", ")));
        }
        if self.projection.is_some() {
            let metadata: Vec<&str> = self
                .table
                .bound
                .metadata
                .iter()
                .map(|f| f.name.as_str())
                .collect();
            text.push_str(&format!(
                ", project=[{}], metadata=[{}]",
                names(fields).join(", "),
                metadata.join(", ")
            ));
        }
        if let Some(watermark) = &self.watermark {
            text.push_str(&watermark.text());
        }
        text
    }

    /// What must be read.
    ///
    /// # Errors
    /// When a filter can't be written.
    pub fn source_spec(&self, exprs: &ExprCompiler) -> Result<SourceSpec, PlanError> {
        let bound = &self.table.bound;
        Ok(SourceSpec {
            path: bound.path.clone(),
            table: bound.table.clone(),
            hint_options: bound.hint_options.clone(),
            metadata: bound.metadata.clone(),
            projection: self.projection.clone(),
            nested: self.nested.clone(),
            filters: self
                .filters
                .iter()
                .map(|f| exprs.logical(f, &[]))
                .collect::<Result<_, _>>()?,
            limit: None,
            partitions: self.partitions.clone(),
            batch: self.batch,
            bounded: self.table.is_bounded(),
            watermark: None,
        })
    }
}

/// `{k=1, d=2026-01-01}`
fn partition_text(partition: &PartitionSpec) -> String {
    let parts: Vec<String> = partition
        .iter()
        .map(|(key, value)| format!("{key}={}", value.as_deref().unwrap_or("null")))
        .collect();
    format!("{{{}}}", parts.join(", "))
}

impl StreamOperator for Source {
    fn name(&self) -> &'static str {
        "TableSourceScan"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let path = &self.table.bound.path;
        format!(
            "table=[[{}, {}, {}{}]], fields=[{}]",
            path.catalog,
            path.database,
            path.object,
            self.abilities(&view.node.columns),
            names(&view.node.columns).join(", ")
        )
    }

    fn graph_name(&self) -> String {
        format!("Source: {}", self.table.bound.path.object)
    }

    fn spec(
        &self,
        _view: NodeView<'_>,
        exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        let watermark = self.watermark.as_ref();
        let watermark = watermark.map(|w| w.spec(exprs)).transpose()?;
        let spec = self.source_spec(exprs)?;
        Ok(Some(OperatorSpec::Source(SourceSpec { watermark, ..spec })))
    }

    fn fixed_parallelism(&self) -> Option<usize> {
        self.table.source.parallelism()
    }

    fn modifies(&self, _inputs: &[ModifyKinds]) -> ModifyKinds {
        let mode = self.changelog_mode();
        ModifyKinds {
            insert: mode.insert,
            update: mode.update_before || mode.update_after,
            delete: mode.delete,
        }
    }

    fn update_inputs(&self, required: UpdateKind, _view: NodeView<'_>) -> Vec<Vec<UpdateKind>> {
        let has_before = self.changelog_mode().update_before;
        if required == UpdateKind::BeforeAndAfter && !has_before {
            return Vec::new();
        }
        vec![Vec::new()]
    }

    fn always_sends_update_before(&self) -> bool {
        self.changelog_mode().update_before
    }

    fn delete_inputs(&self, required: DeleteKind, _view: NodeView<'_>) -> Vec<Vec<DeleteKind>> {
        if required == DeleteKind::Full && self.changelog_mode().key_only_deletes {
            return Vec::new();
        }
        vec![Vec::new()]
    }

    /// The primary key, where all of it is read.
    fn upsert_keys(&self, view: NodeView<'_>) -> Vec<KeySet> {
        let Some(key) = &self.table.bound.table.schema.primary_key else {
            return Vec::new();
        };
        let place = |name: &String| {
            view.node
                .columns
                .iter()
                .position(|c| c.column.name == *name)
        };
        key.columns
            .iter()
            .map(place)
            .collect::<Option<KeySet>>()
            .into_iter()
            .collect()
    }
}
