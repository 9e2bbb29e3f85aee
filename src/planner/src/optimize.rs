//! Which of DataFusion's logical rules run. It is a list of what is allowed, so that a rule that a later version adds
//! runs only after somebody has thought about it; DataFusion's type coercion is off, since the binder types everything.

mod adjusted;
mod constants;
mod filters_down;
mod implied_guards;
mod lateral_join;
mod scalar_null;

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::common_subexpr_eliminate::CommonSubexprEliminate;
use datafusion::optimizer::decorrelate_predicate_subquery::DecorrelatePredicateSubquery;
use datafusion::optimizer::eliminate_cross_join::EliminateCrossJoin;
use datafusion::optimizer::eliminate_duplicated_expr::EliminateDuplicatedExpr;
use datafusion::optimizer::eliminate_filter::EliminateFilter;
use datafusion::optimizer::eliminate_group_by_constant::EliminateGroupByConstant;
use datafusion::optimizer::eliminate_join::EliminateJoin;
use datafusion::optimizer::eliminate_limit::EliminateLimit;
use datafusion::optimizer::eliminate_outer_join::EliminateOuterJoin;
use datafusion::optimizer::extract_equijoin_predicate::ExtractEquijoinPredicate;
use datafusion::optimizer::filter_null_join_keys::FilterNullJoinKeys;
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::optimize_unions::OptimizeUnions;
use datafusion::optimizer::optimizer::Optimizer;
use datafusion::optimizer::propagate_empty_relation::PropagateEmptyRelation;
use datafusion::optimizer::push_down_limit::PushDownLimit;
use datafusion::optimizer::replace_distinct_aggregate::ReplaceDistinctWithAggregate;
use datafusion::optimizer::rewrite_set_comparison::RewriteSetComparison;
use datafusion::optimizer::scalar_subquery_to_join::ScalarSubqueryToJoin;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;
use datafusion::optimizer::single_distinct_to_groupby::SingleDistinctToGroupBy;
use datafusion::optimizer::{OptimizerContext, OptimizerRule};

use crate::error::PlanError;
use crate::optimize::filters_down::filters_down;
use crate::optimize::implied_guards::DropImpliedGuards;
use crate::optimize::lateral_join::lateral_join;

/// Where a rule may run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Both,
    Batch,
}

type MakeRule = fn() -> Arc<dyn OptimizerRule + Send + Sync>;

/// The rules that run, DataFusion's in its order and ours between them, each with its reason.
///
/// Left out: `UnionsToFilter` (makes one scan of two that a user may have meant to read twice),
/// `ExtractLeafExpressions` and `PushDownLeafProjections` (they split expressions whose order guards a failure).
const RULES: &[(Use, MakeRule)] = &[
    // `= ANY (SELECT ..)` becomes a join that can be planned.
    (Use::Both, || Arc::new(RewriteSetComparison::new())),
    // Nested UNION ALLs are one.
    (Use::Both, || Arc::new(OptimizeUnions::new())),
    // Constants are computed once; trivial conditions vanish.
    (Use::Both, || Arc::new(SimplifyExpressions::new())),
    // Guards that folding has made needless would keep subqueries correlated.
    (Use::Both, || Arc::new(DropImpliedGuards)),
    // DISTINCT is a GROUP BY.
    (Use::Both, || Arc::new(ReplaceDistinctWithAggregate::new())),
    // A join on FALSE is empty.
    (Use::Batch, || Arc::new(EliminateJoin::new())),
    // IN and EXISTS are semi joins.
    (Use::Both, || Arc::new(DecorrelatePredicateSubquery::new())),
    // A correlated scalar subquery is a left join.
    (Use::Both, || Arc::new(ScalarSubqueryToJoin::new())),
    // LATERAL is a join where it can be one.
    (Use::Both, || Arc::new(lateral_join())),
    // Equalities become the keys of hash joins.
    (Use::Both, || Arc::new(ExtractEquijoinPredicate::new())),
    // GROUP BY a, a and ORDER BY a, a.
    (Use::Both, || Arc::new(EliminateDuplicatedExpr::new())),
    // WHERE TRUE and WHERE FALSE.
    (Use::Both, || Arc::new(EliminateFilter::new())),
    // FROM a, b WHERE a.x = b.x is an inner join.
    (Use::Both, || Arc::new(EliminateCrossJoin::new())),
    // LIMIT 0 is empty; in a stream, a limit without rows must still end in order.
    (Use::Batch, || Arc::new(EliminateLimit::new())),
    // What joins or filters nothing is nothing; in a stream, an empty branch must still end and pass watermarks on.
    (Use::Batch, || Arc::new(PropagateEmptyRelation::new())),
    // Rows whose join key is NULL match nothing.
    (Use::Batch, || Arc::new(FilterNullJoinKeys::default())),
    // An outer join whose padding a filter drops is an inner one.
    (Use::Both, || Arc::new(EliminateOuterJoin::new())),
    // A limit reaches the scans; a stream's rows can be taken back, so that there it must count what is left.
    (Use::Batch, || Arc::new(PushDownLimit::new())),
    // Filters reach the scans.
    (Use::Both, || Arc::new(filters_down())),
    // One DISTINCT aggregate is two plain ones; in a stream it would double the state and change the changelog.
    (Use::Batch, || Arc::new(SingleDistinctToGroupBy::new())),
    // GROUP BY a, 1: what the other keys tell is no key.
    (Use::Both, || Arc::new(EliminateGroupByConstant::new())),
    // An expression written twice is evaluated once.
    (Use::Both, || Arc::new(CommonSubexprEliminate::new())),
    // Columns that nobody reads are not carried.
    (Use::Both, || Arc::new(OptimizeProjections::new())),
];

/// Optimizes a plan for its mode.
///
/// # Errors
/// When a rule fails, or a constant can't be written down.
pub(crate) fn optimize(
    plan: LogicalPlan,
    batch: bool,
    options: &Arc<ConfigOptions>,
    query_start_us: i64,
) -> Result<LogicalPlan, PlanError> {
    let rules = RULES
        .iter()
        .filter(|(mode, _)| batch || *mode == Use::Both)
        .map(|(_, make)| make())
        .collect();
    let context = OptimizerContext::new_with_config_options(Arc::clone(options))
        .with_skip_failing_rules(false)
        .with_query_execution_start_time(
            chrono::DateTime::from_timestamp_micros(query_start_us).unwrap_or_default(),
        );
    let (plan, marked) = scalar_null::mark(plan)?;
    let mut plan = Optimizer::with_rules(rules).optimize(plan, &context, |_, _| {})?;
    if marked {
        plan = scalar_null::unmark(plan)?;
    }
    constants::check(&plan)?;
    Ok(plan)
}
