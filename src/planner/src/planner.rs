use std::collections::BTreeMap;
use std::sync::Arc;

use filbert_binder::{BoundInsert, BoundQuery};
use filbert_connector_api::ConnectorRegistry;
use filbert_functions::ExprContext;
use filbert_graph::{JobGraph, JobSettings, JobType, StreamGraph, chain};
use filbert_types::Configuration;

use crate::error::PlanError;
use crate::options;

/// What planning needs to know of the session.
#[derive(Clone)]
pub struct PlannerContext {
    pub connectors: Arc<ConnectorRegistry>,
    pub configuration: Configuration,
    pub expr: ExprContext,
}

/// Something to plan. All targets of one call share a graph.
#[derive(Debug, Clone)]
pub enum PlanTarget {
    /// A query whose rows go to the client under this id.
    Collect {
        result_id: String,
        query: BoundQuery,
    },
    Insert(BoundInsert),
}

/// What planning gives.
#[derive(Debug, Clone)]
pub struct Planned {
    pub graph: StreamGraph,
    pub job_type: JobType,
    /// Bytes that operators of the graph name: batch plans, by id.
    pub artifacts: BTreeMap<String, Vec<u8>>,
    /// The bound plans, as EXPLAIN's `Abstract Syntax Tree`.
    pub logical: String,
    /// The optimized plans, as EXPLAIN's `Optimized Physical Plan`.
    pub optimized: String,
    /// As EXPLAIN's `Optimized Execution Plan`.
    pub execution: String,
    /// True when every source ends by itself.
    pub bounded: bool,
}

impl Planned {
    /// Chains the graph into a job.
    ///
    /// # Errors
    /// When an option that shapes the job graph has a bad value.
    pub fn into_job_graph(
        self,
        job_id: String,
        name: String,
        configuration: Configuration,
    ) -> Result<JobGraph, PlanError> {
        let settings = JobSettings {
            job_id,
            name,
            job_type: self.job_type,
            configuration,
            artifacts: self.artifacts,
        };
        Ok(chain(&self.graph, settings)?)
    }
}

/// What EXPLAIN is asked for beside the plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExplainDetail {
    ChangelogMode,
    JsonExecutionPlan,
}

/// Plans queries and INSERTs in the session's mode.
pub struct Planner {
    ctx: PlannerContext,
}

impl Planner {
    pub fn new(ctx: PlannerContext) -> Planner {
        Planner { ctx }
    }

    /// Plans all targets into one stream graph.
    ///
    /// # Errors
    /// When a target can't be planned in this mode; the message names the operation.
    pub fn plan(&self, targets: &[PlanTarget]) -> Result<Planned, PlanError> {
        let batch = options::is_batch(&self.ctx.configuration)?;
        let _ = targets;
        Err(PlanError::Unsupported {
            operation: "Planning a query".to_owned(),
            mode: if batch { "batch" } else { "streaming" },
            hint: String::new(),
        })
    }

    /// EXPLAIN's text for these targets.
    ///
    /// # Errors
    /// As [`Planner::plan`].
    pub fn explain(
        &self,
        targets: &[PlanTarget],
        details: &[ExplainDetail],
    ) -> Result<String, PlanError> {
        let _ = details;
        self.plan(targets).map(|planned| planned.execution)
    }
}
