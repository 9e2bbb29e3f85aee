use std::sync::Arc;

use datafusion::common::{Result, internal_err, plan_err};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::PhysicalProtoConverterExtension;
use filbert_functions::codec::PlanCodec;
use filbert_graph::spec::SourceSpec;
use filbert_types::Field;
use serde::{Deserialize, Serialize};

use crate::bounded::source_scan::SourceScanExec;

/// Writes a plan's placeholders, and reads them back as placeholders: what the planner and tests use. Whoever runs the
/// plan reads them by [`decode_source_scan`] and puts nodes that read in their place.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlaceholderCodec;

/// How a source scan is written.
#[derive(Serialize, Deserialize)]
struct SourceScanForm {
    spec: SourceSpec,
    /// The columns that the source gives.
    fields: Vec<Field>,
    partitions: usize,
}

impl PlanCodec for PlaceholderCodec {
    fn encode(
        &self,
        node: &Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        _converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<bool> {
        let Some(scan) = node.downcast_ref::<SourceScanExec>() else {
            return Ok(false);
        };
        let form = SourceScanForm {
            spec: scan.spec.clone(),
            fields: scan.fields.clone(),
            partitions: scan.partitions,
        };
        match serde_json::to_writer(buf, &form) {
            Ok(()) => Ok(true),
            Err(e) => internal_err!("the scan of {} can't be written: {e}", scan.spec.path),
        }
    }

    fn decode(
        &self,
        buf: &[u8],
        _inputs: &[Arc<dyn ExecutionPlan>],
        _ctx: &TaskContext,
        _converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(decode_source_scan(buf)?))
    }
}

/// The source scan of these bytes.
///
/// # Errors
/// When the bytes are none.
pub fn decode_source_scan(buf: &[u8]) -> Result<SourceScanExec> {
    match serde_json::from_slice::<SourceScanForm>(buf) {
        Ok(form) => Ok(SourceScanExec::new(form.spec, form.fields, form.partitions)),
        Err(e) => plan_err!("A stored plan holds a node that can't be read: {e}"),
    }
}
