use std::sync::Arc;

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, NullTreatment, Sort};
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Aggregate, Expr, GroupingSet, LogicalPlan, Values};
use filbert_functions::TypedExpr;
use filbert_functions::aggregate::streaming_name;
use filbert_graph::spec::{ExpandSet, ExpandSpec};
use filbert_types::{LogicalType, TypeKind};

use super::Converter;
use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::as_column;
use crate::streaming::aggregate::AggregateCall;
use crate::streaming::expand::Expand;
use crate::streaming::group_aggregate::GroupAggregate;
use crate::streaming::node::{KeySet, NodeId, StreamOp, StreamPlan};
use crate::tables::{prune_partitions, table_of, unqualified};

/// The input of an aggregation while it is made: the columns that it needs, computed by a Calc.
pub(super) struct Prepared {
    exprs: Vec<Expr>,
    columns: Vec<PlanColumn>,
}

/// An aggregation as SQL wrote it.
pub(super) struct Grouping<'a> {
    /// All grouping expressions, in the order of the output.
    pub groups: Vec<&'a Expr>,
    /// For GROUPING SETS, which of `groups` each set has.
    pub sets: Option<Vec<Vec<usize>>>,
    pub calls: Vec<&'a AggregateFunction>,
    /// Names and Arrow types of the output: groups, `__grouping_id` where there are sets, calls.
    pub aggregate: &'a Aggregate,
}

impl<'a> Grouping<'a> {
    fn of(aggregate: &'a Aggregate) -> Result<Grouping<'a>, PlanError> {
        let groups = grouping_set_to_exprlist(&aggregate.group_expr)?;
        let sets = match aggregate.group_expr.as_slice() {
            [Expr::GroupingSet(set)] => Some(sets_of(set, &groups)?),
            _ => None,
        };
        let calls = aggregate
            .aggr_expr
            .iter()
            .map(aggregate_function)
            .collect::<Result<_, _>>()?;
        Ok(Grouping {
            groups,
            sets,
            calls,
            aggregate,
        })
    }

    /// All expressions that the calls read.
    pub fn call_exprs(&self) -> impl Iterator<Item = &'a Expr> + '_ {
        self.calls.iter().flat_map(|call| {
            let order = call.params.order_by.iter().map(|sort| &sort.expr);
            call.params
                .args
                .iter()
                .chain(call.params.filter.as_deref())
                .chain(order)
        })
    }
}

/// True for rows of a table, whose keys are its primary key.
fn is_of_table(plan: &StreamPlan, id: NodeId) -> bool {
    let node = &plan.nodes[id];
    match &node.op {
        StreamOp::Source(_) => true,
        StreamOp::Calc(_) | StreamOp::WatermarkAssigner(_) | StreamOp::ChangelogNormalize(_) => {
            is_of_table(plan, node.inputs[0])
        }
        _ => false,
    }
}

fn aggregate_function(expr: &Expr) -> Result<&AggregateFunction, PlanError> {
    match expr {
        Expr::AggregateFunction(function) => Ok(function),
        Expr::Alias(alias) => aggregate_function(&alias.expr),
        other => Err(PlanError::Internal(format!("{other} is no aggregate"))),
    }
}

fn sets_of(set: &GroupingSet, groups: &[&Expr]) -> Result<Vec<Vec<usize>>, PlanError> {
    let place = |expr: &Expr| {
        groups
            .iter()
            .position(|g| **g == *expr)
            .ok_or_else(|| PlanError::Internal(format!("{expr} is in no grouping set")))
    };
    let places = |exprs: &[Expr]| {
        exprs
            .iter()
            .map(place)
            .collect::<Result<Vec<_>, PlanError>>()
    };
    match set {
        GroupingSet::GroupingSets(sets) => sets.iter().map(|set| places(set)).collect(),
        GroupingSet::Rollup(exprs) => {
            let all = places(exprs)?;
            Ok((0..=all.len()).rev().map(|n| all[..n].to_vec()).collect())
        }
        GroupingSet::Cube(exprs) => {
            let all = places(exprs)?;
            if all.len() > 16 {
                return Err(PlanError::Refused(
                    "CUBE takes at most 16 expressions.".to_owned(),
                ));
            }
            let wanted = |mask: u32, i: usize| mask & (1 << (all.len() - 1 - i)) != 0;
            Ok((0..1u32 << all.len())
                .rev()
                .map(|mask| {
                    (0..all.len())
                        .filter(|i| wanted(mask, *i))
                        .map(|i| all[i])
                        .collect()
                })
                .collect())
        }
    }
}

/// A call of an aggregate function, with GROUP BY or OVER.
pub(super) struct CallParts<'a> {
    pub function: String,
    pub args: &'a [Expr],
    pub distinct: bool,
    pub filter: Option<&'a Expr>,
    pub order_by: &'a [Sort],
    pub nulls: Option<NullTreatment>,
}

impl CallParts<'_> {
    /// The call over columns; `slot` gives the place of an expression.
    pub fn call(
        self,
        slot: &mut impl FnMut(&Expr) -> Result<usize, PlanError>,
    ) -> Result<AggregateCall, PlanError> {
        let counts_rows = self.function == "COUNT"
            && !self.distinct
            && matches!(self.args, [Expr::Literal(value, _)] if !value.is_null());
        let args = if counts_rows { &[][..] } else { self.args };
        Ok(AggregateCall {
            function: self.function,
            args: args.iter().map(&mut *slot).collect::<Result<_, _>>()?,
            distinct: self.distinct,
            filter: self.filter.map(&mut *slot).transpose()?,
            order_by: self
                .order_by
                .iter()
                .map(|sort| Ok((slot(&sort.expr)?, sort.asc, sort.nulls_first)))
                .collect::<Result<_, PlanError>>()?,
            ignore_nulls: self.nulls == Some(NullTreatment::IgnoreNulls),
        })
    }
}

impl Prepared {
    pub fn new() -> Prepared {
        Prepared {
            exprs: Vec::new(),
            columns: Vec::new(),
        }
    }

    /// The place of an expression in the prepared input; it is added unless it is there.
    pub fn slot(
        &mut self,
        converter: &Converter<'_>,
        input: NodeId,
        expr: &Expr,
    ) -> Result<usize, PlanError> {
        if let Some(place) = self.exprs.iter().position(|e| e == expr) {
            return Ok(place);
        }
        self.add(converter, input, expr)
    }

    /// Adds an expression, even when it is there already.
    pub fn add(
        &mut self,
        converter: &Converter<'_>,
        input: NodeId,
        expr: &Expr,
    ) -> Result<usize, PlanError> {
        let from = &converter.plan.nodes[input].columns;
        let place = self.exprs.len();
        let taken = |column: &PlanColumn| self.columns.iter().any(|c| c.column == column.column);
        let column = match as_column(expr, from) {
            Some(index) if !taken(&from[index]) => from[index].clone(),
            known => {
                let name = format!("$f{place}#{}", converter.plan.nodes.len());
                let ty = match known {
                    Some(index) => from[index].ty.clone(),
                    None => converter.exprs.type_of(expr, from)?,
                };
                PlanColumn::new(Column::new_unqualified(name), ty)
            }
        };
        self.exprs.push(expr.clone());
        self.columns.push(column);
        Ok(place)
    }

    /// The Calc that computes the columns.
    pub fn finish(self, converter: &mut Converter<'_>, input: NodeId) -> Result<NodeId, PlanError> {
        if self.exprs.is_empty() {
            return Ok(input);
        }
        converter.calc(input, None, self.exprs, self.columns)
    }
}

impl Converter<'_> {
    /// True where a plan gives no row: by a condition that is FALSE, or where none of a table's partitions is wanted.
    fn is_empty(&self, plan: &LogicalPlan) -> Result<bool, PlanError> {
        Ok(match plan {
            LogicalPlan::EmptyRelation(empty) => !empty.produce_one_row,
            LogicalPlan::TableScan(scan) => {
                let table = table_of(scan)?;
                let filters = scan.filters.iter().map(unqualified);
                let pruned =
                    prune_partitions(&table, filters.collect::<Result<_, _>>()?, self.exprs)?;
                pruned.partitions.is_some_and(|kept| kept.is_empty())
            }
            LogicalPlan::Projection(projection) => self.is_empty(&projection.input)?,
            LogicalPlan::SubqueryAlias(alias) => self.is_empty(&alias.input)?,
            LogicalPlan::Filter(filter) => self.is_empty(&filter.input)?,
            LogicalPlan::Aggregate(aggregate) => {
                !aggregate.group_expr.is_empty() && self.is_empty(&aggregate.input)?
            }
            _ => false,
        })
    }

    pub(super) fn aggregate(&mut self, aggregate: &Aggregate) -> Result<NodeId, PlanError> {
        if let Some(folded) = self.of_nothing(aggregate)? {
            return Ok(folded);
        }
        let input = self.convert(&aggregate.input)?;
        let grouping = Grouping::of(aggregate)?;
        if let Some(windowed) = self.window_aggregate(input, &grouping)? {
            return Ok(windowed);
        }
        let state_ttl_ms = self.input_ttl_ms(input)?;
        let mut prepared = Prepared::new();
        let mut keys = self.key_slots(&mut prepared, input, &grouping)?;
        let calls = self.calls(&mut prepared, input, &grouping)?;
        let mut input = prepared.finish(self, input)?;
        if let Some(sets) = &grouping.sets {
            let id;
            (input, id) = self.expand(input, &keys, sets);
            keys.push(id);
        }
        let columns = self.aggregate_columns(input, &keys, &grouping);
        if let Some(rows) = self.of_single_rows(input, &keys, &calls, &columns)? {
            return Ok(rows);
        }
        if let Some(split) = self.split_distinct(input, &keys, &calls, &columns)? {
            return Ok(split);
        }
        let aggregate = GroupAggregate::new(keys, calls, state_ttl_ms);
        let op = StreamOp::GroupAggregate(aggregate);
        Ok(self.plan.add(op, vec![input], columns))
    }

    /// An aggregation of what is known to be empty: a row of zero counts and NULLs, as Flink folds it. None where the
    /// input may have rows, or a function has another answer.
    fn of_nothing(&mut self, aggregate: &Aggregate) -> Result<Option<NodeId>, PlanError> {
        if !aggregate.group_expr.is_empty() || !self.is_empty(&aggregate.input)? {
            return Ok(None);
        }
        let fields = aggregate.schema.fields().iter();
        let cells = aggregate.aggr_expr.iter().zip(fields).map(|(expr, field)| {
            let name = aggregate_function(expr)?.func.name().to_uppercase();
            Ok(match name.as_str() {
                "COUNT" => Some(ScalarValue::Int64(Some(0))),
                "SUM" | "MIN" | "MAX" | "AVG" => Some(ScalarValue::try_from(field.data_type())?),
                _ => None,
            })
        });
        let cells: Option<Vec<ScalarValue>> = cells.collect::<Result<_, PlanError>>()?;
        let row = |cells: Vec<ScalarValue>| {
            let row = cells.into_iter().map(|c| Expr::Literal(c, None)).collect();
            let schema = Arc::clone(&aggregate.schema);
            let values = vec![row];
            self.values(&Values { schema, values })
        };
        cells.map(row).transpose()
    }

    /// Groups that each are one row, by the primary key of a table: what SUM, MIN and MAX of it are is a value of the row.
    /// None where there may be more rows, or a function says something else.
    fn of_single_rows(
        &mut self,
        input: NodeId,
        keys: &[usize],
        calls: &[AggregateCall],
        outputs: &[PlanColumn],
    ) -> Result<Option<NodeId>, PlanError> {
        let grouped: KeySet = keys.iter().copied().collect();
        let node = &self.plan.nodes[input];
        let mut known = node.upsert_keys.iter().filter(|key| !key.is_empty());
        let is_value = |call: &AggregateCall| {
            matches!(call.function.as_str(), "SUM" | "MIN" | "MAX")
                && call.filter.is_none()
                && !call.distinct
                && call.args.len() == 1
        };
        let by_key = known.any(|key| key.is_subset(&grouped)) && is_of_table(&self.plan, input);
        if !by_key || !calls.iter().all(is_value) {
            return Ok(None);
        }
        let from = node.columns.clone();
        let column = |place: usize| Expr::Column(from[place].column.clone());
        let mut exprs: Vec<Expr> = keys.iter().map(|key| column(*key)).collect();
        for (call, output) in calls.iter().zip(&outputs[keys.len()..]) {
            let arg = TypedExpr::new(column(call.args[0]), from[call.args[0]].ty.clone());
            let value = filbert_functions::call::cast(&self.ctx.expr, arg, &output.ty);
            exprs.push(value.map_err(|e| PlanError::Refused(e.to_string()))?.expr);
        }
        self.calc(input, None, exprs, outputs.to_vec()).map(Some)
    }

    pub(super) fn key_slots(
        &self,
        prepared: &mut Prepared,
        input: NodeId,
        grouping: &Grouping<'_>,
    ) -> Result<Vec<usize>, PlanError> {
        grouping
            .groups
            .iter()
            .map(|group| prepared.slot(self, input, group))
            .collect()
    }

    /// The calls, with their arguments as columns. Grouping sets null the keys, so that there an argument has a column
    /// of its own.
    pub(super) fn calls(
        &self,
        prepared: &mut Prepared,
        input: NodeId,
        grouping: &Grouping<'_>,
    ) -> Result<Vec<AggregateCall>, PlanError> {
        let shared = grouping.sets.is_none();
        let mut slot = |expr: &Expr| {
            if shared {
                prepared.slot(self, input, expr)
            } else {
                prepared.add(self, input, expr)
            }
        };
        let parts = grouping.calls.iter().map(|call| CallParts {
            function: streaming_name(&call.func),
            args: &call.params.args,
            distinct: call.params.distinct,
            filter: call.params.filter.as_deref(),
            order_by: &call.params.order_by,
            nulls: call.params.null_treatment,
        });
        parts.map(|parts| parts.call(&mut slot)).collect()
    }

    /// Expands the input for grouping sets; gives the place of the set's number too.
    pub(super) fn expand(
        &mut self,
        input: NodeId,
        keys: &[usize],
        sets: &[Vec<usize>],
    ) -> (NodeId, usize) {
        let mut columns = self.plan.nodes[input].columns.clone();
        let expand = |(index, set): (usize, &Vec<usize>)| {
            let is_null = |column: usize| {
                let key = keys.iter().position(|k| *k == column);
                key.is_some_and(|key| !set.contains(&key))
            };
            let mask = (0..keys.len())
                .filter(|key| !set.contains(key))
                .fold(0i64, |mask, key| mask | 1 << (keys.len() - 1 - key));
            let ordinal = sets[..index].iter().filter(|other| *other == set).count();
            ExpandSet {
                columns: (0..columns.len())
                    .map(|c| (!is_null(c)).then_some(c))
                    .collect(),
                id: mask | i64::try_from(ordinal).unwrap_or(0) << keys.len(),
            }
        };
        let spec = ExpandSpec {
            sets: sets.iter().enumerate().map(expand).collect(),
        };
        for key in keys {
            if !sets.iter().all(|set| set.contains(key)) {
                columns[*key].ty.nullable = true;
            }
        }
        let id = columns.len();
        let name = Column::new_unqualified(format!("$e#{}", self.plan.nodes.len()));
        columns.push(PlanColumn::new(
            name,
            LogicalType::not_null(TypeKind::BigInt),
        ));
        let node = self
            .plan
            .add(StreamOp::Expand(Expand { spec }), vec![input], columns);
        (node, id)
    }

    /// Groups under the aggregate's names with their types, then the calls' results.
    pub(super) fn aggregate_columns(
        &self,
        input: NodeId,
        keys: &[usize],
        grouping: &Grouping<'_>,
    ) -> Vec<PlanColumn> {
        let schema = &grouping.aggregate.schema;
        let from = &self.plan.nodes[input].columns;
        schema
            .columns()
            .into_iter()
            .zip(schema.fields())
            .enumerate()
            .map(|(index, (column, field))| match keys.get(index) {
                Some(key) => PlanColumn {
                    name: from[*key].name.clone(),
                    ty: from[*key].ty.without_time_attribute(),
                    column,
                    window: from[*key].window,
                },
                None => self.new_column(column, field.data_type()),
            })
            .collect()
    }
}
