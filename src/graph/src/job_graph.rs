use std::collections::BTreeMap;

use filbert_types::Configuration;
use serde::{Deserialize, Serialize};

use crate::stream_graph::{ExchangeMode, Partitioner, ResourceSpec, StreamNode};

/// Operators that run as one task: a head and what is chained behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobVertex {
    /// 32 hex digits, the head's uid.
    pub id: String,
    /// `Source: a -> Calc -> Sink: b`
    pub name: String,
    /// The chained operators; each but the first reads from one before it.
    pub chain: Vec<ChainedOperator>,
    pub parallelism: usize,
    pub max_parallelism: usize,
    pub resources: ResourceSpec,
    pub slot_sharing_group: String,
}

/// An operator of a chain and where its rows come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChainedOperator {
    pub node: StreamNode,
    /// The operator of this chain that feeds it (index, side output); none for the head.
    pub upstream: Option<(usize, Option<String>)>,
}

/// What one operator of a vertex sends to other vertices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntermediateDataSet {
    pub id: String,
    /// Index of the producing vertex.
    pub producer: usize,
    /// Index in the producer's chain.
    pub operator: usize,
    pub side_output: Option<String>,
    pub exchange: ExchangeMode,
}

/// A data set read by a vertex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobEdge {
    /// Index of the data set.
    pub data_set: usize,
    /// Index of the consuming vertex.
    pub consumer: usize,
    /// Which of the head operator's inputs it feeds.
    pub input: usize,
    pub partitioner: Partitioner,
}

/// Whether a job's results change over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobType {
    Streaming,
    Batch,
}

/// The whole job: it serializes, and runs in a process that never saw the SQL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobGraph {
    pub job_id: String,
    pub name: String,
    pub job_type: JobType,
    pub vertices: Vec<JobVertex>,
    pub data_sets: Vec<IntermediateDataSet>,
    pub edges: Vec<JobEdge>,
    pub configuration: Configuration,
    /// Bytes that operators name: batch plans, by id.
    pub artifacts: BTreeMap<String, Vec<u8>>,
}
