//! In which order a task reads its inputs.

use std::collections::HashSet;

use filbert_graph::spec::ConflictSpec;
use filbert_graph::{JobGraph, OperatorSpec};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadOrder {
    /// What is there first is read first.
    AsItComes,
    /// The channels' first rows are read in turn.
    InTurn,
    /// What follows a channel's watermark waits for the other channels' watermarks.
    ByWatermark,
}

impl ReadOrder {
    pub(crate) fn of(graph: &JobGraph, vertex: usize) -> ReadOrder {
        match head(graph, vertex) {
            Some(OperatorSpec::SinkMaterializer(spec))
                if spec.conflict != ConflictSpec::Deduplicate =>
            {
                ReadOrder::ByWatermark
            }
            _ if has_single_producers(graph, vertex) && reads_bounded(graph, vertex) => {
                ReadOrder::InTurn
            }
            _ => ReadOrder::AsItComes,
        }
    }
}

fn head(graph: &JobGraph, vertex: usize) -> Option<&OperatorSpec> {
    let operator = graph.vertices[vertex].chain.first()?;
    Some(&operator.node.spec)
}

fn producers(graph: &JobGraph, vertex: usize) -> impl Iterator<Item = usize> {
    let edges = graph
        .edges
        .iter()
        .filter(move |edge| edge.consumer == vertex);
    edges.map(|edge| graph.data_sets[edge.data_set].producer)
}

/// Whether one subtask stands behind each edge into the vertex, so that the order of an input's rows is settled.
fn has_single_producers(graph: &JobGraph, vertex: usize) -> bool {
    producers(graph, vertex).all(|producer| graph.vertices[producer].parallelism == 1)
}

/// Whether all that reaches the vertex ends by itself. Other sources give rows at a pace of their own: to wait for one of
/// them would hold up the others.
fn reads_bounded(graph: &JobGraph, vertex: usize) -> bool {
    let mut behind = vec![vertex];
    let mut seen = HashSet::from([vertex]);
    while let Some(vertex) = behind.pop() {
        if matches!(head(graph, vertex), Some(OperatorSpec::Source(source)) if !source.bounded) {
            return false;
        }
        behind.extend(producers(graph, vertex).filter(|producer| seen.insert(*producer)));
    }
    true
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use filbert_graph::job_graph::{ChainedOperator, IntermediateDataSet, JobEdge, JobVertex};
    use filbert_graph::spec::{CalcSpec, SourceSpec};
    use filbert_graph::{
        ChainingStrategy, ExchangeMode, JobType, Partitioner, ResourceSpec, StreamNode,
    };
    use filbert_types::ObjectPath;

    use super::*;

    fn source(bounded: bool) -> OperatorSpec {
        OperatorSpec::Source(SourceSpec {
            path: ObjectPath::new("c", "d", "t"),
            table: Default::default(),
            hint_options: BTreeMap::new(),
            metadata: Vec::new(),
            projection: None,
            nested: BTreeMap::new(),
            filters: Vec::new(),
            limit: None,
            partitions: None,
            batch: false,
            bounded,
            watermark: None,
        })
    }

    fn calc() -> OperatorSpec {
        OperatorSpec::Calc(CalcSpec {
            condition: None,
            projection: Vec::new(),
            watermarks: false,
        })
    }

    fn vertex(spec: OperatorSpec, parallelism: usize) -> JobVertex {
        let node = StreamNode {
            id: 0,
            uid: String::new(),
            name: String::new(),
            description: String::new(),
            spec,
            parallelism,
            max_parallelism: None,
            output: Vec::new(),
            resources: ResourceSpec::default(),
            slot_sharing_group: String::new(),
            chaining: ChainingStrategy::Always,
        };
        JobVertex {
            id: String::new(),
            name: String::new(),
            parallelism,
            max_parallelism: 128,
            resources: ResourceSpec::default(),
            slot_sharing_group: String::new(),
            chain: vec![ChainedOperator {
                node,
                upstream: None,
            }],
        }
    }

    /// Two sources, the first through a vertex of its own, meet in vertex 3.
    fn order(bounded: [bool; 2], parallelism: usize) -> ReadOrder {
        let [first, second] = bounded.map(source);
        let vertices = [first, second, calc(), calc()];
        let edges = [(0, 2), (2, 3), (1, 3)];
        let graph = JobGraph {
            job_id: String::new(),
            name: String::new(),
            job_type: JobType::Streaming,
            vertices: vertices
                .into_iter()
                .map(|spec| vertex(spec, parallelism))
                .collect(),
            data_sets: edges
                .iter()
                .map(|(producer, _)| IntermediateDataSet {
                    id: String::new(),
                    producer: *producer,
                    operator: 0,
                    side_output: None,
                    exchange: ExchangeMode::Pipelined,
                })
                .collect(),
            edges: edges
                .iter()
                .enumerate()
                .map(|(data_set, (_, consumer))| JobEdge {
                    data_set,
                    consumer: *consumer,
                    input: 0,
                    partitioner: Partitioner::Forward,
                })
                .collect(),
            configuration: Default::default(),
            artifacts: BTreeMap::new(),
        };
        ReadOrder::of(&graph, 3)
    }

    #[test]
    fn inputs_that_end_are_read_in_turn_where_each_has_an_order() {
        assert_eq!(order([true, true], 1), ReadOrder::InTurn);
        assert_eq!(order([true, true], 2), ReadOrder::AsItComes);
    }

    #[test]
    fn nobody_waits_for_a_source_without_end() {
        assert_eq!(order([false, true], 1), ReadOrder::AsItComes);
        assert_eq!(order([true, false], 1), ReadOrder::AsItComes);
    }
}
