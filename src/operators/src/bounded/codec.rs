//! Nodes of ours in a stored batch plan: how they are written, and read back.

use std::sync::Arc;

use datafusion::common::{Result, internal_err, plan_err};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::PhysicalProtoConverterExtension;
use filbert_functions::codec::PlanCodec;
use filbert_graph::spec::SourceSpec;
use filbert_types::Field;
use serde::{Deserialize, Serialize};

use crate::bounded::hosted::{Hosted, HostedExec};
use crate::bounded::source_scan::SourceScanExec;

/// Writes a plan's placeholders, and reads them back as placeholders: what the planner and tests use. Whoever runs the
/// plan reads them by [`decode`] and puts nodes that read in their place.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlaceholderCodec;

/// How a node is written.
#[derive(Serialize, Deserialize)]
enum Form {
    SourceScan {
        spec: Box<SourceSpec>,
        /// The columns that the source gives.
        fields: Vec<Field>,
        partitions: usize,
    },
    Hosted(Box<Hosted>),
}

impl PlanCodec for PlaceholderCodec {
    fn encode(
        &self,
        node: &Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        _converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<bool> {
        let form = if let Some(scan) = node.downcast_ref::<SourceScanExec>() {
            Form::SourceScan {
                spec: Box::new(scan.spec.clone()),
                fields: scan.fields.clone(),
                partitions: scan.partitions,
            }
        } else if let Some(hosted) = node.downcast_ref::<HostedExec>() {
            Form::Hosted(Box::new(hosted.hosted.as_ref().clone()))
        } else {
            return Ok(false);
        };
        match serde_json::to_writer(buf, &form) {
            Ok(()) => Ok(true),
            Err(e) => internal_err!("{} can't be written: {e}", node.name()),
        }
    }

    fn decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        _ctx: &TaskContext,
        _converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(match decode(buf, inputs)? {
            Placeholder::SourceScan(scan) => Arc::new(*scan),
            Placeholder::Hosted(hosted, input) => Arc::new(HostedExec::new(hosted, input, None)),
        })
    }
}

/// A node of ours in a stored plan.
pub enum Placeholder {
    SourceScan(Box<SourceScanExec>),
    /// An operator over this input.
    Hosted(Arc<Hosted>, Arc<dyn ExecutionPlan>),
}

/// The node of these bytes.
///
/// # Errors
/// When the bytes are none, or it has other inputs.
pub fn decode(buf: &[u8], inputs: &[Arc<dyn ExecutionPlan>]) -> Result<Placeholder> {
    match (serde_json::from_slice::<Form>(buf), inputs) {
        (
            Ok(Form::SourceScan {
                spec,
                fields,
                partitions,
            }),
            [],
        ) => {
            let scan = SourceScanExec::new(*spec, fields, partitions);
            Ok(Placeholder::SourceScan(Box::new(scan)))
        }
        (Ok(Form::Hosted(hosted)), [input]) => {
            let hosted = Arc::new(*hosted);
            Ok(Placeholder::Hosted(hosted, Arc::clone(input)))
        }
        (Ok(_), _) => plan_err!("A stored plan holds a node with {} inputs", inputs.len()),
        (Err(e), _) => plan_err!("A stored plan holds a node that can't be read: {e}"),
    }
}
