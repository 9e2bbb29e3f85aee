//! Expressions from their bytes, and conditions as masks.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute::prep_null_mask_filter;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use filbert_functions::FunctionRegistry;
use filbert_functions::codec::FunctionCodec;
use filbert_graph::ExprSpec;
use filbert_types::Clock;

use crate::context::ExpressionFactory;
use crate::error::{OperatorError, Result};

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

    fn with_clock(&self, clock: &Arc<dyn Clock>) -> Option<Arc<dyn ExpressionFactory>> {
        Some(Arc::new(CodecExpressions {
            codec: self.codec.clone().with_clock(Arc::clone(clock)),
            context: TaskContext::default(),
        }))
    }
}

/// Where the condition is true; none when it is true everywhere.
pub(crate) fn evaluate_mask(
    condition: &Arc<dyn PhysicalExpr>,
    rows: &RecordBatch,
) -> Result<Option<BooleanArray>> {
    let value = condition.evaluate(rows)?.into_array(rows.num_rows())?;
    let Some(mask) = value.as_any().downcast_ref::<BooleanArray>() else {
        return Err(OperatorError::engine(format!(
            "A condition is of type {}.",
            value.data_type()
        )));
    };
    let mask = if mask.null_count() > 0 {
        prep_null_mask_filter(mask)
    } else {
        mask.clone()
    };
    Ok((mask.true_count() < mask.len()).then_some(mask))
}

/// The expression over the columns at `used` only.
pub(crate) fn renumber(
    expr: Arc<dyn PhysicalExpr>,
    used: &[usize],
) -> Result<Arc<dyn PhysicalExpr>> {
    let renumbered = expr.transform(|e| {
        let Some(column) = e.downcast_ref::<Column>() else {
            return Ok(Transformed::no(e));
        };
        let at = used.binary_search(&column.index()).unwrap_or(0);
        Ok(Transformed::yes(
            Arc::new(Column::new(column.name(), at)) as Arc<dyn PhysicalExpr>
        ))
    })?;
    Ok(renumbered.data)
}
