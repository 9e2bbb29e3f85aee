//! WatermarkAssigner: emits watermarks by an expression over the rows; rows pass as they are.

use datafusion::logical_expr::Expr;
use filbert_graph::OperatorSpec;
use filbert_graph::spec::WatermarkAssignerSpec;

use crate::error::PlanError;
use crate::exprs::{ExprCompiler, is_deterministic, render};
use crate::streaming::node::{NodeView, StreamOperator};

#[derive(Debug, Clone)]
pub(crate) struct WatermarkAssigner {
    pub rowtime: usize,
    pub watermark: Expr,
    pub interval_ms: u64,
    pub idle_timeout_ms: Option<u64>,
}

impl StreamOperator for WatermarkAssigner {
    fn name(&self) -> &'static str {
        "WatermarkAssigner"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let input = &view.input(0).columns;
        format!(
            "rowtime=[{}], watermark=[{}]",
            input[self.rowtime].name,
            render(&self.watermark, input)
        )
    }

    fn spec(
        &self,
        view: NodeView<'_>,
        exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        let input = &view.input(0).columns;
        let ty = exprs.type_of(&self.watermark, input)?;
        Ok(Some(OperatorSpec::WatermarkAssigner(
            WatermarkAssignerSpec {
                rowtime: self.rowtime,
                watermark: exprs.compile(&self.watermark, input, ty)?,
                interval_ms: self.interval_ms,
                idle_timeout_ms: self.idle_timeout_ms,
            },
        )))
    }

    fn is_deterministic(&self) -> bool {
        is_deterministic(&self.watermark)
    }
}
