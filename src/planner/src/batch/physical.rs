use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionState;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use datafusion::prelude::SessionConfig;
use filbert_binder::ColumnTypes;
use filbert_operators::bounded::FileCache;

use crate::batch::hosted::HostPlanner;
use crate::error::PlanError;

/// DataFusion's physical plan, by its own physical rules.
///
/// Scans may read file footers for statistics, which needs a runtime: planning has one of its own on a thread of its
/// own, so that callers may be inside another.
///
/// # Errors
/// When an operation can't be planned or a file can't be read.
pub(super) fn physical_plan(
    logical: &LogicalPlan,
    types: &ColumnTypes,
    options: &Arc<ConfigOptions>,
    files: &FileCache,
) -> Result<Arc<dyn ExecutionPlan>, PlanError> {
    let hosting = HostPlanner::new(types.clone(), options);
    let state = session_state(options, files)?;
    let plan = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| PlanError::Internal(format!("no runtime for planning: {e}")))?;
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(hosting)]);
        let planned = runtime.block_on(planner.create_physical_plan(logical, &state));
        planned.map_err(own_error)
    };
    std::thread::scope(|scope| {
        let planning = std::thread::Builder::new()
            .name("plan".to_owned())
            .spawn_scoped(scope, plan)
            .map_err(|e| PlanError::Internal(format!("no thread for planning: {e}")))?;
        planning
            .join()
            .unwrap_or_else(|_| Err(PlanError::Internal("planning panicked".to_owned())))
    })
}

/// An error of ours that went through DataFusion's planner.
fn own_error(error: DataFusionError) -> PlanError {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<PlanError>() {
            Ok(own) => *own,
            Err(other) => PlanError::from(DataFusionError::External(other)),
        },
        other => PlanError::from(other),
    }
}

fn session_state(
    options: &Arc<ConfigOptions>,
    files: &FileCache,
) -> Result<SessionState, PlanError> {
    let config = SessionConfig::from(options.as_ref().clone());
    let environment = files.environment(RuntimeEnvBuilder::new())?;
    Ok(SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(environment)
        .build())
}
