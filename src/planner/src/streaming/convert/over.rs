//! Calls with OVER: one operator for each frame of a window.

use datafusion::common::{Column, ExprSchema, ScalarValue};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{
    Expr, Window, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition,
};
use filbert_functions::aggregate::streaming_name;
use filbert_graph::spec::{OverBound, OverFrame, SortKey};
use filbert_types::TimeKind;

use super::Converter;
use super::aggregate::{CallParts, Prepared};
use super::calc::without_alias;
use crate::error::PlanError;
use crate::streaming::aggregate::AggregateCall;
use crate::streaming::node::{NodeId, StreamOp};
use crate::streaming::over::{OverAggregate, OverCall};

/// Calls that one operator computes, with the places of their results among the window's.
struct FrameCalls<'a> {
    frame: OverFrame,
    calls: Vec<(usize, &'a WindowFunction)>,
}

impl Converter<'_> {
    pub(super) fn over(&mut self, window: &Window) -> Result<NodeId, PlanError> {
        let input = self.convert(&window.input)?;
        let columns = window.schema.columns();
        let width = columns.len() - window.window_expr.len();
        let mut node = input;
        for group in frames(window)? {
            let outputs: Vec<Column> = group
                .calls
                .iter()
                .map(|(index, _)| columns[width + index].clone())
                .collect();
            node = self.over_frame(node, &group, &outputs, window)?;
        }
        let wanted = columns
            .iter()
            .map(|column| self.place(node, column))
            .collect::<Result<Vec<usize>, _>>()?;
        if wanted
            .iter()
            .copied()
            .eq(0..self.plan.nodes[node].columns.len())
        {
            return Ok(node);
        }
        Ok(self.pick(node, &wanted))
    }

    fn over_frame(
        &mut self,
        input: NodeId,
        group: &FrameCalls<'_>,
        outputs: &[Column],
        window: &Window,
    ) -> Result<NodeId, PlanError> {
        let width = self.plan.nodes[input].columns.len();
        let params = &group.calls[0].1.params;
        let (mut prepared, partition_by, order_by) =
            self.prepare_order(input, &params.partition_by, &params.order_by)?;
        let mut calls = Vec::with_capacity(group.calls.len());
        for (_, call) in &group.calls {
            calls.push(self.over_call(&mut prepared, input, call)?);
        }
        let input = prepared.finish(self, input)?;
        let (order, time) = self.over_order(input, &order_by)?;
        let frame = checked_frame(group.frame, time)?;
        let mut columns = self.plan.nodes[input].columns.clone();
        for column in outputs {
            let field = window.schema.field_from_column(column)?;
            columns.push(self.new_column(column.clone(), field.data_type()));
        }
        let calculated = columns.len() - outputs.len();
        let op = StreamOp::OverAggregate(OverAggregate {
            partition_by,
            order,
            time,
            frame,
            calls,
            state_ttl_ms: self.state_ttl_ms()?,
        });
        let node = self.plan.add(op, vec![input], columns);
        if calculated == width {
            return Ok(node);
        }
        let kept: Vec<usize> = (0..width)
            .chain(calculated..calculated + outputs.len())
            .collect();
        Ok(self.pick(node, &kept))
    }

    /// The one column that the window is ordered by, in Flink's words where it isn't one.
    fn over_order(
        &self,
        input: NodeId,
        order_by: &[SortKey],
    ) -> Result<(SortKey, TimeKind), PlanError> {
        let order = match order_by {
            [order] => order,
            [] => return Err(without_order()),
            _ => {
                return Err(PlanError::Refused(
                    "The window can only be ordered by a single time column.".to_owned(),
                ));
            }
        };
        if !order.ascending {
            return Err(PlanError::Refused(
                "The window can only be ordered in ASCENDING mode.".to_owned(),
            ));
        }
        let time = self.plan.nodes[input].columns[order.column]
            .ty
            .kind
            .time_kind();
        Ok((*order, time))
    }

    fn over_call(
        &mut self,
        prepared: &mut Prepared,
        input: NodeId,
        call: &WindowFunction,
    ) -> Result<OverCall, PlanError> {
        let name = call.fun.name().to_uppercase();
        let params = &call.params;
        let mut slot = |expr: &Expr| prepared.slot(self, input, expr);
        if let WindowFunctionDefinition::AggregateUDF(function) = &call.fun {
            let parts = CallParts {
                function: streaming_name(function),
                args: &params.args,
                distinct: params.distinct,
                filter: params.filter.as_deref(),
                order_by: &[],
                nulls: params.null_treatment,
            };
            return parts.call(&mut slot).map(OverCall::Aggregate);
        }
        match name.as_str() {
            // IGNORE NULLS is read and left aside by Flink's streams, and so here.
            // A row's number is the number of rows up to it.
            "ROW_NUMBER" => Ok(OverCall::Aggregate(AggregateCall::count(Vec::new()))),
            "RANK" | "DENSE_RANK" => Ok(OverCall::Rank {
                dense: name == "DENSE_RANK",
            }),
            "LAG" | "LEAD" => {
                let [value, rest @ ..] = params.args.as_slice() else {
                    return Err(PlanError::Internal(format!("{name} without an argument")));
                };
                let offset = distance(rest.first())?;
                Ok(OverCall::Lag {
                    value: slot(value)?,
                    // LEAD looks at the one row of a frame of its own.
                    offset: if name == "LAG" { offset } else { 0 },
                    default: rest.get(1).map(&mut slot).transpose()?,
                })
            }
            _ => Err(PlanError::Refused(format!(
                "{name} Function is not supported in stream mode."
            ))),
        }
    }
}

/// The window's calls by their frames.
fn frames(window: &Window) -> Result<Vec<FrameCalls<'_>>, PlanError> {
    let mut groups: Vec<FrameCalls<'_>> = Vec::new();
    for (index, expr) in window.window_expr.iter().enumerate() {
        let Expr::WindowFunction(call) = without_alias(expr) else {
            return Err(PlanError::Internal(format!("{expr} has no OVER")));
        };
        let frame = frame_of(call)?;
        let known = groups.iter_mut().find(|g| {
            let params = &g.calls[0].1.params;
            g.frame == frame
                && params.partition_by == call.params.partition_by
                && params.order_by == call.params.order_by
        });
        match known {
            Some(group) => group.calls.push((index, call)),
            None => groups.push(FrameCalls {
                frame,
                calls: vec![(index, call)],
            }),
        }
    }
    Ok(groups)
}

fn frame_of(call: &WindowFunction) -> Result<OverFrame, PlanError> {
    let unbounded = |rows| OverFrame {
        rows,
        start: OverBound::UnboundedPreceding,
        end: OverBound::Offset(0),
    };
    match call.fun.name().to_uppercase().as_str() {
        "ROW_NUMBER" => return Ok(unbounded(true)),
        "RANK" | "DENSE_RANK" | "LAG" => return Ok(unbounded(false)),
        "LEAD" => {
            let offset = i64::try_from(distance(call.params.args.get(1))?).unwrap_or(i64::MAX);
            return Ok(OverFrame {
                rows: true,
                start: OverBound::Offset(offset),
                end: OverBound::Offset(offset),
            });
        }
        _ => {}
    }
    if call.params.order_by.is_empty() {
        return Err(without_order());
    }
    let frame: &WindowFrame = &call.params.window_frame;
    let following =
        || PlanError::Refused("OVER RANGE FOLLOWING windows are not supported yet.".to_owned());
    let bound = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => Ok(OverBound::Offset(0)),
        WindowFrameBound::Preceding(value) if value.is_null() => Ok(OverBound::UnboundedPreceding),
        WindowFrameBound::Following(value) if value.is_null() => Err(following()),
        WindowFrameBound::Preceding(value) => Ok(OverBound::Offset(-extent(value)?)),
        WindowFrameBound::Following(value) => Ok(OverBound::Offset(extent(value)?)),
    };
    Ok(OverFrame {
        rows: frame.units == WindowFrameUnits::Rows,
        start: bound(&frame.start_bound)?,
        end: bound(&frame.end_bound)?,
    })
}

fn without_order() -> PlanError {
    PlanError::Refused(
        "The window can only be ordered by a single time column. Without ORDER BY it is complete with the last row, and a stream never \
         ends: give it an order, or use batch mode (SET 'execution.runtime-mode' = 'batch')."
            .to_owned(),
    )
}

/// Rows, or milliseconds.
fn extent(value: &ScalarValue) -> Result<i64, PlanError> {
    match value {
        ScalarValue::UInt64(Some(rows)) => Ok(i64::try_from(*rows).unwrap_or(i64::MAX)),
        ScalarValue::IntervalMonthDayNano(Some(interval)) if interval.months == 0 => {
            Ok(i64::from(interval.days) * 86_400_000 + interval.nanoseconds / 1_000_000)
        }
        ScalarValue::IntervalMonthDayNano(_) => Err(PlanError::Refused(
            "INTERVAL_YEAR_MONTH type is not allowed for window boundary".to_owned(),
        )),
        // By an ordinary column; refused for that.
        _ => Ok(1),
    }
}

/// What can be computed with a window of this order.
fn checked_frame(frame: OverFrame, time: TimeKind) -> Result<OverFrame, PlanError> {
    let is_unbounded = frame.start == OverBound::UnboundedPreceding;
    let ends_here = frame.end == OverBound::Offset(0);
    match time {
        // Past Flink: results are corrected as rows come and go.
        TimeKind::Regular if frame.rows => Ok(frame),
        TimeKind::Regular if !is_unbounded => Err(PlanError::Refused(
            "Non-time attribute sort is not supported for bounded OVER window.".to_owned(),
        )),
        TimeKind::Regular | TimeKind::Proctime if !ends_here => Err(PlanError::Refused(
            "OVER RANGE FOLLOWING windows are not supported yet.".to_owned(),
        )),
        // No two rows are processed at one time.
        TimeKind::Proctime if is_unbounded => Ok(OverFrame {
            rows: true,
            ..frame
        }),
        _ => Ok(frame),
    }
}

/// How far LAG and LEAD look.
fn distance(offset: Option<&Expr>) -> Result<usize, PlanError> {
    match offset.map(without_alias) {
        None => Ok(1),
        Some(Expr::Literal(value, _)) => {
            let value = value.cast_to(&arrow::datatypes::DataType::Int64)?;
            match value {
                ScalarValue::Int64(Some(rows)) if rows >= 0 => {
                    Ok(usize::try_from(rows).unwrap_or(usize::MAX - 1))
                }
                other => Err(PlanError::Refused(format!(
                    "LAG and LEAD take a number of rows that is not negative, not {other}."
                ))),
            }
        }
        Some(other) => Err(PlanError::Refused(format!(
            "LAG and LEAD take a constant number of rows, not {other}."
        ))),
    }
}
