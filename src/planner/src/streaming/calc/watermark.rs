//! CURRENT_WATERMARK: Calc knows the watermark before each row, and puts it behind its input's columns.

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::Expr;
use filbert_types::{LogicalType, TypeKind};

use crate::columns::PlanColumn;
use crate::error::PlanError;

const NAMES: [&str; 2] = ["$watermark", "$watermark_ltz"];

/// The columns that follow the input's.
pub(super) fn columns() -> [PlanColumn; 2] {
    let [local, instant] = NAMES.map(Column::new_unqualified);
    [
        PlanColumn::new(local, LogicalType::from(TypeKind::timestamp(3))),
        PlanColumn::new(instant, LogicalType::from(TypeKind::timestamp_ltz(3))),
    ]
}

fn is_call(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(call) if call.func.name() == "CURRENT_WATERMARK")
}

pub(super) fn is_read(expr: &Expr) -> bool {
    expr.exists(|e| Ok(is_call(e))).unwrap_or(false)
}

/// The expression with the calls as columns.
pub(super) fn as_column(expr: &Expr) -> Result<Expr, PlanError> {
    let replaced = expr.clone().transform_down(|e| {
        let Expr::ScalarFunction(call) = &e else {
            return Ok(Transformed::no(e));
        };
        if !is_call(&e) {
            return Ok(Transformed::no(e));
        }
        let bound = call
            .func
            .inner()
            .downcast_ref::<filbert_functions::udf::BoundFunction>();
        let instant =
            bound.is_some_and(|b| matches!(b.return_type.kind, TypeKind::TimestampLtz { .. }));
        let name = NAMES[usize::from(instant)];
        Ok(Transformed::yes(Expr::Column(Column::new_unqualified(
            name,
        ))))
    })?;
    Ok(replaced.data)
}
