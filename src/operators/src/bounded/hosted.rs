//! An operator of ours inside a batch plan. The planner puts it in as data, with the distribution and the order that its
//! input must have; decoded for execution it runs the operator, one instance a partition.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::SortOptions;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{
    Distribution, EquivalenceProperties, LexRequirement, OrderingRequirements, PhysicalExpr,
    PhysicalSortRequirement,
};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, Partitioning, PlanProperties, ReplaceChildrenOptions,
};
use filbert_graph::{ChainingStrategy, OperatorSpec, ResourceSpec, StreamNode};
use filbert_types::schema::arrow_schema;
use filbert_types::{ChangeBatch, Field};
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::bounded::plan::PlanEnvironment;
use crate::context::{OperatorContext, TaskInfo};
use crate::operator::{Operator, Step};
use crate::output::{Emitted, Output};

/// An operator of ours, as a batch plan carries it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hosted {
    /// As Flink's batch plans call it.
    pub name: String,
    pub details: String,
    pub spec: OperatorSpec,
    pub input: Vec<Field>,
    /// The names are those of the plan's columns.
    pub output: Vec<Field>,
    /// It looks at each row by itself: rows come to any instance.
    #[serde(default)]
    pub is_row_by_row: bool,
    /// Rows with equal values here come to one instance, all rows if there are none. The output's first columns are these.
    pub partition_by: Vec<usize>,
    /// The order in which the rows of a partition come, one partition after the other, with `ascending` and `nulls first`;
    /// empty where they may come in any.
    pub order_by: Vec<(usize, bool, bool)>,
}

impl Hosted {
    /// The rows' schema, NOT NULL where the types are: DataFusion holds a plan to what it was planned with.
    fn schema(&self) -> SchemaRef {
        let schema = arrow_schema(&self.output);
        let fields = schema.fields().iter().zip(&self.output);
        let fields =
            fields.map(|(arrow, field)| arrow.as_ref().clone().with_nullable(field.ty.nullable));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}

/// The place of a [`Hosted`] operator; without an environment it doesn't run.
pub struct HostedExec {
    pub hosted: Arc<Hosted>,
    input: Arc<dyn ExecutionPlan>,
    environment: Option<PlanEnvironment>,
    properties: Arc<PlanProperties>,
}

impl HostedExec {
    pub fn new(
        hosted: Arc<Hosted>,
        input: Arc<dyn ExecutionPlan>,
        environment: Option<PlanEnvironment>,
    ) -> HostedExec {
        let schema = hosted.schema();
        let partitions = input.output_partitioning().partition_count();
        let keys = columns(&schema, 0..hosted.partition_by.len());
        let partitioning = if keys.is_empty() {
            Partitioning::UnknownPartitioning(partitions)
        } else {
            Partitioning::Hash(keys, partitions)
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            partitioning,
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        HostedExec {
            hosted,
            input,
            environment,
            properties: Arc::new(properties),
        }
    }
}

fn columns(
    schema: &SchemaRef,
    places: impl IntoIterator<Item = usize>,
) -> Vec<Arc<dyn PhysicalExpr>> {
    let column = |i: usize| Arc::new(Column::new(schema.field(i).name(), i)) as _;
    places.into_iter().map(column).collect()
}

impl fmt::Debug for HostedExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostedExec")
            .field("hosted", &self.hosted)
            .finish_non_exhaustive()
    }
}

impl DisplayAs for HostedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Exec: {}", self.hosted.name, self.hosted.details)
    }
}

impl ExecutionPlan for HostedExec {
    fn name(&self) -> &str {
        &self.hosted.name
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let keys = self.hosted.partition_by.iter().copied();
        let keys = columns(&self.input.schema(), keys);
        InputDistributionRequirements::new(vec![if self.hosted.is_row_by_row {
            Distribution::UnspecifiedDistribution
        } else if keys.is_empty() {
            Distribution::SinglePartition
        } else {
            Distribution::KeyPartitioned(keys)
        }])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        if self.hosted.order_by.is_empty() {
            return vec![None];
        }
        let schema = self.input.schema();
        let keys = self.hosted.partition_by.iter().map(|k| (*k, true, true));
        let order = keys.chain(self.hosted.order_by.iter().copied());
        let order = order.map(|(column, ascending, nulls_first)| {
            let options = SortOptions {
                descending: !ascending,
                nulls_first,
            };
            let expr = Arc::new(Column::new(schema.field(column).name(), column));
            PhysicalSortRequirement::new(expr, Some(options))
        });
        vec![LexRequirement::new(order).map(OrderingRequirements::new)]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(HostedExec::new(
                Arc::clone(&self.hosted),
                input,
                self.environment.clone(),
            ))),
            _ => internal_err!("{} has one child", self.hosted.name),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        self.replace_children(children, options)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let Some(environment) = &self.environment else {
            return internal_err!("{} was never given an operator", self.hosted.name);
        };
        let partitions = self.input.output_partitioning().partition_count();
        let operator = open(&self.hosted, environment, partition, partitions);
        let running = Running {
            operator: operator.map_err(external)?,
            input: Some(self.input.execute(partition, context)?),
            out: Output::new(environment.batch_rows),
            work_left: false,
            ready: VecDeque::new(),
        };
        let schema = self.hosted.schema();
        let batches = futures::stream::unfold(Some(running), |running| async move {
            let mut running = running?;
            match running.next().await {
                Ok(Some(batch)) => Some((Ok(batch), Some(running))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// The instance for a partition.
fn open(
    hosted: &Hosted,
    environment: &PlanEnvironment,
    partition: usize,
    partitions: usize,
) -> crate::error::Result<Box<dyn Operator>> {
    let node = StreamNode {
        id: 0,
        uid: String::new(),
        name: hosted.name.clone(),
        description: hosted.details.clone(),
        spec: hosted.spec.clone(),
        parallelism: partitions,
        max_parallelism: None,
        output: hosted.output.clone(),
        resources: ResourceSpec::default(),
        slot_sharing_group: String::new(),
        chaining: ChainingStrategy::Always,
    };
    let inputs = std::slice::from_ref(&hosted.input);
    let built = crate::build::build(&node, inputs, &environment.session, &environment.context)?;
    let crate::operator::BuiltOperator::Operator(mut operator) = built else {
        return Err(crate::error::OperatorError::engine(format!(
            "{} reads a source of its own inside a batch plan.",
            hosted.name
        )));
    };
    operator.open(&OperatorContext {
        task: Arc::new(TaskInfo {
            job_id: environment.job_id.clone(),
            vertex_id: String::new(),
            vertex_name: hosted.name.clone(),
            subtask: partition,
            parallelism: partitions,
            max_parallelism: partitions,
            attempt: 0,
        }),
        configuration: Arc::clone(&environment.session),
        clock: Arc::clone(&environment.clock),
        waker: std::task::Waker::noop().clone(),
        metrics: Arc::default(),
        coordinator: None,
        sink_number: 0,
        results: Arc::default(),
        io: Arc::clone(&environment.io),
        batch_rows: environment.batch_rows,
    })?;
    Ok(operator)
}

/// An operator at work.
struct Running {
    operator: Box<dyn Operator>,
    /// None once it has ended.
    input: Option<SendableRecordBatchStream>,
    out: Output,
    /// The operator has more to say before it is given anything.
    work_left: bool,
    ready: VecDeque<RecordBatch>,
}

impl Running {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            if self.work_left {
                let step = self.operator.resume(&mut self.out).map_err(external)?;
                self.take(step)?;
                if self.ready.is_empty() {
                    // Long work must not keep a cancellation waiting.
                    give_way().await;
                }
                continue;
            }
            let Some(input) = &mut self.input else {
                return Ok(None);
            };
            let step = match input.next().await {
                Some(batch) => {
                    let batch = ChangeBatch::insert(batch?);
                    self.operator.process(0, batch, &mut self.out)
                }
                None => {
                    self.input = None;
                    self.operator.end_input(0, &mut self.out)
                }
            };
            self.take(step.map_err(external)?)?;
        }
    }

    fn take(&mut self, step: Step) -> Result<()> {
        self.work_left = match step {
            Step::Done => false,
            Step::More => true,
            Step::Pending => return internal_err!("an operator of a batch plan can't wait"),
        };
        while let Some(emitted) = self.out.take() {
            match emitted {
                Emitted::Batch(batch) if batch.kinds.is_none() => self.ready.push_back(batch.rows),
                Emitted::Batch(_) => {
                    return internal_err!("an operator of a batch plan sent changes");
                }
                Emitted::Side(..) | Emitted::Watermark(_) | Emitted::Idle(_) => {}
            }
        }
        Ok(())
    }
}

/// Lets whoever polls look around once.
async fn give_way() {
    let mut given = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut given, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

fn external(error: crate::error::OperatorError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
