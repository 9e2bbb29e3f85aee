//! A batch plan cut at its exchanges. Every piece runs as one vertex of the job, a subtask a partition; an exchange (a
//! `RepartitionExec`, or what merges several partitions into one) belongs to the piece above it and reads the piece
//! below.
//!
//! Pieces are numbered from the root, which is 0, each before those that it reads, from left to right. The numbers
//! depend on the plan alone, so that the planner, which makes a graph of the pieces, and the runtime, which decodes the
//! plan anew, mean the same.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{
    ExecutionPlan, ExecutionPlanProperties, Partitioning, replace_children_if_necessary,
};

/// How rows cross from one piece into another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchange {
    /// By the hash of these columns of the lower piece; empty where it is the hash of something computed.
    Hash(Vec<usize>),
    /// Batches in turn.
    RoundRobin,
    /// By ranges of the sort key.
    Range,
    /// All partitions into one, in any order.
    Merge,
    /// All partitions into one, in the order in which each is sorted.
    SortedMerge,
}

/// A piece that another one reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PieceInput {
    pub piece: usize,
    pub exchange: Exchange,
}

/// A part of a plan without exchanges inside.
#[derive(Debug, Clone)]
pub struct Piece {
    pub number: usize,
    /// The topmost node: the plan's root, or the child of an exchange.
    pub root: Arc<dyn ExecutionPlan>,
    /// Partitions of the topmost node, which are the piece's subtasks.
    pub partitions: usize,
    /// The pieces that this one reads, from left to right.
    pub inputs: Vec<PieceInput>,
}

/// A plan's pieces, by number.
#[derive(Debug, Clone)]
pub struct Cut {
    pub pieces: Vec<Piece>,
}

/// Cuts a plan at its exchanges.
pub fn cut(plan: &Arc<dyn ExecutionPlan>) -> Cut {
    let mut cut = Cut { pieces: Vec::new() };
    cut.add(plan);
    cut
}

impl Cut {
    fn add(&mut self, root: &Arc<dyn ExecutionPlan>) -> usize {
        let number = self.pieces.len();
        self.pieces.push(Piece {
            number,
            root: Arc::clone(root),
            partitions: root.output_partitioning().partition_count(),
            inputs: Vec::new(),
        });
        let mut inputs = Vec::new();
        self.walk(root, &mut inputs);
        self.pieces[number].inputs = inputs;
        number
    }

    fn walk(&mut self, node: &Arc<dyn ExecutionPlan>, inputs: &mut Vec<PieceInput>) {
        for child in node.children() {
            match exchange(node, child) {
                Some(exchange) => {
                    let piece = self.add(child);
                    inputs.push(PieceInput { piece, exchange });
                }
                None => self.walk(child, inputs),
            }
        }
    }
}

/// The exchange that a node is, over its child; none for nodes that leave partitions as they are.
fn exchange(node: &Arc<dyn ExecutionPlan>, child: &Arc<dyn ExecutionPlan>) -> Option<Exchange> {
    if let Some(repartition) = node.downcast_ref::<RepartitionExec>() {
        return Some(match repartition.partitioning() {
            Partitioning::Hash(exprs, _) => {
                let columns = exprs
                    .iter()
                    .map(|e| e.downcast_ref::<Column>().map(Column::index))
                    .collect::<Option<Vec<usize>>>();
                Exchange::Hash(columns.unwrap_or_default())
            }
            Partitioning::Range(_) => Exchange::Range,
            Partitioning::RoundRobinBatch(_) | Partitioning::UnknownPartitioning(_) => {
                Exchange::RoundRobin
            }
        });
    }
    if child.output_partitioning().partition_count() == 1 {
        return None;
    }
    if node.is::<CoalescePartitionsExec>() {
        return Some(Exchange::Merge);
    }
    node.is::<SortPreservingMergeExec>()
        .then_some(Exchange::SortedMerge)
}

/// Puts a node on top of every piece: `wrap` gets the piece's number and its topmost node, the root's too.
///
/// # Errors
/// When a node refuses its new child, or `wrap` fails.
pub fn wrap_pieces(
    plan: Arc<dyn ExecutionPlan>,
    wrap: &mut dyn FnMut(usize, Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let mut next = 0;
    wrap_piece(plan, &mut next, wrap)
}

fn wrap_piece(
    root: Arc<dyn ExecutionPlan>,
    next: &mut usize,
    wrap: &mut dyn FnMut(usize, Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let number = *next;
    *next += 1;
    let root = wrap_below(root, next, wrap)?;
    wrap(number, root)
}

fn wrap_below(
    node: Arc<dyn ExecutionPlan>,
    next: &mut usize,
    wrap: &mut dyn FnMut(usize, Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let mut children = Vec::new();
    for child in node.children() {
        let child = Arc::clone(child);
        children.push(match exchange(&node, &child) {
            Some(_) => wrap_piece(child, next, wrap)?,
            None => wrap_below(child, next, wrap)?,
        });
    }
    replace_children_if_necessary(node, children)
}

#[cfg(test)]
mod tests;
