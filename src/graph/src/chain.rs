//! Stream graph -> job graph: operators that can run in one task become one vertex. The conditions are those of
//! Flink's `StreamingJobGraphGenerator`.

use std::collections::{BTreeMap, HashMap};

use filbert_types::Configuration;
use filbert_types::options::{CHAIN_DIFFERENT_MAX_PARALLELISM, OPERATOR_CHAINING};

use crate::error::GraphError;
use crate::job_graph::{
    ChainedOperator, IntermediateDataSet, JobEdge, JobGraph, JobType, JobVertex,
};
use crate::options;
use crate::stream_graph::{
    ChainingStrategy, ExchangeMode, Partitioner, ResourceSpec, StreamEdge, StreamGraph, StreamNode,
};

/// What a job graph says beside its operators.
#[derive(Debug, Clone)]
pub struct JobSettings {
    /// 32 hex digits.
    pub job_id: String,
    pub name: String,
    pub job_type: JobType,
    pub configuration: Configuration,
    /// Bytes that operators name: batch plans, by id.
    pub artifacts: BTreeMap<String, Vec<u8>>,
}

/// Chains a stream graph's operators into the vertices of a job.
///
/// # Errors
/// When the graph breaks a rule of [`StreamGraph::validate`], or an option has a bad value.
pub fn chain(graph: &StreamGraph, settings: JobSettings) -> Result<JobGraph, GraphError> {
    graph.validate()?;
    let chainer = Chainer::new(graph, &settings.configuration)?;
    let (vertices, places) = chainer.vertices()?;
    let (data_sets, edges) = chainer.data_sets(&vertices, &places)?;
    Ok(JobGraph {
        job_id: settings.job_id,
        name: settings.name,
        job_type: settings.job_type,
        vertices,
        data_sets,
        edges,
        configuration: settings.configuration,
        artifacts: settings.artifacts,
    })
}

/// Where an operator went: vertex, and index in its chain.
type Places = HashMap<u32, (usize, usize)>;

struct Chainer<'a> {
    graph: &'a StreamGraph,
    nodes: HashMap<u32, &'a StreamNode>,
    in_edges: HashMap<u32, Vec<&'a StreamEdge>>,
    out_edges: HashMap<u32, Vec<&'a StreamEdge>>,
    enabled: bool,
    different_max_parallelism: bool,
    max_parallelism: Option<usize>,
}

impl<'a> Chainer<'a> {
    fn new(
        graph: &'a StreamGraph,
        configuration: &Configuration,
    ) -> Result<Chainer<'a>, GraphError> {
        let mut in_edges: HashMap<u32, Vec<&StreamEdge>> = HashMap::new();
        let mut out_edges: HashMap<u32, Vec<&StreamEdge>> = HashMap::new();
        for edge in &graph.edges {
            in_edges.entry(edge.target).or_default().push(edge);
            out_edges.entry(edge.source).or_default().push(edge);
        }
        Ok(Chainer {
            graph,
            nodes: graph.nodes.iter().map(|n| (n.id, n)).collect(),
            in_edges,
            out_edges,
            enabled: configuration.get_bool(&OPERATOR_CHAINING)?,
            different_max_parallelism: configuration.get_bool(&CHAIN_DIFFERENT_MAX_PARALLELISM)?,
            max_parallelism: options::configured_max_parallelism(configuration)?,
        })
    }

    fn node(&self, id: u32) -> Result<&'a StreamNode, GraphError> {
        self.nodes
            .get(&id)
            .copied()
            .ok_or(GraphError::DanglingEdge { id })
    }

    fn inputs(&self, id: u32) -> &[&'a StreamEdge] {
        self.in_edges.get(&id).map_or(&[], Vec::as_slice)
    }

    fn outputs(&self, id: u32) -> &[&'a StreamEdge] {
        self.out_edges.get(&id).map_or(&[], Vec::as_slice)
    }

    fn is_chainable(&self, edge: &StreamEdge) -> Result<bool, GraphError> {
        let (up, down) = (self.node(edge.source)?, self.node(edge.target)?);
        Ok(self.enabled
            && self.inputs(down.id).len() == 1
            && up.slot_sharing_group == down.slot_sharing_group
            && strategies_chain(up, down)
            && up.parallelism == down.parallelism
            && (self.different_max_parallelism || up.max_parallelism == down.max_parallelism)
            && edge.partitioner == Partitioner::Forward
            && edge.exchange != ExchangeMode::Blocking)
    }

    fn vertices(&self) -> Result<(Vec<JobVertex>, Places), GraphError> {
        let mut vertices = Vec::new();
        let mut places = Places::new();
        for index in self.graph.topological_order()? {
            let head = &self.graph.nodes[index];
            let chained = match self.inputs(head.id) {
                [edge] => self.is_chainable(edge)?,
                _ => false,
            };
            if chained {
                continue;
            }
            let mut chain = Vec::new();
            let name = self.grow(head, None, vertices.len(), &mut chain, &mut places)?;
            vertices.push(self.vertex(head, name, chain)?);
        }
        Ok((vertices, places))
    }

    /// Adds an operator and all that is chained behind it; gives the chain's name from there on.
    fn grow(
        &self,
        node: &StreamNode,
        upstream: Option<(usize, Option<String>)>,
        vertex: usize,
        chain: &mut Vec<ChainedOperator>,
        places: &mut Places,
    ) -> Result<String, GraphError> {
        let place = chain.len();
        places.insert(node.id, (vertex, place));
        chain.push(ChainedOperator {
            node: node.clone(),
            upstream,
        });
        let mut behind = Vec::new();
        for edge in self.outputs(node.id) {
            if self.is_chainable(edge)? {
                let from = Some((place, edge.side_output.clone()));
                behind.push(self.grow(self.node(edge.target)?, from, vertex, chain, places)?);
            }
        }
        Ok(match behind.as_slice() {
            [] => node.name.clone(),
            [one] => format!("{} -> {one}", node.name),
            many => format!("{} -> ({})", node.name, many.join(", ")),
        })
    }

    fn vertex(
        &self,
        head: &StreamNode,
        name: String,
        mut chain: Vec<ChainedOperator>,
    ) -> Result<JobVertex, GraphError> {
        let max_parallelism = chain
            .iter()
            .filter_map(|o| o.node.max_parallelism)
            .min()
            .or(self.max_parallelism)
            .unwrap_or_else(|| options::default_max_parallelism(head.parallelism));
        if head.parallelism > max_parallelism {
            return Err(GraphError::AboveMaxParallelism {
                name,
                parallelism: head.parallelism,
                max_parallelism,
            });
        }
        let mut resources = ResourceSpec::default();
        for operator in &mut chain {
            operator.node.max_parallelism = Some(max_parallelism);
            resources = resources.plus(operator.node.resources);
        }
        Ok(JobVertex {
            id: head.uid.clone(),
            name,
            chain,
            parallelism: head.parallelism,
            max_parallelism,
            resources,
            slot_sharing_group: head.slot_sharing_group.clone(),
        })
    }

    fn data_sets(
        &self,
        vertices: &[JobVertex],
        places: &Places,
    ) -> Result<(Vec<IntermediateDataSet>, Vec<JobEdge>), GraphError> {
        let mut data_sets = Vec::new();
        let mut edges = Vec::new();
        for vertex in vertices {
            for operator in &vertex.chain {
                for edge in self.outputs(operator.node.id) {
                    if self.is_chainable(edge)? {
                        continue;
                    }
                    let (producer, operator) = place(places, edge.source)?;
                    let (consumer, _) = place(places, edge.target)?;
                    edges.push(JobEdge {
                        data_set: data_sets.len(),
                        consumer,
                        input: edge.input,
                        partitioner: edge.partitioner.clone(),
                    });
                    data_sets.push(IntermediateDataSet {
                        id: data_set_id(&vertices[producer].id, data_sets.len()),
                        producer,
                        operator,
                        side_output: edge.side_output.clone(),
                        exchange: edge.exchange,
                    });
                }
            }
        }
        Ok((data_sets, edges))
    }
}

fn place(places: &Places, id: u32) -> Result<(usize, usize), GraphError> {
    places
        .get(&id)
        .copied()
        .ok_or(GraphError::DanglingEdge { id })
}

fn data_set_id(producer: &str, ordinal: usize) -> String {
    let hash = xxhash_rust::xxh3::xxh3_128(format!("{producer}/{ordinal}").as_bytes());
    format!("{hash:032x}")
}

fn strategies_chain(up: &StreamNode, down: &StreamNode) -> bool {
    up.chaining != ChainingStrategy::Never
        && match down.chaining {
            ChainingStrategy::Always => true,
            ChainingStrategy::Never | ChainingStrategy::Head => false,
            ChainingStrategy::HeadWithSources => up.spec.is_source(),
        }
}

impl ResourceSpec {
    /// What both need together.
    #[must_use]
    pub fn plus(self, other: ResourceSpec) -> ResourceSpec {
        ResourceSpec {
            cpu_cores: self.cpu_cores + other.cpu_cores,
            heap_bytes: self.heap_bytes.saturating_add(other.heap_bytes),
            managed_bytes: self.managed_bytes.saturating_add(other.managed_bytes),
        }
    }
}

#[cfg(test)]
mod tests;
