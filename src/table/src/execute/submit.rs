//! From bound statements to a running job.

use std::collections::BTreeMap;
use std::sync::Arc;

use filbert_functions::FunctionRegistry;
use filbert_planner::{PlanError, PlanTarget, Planned, Planner, PlannerContext};
use filbert_runtime::{JobClient, JobContext};
use filbert_types::{Configuration, Span, options};

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
        functions: Arc::clone(&session.functions),
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
        let mut functions = FunctionRegistry::clone(&session.functions);
        functions.set_parameters(job_parameters(&session.configuration));
        let context = JobContext::new(connectors, Arc::new(functions));
        (session.configuration.clone(), context)
    };
    let name = configuration
        .get(&options::PIPELINE_NAME)
        .unwrap_or(default_name)
        .to_owned();
    let graph = planned.into_job_graph(new_id(), name, configuration)?;
    Ok(env.cluster()?.submit(graph, context)?)
}

/// `pipeline.global-job-parameters`: `key:value,key:value`, values in quotes where they hold commas.
fn job_parameters(configuration: &Configuration) -> BTreeMap<String, String> {
    let text = configuration.raw("pipeline.global-job-parameters");
    let mut parameters = BTreeMap::new();
    let mut rest = text.unwrap_or_default();
    while !rest.is_empty() {
        let mut quoted = false;
        let end = rest.find(|c: char| {
            quoted ^= c == '\'';
            c == ',' && !quoted
        });
        let (pair, after) = match end {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, ""),
        };
        if let Some((key, value)) = pair.split_once(':') {
            let value = value.trim();
            let inner = value.strip_prefix('\'').and_then(|v| v.strip_suffix('\''));
            let value = inner.map_or_else(|| value.to_owned(), |v| v.replace("''", "'"));
            parameters.insert(key.trim().to_owned(), value);
        }
        rest = after;
    }
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_pairs() {
        let mut configuration = Configuration::default();
        configuration.set("pipeline.global-job-parameters", "a:1, b:'x,y',c:d:e");
        let parameters = job_parameters(&configuration);
        let pairs: Vec<(&str, &str)> = parameters
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        assert_eq!(pairs, [("a", "1"), ("b", "x,y"), ("c", "d:e")]);
    }
}
