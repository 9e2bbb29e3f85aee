//! Accumulators around other accumulators.

use std::fmt;
use std::mem::size_of_val;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use datafusion::scalar::ScalarValue;
use filbert_types::{LogicalType, TypeKind};
use indexmap::IndexSet;

use crate::cast::cast_array;
use crate::udf::Session;

/// An accumulator of ours over columns of groups.
pub trait OwnGroups: GroupsAccumulator + Sync {}

impl<T: GroupsAccumulator + Sync> OwnGroups for T {}

/// One group of an accumulator for many.
pub(super) struct SingleGroup {
    indices: Vec<usize>,
    groups: Box<dyn OwnGroups>,
}

impl SingleGroup {
    pub(super) fn new(groups: Box<dyn OwnGroups>) -> SingleGroup {
        SingleGroup {
            indices: Vec::new(),
            groups,
        }
    }

    fn rows(&mut self, arrays: &[ArrayRef]) -> usize {
        let rows = arrays.first().map_or(0, |a| a.len());
        if self.indices.len() < rows {
            self.indices.resize(rows, 0);
        }
        rows
    }

    fn touch(&mut self, types: &[ArrayRef]) -> Result<()> {
        let rows = self.rows(types);
        if rows == 0 {
            // DataFusion's sums take a batch without NULLs, an empty one too, to have given the group a value.
            return Ok(());
        }
        let indices = &self.indices[..rows];
        self.groups.update_batch(types, indices, None, 1)
    }
}

impl fmt::Debug for SingleGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SingleGroup")
    }
}

impl Accumulator for SingleGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.touch(values)
    }

    /// The groups forget what they give, but a window's accumulator goes on after each value.
    fn evaluate(&mut self) -> Result<ScalarValue> {
        let state = self.groups.state(EmitTo::All)?;
        self.merge_batch(&state)?;
        let result = self.groups.evaluate(EmitTo::All)?;
        self.merge_batch(&state)?;
        one_or_null(&result)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.groups.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let state = self.groups.state(EmitTo::All)?;
        state.iter().map(one_or_null).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = self.rows(states);
        if rows == 0 {
            return Ok(());
        }
        let indices = &self.indices[..rows];
        self.groups.merge_batch(states, indices, 1)
    }
}

fn one_or_null(array: &ArrayRef) -> Result<ScalarValue> {
    if array.is_empty() {
        return ScalarValue::try_from(array.data_type());
    }
    ScalarValue::try_from_array(array, 0)
}

/// Results of DataFusion's function, cast to Flink's type.
#[derive(Debug)]
pub(super) struct CastResult {
    inner: Box<dyn Accumulator>,
    ty: LogicalType,
}

impl CastResult {
    pub(super) fn new(inner: Box<dyn Accumulator>, ty: LogicalType) -> CastResult {
        CastResult { inner, ty }
    }
}

impl Accumulator for CastResult {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(values)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let array = self.inner.evaluate()?.to_array()?;
        one_or_null(&cast_result(array, &self.ty)?)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }
}

/// As [`CastResult`], over columns of groups.
pub(super) struct CastResultGroups {
    inner: Box<dyn GroupsAccumulator>,
    ty: LogicalType,
}

impl CastResultGroups {
    pub(super) fn new(inner: Box<dyn GroupsAccumulator>, ty: LogicalType) -> CastResultGroups {
        CastResultGroups { inner, ty }
    }
}

impl GroupsAccumulator for CastResultGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.inner
            .update_batch(values, group_indices, opt_filter, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        cast_result(self.inner.evaluate(emit_to)?, &self.ty)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.inner
            .merge_batch(values, group_indices, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(values, opt_filter)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }
}

fn cast_result(array: ArrayRef, ty: &LogicalType) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::UInt64 => Ok(arrow::compute::cast(&array, &ty.arrow())?),
        DataType::Float64 => {
            let from = LogicalType::from(TypeKind::Double);
            cast_array(&array, &from, ty, &Session::default(), true)
        }
        _ => Ok(array),
    }
}

/// Hands each combination of arguments on once: in the order of their first coming, or sorted.
#[derive(Debug)]
pub(super) struct Distinct {
    sorted: bool,
    /// NULL is a value too.
    nulls: bool,
    inner: Box<dyn Accumulator>,
    types: Vec<DataType>,
    seen: IndexSet<Vec<ScalarValue>>,
    seen_bytes: usize,
}

impl Distinct {
    pub(super) fn new(
        inner: Box<dyn Accumulator>,
        types: Vec<DataType>,
        sorted: bool,
        nulls: bool,
    ) -> Distinct {
        Distinct {
            sorted,
            nulls,
            inner,
            types,
            seen: IndexSet::new(),
            seen_bytes: 0,
        }
    }

    fn insert(&mut self, arrays: &[ArrayRef]) -> Result<()> {
        let rows = arrays.first().map_or(0, |a| a.len());
        for row in 0..rows {
            if !self.nulls && arrays[0].is_null(row) {
                continue;
            }
            let values: Vec<ScalarValue> = arrays
                .iter()
                .map(|a| {
                    ScalarValue::try_from_array(a, row).map(|mut v| {
                        v.compact();
                        v
                    })
                })
                .collect::<Result<_>>()?;
            let bytes: usize = values.iter().map(ScalarValue::size).sum();
            if self.seen.insert(values) {
                self.seen_bytes += bytes;
            }
        }
        Ok(())
    }

    fn columns(&self) -> Result<Vec<ArrayRef>> {
        self.types
            .iter()
            .enumerate()
            .map(|(i, ty)| {
                if self.seen.is_empty() {
                    return Ok(arrow::array::new_empty_array(ty));
                }
                ScalarValue::iter_to_array(self.seen.iter().map(|v| v[i].clone()))
            })
            .collect()
    }
}

impl Accumulator for Distinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.insert(values)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.sorted {
            self.seen
                .sort_by(|a, b| a[0].partial_cmp(&b[0]).unwrap_or(std::cmp::Ordering::Equal));
        }
        let columns = self.columns()?;
        self.inner.update_batch(&columns)?;
        self.inner.evaluate()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size() + self.seen_bytes
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(self
            .columns()?
            .into_iter()
            .map(|column| SingleRowListArrayBuilder::new(column).build_list_scalar())
            .collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states.first().map_or(0, |s| s.len());
        for row in 0..rows {
            let columns: Vec<ArrayRef> = states
                .iter()
                .map(|s| s.as_list::<i32>().value(row))
                .collect();
            self.insert(&columns)?;
        }
        Ok(())
    }
}

/// The list of a state column's row, as the values that it holds.
pub(super) fn list_row(array: &ArrayRef, row: usize) -> Option<ArrayRef> {
    let list = array.as_list::<i32>();
    (!list.is_null(row)).then(|| list.value(row))
}

/// A state column's list of values.
pub(super) fn list_scalar(values: ArrayRef) -> ScalarValue {
    SingleRowListArrayBuilder::new(Arc::clone(&values)).build_list_scalar()
}
