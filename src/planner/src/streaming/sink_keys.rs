//! Whether a sink's primary key is the key by which the query's rows change, and what ON CONFLICT may say about it.

use filbert_connector_api::ChangelogMode;
use filbert_types::options::{REQUIRE_ON_CONFLICT, UPSERT_MATERIALIZE};

use crate::error::PlanError;
use crate::planner::PlannerContext;
use crate::streaming::node::{KeySet, NodeId, PlanNode, StreamOp, StreamPlan};
use crate::streaming::sink::Sink;

/// Checks the sink of a plan whose changelogs are known.
///
/// # Errors
/// When rows of one primary key could overtake each other, or ON CONFLICT makes no sense for the sink.
pub(crate) fn check(
    plan: &StreamPlan,
    root: NodeId,
    ctx: &PlannerContext,
) -> Result<(), PlanError> {
    let node = &plan.nodes[root];
    let StreamOp::Sink(sink) = &node.op else {
        return Ok(());
    };
    let input = &plan.nodes[node.inputs[0]];
    let mode = sink.mode(input.traits.modify);
    if sink.insert.on_conflict.is_some() {
        check_upsert_sink(sink, mode)?;
    }
    let key: KeySet = sink.primary_key.iter().copied().collect();
    let is_upsert = !mode.update_before && !input.traits.modify.is_insert_only();
    if key.is_empty() || !is_upsert || input.upsert_keys.contains(&key) {
        return Ok(());
    }
    let materialize = ctx.configuration.get(&UPSERT_MATERIALIZE);
    if materialize.is_some_and(|m| m.eq_ignore_ascii_case("NONE")) {
        return Ok(());
    }
    if sink.insert.on_conflict.is_none() && ctx.configuration.get_bool(&REQUIRE_ON_CONFLICT)? {
        return Err(differing_keys(sink, input));
    }
    Err(PlanError::Unsupported {
        operation: format!(
            "Ordering rows by the primary key of '{}' before they are written, as ON CONFLICT asks,",
            sink.insert.path
        ),
        mode: "streaming",
        hint: String::new(),
    })
}

fn check_upsert_sink(sink: &Sink, mode: ChangelogMode) -> Result<(), PlanError> {
    let reason = if mode.update_before {
        "it requires UPDATE_BEFORE (retract mode)"
    } else if mode.is_insert_only() {
        "it only accepts INSERT (append-only) changes"
    } else {
        return Ok(());
    };
    Err(PlanError::Refused(format!(
        "ON CONFLICT clause is only allowed for upsert sinks. The sink '{}' is not an upsert sink because {reason}.",
        sink.insert.path
    )))
}

fn differing_keys(sink: &Sink, input: &PlanNode) -> PlanError {
    let names = |key: &mut dyn Iterator<Item = usize>| -> String {
        let names: Vec<&str> = key.map(|i| input.columns[i].name.as_str()).collect();
        format!("[{}]", names.join(", "))
    };
    let upsert_key = match input.upsert_keys.first() {
        Some(key) => names(&mut key.iter().copied()),
        None => "none".to_owned(),
    };
    let schema = &sink.insert.table.schema;
    let primary_key = schema
        .primary_key
        .as_ref()
        .map(|key| key.columns.join(", "))
        .unwrap_or_default();
    PlanError::Refused(format!(
        "The query has an upsert key that differs from the primary key of the sink table '{}'. Primary key: [{primary_key}], upsert key: {upsert_key}. This can lead to non-deterministic results when multiple records with different upsert keys map to the same primary key. Say what should happen with ON CONFLICT DO ERROR, NOTHING or DEDUPLICATE.",
        sink.insert.path
    ))
}
