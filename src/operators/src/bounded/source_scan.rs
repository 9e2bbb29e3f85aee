//! A source as a leaf of a batch plan that is stored.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
    ReplaceChildrenOptions,
};
use filbert_graph::spec::SourceSpec;
use filbert_types::Field;
use filbert_types::schema::arrow_schema;

/// Where a batch plan reads a source that has no `TableProvider` of its own: a leaf that says what to read, one reader a
/// partition. It never runs; whoever decodes the plan for execution puts a reading node in its place.
#[derive(Debug, Clone)]
pub struct SourceScanExec {
    pub spec: SourceSpec,
    /// The columns that the source gives once it has projected.
    pub fields: Vec<Field>,
    pub partitions: usize,
    properties: Arc<PlanProperties>,
}

impl SourceScanExec {
    /// `fields` are what the source gives once it has projected.
    pub fn new(spec: SourceSpec, fields: Vec<Field>, partitions: usize) -> SourceScanExec {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(arrow_schema(&fields)),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        SourceScanExec {
            spec,
            fields,
            partitions,
            properties: Arc::new(properties),
        }
    }
}

impl DisplayAs for SourceScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceScanExec: table={}", self.spec.path)?;
        let filters: Vec<&str> = self.spec.filters.iter().map(|e| e.text.as_str()).collect();
        if !filters.is_empty() {
            write!(f, ", filter=[{}]", filters.join(", "))?;
        }
        if let Some(limit) = self.spec.limit {
            write!(f, ", limit=[{limit}]")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for SourceScanExec {
    fn name(&self) -> &str {
        "SourceScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("the scan of {} was never given a reader", self.spec.path)
    }
}
