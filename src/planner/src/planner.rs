use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use filbert_binder::{BoundInsert, BoundQuery};
use filbert_connector_api::ConnectorRegistry;
use filbert_functions::ExprContext;
use filbert_graph::{JobGraph, JobSettings, JobType, StreamGraph, chain};
use filbert_types::Configuration;

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::options;
use crate::streaming::build::GraphBuilder;
use crate::streaming::{self, explain};

/// What planning needs to know of the session.
#[derive(Clone)]
pub struct PlannerContext {
    pub connectors: Arc<ConnectorRegistry>,
    pub configuration: Configuration,
    pub expr: ExprContext,
}

/// Something to plan. All targets of one call share a graph.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "made once a statement, and moved a few times"
)]
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
        let config = Arc::new(ConfigOptions::default());
        let exprs = ExprCompiler::new(&config);
        let parallelism = options::parallelism(&self.ctx.configuration, batch)?;
        if batch {
            return Err(PlanError::Unsupported {
                operation: "Running queries".to_owned(),
                mode: "batch",
                hint: String::new(),
            });
        }
        let mut builder = GraphBuilder::new(&exprs, parallelism);
        let mut plans = Vec::with_capacity(targets.len());
        for target in targets {
            let plan = streaming::plan_target(&self.ctx, &exprs, &config, target, false)?;
            builder.add(&plan)?;
            plans.push(plan);
        }
        let mut graph = builder.graph;
        graph.assign_uids()?;
        let texts: Vec<String> = plans.iter().map(|p| explain::tree(p, false)).collect();
        Ok(Planned {
            graph,
            job_type: JobType::Streaming,
            artifacts: BTreeMap::new(),
            logical: logical_text(targets),
            optimized: texts.join("\n"),
            execution: texts.join("\n"),
            bounded: plans.iter().all(streaming::is_bounded),
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

/// The bound plans, one after another.
fn logical_text(targets: &[PlanTarget]) -> String {
    let texts: Vec<String> = targets
        .iter()
        .map(|t| format!("{}\n", t.query().plan.display_indent()))
        .collect();
    texts.join("\n")
}
