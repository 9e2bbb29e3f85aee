use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use filbert_functions::FunctionRegistry;
use filbert_functions::codec::FunctionCodec;
use filbert_graph::ExprSpec;

use crate::context::ExpressionFactory;
use crate::error::Result;

/// Expressions by the codec of `filbert-functions` and the functions of a registry.
pub struct CodecExpressions {
    codec: FunctionCodec,
    context: TaskContext,
}

impl CodecExpressions {
    pub fn new(functions: Arc<FunctionRegistry>) -> CodecExpressions {
        CodecExpressions {
            codec: FunctionCodec::new(functions),
            context: TaskContext::default(),
        }
    }
}

impl ExpressionFactory for CodecExpressions {
    fn physical(&self, expr: &ExprSpec, input: &SchemaRef) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(self.codec.decode(&expr.bytes, input, &self.context)?)
    }

    fn logical(&self, expr: &ExprSpec) -> Result<Expr> {
        Ok(self.codec.decode_logical(&expr.bytes, &self.context)?)
    }
}
