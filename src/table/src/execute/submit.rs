//! From bound statements to a running job.

use std::sync::Arc;

use filbert_planner::{PlanError, PlanTarget, Planned, Planner, PlannerContext};
use filbert_runtime::{JobClient, JobContext};
use filbert_types::{Span, options};

use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};

/// 32 hex digits that nothing else has.
pub(super) fn new_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// A planner for the session as it is now.
pub(super) fn planner(env: &TableEnvironment) -> Result<Planner> {
    let session = env.session().read();
    Ok(Planner::new(PlannerContext {
        connectors: Arc::clone(&session.connectors),
        configuration: session.configuration.clone(),
        expr: session.expr_context(env.now_ms())?,
        files: env.files().clone(),
    }))
}

/// A table as a statement names it, and where.
pub(super) type TableName = (Vec<String>, Span);

/// Plans the targets; what is wrong with a table is told at the place that names it.
pub(super) fn plan(
    env: &TableEnvironment,
    targets: &[PlanTarget],
    tables: &[TableName],
) -> Result<Planned> {
    let planned = planner(env)?.plan(targets);
    planned.map_err(|error| located(env, error, tables))
}

/// The error with the place of the table that is to blame.
pub(super) fn located(
    env: &TableEnvironment,
    error: PlanError,
    tables: &[TableName],
) -> TableError {
    let PlanError::Table { path, .. } = &error else {
        return error.into();
    };
    let session = env.session().read();
    let place = tables.iter().find(|(parts, _)| {
        let named = session.catalogs.qualify(parts);
        named.is_ok_and(|named| named == *path)
    });
    let located = TableError::from(error);
    match place {
        Some((_, span)) => located.at(*span),
        None => located,
    }
}

/// Starts the job of a plan.
pub(super) fn start(
    env: &TableEnvironment,
    planned: Planned,
    default_name: &str,
) -> Result<JobClient> {
    let (configuration, context) = {
        let session = env.session().read();
        let connectors = Arc::clone(&session.connectors);
        let context = JobContext::new(connectors, Arc::clone(&session.functions));
        (session.configuration.clone(), context)
    };
    let name = configuration
        .get(&options::PIPELINE_NAME)
        .unwrap_or(default_name)
        .to_owned();
    let graph = planned.into_job_graph(new_id(), name, configuration)?;
    Ok(env.cluster()?.submit(graph, context)?)
}
