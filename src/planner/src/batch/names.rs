//! Pieces of batch plans under the names that Flink's batch operators have.

use std::sync::Arc;

use datafusion::common::stats::Precision;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::{ExecutionPlan, displayable};
use filbert_operators::bounded::SourceScanExec;

/// `Source: lineitem -> Calc -> LocalHashAggregate`: the piece's operators from its leaves up. `is_below` tells the
/// pieces that it reads.
pub(super) fn piece_name(
    root: &Arc<dyn ExecutionPlan>,
    is_below: &dyn Fn(&Arc<dyn ExecutionPlan>) -> bool,
) -> String {
    let name = chain_name(root, is_below);
    if name.is_empty() {
        // Nothing but what gathers the pieces below.
        "Merge".to_owned()
    } else {
        name
    }
}

fn chain_name(
    node: &Arc<dyn ExecutionPlan>,
    is_below: &dyn Fn(&Arc<dyn ExecutionPlan>) -> bool,
) -> String {
    let own = operator_name(node);
    let below: Vec<String> = node
        .children()
        .into_iter()
        .filter(|child| !is_below(child))
        .map(|child| chain_name(child, is_below))
        .filter(|name| !name.is_empty())
        .collect();
    let below = match below.as_slice() {
        [] => return own.unwrap_or_default(),
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    match own {
        Some(own) if below.rsplit(" -> ").next() == Some(own.as_str()) => below,
        Some(own) => format!("{below} -> {own}"),
        None => below,
    }
}

/// None for nodes that are part of how DataFusion moves batches.
fn operator_name(node: &Arc<dyn ExecutionPlan>) -> Option<String> {
    if let Some(scan) = node.downcast_ref::<SourceScanExec>() {
        return Some(format!("Source: {}", scan.spec.path.object));
    }
    if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
        let local = matches!(aggregate.mode(), AggregateMode::Partial);
        return Some(
            if local {
                "LocalHashAggregate"
            } else {
                "HashAggregate"
            }
            .to_owned(),
        );
    }
    let name = match node.name() {
        "CoalesceBatchesExec"
        | "RepartitionExec"
        | "CoalescePartitionsExec"
        | "SortPreservingMergeExec"
        | "CooperativeExec"
        | "BufferExec" => return None,
        "DataSourceExec" => "Source: files",
        "FilterExec" | "ProjectionExec" => "Calc",
        "PlaceholderRowExec" | "EmptyExec" => "Source: Values",
        "HashJoinExec" => "HashJoin",
        "NestedLoopJoinExec" | "CrossJoinExec" => "NestedLoopJoin",
        "SortMergeJoinExec" => "SortMergeJoin",
        name if name.starts_with("SortExec(") => "SortLimit",
        "SortExec" => "Sort",
        "GlobalLimitExec" | "LocalLimitExec" => "Limit",
        "WindowAggExec" | "BoundedWindowAggExec" => "OverAggregate",
        "UnionExec" | "InterleaveExec" => "Union",
        "UnnestExec" => "Correlate",
        other => other.strip_suffix("Exec").unwrap_or(other),
    };
    Some(name.to_owned())
}

/// A physical plan as a tree of text, in the form of Flink's plans. `costs` adds the rows and bytes that statistics tell.
pub(crate) fn tree(plan: &Arc<dyn ExecutionPlan>, costs: bool) -> String {
    let mut text = String::new();
    write_node(plan, costs, "", "", &mut text);
    text
}

fn write_node(
    node: &Arc<dyn ExecutionPlan>,
    costs: bool,
    first: &str,
    rest: &str,
    out: &mut String,
) {
    out.push_str(first);
    out.push_str(displayable(node.as_ref()).one_line().to_string().trim_end());
    if costs {
        out.push_str(&cost(node));
    }
    out.push('\n');
    let children = node.children();
    for (index, child) in children.iter().enumerate() {
        let last = index + 1 == children.len();
        let first = format!("{rest}{}", if last { "+- " } else { ":- " });
        let rest = format!("{rest}{}", if last { "   " } else { ":  " });
        write_node(child, costs, &first, &rest, out);
    }
}

/// `: rowcount = 6001215, bytes = ?`, as far as statistics tell.
fn cost(node: &Arc<dyn ExecutionPlan>) -> String {
    let known = |value: Precision<usize>| match value {
        Precision::Exact(value) => value.to_string(),
        Precision::Inexact(value) => format!("about {value}"),
        Precision::Absent => "?".to_owned(),
    };
    match StatisticsContext::new().compute(node.as_ref(), &StatisticsArgs::new()) {
        Ok(statistics) => format!(
            ": rowcount = {}, bytes = {}",
            known(statistics.num_rows),
            known(statistics.total_byte_size)
        ),
        Err(_) => String::new(),
    }
}
