//! GROUP BY window_start and window_end, with other keys, over a window table function.

use datafusion::common::Column;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::AggregateFunction;
use filbert_graph::spec::{MonthWindow, WindowColumn, WindowEmitSpec, WindowSpec};
use filbert_types::ConfigOption;
use filbert_types::options::{
    ALLOW_LATENESS, EARLY_FIRE, EARLY_FIRE_DELAY, LATE_FIRE, LATE_FIRE_DELAY, STATE_TTL,
};

use super::Converter;
use super::aggregate::{Grouping, Prepared};
use crate::columns::{PlanColumn, WindowBound};
use crate::error::PlanError;
use crate::exprs::{as_column, columns_read};
use crate::streaming::calc::Calc;
use crate::streaming::mini_batch::can_merge;
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
        if !self.are_groups_sessions(input, window, &bounds, grouping) {
            return Ok(None);
        }
        // Sessions that end together may begin apart: where rows have been assigned to them, the beginning is a key.
        let session = matches!(self.windows[window].spec, WindowSpec::Session { .. });
        self.check_hop(window)?;
        let emit = self.emit_strategy(window)?;
        let without_bounds = |start_is_key: bool| -> Vec<usize> {
            let is_key = |b: &Option<WindowBound>| {
                b.is_none_or(|b| {
                    b.window != window || (start_is_key && b.which == WindowColumn::Start)
                })
            };
            (0..bounds.len()).filter(|i| is_key(&bounds[*i])).collect()
        };
        let mut keys = without_bounds(false);
        // Months are of many lengths: windows of them that overlap have no slices in common.
        let overlapping_months = match self.windows[window].spec {
            WindowSpec::Months { shape, .. } => shape != MonthWindow::Tumble,
            _ => false,
        };
        let input_time = if emit.is_some()
            || overlapping_months
            || (session && !self.groups_are_sessions(input, window, grouping, &keys))
        {
            None
        } else {
            self.assign_inside(input, window, grouping, &keys)?
        };
        if session && input_time.is_none() {
            keys = without_bounds(true);
        }
        let assigned = input_time.is_none();
        let (input, time) = match input_time {
            Some(found) => found,
            None => (input, self.window_end(input, window)?),
        };
        self.windowed(
            input, &time, assigned, window, &bounds, keys, emit, grouping,
        )
        .map(Some)
    }

    /// Whether rows to which a window function has given sessions are grouped by these: by exactly the keys that have
    /// sessions of their own. To Flink all else is an ordinary aggregation.
    fn are_groups_sessions(
        &self,
        input: NodeId,
        window: usize,
        bounds: &[Option<WindowBound>],
        grouping: &Grouping<'_>,
    ) -> bool {
        let info = &self.windows[window];
        let WindowSpec::Session { partition_by, .. } = &info.spec else {
            return true;
        };
        let (_, function) = self.projection_above(input);
        let function = &self.plan.nodes[function].op;
        if info.legacy || !matches!(function, StreamOp::WindowTableFunction(_)) {
            return true;
        }
        let is_key = |b: &Option<WindowBound>| b.is_none_or(|b| b.window != window);
        let keys = grouping.groups.iter().zip(bounds);
        let keys = keys.filter(|(_, bound)| is_key(bound));
        let places: Vec<Option<usize>> = keys.map(|(g, _)| self.place_below(input, g)).collect();
        let is_told_apart =
            |place: &Option<usize>| place.is_some_and(|p| partition_by.contains(&p));
        grouping.sets.is_none()
            && partition_by.iter().all(|p| places.contains(&Some(*p)))
            && places.iter().all(is_told_apart)
    }

    /// The projection that a node is, if it is one, and the node below it.
    fn projection_above(&self, node: NodeId) -> (Option<&[Expr]>, NodeId) {
        let node_id = node;
        let node = &self.plan.nodes[node_id];
        match &node.op {
            StreamOp::Calc(calc) => (Some(&calc.projection), node.inputs[0]),
            _ => (None, node_id),
        }
    }

    /// The column of the node below a projection that an expression above it is.
    fn place_below(&self, node: NodeId, expr: &Expr) -> Option<usize> {
        let (projection, below) = self.projection_above(node);
        let column = as_column(expr, &self.plan.nodes[node].columns)?;
        match projection {
            Some(projection) => as_column(&projection[column], &self.plan.nodes[below].columns),
            None => Some(column),
        }
    }

    /// True when the rows are grouped by exactly the keys by which sessions are told apart: each session is a group.
    fn groups_are_sessions(
        &self,
        input: NodeId,
        window: usize,
        grouping: &Grouping<'_>,
        keys: &[usize],
    ) -> bool {
        let WindowSpec::Session { partition_by, .. } = &self.windows[window].spec else {
            return false;
        };
        let place = |key: &usize| self.place_below(input, grouping.groups[*key]);
        let Some(places) = keys.iter().map(place).collect::<Option<Vec<usize>>>() else {
            return false;
        };
        // Only accumulators that can be merged stand for a session's rows, and not where the result shows in
        // which order rows came.
        let merge = |call: &&AggregateFunction| {
            let name = call.func.name().to_uppercase();
            can_merge(&name) && !matches!(name.as_str(), "LISTAGG" | "ARRAY_AGG" | "COLLECT")
        };
        grouping.sets.is_none()
            && grouping.calls.iter().all(merge)
            && partition_by.iter().all(|p| places.contains(p))
            && places.iter().all(|p| partition_by.contains(p))
    }

    /// When the results of a window go out beside its end: `table.exec.emit.*`, which only group windows of old know.
    fn emit_strategy(&self, window: usize) -> Result<Option<WindowEmitSpec>, PlanError> {
        let config = &self.ctx.configuration;
        let info = &self.windows[window];
        let (early, late) = (config.get_bool(&EARLY_FIRE)?, config.get_bool(&LATE_FIRE)?);
        let refused = |reason: String| Err(PlanError::Refused(reason));
        if !early && !late {
            return Ok(None);
        }
        if !info.legacy {
            return refused(format!(
                "Currently, window table function based aggregate doesn't support early-fire and late-fire configuration '{}' and '{}'.",
                EARLY_FIRE.key, LATE_FIRE.key
            ));
        }
        if matches!(info.spec, WindowSpec::Session { .. }) {
            return refused("Session window doesn't support EMIT strategy currently.".to_owned());
        }
        let lateness_ms = match (late, self.millis(&ALLOW_LATENESS)?) {
            (false, _) => 0,
            (true, Some(ms)) => ms,
            (true, None) => self.state_ttl_ms()?.unwrap_or(0),
        };
        if late && lateness_ms == 0 && !info.is_proctime() {
            return refused(format!(
                "The 'AFTER WATERMARK' emit strategy requires set '{}' or '{}' in table config.",
                ALLOW_LATENESS.key, STATE_TTL.key
            ));
        }
        let delay = |enabled: bool, option: &ConfigOption, name: &str| {
            match enabled {
            false => Ok(None),
            true => self.millis(option)?.map(Some).ok_or_else(|| {
                PlanError::Refused(format!(
                    "{name}-fire delay should not be null or negative value when enable {}-fire emit strategy: set '{}'.",
                    name.to_lowercase(),
                    option.key
                ))
            }),
        }
        };
        let early_ms = delay(early, &EARLY_FIRE_DELAY, "Early")?;
        let late_ms = delay(late, &LATE_FIRE_DELAY, "Late")?;
        if let Some(late_ms) = late_ms
            && late_ms > lateness_ms
        {
            return refused(format!(
                "Allow-lateness [{lateness_ms}ms] should not be smaller than Late-fire delay [{late_ms}ms] when enable late-fire emit strategy."
            ));
        }
        // Rows are never late by the clock.
        Ok((early || !info.is_proctime()).then_some(WindowEmitSpec {
            early_ms,
            late_ms: late_ms.filter(|_| !info.is_proctime()),
            lateness_ms: if info.is_proctime() { 0 } else { lateness_ms },
            emit_update_before: true,
        }))
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
        emit: Option<WindowEmitSpec>,
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
        let spec = match &info.spec {
            WindowSpec::Session { gap_ms, .. } if !assigned => WindowSpec::Session {
                gap_ms: *gap_ms,
                partition_by: keys.clone(),
            },
            spec => spec.clone(),
        };
        let op = StreamOp::WindowAggregate(WindowAggregate {
            window: spec,
            time,
            assigned,
            proctime: info.is_proctime(),
            time_zone: info.time_zone.clone(),
            keys,
            calls,
            window_columns: wanted,
            emit,
            merged: None,
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
