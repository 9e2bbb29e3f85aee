//! How a column's values move while a row is updated (Flink's `FlinkRelMdModifiedMonotonicity`): where they only rise, MAX
//! needs no retractions, and where they only fall, MIN.

use datafusion::logical_expr::{Expr, Operator};

use crate::exprs::{as_column, columns_read, is_deterministic};
use crate::streaming::aggregate::AggregateCall;
use crate::streaming::calc::Calc;
use crate::streaming::group_aggregate::GroupAggregate;
use crate::streaming::node::{NodeId, StreamOp, StreamPlan};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Monotonicity {
    Constant,
    Increasing,
    Decreasing,
    None,
}

use Monotonicity::{Constant, Decreasing, Increasing};

/// The columns' monotonicities; none where rows may go, or nothing is known.
pub(crate) fn of(plan: &StreamPlan, id: NodeId) -> Option<Vec<Monotonicity>> {
    let node = &plan.nodes[id];
    let input = || of(plan, *node.inputs.first()?);
    match &node.op {
        StreamOp::Source(source) => {
            let mode = source.changelog_mode();
            let inserts = !(mode.update_before || mode.update_after || mode.delete);
            inserts.then(|| vec![Constant; node.columns.len()])
        }
        StreamOp::WatermarkAssigner(_)
        | StreamOp::MiniBatchAssigner(_)
        | StreamOp::DropUpdateBefore(_) => input(),
        StreamOp::Calc(calc) => of_calc(calc, plan, node.inputs[0]),
        StreamOp::Expand(_) => {
            let mut columns = input()?;
            columns.push(Constant);
            Some(columns)
        }
        StreamOp::Union(_) => {
            let branches = node.inputs.iter().map(|branch| of(plan, *branch));
            branches
                .collect::<Option<Vec<_>>>()?
                .into_iter()
                .reduce(both)
        }
        StreamOp::GroupAggregate(aggregate) => match &plan.nodes[*node.inputs.first()?].op {
            StreamOp::LocalGroupAggregate(local) => {
                let rows = *plan.nodes[node.inputs[0]].inputs.first()?;
                of_aggregate(&local.keys, &local.calls, of(plan, rows)?)
            }
            _ => of_aggregate(&aggregate.keys, &aggregate.calls, input()?),
        },
        _ => None,
    }
}

fn both(left: Vec<Monotonicity>, right: Vec<Monotonicity>) -> Vec<Monotonicity> {
    let pairs = left.into_iter().zip(right);
    pairs
        .map(|(l, r)| if l == r { l } else { Monotonicity::None })
        .collect()
}

fn of_calc(calc: &Calc, plan: &StreamPlan, input: NodeId) -> Option<Vec<Monotonicity>> {
    let columns = &plan.nodes[input].columns;
    let known = of(plan, input)?;
    let constant = |expr: &Expr| {
        let read = columns_read(expr, columns);
        read.into_iter().all(|column| known[column] == Constant)
    };
    // A condition that a row can leave takes it away again.
    let stays = |expr: &Expr| {
        let Expr::BinaryExpr(binary) = expr else {
            return false;
        };
        let (column, op) = match (
            as_column(&binary.left, columns),
            as_column(&binary.right, columns),
        ) {
            (Some(column), None) if constant(&binary.right) => (column, binary.op),
            (None, Some(column)) if constant(&binary.left) => match binary.op.swap() {
                Some(op) => (column, op),
                None => return false,
            },
            _ => return false,
        };
        match op {
            Operator::Gt | Operator::GtEq => known[column] == Increasing,
            Operator::Lt | Operator::LtEq => known[column] == Decreasing,
            _ => false,
        }
    };
    let mut conditions = calc
        .condition
        .iter()
        .flat_map(datafusion::logical_expr::utils::split_conjunction);
    if !conditions.all(|c| constant(c) || stays(c)) {
        return None;
    }
    let projection = calc.projection.iter();
    Some(
        projection
            .map(|expr| match as_column(expr, columns) {
                Some(column) => known[column],
                None if constant(expr) && is_deterministic(expr) => Constant,
                None => Monotonicity::None,
            })
            .collect(),
    )
}

fn of_aggregate(
    keys: &[usize],
    calls: &[AggregateCall],
    input: Vec<Monotonicity>,
) -> Option<Vec<Monotonicity>> {
    if !keys.iter().all(|key| input[*key] == Constant) {
        return None;
    }
    let calls = calls.iter().map(|call| of_call(call, &input));
    Some(keys.iter().map(|_| Constant).chain(calls).collect())
}

fn of_call(call: &AggregateCall, input: &[Monotonicity]) -> Monotonicity {
    let own = match call.function.as_str() {
        "COUNT" => return Increasing,
        "MAX" => Increasing,
        "MIN" => Decreasing,
        _ => return Monotonicity::None,
    };
    let stable = input.iter().all(|column| *column == Constant);
    match call.args.as_slice() {
        [arg] if stable || input[*arg] == own => own,
        _ => Monotonicity::None,
    }
}

/// Which calls of an aggregation over changing input need no retractions.
pub(crate) fn ignored_retractions(
    aggregate: &GroupAggregate,
    plan: &StreamPlan,
    input: NodeId,
) -> Vec<bool> {
    let known =
        of(plan, input).and_then(|input| of_aggregate(&aggregate.keys, &aggregate.calls, input));
    let calls = aggregate.calls.iter().enumerate();
    calls
        .map(|(index, call)| {
            let own = known.as_ref().map(|k| k[aggregate.keys.len() + index]);
            match call.function.as_str() {
                "MAX" => own == Some(Increasing),
                "MIN" => own == Some(Decreasing),
                _ => false,
            }
        })
        .collect()
}
