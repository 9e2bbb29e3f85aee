use std::collections::BTreeSet;

use filbert_graph::OperatorSpec;

use crate::columns::{PlanColumn, tell_apart};
use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::calc::Calc;
use crate::streaming::changelog::{DeleteKind, ModifyKinds, Traits, UpdateKind};
use crate::streaming::changelog_function::ChangelogFunction;
use crate::streaming::changelog_normalize::ChangelogNormalize;
use crate::streaming::collect::Collect;
use crate::streaming::drop_update_before::DropUpdateBefore;
use crate::streaming::expand::Expand;
use crate::streaming::group_aggregate::GroupAggregate;
use crate::streaming::incremental_group_aggregate::IncrementalGroupAggregate;
use crate::streaming::interval_join::IntervalJoin;
use crate::streaming::join::Join;
use crate::streaming::local_group_aggregate::LocalGroupAggregate;
use crate::streaming::local_window_aggregate::LocalWindowAggregate;
use crate::streaming::lookup_join::LookupJoin;
use crate::streaming::match_recognize::Match;
use crate::streaming::mini_batch_assigner::MiniBatchAssigner;
use crate::streaming::over::OverAggregate;
use crate::streaming::process_table::ProcessTable;
use crate::streaming::rank::Rank;
use crate::streaming::sink::Sink;
use crate::streaming::sink_materializer::SinkMaterializer;
use crate::streaming::source::Source;
use crate::streaming::temporal_join::TemporalJoin;
use crate::streaming::temporal_sort::TemporalSort;
use crate::streaming::union::Union;
use crate::streaming::unnest::Unnest;
use crate::streaming::values::Values;
use crate::streaming::watermark_assigner::WatermarkAssigner;
use crate::streaming::window_aggregate::WindowAggregate;
use crate::streaming::window_join::WindowJoin;
use crate::streaming::window_rank::WindowRank;
use crate::streaming::window_tvf::WindowTableFunction;

/// A node's place in its plan.
pub(crate) type NodeId = usize;

/// Columns of a node, by position.
pub(crate) type KeySet = BTreeSet<usize>;

/// The stream nodes of one target, each after its inputs; the last is the root.
#[derive(Debug, Clone, Default)]
pub(crate) struct StreamPlan {
    pub nodes: Vec<PlanNode>,
}

/// An operator, its inputs and the rows that it sends.
#[derive(Debug, Clone)]
pub(crate) struct PlanNode {
    pub op: StreamOp,
    pub inputs: Vec<NodeId>,
    pub columns: Vec<PlanColumn>,
    pub traits: Traits,
    /// Sets of columns that each tell a row from all others of one moment.
    pub upsert_keys: Vec<KeySet>,
}

/// Which rows an operator must see together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Distribution {
    Any,
    Hash(Vec<usize>),
    Single,
}

/// The operators of stream plans.
#[derive(Debug, Clone)]
pub(crate) enum StreamOp {
    Source(Box<Source>),
    Values(Values),
    Calc(Calc),
    WatermarkAssigner(WatermarkAssigner),
    Union(Union),
    Expand(Expand),
    MiniBatchAssigner(MiniBatchAssigner),
    LocalGroupAggregate(Box<LocalGroupAggregate>),
    IncrementalGroupAggregate(Box<IncrementalGroupAggregate>),
    GroupAggregate(GroupAggregate),
    Join(Box<Join>),
    IntervalJoin(Box<IntervalJoin>),
    Unnest(Unnest),
    WindowTableFunction(WindowTableFunction),
    WindowAggregate(WindowAggregate),
    LocalWindowAggregate(Box<LocalWindowAggregate>),
    Rank(Rank),
    OverAggregate(OverAggregate),
    TemporalJoin(Box<TemporalJoin>),
    LookupJoin(Box<LookupJoin>),
    TemporalSort(TemporalSort),
    WindowJoin(Box<WindowJoin>),
    WindowRank(WindowRank),
    Match(Box<Match>),
    DropUpdateBefore(DropUpdateBefore),
    ChangelogNormalize(ChangelogNormalize),
    ChangelogFunction(ChangelogFunction),
    ProcessTable(Box<ProcessTable>),
    SinkMaterializer(SinkMaterializer),
    Sink(Box<Sink>),
    Collect(Collect),
}

impl StreamOp {
    pub fn operator(&self) -> &dyn StreamOperator {
        match self {
            StreamOp::Source(op) => op.as_ref(),
            StreamOp::Values(op) => op,
            StreamOp::Calc(op) => op,
            StreamOp::WatermarkAssigner(op) => op,
            StreamOp::Union(op) => op,
            StreamOp::Expand(op) => op,
            StreamOp::MiniBatchAssigner(op) => op,
            StreamOp::LocalGroupAggregate(op) => op.as_ref(),
            StreamOp::IncrementalGroupAggregate(op) => op.as_ref(),
            StreamOp::GroupAggregate(op) => op,
            StreamOp::Join(op) => op.as_ref(),
            StreamOp::IntervalJoin(op) => op.as_ref(),
            StreamOp::Unnest(op) => op,
            StreamOp::WindowTableFunction(op) => op,
            StreamOp::WindowAggregate(op) => op,
            StreamOp::LocalWindowAggregate(op) => op.as_ref(),
            StreamOp::Rank(op) => op,
            StreamOp::OverAggregate(op) => op,
            StreamOp::TemporalJoin(op) => op.as_ref(),
            StreamOp::LookupJoin(op) => op.as_ref(),
            StreamOp::TemporalSort(op) => op,
            StreamOp::WindowJoin(op) => op.as_ref(),
            StreamOp::WindowRank(op) => op,
            StreamOp::Match(op) => op.as_ref(),
            StreamOp::DropUpdateBefore(op) => op,
            StreamOp::ChangelogNormalize(op) => op,
            StreamOp::ChangelogFunction(op) => op,
            StreamOp::ProcessTable(op) => op.as_ref(),
            StreamOp::SinkMaterializer(op) => op,
            StreamOp::Sink(op) => op.as_ref(),
            StreamOp::Collect(op) => op,
        }
    }
}

/// A node with its inputs, as an operator looks at itself.
#[derive(Clone, Copy)]
pub(crate) struct NodeView<'a> {
    pub plan: &'a StreamPlan,
    pub node: &'a PlanNode,
}

impl<'a> NodeView<'a> {
    pub fn input(&self, index: usize) -> &'a PlanNode {
        &self.plan.nodes[self.node.inputs[index]]
    }

    /// The names of the only input's columns.
    pub fn input_names(&self) -> Vec<&'a str> {
        names(&self.input(0).columns)
    }
}

/// What an operator takes from an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Accepts {
    /// Whatever its own consumer takes: it hands changes on as they are.
    AsConsumer,
    /// These; else the operator is named as the one that refuses.
    Only(ModifyKinds, String),
}

/// What planning asks of an operator. One implementation a file; the defaults are those of an operator that hands every
/// row on by itself, as Calc does.
pub(crate) trait StreamOperator {
    /// `GroupAggregate`
    fn name(&self) -> &'static str;

    /// What stands in the brackets: `groupBy=[k], select=[k, COUNT(*) AS n]`.
    fn details(&self, view: NodeView<'_>) -> String;

    /// The name in the job graph without its number, where it is not the operator's: `Source: orders`.
    fn graph_name(&self) -> String {
        self.name().to_owned()
    }

    /// What must run; none for operators that are only edges of the graph.
    ///
    /// # Errors
    /// When an expression can't be compiled.
    fn spec(
        &self,
        view: NodeView<'_>,
        exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError>;

    fn distribution(&self, input: usize) -> Distribution {
        let _ = input;
        Distribution::Any
    }

    /// A parallelism of its own, whatever the inputs' is.
    fn fixed_parallelism(&self) -> Option<usize> {
        None
    }

    fn accepts(&self, input: usize) -> Accepts {
        let _ = input;
        Accepts::AsConsumer
    }

    /// The changes that it sends when its inputs send these.
    fn modifies(&self, inputs: &[ModifyKinds]) -> ModifyKinds {
        inputs
            .iter()
            .copied()
            .fold(ModifyKinds::NONE, ModifyKinds::union)
    }

    /// As [`StreamOperator::modifies`], for operators that look at their inputs' columns too.
    fn modifies_of(&self, inputs: &[ModifyKinds], view: NodeView<'_>) -> ModifyKinds {
        let _ = view;
        self.modifies(inputs)
    }

    /// What the inputs must send for updates to go out as `required`: alternatives, best first; none when they can't.
    fn update_inputs(&self, required: UpdateKind, view: NodeView<'_>) -> Vec<Vec<UpdateKind>> {
        vec![vec![required; view.node.inputs.len()]]
    }

    /// As [`StreamOperator::update_inputs`], for deletes.
    fn delete_inputs(&self, required: DeleteKind, view: NodeView<'_>) -> Vec<Vec<DeleteKind>> {
        vec![vec![required; view.node.inputs.len()]]
    }

    /// The keys of its rows.
    fn upsert_keys(&self, view: NodeView<'_>) -> Vec<KeySet> {
        view.node
            .inputs
            .first()
            .map_or_else(Vec::new, |id| view.plan.nodes[*id].upsert_keys.clone())
    }

    /// True when -U is sent also where nobody needs it: it is dropped behind.
    fn always_sends_update_before(&self) -> bool {
        false
    }

    /// True for what plans show as a part of the node above.
    fn is_part_of_consumer(&self) -> bool {
        false
    }

    /// False when the same rows may give others when run again.
    fn is_deterministic(&self) -> bool {
        true
    }
}

impl StreamPlan {
    /// Adds a node over nodes that are there; no two of its columns are shown by one name.
    pub fn add(
        &mut self,
        op: StreamOp,
        inputs: Vec<NodeId>,
        mut columns: Vec<PlanColumn>,
    ) -> NodeId {
        tell_apart(&mut columns);
        self.nodes.push(PlanNode {
            op,
            inputs,
            columns,
            traits: Traits::default(),
            upsert_keys: Vec::new(),
        });
        let id = self.nodes.len() - 1;
        self.nodes[id].upsert_keys = {
            let view = self.view(id);
            view.node.op.operator().upsert_keys(view)
        };
        id
    }

    pub fn view(&self, id: NodeId) -> NodeView<'_> {
        NodeView {
            plan: self,
            node: &self.nodes[id],
        }
    }

    pub fn root(&self) -> NodeId {
        self.nodes.len().saturating_sub(1)
    }

    /// `GroupAggregate(groupBy=[k], select=[..])`
    pub fn description(&self, id: NodeId) -> String {
        let view = self.view(id);
        let op = view.node.op.operator();
        format_call(op.name(), &op.details(view))
    }
}

/// `Name(details)`, or the name alone.
pub(crate) fn format_call(name: &str, details: &str) -> String {
    if details.is_empty() {
        name.to_owned()
    } else {
        format!("{name}({details})")
    }
}

pub(crate) fn names(columns: &[PlanColumn]) -> Vec<&str> {
    columns.iter().map(|c| c.name.as_str()).collect()
}
