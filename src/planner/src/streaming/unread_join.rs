//! An outer join of which nobody reads but the outer side, each of whose rows meets one row at most: that side alone
//! (Calcite's `ProjectJoinRemoveRule`). No update of the other side then goes out as a change that changes nothing.

use std::collections::BTreeSet;

use filbert_graph::spec::JoinKind;

use crate::columns::PlanColumn;
use crate::exprs::{columns_read, position};
use crate::streaming::calc::Calc;
use crate::streaming::node::{KeySet, NodeId, StreamOp, StreamPlan};

/// Puts the outer sides in the place of such joins; before the changelog is inferred.
pub(crate) fn drop_unread(plan: StreamPlan) -> StreamPlan {
    let outers: Vec<Option<NodeId>> = (0..plan.nodes.len())
        .map(|id| outer_alone(&plan, id))
        .collect();
    if outers.iter().all(Option::is_none) {
        return plan;
    }
    let mut nodes = plan.nodes;
    for (node, outer) in nodes.iter_mut().zip(outers) {
        if let Some(outer) = outer {
            node.inputs = vec![outer];
        }
    }
    let mut reached = BTreeSet::new();
    let mut open: Vec<NodeId> = nodes.len().checked_sub(1).into_iter().collect();
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            open.extend(&nodes[id].inputs);
        }
    }
    let mut out = StreamPlan::default();
    let mut moved = vec![0; nodes.len()];
    for (id, node) in nodes.into_iter().enumerate() {
        if reached.contains(&id) {
            let inputs = node.inputs.iter().map(|input| moved[*input]).collect();
            moved[id] = out.add(node.op, inputs, node.columns);
        }
    }
    out
}

/// The outer side that a Calc reads of its input alone, where that is such a join.
fn outer_alone(plan: &StreamPlan, id: NodeId) -> Option<NodeId> {
    let StreamOp::Calc(calc) = &plan.nodes[id].op else {
        return None;
    };
    let joined = plan.nodes[id].inputs[0];
    let StreamOp::Join(join) = &plan.nodes[joined].op else {
        return None;
    };
    let outer = match join.kind {
        JoinKind::Left => 0,
        JoinKind::Right => 1,
        _ => return None,
    };
    let inputs = &plan.nodes[joined].inputs;
    let first = if outer == 0 {
        0
    } else {
        plan.nodes[inputs[0]].columns.len()
    };
    let other_keys: KeySet = join.keys.iter().map(|key| key.columns[1 - outer]).collect();
    let mut other = plan.nodes[inputs[1 - outer]].upsert_keys.iter();
    let meets_one = other.any(|key| key.is_subset(&other_keys));
    (meets_one
        && reads_alone(
            calc,
            &plan.nodes[joined].columns,
            &plan.nodes[inputs[outer]].columns,
            first,
        ))
    .then_some(inputs[outer])
}

/// True when all that a Calc reads of a join's columns are those of one side, which begin at `first`.
fn reads_alone(calc: &Calc, joined: &[PlanColumn], side: &[PlanColumn], first: usize) -> bool {
    let exprs = calc.projection.iter().chain(&calc.condition);
    exprs
        .flat_map(|expr| columns_read(expr, joined))
        .all(|column| position(side, &joined[column].column).map(|at| at + first) == Some(column))
}
