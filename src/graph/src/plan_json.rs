//! Both graphs as JSON, with Flink's field names: the stream graph as EXPLAIN JSON_EXECUTION_PLAN prints it, the job
//! graph as `/jobs/:id/plan` answers.

use serde_json::{Value, json};

use crate::error::GraphError;
use crate::job_graph::{JobGraph, JobType, JobVertex};
use crate::stream_graph::{ExchangeMode, StreamEdge, StreamGraph, StreamNode};

impl StreamGraph {
    /// `{"nodes": [{"id", "type", "pact", "contents", "parallelism", "predecessors"}]}`
    ///
    /// # Errors
    /// When the graph has a cycle.
    pub fn to_plan_json(&self) -> Result<Value, GraphError> {
        let order = self.topological_order()?;
        let nodes: Vec<Value> = order
            .into_iter()
            .map(|i| self.node_json(&self.nodes[i]))
            .collect();
        Ok(json!({ "nodes": nodes }))
    }

    fn node_json(&self, node: &StreamNode) -> Value {
        let pact = if node.spec.is_source() {
            "Data Source"
        } else if node.spec.is_sink() {
            "Data Sink"
        } else {
            "Operator"
        };
        let mut json = json!({
            "id": node.id,
            "type": node.name,
            "pact": pact,
            "contents": node.description,
            "parallelism": node.parallelism,
        });
        let inputs: Vec<Value> = self
            .edges
            .iter()
            .filter(|e| e.target == node.id)
            .map(predecessor_json)
            .collect();
        if !inputs.is_empty() {
            json["predecessors"] = Value::Array(inputs);
        }
        json
    }
}

fn predecessor_json(edge: &StreamEdge) -> Value {
    // Flink's generator asks for the side after adding the edge, so that it is never the first.
    json!({
        "id": edge.source,
        "ship_strategy": edge.partitioner.name(),
        "side": "second",
    })
}

impl ExchangeMode {
    /// The result partition type's name.
    pub const fn name(self) -> &'static str {
        match self {
            ExchangeMode::Pipelined => "pipelined_bounded",
            ExchangeMode::Blocking => "blocking",
        }
    }
}

impl JobType {
    pub const fn name(self) -> &'static str {
        match self {
            JobType::Streaming => "STREAMING",
            JobType::Batch => "BATCH",
        }
    }
}

impl JobGraph {
    /// `{"jid", "name", "type", "nodes": [{"id", "operator", "parallelism", "operator_strategy", "description",
    /// "optimizer_properties", "inputs"}]}`, sinks first.
    pub fn to_plan_json(&self) -> Value {
        let nodes: Vec<Value> = self
            .vertices
            .iter()
            .enumerate()
            .rev()
            .map(|(index, vertex)| self.vertex_json(index, vertex))
            .collect();
        json!({
            "jid": self.job_id,
            "name": self.name,
            "type": self.job_type.name(),
            "nodes": nodes,
        })
    }

    fn vertex_json(&self, index: usize, vertex: &JobVertex) -> Value {
        let mut json = json!({
            "id": vertex.id,
            "operator": "",
            "parallelism": vertex.parallelism,
            "operator_strategy": "",
            "description": html_escaped(&vertex.description_tree()),
            "optimizer_properties": {},
        });
        let inputs: Vec<Value> = self
            .edges
            .iter()
            .filter(|e| e.consumer == index)
            .enumerate()
            .map(|(num, edge)| {
                let data_set = &self.data_sets[edge.data_set];
                json!({
                    "id": self.vertices[data_set.producer].id,
                    "num": num,
                    "exchange": data_set.exchange.name(),
                    "ship_strategy": edge.partitioner.name(),
                })
            })
            .collect();
        if !inputs.is_empty() {
            json["inputs"] = Value::Array(inputs);
        }
        json
    }
}

impl JobVertex {
    /// The chain's descriptions as a tree, one operator a line.
    pub fn description_tree(&self) -> String {
        let mut text = String::new();
        self.write_tree(0, 0, &mut text);
        text
    }

    fn write_tree(&self, operator: usize, depth: usize, out: &mut String) {
        if depth > 0 {
            out.push_str(&"   ".repeat(depth - 1));
            let siblings: Vec<usize> = self.behind(self.upstream_of(operator)).collect();
            let is_last = siblings.last() == Some(&operator);
            out.push_str(if is_last { "+- " } else { ":- " });
        }
        out.push_str(&self.chain[operator].node.description);
        out.push('\n');
        for next in self.behind(Some(operator)).collect::<Vec<_>>() {
            self.write_tree(next, depth + 1, out);
        }
    }

    fn upstream_of(&self, operator: usize) -> Option<usize> {
        self.chain[operator].upstream.as_ref().map(|(up, _)| *up)
    }

    fn behind(&self, operator: Option<usize>) -> impl Iterator<Item = usize> + '_ {
        (1..self.chain.len()).filter(move |i| self.upstream_of(*i) == operator)
    }
}

fn html_escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\n', "<br/>")
}
