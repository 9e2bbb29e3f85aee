//! Stream nodes -> stream graph: parallelism, partitioners, and one node for equal work of several targets.

use std::collections::{HashMap, HashSet};

use filbert_graph::{
    ChainingStrategy, ExchangeMode, Partitioner, ResourceSpec, StreamEdge, StreamGraph, StreamNode,
};

use filbert_types::Configuration;
use filbert_types::options::{REUSE_SOURCE, REUSE_SUB_PLAN};

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::node::{Distribution, NodeId, PlanNode, StreamOp, StreamPlan};
use crate::streaming::sink::KeyedShuffle;

/// Collects the stream nodes of all targets.
pub(crate) struct GraphBuilder<'a> {
    pub graph: StreamGraph,
    exprs: &'a ExprCompiler,
    parallelism: usize,
    reuse: Reuse,
    /// Nodes by what they do and read, so that targets share them.
    known: HashMap<String, u32>,
    /// The operators' names that the statements give.
    uids: HashSet<String>,
}

/// Which equal parts of plans run once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reuse {
    sub_plans: bool,
    sources: bool,
}

impl Reuse {
    /// # Errors
    /// When an option has a bad value.
    pub fn of(configuration: &Configuration) -> Result<Reuse, PlanError> {
        Ok(Reuse {
            sub_plans: configuration.get_bool(&REUSE_SUB_PLAN)?,
            sources: configuration.get_bool(&REUSE_SOURCE)?,
        })
    }

    fn allows(self, op: &StreamOp) -> bool {
        let is_source = matches!(op, StreamOp::Source(_));
        self.sub_plans && (self.sources || !is_source)
    }
}

/// A producer of rows: a node of the graph.
#[derive(Debug, Clone, Copy)]
struct Producer {
    id: u32,
    parallelism: usize,
}

impl<'a> GraphBuilder<'a> {
    pub fn new(exprs: &'a ExprCompiler, parallelism: usize, reuse: Reuse) -> GraphBuilder<'a> {
        GraphBuilder {
            graph: StreamGraph::default(),
            exprs,
            parallelism,
            reuse,
            known: HashMap::new(),
            uids: HashSet::new(),
        }
    }

    /// Adds a target's plan.
    ///
    /// # Errors
    /// When an expression can't be compiled.
    pub fn add(&mut self, plan: &StreamPlan) -> Result<(), PlanError> {
        // A union has the producers of all its inputs.
        let mut producers: Vec<Vec<Producer>> = Vec::with_capacity(plan.nodes.len());
        for id in 0..plan.nodes.len() {
            let made = self.node(plan, id, &producers)?;
            producers.push(made);
        }
        Ok(())
    }

    fn node(
        &mut self,
        plan: &StreamPlan,
        id: NodeId,
        producers: &[Vec<Producer>],
    ) -> Result<Vec<Producer>, PlanError> {
        let view = plan.view(id);
        let node = view.node;
        let op = node.op.operator();
        let Some(spec) = op.spec(view, self.exprs)? else {
            let inputs = node.inputs.iter();
            return Ok(inputs.flat_map(|i| producers[*i].iter().copied()).collect());
        };
        let parallelism = self.parallelism_of(node, producers);
        let mut edges = Vec::new();
        for (input, from) in node.inputs.iter().enumerate() {
            let from_node = &plan.nodes[*from];
            for producer in &producers[*from] {
                edges.push(StreamEdge {
                    source: producer.id,
                    target: 0,
                    input,
                    partitioner: partitioner(node, input, from_node, *producer, parallelism)?,
                    exchange: ExchangeMode::Pipelined,
                    side_output: None,
                });
            }
        }
        let key = self.sharing_key(node, &spec, &edges, parallelism)?;
        if let Some(known) = key.as_ref().and_then(|k| self.known.get(k)) {
            let id = *known;
            return Ok(vec![Producer { id, parallelism }]);
        }
        if let Some(uid) = spec.uid()
            && !self.uids.insert(uid.to_owned())
        {
            return Err(PlanError::Refused(format!(
                "Duplicate unique identifier '{uid}' detected among process table functions. Make sure that all PTF calls have an identifier defined that is globally unique. Please provide a custom identifier using the implicit `uid` argument. For example: myFunction(..., uid => 'my-id')"
            )));
        }
        let graph_id = u32::try_from(self.graph.nodes.len() + 1).unwrap_or(u32::MAX);
        for mut edge in edges {
            edge.target = graph_id;
            self.graph.edges.push(edge);
        }
        self.graph.nodes.push(StreamNode {
            id: graph_id,
            uid: String::new(),
            name: format!("{}[{graph_id}]", op.graph_name()),
            description: format!("[{graph_id}]:{}", plan.description(id)),
            spec,
            parallelism,
            max_parallelism: None,
            output: node.columns.iter().map(|c| c.field()).collect(),
            resources: ResourceSpec::default(),
            slot_sharing_group: "default".to_owned(),
            chaining: ChainingStrategy::Always,
        });
        if let Some(key) = key {
            self.known.insert(key, graph_id);
        }
        Ok(vec![Producer {
            id: graph_id,
            parallelism,
        }])
    }

    fn parallelism_of(&self, node: &PlanNode, producers: &[Vec<Producer>]) -> usize {
        if let Some(fixed) = node.op.operator().fixed_parallelism() {
            return fixed;
        }
        let hashed = (0..node.inputs.len())
            .any(|i| matches!(node.op.operator().distribution(i), Distribution::Hash(_)));
        if node.inputs.is_empty() || hashed {
            return self.parallelism;
        }
        let inputs = node.inputs.iter().flat_map(|i| &producers[*i]);
        inputs.map(|p| p.parallelism).max().unwrap_or(1)
    }

    /// What two nodes must have in common to be one; none for nodes that are never shared.
    fn sharing_key(
        &self,
        node: &PlanNode,
        spec: &filbert_graph::OperatorSpec,
        edges: &[StreamEdge],
        parallelism: usize,
    ) -> Result<Option<String>, PlanError> {
        let is_shared = self.reuse.allows(&node.op);
        if !is_shared || spec.is_sink() || !node.op.operator().is_deterministic() {
            return Ok(None);
        }
        let key = serde_json::to_string(&(spec, edges, parallelism));
        key.map(Some)
            .map_err(|e| PlanError::Internal(e.to_string()))
    }
}

fn partitioner(
    node: &PlanNode,
    input: usize,
    from: &PlanNode,
    producer: Producer,
    parallelism: usize,
) -> Result<Partitioner, PlanError> {
    Ok(match node.op.operator().distribution(input) {
        Distribution::Hash(keys) => Partitioner::Hash(keys),
        Distribution::Single => Partitioner::Global,
        Distribution::Any if shuffles_by_key(node, from, producer, parallelism) => {
            Partitioner::Hash(sink_key(node))
        }
        Distribution::Any if producer.parallelism == parallelism => Partitioner::Forward,
        Distribution::Any if parallelism == 1 => Partitioner::Global,
        Distribution::Any if !from.traits.retracts() => Partitioner::Rebalance,
        // A change must not overtake the one before it: rows of a key, or equal rows, stay on one way.
        Distribution::Any => match &node.op {
            StreamOp::Sink(sink) if sink.primary_key.is_empty() => {
                return Err(PlanError::Refused(format!(
                    "The sink for table '{}' has a configured parallelism of {parallelism}, while the input parallelism is {}. Since the configured parallelism is different from the input's parallelism and the changelog mode contains more than inserts, a primary key is required but no primary key is found.",
                    sink.insert.path, producer.parallelism
                )));
            }
            StreamOp::Sink(sink) => Partitioner::Hash(sink.primary_key.clone()),
            _ => Partitioner::Hash(
                from.upsert_keys
                    .first()
                    .filter(|key| !key.is_empty())
                    .map_or_else(
                        || (0..from.columns.len()).collect(),
                        |key| key.iter().copied().collect(),
                    ),
            ),
        },
    })
}

/// True where rows that are only inserted are brought together by the sink's primary key (`table.exec.sink.keyed-shuffle`).
fn shuffles_by_key(
    node: &PlanNode,
    from: &PlanNode,
    producer: Producer,
    parallelism: usize,
) -> bool {
    let StreamOp::Sink(sink) = &node.op else {
        return false;
    };
    let inserts = from.traits.modify.is_insert_only();
    parallelism > 1
        && !sink.primary_key.is_empty()
        && match sink.keyed_shuffle {
            KeyedShuffle::None => false,
            KeyedShuffle::Auto => inserts && producer.parallelism != parallelism,
            KeyedShuffle::Force => true,
        }
}

fn sink_key(node: &PlanNode) -> Vec<usize> {
    match &node.op {
        StreamOp::Sink(sink) => sink.primary_key.clone(),
        _ => Vec::new(),
    }
}
