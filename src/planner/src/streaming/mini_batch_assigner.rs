//! MiniBatchAssigner: watermarks that end the bundles of the operators above.

use filbert_graph::OperatorSpec;
use filbert_graph::spec::MiniBatchAssignerSpec;

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::node::{NodeView, StreamOperator};

#[derive(Debug, Clone, Copy)]
pub(crate) struct MiniBatchAssigner {
    pub interval_ms: u64,
    pub rowtime: bool,
}

impl StreamOperator for MiniBatchAssigner {
    fn name(&self) -> &'static str {
        "MiniBatchAssigner"
    }

    fn details(&self, _view: NodeView<'_>) -> String {
        let mode = if self.rowtime { "RowTime" } else { "ProcTime" };
        format!("interval=[{}ms], mode=[{mode}]", self.interval_ms)
    }

    fn spec(
        &self,
        _view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        Ok(Some(OperatorSpec::MiniBatchAssigner(
            MiniBatchAssignerSpec {
                interval_ms: self.interval_ms,
                rowtime: self.rowtime,
            },
        )))
    }
}
