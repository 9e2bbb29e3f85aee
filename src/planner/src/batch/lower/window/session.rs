//! Sessions as OVER windows: a row more than the gap behind the one before it begins a session, and how many have begun
//! is its number.

use std::sync::Arc;

use datafusion::common::{Column, ScalarValue};
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::{
    AggregateUDF, Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, WindowFrame,
    WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition, col, expr::WindowFunction, lit,
    when,
};
use filbert_functions::window::Over;

use crate::error::PlanError;

/// The rows with two more columns, the bounds of their sessions; `at` is their time in milliseconds.
pub(super) fn with_bounds(
    input: LogicalPlan,
    at: Expr,
    gap_ms: i64,
    partition_by: &[Column],
) -> Result<(LogicalPlan, Expr, Expr), PlanError> {
    let names = ["$at", "$before", "$begins", "$session", "$first", "$last"]
        .map(|name| format!("{name}{}", input.schema().fields().len()));
    let [at_name, before, begins, session, first, last] = names;
    let keys: Vec<Expr> = partition_by.iter().cloned().map(Expr::Column).collect();
    let by_time = vec![col(&at_name).sort(true, true)];
    let start = WindowFrameBound::Preceding(ScalarValue::UInt64(None));
    let rows_before = WindowFrame::new_bounds(
        WindowFrameUnits::Rows,
        start,
        WindowFrameBound::Preceding(ScalarValue::UInt64(Some(1))),
    );
    let over = |function: Arc<AggregateUDF>, arg: Expr, name: &str, parts: &Over| {
        over(function, arg, parts).map(|e| e.alias(name))
    };
    let running = Over {
        partition_by: keys.clone(),
        order_by: by_time.clone(),
        frame: rows_before,
    };
    let plan = with_column(input, at.alias(&at_name))?;
    let plan = LogicalPlanBuilder::from(plan)
        .window(vec![over(max_udaf(), col(&at_name), &before, &running)?])?
        .build()?;
    let late = col(&before)
        .is_null()
        .or(col(&at_name).gt(col(&before) + lit(gap_ms)));
    let begin = when(late, lit(1i64)).otherwise(lit(0i64))?;
    let plan = with_column(plan, begin.alias(&begins))?;
    // RANGE: rows of one time are of one session.
    let running = Over {
        frame: WindowFrame::new(Some(false)),
        ..running
    };
    let plan = LogicalPlanBuilder::from(plan)
        .window(vec![over(sum_udaf(), col(&begins), &session, &running)?])?
        .build()?;
    let mut partition_by = keys;
    partition_by.push(col(&session));
    let whole = Over {
        partition_by,
        order_by: Vec::new(),
        frame: WindowFrame::new(None),
    };
    let plan = LogicalPlanBuilder::from(plan)
        .window(vec![
            over(min_udaf(), col(&at_name), &first, &whole)?,
            over(max_udaf(), col(&at_name), &last, &whole)?,
        ])?
        .build()?;
    Ok((plan, col(first), col(last) + lit(gap_ms)))
}

fn over(function: Arc<AggregateUDF>, arg: Expr, parts: &Over) -> Result<Expr, PlanError> {
    let function = WindowFunctionDefinition::AggregateUDF(function);
    let call = Expr::from(WindowFunction::new(function, vec![arg]));
    Ok(call
        .partition_by(parts.partition_by.clone())
        .order_by(parts.order_by.clone())
        .window_frame(parts.frame.clone())
        .build()?)
}

fn with_column(plan: LogicalPlan, expr: Expr) -> Result<LogicalPlan, PlanError> {
    let columns = plan.schema().columns().into_iter().map(Expr::Column);
    let exprs: Vec<Expr> = columns.chain([expr]).collect();
    Ok(LogicalPlanBuilder::from(plan).project(exprs)?.build()?)
}
