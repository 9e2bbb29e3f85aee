//! Frames: `ROWS` or `RANGE BETWEEN .. AND ..`.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, WindowFrame, WindowFrameBound, WindowFrameUnits};
use datafusion::physical_expr::create_physical_expr;
use filbert_functions::TypedExpr;
use filbert_types::{LogicalType, Span, TypeKind};
use sqlparser::ast;

use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;

impl Binder<'_> {
    pub(super) fn frame(
        &mut self,
        frame: &ast::WindowFrame,
        order_types: &[LogicalType],
        cx: &mut ExprCx<'_>,
    ) -> BindResult<WindowFrame> {
        let units = match frame.units {
            ast::WindowFrameUnits::Rows => WindowFrameUnits::Rows,
            ast::WindowFrameUnits::Range => WindowFrameUnits::Range,
            ast::WindowFrameUnits::Groups => {
                return Err(BindError::new("A window frame of GROUPS is not supported."));
            }
        };
        if units == WindowFrameUnits::Range && order_types.is_empty() {
            let offset = |bound: &ast::WindowFrameBound| match bound {
                ast::WindowFrameBound::Preceding(Some(offset))
                | ast::WindowFrameBound::Following(Some(offset)) => span_of(offset.as_ref()),
                _ => None,
            };
            let end = frame.end_bound.as_ref().and_then(offset);
            if let Some(span) = offset(&frame.start_bound).or(end) {
                return Err(BindError::at(
                    Some(span),
                    "Window specification must contain an ORDER BY clause",
                ));
            }
            return Ok(whole_partition());
        }
        let start = self.frame_bound(&frame.start_bound, units, order_types, cx)?;
        let end = match &frame.end_bound {
            Some(end) => self.frame_bound(end, units, order_types, cx)?,
            None => WindowFrameBound::CurrentRow,
        };
        check_frame_order(&start, &end)?;
        Ok(WindowFrame::new_bounds(units, start, end))
    }

    fn frame_bound(
        &mut self,
        bound: &ast::WindowFrameBound,
        units: WindowFrameUnits,
        order_types: &[LogicalType],
        cx: &mut ExprCx<'_>,
    ) -> BindResult<WindowFrameBound> {
        Ok(match bound {
            ast::WindowFrameBound::CurrentRow => WindowFrameBound::CurrentRow,
            ast::WindowFrameBound::Preceding(None) => WindowFrameBound::Preceding(unbounded(units)),
            ast::WindowFrameBound::Following(None) => WindowFrameBound::Following(unbounded(units)),
            ast::WindowFrameBound::Preceding(Some(offset)) => {
                WindowFrameBound::Preceding(self.frame_offset(offset, units, order_types, cx)?)
            }
            ast::WindowFrameBound::Following(Some(offset)) => {
                WindowFrameBound::Following(self.frame_offset(offset, units, order_types, cx)?)
            }
        })
    }

    fn frame_offset(
        &mut self,
        ast: &ast::Expr,
        units: WindowFrameUnits,
        order_types: &[LogicalType],
        cx: &ExprCx<'_>,
    ) -> BindResult<ScalarValue> {
        let span = span_of(ast);
        let mut plain = ExprCx::plain(cx.scope, "OVER");
        let bound = self.expr(ast, &mut plain)?;
        let bound = folded(bound);
        if units == WindowFrameUnits::Rows {
            return match bound.literal() {
                Some(ScalarValue::Int32(Some(n))) if *n >= 0 => {
                    Ok(ScalarValue::UInt64(Some(u64::from(n.unsigned_abs()))))
                }
                _ => Err(BindError::at(
                    span,
                    "A ROWS frame's bound must be a whole number that is not negative",
                )),
            };
        }
        let [order] = order_types else {
            return Err(BindError::at(
                span,
                "A RANGE frame with an offset needs exactly one ORDER BY expression",
            ));
        };
        range_offset(&bound, order, span)
    }
}

pub(super) fn whole_partition() -> WindowFrame {
    WindowFrame::new_bounds(
        WindowFrameUnits::Rows,
        WindowFrameBound::Preceding(unbounded(WindowFrameUnits::Rows)),
        WindowFrameBound::Following(unbounded(WindowFrameUnits::Rows)),
    )
}

/// DataFusion's value for UNBOUNDED: it wants one of its type where rows are counted.
const fn unbounded(units: WindowFrameUnits) -> ScalarValue {
    match units {
        WindowFrameUnits::Rows => ScalarValue::UInt64(None),
        _ => ScalarValue::Null,
    }
}

/// The value in the place of an expression that reads no column.
fn folded(bound: TypedExpr) -> TypedExpr {
    let evaluate = || -> datafusion::common::Result<ScalarValue> {
        let physical = create_physical_expr(
            &bound.expr,
            &DFSchema::empty(),
            &ExecutionProps::new(),
            &PhysicalPlanningContext::default(),
        )?;
        let options = RecordBatchOptions::new().with_row_count(Some(1));
        let row =
            RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)?;
        let value = physical.evaluate(&row)?.into_array(1)?;
        ScalarValue::try_from_array(&value, 0)
    };
    match bound.expr.is_volatile() {
        false => match evaluate() {
            Ok(value) => TypedExpr::new(Expr::Literal(value, None), bound.ty),
            Err(_) => bound,
        },
        true => bound,
    }
}

fn range_offset(
    bound: &TypedExpr,
    order: &LogicalType,
    span: Option<Span>,
) -> BindResult<ScalarValue> {
    let mismatch = || {
        BindError::at(
            span,
            format!(
                "Data Type mismatch between ORDER BY and RANGE clause: {} and {}",
                order, bound.ty
            ),
        )
    };
    let temporal = order.kind.is_timestamp() || matches!(order.kind, TypeKind::Date);
    let value = bound
        .literal()
        .ok_or_else(|| BindError::at(span, "A RANGE frame's bound must be a constant"))?;
    if !temporal && !order.kind.is_numeric() && !matches!(order.kind, TypeKind::Time(_)) {
        return Err(BindError::at(
            span,
            format!("Data type of ORDER BY prohibits use of RANGE clause: {order}"),
        ));
    }
    match value {
        ScalarValue::DurationMillisecond(Some(ms)) if temporal => {
            let nanos = ms.checked_mul(1_000_000).ok_or_else(mismatch)?;
            Ok(ScalarValue::new_interval_mdn(0, 0, nanos))
        }
        ScalarValue::IntervalYearMonth(Some(months)) if temporal => {
            Ok(ScalarValue::new_interval_mdn(*months, 0, 0))
        }
        value if order.kind.is_numeric() && bound.ty.kind.is_numeric() => {
            value.cast_to(&order.arrow()).map_err(|_| mismatch())
        }
        _ => Err(mismatch()),
    }
}

fn check_frame_order(start: &WindowFrameBound, end: &WindowFrameBound) -> BindResult<()> {
    let rank = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::Preceding(_) => 0,
        WindowFrameBound::CurrentRow => 1,
        WindowFrameBound::Following(_) => 2,
    };
    let name = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::Preceding(_) => "PRECEDING",
        WindowFrameBound::CurrentRow => "CURRENT ROW",
        WindowFrameBound::Following(_) => "FOLLOWING",
    };
    if matches!(start, WindowFrameBound::Following(end) if end.is_null()) {
        return Err(BindError::new(
            "UNBOUNDED FOLLOWING cannot be specified for the lower frame boundary",
        ));
    }
    if matches!(end, WindowFrameBound::Preceding(start) if start.is_null()) {
        return Err(BindError::new(
            "UNBOUNDED PRECEDING cannot be specified for the upper frame boundary",
        ));
    }
    if rank(start) > rank(end) {
        return Err(BindError::new(format!(
            "Upper frame boundary cannot be {} when lower boundary is {}",
            name(end),
            name(start)
        )));
    }
    Ok(())
}
