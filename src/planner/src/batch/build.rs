//! A batch plan's pieces as nodes of a stream graph, with the sink behind the root piece.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::bytes::physical_plan_to_bytes_with_extension_codec;
use filbert_functions::FunctionRegistry;
use filbert_functions::codec::FunctionCodec;
use filbert_graph::spec::{BatchPieceSpec, CollectSpec};
use filbert_graph::{
    ChainingStrategy, ExchangeMode, OperatorSpec, Partitioner, ResourceSpec, StreamEdge,
    StreamGraph, StreamNode,
};
use filbert_operators::bounded::{Cut, Exchange, PlaceholderCodec, cut};
use filbert_types::Field;
use filbert_types::options::BATCH_SHUFFLE_MODE;

use crate::batch::BatchPlan;
use crate::batch::names::piece_name;
use crate::columns::shown_type;
use crate::error::PlanError;
use crate::planner::{PlanTarget, PlannerContext};
use crate::streaming::sink::Sink;
use crate::tables::TableRef;

/// Collects the pieces of all targets' plans.
pub(crate) struct BatchGraphBuilder<'a> {
    pub graph: StreamGraph,
    /// The plans, by id.
    pub artifacts: BTreeMap<String, Vec<u8>>,
    ctx: &'a PlannerContext,
    exchange: ExchangeMode,
}

impl<'a> BatchGraphBuilder<'a> {
    pub fn new(ctx: &'a PlannerContext) -> BatchGraphBuilder<'a> {
        let mode = ctx
            .configuration
            .get(&BATCH_SHUFFLE_MODE)
            .unwrap_or_default();
        let exchange = if mode.eq_ignore_ascii_case("ALL_EXCHANGES_BLOCKING") {
            ExchangeMode::Blocking
        } else {
            ExchangeMode::Pipelined
        };
        BatchGraphBuilder {
            graph: StreamGraph::default(),
            artifacts: BTreeMap::new(),
            ctx,
            exchange,
        }
    }

    /// Adds a target: its plan's pieces, and its sink.
    ///
    /// # Errors
    /// When the plan can't be written, or the sink refuses the INSERT.
    pub fn add(&mut self, plan: &BatchPlan, target: &PlanTarget) -> Result<(), PlanError> {
        let plan_id = self.store(&plan.physical)?;
        let cut = cut(&plan.physical);
        if self.exchange == ExchangeMode::Blocking && cut.pieces.len() > 1 {
            return Err(PlanError::Unsupported {
                operation: format!(
                    "'{}' = 'ALL_EXCHANGES_BLOCKING' for a plan that exchanges rows inside",
                    BATCH_SHUFFLE_MODE.key
                ),
                mode: "batch",
                hint: format!(
                    " Its answer is the same with ALL_EXCHANGES_PIPELINED: RESET '{}'.",
                    BATCH_SHUFFLE_MODE.key
                ),
            });
        }
        let output: Vec<Field> = target
            .query()
            .output
            .iter()
            .map(|c| Field::new(&c.name, c.ty.clone()))
            .collect();
        let root = self.pieces(&cut, &plan_id, &output);
        self.target(root, cut.pieces[0].partitions, target, output)
    }

    fn store(&mut self, plan: &Arc<dyn ExecutionPlan>) -> Result<String, PlanError> {
        let codec = FunctionCodec::new(Arc::new(FunctionRegistry::new()))
            .with_plans(Arc::new(PlaceholderCodec));
        let bytes = physical_plan_to_bytes_with_extension_codec(Arc::clone(plan), &codec)?;
        // Two targets may have one plan: each runs its own.
        let plan_id = format!("plan-{}", self.artifacts.len());
        self.artifacts.insert(plan_id.clone(), bytes.to_vec());
        Ok(plan_id)
    }

    /// Adds the pieces, the lowest first; gives the root's id.
    fn pieces(&mut self, cut: &Cut, plan_id: &str, output: &[Field]) -> u32 {
        let first = self.next_id();
        let count = u32::try_from(cut.pieces.len()).unwrap_or(u32::MAX);
        let id = |piece: usize| first + count - 1 - u32::try_from(piece).unwrap_or(u32::MAX);
        for piece in cut.pieces.iter().rev() {
            let below: Vec<_> = piece
                .inputs
                .iter()
                .map(|i| &cut.pieces[i.piece].root)
                .collect();
            let is_below =
                |node: &Arc<dyn ExecutionPlan>| below.iter().any(|b| Arc::ptr_eq(b, node));
            let name = piece_name(&piece.root, &is_below);
            let fields = match piece.number {
                0 => output.to_vec(),
                _ => piece_fields(&piece.root),
            };
            let spec = OperatorSpec::BatchPiece(BatchPieceSpec {
                plan_id: plan_id.to_owned(),
                piece: piece.number,
            });
            self.node(&name, &name, spec, piece.partitions, fields);
            for (index, input) in piece.inputs.iter().enumerate() {
                self.graph.edges.push(StreamEdge {
                    source: id(input.piece),
                    target: id(piece.number),
                    input: index,
                    partitioner: partitioner(&input.exchange),
                    exchange: self.exchange,
                    side_output: None,
                });
            }
        }
        id(0)
    }

    fn target(
        &mut self,
        root: u32,
        partitions: usize,
        target: &PlanTarget,
        output: Vec<Field>,
    ) -> Result<(), PlanError> {
        let names: Vec<&str> = output.iter().map(|f| f.name.as_str()).collect();
        let fields = format!("fields=[{}]", names.join(", "));
        let (id, partitioner) = match target {
            PlanTarget::Collect { result_id, .. } => {
                let spec = OperatorSpec::Collect(CollectSpec {
                    result_id: result_id.clone(),
                });
                let text = format!("Collect({fields})");
                let id = self.node("Sink: Collect table sink", &text, spec, 1, output.clone());
                (
                    id,
                    if partitions == 1 {
                        Partitioner::Forward
                    } else {
                        Partitioner::Global
                    },
                )
            }
            PlanTarget::Insert(insert) => {
                let table = TableRef {
                    path: &insert.path,
                    table: &insert.table,
                    hint_options: &insert.hint_options,
                };
                let sink = Sink::new(
                    insert,
                    table.sink(self.ctx, true)?,
                    &self.ctx.configuration,
                    true,
                )?;
                sink.check()?;
                let parallelism = sink.table_sink.parallelism().unwrap_or(partitions);
                let partitioner = match sink.partition_columns() {
                    Some(columns) if parallelism > 1 => Partitioner::Hash(columns),
                    _ if parallelism == partitions => Partitioner::Forward,
                    _ => Partitioner::Rebalance,
                };
                let name = format!("Sink: {}", insert.path.object);
                let text = format!("Sink(table=[{}], {fields})", insert.path);
                let spec = OperatorSpec::Sink(sink.sink_spec());
                (
                    self.node(&name, &text, spec, parallelism, output.clone()),
                    partitioner,
                )
            }
        };
        self.graph.edges.push(StreamEdge {
            source: root,
            target: id,
            input: 0,
            exchange: match partitioner {
                Partitioner::Forward => ExchangeMode::Pipelined,
                _ => self.exchange,
            },
            partitioner,
            side_output: None,
        });
        Ok(())
    }

    fn next_id(&self) -> u32 {
        u32::try_from(self.graph.nodes.len() + 1).unwrap_or(u32::MAX)
    }

    fn node(
        &mut self,
        name: &str,
        description: &str,
        spec: OperatorSpec,
        parallelism: usize,
        output: Vec<Field>,
    ) -> u32 {
        let id = self.next_id();
        self.graph.nodes.push(StreamNode {
            id,
            uid: String::new(),
            name: format!("{name}[{id}]"),
            description: format!("[{id}]:{description}"),
            spec,
            parallelism,
            max_parallelism: None,
            output,
            resources: ResourceSpec::default(),
            slot_sharing_group: "default".to_owned(),
            chaining: ChainingStrategy::Always,
        });
        id
    }
}

fn partitioner(exchange: &Exchange) -> Partitioner {
    match exchange {
        Exchange::Hash(columns) => Partitioner::Hash(columns.clone()),
        Exchange::RoundRobin => Partitioner::Rebalance,
        Exchange::Range => Partitioner::Shuffle,
        Exchange::Merge | Exchange::SortedMerge => Partitioner::Global,
    }
}

/// A piece's columns, as far as they are known below the result: by what carries them.
fn piece_fields(root: &Arc<dyn ExecutionPlan>) -> Vec<Field> {
    root.schema()
        .fields()
        .iter()
        .map(|f| {
            let name = crate::columns::shown_name(f.name());
            Field::new(name, shown_type(f.data_type()))
        })
        .collect()
}
