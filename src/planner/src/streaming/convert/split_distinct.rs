//! DISTINCT aggregates in two levels (`table.optimizer.distinct-agg.split.enabled`): the first groups by buckets of the
//! values too, so that a key with many values is the work of many tasks; the second puts a key's buckets together.
//!
//! Functions over several arguments have buckets each: then every row is expanded to one for each argument, and one for
//! the functions that need no buckets.

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Expr, lit};
use filbert_functions::{TypedExpr, call as function};
use filbert_types::options::{SPLIT_DISTINCT, SPLIT_DISTINCT_BUCKETS};
use filbert_types::{LogicalType, TypeKind};

use super::Converter;
use super::calc::identity;
use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::streaming::aggregate::AggregateCall;
use crate::streaming::group_aggregate::{GroupAggregate, Level};
use crate::streaming::node::{NodeId, StreamOp};

/// A call in two levels: the partial calls with the types of their results, and what merges each.
struct Split {
    partial: Vec<(AggregateCall, LogicalType)>,
    merging: &'static [&'static str],
}

impl Converter<'_> {
    /// The aggregation in two levels; none where it has no DISTINCT, or a function that can't be parted.
    pub(super) fn split_distinct(
        &mut self,
        input: NodeId,
        keys: &[usize],
        calls: &[AggregateCall],
        outputs: &[PlanColumn],
    ) -> Result<Option<NodeId>, PlanError> {
        let state_ttl_ms = self.input_ttl_ms(input)?;
        let wanted = self.ctx.configuration.get_bool(&SPLIT_DISTINCT)?
            && calls.iter().any(is_distinct)
            && calls.iter().all(can_split);
        if !wanted {
            return Ok(None);
        }
        let bucketed = bucketed_columns(calls, keys);
        let width = self.plan.nodes[input].columns.len();
        let summed = self.widened(input, calls);
        let input = self.bucket_numbers(input, &bucketed, &summed)?;
        let buckets = width..width + bucketed.len();
        let sums = summed.into_iter().map(|(column, _)| column);
        let sums: Vec<(usize, usize)> = sums.zip(buckets.end..).collect();
        let partial_keys: Vec<usize> = keys.iter().copied().chain(buckets).collect();
        let mut partial_calls = calls.to_vec();
        let input = match need_sets_of_their_own(calls, keys, &bucketed) {
            false => input,
            true => {
                self.expand_buckets(input, keys, &bucketed, &partial_keys, &mut partial_calls)?
            }
        };
        let splits = partial_calls.into_iter().zip(&outputs[keys.len()..]);
        let splits: Vec<Split> = splits
            .map(|(call, output)| self.split_call(input, call, output, &sums))
            .collect();
        let partial = self.partial_level(input, &partial_keys, &splits, state_ttl_ms);
        self.final_level(partial, keys.len(), calls, &splits, outputs, state_ttl_ms)
            .map(Some)
    }

    /// The columns of averages that are summed as another type, and that.
    fn widened(&self, input: NodeId, calls: &[AggregateCall]) -> Vec<(usize, LogicalType)> {
        let columns = &self.plan.nodes[input].columns;
        let averages = calls.iter().filter(|call| call.function == "AVG");
        let mut widened: Vec<(usize, LogicalType)> = Vec::new();
        for arg in averages.filter_map(|call| call.args.first().copied()) {
            let ty = &columns[arg].ty;
            let sum = sum_type(&ty.kind);
            let differs = ty.kind != sum && !matches!(sum, TypeKind::Decimal { .. });
            if differs && widened.iter().all(|(known, _)| *known != arg) {
                widened.push((arg, LogicalType::new(sum, ty.nullable)));
            }
        }
        widened
    }

    /// `MOD(HASH_CODE(v), 1024)` of each column, behind the input's columns; then what is summed as another type.
    fn bucket_numbers(
        &mut self,
        input: NodeId,
        of: &[usize],
        summed: &[(usize, LogicalType)],
    ) -> Result<NodeId, PlanError> {
        let buckets = self
            .ctx
            .configuration
            .get_i64(&SPLIT_DISTINCT_BUCKETS)?
            .unwrap_or(1);
        let buckets = i32::try_from(buckets)
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| {
                PlanError::Refused(format!(
                    "Key: '{}' must be > 0.",
                    SPLIT_DISTINCT_BUCKETS.key
                ))
            })?;
        let count = TypedExpr::new(lit(buckets), LogicalType::not_null(TypeKind::Int));
        let mut columns = self.plan.nodes[input].columns.clone();
        let mut exprs = identity(&columns);
        for column in of {
            let value = typed(&columns[*column]);
            let hash = self.call("HASH_CODE", vec![value])?;
            let bucket = self.call("MOD", vec![hash, count.clone()])?;
            exprs.push(bucket.expr);
            columns.push(self.made_column("$f", columns.len(), bucket.ty));
        }
        for (column, ty) in summed {
            let value = function::cast(&self.ctx.expr, typed(&columns[*column]), ty);
            exprs.push(value.map_err(refused)?.expr);
            columns.push(self.made_column("$f", columns.len(), ty.clone()));
        }
        self.calc(input, None, exprs, columns)
    }

    /// A row for each bucketed argument and one for what has none; the calls see their own rows alone.
    fn expand_buckets(
        &mut self,
        input: NodeId,
        keys: &[usize],
        bucketed: &[usize],
        partial_keys: &[usize],
        calls: &mut [AggregateCall],
    ) -> Result<NodeId, PlanError> {
        let groups: Vec<usize> = (0..keys.len()).collect();
        let set_of = |call: &AggregateCall| -> Vec<usize> {
            let own = call.args.first().filter(|_| has_buckets(call));
            let place = own.and_then(|arg| bucketed.iter().position(|b| b == arg));
            let bucket = place.map(|p| keys.len() + p);
            groups.iter().copied().chain(bucket).collect()
        };
        let mut sets: Vec<Vec<usize>> = Vec::new();
        for call in calls.iter() {
            let set = set_of(call);
            if !sets.contains(&set) {
                sets.push(set);
            }
        }
        // By bucket; the set without one comes last.
        sets.sort_by_key(|set| set.get(keys.len()).copied().unwrap_or(usize::MAX));
        let (input, id) = self.expand(input, partial_keys, &sets);
        let ids = match &self.plan.nodes[input].op {
            StreamOp::Expand(expand) => expand.spec.sets.iter().map(|s| s.id).collect(),
            _ => Vec::new(),
        };
        let mut columns = self.plan.nodes[input].columns.clone();
        let mut exprs = identity(&columns);
        let id = exprs[id].clone();
        for call in calls {
            let set = set_of(call);
            let set_id = sets.iter().zip(&ids).find(|(s, _)| **s == set);
            let mut condition = id
                .clone()
                .eq(lit(set_id.map_or(0i64, |(_, id): (_, &i64)| *id)));
            if let Some(filter) = call.filter {
                condition = condition.and(exprs[filter].clone());
            }
            let known = exprs.iter().position(|e| *e == condition);
            call.filter = Some(known.unwrap_or(exprs.len()));
            if known.is_none() {
                exprs.push(condition);
                let ty = LogicalType::new(TypeKind::Boolean, true);
                columns.push(self.made_column("$g", columns.len(), ty));
            }
        }
        Ok(self.calc_above(input, exprs, columns))
    }

    /// `sums`: the columns that are summed in the place of others.
    fn split_call(
        &self,
        input: NodeId,
        call: AggregateCall,
        output: &PlanColumn,
        sums: &[(usize, usize)],
    ) -> Split {
        let named = |name: &str| AggregateCall {
            function: name.to_owned(),
            ..call.clone()
        };
        let count_type = LogicalType::not_null(TypeKind::BigInt);
        match call.function.as_str() {
            "COUNT" => Split {
                partial: vec![(call, count_type)],
                merging: &["$SUM0"],
            },
            "AVG" => {
                let arg = call
                    .args
                    .first()
                    .map(|a| &self.plan.nodes[input].columns[*a]);
                let ty = sum_type(arg.map_or(&output.ty.kind, |arg| &arg.ty.kind));
                let mut sum = named("$SUM0");
                for arg in &mut sum.args {
                    let other = sums.iter().find(|(column, _)| column == arg);
                    *arg = other.map_or(*arg, |(_, other)| *other);
                }
                Split {
                    partial: vec![
                        (sum, LogicalType::not_null(ty)),
                        (named("COUNT"), count_type),
                    ],
                    merging: &["$SUM0", "$SUM0"],
                }
            }
            function => Split {
                merging: match function {
                    "SUM" => &["SUM"],
                    "MIN" => &["MIN"],
                    "MAX" => &["MAX"],
                    "FIRST_VALUE" => &["FIRST_VALUE"],
                    "LAST_VALUE" => &["LAST_VALUE"],
                    "LISTAGG" => &["LISTAGG"],
                    _ => &["$SUM0"],
                },
                partial: vec![(call, output.ty.clone())],
            },
        }
    }

    fn partial_level(
        &mut self,
        input: NodeId,
        keys: &[usize],
        splits: &[Split],
        state_ttl_ms: Option<u64>,
    ) -> NodeId {
        let from = &self.plan.nodes[input].columns;
        let mut columns: Vec<PlanColumn> = keys.iter().map(|k| from[*k].clone()).collect();
        let mut calls = Vec::new();
        for (call, ty) in splits.iter().flat_map(|split| &split.partial) {
            columns.push(self.made_column("$p", columns.len(), ty.clone()));
            calls.push(call.clone());
        }
        let mut aggregate = GroupAggregate::new(keys.to_vec(), calls, state_ttl_ms);
        aggregate.level = Level::Partial;
        self.plan
            .add(StreamOp::GroupAggregate(aggregate), vec![input], columns)
    }

    fn final_level(
        &mut self,
        partial: NodeId,
        key_count: usize,
        calls: &[AggregateCall],
        splits: &[Split],
        outputs: &[PlanColumn],
        state_ttl_ms: Option<u64>,
    ) -> Result<NodeId, PlanError> {
        let from = self.plan.nodes[partial].columns.clone();
        let mut columns = outputs[..key_count].to_vec();
        let mut merging = Vec::new();
        let places = splits.iter().flat_map(|split| split.merging.iter());
        let first = from.len() - places.clone().count();
        for (place, name) in places.enumerate() {
            let ty = from[first + place].ty.clone();
            columns.push(self.made_column("$f", columns.len(), ty));
            merging.push(AggregateCall {
                function: (*name).to_owned(),
                ..AggregateCall::count(vec![first + place])
            });
        }
        let keys = (0..key_count).collect();
        let mut aggregate = GroupAggregate::new(keys, merging, state_ttl_ms);
        aggregate.level = Level::Final;
        let op = StreamOp::GroupAggregate(aggregate);
        let merged = self.plan.add(op, vec![partial], columns.clone());
        let mut exprs = identity(&columns[..key_count]);
        let mut results = columns[key_count..].iter();
        for (call, output) in calls.iter().zip(&outputs[key_count..]) {
            let Some(result) = results.next() else {
                return Err(PlanError::Internal(
                    "A split aggregate lacks a result".to_owned(),
                ));
            };
            match results
                .as_slice()
                .first()
                .filter(|_| call.function == "AVG")
            {
                Some(count) => {
                    exprs.push(self.average(result, count, &output.ty)?);
                    results.next();
                }
                None => exprs.push(Expr::Column(result.column.clone())),
            }
        }
        self.calc(merged, None, exprs, outputs.to_vec())
    }

    /// `CAST(sum / NULLIF(count, 0) AS t)`
    fn average(
        &self,
        sum: &PlanColumn,
        count: &PlanColumn,
        ty: &LogicalType,
    ) -> Result<Expr, PlanError> {
        let zero = TypedExpr::new(
            Expr::Literal(ScalarValue::Int64(Some(0)), None),
            LogicalType::not_null(TypeKind::BigInt),
        );
        let count = self.call("NULLIF", vec![typed(count), zero])?;
        let quotient = self.call("/", vec![typed(sum), count])?;
        let average = function::cast(&self.ctx.expr, quotient, ty);
        average.map(|a| a.expr).map_err(refused)
    }

    fn call(&self, name: &str, args: Vec<TypedExpr>) -> Result<TypedExpr, PlanError> {
        function::built_in(&self.ctx.expr, name, args).map_err(refused)
    }

    fn made_column(&self, name: &str, place: usize, ty: LogicalType) -> PlanColumn {
        let name = format!("{name}{place}#{}", self.plan.nodes.len());
        PlanColumn::new(Column::new_unqualified(name), ty)
    }
}

fn refused(error: filbert_functions::CallError) -> PlanError {
    PlanError::Refused(error.to_string())
}

fn typed(column: &PlanColumn) -> TypedExpr {
    TypedExpr::new(Expr::Column(column.column.clone()), column.ty.clone())
}

fn is_extreme(call: &AggregateCall) -> bool {
    matches!(call.function.as_str(), "MIN" | "MAX")
}

/// MIN and MAX are the same over DISTINCT values.
fn is_distinct(call: &AggregateCall) -> bool {
    call.distinct && !is_extreme(call)
}

fn can_split(call: &AggregateCall) -> bool {
    let known = matches!(
        call.function.as_str(),
        "COUNT" | "SUM" | "MIN" | "MAX" | "AVG" | "FIRST_VALUE" | "LAST_VALUE" | "LISTAGG"
    );
    known && call.args.len() <= 1 && call.order_by.is_empty()
}

/// Functions that keep what they have seen are parted by it.
fn has_buckets(call: &AggregateCall) -> bool {
    let keeps = matches!(call.function.as_str(), "FIRST_VALUE" | "LAST_VALUE");
    call.distinct || keeps || is_extreme(call)
}

/// Whether the buckets of one call would part the values of another: of another argument, or of a key, which has none.
fn need_sets_of_their_own(calls: &[AggregateCall], keys: &[usize], bucketed: &[usize]) -> bool {
    let mut kept = calls.iter().filter(|call| has_buckets(call));
    let over_key = kept.any(|call| call.args.first().is_some_and(|arg| keys.contains(arg)));
    bucketed.len() + usize::from(over_key) > 1
}

/// The arguments that get buckets, in the order of the input.
fn bucketed_columns(calls: &[AggregateCall], keys: &[usize]) -> Vec<usize> {
    let calls = calls.iter().filter(|call| has_buckets(call));
    let mut columns: Vec<usize> = calls
        .filter_map(|call| call.args.first().copied())
        .collect();
    columns.retain(|column| !keys.contains(column));
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// What an average's sum is kept as.
fn sum_type(arg: &TypeKind) -> TypeKind {
    match arg {
        TypeKind::Decimal { scale, .. } => TypeKind::Decimal {
            precision: 38,
            scale: *scale,
        },
        TypeKind::Float | TypeKind::Double => TypeKind::Double,
        _ => TypeKind::BigInt,
    }
}
