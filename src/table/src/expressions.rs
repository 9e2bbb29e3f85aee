use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use filbert_functions::FunctionRegistry;
use filbert_functions::codec::FunctionCodec;
use filbert_graph::ExprSpec;
use filbert_operators::{ExpressionFactory, OperatorError};

/// Reads a job's expressions back through the session's functions.
pub(crate) struct SessionExpressions {
    codec: FunctionCodec,
    ctx: TaskContext,
}

impl SessionExpressions {
    pub fn new(functions: Arc<FunctionRegistry>) -> SessionExpressions {
        SessionExpressions {
            codec: FunctionCodec::new(functions),
            ctx: TaskContext::default(),
        }
    }
}

impl ExpressionFactory for SessionExpressions {
    fn physical(
        &self,
        expr: &ExprSpec,
        input: &SchemaRef,
    ) -> Result<Arc<dyn PhysicalExpr>, OperatorError> {
        self.codec
            .decode(&expr.bytes, input, &self.ctx)
            .map_err(|error| unreadable(expr, &error))
    }

    fn logical(&self, expr: &ExprSpec) -> Result<Expr, OperatorError> {
        self.codec
            .decode_logical(&expr.bytes, &self.ctx)
            .map_err(|error| unreadable(expr, &error))
    }
}

fn unreadable(expr: &ExprSpec, error: &datafusion::error::DataFusionError) -> OperatorError {
    OperatorError::engine(format!(
        "The expression {} cannot be read back: {}",
        expr.text,
        error.strip_backtrace()
    ))
}
