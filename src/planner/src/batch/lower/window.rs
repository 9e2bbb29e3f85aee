mod months;
mod session;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::Column;
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, cast, col, lit,
};
use filbert_binder::RelationalNode;
use filbert_binder::relational::{MonthWindow, Window};
use filbert_functions::{TypedExpr, call};
use filbert_types::{LogicalType, TypeKind};

use crate::columns::shown_type;
use crate::error::PlanError;
use crate::planner::PlannerContext;

/// Adds window_start, window_end and window_time as projections; rows that lie in several windows are joined with the
/// numbers of their windows first. Rows without a time lie in none.
pub(super) fn lower(
    node: &RelationalNode,
    input: &LogicalPlan,
    window: &Window,
    time: &Column,
    ctx: &PlannerContext,
) -> Result<LogicalPlan, PlanError> {
    let time = Expr::Column(time.clone());
    let time_type = shown_type(&time.get_type(input.schema())?);
    let plan = LogicalPlanBuilder::from(input.clone()).filter(time.clone().is_not_null())?;
    let at = cast(local_time(time.clone(), &time_type, ctx)?, DataType::Int64);
    if let Window::Session {
        gap_ms,
        partition_by,
    } = window
    {
        let rows = plan.build()?;
        let (plan, start, end) = session::with_bounds(rows, at, *gap_ms, partition_by)?;
        let plan = LogicalPlanBuilder::from(plan);
        return with_columns(plan, node, input, &time_type, Bounds { start, end }, ctx);
    }
    if let Window::Months { offset_ms, .. } = window {
        let index = months::Staged::new(plan, node.schema.fields().len());
        let (index, at) = index.month_of(at - lit(*offset_ms))?;
        let (plan, bounds) = in_windows(index.plan, &windows(window)?, node, at)?;
        let index = months::Staged::new(plan, node.schema.fields().len() + 1);
        let (index, start) = index.start_of(bounds.start)?;
        let (index, end) = index.start_of(bounds.end)?;
        let bounds = Bounds {
            start: start + lit(*offset_ms),
            end: end + lit(*offset_ms),
        };
        return with_columns(index.plan, node, input, &time_type, bounds, ctx);
    }
    let (plan, bounds) = in_windows(plan, &windows(window)?, node, at)?;
    with_columns(plan, node, input, &time_type, bounds, ctx)
}

/// Each row once for every window that it lies in, with the window's bounds, in the units of `at`.
fn in_windows(
    mut plan: LogicalPlanBuilder,
    windows: &Windows,
    node: &RelationalNode,
    at: Expr,
) -> Result<(LogicalPlanBuilder, Bounds), PlanError> {
    let number = Column::new_unqualified(format!("$window{}", node.schema.fields().len()));
    if windows.count > 1 {
        let rows = (0..windows.count).map(|n| vec![lit(n)]).collect();
        let numbers = LogicalPlanBuilder::values(rows)?
            .project(vec![col("column1").alias(&number.name)])?
            .build()?;
        plan = plan.cross_join(numbers)?;
    }
    let number = if windows.count > 1 {
        Expr::Column(number)
    } else {
        lit(0i64)
    };
    let bounds = windows.bounds(&at, number);
    if windows.may_miss {
        plan = plan.filter(bounds.end.clone().gt(at))?;
    }
    Ok((plan, bounds))
}

/// The input's columns, then the window's.
fn with_columns(
    plan: LogicalPlanBuilder,
    node: &RelationalNode,
    input: &LogicalPlan,
    time_type: &LogicalType,
    bounds: Bounds,
    ctx: &PlannerContext,
) -> Result<LogicalPlan, PlanError> {
    let mut exprs: Vec<Expr> = input
        .schema()
        .columns()
        .into_iter()
        .map(Expr::Column)
        .collect();
    let end_time = timestamp(bounds.end.clone() - lit(1i64));
    let added = [
        timestamp(bounds.start),
        timestamp(bounds.end),
        of_time_type(end_time, time_type, ctx)?,
    ];
    let names = node.schema.columns().into_iter().skip(exprs.len());
    exprs.extend(
        added
            .into_iter()
            .zip(names)
            .map(|(expr, name)| expr.alias_qualified(name.relation, name.name)),
    );
    Ok(plan.project(exprs)?.build()?)
}

/// The windows that a row may lie in.
struct Windows {
    count: i64,
    /// How far a window's start is aligned, and from where.
    align_ms: i64,
    offset_ms: i64,
    /// From one window's number to the next.
    start_step_ms: i64,
    end_step_ms: i64,
    first_end_ms: i64,
    /// Not all of the numbered windows hold the row.
    may_miss: bool,
}

/// Milliseconds since the epoch, as BIGINT.
struct Bounds {
    start: Expr,
    end: Expr,
}

fn windows(window: &Window) -> Result<Windows, PlanError> {
    Ok(match *window {
        Window::Tumble { size_ms, offset_ms } => Windows {
            count: 1,
            align_ms: size_ms,
            offset_ms,
            start_step_ms: 0,
            end_step_ms: 0,
            first_end_ms: size_ms,
            may_miss: false,
        },
        Window::Hop {
            size_ms,
            slide_ms,
            offset_ms,
        } => Windows {
            count: (size_ms + slide_ms - 1) / slide_ms,
            align_ms: slide_ms,
            offset_ms,
            start_step_ms: -slide_ms,
            end_step_ms: -slide_ms,
            first_end_ms: size_ms,
            may_miss: true,
        },
        Window::Cumulate {
            size_ms,
            step_ms,
            offset_ms,
        } => Windows {
            count: size_ms / step_ms,
            align_ms: size_ms,
            offset_ms,
            start_step_ms: 0,
            end_step_ms: step_ms,
            first_end_ms: step_ms,
            may_miss: true,
        },
        // In months.
        Window::Months {
            shape: MonthWindow::Cumulate,
            size,
            step,
            ..
        } => Windows {
            count: size / step,
            align_ms: size,
            offset_ms: 0,
            start_step_ms: 0,
            end_step_ms: step,
            first_end_ms: step,
            may_miss: true,
        },
        Window::Months { size, step, .. } => Windows {
            count: (size + step - 1) / step,
            align_ms: step,
            offset_ms: 0,
            start_step_ms: -step,
            end_step_ms: -step,
            first_end_ms: size,
            may_miss: step < size,
        },
        Window::Session { .. } => {
            return Err(PlanError::Internal(
                "a session has no size to be numbered by".to_owned(),
            ));
        }
    })
}

impl Windows {
    fn bounds(&self, at: &Expr, number: Expr) -> Bounds {
        let align = lit(self.align_ms);
        let from_offset = match self.offset_ms {
            0 => at.clone(),
            offset => at.clone() - lit(offset),
        };
        let past = from_offset % align.clone();
        let base = at.clone() - (past + align.clone()) % align;
        let stepped = |expr: Expr, step: i64| match step {
            0 => expr,
            step => expr + number.clone() * lit(step),
        };
        Bounds {
            start: stepped(base.clone(), self.start_step_ms),
            end: stepped(base + lit(self.first_end_ms), self.end_step_ms),
        }
    }
}

const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Millisecond, None);

fn timestamp(ms: Expr) -> Expr {
    cast(ms, TIMESTAMP)
}

/// The time as TIMESTAMP(3), by which windows are cut: of an instant, in the session's zone.
fn local_time(time: Expr, ty: &LogicalType, ctx: &PlannerContext) -> Result<Expr, PlanError> {
    if !matches!(ty.kind, TypeKind::TimestampLtz { .. }) {
        return Ok(cast(time, TIMESTAMP));
    }
    converted(
        TypedExpr::new(time, ty.clone()),
        TypeKind::timestamp(3),
        ctx,
    )
}

/// A TIMESTAMP(3) as the kind of time that the time column has.
fn of_time_type(time: Expr, ty: &LogicalType, ctx: &PlannerContext) -> Result<Expr, PlanError> {
    if !matches!(ty.kind, TypeKind::TimestampLtz { .. }) {
        return Ok(time);
    }
    let local = TypedExpr::new(time, TypeKind::timestamp(3).into());
    converted(local, TypeKind::timestamp_ltz(3), ctx)
}

fn converted(from: TypedExpr, to: TypeKind, ctx: &PlannerContext) -> Result<Expr, PlanError> {
    call::cast(&ctx.expr, from, &to.into())
        .map(|typed| typed.expr)
        .map_err(|e| PlanError::Internal(e.to_string()))
}
