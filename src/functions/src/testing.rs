//! What unit tests share.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::DFSchema;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::create_physical_expr;

use crate::typed::{ExprContext, TypedExpr};

pub(crate) fn context() -> ExprContext {
    ExprContext {
        time_zone: filbert_types::TimeZone::UTC,
        batch: true,
        legacy_cast: false,
        query_start_us: 0,
        current_database: "default_database".to_string(),
    }
}

/// Evaluates an expression over columns named by their position: `c0`, `c1`, ..
pub(crate) fn evaluate(expr: &TypedExpr, columns: Vec<ArrayRef>) -> Result<ArrayRef, String> {
    let rows = columns.first().map_or(1, |c| c.len());
    let mut fields: Vec<Field> = columns
        .iter()
        .enumerate()
        .map(|(i, c)| Field::new(format!("c{i}"), c.data_type().clone(), true))
        .collect();
    let mut columns = columns;
    if columns.is_empty() {
        fields.push(Field::new("none", DataType::Int32, true));
        columns.push(Arc::new(arrow::array::Int32Array::from(vec![0])));
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(|e| e.to_string())?;
    let df_schema = DFSchema::try_from(schema.as_ref().clone()).map_err(|e| e.to_string())?;
    let physical = create_physical_expr(
        &expr.expr,
        &df_schema,
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    )
    .map_err(|e| e.to_string())?;
    physical
        .evaluate(&batch)
        .and_then(|v| v.into_array(rows))
        .map_err(|e| e.to_string())
}
