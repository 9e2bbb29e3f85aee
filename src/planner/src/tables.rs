//! Tables as connectors give them: sources behind a plan's scans, sinks behind its INSERTs.

mod metadata;
mod partitions;
mod scan_table;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::catalog::default_table_source::{DefaultTableSource, source_as_provider};
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{LogicalPlan, TableScan};
use filbert_binder::BoundTable;
use filbert_connector_api::discovery::TableRequest;
use filbert_connector_api::{ConnectorError, LookupSource, ScanSource, TableSink};
use filbert_types::{CatalogTable, ObjectPath};

use crate::error::PlanError;
use crate::planner::PlannerContext;

pub(crate) use partitions::prune_partitions;
pub(crate) use scan_table::{ScanTable, unqualified};

/// Puts the connector's source behind every scan of a bound plan, so that filters, projections and limits reach it.
///
/// # Errors
/// When a table's connector is unknown, cannot be read, or refuses the options.
pub(crate) fn resolve_scans(
    plan: LogicalPlan,
    ctx: &PlannerContext,
    batch: bool,
) -> Result<LogicalPlan, PlanError> {
    let mut failed = None;
    let resolved = plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::TableScan(scan) = &node else {
            return Ok(Transformed::no(node));
        };
        let Some(bound) = scan.source.downcast_ref::<BoundTable>() else {
            return Ok(Transformed::no(node));
        };
        match resolve_scan(scan, bound, ctx, batch) {
            Ok(plan) => Ok(Transformed::yes(plan)),
            Err(error) => {
                failed = Some(error);
                datafusion::common::plan_err!("a scan has no source")
            }
        }
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(resolved?.data),
    }
}

/// The table behind a resolved scan.
///
/// # Errors
/// When the scan was not resolved.
pub(crate) fn table_of(scan: &TableScan) -> Result<ScanTable, PlanError> {
    let provider = source_as_provider(&scan.source)?;
    provider
        .downcast_ref::<ScanTable>()
        .cloned()
        .ok_or_else(|| PlanError::Internal(format!("'{}' has no source", scan.table_name)))
}

fn resolve_scan(
    scan: &TableScan,
    bound: &BoundTable,
    ctx: &PlannerContext,
    batch: bool,
) -> Result<LogicalPlan, PlanError> {
    let what = TableRef {
        path: &bound.path,
        table: &bound.table,
        hint_options: &bound.hint_options,
    };
    let source = what.scan_source(ctx, batch)?;
    let bounded = source.boundedness() == filbert_connector_api::Boundedness::Bounded;
    if batch && !bounded {
        return Err(PlanError::Refused(format!(
            "Querying an unbounded table '{}' in batch mode is not allowed. The table source is unbounded.",
            bound.path
        )));
    }
    if batch && !source.changelog_mode().is_insert_only() {
        return Err(PlanError::Refused(format!(
            "Querying a table in batch mode is currently only possible for INSERT-only table sources. But the source for \
             table '{}' produces other changelog messages than just INSERT.",
            bound.path
        )));
    }
    let (read, casts) = metadata::as_offered(bound, &source.metadata());
    let table = ScanTable::new(read, source, batch)?;
    let source = Arc::new(DefaultTableSource::new(Arc::new(table)));
    if !casts.is_empty() {
        return metadata::casting(ctx, scan, source, &bound.path, &casts);
    }
    Ok(LogicalPlan::TableScan(TableScan {
        source,
        ..scan.clone()
    }))
}

/// A table with the options of a hint.
pub(crate) struct TableRef<'a> {
    pub path: &'a ObjectPath,
    pub table: &'a CatalogTable,
    pub hint_options: &'a BTreeMap<String, String>,
}

impl TableRef<'_> {
    fn scan_source(
        &self,
        ctx: &PlannerContext,
        batch: bool,
    ) -> Result<Arc<dyn ScanSource>, PlanError> {
        let hints = self.hints();
        let request = self.request(ctx, &hints, batch);
        let source = ctx.connectors.create_scan_source(&request);
        source.map_err(|error| self.refused(error))
    }

    /// The table as one that is looked up by key; none when it can't be.
    ///
    /// # Errors
    /// When the table's connector is unknown, or refuses the options.
    pub fn lookup_source(
        &self,
        ctx: &PlannerContext,
    ) -> Result<Option<Arc<dyn LookupSource>>, PlanError> {
        let hints = self.hints();
        let request = self.request(ctx, &hints, false);
        let source = ctx.connectors.create_lookup_source(&request);
        source.map_err(|error| self.refused(error))
    }

    /// # Errors
    /// When the table's connector is unknown, cannot be written, or refuses the options.
    pub fn sink(&self, ctx: &PlannerContext, batch: bool) -> Result<Arc<dyn TableSink>, PlanError> {
        let hints = self.hints();
        let request = self.request(ctx, &hints, batch);
        let sink = ctx.connectors.create_sink(&request);
        sink.map_err(|error| self.refused(error))
    }

    fn refused(&self, error: ConnectorError) -> PlanError {
        PlanError::Table {
            path: self.path.clone(),
            error,
        }
    }

    fn hints(&self) -> Vec<(String, String)> {
        let pairs = self.hint_options.iter();
        pairs.map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    fn request<'b>(
        &'b self,
        ctx: &'b PlannerContext,
        hints: &'b [(String, String)],
        batch: bool,
    ) -> TableRequest<'b> {
        TableRequest {
            path: self.path,
            table: self.table,
            hints,
            session: &ctx.configuration,
            batch,
        }
    }
}
