//! The stable name of an operator: a hash of what it computes, of its inputs' uids, and of its ordinal among equals.
//! Names, texts, parallelism, resources and a table's options don't count, so that an unrelated change of a script,
//! or a tuned option, leaves an operator's state where it was.

use std::collections::HashMap;

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128;

use crate::error::GraphError;
use crate::spec::{OperatorSpec, SinkSpec, SourceSpec};
use crate::stream_graph::StreamGraph;

impl StreamGraph {
    /// Gives every node its uid.
    ///
    /// # Errors
    /// When the graph has a cycle.
    pub fn assign_uids(&mut self) -> Result<(), GraphError> {
        let mut uids: HashMap<u32, String> = HashMap::new();
        let mut ordinals: HashMap<u128, u32> = HashMap::new();
        for index in self.topological_order()? {
            let node = &self.nodes[index];
            let mut inputs: Vec<Value> = self
                .edges
                .iter()
                .filter(|e| e.target == node.id)
                .map(|e| json!([e.input, uids.get(&e.source), e.side_output]))
                .collect();
            inputs.sort_by_key(Value::to_string);
            let what = match node.spec.uid() {
                // What the user names keeps its name whatever it computes.
                Some(uid) => json!(["uid", uid]).to_string(),
                None => json!([fingerprint(&node.spec)?, inputs]).to_string(),
            };
            let hash = xxh3_128(what.as_bytes());
            let ordinal = ordinals.entry(hash).or_insert(0);
            let uid = if *ordinal == 0 {
                hash
            } else {
                xxh3_128(format!("{what}#{ordinal}").as_bytes())
            };
            *ordinal += 1;
            let uid = format!("{uid:032x}");
            uids.insert(node.id, uid.clone());
            self.nodes[index].uid = uid;
        }
        Ok(())
    }
}

/// What a node computes, without what is only shown or tuned.
fn fingerprint(spec: &OperatorSpec) -> Result<Value, GraphError> {
    let value = match spec {
        OperatorSpec::Source(source) => source_fingerprint(source)?,
        OperatorSpec::Sink(sink) => sink_fingerprint(sink),
        OperatorSpec::Collect(_) => json!("Collect"),
        other => serde_json::to_value(other)?,
    };
    Ok(without_display(value))
}

fn source_fingerprint(source: &SourceSpec) -> Result<Value, GraphError> {
    Ok(json!([
        "Source",
        source.path.to_string(),
        source.metadata.iter().map(|f| &f.name).collect::<Vec<_>>(),
        source.projection,
        serde_json::to_value(&source.filters)?,
        source.limit,
        source.partitions,
    ]))
}

fn sink_fingerprint(sink: &SinkSpec) -> Value {
    json!([
        "Sink",
        sink.path.to_string(),
        sink.overwrite,
        sink.static_partition
    ])
}

/// Drops expressions' texts, names of output columns, and tunable settings.
fn without_display(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let is_expr = fields.contains_key("bytes") && fields.contains_key("text");
            let is_field = fields.contains_key("name") && fields.contains_key("ty");
            fields
                .into_iter()
                .filter(|(key, _)| {
                    !(is_expr && key == "text"
                        || is_field && (key == "name" || key == "comment")
                        || key == "state_ttl_ms")
                })
                .map(|(key, value)| (key, without_display(value)))
                .collect()
        }
        Value::Array(items) => items.into_iter().map(without_display).collect(),
        other => other,
    }
}
