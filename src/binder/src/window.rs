//! Calls with OVER, named windows, frames.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{
    Case, Expr, LogicalPlan, Window, WindowFrame, WindowFrameBound, WindowFrameUnits,
};
use datafusion::physical_expr::create_physical_expr;
use filbert_functions::TypedExpr;
use filbert_types::{LogicalType, Span, TypeKind};
use sqlparser::ast::{self, NamedWindowDefinition, NamedWindowExpr, WindowSpec, WindowType};

use crate::aggregate::AggregateArgs;
use crate::binder::{Binder, ident_span, span_of};
use crate::error::{BindError, BindResult, available};
use crate::expr::ExprCx;

/// The OVER calls of a query block: filled while its expressions are bound.
pub(crate) struct Windows {
    named: Vec<NamedWindowDefinition>,
    calls: Vec<OverCall>,
}

struct OverCall {
    expr: Expr,
    column: Column,
    ty: LogicalType,
    partition_by: Vec<Expr>,
    order_by: Vec<Sort>,
}

/// A call with OVER, bound.
#[expect(
    clippy::large_enum_variant,
    reason = "a query has few, and none outlives binding"
)]
enum Call {
    Plain(TypedExpr),
    /// LAG or LEAD, with a default for rows where nothing is there.
    Defaulted {
        value: TypedExpr,
        is_there: TypedExpr,
        default: TypedExpr,
    },
}

/// An OVER clause, bound.
#[derive(Clone)]
pub(crate) struct Over {
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<Sort>,
    pub frame: WindowFrame,
}

impl Windows {
    /// # Errors
    /// When two windows have one name.
    pub fn new(named: &[NamedWindowDefinition]) -> BindResult<Windows> {
        for (at, window) in named.iter().enumerate() {
            let is_same = |other: &NamedWindowDefinition| other.0.value == window.0.value;
            if named[..at].iter().any(is_same) {
                return Err(BindError::at(
                    ident_span(&window.0),
                    "Duplicate window names not allowed",
                ));
            }
        }
        Ok(Windows {
            named: named.to_vec(),
            calls: Vec::new(),
        })
    }

    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// The columns of the calls' results.
    pub fn columns(&self) -> Vec<Column> {
        self.calls.iter().map(|c| c.column.clone()).collect()
    }
}

impl Binder<'_> {
    pub fn window_call(
        &mut self,
        name: &str,
        function: &ast::Function,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<TypedExpr> {
        let span = span_of(function);
        let Some(windows) = cx.windows.take() else {
            let message = if cx.in_aggregate {
                "Windowed aggregate expressions cannot be nested".to_string()
            } else {
                format!(
                    "Windowed aggregate expression is illegal in {} clause",
                    cx.clause
                )
            };
            return Err(BindError::at(span, message));
        };
        let bound = self.over_call(name, function, windows, cx);
        cx.windows = Some(windows);
        let (call, over) = bound?;
        match call {
            Call::Plain(call) => Ok(self.placed(name, call, over, cx)),
            Call::Defaulted {
                value,
                is_there,
                default,
            } => {
                let ty = value
                    .ty
                    .with_nullable(value.ty.nullable || default.ty.nullable);
                let value = self.placed(name, value, over.clone(), cx);
                let is_there = self.placed(name, is_there, over, cx);
                let default = self.implicit_cast(default, &ty, span)?;
                let expr = Expr::Case(Case::new(
                    None,
                    vec![(Box::new(is_there.expr), Box::new(value.expr))],
                    Some(Box::new(default.expr)),
                ));
                Ok(TypedExpr::new(expr, ty))
            }
        }
    }

    /// The column of a call's results: a new one, or that of an equal call.
    fn placed(
        &mut self,
        name: &str,
        call: TypedExpr,
        over: Over,
        cx: &mut ExprCx<'_>,
    ) -> TypedExpr {
        let Some(windows) = cx.windows.as_mut() else {
            return call;
        };
        if let Some(same) = windows.calls.iter().find(|c| c.expr == call.expr) {
            return TypedExpr::new(Expr::Column(same.column.clone()), same.ty.clone());
        }
        let column = self.new_column(&name.to_lowercase(), &call.ty);
        windows.calls.push(OverCall {
            expr: call.expr,
            column: column.clone(),
            ty: call.ty.clone(),
            partition_by: over.partition_by,
            order_by: over.order_by,
        });
        TypedExpr::new(Expr::Column(column), call.ty)
    }

    fn over_call(
        &mut self,
        name: &str,
        function: &ast::Function,
        windows: &Windows,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<(Call, Over)> {
        let span = span_of(function);
        if function.filter.is_some() {
            return Err(BindError::at(
                span,
                "OVER must be applied to aggregate function",
            ));
        }
        let spec = match &function.over {
            Some(WindowType::WindowSpec(spec)) => resolve_spec(spec, &windows.named)?,
            Some(WindowType::NamedWindow(ident)) => named_spec(ident, &windows.named, 0)?,
            None => return Err(BindError::at(span, "The call has no OVER")),
        };
        let mut args: AggregateArgs = self.aggregate_args(name, function, cx)?;
        let over = self.over(&spec, cx)?;
        const ORDERED: &[&str] = &["RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE"];
        const SHIFTS: &[&str] = &["LEAD", "LAG"];
        if over.order_by.is_empty() && ORDERED.iter().any(|o| o.eq_ignore_ascii_case(name)) {
            return Err(BindError::at(
                span,
                format!("{name} requires ORDER BY clause in window specification"),
            ));
        }
        let unframed = name.eq_ignore_ascii_case("ROW_NUMBER")
            || ORDERED
                .iter()
                .chain(SHIFTS)
                .any(|o| o.eq_ignore_ascii_case(name));
        if spec.window_frame.is_some() && unframed {
            return Err(BindError::at(
                span,
                "ROW/RANGE not allowed with RANK, DENSE_RANK or ROW_NUMBER functions",
            ));
        }
        let is_shift = SHIFTS.iter().any(|s| s.eq_ignore_ascii_case(name));
        let is_column =
            matches!(args.args.as_slice(), [_, _, default] if default.literal().is_none());
        if self.cx.exprs.batch && is_shift && is_column {
            // DataFusion takes a constant default alone: another one takes the place of rows that are not there.
            let default = args.args.pop();
            let marker = TypedExpr::new(
                datafusion::logical_expr::lit(true),
                TypeKind::Boolean.into(),
            );
            let marked = [marker].into_iter().chain(args.args.get(1).cloned());
            let marked = AggregateArgs {
                args: marked.collect(),
                distinct: false,
                filter: None,
                order_by: Vec::new(),
                ignore_nulls: None,
            };
            let is_there = self.window(name, marked, &over, span)?;
            let value = self.window(name, args, &over, span)?;
            if let Some(default) = default {
                let call = Call::Defaulted {
                    value,
                    is_there,
                    default,
                };
                return Ok((call, over));
            }
            return Ok((Call::Plain(value), over));
        }
        let call = self.window(name, args, &over, span)?;
        Ok((Call::Plain(call), over))
    }

    fn over(&mut self, spec: &WindowSpec, cx: &mut ExprCx<'_>) -> BindResult<Over> {
        let partition_by = self
            .exprs(&spec.partition_by, cx)?
            .into_iter()
            .map(|p| p.expr)
            .collect();
        let mut order_types = Vec::new();
        let mut order_by = Vec::new();
        for item in &spec.order_by {
            let (sort, ty) = self.sort_expr(item, cx)?;
            order_by.push(sort);
            order_types.push(ty);
        }
        let frame = match &spec.window_frame {
            None if order_by.is_empty() => whole_partition(),
            None => WindowFrame::new_bounds(
                WindowFrameUnits::Range,
                WindowFrameBound::Preceding(ScalarValue::Null),
                WindowFrameBound::CurrentRow,
            ),
            Some(frame) => self.frame(frame, &order_types, cx)?,
        };
        Ok(Over {
            partition_by,
            order_by,
            frame,
        })
    }

    fn frame(
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

    /// Puts the windows on top of the rows: one node for each way to partition and sort.
    pub fn window_plan(&mut self, plan: LogicalPlan, windows: Windows) -> BindResult<LogicalPlan> {
        let mut groups: Vec<(Vec<Expr>, Vec<Sort>, Vec<Expr>)> = Vec::new();
        for call in windows.calls {
            let expr = call.expr.alias(call.column.name);
            match groups
                .iter_mut()
                .find(|(p, o, _)| *p == call.partition_by && *o == call.order_by)
            {
                Some((_, _, exprs)) => exprs.push(expr),
                None => groups.push((call.partition_by, call.order_by, vec![expr])),
            }
        }
        let mut plan = plan;
        for (_, _, exprs) in groups {
            plan = LogicalPlan::Window(Window::try_new(exprs, Arc::new(plan))?);
        }
        Ok(plan)
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
        let row = RecordBatch::try_new_with_options(
            Arc::new(arrow::datatypes::Schema::empty()),
            Vec::new(),
            &options,
        )?;
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

fn whole_partition() -> WindowFrame {
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

fn resolve_spec(spec: &WindowSpec, named: &[NamedWindowDefinition]) -> BindResult<WindowSpec> {
    merge_spec(spec, named, 0)
}

/// `OVER (w ORDER BY ..)`: what `w` has and what stands here, which must not be both.
fn merge_spec(
    spec: &WindowSpec,
    named: &[NamedWindowDefinition],
    depth: usize,
) -> BindResult<WindowSpec> {
    let Some(name) = &spec.window_name else {
        return Ok(spec.clone());
    };
    let mut base = named_spec(name, named, depth)?;
    let span = ident_span(name);
    let twice = |what: &str| {
        BindError::at(
            span,
            format!("The window '{}' has {what} already", name.value),
        )
    };
    if !spec.partition_by.is_empty() {
        return Err(twice(
            "its PARTITION BY: a window that refers to it can't have one",
        ));
    }
    if !spec.order_by.is_empty() {
        if !base.order_by.is_empty() {
            return Err(twice("an ORDER BY"));
        }
        base.order_by.clone_from(&spec.order_by);
    }
    if spec.window_frame.is_some() {
        if base.window_frame.is_some() {
            return Err(twice("a frame"));
        }
        base.window_frame.clone_from(&spec.window_frame);
    }
    Ok(base)
}

fn named_spec(
    name: &ast::Ident,
    named: &[NamedWindowDefinition],
    depth: usize,
) -> BindResult<WindowSpec> {
    let Some(definition) = named.iter().find(|d| d.0.value == name.value) else {
        return Err(BindError::at(
            ident_span(name),
            format!("Window '{}' not found", name.value),
        )
        .with_hint(available(
            "windows",
            named.iter().map(|d| d.0.value.as_str()),
        )));
    };
    if depth > named.len() {
        return Err(BindError::at(
            ident_span(name),
            format!("Window '{}' refers to itself", name.value),
        ));
    }
    match &definition.1 {
        NamedWindowExpr::NamedWindow(other) => named_spec(other, named, depth + 1),
        NamedWindowExpr::WindowSpec(spec) => merge_spec(spec, named, depth + 1),
    }
}
