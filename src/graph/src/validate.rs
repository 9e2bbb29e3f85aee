use std::collections::{BTreeSet, HashMap};

use crate::error::GraphError;
use crate::spec::OperatorSpec;
use crate::stream_graph::{Partitioner, StreamGraph, StreamNode};

impl StreamGraph {
    /// Checks ids, edges, inputs and parallelism, and that the graph has no cycle.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), GraphError> {
        let nodes = self.nodes_by_id()?;
        for edge in &self.edges {
            let (source, target) = (node(&nodes, edge.source)?, node(&nodes, edge.target)?);
            if edge.partitioner == Partitioner::Forward && source.parallelism != target.parallelism
            {
                return Err(GraphError::UnequalForward {
                    source_name: source.name.clone(),
                    target_name: target.name.clone(),
                    source_parallelism: source.parallelism,
                    target_parallelism: target.parallelism,
                });
            }
        }
        for node in &self.nodes {
            self.validate_node(node)?;
        }
        self.topological_order().map(drop)
    }

    /// The nodes' indices, each after all that feed it; among those that could stand next, by id.
    ///
    /// # Errors
    /// When the graph has a cycle, or an edge names no node.
    pub fn topological_order(&self) -> Result<Vec<usize>, GraphError> {
        let index: HashMap<u32, usize> = self
            .nodes
            .iter()
            .enumerate()
            .map(|(i, node)| (node.id, i))
            .collect();
        let find = |id: u32| {
            index
                .get(&id)
                .copied()
                .ok_or(GraphError::DanglingEdge { id })
        };
        let mut waiting_for = vec![0usize; self.nodes.len()];
        let mut targets = vec![Vec::new(); self.nodes.len()];
        for edge in &self.edges {
            let (source, target) = (find(edge.source)?, find(edge.target)?);
            waiting_for[target] += 1;
            targets[source].push(target);
        }
        let mut ready: BTreeSet<(u32, usize)> = (0..self.nodes.len())
            .filter(|i| waiting_for[*i] == 0)
            .map(|i| (self.nodes[i].id, i))
            .collect();
        let mut order = Vec::with_capacity(self.nodes.len());
        while let Some((_, next)) = ready.pop_first() {
            order.push(next);
            for target in &targets[next] {
                waiting_for[*target] -= 1;
                if waiting_for[*target] == 0 {
                    ready.insert((self.nodes[*target].id, *target));
                }
            }
        }
        match (0..self.nodes.len()).find(|i| waiting_for[*i] > 0) {
            Some(stuck) => Err(GraphError::Cycle {
                name: self.nodes[stuck].name.clone(),
            }),
            None => Ok(order),
        }
    }

    fn nodes_by_id(&self) -> Result<HashMap<u32, &StreamNode>, GraphError> {
        let mut nodes: HashMap<u32, &StreamNode> = HashMap::new();
        for node in &self.nodes {
            if let Some(first) = nodes.insert(node.id, node) {
                return Err(GraphError::DuplicateId {
                    id: node.id,
                    first: first.name.clone(),
                    second: node.name.clone(),
                });
            }
        }
        Ok(nodes)
    }

    fn validate_node(&self, node: &StreamNode) -> Result<(), GraphError> {
        let name = node.name.clone();
        if node.parallelism == 0 {
            return Err(GraphError::NoParallelism { name });
        }
        let inputs: BTreeSet<usize> = self
            .edges
            .iter()
            .filter(|e| e.target == node.id)
            .map(|e| e.input)
            .collect();
        if node.spec.is_source() && !inputs.is_empty() {
            return Err(GraphError::SourceWithInput { name });
        }
        let Some(last) = inputs.last().copied() else {
            return if node.spec.may_have_no_input() {
                Ok(())
            } else {
                Err(GraphError::NoInput { name })
            };
        };
        match (0..last).find(|i| !inputs.contains(i)) {
            Some(gap) => Err(GraphError::InputGap {
                name,
                gap,
                input: last,
            }),
            None => Ok(()),
        }
    }
}

fn node<'a>(nodes: &HashMap<u32, &'a StreamNode>, id: u32) -> Result<&'a StreamNode, GraphError> {
    nodes
        .get(&id)
        .copied()
        .ok_or(GraphError::DanglingEdge { id })
}

impl OperatorSpec {
    /// True for operators that never have an input.
    pub const fn is_source(&self) -> bool {
        matches!(self, OperatorSpec::Source(_) | OperatorSpec::Values(_))
    }

    /// True for operators that end a pipeline.
    pub const fn is_sink(&self) -> bool {
        matches!(self, OperatorSpec::Sink(_) | OperatorSpec::Collect(_))
    }

    /// Sources, and pieces of a batch plan: those at its leaves read for themselves.
    pub const fn may_have_no_input(&self) -> bool {
        self.is_source() || matches!(self, OperatorSpec::BatchPiece(_))
    }
}
