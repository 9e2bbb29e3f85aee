//! TEMPORARY until the functions room has its codec.
use datafusion::common::Result;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use std::sync::Arc;

pub fn encode_physical(expr: &Arc<dyn PhysicalExpr>) -> Result<Vec<u8>> {
    Ok(format!("{expr:?}").into_bytes())
}
pub fn encode_logical(expr: &Expr) -> Result<Vec<u8>> {
    Ok(format!("{expr:?}").into_bytes())
}
