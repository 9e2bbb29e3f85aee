//! Group windows of old: TUMBLE, HOP and SESSION in GROUP BY, and the auxiliary functions that name their bounds.
//!
//! A group window is a window table function below the aggregation, whose bounds are keys: `GROUP BY k, TUMBLE(ts, s)`
//! is `GROUP BY k, window_start, window_end, window_time` over it. A session is one of the other keys' values.

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Expr, LogicalPlan};
use filbert_functions::TypedExpr;
use filbert_types::{LogicalType, Span, TimeKind};
use sqlparser::ast::{Expr as Ast, Function};

use crate::aggregate::Aggregates;
use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;
use crate::expr::call::{call_parts, plain_arg};
use crate::plan::{column_exprs, project_exprs};
use crate::relational::Window;
use crate::scope::ScopeColumn;
use crate::tvf::positive;

const GROUP_FUNCTIONS: [&str; 3] = ["TUMBLE", "HOP", "SESSION"];

/// What an auxiliary function names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Property {
    Start,
    End,
    Rowtime,
    Proctime,
}

/// A call of a group function or of one of its auxiliary functions.
#[derive(PartialEq)]
struct WindowCall {
    function: &'static str,
    time: Expr,
    window: Window,
}

/// The window of a grouped query block.
pub(crate) struct GroupWindow {
    call: WindowCall,
    time_type: LogicalType,
    columns: [ScopeColumn; 3],
}

impl GroupWindow {
    pub fn columns(&self) -> &[ScopeColumn; 3] {
        &self.columns
    }
}

/// TUMBLE, HOP or SESSION.
fn group_function(name: &str) -> Option<&'static str> {
    GROUP_FUNCTIONS
        .into_iter()
        .find(|f| f.eq_ignore_ascii_case(name))
}

fn auxiliary_function(name: &str) -> Option<(&'static str, Property)> {
    let (function, property) = name.rsplit_once('_')?;
    let property = match property.to_ascii_uppercase().as_str() {
        "START" => Property::Start,
        "END" => Property::End,
        "ROWTIME" => Property::Rowtime,
        "PROCTIME" => Property::Proctime,
        _ => return None,
    };
    Some((group_function(function)?, property))
}

impl Binder<'_> {
    /// The group window that an item of GROUP BY is, if it is one.
    pub fn group_window(
        &mut self,
        item: &Ast,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<Option<GroupWindow>> {
        let Ast::Function(call) = item else {
            return Ok(None);
        };
        let Some(function) = group_function(&self.function_name(call)?) else {
            return Ok(None);
        };
        let (call, time_type) = self.window_call_of(function, call, cx)?;
        let streaming = !self.cx.exprs.batch;
        if streaming && time_type.kind.time_kind() == TimeKind::Regular {
            return Err(BindError::at(
                span_of(item),
                format!(
                    "Window aggregate can only be defined over a time attribute column, but {time_type} encountered."
                ),
            ));
        }
        let columns = self.window_columns(&time_type);
        Ok(Some(GroupWindow {
            call,
            time_type,
            columns,
        }))
    }

    /// Binds TUMBLE and its kin where they may not stand, and their auxiliary functions; none for other calls.
    pub fn window_function_call(
        &mut self,
        name: &str,
        function: &Function,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<Option<TypedExpr>> {
        let span = span_of(&function.name);
        if let Some(group) = group_function(name) {
            return Err(BindError::at(
                span,
                format!("Group function '{group}' can only appear in GROUP BY clause"),
            ));
        }
        let Some((group, property)) = auxiliary_function(name) else {
            return Ok(None);
        };
        let mut rows = ExprCx::plain(cx.scope, cx.clause);
        let (call, _) = self.window_call_of(group, function, &mut rows)?;
        let window = cx.aggregates.as_ref().and_then(|a| a.window());
        let Some(window) = window.filter(|w| w.call == call) else {
            return Err(BindError::at(
                span,
                format!(
                    "Call to auxiliary group function '{}' must have matching call to group function '{group}' in GROUP BY clause",
                    name.to_uppercase()
                ),
            ));
        };
        let column = |index: usize| window.columns[index].expr();
        let kind = window.time_type.kind.time_kind();
        match property {
            Property::Start => Ok(Some(column(0))),
            Property::End => Ok(Some(column(1))),
            Property::Rowtime if kind == TimeKind::Proctime => Err(BindError::at(
                span,
                "A proctime window cannot provide a rowtime attribute.",
            )),
            Property::Rowtime => Ok(Some(nullable(column(2)))),
            Property::Proctime if kind == TimeKind::Proctime => {
                self.scalar("PROCTIME", Vec::new(), span).map(Some)
            }
            Property::Proctime if self.cx.exprs.batch => Err(BindError::at(
                span,
                "PROCTIME window property is not supported in batch queries.",
            )),
            // Flink has no processing time for a window over a rowtime.
            Property::Proctime => {
                let ty = nullable(column(2)).ty;
                let null = ScalarValue::try_from(&ty.arrow())?;
                Ok(Some(TypedExpr::new(Expr::Literal(null, None), ty)))
            }
        }
    }

    fn window_call_of(
        &mut self,
        function: &'static str,
        call: &Function,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<(WindowCall, LogicalType)> {
        let span = span_of(&call.name);
        let (args, _) = call_parts(call)?;
        let args = args
            .iter()
            .map(|a| plain_arg(a, function))
            .collect::<BindResult<Vec<_>>>()?;
        let intervals = if function == "HOP" { 2 } else { 1 };
        if args.len() == intervals + 2 && function != "SESSION" {
            return Err(BindError::at(
                span_of(args[intervals + 1]).or(span),
                format!("{function} window with alignment is not supported yet."),
            )
            .with_hint("The window table function takes an offset."));
        }
        let (Some(time), true) = (args.first(), args.len() == intervals + 1) else {
            return Err(BindError::at(
                span,
                format!(
                    "Invalid number of arguments to function '{function}'. Was expecting {} arguments",
                    intervals + 1
                ),
            ));
        };
        let time = self.expr(time, cx)?;
        if !time.ty.kind.is_timestamp() {
            return Err(BindError::at(
                span,
                format!(
                    "Cannot apply '{function}' to arguments of type '{function}(<{}>, <INTERVAL>)'. Supported form(s): '{function}(<DATETIME>, <DATETIME_INTERVAL>)'",
                    time.ty
                ),
            ));
        }
        let mut interval = |index: usize, what: &str| -> BindResult<i64> {
            let ms = self.interval_ms(function, what, args[index])?;
            positive(function, what, ms, span)
        };
        let window = match function {
            "TUMBLE" => Window::Tumble {
                size_ms: interval(1, "size")?,
                offset_ms: 0,
            },
            "HOP" => Window::Hop {
                slide_ms: interval(1, "slide")?,
                size_ms: interval(2, "size")?,
                offset_ms: 0,
            },
            _ => Window::Session {
                gap_ms: interval(1, "gap")?,
                partition_by: Vec::new(),
            },
        };
        let call = WindowCall {
            function,
            time: time.expr,
            window,
        };
        Ok((call, time.ty))
    }

    /// Puts the window under the aggregation whose other keys are `keys`.
    pub fn group_window_plan(
        &mut self,
        plan: LogicalPlan,
        window: GroupWindow,
        keys: Vec<Column>,
    ) -> BindResult<LogicalPlan> {
        let (time, plan) = match window.call.time {
            Expr::Column(column) => (column, plan),
            expr => {
                let column = self.new_column("time", &window.time_type);
                let mut rows: Vec<Expr> = column_exprs(&plan);
                rows.push(expr.alias(&column.name));
                (column, project_exprs(plan, rows)?)
            }
        };
        let shape = match window.call.window {
            Window::Session { gap_ms, .. } => Window::Session {
                gap_ms,
                partition_by: keys,
            },
            other => other,
        };
        self.window_node(plan, shape, time, &window.columns, true)
    }
}

fn nullable(mut expr: TypedExpr) -> TypedExpr {
    expr.ty.nullable = true;
    expr
}

/// The refusal of a second window.
pub(crate) fn check_one_window(aggregates: &Aggregates, span: Option<Span>) -> BindResult<()> {
    if aggregates.window().is_some() {
        return Err(BindError::at(
            span,
            "Only a single window group function may be used in GROUP BY",
        ));
    }
    Ok(())
}

/// The refusal of a window inside of GROUPING SETS, ROLLUP or CUBE.
pub(crate) fn refuse_in_sets(span: Option<Span>) -> BindError {
    BindError::at(
        span,
        "A group window can't be part of GROUPING SETS, ROLLUP or CUBE",
    )
    .with_hint("Use the window table function, or name the window beside the sets.")
}
