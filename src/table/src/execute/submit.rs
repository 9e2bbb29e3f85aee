//! From bound statements to a running job.

use std::sync::Arc;

use filbert_planner::{PlanTarget, Planner, PlannerContext};
use filbert_runtime::{JobClient, JobContext};
use filbert_types::options;

use crate::environment::TableEnvironment;
use crate::error::Result;

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
    }))
}

/// Plans the targets into one job and starts it.
pub(super) fn submit(
    env: &TableEnvironment,
    targets: &[PlanTarget],
    default_name: &str,
) -> Result<JobClient> {
    let planned = planner(env)?.plan(targets)?;
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
