//! From a table in a spec to its connector's source or sink.

use std::collections::BTreeMap;
use std::sync::Arc;

use filbert_connector_api::options::TableOptions;
use filbert_connector_api::source::Pushdown;
use filbert_connector_api::{
    ConnectorRegistry, FactoryContext, ScanSource, TableFactory, TableSink,
};
use filbert_graph::spec::{SinkSpec, SourceSpec};
use filbert_types::{CatalogTable, Configuration};

use crate::context::ExpressionFactory;
use crate::error::{OperatorError, Result};

/// The source that a spec names.
///
/// # Errors
/// When there is no such connector, it can't be read, or an option is wrong.
pub fn scan_source(
    spec: &SourceSpec,
    session: &Configuration,
    registry: &ConnectorRegistry,
) -> Result<Arc<dyn ScanSource>> {
    let options = options(&spec.table, &spec.hint_options);
    let factory = factory(&spec.table, registry)?;
    let context = FactoryContext {
        path: &spec.path,
        table: &spec.table,
        options: &options,
        session,
        registry,
        batch: spec.batch,
    };
    match factory.scan_source(&context) {
        Some(source) => Ok(source?),
        None => Err(OperatorError::user(format!(
            "Connector '{}' can only be used as a sink. It cannot be used as a source.",
            factory.identifier()
        ))),
    }
}

/// The sink that a spec names.
///
/// # Errors
/// When there is no such connector, it can't be written, or an option is wrong.
pub fn table_sink(
    spec: &SinkSpec,
    session: &Configuration,
    registry: &ConnectorRegistry,
) -> Result<Arc<dyn TableSink>> {
    let options = options(&spec.table, &spec.hint_options);
    let factory = factory(&spec.table, registry)?;
    let context = FactoryContext {
        path: &spec.path,
        table: &spec.table,
        options: &options,
        session,
        registry,
        batch: spec.batch,
    };
    match factory.sink(&context) {
        Some(sink) => Ok(sink?),
        None => Err(OperatorError::user(format!(
            "Connector '{}' can only be used as a source. It cannot be used as a sink.",
            factory.identifier()
        ))),
    }
}

/// What the planner lets a source do.
///
/// # Errors
/// When a filter can't be read.
pub fn pushdown(spec: &SourceSpec, expressions: &dyn ExpressionFactory) -> Result<Pushdown> {
    Ok(Pushdown {
        projection: spec.projection.clone(),
        filters: spec
            .filters
            .iter()
            .map(|f| expressions.logical(f))
            .collect::<Result<_>>()?,
        limit: spec.limit,
        partitions: spec.partitions.clone(),
    })
}

fn options(table: &CatalogTable, hints: &BTreeMap<String, String>) -> TableOptions {
    let written = table.options.iter().chain(hints);
    TableOptions::new(written.map(|(k, v)| (k.clone(), v.clone())).collect())
}

fn factory<'a>(
    table: &CatalogTable,
    registry: &'a ConnectorRegistry,
) -> Result<&'a Arc<dyn TableFactory>> {
    let Some(identifier) = table.options.get("connector") else {
        return Err(OperatorError::user(
            "Table options do not contain an option key 'connector' for discovering a connector.",
        ));
    };
    registry.table(identifier).ok_or_else(|| {
        let known: Vec<&str> = registry.tables().map(|t| t.identifier()).collect();
        OperatorError::user(format!(
            "Could not find any factory for identifier '{identifier}'. Available factory identifiers are:\n\n{}",
            known.join("\n")
        ))
    })
}
