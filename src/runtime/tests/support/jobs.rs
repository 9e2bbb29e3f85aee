use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::datatypes::{DataType, SchemaRef};
use arrow::ipc::writer::StreamWriter;
use datafusion::common::DFSchema;
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::{Expr, lit};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::col;
use datafusion_proto::bytes::physical_plan_to_bytes_with_extension_codec;
use filbert_connector_api::ConnectorRegistry;
use filbert_functions::codec::FunctionCodec;
use filbert_graph::job_graph::{ChainedOperator, JobType};
use filbert_graph::spec::*;
use filbert_graph::stream_graph::{ChainingStrategy, ResourceSpec};
use filbert_graph::*;
use filbert_operators::bounded::{PlaceholderCodec, cut};
use filbert_operators::error::Result;
use filbert_operators::testing::{batch, schema};
use filbert_operators::{ExpressionFactory, OperatorError};
use filbert_runtime::{JobClient, JobContext, JobError, MiniCluster};
use filbert_types::{CatalogTable, Column, Field, LogicalType, ObjectPath, SystemClock, TypeKind};
use parking_lot::Mutex;

use super::connectors::{Memory, Numbers, Written};

static NEXT_JOB: AtomicUsize = AtomicUsize::new(0);

/// Expressions that are their text: a column, or a column compared with a number.
struct Texts;

impl ExpressionFactory for Texts {
    fn physical(&self, expr: &ExprSpec, input: &SchemaRef) -> Result<Arc<dyn PhysicalExpr>> {
        let schema = DFSchema::try_from(input.as_ref().clone())?;
        Ok(create_physical_expr(
            &self.logical(expr)?,
            &schema,
            &ExecutionProps::new(),
            &datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext::default(
            ),
        )?)
    }

    fn logical(&self, expr: &ExprSpec) -> Result<Expr> {
        let words: Vec<&str> = expr.text.split(' ').collect();
        Ok(match words.as_slice() {
            [name] => col(*name),
            [name, ">", number] => col(*name).gt(lit(number.parse::<i64>().unwrap())),
            [name, ">=", number] => col(*name).gt_eq(lit(number.parse::<i64>().unwrap())),
            _ => return Err(OperatorError::engine(expr.text.clone())),
        })
    }
}

fn expr(text: &str, ty: TypeKind) -> ExprSpec {
    ExprSpec {
        bytes: Vec::new(),
        text: text.to_owned(),
        ty: ty.into(),
    }
}

/// A number and a word.
pub fn fields() -> Vec<Field> {
    vec![
        Field::new("c0", TypeKind::BigInt.into()),
        Field::new("c1", LogicalType::from(TypeKind::STRING)),
    ]
}

fn node(name: &str, spec: OperatorSpec, output: Vec<Field>) -> StreamNode {
    StreamNode {
        id: 0,
        uid: name.to_owned(),
        name: name.to_owned(),
        description: name.to_owned(),
        spec,
        parallelism: 1,
        max_parallelism: Some(128),
        output,
        resources: ResourceSpec::default(),
        slot_sharing_group: "default".to_owned(),
        chaining: ChainingStrategy::Always,
    }
}

fn table(connector: &str, options: &[(&str, String)]) -> CatalogTable {
    let mut table = CatalogTable::default();
    table
        .options
        .insert("connector".to_owned(), connector.to_owned());
    for (key, value) in options {
        table.options.insert((*key).to_owned(), value.clone());
    }
    table.schema.columns = fields()
        .into_iter()
        .map(|f| Column::physical(f.name, f.ty))
        .collect();
    table
}

pub fn values(rows: &str) -> StreamNode {
    let rows = batch(&schema(&[DataType::Int64, DataType::Utf8View]), rows)
        .unwrap()
        .rows;
    let mut rows_ipc = Vec::new();
    let mut writer = StreamWriter::try_new(&mut rows_ipc, &rows.schema()).unwrap();
    writer.write(&rows).unwrap();
    writer.finish().unwrap();
    drop(writer);
    node(
        "Values",
        OperatorSpec::Values(ValuesSpec { rows_ipc }),
        fields(),
    )
}

pub fn number_spec(count: u64) -> SourceSpec {
    SourceSpec {
        path: ObjectPath::new("c", "d", "numbers"),
        table: table("numbers", &[("count", count.to_string())]),
        hint_options: BTreeMap::new(),
        metadata: Vec::new(),
        projection: None,
        nested: BTreeMap::new(),
        filters: Vec::new(),
        limit: None,
        partitions: None,
        batch: false,
        bounded: true,
        watermark: None,
    }
}

pub fn numbers(count: u64) -> StreamNode {
    node(
        "Source: numbers",
        OperatorSpec::Source(number_spec(count)),
        fields(),
    )
}

pub fn calc(condition: &str) -> StreamNode {
    let spec = CalcSpec {
        condition: Some(expr(condition, TypeKind::Boolean)),
        projection: vec![expr("c0", TypeKind::BigInt), expr("c1", TypeKind::STRING)],
        watermarks: false,
    };
    node("Calc", OperatorSpec::Calc(spec), fields())
}

/// COUNT(*) by the columns at `keys`.
pub fn aggregate(keys: Vec<usize>) -> StreamNode {
    let count = Field::new("n", TypeKind::BigInt.into());
    let mut output: Vec<Field> = keys.iter().map(|k| fields()[*k].clone()).collect();
    output.push(count.clone());
    let spec = GroupAggregateSpec {
        keys,
        calls: vec![AggregateCallSpec {
            function: "COUNT".to_owned(),
            args: Vec::new(),
            arg_types: Vec::new(),
            distinct: false,
            filter: None,
            order_by: Vec::new(),
            ignore_nulls: false,
            ignores_retractions: false,
            output: count,
        }],
        emit_update_before: true,
        input_retracts: false,
        state_ttl_ms: None,
        mini_batch_rows: None,
        merges: false,
    };
    node("GroupAggregate", OperatorSpec::GroupAggregate(spec), output)
}

pub fn sink() -> StreamNode {
    let spec = SinkSpec {
        path: ObjectPath::new("c", "d", "out"),
        table: table("remember", &[]),
        hint_options: BTreeMap::new(),
        overwrite: false,
        static_partition: Vec::new(),
        not_null: Vec::new(),
        batch: false,
    };
    node("Sink: out", OperatorSpec::Sink(spec), fields())
}

pub fn collect() -> StreamNode {
    let spec = CollectSpec {
        result_id: "result".to_owned(),
    };
    node("Collect", OperatorSpec::Collect(spec), fields())
}

/// A job of chains, one after the other.
pub struct Job {
    pub graph: JobGraph,
    pub written: Arc<Mutex<Written>>,
    link: Option<(Partitioner, ExchangeMode)>,
}

impl Job {
    pub fn new() -> Job {
        let number = NEXT_JOB.fetch_add(1, Ordering::Relaxed);
        Job {
            graph: JobGraph {
                job_id: format!("{number:032x}"),
                name: "test".to_owned(),
                job_type: JobType::Streaming,
                vertices: Vec::new(),
                data_sets: Vec::new(),
                edges: Vec::new(),
                configuration: Default::default(),
                artifacts: BTreeMap::new(),
            },
            written: Arc::default(),
            link: None,
        }
    }

    /// The pieces of a plan, the lowest first, the root chained with `end`.
    pub fn batch(plan: &Arc<dyn ExecutionPlan>, end: Vec<StreamNode>) -> Job {
        let codec = FunctionCodec::new(Arc::default()).with_plans(Arc::new(PlaceholderCodec));
        let bytes = physical_plan_to_bytes_with_extension_codec(Arc::clone(plan), &codec).unwrap();
        let mut job = Job::new();
        job.graph.job_type = JobType::Batch;
        job.graph
            .artifacts
            .insert("plan".to_owned(), bytes.to_vec());
        for piece in cut(plan).pieces.iter().rev() {
            let spec = BatchPieceSpec {
                plan_id: "plan".to_owned(),
                piece: piece.number,
            };
            let name = format!("Piece {}", piece.number);
            let mut nodes = vec![node(&name, OperatorSpec::BatchPiece(spec), fields())];
            if piece.number == 0 {
                nodes.extend(end.clone());
            }
            job = job.chain(piece.partitions, nodes);
            job = job.link(Partitioner::Rebalance, ExchangeMode::Pipelined);
        }
        job
    }

    pub fn set(&mut self, key: &str, value: &str) {
        self.graph.configuration.set(key, value);
    }

    /// The next chain reads the one before by the hash of these columns.
    pub fn hash(self, keys: Vec<usize>) -> Job {
        self.link(Partitioner::Hash(keys), ExchangeMode::Pipelined)
    }

    pub fn link(mut self, partitioner: Partitioner, exchange: ExchangeMode) -> Job {
        self.link = Some((partitioner, exchange));
        self
    }

    pub fn chain(mut self, parallelism: usize, nodes: Vec<StreamNode>) -> Job {
        let consumer = self.graph.vertices.len();
        let names: Vec<&str> = nodes.iter().map(|n| n.name.as_str()).collect();
        let vertex = JobVertex {
            id: format!("{consumer:032x}"),
            name: names.join(" -> "),
            parallelism,
            max_parallelism: 128,
            resources: ResourceSpec::default(),
            slot_sharing_group: "default".to_owned(),
            chain: nodes
                .into_iter()
                .enumerate()
                .map(|(i, node)| ChainedOperator {
                    node,
                    upstream: i.checked_sub(1).map(|up| (up, None)),
                })
                .collect(),
        };
        self.graph.vertices.push(vertex);
        if let Some((partitioner, exchange)) = self.link.take() {
            let producer = consumer - 1;
            self.graph.data_sets.push(IntermediateDataSet {
                id: format!("{producer:032x}"),
                producer,
                operator: self.graph.vertices[producer].chain.len() - 1,
                side_output: None,
                exchange,
            });
            self.graph.edges.push(JobEdge {
                data_set: self.graph.data_sets.len() - 1,
                consumer,
                input: 0,
                partitioner,
            });
        }
        self
    }

    pub fn try_submit(self, cluster: &MiniCluster) -> Result<JobClient, JobError> {
        let mut connectors = ConnectorRegistry::default();
        connectors.register_table(Arc::new(Numbers)).unwrap();
        connectors
            .register_table(Arc::new(Memory(Arc::clone(&self.written))))
            .unwrap();
        let context = JobContext {
            connectors: Arc::new(connectors),
            functions: Arc::default(),
            expressions: Arc::new(Texts),
            clock: Arc::new(SystemClock),
            alignments: Arc::default(),
        };
        cluster.submit(self.graph, context)
    }

    pub fn submit(self, cluster: &MiniCluster) -> JobClient {
        self.try_submit(cluster).unwrap()
    }
}
