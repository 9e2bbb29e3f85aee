//! Calls with OVER: what they are called over, and the plan's nodes that compute them.
//!
//! - `named`: windows with a name. `frame`: frames.

mod frame;
mod named;

use std::sync::Arc;

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{
    Case, Expr, LogicalPlan, Window, WindowFrame, WindowFrameBound, WindowFrameUnits, lit,
};
use filbert_functions::TypedExpr;
use filbert_functions::window::Over;
use filbert_types::{LogicalType, Span, TypeKind};
use sqlparser::ast::{self, NamedWindowDefinition, WindowSpec};

use self::frame::whole_partition;
use self::named::over_spec;
use crate::aggregate::{AggregateArgs, misplaced};
use crate::binder::{Binder, ident_span, span_of};
use crate::error::{BindError, BindResult};
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
    over: Over,
}

/// A call with OVER, bound.
struct Call {
    value: TypedExpr,
    over: Over,
    /// Of LAG or LEAD, what takes the place of rows that are not there.
    default: Option<RowDefault>,
}

/// A default that is no constant.
struct RowDefault {
    /// TRUE where the row is there, else NULL.
    is_there: TypedExpr,
    value: TypedExpr,
}

/// The functions that need an order.
const ORDERED: &[&str] = &["RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE"];
/// The functions that reach for another row.
const SHIFTS: &[&str] = &["LEAD", "LAG"];

fn is_among(name: &str, functions: &[&str]) -> bool {
    functions.iter().any(|f| f.eq_ignore_ascii_case(name))
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

    /// What plans call the next call's results: `w0$o1`, the window's number and the call's within it, as in Calcite.
    fn next_name(&self, over: &Over) -> String {
        let mut windows: Vec<&Over> = Vec::new();
        for call in &self.calls {
            if !windows.contains(&&call.over) {
                windows.push(&call.over);
            }
        }
        let known = windows.iter().position(|w| *w == over);
        let calls = self.calls.iter().filter(|call| call.over == *over).count();
        format!("w{}$o{calls}", known.unwrap_or(windows.len()))
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
    /// A call with OVER: the column of its results.
    pub fn window_call(
        &mut self,
        name: &str,
        function: &ast::Function,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<TypedExpr> {
        let span = span_of(function);
        let Some(windows) = cx.windows.take() else {
            return Err(misplaced("Windowed aggregate", cx, span));
        };
        let bound = self.over_call(name, function, windows, cx);
        cx.windows = Some(windows);
        let Call {
            value,
            over,
            default,
        } = bound?;
        let Some(default) = default else {
            return Ok(self.placed(value, over, cx));
        };
        let nullable = value.ty.nullable || default.value.ty.nullable;
        let ty = value.ty.with_nullable(nullable);
        let value = self.placed(value, over.clone(), cx);
        let is_there = self.placed(default.is_there, over, cx);
        let default = self.implicit_cast(default.value, &ty, span)?;
        let expr = Expr::Case(Case::new(
            None,
            vec![(Box::new(is_there.expr), Box::new(value.expr))],
            Some(Box::new(default.expr)),
        ));
        Ok(TypedExpr::new(expr, ty))
    }

    /// The column of a call's results: a new one, or that of an equal call.
    fn placed(&mut self, call: TypedExpr, over: Over, cx: &mut ExprCx<'_>) -> TypedExpr {
        let Some(windows) = cx.windows.as_mut() else {
            return call;
        };
        if let Some(same) = windows.calls.iter().find(|c| c.expr == call.expr) {
            return TypedExpr::new(Expr::Column(same.column.clone()), same.ty.clone());
        }
        let column = self.new_column(&windows.next_name(&over), &call.ty);
        windows.calls.push(OverCall {
            expr: call.expr,
            column: column.clone(),
            ty: call.ty.clone(),
            over,
        });
        TypedExpr::new(Expr::Column(column), call.ty)
    }

    fn over_call(
        &mut self,
        name: &str,
        function: &ast::Function,
        windows: &Windows,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<Call> {
        let span = span_of(function);
        if function.filter.is_some() {
            return Err(BindError::at(
                span,
                "OVER must be applied to aggregate function",
            ));
        }
        let Some(over) = &function.over else {
            return Err(BindError::at(span, "The call has no OVER"));
        };
        let spec = over_spec(over, &windows.named)?;
        let mut args = self.aggregate_args(name, function, cx)?;
        let over = self.over(&spec, cx)?;
        check_order_and_frame(name, &spec, &over, span)?;
        // DataFusion takes a constant default alone.
        let stands_apart = self.cx.exprs.batch
            && is_among(name, SHIFTS)
            && matches!(args.args.as_slice(), [_, _, default] if default.literal().is_none());
        let default = match args.args.pop_if(|_| stands_apart) {
            None => None,
            Some(value) => {
                let marker = TypedExpr::new(lit(true), TypeKind::Boolean.into());
                let marked = [marker].into_iter().chain(args.args.get(1).cloned());
                let marked = AggregateArgs::plain(marked.collect());
                let is_there = self.window(name, marked, &over, span)?;
                Some(RowDefault { is_there, value })
            }
        };
        let value = self.window(name, args, &over, span)?;
        Ok(Call {
            value,
            over,
            default,
        })
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

    /// Puts the windows on top of the rows: one node for each way to partition and sort.
    pub fn window_plan(&mut self, plan: LogicalPlan, windows: Windows) -> BindResult<LogicalPlan> {
        let mut groups: Vec<(Vec<Expr>, Vec<Sort>, Vec<Expr>)> = Vec::new();
        for call in windows.calls {
            let expr = call.expr.alias(call.column.name);
            let Over {
                partition_by,
                order_by,
                ..
            } = call.over;
            match groups
                .iter_mut()
                .find(|(p, o, _)| *p == partition_by && *o == order_by)
            {
                Some((_, _, exprs)) => exprs.push(expr),
                None => groups.push((partition_by, order_by, vec![expr])),
            }
        }
        let mut plan = plan;
        for (_, _, exprs) in groups {
            plan = LogicalPlan::Window(Window::try_new(exprs, Arc::new(plan))?);
        }
        Ok(plan)
    }
}

/// Refuses a ranking without an order, and a frame where a function has one of its own.
fn check_order_and_frame(
    name: &str,
    spec: &WindowSpec,
    over: &Over,
    span: Option<Span>,
) -> BindResult<()> {
    if over.order_by.is_empty() && is_among(name, ORDERED) {
        return Err(BindError::at(
            span,
            format!("{name} requires ORDER BY clause in window specification"),
        ));
    }
    let is_unframed =
        is_among(name, &["ROW_NUMBER"]) || is_among(name, ORDERED) || is_among(name, SHIFTS);
    if spec.window_frame.is_some() && is_unframed {
        return Err(BindError::at(
            span,
            "ROW/RANGE not allowed with RANK, DENSE_RANK or ROW_NUMBER functions",
        ));
    }
    Ok(())
}
