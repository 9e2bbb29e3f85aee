use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use filbert_binder::{BoundInsert, BoundQuery};
use filbert_connector_api::ConnectorRegistry;
use filbert_functions::{ExprContext, FunctionRegistry};
use filbert_graph::{GraphError, JobGraph, JobSettings, JobType, StreamGraph, chain};
use filbert_operators::bounded::FileCache;
use filbert_types::Configuration;
use filbert_types::options::REUSE_SINK;

use crate::batch::{self, build::BatchGraphBuilder};
use crate::compiled::{CompiledPlan, UNDECIDED};
use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::options;
use crate::streaming::advice::Advice;
use crate::streaming::build::{GraphBuilder, Reuse};
use crate::streaming::sink_reuse::merge_sinks;
use crate::streaming::{self, explain};

/// What planning needs to know of the session.
#[derive(Clone)]
pub struct PlannerContext {
    pub connectors: Arc<ConnectorRegistry>,
    pub configuration: Configuration,
    pub expr: ExprContext,
    /// What is known of files; whoever runs the plan shares it.
    pub files: FileCache,
    /// Functions of the embedding program.
    pub functions: Arc<FunctionRegistry>,
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
    /// The plans as text; empty where nobody asked.
    pub texts: PlanTexts,
    /// True when every source ends by itself.
    pub bounded: bool,
}

/// Plans as EXPLAIN prints them.
#[derive(Debug, Clone, Default)]
pub struct PlanTexts {
    /// The bound plans: `Abstract Syntax Tree`.
    pub logical: String,
    /// The optimized plans: `Optimized Physical Plan`.
    pub optimized: String,
    /// `Optimized Execution Plan`.
    pub execution: String,
    /// What PLAN_ADVICE says, a line each.
    pub advice: Vec<String>,
}

/// Which texts a plan is made with.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    /// None where the plan is only run.
    details: Option<&'a [ExplainDetail]>,
    /// Nobody reads a query's rows, so that it need not send -U.
    explain: bool,
}

impl Wanted<'_> {
    const NOTHING: Wanted<'static> = Wanted {
        details: None,
        explain: false,
    };

    fn has(&self, detail: ExplainDetail) -> bool {
        self.details.is_some_and(|d| d.contains(&detail))
    }
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
    /// Rows and bytes, as far as statistics tell them: in batch mode.
    EstimatedCost,
    /// What might be better.
    PlanAdvice,
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
        self.plan_for(targets, Wanted::NOTHING)
    }

    /// As [`Planner::plan`], with the plans as texts beside.
    ///
    /// # Errors
    /// As [`Planner::plan`].
    pub fn plan_with_texts(&self, targets: &[PlanTarget]) -> Result<Planned, PlanError> {
        let wanted = Wanted {
            details: Some(&[ExplainDetail::ChangelogMode]),
            explain: false,
        };
        self.plan_for(targets, wanted)
    }

    /// Plans INSERTs into a plan that can be kept as a file.
    ///
    /// # Errors
    /// As [`Planner::plan`]; in batch mode.
    pub fn compile(&self, targets: &[PlanTarget]) -> Result<CompiledPlan, PlanError> {
        if options::is_batch(&self.ctx.configuration)? {
            return Err(PlanError::Refused(
                "The compiled plan feature is not supported in batch mode.".to_owned(),
            ));
        }
        let mut planned = self.plan_streaming(targets, UNDECIDED, Wanted::NOTHING)?;
        planned.graph.assign_uids()?;
        let sinks = targets.iter().filter_map(|target| match target {
            PlanTarget::Insert(insert) => Some(insert.path.to_string()),
            PlanTarget::Collect { .. } => None,
        });
        Ok(CompiledPlan::new(planned.graph, sinks.collect()))
    }

    /// EXPLAIN's text for these targets: the bound plan, the optimized plan, what runs, and the job's vertices.
    ///
    /// # Errors
    /// As [`Planner::plan`].
    pub fn explain(
        &self,
        targets: &[PlanTarget],
        details: &[ExplainDetail],
    ) -> Result<String, PlanError> {
        if details.contains(&ExplainDetail::EstimatedCost)
            && !options::is_batch(&self.ctx.configuration)?
        {
            return Err(PlanError::Refused(
                "EXPLAIN ESTIMATED_COST is not supported in streaming mode: streams have no statistics. In batch mode it \
                 tells the rows and bytes that files' statistics give."
                    .to_owned(),
            ));
        }
        let wanted = Wanted {
            details: Some(details),
            explain: true,
        };
        let planned = self.plan_for(targets, wanted)?;
        explain_text(planned, details, &self.ctx.configuration)
    }

    fn plan_for(&self, targets: &[PlanTarget], wanted: Wanted<'_>) -> Result<Planned, PlanError> {
        let batch = options::is_batch(&self.ctx.configuration)?;
        let parallelism = options::parallelism(&self.ctx.configuration, batch)?;
        let mut planned = if batch {
            self.plan_batch(targets, parallelism, wanted)?
        } else {
            self.plan_streaming(targets, parallelism, wanted)?
        };
        planned.graph.assign_uids()?;
        Ok(planned)
    }

    fn plan_streaming(
        &self,
        targets: &[PlanTarget],
        parallelism: usize,
        wanted: Wanted<'_>,
    ) -> Result<Planned, PlanError> {
        let mut options = config_options(1);
        // In a stream a subquery's value changes: it comes by a join.
        Arc::make_mut(&mut options)
            .optimizer
            .enable_physical_uncorrelated_scalar_subquery = false;
        let config = options;
        let exprs = ExprCompiler::new(&config);
        let reuse = Reuse::of(&self.ctx.configuration)?;
        let mut builder = GraphBuilder::new(&exprs, parallelism, reuse);
        let mut texts = TextsBuilder::default();
        let mut bounded = true;
        let plans = targets
            .iter()
            .map(|target| {
                let explain = wanted.explain;
                streaming::plan_target(&self.ctx, &exprs, &config, target, parallelism, explain)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let plans = match self.ctx.configuration.get_bool(&REUSE_SINK)? {
            true => merge_sinks(plans),
            false => plans,
        };
        for plan in plans {
            builder.add(&plan)?;
            bounded &= streaming::is_bounded(&plan);
            if wanted.details.is_some() {
                let mut advice = Advice::default();
                if wanted.has(ExplainDetail::PlanAdvice) {
                    advice = Advice::of(&plan, texts.advice.len(), &self.ctx.configuration)?;
                }
                let modes = wanted.has(ExplainDetail::ChangelogMode);
                texts
                    .optimized
                    .push(explain::tree(&plan, modes, &advice.marks));
                texts
                    .execution
                    .push(explain::tree(&plan, false, &BTreeMap::new()));
                texts.advice.extend(advice.lines);
            }
        }
        Ok(Planned {
            graph: builder.graph,
            job_type: JobType::Streaming,
            artifacts: BTreeMap::new(),
            texts: texts.finish(targets, wanted),
            bounded,
        })
    }

    fn plan_batch(
        &self,
        targets: &[PlanTarget],
        parallelism: usize,
        wanted: Wanted<'_>,
    ) -> Result<Planned, PlanError> {
        let config = config_options(parallelism);
        let mut builder = BatchGraphBuilder::new(&self.ctx);
        let mut texts = TextsBuilder::default();
        for target in targets {
            let plan = batch::plan_target(&self.ctx, &config, target)?;
            builder.add(&plan, target)?;
            if wanted.details.is_some() {
                let costs = wanted.has(ExplainDetail::EstimatedCost);
                let logical = format!("{}\n", plan.logical.display_indent());
                texts.optimized.push(logical);
                texts.execution.push(batch::tree(&plan.physical, costs));
            }
        }
        Ok(Planned {
            graph: builder.graph,
            job_type: JobType::Batch,
            artifacts: builder.artifacts,
            texts: texts.finish(targets, wanted),
            bounded: true,
        })
    }
}

fn explain_text(
    planned: Planned,
    details: &[ExplainDetail],
    configuration: &Configuration,
) -> Result<String, PlanError> {
    let texts = &planned.texts;
    let advised = details.contains(&ExplainDetail::PlanAdvice);
    let with_advice = if advised { " With Advice" } else { "" };
    let mut text = format!(
        "== Abstract Syntax Tree ==\n{}\n== Optimized Physical Plan{with_advice} ==\n{}\n",
        texts.logical, texts.optimized
    );
    if advised && texts.advice.is_empty() {
        text.push_str("No available advice...\n\n");
    } else if advised {
        text.push_str(&format!("{}\n\n", texts.advice.join("\n")));
    }
    text.push_str(&format!(
        "== Optimized Execution Plan ==\n{}",
        texts.execution
    ));
    if details.contains(&ExplainDetail::JsonExecutionPlan) {
        let json = planned.graph.to_plan_json()?;
        let json = serde_json::to_string_pretty(&json).map_err(GraphError::from)?;
        text.push_str(&format!("\n== Physical Execution Plan ==\n{json}\n"));
    }
    let job = planned.into_job_graph(String::new(), String::new(), configuration.clone())?;
    text.push_str("\n== Job Vertices ==\n");
    for vertex in &job.vertices {
        text.push_str(&format!(
            "{} (parallelism {})\n",
            vertex.name, vertex.parallelism
        ));
    }
    Ok(text)
}

/// Gathers the texts of several targets.
#[derive(Default)]
struct TextsBuilder {
    optimized: Vec<String>,
    execution: Vec<String>,
    advice: Vec<String>,
}

impl TextsBuilder {
    fn finish(self, targets: &[PlanTarget], wanted: Wanted<'_>) -> PlanTexts {
        if wanted.details.is_none() {
            return PlanTexts::default();
        }
        PlanTexts {
            logical: logical_text(targets),
            optimized: self.optimized.join("\n"),
            execution: self.execution.join("\n"),
            advice: self.advice,
        }
    }
}

/// DataFusion's options for planning.
fn config_options(parallelism: usize) -> Arc<ConfigOptions> {
    let mut options = ConfigOptions::default();
    options.execution.target_partitions = parallelism;
    Arc::new(options)
}

/// The bound plans, one after another.
fn logical_text(targets: &[PlanTarget]) -> String {
    let texts: Vec<String> = targets
        .iter()
        .map(|t| format!("{}\n", t.query().plan.display_indent()))
        .collect();
    texts.join("\n")
}
