use serde::{Deserialize, Serialize};

use filbert_types::Field;

use crate::expr::ExprSpec;
use crate::spec::OperatorSpec;

/// How the rows of an edge are dealt to the consumer's subtasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Partitioner {
    /// Subtask i to subtask i.
    Forward,
    /// By the key group of these columns.
    Hash(Vec<usize>),
    /// Round robin over all.
    Rebalance,
    /// Round robin over the consumers nearest to the producer.
    Rescale,
    /// At random.
    Shuffle,
    /// To every one.
    Broadcast,
    /// To subtask 0.
    Global,
    /// By an expression that gives the consumer's number (modulo the parallelism).
    Custom(ExprSpec),
}

impl Partitioner {
    /// The ship strategy's name in Flink's JSON plan.
    pub const fn name(&self) -> &'static str {
        match self {
            Partitioner::Forward => "FORWARD",
            Partitioner::Hash(_) => "HASH",
            Partitioner::Rebalance => "REBALANCE",
            Partitioner::Rescale => "RESCALE",
            Partitioner::Shuffle => "SHUFFLE",
            Partitioner::Broadcast => "BROADCAST",
            Partitioner::Global => "GLOBAL",
            Partitioner::Custom(_) => "CUSTOM",
        }
    }
}

/// Whether a consumer starts with its producer or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ExchangeMode {
    Pipelined,
    Blocking,
}

/// Where an operator may stand in a chain (Flink's `ChainingStrategy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChainingStrategy {
    Always,
    Never,
    Head,
    /// Head of a chain, but a source may be chained before it.
    HeadWithSources,
}

/// What a subtask needs of its slot. Zero means: nothing in particular.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceSpec {
    pub cpu_cores: f64,
    pub heap_bytes: u64,
    pub managed_bytes: u64,
}

/// One operator of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamNode {
    pub id: u32,
    /// A hash of what the node computes, of its inputs' uids and, among equals, of its ordinal: 32 hex digits.
    pub uid: String,
    /// Short, e.g. `Calc`.
    pub name: String,
    /// Whole, as EXPLAIN prints it, e.g. `Calc(select=[a, b], where=[(a > 1)])`.
    pub description: String,
    pub spec: OperatorSpec,
    pub parallelism: usize,
    /// None until the job graph is made: the number of key groups.
    pub max_parallelism: Option<usize>,
    /// The rows that the node emits.
    pub output: Vec<Field>,
    pub resources: ResourceSpec,
    pub slot_sharing_group: String,
    pub chaining: ChainingStrategy,
}

/// Rows from one operator to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamEdge {
    pub source: u32,
    pub target: u32,
    /// Which of the target's inputs this edge feeds; several edges may feed one input (UNION ALL).
    pub input: usize,
    pub partitioner: Partitioner,
    pub exchange: ExchangeMode,
    /// The tag of the side output that this edge carries; none for the main output.
    pub side_output: Option<String>,
}

/// What the planner makes of a query or a set of INSERTs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StreamGraph {
    pub nodes: Vec<StreamNode>,
    pub edges: Vec<StreamEdge>,
}
