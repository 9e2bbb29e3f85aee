//! Streaming: an optimized logical plan becomes stream nodes, whose changelogs are inferred as Flink infers them, and
//! those become a stream graph.
//!
//! - [`node`]: the plan's nodes and the trait that each operator implements.
//! - [`convert`]: logical nodes -> stream nodes.
//! - [`changelog`]: the row kinds that each node sends; [`monotonicity`]: which need no retractions.
//! - [`unread_join`]: outer joins that add nothing.
//! - [`determinism`]: whether updates will find what they take back.
//! - [`mini_batch`]: bundles and two phases, where the session asks for them; [`local_window_aggregate`]: those of windows.
//! - [`nested`]: which fields of ROW columns the sources need not make.
//! - [`build`]: stream nodes -> stream graph.
//! - [`explain`]: the plan as a tree of text; [`advice`]: what EXPLAIN PLAN_ADVICE says of it.
//! - One file for each operator.

pub(crate) mod advice;
pub(crate) mod build;
pub(crate) mod changelog;
pub(crate) mod convert;
pub(crate) mod explain;
pub(crate) mod node;

mod aggregate;
mod calc;
mod changelog_function;
mod changelog_normalize;
mod collect;
mod determinism;
mod drop_update_before;
mod expand;
mod group_aggregate;
mod incremental_group_aggregate;
mod interval_join;
mod join;
mod local_group_aggregate;
mod local_window_aggregate;
mod lookup_join;
mod match_recognize;
mod mini_batch;
mod mini_batch_assigner;
mod monotonicity;
mod nested;
mod over;
mod process_table;
mod rank;
pub(crate) mod sink;
mod sink_keys;
mod sink_materializer;
pub(crate) mod sink_reuse;
pub(crate) mod source;
mod temporal_join;
mod temporal_sort;
mod union;
mod unnest;
mod unread_join;
mod values;
mod watermark_assigner;
mod window_aggregate;
mod window_join;
mod window_rank;
mod window_tvf;

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use filbert_binder::BoundQuery;
use filbert_types::Configuration;
use filbert_types::options::{NON_DETERMINISTIC_UPDATE, NOT_NULL_ENFORCER, TYPE_LENGTH_ENFORCER};

use crate::decorrelate::decorrelate;
use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::guard::guard_filters;
use crate::optimize::optimize;
use crate::planner::{PlanTarget, PlannerContext};
use crate::streaming::changelog::UpdateKind;
use crate::streaming::collect::Collect;
use crate::streaming::convert::Converter;
use crate::streaming::local_window_aggregate::split_in_phases;
use crate::streaming::mini_batch::MiniBatch;
use crate::streaming::node::{StreamOp, StreamPlan};
use crate::streaming::sink::Sink;
use crate::tables::{TableRef, resolve_scans};

/// Plans one target. `explain`: nobody reads a query's rows, so that it need not send -U.
///
/// # Errors
/// When streaming can't run an operation, or a node takes less than its input sends.
pub(crate) fn plan_target(
    ctx: &PlannerContext,
    exprs: &ExprCompiler,
    options: &Arc<ConfigOptions>,
    target: &PlanTarget,
    parallelism: usize,
    explain: bool,
) -> Result<StreamPlan, PlanError> {
    check_words(&ctx.configuration)?;
    let query = target.query();
    let timed = convert::compare_times(query.plan.clone(), &query.types)?;
    let independent = decorrelate(timed, ctx, &query.types)?;
    let resolved = resolve_scans(independent, ctx, false)?;
    let logical = optimize(resolved, false, options, ctx.expr.query_start_us)?;
    let logical = guard_filters(logical)?;
    let mut converter = Converter::new(ctx, &query.types, exprs);
    converter.query(&logical, query)?;
    let mut plan = unread_join::drop_unread(changelog_normalize::push_conditions(converter.plan)?);
    let root = plan.root();
    let columns = plan.nodes[root].columns.clone();
    let op = match target {
        PlanTarget::Collect { result_id, .. } => StreamOp::Collect(Collect {
            result_id: result_id.clone(),
        }),
        PlanTarget::Insert(insert) => {
            let table = TableRef {
                path: &insert.path,
                table: &insert.table,
                hint_options: &insert.hint_options,
            };
            if insert.overwrite {
                return Err(PlanError::Refused(
                    "Streaming mode not support overwrite. INSERT OVERWRITE needs batch mode (SET 'execution.runtime-mode' = 'batch')."
                        .to_owned(),
                ));
            }
            let sink = Sink::new(insert, table.sink(ctx, false)?, &ctx.configuration, false)?;
            sink.check()?;
            StreamOp::Sink(Box::new(sink))
        }
    };
    plan.add(op, vec![root], columns);
    let updates: &[UpdateKind] = match explain {
        true => &[UpdateKind::OnlyAfter, UpdateKind::BeforeAndAfter],
        false => &[UpdateKind::BeforeAndAfter],
    };
    let mini_batch = MiniBatch::of(&ctx.configuration)?;
    if let Some(mini_batch) = mini_batch {
        mini_batch.assign(&mut plan);
    }
    changelog::infer(&mut plan, updates)?;
    if let Some(mini_batch) = mini_batch {
        mini_batch.gather(&mut plan, &ctx.functions)?;
    }
    split_in_phases(&mut plan, ctx, parallelism)?;
    sink_keys::materialize(&mut plan, ctx)?;
    let strategy = ctx.configuration.get(&NON_DETERMINISTIC_UPDATE);
    if strategy.is_some_and(|s| s.trim().eq_ignore_ascii_case("TRY_RESOLVE")) {
        determinism::resolve(&mut plan)?;
    }
    nested::prune_fields(&mut plan);
    Ok(plan)
}

/// Values that are looked at where a job runs, if at all, are told of before it does.
fn check_words(configuration: &Configuration) -> Result<(), PlanError> {
    for option in [
        &NON_DETERMINISTIC_UPDATE,
        &NOT_NULL_ENFORCER,
        &TYPE_LENGTH_ENFORCER,
    ] {
        if let Some(value) = configuration.get(option) {
            option.check(value)?;
        }
    }
    Ok(())
}

impl PlanTarget {
    pub(crate) fn query(&self) -> &BoundQuery {
        match self {
            PlanTarget::Collect { query, .. } => query,
            PlanTarget::Insert(insert) => &insert.query,
        }
    }
}

/// True when every source of the plan ends by itself.
pub(crate) fn is_bounded(plan: &StreamPlan) -> bool {
    plan.nodes.iter().all(|node| match &node.op {
        StreamOp::Source(source) => source.table.is_bounded(),
        _ => true,
    })
}
