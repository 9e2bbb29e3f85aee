//! `table.optimizer.non-deterministic-update.strategy` = TRY_RESOLVE: Flink's `StreamNonDeterministicUpdatePlanVisitor`.
//! An update that is taken back must be found again, so what it is found by must come out equal a second time. From the
//! root down each node says which columns of its inputs that are. A lookup join that can't promise it keeps what it has
//! found; what else can't is refused.

use std::collections::BTreeSet;

use datafusion::logical_expr::Expr;
use filbert_graph::spec::{JoinKind, JoinUniqueKey, RankStrategy};
use filbert_types::ColumnKind;

use crate::error::PlanError;
use crate::exprs::{columns_read, non_deterministic_call, render};
use crate::streaming::calc::Calc;
use crate::streaming::explain;
use crate::streaming::join::{self, JoinKey};
use crate::streaming::lookup_join::LookupJoin;
use crate::streaming::node::{KeySet, NodeId, PlanNode, StreamOp, StreamPlan};
use crate::streaming::over::{OverAggregate, OverCall};
use crate::streaming::rank::Rank;
use crate::streaming::unnest::Unnest;

/// Checks a plan whose changelogs are known, and lets its lookup joins keep what they found where that must be.
///
/// # Errors
/// When an update couldn't be taken back, in Flink's words.
pub(crate) fn resolve(plan: &mut StreamPlan) -> Result<(), PlanError> {
    let root = plan.root();
    visit(plan, root, KeySet::new())
}

fn inserts_only(plan: &StreamPlan, id: NodeId) -> bool {
    let mut inputs = plan.nodes[id].inputs.iter();
    inputs.all(|input| !plan.nodes[*input].traits.retracts())
}

/// What is required of a node's columns besides those that its keys promise.
fn beyond_keys(node: &PlanNode, required: &KeySet) -> KeySet {
    let keys = node.upsert_keys.iter();
    let left = keys.map(|key| required.difference(key).copied().collect::<KeySet>());
    left.min_by_key(KeySet::len)
        .unwrap_or_else(|| required.clone())
}

/// Requires the same of all inputs.
fn hand_down(plan: &mut StreamPlan, id: NodeId, required: &KeySet) -> Result<(), PlanError> {
    for input in plan.nodes[id].inputs.clone() {
        let beyond = beyond_keys(&plan.nodes[input], required);
        visit(plan, input, beyond)?;
    }
    Ok(())
}

fn all_columns(node: &PlanNode) -> KeySet {
    (0..node.columns.len()).collect()
}

const OVER_MATCH: &str =
    "Unsupported to resolve non-deterministic issue in match-recognize when input has updates.";

fn visit(plan: &mut StreamPlan, id: NodeId, required: KeySet) -> Result<(), PlanError> {
    let only_inserts = inserts_only(plan, id);
    let input = plan.nodes[id].inputs.first().copied();
    let of_input =
        |plan: &StreamPlan| input.map_or_else(KeySet::new, |i| all_columns(&plan.nodes[i]));
    let down = match plan.nodes[id].op.clone() {
        StreamOp::Source(_) => {
            check_metadata(plan, id, &required)?;
            KeySet::new()
        }
        // A changelog with unique rows: what a source says beside them is settled.
        StreamOp::ChangelogNormalize(normalize) => {
            if let Some(condition) = &normalize.condition {
                check_condition(plan, id, condition)?;
            }
            match input.map(|input| &plan.nodes[input].op) {
                Some(StreamOp::Source(_)) => return Ok(()),
                _ => required,
            }
        }
        StreamOp::Values(_) => return Ok(()),
        _ if only_inserts && !is_join(&plan.nodes[id].op) => KeySet::new(),
        StreamOp::Sink(sink) => {
            let is_materialized =
                input.is_some_and(|i| matches!(plan.nodes[i].op, StreamOp::SinkMaterializer(_)));
            match is_materialized || sink.primary_key.is_empty() {
                true => of_input(plan),
                false => sink.primary_key.iter().copied().collect(),
            }
        }
        StreamOp::Collect(_) => of_input(plan),
        StreamOp::Calc(calc) => of_calc(plan, id, &calc, &required)?,
        StreamOp::LookupJoin(join) => of_lookup(plan, id, &join, &required)?,
        StreamOp::GroupAggregate(_)
        | StreamOp::LocalGroupAggregate(_)
        | StreamOp::IncrementalGroupAggregate(_)
        | StreamOp::WindowAggregate(_)
        | StreamOp::LocalWindowAggregate(_) => of_input(plan),
        StreamOp::Expand(_) | StreamOp::WindowTableFunction(_) => {
            let width = of_input(plan).len();
            required.into_iter().filter(|c| *c < width).collect()
        }
        StreamOp::Rank(rank) => of_rank(plan, id, &rank, required),
        StreamOp::OverAggregate(over) => of_over(plan, id, &over, &required),
        StreamOp::Join(_)
        | StreamOp::IntervalJoin(_)
        | StreamOp::TemporalJoin(_)
        | StreamOp::WindowJoin(_) => return visit_join(plan, id, &required),
        StreamOp::WindowRank(rank) => {
            let width = of_input(plan).len();
            let kept = required.into_iter().filter(|c| *c < width);
            kept.chain(rank.partition_by.iter().copied()).collect()
        }
        StreamOp::Match(_) => return Err(PlanError::Refused(OVER_MATCH.to_owned())),
        StreamOp::ChangelogFunction(_) => KeySet::new(),
        // The function sees whole rows.
        StreamOp::ProcessTable(_) => return visit_whole_rows(plan, id),
        StreamOp::Unnest(unnest) => of_unnest(plan, id, &unnest, required)?,
        StreamOp::WatermarkAssigner(_)
        | StreamOp::Union(_)
        | StreamOp::MiniBatchAssigner(_)
        | StreamOp::TemporalSort(_)
        | StreamOp::DropUpdateBefore(_)
        | StreamOp::SinkMaterializer(_) => required,
    };
    hand_down(plan, id, &down)
}

fn of_unnest(
    plan: &StreamPlan,
    id: NodeId,
    unnest: &Unnest,
    mut required: KeySet,
) -> Result<KeySet, PlanError> {
    if let Some((condition, columns)) = &unnest.condition {
        check_condition(plan, id, condition)?;
        required.extend(columns_read(condition, columns));
    }
    let Some(call) = &unnest.call else {
        return Ok(required);
    };
    check_condition(plan, id, call)?;
    Ok(of_call(plan, id, call, required))
}

/// The columns below a call: what it reads, where its result is asked for, and what is passed on.
fn of_call(plan: &StreamPlan, id: NodeId, call: &Expr, required: KeySet) -> KeySet {
    let input = &plan.nodes[plan.nodes[id].inputs[0]].columns;
    let width = input.len();
    let read = match required.contains(&width) {
        true => columns_read(call, input),
        false => Vec::new(),
    };
    let kept = required.into_iter().filter(|c| *c < width);
    kept.chain(read).collect()
}

fn visit_whole_rows(plan: &mut StreamPlan, id: NodeId) -> Result<(), PlanError> {
    for input in plan.nodes[id].inputs.clone() {
        let all = all_columns(&plan.nodes[input]);
        let beyond = beyond_keys(&plan.nodes[input], &all);
        visit(plan, input, beyond)?;
    }
    Ok(())
}

/// Joins ask for their inputs one by one.
const fn is_join(op: &StreamOp) -> bool {
    matches!(
        op,
        StreamOp::Join(_)
            | StreamOp::IntervalJoin(_)
            | StreamOp::TemporalJoin(_)
            | StreamOp::WindowJoin(_)
    )
}

fn of_calc(
    plan: &StreamPlan,
    id: NodeId,
    calc: &Calc,
    required: &KeySet,
) -> Result<KeySet, PlanError> {
    if required.is_empty() {
        return Ok(KeySet::new());
    }
    check_calc(plan, id, calc, required)?;
    let input = &plan.nodes[plan.nodes[id].inputs[0]].columns;
    let exprs = required
        .iter()
        .filter_map(|column| calc.projection.get(*column));
    Ok(exprs.flat_map(|expr| columns_read(expr, input)).collect())
}

fn of_lookup(
    plan: &mut StreamPlan,
    id: NodeId,
    join: &LookupJoin,
    required: &KeySet,
) -> Result<KeySet, PlanError> {
    if required.is_empty() {
        return Ok(KeySet::new());
    }
    let conditions = join.pre_filter.iter().chain(&join.condition);
    for condition in conditions {
        check_condition(plan, id, condition)?;
    }
    let width = plan.nodes[plan.nodes[id].inputs[0]].columns.len();
    let of_right: KeySet = required
        .iter()
        .filter_map(|column| column.checked_sub(width))
        .collect();
    for (calc, _) in &join.calcs {
        check_calc(plan, id, calc, &of_right)?;
    }
    // Where only the key of the one row is wanted, or nothing of it, the row need not be kept.
    let by_key = join.is_unique()
        && join
            .right_primary_key()
            .is_some_and(|key| of_right.is_subset(&key));
    if !of_right.is_empty() && !by_key {
        let key = join.input_key(plan.view(id));
        if let StreamOp::LookupJoin(join) = &mut plan.nodes[id].op {
            join.materialize = Some(key);
        }
    }
    Ok(required.iter().copied().filter(|c| *c < width).collect())
}

fn of_rank(plan: &StreamPlan, id: NodeId, rank: &Rank, required: KeySet) -> KeySet {
    let view = plan.view(id);
    let width = view.input(0).columns.len();
    match rank.strategy(view) {
        RankStrategy::Update { .. } => {
            let keys = rank.order_by.iter().map(|key| key.column);
            let promised: KeySet = keys.chain(rank.partition_by.iter().copied()).collect();
            let wanted = required.into_iter();
            wanted
                .filter(|c| *c < width && !promised.contains(c))
                .collect()
        }
        RankStrategy::Append | RankStrategy::Retract => (0..width).collect(),
    }
}

fn of_over(plan: &StreamPlan, id: NodeId, over: &OverAggregate, required: &KeySet) -> KeySet {
    let width = plan.view(id).input(0).columns.len();
    let mut wanted: KeySet = required.iter().copied().filter(|c| *c < width).collect();
    if wanted.len() == width {
        return wanted;
    }
    wanted.extend(&over.partition_by);
    wanted.insert(over.order.column);
    for (at, call) in over.calls.iter().enumerate() {
        if !required.contains(&(width + at)) {
            continue;
        }
        match call {
            OverCall::Aggregate(call) => {
                wanted.extend(&call.args);
                wanted.extend(call.filter);
            }
            OverCall::Lag { value, default, .. } => {
                wanted.insert(*value);
                wanted.extend(default);
            }
            // The order's column is wanted already.
            OverCall::Rank { .. } => {}
        }
    }
    wanted
}

fn visit_join(plan: &mut StreamPlan, id: NodeId, required: &KeySet) -> Result<(), PlanError> {
    let (kind, keys, conditions): (JoinKind, Vec<JoinKey>, Vec<Expr>) = match &plan.nodes[id].op {
        StreamOp::Join(join) => (join.kind, join.keys.clone(), list(&join.condition)),
        StreamOp::IntervalJoin(join) => (join.kind, join.keys.clone(), list(&join.condition)),
        StreamOp::TemporalJoin(join) => (join.kind, join.keys.clone(), list(&join.condition)),
        StreamOp::WindowJoin(join) => (join.kind, join.keys.clone(), list(&join.condition)),
        _ => return Ok(()),
    };
    let inputs = plan.nodes[id].inputs.clone();
    let changes: Vec<bool> = inputs
        .iter()
        .map(|input| plan.nodes[*input].traits.retracts())
        .collect();
    let sends_updates =
        changes.contains(&true) || !matches!(kind, JoinKind::Inner | JoinKind::Semi);
    for condition in conditions.iter().filter(|_| sends_updates) {
        check_condition(plan, id, condition)?;
    }
    let width = plan.nodes[inputs[0]].columns.len();
    for (side, input) in inputs.into_iter().enumerate() {
        let known = join::unique_key(plan.view(id), &keys, side);
        let wanted = if !changes[side] {
            KeySet::new()
        } else if known == JoinUniqueKey::None {
            all_columns(&plan.nodes[input])
        } else {
            let sent = required.iter().filter_map(|c| match side {
                0 => (*c < width).then_some(*c),
                _ => c.checked_sub(width),
            });
            // A row is found below its join key.
            sent.chain(keys.iter().map(|key| key.columns[side]))
                .collect()
        };
        let beyond = beyond_keys(&plan.nodes[input], &wanted);
        visit(plan, input, beyond)?;
    }
    Ok(())
}

fn list(condition: &Option<Expr>) -> Vec<Expr> {
    condition.iter().cloned().collect()
}

/// Metadata of a changing source is not the same when a row is taken back.
fn check_metadata(plan: &StreamPlan, id: NodeId, required: &KeySet) -> Result<(), PlanError> {
    let node = &plan.nodes[id];
    let StreamOp::Source(source) = &node.op else {
        return Ok(());
    };
    if source.changelog_mode().is_insert_only() || required.is_empty() {
        return Ok(());
    }
    let schema = &source.table.bound.table.schema;
    let physical = schema.physical_columns().count();
    let is_metadata = |kind: &ColumnKind| matches!(kind, ColumnKind::Metadata { .. });
    let columns = schema.columns.iter().filter(|c| is_metadata(&c.kind));
    let columns: Vec<&str> = columns.map(|c| c.name.as_str()).collect();
    let place = |column: usize| {
        source
            .projection
            .as_ref()
            .map_or(column, |kept| kept[column])
    };
    let named = required
        .iter()
        .filter_map(|column| place(*column).checked_sub(physical));
    let named: Vec<&str> = named.filter_map(|at| columns.get(at).copied()).collect();
    if named.is_empty() {
        return Ok(());
    }
    Err(PlanError::Refused(format!(
        "The metadata column(s): '{}' in cdc source may cause wrong result or error on downstream operators, please consider removing these columns or use a non-cdc source that only has insert messages.\nsource node:\n{}",
        named.join(", "),
        plan.description(id)
    )))
}

fn check_condition(plan: &StreamPlan, id: NodeId, condition: &Expr) -> Result<(), PlanError> {
    let Some(call) = non_deterministic_call(condition) else {
        return Ok(());
    };
    let view = plan.view(id);
    let columns = (0..view.node.inputs.len()).flat_map(|i| view.input(i).columns.clone());
    let columns: Vec<_> = columns.collect();
    Err(PlanError::Refused(format!(
        "There exists non deterministic function: '{call}' in condition: '{}' which may cause wrong result in update pipeline.\nrelated rel plan:\n{}",
        render(condition, &columns),
        explain::subtree(plan, id)
    )))
}

fn check_calc(
    plan: &StreamPlan,
    id: NodeId,
    calc: &Calc,
    required: &KeySet,
) -> Result<(), PlanError> {
    if let Some(condition) = &calc.condition {
        check_condition(plan, id, condition)?;
    }
    let mut unsatisfied = String::new();
    let columns: BTreeSet<usize> = required.clone();
    for column in columns {
        let call = calc.projection.get(column).and_then(non_deterministic_call);
        if let Some(call) = call {
            let name = plan.nodes[id]
                .columns
                .get(column)
                .map_or("", |c| c.name.as_str());
            unsatisfied.push_str(&format!(
                "{name}(generated by non-deterministic function: {call} ) "
            ));
        }
    }
    if unsatisfied.is_empty() {
        return Ok(());
    }
    Err(PlanError::Refused(format!(
        "The column(s): {unsatisfied}can not satisfy the determinism requirement for correctly processing update message('UB'/'UA'/'D' in changelogMode, not 'I' only), this usually happens when input node has no upsertKey(upsertKeys=[{{}}]) or current node outputs non-deterministic update messages. Please consider removing these non-deterministic columns or making them deterministic by using deterministic functions.\n\nrelated rel plan:\n{}",
        explain::subtree(plan, id)
    )))
}
