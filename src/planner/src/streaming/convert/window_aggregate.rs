//! GROUP BY window_start and window_end, with other keys, over a window table function.

use datafusion::common::Column;
use datafusion::logical_expr::Expr;
use filbert_graph::spec::{WindowColumn, WindowSpec};

use super::Converter;
use super::aggregate::{Grouping, Prepared};
use crate::columns::{PlanColumn, WindowBound};
use crate::error::PlanError;
use crate::exprs::{as_column, columns_read};
use crate::streaming::calc::Calc;
use crate::streaming::node::{NodeId, StreamOp};
use crate::streaming::window_aggregate::WindowAggregate;

impl Converter<'_> {
    /// None where the groups don't have both bounds of one window: that is an ordinary aggregation.
    pub(super) fn window_aggregate(
        &mut self,
        input: NodeId,
        grouping: &Grouping<'_>,
    ) -> Result<Option<NodeId>, PlanError> {
        let columns = &self.plan.nodes[input].columns;
        let bounds: Vec<Option<WindowBound>> = grouping
            .groups
            .iter()
            .map(|g| as_column(g, columns).and_then(|i| columns[i].window))
            .collect();
        let Some(window) = grouped_window(&bounds, grouping.sets.as_deref()) else {
            return Ok(None);
        };
        // Sessions that end together may begin apart: there the beginning is a key like others.
        let session = matches!(self.windows[window].spec, WindowSpec::Session { .. });
        self.check_hop(window)?;
        let is_bound = |b: &Option<WindowBound>| {
            b.is_some_and(|b| b.window == window && !(session && b.which == WindowColumn::Start))
        };
        let keys: Vec<usize> = (0..bounds.len())
            .filter(|i| !is_bound(&bounds[*i]))
            .collect();
        let input_time = match session {
            true => None,
            false => self.assign_inside(input, window, grouping, &keys)?,
        };
        let assigned = input_time.is_none();
        let (input, time) = match input_time {
            Some(found) => found,
            None => (input, self.window_end(input, window)?),
        };
        self.windowed(input, &time, assigned, window, &bounds, keys, grouping)
            .map(Some)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one aggregation")]
    fn windowed(
        &mut self,
        input: NodeId,
        time: &Expr,
        assigned: bool,
        window: usize,
        bounds: &[Option<WindowBound>],
        groups: Vec<usize>,
        grouping: &Grouping<'_>,
    ) -> Result<NodeId, PlanError> {
        let mut prepared = Prepared::new();
        let mut keys = groups
            .iter()
            .map(|g| prepared.slot(self, input, grouping.groups[*g]))
            .collect::<Result<Vec<_>, _>>()?;
        let calls = self.calls(&mut prepared, input, grouping)?;
        let time = prepared.slot(self, input, time)?;
        let mut input = prepared.finish(self, input)?;
        if let Some(sets) = &grouping.sets {
            let kept = |set: &Vec<usize>| {
                set.iter()
                    .filter_map(|g| groups.iter().position(|key| key == g))
                    .collect()
            };
            let sets: Vec<Vec<usize>> = sets.iter().map(kept).collect();
            let id;
            (input, id) = self.expand(input, &keys, &sets);
            keys.push(id);
        }
        let wanted: Vec<WindowColumn> =
            [WindowColumn::Start, WindowColumn::End, WindowColumn::Time]
                .into_iter()
                .filter(|which| {
                    let bound = WindowBound {
                        which: *which,
                        window,
                    };
                    let place = bounds.iter().position(|b| *b == Some(bound));
                    place.is_some_and(|p| !groups.contains(&p))
                })
                .collect();
        let (columns, order) =
            self.windowed_columns(input, window, &keys, &groups, &wanted, bounds, grouping)?;
        let info = &self.windows[window];
        let op = StreamOp::WindowAggregate(WindowAggregate {
            window: info.spec.clone(),
            time,
            assigned,
            proctime: info.is_proctime(),
            time_zone: info.time_zone.clone(),
            keys,
            calls,
            window_columns: wanted,
        });
        let node = self.plan.add(op, vec![input], columns);
        Ok(self.pick(node, &order))
    }

    /// The operator's columns (keys, results, the window's) under the aggregate's names, and the order in which the
    /// aggregate has them.
    #[expect(clippy::too_many_arguments, reason = "the parts of one aggregation")]
    fn windowed_columns(
        &self,
        input: NodeId,
        window: usize,
        keys: &[usize],
        groups: &[usize],
        wanted: &[WindowColumn],
        bounds: &[Option<WindowBound>],
        grouping: &Grouping<'_>,
    ) -> Result<(Vec<PlanColumn>, Vec<usize>), PlanError> {
        let outputs = grouping.aggregate.schema.columns();
        let fields = grouping.aggregate.schema.fields();
        let from = &self.plan.nodes[input].columns;
        let first_call = outputs.len() - grouping.calls.len();
        let calls = first_call..outputs.len();
        // Which output of the aggregate each column of the operator is.
        let mut places: Vec<usize> = groups.to_vec();
        if grouping.sets.is_some() {
            places.push(first_call - 1);
        }
        places.extend(calls.clone());
        let mut columns: Vec<PlanColumn> = places
            .iter()
            .enumerate()
            .map(|(index, place)| match keys.get(index) {
                Some(key) => PlanColumn {
                    column: outputs[*place].clone(),
                    name: from[*key].name.clone(),
                    ty: from[*key].ty.without_time_attribute(),
                    window: from[*key].window.filter(|b| b.window == window),
                },
                None => self.new_column(outputs[*place].clone(), fields[*place].data_type()),
            })
            .collect();
        for which in wanted {
            let bound = WindowBound {
                which: *which,
                window,
            };
            let place = bounds
                .iter()
                .position(|b| *b == Some(bound))
                .ok_or_else(|| {
                    PlanError::Internal("a window column that nobody groups by".to_owned())
                })?;
            let column = outputs[place].clone();
            columns.push(PlanColumn {
                name: crate::columns::shown_name(&column.name).to_owned(),
                column,
                ty: self.windows[window].column_type(*which),
                window: Some(bound),
            });
            places.push(place);
        }
        let order = (0..outputs.len())
            .map(|output| {
                // A bound that is grouped by twice is one column.
                let place = bounds
                    .get(output)
                    .copied()
                    .flatten()
                    .and_then(|b| bounds.iter().position(|other| *other == Some(b)))
                    .unwrap_or(output);
                places.iter().position(|p| *p == place).ok_or_else(|| {
                    PlanError::Internal("a column that a window aggregation lost".to_owned())
                })
            })
            .collect::<Result<_, _>>()?;
        Ok((columns, order))
    }

    /// Takes the window function out from under the aggregation, which then assigns windows itself: no row is copied.
    /// None where something but the aggregation reads the window's columns.
    fn assign_inside(
        &mut self,
        input: NodeId,
        window: usize,
        grouping: &Grouping<'_>,
        keys: &[usize],
    ) -> Result<Option<(NodeId, Expr)>, PlanError> {
        let (calc, function) = match &self.plan.nodes[input].op {
            StreamOp::Calc(calc) => (Some(calc.clone()), self.plan.nodes[input].inputs[0]),
            _ => (None, input),
        };
        let StreamOp::WindowTableFunction(op) = &self.plan.nodes[function].op else {
            return Ok(None);
        };
        let time = op.time;
        let below = self.plan.nodes[function].columns.clone();
        let first_bound = below.len() - 3;
        if below[first_bound].window.map(|b| b.window) != Some(window) {
            return Ok(None);
        }
        let columns = self.plan.nodes[input].columns.clone();
        let reads_bound = |expr: &Expr| {
            let read = columns_read(expr, &columns);
            read.into_iter().any(|i| columns[i].window.is_some())
        };
        let keys_read = keys.iter().any(|k| reads_bound(grouping.groups[*k]));
        if keys_read || grouping.call_exprs().any(reads_bound) {
            return Ok(None);
        }
        let calc = calc.unwrap_or_else(|| Calc {
            condition: None,
            projection: super::calc::identity(&below),
        });
        let computes_on_bound = |expr: &Expr| {
            as_column(expr, &below).is_none()
                && columns_read(expr, &below)
                    .into_iter()
                    .any(|i| i >= first_bound)
        };
        let condition_on_bound = calc.condition.iter().any(|c| {
            columns_read(c, &below)
                .into_iter()
                .any(|i| i >= first_bound)
        });
        if condition_on_bound || calc.projection.iter().any(computes_on_bound) {
            return Ok(None);
        }
        let base = self.plan.nodes[function].inputs[0];
        self.plan.nodes.truncate(function);
        let (mut exprs, mut kept): (Vec<Expr>, Vec<PlanColumn>) = calc
            .projection
            .into_iter()
            .zip(columns)
            .filter(|(e, _)| as_column(e, &below).is_none_or(|i| i < first_bound))
            .unzip();
        let time_column = self.plan.nodes[base].columns[time].clone();
        let own = PlanColumn {
            column: Column::new_unqualified(format!("{}#w{window}", time_column.name)),
            ..time_column.clone()
        };
        let time_expr = Expr::Column(own.column.clone());
        exprs.push(Expr::Column(time_column.column));
        kept.push(own);
        let input = self.calc(base, calc.condition, exprs, kept)?;
        Ok(Some((input, time_expr)))
    }

    /// Flink aggregates only windows that slides cut evenly; group windows of old take any.
    fn check_hop(&self, window: usize) -> Result<(), PlanError> {
        let info = &self.windows[window];
        match info.spec {
            WindowSpec::Hop {
                size_ms, slide_ms, ..
            } if !info.legacy && size_ms % slide_ms != 0 => Err(PlanError::Refused(format!(
                "HOP table function based aggregate requires size must be an integral multiple of slide, but got size {size_ms} ms and slide {slide_ms} ms."
            ))),
            _ => Ok(()),
        }
    }

    /// The column that holds the end of an assigned window.
    fn window_end(&self, input: NodeId, window: usize) -> Result<Expr, PlanError> {
        let end = WindowBound {
            which: WindowColumn::End,
            window,
        };
        self.plan.nodes[input]
            .columns
            .iter()
            .find(|c| c.window == Some(end))
            .map(|c| Expr::Column(c.column.clone()))
            .ok_or_else(|| PlanError::Internal("a window without its end".to_owned()))
    }
}

/// The window both of whose bounds are in every grouping set.
fn grouped_window(bounds: &[Option<WindowBound>], sets: Option<&[Vec<usize>]>) -> Option<usize> {
    let has = |window: usize, which: WindowColumn| {
        let bound = Some(WindowBound { which, window });
        let place = bounds.iter().position(|b| *b == bound);
        place.is_some_and(|p| sets.is_none_or(|sets| sets.iter().all(|set| set.contains(&p))))
    };
    bounds
        .iter()
        .flatten()
        .map(|b| b.window)
        .find(|w| has(*w, WindowColumn::Start) && has(*w, WindowColumn::End))
}
