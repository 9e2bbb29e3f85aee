//! Conditions on ROW_NUMBER, RANK and DENSE_RANK become Top-N; ORDER BY and LIMIT.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::{Sort as SortExpr, WindowFunction};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    BinaryExpr, Expr, Filter, Limit, LogicalPlan, Operator, Projection, Sort, SubqueryAlias,
    Window, lit,
};
use filbert_graph::spec::{RankFunction, RankRange, SortKey};
use filbert_types::{LogicalType, TimeKind, TypeKind};

use super::Converter;
use super::aggregate::Prepared;
use super::calc::{identity, without_alias};
use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::streaming::node::{NodeId, StreamOp};
use crate::streaming::rank::{Rank, RankForm};
use crate::streaming::temporal_sort::TemporalSort;

/// What a condition says of a rank: the first and last one wanted, or the column that says the last; and what else it
/// says.
struct RankCondition {
    range: RankRange,
    rest: Vec<Expr>,
}

impl Converter<'_> {
    /// A condition on the rank of an OVER window's rows; none where it doesn't bound it alone. `needed`: the columns
    /// that are read of the result, where not all are.
    pub(super) fn top_n(
        &mut self,
        filter: &Filter,
        needed: Option<&HashSet<Column>>,
    ) -> Result<Option<NodeId>, PlanError> {
        if let Some(projection) = pulled_up(filter, needed)? {
            return self.projection(&projection).map(Some);
        }
        let LogicalPlan::Window(window) = filter.input.as_ref() else {
            return Ok(None);
        };
        let [call] = window.window_expr.as_slice() else {
            return Ok(None);
        };
        let Some((function, call)) = rank_function(call) else {
            return Ok(None);
        };
        let columns = window.schema.columns();
        let (rank, input_columns) = match columns.split_last() {
            Some((rank, rest)) => (rank.clone(), rest),
            None => return Ok(None),
        };
        let Some(condition) = rank_condition(&filter.predicate, &rank, input_columns) else {
            return Ok(None);
        };
        if let RankRange::Constant { end, .. } = condition.range
            && end <= 0
        {
            return Err(PlanError::Refused(format!(
                "Rank end should not less than zero, but now is {end}"
            )));
        }
        check_order(call)?;
        let read_above = |column: &Column| needed.is_none_or(|needed| needed.contains(column));
        let output_rank = read_above(&rank)
            || condition
                .rest
                .iter()
                .any(|e| e.column_refs().contains(&rank));
        let top = TopN {
            function,
            call,
            range: condition.range,
            rank,
            output_rank,
        };
        let node = self.top_n_node(window, &top)?;
        match condition.rest.into_iter().reduce(Expr::and) {
            None => Ok(Some(node)),
            Some(rest) => {
                let columns = self.plan.nodes[node].columns.clone();
                let exprs = identity(&columns);
                self.calc(node, Some(rest), exprs, columns).map(Some)
            }
        }
    }

    fn top_n_node(&mut self, window: &Window, top: &TopN<'_>) -> Result<NodeId, PlanError> {
        let input = self.convert(&window.input)?;
        let width = self.plan.nodes[input].columns.len();
        let params = &top.call.params;
        let (input, partition_by, order_by) =
            self.ordered(input, &params.partition_by, &params.order_by)?;
        // The one rank that is wanted need not be carried.
        let constant = match top.range {
            RankRange::Constant { start, end } if start == end => Some(start),
            _ => None,
        };
        let mut columns = self.plan.nodes[input].columns.clone();
        let output_rank = top.output_rank && constant.is_none();
        let ty = LogicalType::not_null(TypeKind::BigInt);
        let rank_column = PlanColumn {
            name: "w0$o0".to_owned(),
            ..PlanColumn::new(top.rank.clone(), ty)
        };
        if output_rank {
            columns.push(rank_column.clone());
        }
        let range = match top.range {
            RankRange::Column(column) => {
                let wanted = &window.input.schema().columns()[column];
                RankRange::Column(self.place(input, wanted)?)
            }
            range => range,
        };
        let extra = self.plan.nodes[input].columns.len() > width;
        let rank = Rank {
            function: top.function,
            range,
            partition_by,
            order_by,
            output_rank,
            form: RankForm::TopN,
            state_ttl_ms: self.state_ttl_ms()?,
        };
        let op = self.windowed_rank(input, rank);
        let node = self.plan.add(op, vec![input], columns);
        if !extra && (output_rank || !top.output_rank) {
            return Ok(node);
        }
        let columns = &self.plan.nodes[node].columns;
        let mut shown: Vec<PlanColumn> = columns[..width].to_vec();
        let mut exprs = identity(&shown);
        if top.output_rank {
            exprs.push(match constant {
                Some(rank) => lit(rank),
                None => Expr::Column(top.rank.clone()),
            });
            shown.push(rank_column);
        }
        self.calc(node, None, exprs, shown)
    }

    /// A node with columns for all expressions to partition and sort by, behind the input's.
    fn ordered(
        &mut self,
        input: NodeId,
        partition_by: &[Expr],
        order_by: &[SortExpr],
    ) -> Result<(NodeId, Vec<usize>, Vec<SortKey>), PlanError> {
        let (prepared, places, keys) = self.prepare_order(input, partition_by, order_by)?;
        Ok((prepared.finish(self, input)?, places, keys))
    }

    /// As [`Converter::ordered`], before the node is made.
    pub(super) fn prepare_order(
        &self,
        input: NodeId,
        partition_by: &[Expr],
        order_by: &[SortExpr],
    ) -> Result<(Prepared, Vec<usize>, Vec<SortKey>), PlanError> {
        let mut prepared = Prepared::new();
        for column in identity(&self.plan.nodes[input].columns) {
            prepared.add(self, input, &column)?;
        }
        let mut places = Vec::with_capacity(partition_by.len());
        for expr in partition_by {
            let place = prepared.slot(self, input, expr)?;
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let mut keys: Vec<SortKey> = Vec::with_capacity(order_by.len());
        for sort in order_by {
            let column = prepared.slot(self, input, &sort.expr)?;
            // A column sorts once; what all rows of a partition have alike doesn't.
            if keys.iter().all(|key| key.column != column) {
                keys.push(SortKey {
                    column,
                    ascending: sort.asc,
                    nulls_first: sort.nulls_first,
                });
            }
        }
        Ok((prepared, places, keys))
    }

    /// LIMIT, with the ORDER BY below it.
    pub(super) fn limit(&mut self, limit: &Limit) -> Result<NodeId, PlanError> {
        // What only names or hides columns stands above the limit as well as below it.
        if let LogicalPlan::Projection(projection) = limit.input.as_ref()
            && matches!(
                projection.input.as_ref(),
                LogicalPlan::Sort(_) | LogicalPlan::Projection(_)
            )
        {
            let below = LogicalPlan::Limit(Limit {
                input: Arc::clone(&projection.input),
                ..limit.clone()
            });
            let above = Projection::try_new(projection.expr.clone(), Arc::new(below))?;
            return self.projection(&above);
        }
        let skip = row_count(limit.skip.as_deref())?.unwrap_or(0);
        let Some(fetch) = row_count(limit.fetch.as_deref())? else {
            return Err(PlanError::Refused(
                "FETCH is missed, which on streaming table is not supported currently.".to_owned(),
            ));
        };
        let (input, order_by, form) = match limit.input.as_ref() {
            LogicalPlan::Sort(sort) => (&sort.input, sort.expr.as_slice(), RankForm::SortLimit),
            _ => (&limit.input, &[][..], RankForm::Limit),
        };
        let input = self.convert(input)?;
        let width = self.plan.nodes[input].columns.len();
        let (input, _, order_by) = self.ordered(input, &[], order_by)?;
        let columns = self.plan.nodes[input].columns.clone();
        let op = StreamOp::Rank(Rank {
            function: RankFunction::RowNumber,
            range: RankRange::Constant {
                start: skip.saturating_add(1),
                end: skip.saturating_add(fetch),
            },
            partition_by: Vec::new(),
            order_by,
            output_rank: false,
            form,
            state_ttl_ms: self.state_ttl_ms()?,
        });
        let node = self.plan.add(op, vec![input], columns);
        Ok(self.first_columns(node, width))
    }

    /// ORDER BY without LIMIT: by time, ascending.
    pub(super) fn sort(&mut self, sort: &Sort) -> Result<NodeId, PlanError> {
        let input = self.convert(&sort.input)?;
        let width = self.plan.nodes[input].columns.len();
        let (input, _, order_by) = self.ordered(input, &[], &sort.expr)?;
        let columns = self.plan.nodes[input].columns.clone();
        let time = order_by
            .first()
            .filter(|key| key.ascending)
            .map(|key| columns[key.column].ty.kind.time_kind());
        let is_proctime = match time {
            Some(TimeKind::Rowtime) => false,
            Some(TimeKind::Proctime) => true,
            _ => {
                return Err(PlanError::Refused(
                    "Sort on a non-time-attribute field is not supported. A stream never ends: add LIMIT, or use batch mode \
                     (SET 'execution.runtime-mode' = 'batch')."
                        .to_owned(),
                ));
            }
        };
        // Rows come in the order in which they are processed.
        if is_proctime && order_by.len() == 1 {
            return Ok(self.first_columns(input, width));
        }
        let op = StreamOp::TemporalSort(TemporalSort { order_by });
        let node = self.plan.add(op, vec![input], columns);
        Ok(self.first_columns(node, width))
    }

    /// Drops the columns that a node has only for its operator.
    pub(super) fn first_columns(&mut self, node: NodeId, width: usize) -> NodeId {
        if self.plan.nodes[node].columns.len() == width {
            return node;
        }
        self.pick(node, &(0..width).collect::<Vec<_>>())
    }
}

/// A filter over names for the columns of an OVER window, as names over the filter; of these only the needed ones.
fn pulled_up(
    filter: &Filter,
    needed: Option<&HashSet<Column>>,
) -> Result<Option<Projection>, PlanError> {
    let names: Vec<Expr> = match filter.input.as_ref() {
        LogicalPlan::Projection(projection) => projection.expr.clone(),
        LogicalPlan::SubqueryAlias(alias) => identity_as(alias),
        _ => return Ok(None),
    };
    let mut below = filter.input.inputs()[0];
    while let LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) = below {
        below = below.inputs()[0];
    }
    let is_column = |expr: &Expr| matches!(without_alias(expr), Expr::Column(_));
    if !matches!(below, LogicalPlan::Window(_)) || !names.iter().all(is_column) {
        return Ok(None);
    }
    let columns = filter.input.schema().columns();
    let predicate = filter.predicate.clone().transform_up(|expr| {
        let place = match &expr {
            Expr::Column(column) => columns.iter().position(|c| c == column),
            _ => None,
        };
        Ok(match place {
            Some(place) => Transformed::yes(without_alias(&names[place]).clone()),
            None => Transformed::no(expr),
        })
    })?;
    let input = Arc::new(filter.input.inputs()[0].clone());
    let below = LogicalPlan::Filter(Filter::try_new(predicate.data, input)?);
    let kept = names
        .into_iter()
        .zip(&columns)
        .filter(|(_, column)| needed.is_none_or(|needed| needed.contains(column)))
        .map(|(expr, _)| expr);
    Ok(Some(Projection::try_new(kept.collect(), Arc::new(below))?))
}

/// The columns of an alias' input under the alias' names.
fn identity_as(alias: &SubqueryAlias) -> Vec<Expr> {
    let inner = alias.input.schema().columns().into_iter();
    inner
        .zip(alias.schema.columns())
        .map(|(inner, outer)| Expr::Column(inner).alias_qualified(outer.relation, outer.name))
        .collect()
}

/// A Top-N as the plan has it.
struct TopN<'a> {
    function: RankFunction,
    call: &'a WindowFunction,
    range: RankRange,
    /// The rank's name.
    rank: Column,
    /// Somebody reads the rank.
    output_rank: bool,
}

fn rank_function(expr: &Expr) -> Option<(RankFunction, &WindowFunction)> {
    match expr {
        Expr::Alias(alias) => rank_function(&alias.expr),
        Expr::WindowFunction(call) => {
            let function = match call.fun.name() {
                "row_number" => RankFunction::RowNumber,
                "rank" => RankFunction::Rank,
                "dense_rank" => RankFunction::DenseRank,
                _ => return None,
            };
            Some((function, call))
        }
        _ => None,
    }
}

fn check_order(call: &WindowFunction) -> Result<(), PlanError> {
    let order_by = &call.params.order_by;
    if order_by
        .iter()
        .all(|sort| matches!(sort.expr, Expr::Literal(..)))
    {
        return Err(PlanError::Refused(
            "Over Agg: The window rank function requires order by clause with non-constant fields. please re-check the over window statement."
                .to_owned(),
        ));
    }
    Ok(())
}

/// Parts a predicate into what bounds the rank and what doesn't read it.
fn rank_condition(predicate: &Expr, rank: &Column, input: &[Column]) -> Option<RankCondition> {
    let (mut start, mut end) = (1i64, i64::MAX);
    let (mut by_number, mut by_column, mut rest) = (Vec::new(), None, Vec::new());
    for conjunct in split_conjunction(predicate) {
        match rank_bound(conjunct, rank, input) {
            Some(Bound::Range(first, last)) => {
                start = start.max(first);
                end = end.min(last);
                by_number.push(conjunct.clone());
            }
            Some(Bound::Column(place)) if by_column.is_none() => {
                by_column = Some((place, conjunct.clone()));
            }
            // A rank is never NULL.
            _ if matches!(conjunct, Expr::IsNotNull(e) if is_column(e, rank)) => {}
            _ => rest.push(conjunct.clone()),
        }
    }
    // Where both a number and a column say the last rank, the number bounds the state, and the column's part is a
    // condition on what comes out; beside a first rank it is the other way round.
    let range = match (by_number.is_empty(), by_column) {
        (true, None) => return None,
        (false, None) => RankRange::Constant { start, end },
        (false, Some((_, conjunct))) if end < i64::MAX => {
            rest.push(conjunct);
            RankRange::Constant { start, end }
        }
        (_, Some((column, _))) => {
            rest.append(&mut by_number);
            RankRange::Column(column)
        }
    };
    Some(RankCondition { range, rest })
}

enum Bound {
    Range(i64, i64),
    Column(usize),
}

/// What a comparison says of the rank.
fn rank_bound(expr: &Expr, rank: &Column, input: &[Column]) -> Option<Bound> {
    let comparison = match expr {
        Expr::BinaryExpr(comparison) => comparison,
        Expr::Between(between) if !between.negated && is_column(&between.expr, rank) => {
            let first = whole_number(&between.low)?;
            return Some(Bound::Range(first.max(1), whole_number(&between.high)?));
        }
        _ => return None,
    };
    let BinaryExpr { left, op, right } = comparison;
    let (op, other) = if is_column(left, rank) {
        (*op, right)
    } else if is_column(right, rank) {
        (op.swap()?, left)
    } else {
        return None;
    };
    if let Some(number) = whole_number(other) {
        let (first, last) = match op {
            Operator::Eq => (number, number),
            Operator::Lt => (1, number.saturating_sub(1)),
            Operator::LtEq => (1, number),
            Operator::Gt => (number.saturating_add(1), i64::MAX),
            Operator::GtEq => (number, i64::MAX),
            _ => return None,
        };
        return Some(Bound::Range(first.max(1), last));
    }
    let Expr::Column(column) = without_cast(other) else {
        return None;
    };
    let place = input.iter().position(|c| c == column)?;
    // Flink takes `rn < x` for `rn <= x`.
    matches!(op, Operator::Eq | Operator::Lt | Operator::LtEq).then_some(Bound::Column(place))
}

fn is_column(expr: &Expr, column: &Column) -> bool {
    matches!(expr, Expr::Column(c) if c == column)
}

fn without_cast(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(cast) => without_cast(&cast.expr),
        Expr::ScalarFunction(call)
            if call.args.len() == 1 && call.func.name().eq_ignore_ascii_case("cast") =>
        {
            without_cast(&call.args[0])
        }
        other => other,
    }
}

fn whole_number(expr: &Expr) -> Option<i64> {
    match without_cast(expr) {
        Expr::Literal(value, _) => match value.cast_to(&arrow::datatypes::DataType::Int64).ok()? {
            ScalarValue::Int64(number) if value.data_type().is_integer() => number,
            _ => None,
        },
        _ => None,
    }
}

fn row_count(expr: Option<&Expr>) -> Result<Option<i64>, PlanError> {
    match expr {
        None => Ok(None),
        Some(Expr::Literal(ScalarValue::Int64(rows), _)) => Ok(*rows),
        Some(other) => Err(PlanError::Internal(format!("LIMIT {other}"))),
    }
}
