//! Whether a sink's primary key is the key by which the query's rows change; where it isn't, a materializer makes one row
//! a primary key, as ON CONFLICT says.

use filbert_connector_api::ChangelogMode;
use filbert_graph::spec::ConflictSpec;
use filbert_types::options::{REQUIRE_ON_CONFLICT, STATE_TTL};

use crate::error::PlanError;
use crate::planner::PlannerContext;
use crate::streaming::changelog::{DeleteKind, ModifyKinds, Traits, UpdateKind};
use crate::streaming::node::{KeySet, NodeId, PlanNode, StreamOp, StreamPlan};
use crate::streaming::sink::{Materialize, Sink};
use crate::streaming::sink_materializer::SinkMaterializer;

/// Checks the sink of a plan whose changelogs are known, and puts a materializer before it where it needs one.
///
/// # Errors
/// When rows of one primary key could overtake each other, or ON CONFLICT makes no sense for the sink.
pub(crate) fn materialize(plan: &mut StreamPlan, ctx: &PlannerContext) -> Result<(), PlanError> {
    let root = plan.root();
    let node = &plan.nodes[root];
    let StreamOp::Sink(sink) = &node.op else {
        return Ok(());
    };
    let input = &plan.nodes[node.inputs[0]];
    let mode = sink.upsert_mode(input.traits.modify);
    if sink.insert.on_conflict.is_some() {
        check_upsert_sink(sink, mode)?;
    }
    let conflict = match sink.insert.on_conflict.as_deref() {
        Some("NOTHING") => ConflictSpec::Nothing,
        Some("ERROR") => ConflictSpec::Error,
        _ => ConflictSpec::Deduplicate,
    };
    if conflict != ConflictSpec::Deduplicate {
        check_watermarks(plan, sink)?;
    }
    if !sink.needs_materializer(plan, node.inputs[0]) {
        return Ok(());
    }
    let differs = sink.materialize == Materialize::Auto;
    if differs
        && sink.insert.on_conflict.is_none()
        && ctx.configuration.get_bool(&REQUIRE_ON_CONFLICT)?
    {
        return Err(differing_keys(sink, input));
    }
    let ttl = ctx.configuration.get_duration(&STATE_TTL)?;
    let ttl_ms = ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
    let materializer = SinkMaterializer {
        primary_key: sink.primary_key.clone(),
        upsert_key: smallest(&input.upsert_keys),
        conflict,
        state_ttl_ms: ttl_ms.filter(|ms| *ms > 0),
    };
    // Rows that are only inserted need no order.
    if input.traits.modify.is_insert_only() {
        return Ok(());
    }
    let mut traits = Traits::default();
    traits.modify = ModifyKinds::ALL;
    traits.update = UpdateKind::OnlyAfter;
    traits.delete = DeleteKind::Full;
    let columns = input.columns.clone();
    let Some(mut sink) = plan.nodes.pop() else {
        return Ok(());
    };
    let op = StreamOp::SinkMaterializer(materializer);
    let id = plan.add(op, sink.inputs.clone(), columns);
    plan.nodes[id].traits = traits;
    sink.inputs = vec![id];
    plan.nodes.push(sink);
    Ok(())
}

/// The key with the fewest columns.
fn smallest(keys: &[KeySet]) -> Option<Vec<usize>> {
    let key = keys
        .iter()
        .min_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)))?;
    (!key.is_empty()).then(|| key.iter().copied().collect())
}

impl Sink {
    /// True when rows of one primary key must be put in order before this sink.
    pub fn needs_materializer(&self, plan: &StreamPlan, input: NodeId) -> bool {
        let is_read_from_log = is_read_from_log(plan, input);
        let input = &plan.nodes[input];
        let mode = self.upsert_mode(input.traits.modify);
        let insert_only = input.traits.modify.is_insert_only();
        if self.primary_key.is_empty() || mode.update_before {
            return false;
        }
        match self.materialize {
            Materialize::None => false,
            Materialize::Force => true,
            Materialize::Auto => {
                let key: KeySet = self.primary_key.iter().copied().collect();
                !is_read_from_log
                    && !insert_only
                    && !mode.is_insert_only()
                    && !input.upsert_keys.iter().any(|k| k.is_subset(&key))
            }
        }
    }
}

/// True for rows of FROM_CHANGELOG, which Flink takes as they are.
fn is_read_from_log(plan: &StreamPlan, id: NodeId) -> bool {
    let node = &plan.nodes[id];
    match &node.op {
        StreamOp::Calc(_) => is_read_from_log(plan, node.inputs[0]),
        StreamOp::ChangelogFunction(_) => true,
        _ => false,
    }
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

fn check_watermarks(plan: &StreamPlan, sink: &Sink) -> Result<(), PlanError> {
    let without: Vec<String> = plan
        .nodes
        .iter()
        .filter_map(|node| match &node.op {
            StreamOp::Source(source) => Some(&source.table.bound),
            _ => None,
        })
        .filter(|bound| bound.table.schema.watermark.is_none())
        .map(|bound| bound.path.to_string())
        .collect();
    if without.is_empty() {
        return Ok(());
    }
    Err(PlanError::Refused(format!(
        "ON CONFLICT DO {} requires all source tables to define watermarks, but the following source(s) do not: {}. \
         Please add a WATERMARK declaration to these tables.",
        sink.insert.on_conflict.as_deref().unwrap_or_default(),
        without.join(", ")
    )))
}

fn differing_keys(sink: &Sink, input: &PlanNode) -> PlanError {
    let upsert_key = smallest(&input.upsert_keys).map_or_else(
        || "none".to_owned(),
        |key| {
            let names: Vec<&str> = key
                .iter()
                .map(|i| input.columns[*i].name.as_str())
                .collect();
            format!("[{}]", names.join(", "))
        },
    );
    let schema = &sink.insert.table.schema;
    let primary_key = schema
        .primary_key
        .as_ref()
        .map(|key| key.columns.join(", "))
        .unwrap_or_default();
    PlanError::Refused(format!(
        "The query has an upsert key that differs from the primary key of the sink table '{}'. Primary key: [{primary_key}], upsert key: {upsert_key}. This can lead to non-deterministic results when multiple records with different upsert keys map to the same primary key. Please specify an ON CONFLICT clause to define how conflicts should be handled: ON CONFLICT DO DEDUPLICATE (update to the latest), ON CONFLICT DO NOTHING (keep the first) or ON CONFLICT DO ERROR (fail).",
        sink.insert.path
    ))
}
