//! Equality of arrays, maps and rows: NULLs inside are equal to each other, maps compare whatever their order.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, DynComparator, make_comparator};
use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use std::sync::Arc;

use super::comparison::Comparison;
use crate::kernel::Call;

/// Whether a row of one column equals a row of another.
pub(crate) type RowsEqual = Box<dyn Fn(usize, usize) -> bool + Send + Sync>;

pub(super) fn compare(call: &Call<'_>, how: Comparison) -> Result<ArrayRef> {
    let (left, right) = (call.array(0)?, call.array(1)?);
    let equal = rows_equal(&left, &right)?;
    let null_safe = matches!(how, Comparison::Distinct | Comparison::NotDistinct);
    let negate = matches!(how, Comparison::NotEq | Comparison::Distinct);
    let answers: BooleanArray = (0..call.rows)
        .map(|row| match (left.is_null(row), right.is_null(row)) {
            (false, false) => Some(equal(row, row) != negate),
            (true, true) if null_safe => Some(!negate),
            _ if null_safe => Some(negate),
            _ => None,
        })
        .collect();
    Ok(Arc::new(answers))
}

/// A test of equality between the rows of two columns of one type, neither NULL.
pub(crate) fn rows_equal(left: &ArrayRef, right: &ArrayRef) -> Result<RowsEqual> {
    match left.data_type() {
        DataType::Map(..) => maps_equal(left, right),
        DataType::List(_) => lists_equal(left, right),
        DataType::Struct(_) => structs_equal(left, right),
        _ => {
            let compare: DynComparator = make_comparator(left, right, SortOptions::default())?;
            Ok(Box::new(move |i, j| compare(i, j) == Ordering::Equal))
        }
    }
}

/// As [`rows_equal`], where two NULLs are equal too.
pub(crate) fn values_equal(left: &ArrayRef, right: &ArrayRef) -> Result<RowsEqual> {
    let equal = rows_equal(left, right)?;
    let (left, right) = (Arc::clone(left), Arc::clone(right));
    Ok(Box::new(move |i, j| {
        match (left.is_null(i), right.is_null(j)) {
            (false, false) => equal(i, j),
            (a, b) => a && b,
        }
    }))
}

fn lists_equal(left: &ArrayRef, right: &ArrayRef) -> Result<RowsEqual> {
    let (left, right) = (
        left.as_list::<i32>().clone(),
        right.as_list::<i32>().clone(),
    );
    let equal = values_equal(left.values(), right.values())?;
    Ok(Box::new(move |i, j| {
        let (a, b) = (left.value_offsets(), right.value_offsets());
        let (start, length) = (a[i] as usize, (a[i + 1] - a[i]) as usize);
        let other = b[j] as usize;
        length == (b[j + 1] - b[j]) as usize && (0..length).all(|k| equal(start + k, other + k))
    }))
}

fn structs_equal(left: &ArrayRef, right: &ArrayRef) -> Result<RowsEqual> {
    let fields: Vec<RowsEqual> = left
        .as_struct()
        .columns()
        .iter()
        .zip(right.as_struct().columns())
        .map(|(l, r)| values_equal(l, r))
        .collect::<Result<_>>()?;
    Ok(Box::new(move |i, j| fields.iter().all(|equal| equal(i, j))))
}

fn maps_equal(left: &ArrayRef, right: &ArrayRef) -> Result<RowsEqual> {
    let (left, right) = (left.as_map().clone(), right.as_map().clone());
    let keys = values_equal(left.keys(), right.keys())?;
    let values = values_equal(left.values(), right.values())?;
    Ok(Box::new(move |i, j| {
        let (a, b) = (left.value_offsets(), right.value_offsets());
        let (mine, theirs) = (
            a[i] as usize..a[i + 1] as usize,
            b[j] as usize..b[j + 1] as usize,
        );
        mine.len() == theirs.len()
            && mine
                .clone()
                .all(|m| theirs.clone().any(|t| keys(m, t) && values(m, t)))
    }))
}

/// Flink's order of two columns' rows, neither NULL: Java's for floating point numbers, where -0.0 is below 0.0 and NaN
/// above all.
pub(crate) fn order(left: &ArrayRef, right: &ArrayRef) -> Result<DynComparator> {
    Ok(make_comparator(left, right, SortOptions::default())?)
}
