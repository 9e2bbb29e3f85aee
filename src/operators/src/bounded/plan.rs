//! A stored batch plan, made ready to run: decoded, its sources given readers, its pieces watched.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::bytes::physical_plan_from_bytes_with_extension_codec;
use datafusion_proto::physical_plan::PhysicalProtoConverterExtension;
use filbert_functions::codec::{FunctionCodec, PlanCodec};
use filbert_types::schema::arrow_schema;
use filbert_types::{Clock, Configuration};
use parking_lot::Mutex;

use crate::bounded::codec::{Placeholder, decode};
use crate::bounded::cut::wrap_pieces;
use crate::bounded::hosted::HostedExec;
use crate::bounded::monitor::{Cancellation, MonitorExec, PieceMonitor};
use crate::bounded::read_source::{ReadShared, ReadSourceExec};
use crate::connect;
use crate::context::{IoRuntime, JobContext};
use crate::metrics::Counter;

/// What running a plan needs beside its bytes.
#[derive(Clone)]
pub struct PlanEnvironment {
    pub job_id: String,
    pub context: JobContext,
    pub session: Arc<Configuration>,
    pub clock: Arc<dyn Clock>,
    pub io: Arc<dyn IoRuntime>,
    pub cancellation: Cancellation,
    pub skipped: Arc<Counter>,
    pub batch_rows: usize,
}

/// Reads a plan's places of sources as nodes that read them.
struct ReadingCodec(PlanEnvironment);

impl fmt::Debug for ReadingCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadingCodec")
    }
}

impl PlanCodec for ReadingCodec {
    fn encode(
        &self,
        _node: &Arc<dyn ExecutionPlan>,
        _buf: &mut Vec<u8>,
        _converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<bool> {
        Ok(false)
    }

    fn decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        _ctx: &TaskContext,
        _converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let environment = &self.0;
        let scan = match decode(buf, inputs)? {
            Placeholder::SourceScan(scan) => scan,
            Placeholder::Hosted(hosted, input) => {
                let environment = Some(environment.clone());
                return Ok(Arc::new(HostedExec::new(hosted, input, environment)));
            }
        };
        let connectors = &environment.context.connectors;
        let source = connect::scan_source(&scan.spec, &environment.session, connectors);
        let source = source.map_err(external)?;
        let expressions = environment.context.expressions.as_ref();
        let pushdown = connect::pushdown(&scan.spec, expressions).map_err(external)?;
        let shared = ReadShared {
            job_id: environment.job_id.clone(),
            metadata: scan.spec.metadata.clone(),
            partitions: scan.partitions,
            output: arrow_schema(&scan.fields),
            clock: Arc::clone(&environment.clock),
            io: Arc::clone(&environment.io),
            cancellation: environment.cancellation.clone(),
            skipped: Arc::clone(&environment.skipped),
            batch_rows: environment.batch_rows,
            enumerator: Mutex::new(None),
        };
        let properties = Arc::clone(scan.properties());
        Ok(Arc::new(ReadSourceExec::new(
            source, pushdown, shared, properties,
        )))
    }
}

/// Decodes a plan and puts monitors on its pieces and around its leaves. `monitors` are by piece; a piece without one is
/// only cancellable.
///
/// # Errors
/// When the bytes are no plan, or name a connector or function that isn't there.
pub fn load_plan(
    bytes: &[u8],
    environment: &PlanEnvironment,
    monitors: &HashMap<usize, Arc<dyn PieceMonitor>>,
    task: &TaskContext,
) -> crate::error::Result<Arc<dyn ExecutionPlan>> {
    let codec = FunctionCodec::new(Arc::clone(&environment.context.functions))
        .with_clock(Arc::clone(&environment.context.clock))
        .with_plans(Arc::new(ReadingCodec(environment.clone())));
    let plan = physical_plan_from_bytes_with_extension_codec(bytes, task, &codec)?;
    let cancellation = &environment.cancellation;
    let mut watch = |piece: usize, root: Arc<dyn ExecutionPlan>| {
        let monitor = monitors.get(&piece).cloned();
        let node = MonitorExec::new(root, monitor, cancellation.clone());
        Ok(Arc::new(node) as Arc<dyn ExecutionPlan>)
    };
    let plan = wrap_pieces(plan, &mut watch)?;
    let plan = plan.transform_up(|node| {
        if node.children().is_empty() {
            let leaf = MonitorExec::new(node, None, cancellation.clone());
            return Ok(Transformed::yes(Arc::new(leaf) as Arc<dyn ExecutionPlan>));
        }
        Ok(Transformed::no(node))
    })?;
    Ok(plan.data)
}

fn external(error: crate::error::OperatorError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
