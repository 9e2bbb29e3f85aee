//! Tables as connectors give them: sources behind a plan's scans, sinks behind its INSERTs.

mod partitions;
mod scan_table;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::catalog::default_table_source::{DefaultTableSource, source_as_provider};
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{LogicalPlan, TableScan};
use filbert_binder::BoundTable;
use filbert_connector_api::options::TableOptions;
use filbert_connector_api::{FactoryContext, ScanSource, TableFactory, TableSink};
use filbert_types::suggest::did_you_mean;
use filbert_types::{CatalogTable, Configuration, ObjectPath};

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
        match scan_table(bound, ctx, batch) {
            Ok(table) => {
                let source = DefaultTableSource::new(Arc::new(table));
                Ok(Transformed::yes(LogicalPlan::TableScan(TableScan {
                    source: Arc::new(source),
                    ..scan.clone()
                })))
            }
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

fn scan_table(
    bound: &BoundTable,
    ctx: &PlannerContext,
    batch: bool,
) -> Result<ScanTable, PlanError> {
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
    ScanTable::new(bound.clone(), source, batch).map_err(|e| what.failed("source", e))
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
        let (factory, options) = self.factory(ctx, "source")?;
        let made = factory.scan_source(&self.factory_context(ctx, &options, batch));
        made.unwrap_or_else(|| {
            Err(filbert_connector_api::ConnectorError::user(format!(
                "Connector '{}' can only be used as a sink. It cannot be used as a source.",
                factory.identifier()
            )))
        })
        .map_err(|e| self.failed("source", e))
    }

    pub fn sink(&self, ctx: &PlannerContext, batch: bool) -> Result<Arc<dyn TableSink>, PlanError> {
        let (factory, options) = self.factory(ctx, "sink")?;
        let made = factory.sink(&self.factory_context(ctx, &options, batch));
        made.unwrap_or_else(|| {
            Err(filbert_connector_api::ConnectorError::user(format!(
                "Connector '{}' can only be used as a source. It cannot be used as a sink.",
                factory.identifier()
            )))
        })
        .map_err(|e| self.failed("sink", e))
    }

    fn factory_context<'b>(
        &'b self,
        ctx: &'b PlannerContext,
        options: &'b TableOptions,
        batch: bool,
    ) -> FactoryContext<'b> {
        FactoryContext {
            path: self.path,
            table: self.table,
            options,
            session: &ctx.configuration,
            registry: &ctx.connectors,
            batch,
        }
    }

    fn factory<'b>(
        &self,
        ctx: &'b PlannerContext,
        role: &str,
    ) -> Result<(&'b Arc<dyn TableFactory>, TableOptions), PlanError> {
        let mut options: Configuration = self
            .table
            .options
            .iter()
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        for (key, value) in self.hint_options {
            options.set(key, value);
        }
        let Some(connector) = options.remove("connector") else {
            return Err(PlanError::Refused(format!(
                "Unable to create a {role} for '{}': the table options do not contain the option key 'connector' for discovering a connector.",
                self.path
            )));
        };
        let Some(factory) = ctx.connectors.table(&connector) else {
            let known: Vec<&str> = ctx.connectors.tables().map(|f| f.identifier()).collect();
            return Err(PlanError::Refused(format!(
                "Could not find any factory for identifier '{connector}', which table '{}' names as its connector. Available factory identifiers are: {}.{}",
                self.path,
                known.join(", "),
                did_you_mean(&connector, known.iter().copied()),
            )));
        };
        Ok((factory, TableOptions::new(options)))
    }

    fn failed(&self, role: &str, mut error: filbert_connector_api::ConnectorError) -> PlanError {
        error.message = format!(
            "Unable to create a {role} for reading table '{}': {}",
            self.path, error.message
        );
        if role == "sink" {
            error.message = error
                .message
                .replacen("for reading table", "for writing table", 1);
        }
        PlanError::Connector(error)
    }
}
