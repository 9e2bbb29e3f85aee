//! From a table in a spec to its connector's source or sink.

use std::collections::BTreeMap;
use std::sync::Arc;

use filbert_connector_api::discovery::TableRequest;
use filbert_connector_api::source::Pushdown;
use filbert_connector_api::{ConnectorRegistry, LookupSource, ScanSource, TableSink};
use filbert_graph::spec::{SinkSpec, SourceSpec};
use filbert_types::Configuration;

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
    Ok(registry.create_scan_source(&TableRequest {
        path: &spec.path,
        table: &spec.table,
        hints: &pairs(&spec.hint_options),
        session,
        batch: spec.batch,
    })?)
}

/// The table that a lookup join asks.
///
/// # Errors
/// When there is no such connector, it can't be looked up, or an option is wrong.
pub fn lookup_source(
    spec: &SourceSpec,
    session: &Configuration,
    registry: &ConnectorRegistry,
) -> Result<Arc<dyn LookupSource>> {
    let source = registry.create_lookup_source(&TableRequest {
        path: &spec.path,
        table: &spec.table,
        hints: &pairs(&spec.hint_options),
        session,
        batch: spec.batch,
    })?;
    source.ok_or_else(|| {
        let path = &spec.path;
        OperatorError::user(format!("The table '{path}' can't be looked up by key."))
    })
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
    Ok(registry.create_sink(&TableRequest {
        path: &spec.path,
        table: &spec.table,
        hints: &pairs(&spec.hint_options),
        session,
        batch: spec.batch,
    })?)
}

/// What the planner lets a source do.
///
/// # Errors
/// When a filter can't be read.
pub fn pushdown(spec: &SourceSpec, expressions: &dyn ExpressionFactory) -> Result<Pushdown> {
    let filters = spec.filters.iter().map(|f| expressions.logical(f));
    Ok(Pushdown {
        projection: spec.projection.clone(),
        nested: spec.nested.clone(),
        filters: filters.collect::<Result<_>>()?,
        limit: spec.limit,
        partitions: spec.partitions.clone(),
    })
}

fn pairs(hints: &BTreeMap<String, String>) -> Vec<(String, String)> {
    hints.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
}
