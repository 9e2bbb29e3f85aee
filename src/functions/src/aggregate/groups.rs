//! SUM, AVG, MIN and MAX over columns of groups, where Flink means something else than DataFusion.

use std::marker::PhantomData;
use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Int64Array, PrimitiveArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
};
use datafusion::common::{Result, not_impl_err};
use datafusion::functions_aggregate as df;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::accumulate::accumulate;
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::prim_op::PrimitiveGroupsAccumulator;
use filbert_types::{LogicalType, TypeKind};

use super::adapt::OwnGroups;
use super::bound::BoundAggregate;
use super::definitions::Implementation;
use crate::common_type::digits;
use crate::operators::decimal::{divide_half_up, fit, fit_i128, rescale, wide};

type Made = Result<Box<dyn OwnGroups>>;

pub(super) fn sum(args: &[LogicalType], _result: &LogicalType) -> Implementation {
    match args[0].kind {
        TypeKind::BigInt | TypeKind::Double => Implementation::DataFusion(df::sum::sum_udaf()),
        _ => Implementation::Groups(make_sum),
    }
}

pub(super) fn avg(args: &[LogicalType], _result: &LogicalType) -> Implementation {
    match args[0].kind {
        TypeKind::Double => Implementation::DataFusion(df::average::avg_udaf()),
        _ => Implementation::Groups(make_avg),
    }
}

pub(super) fn min(args: &[LogicalType], _result: &LogicalType) -> Implementation {
    if args[0].kind.is_approximate_numeric() {
        return Implementation::Groups(|bound| make_extreme(bound, true));
    }
    Implementation::DataFusion(df::min_max::min_udaf())
}

pub(super) fn max(args: &[LogicalType], _result: &LogicalType) -> Implementation {
    if args[0].kind.is_approximate_numeric() {
        return Implementation::Groups(|bound| make_extreme(bound, false));
    }
    Implementation::DataFusion(df::min_max::max_udaf())
}

impl BoundAggregate {
    /// The columns in which an accumulator of ours keeps what it has seen.
    pub(super) fn state_types(&self) -> Vec<DataType> {
        let result = self.return_type.arrow();
        match self.flink_name() {
            "AVG" => {
                let sum = match &self.arg_types[0].kind {
                    TypeKind::Decimal { scale, .. } => DataType::Decimal128(38, *scale as i8),
                    TypeKind::Float | TypeKind::Double => DataType::Float64,
                    _ => DataType::Int64,
                };
                vec![sum, DataType::Int64]
            }
            "PERCENTILE" => vec![
                DataType::new_list(DataType::Float64, true),
                DataType::new_list(DataType::Int64, true),
                DataType::new_list(DataType::Float64, true),
            ],
            "LISTAGG" => vec![DataType::Utf8View, DataType::Utf8View],
            "JSON_OBJECTAGG_NULL_ON_NULL" | "JSON_OBJECTAGG_ABSENT_ON_NULL" => vec![
                DataType::new_list(DataType::Utf8View, true),
                DataType::new_list(DataType::Utf8View, true),
            ],
            "SINGLE_VALUE" => vec![result, DataType::Int64],
            name if name.starts_with("BITMAP_") => vec![DataType::BinaryView],
            _ => vec![result],
        }
    }
}

fn make_sum(bound: &BoundAggregate) -> Made {
    let ty = bound.return_type.arrow();
    Ok(match &bound.return_type.kind {
        TypeKind::TinyInt => Box::new(PrimitiveGroupsAccumulator::<Int8Type, _>::new(
            &ty,
            |x, y| {
                *x = x.wrapping_add(y);
            },
        )),
        TypeKind::SmallInt => Box::new(PrimitiveGroupsAccumulator::<Int16Type, _>::new(
            &ty,
            |x, y| {
                *x = x.wrapping_add(y);
            },
        )),
        TypeKind::Int => Box::new(PrimitiveGroupsAccumulator::<Int32Type, _>::new(
            &ty,
            |x, y| {
                *x = x.wrapping_add(y);
            },
        )),
        TypeKind::Float => Box::new(PrimitiveGroupsAccumulator::<Float32Type, _>::new(
            &ty,
            |x, y| *x += y,
        )),
        TypeKind::Decimal { .. } => Box::new(DecimalSum(PrimitiveGroupsAccumulator::new(
            &ty,
            |x: &mut i128, y: i128| *x = x.saturating_add(y),
        ))),
        kind => return not_impl_err!("SUM of {kind:?}"),
    })
}

/// A decimal sum that 38 digits can't hold is NULL.
struct DecimalSum<F: Fn(&mut i128, i128) + Send + Sync + 'static>(
    PrimitiveGroupsAccumulator<Decimal128Type, F>,
);

impl<F: Fn(&mut i128, i128) + Send + Sync + 'static> GroupsAccumulator for DecimalSum<F> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.0
            .update_batch(values, group_indices, opt_filter, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = self.0.evaluate(emit_to)?;
        let sums = sums.as_primitive::<Decimal128Type>();
        if sums.values().iter().all(|v| fit_i128(*v, 38).is_some()) {
            return Ok(Arc::new(sums.clone()));
        }
        let checked = sums.unary_opt::<_, Decimal128Type>(|v| fit_i128(v, 38));
        Ok(Arc::new(checked.with_data_type(sums.data_type().clone())))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.0.state(emit_to)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.0.merge_batch(values, group_indices, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.0.convert_to_state(values, opt_filter)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

fn make_avg(bound: &BoundAggregate) -> Made {
    fn integers<T>(bound: &BoundAggregate, narrow: fn(i64) -> T::Native) -> Made
    where
        T: ArrowPrimitiveType + Send,
        T::Native: Into<i64>,
    {
        Ok(Box::new(Averages::<T, Int64Type, T, _, _, _>::new(
            bound,
            |sum: i64, value: T::Native| sum.wrapping_add(value.into()),
            i64::wrapping_add,
            move |sum: i64, count| Some(narrow(sum.wrapping_div(count))),
        )))
    }
    match &bound.arg_types[0].kind {
        TypeKind::TinyInt => integers::<Int8Type>(bound, |v| v as i8),
        TypeKind::SmallInt => integers::<Int16Type>(bound, |v| v as i16),
        TypeKind::Int => integers::<Int32Type>(bound, |v| v as i32),
        TypeKind::BigInt => integers::<Int64Type>(bound, |v| v),
        TypeKind::Float => Ok(Box::new(Averages::<
            Float32Type,
            Float64Type,
            Float32Type,
            _,
            _,
            _,
        >::new(
            bound,
            |sum: f64, value| sum + f64::from(value),
            |a, b| a + b,
            |sum: f64, count| Some((sum / count as f64) as f32),
        ))),
        TypeKind::Decimal { scale, .. } => {
            let from = i32::from(*scale);
            let (precision, to) = digits(&bound.return_type.kind);
            Ok(Box::new(Averages::<
                Decimal128Type,
                Decimal128Type,
                Decimal128Type,
                _,
                _,
                _,
            >::new(
                bound,
                i128::saturating_add,
                i128::saturating_add,
                move |sum: i128, count| {
                    fit_i128(sum, 38)?;
                    let scaled = rescale(wide(sum), from, i32::from(to))?;
                    fit(divide_half_up(scaled, wide(i128::from(count)))?, precision)
                },
            )))
        }
        kind => not_impl_err!("AVG of {kind:?}"),
    }
}

/// Sums and counts of groups: `I` comes in, `S` sums, `R` goes out.
struct Averages<I, S: ArrowPrimitiveType, R, Add, Merge, Finish> {
    sums: Vec<S::Native>,
    counts: Vec<i64>,
    sum_type: DataType,
    result_type: DataType,
    add: Add,
    merge: Merge,
    finish: Finish,
    types: PhantomData<fn(I) -> R>,
}

impl<I, S, R, Add, Merge, Finish> Averages<I, S, R, Add, Merge, Finish>
where
    S: ArrowPrimitiveType,
{
    fn new(bound: &BoundAggregate, add: Add, merge: Merge, finish: Finish) -> Self {
        Averages {
            sums: Vec::new(),
            counts: Vec::new(),
            sum_type: bound.state_types().swap_remove(0),
            result_type: bound.return_type.arrow(),
            add,
            merge,
            finish,
            types: PhantomData,
        }
    }
}

impl<I, S, R, Add, Merge, Finish> GroupsAccumulator for Averages<I, S, R, Add, Merge, Finish>
where
    I: ArrowPrimitiveType + Send,
    S: ArrowPrimitiveType + Send,
    R: ArrowPrimitiveType + Send,
    Add: Fn(S::Native, I::Native) -> S::Native + Send + Sync + 'static,
    Merge: Fn(S::Native, S::Native) -> S::Native + Send + Sync + 'static,
    Finish: Fn(S::Native, i64) -> Option<R::Native> + Send + Sync + 'static,
{
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.sums.resize(total_num_groups, S::default_value());
        self.counts.resize(total_num_groups, 0);
        let (sums, counts, add) = (&mut self.sums, &mut self.counts, &self.add);
        let values = values[0].as_primitive::<I>();
        accumulate(group_indices, values, opt_filter, |group, value| {
            sums[group] = add(sums[group], value);
            counts[group] += 1;
        });
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = emit_to.take_needed(&mut self.sums);
        let counts = emit_to.take_needed(&mut self.counts);
        let results: PrimitiveArray<R> = sums
            .into_iter()
            .zip(counts)
            .map(|(sum, count)| {
                if count == 0 {
                    return None;
                }
                (self.finish)(sum, count)
            })
            .collect();
        Ok(Arc::new(results.with_data_type(self.result_type.clone())))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let sums = emit_to.take_needed(&mut self.sums);
        let counts = emit_to.take_needed(&mut self.counts);
        let sums =
            PrimitiveArray::<S>::new(sums.into(), None).with_data_type(self.sum_type.clone());
        Ok(vec![Arc::new(sums), Arc::new(Int64Array::from(counts))])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.sums.resize(total_num_groups, S::default_value());
        self.counts.resize(total_num_groups, 0);
        let (sums, counts) = (
            values[0].as_primitive::<S>().values(),
            values[1].as_primitive::<Int64Type>().values(),
        );
        for (row, &group) in group_indices.iter().enumerate() {
            self.sums[group] = (self.merge)(self.sums[group], sums[row]);
            self.counts[group] += counts[row];
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = values[0].as_primitive::<I>();
        let wanted = |row: usize| {
            values.is_valid(row) && opt_filter.is_none_or(|f| f.is_valid(row) && f.value(row))
        };
        let rows = values.len();
        let mut sums = vec![S::default_value(); rows];
        let mut counts = vec![0_i64; rows];
        for row in (0..rows).filter(|row| wanted(*row)) {
            sums[row] = (self.add)(sums[row], values.value(row));
            counts[row] = 1;
        }
        let sums =
            PrimitiveArray::<S>::new(sums.into(), None).with_data_type(self.sum_type.clone());
        Ok(vec![Arc::new(sums), Arc::new(Int64Array::from(counts))])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<S::Native>() + self.counts.capacity() * size_of::<i64>()
    }
}

fn make_extreme(bound: &BoundAggregate, min: bool) -> Made {
    let ty = bound.return_type.arrow();
    Ok(match (&bound.return_type.kind, min) {
        (TypeKind::Float, true) => Box::new(Extremes::<Float32Type, _>::new(ty, |a, b| b < a)),
        (TypeKind::Float, false) => Box::new(Extremes::<Float32Type, _>::new(ty, |a, b| b > a)),
        (_, true) => Box::new(Extremes::<Float64Type, _>::new(ty, |a, b| b < a)),
        (_, false) => Box::new(Extremes::<Float64Type, _>::new(ty, |a, b| b > a)),
    })
}

/// The extreme of each group by Java's `<` and `>`: a NaN that comes first stays, a later one loses.
struct Extremes<T: ArrowPrimitiveType, F> {
    values: Vec<T::Native>,
    seen: Vec<bool>,
    data_type: DataType,
    /// Whether the second takes the place of the first.
    wins: F,
}

impl<T: ArrowPrimitiveType, F> Extremes<T, F> {
    fn new(data_type: DataType, wins: F) -> Self {
        Extremes {
            values: Vec::new(),
            seen: Vec::new(),
            data_type,
            wins,
        }
    }
}

impl<T, F> GroupsAccumulator for Extremes<T, F>
where
    T: ArrowPrimitiveType + Send,
    F: Fn(T::Native, T::Native) -> bool + Send + Sync + 'static,
{
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.values.resize(total_num_groups, T::default_value());
        self.seen.resize(total_num_groups, false);
        let (best, seen, wins) = (&mut self.values, &mut self.seen, &self.wins);
        let values = values[0].as_primitive::<T>();
        accumulate(group_indices, values, opt_filter, |group, value| {
            if !seen[group] || wins(best[group], value) {
                best[group] = value;
                seen[group] = true;
            }
        });
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let values = emit_to.take_needed(&mut self.values);
        let seen = emit_to.take_needed(&mut self.seen);
        let array = PrimitiveArray::<T>::new(values.into(), Some(NullBuffer::from(seen)));
        Ok(Arc::new(array.with_data_type(self.data_type.clone())))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.update_batch(values, group_indices, None, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let Some(filter) = opt_filter else {
            return Ok(values.to_vec());
        };
        let dropped = arrow::compute::not(&arrow::compute::prep_null_mask_filter(filter))?;
        Ok(vec![arrow::compute::nullif(&values[0], &dropped)?])
    }

    fn size(&self) -> usize {
        self.values.capacity() * size_of::<T::Native>() + self.seen.capacity()
    }
}

/// An accumulator that can also forget rows, for OVER with a sliding frame.
pub(super) fn sliding(
    bound: &BoundAggregate,
    args: AccumulatorArgs,
) -> Result<Box<dyn Accumulator>> {
    if args.is_distinct {
        return not_impl_err!("{} DISTINCT over a sliding window", bound.flink_name());
    }
    super::collect::sliding(bound)
}
