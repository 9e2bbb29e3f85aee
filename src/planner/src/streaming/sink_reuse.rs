//! Equal sinks of a statement set become one over the union of their inputs (`table.optimizer.reuse-sink-enabled`).

use crate::streaming::node::{PlanNode, StreamOp, StreamPlan};
use crate::streaming::sink::Sink;
use crate::streaming::union::Union;

/// Plans in the order of the first that writes each table in one way.
pub(crate) fn merge_sinks(plans: Vec<StreamPlan>) -> Vec<StreamPlan> {
    let mut groups: Vec<Vec<StreamPlan>> = Vec::new();
    for plan in plans {
        match groups
            .iter_mut()
            .find(|group| writes_alike(&group[0], &plan))
        {
            Some(group) => group.push(plan),
            None => groups.push(vec![plan]),
        }
    }
    groups.into_iter().map(merge).collect()
}

/// A plan's sink and what it reads; none where a materializer stands between: it orders one query's rows.
fn sink_of(plan: &StreamPlan) -> Option<(&Sink, &PlanNode)> {
    let root = plan.nodes.last()?;
    let input = &plan.nodes[*root.inputs.first()?];
    match (&root.op, &input.op) {
        (_, StreamOp::SinkMaterializer(_)) => None,
        (StreamOp::Sink(sink), _) => Some((sink, input)),
        _ => None,
    }
}

fn writes_alike(one: &StreamPlan, other: &StreamPlan) -> bool {
    let (Some((one, from_one)), Some((other, from_other))) = (sink_of(one), sink_of(other)) else {
        return false;
    };
    one.insert.path == other.insert.path
        && one.insert.hint_options == other.insert.hint_options
        && one.insert.static_partition == other.insert.static_partition
        && one.insert.on_conflict == other.insert.on_conflict
        && from_one.traits.changelog_mode() == from_other.traits.changelog_mode()
        && from_one.traits.delete == from_other.traits.delete
}

fn merge(mut group: Vec<StreamPlan>) -> StreamPlan {
    if group.len() < 2 {
        return group.pop().unwrap_or_default();
    }
    let mut merged = StreamPlan::default();
    let mut branches = Vec::with_capacity(group.len());
    let mut sink = None;
    for mut plan in group {
        let root = plan.nodes.pop();
        let by = merged.nodes.len();
        for mut node in plan.nodes {
            node.inputs.iter_mut().for_each(|input| *input += by);
            merged.nodes.push(node);
        }
        branches.extend(root.iter().flat_map(|r| &r.inputs).map(|input| input + by));
        sink = sink.or(root);
    }
    let (Some(mut sink), Some(first)) = (sink, branches.first().copied()) else {
        return merged;
    };
    let traits = merged.nodes[first].traits;
    let columns = merged.nodes[first].columns.clone();
    let union = merged.add(StreamOp::Union(Union), branches, columns);
    merged.nodes[union].traits = traits;
    sink.inputs = vec![union];
    merged.nodes.push(sink);
    merged
}
