use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, ListArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type};
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::{Result, internal_err};
use filbert_types::LogicalType;

use crate::kernel::Arg;

/// Where a row's elements lie in the values of the column; none for NULL.
pub(super) fn range(lists: &Arg<ListArray>, row: usize) -> Option<Range<usize>> {
    if lists.is_null(row) {
        return None;
    }
    let index = lists.index(row);
    let offsets = lists.array().value_offsets();
    Some(offsets[index] as usize..offsets[index + 1] as usize)
}

/// Columns of elements in a form in which equal ones have equal bytes. Numbers are compared as Java's `==`: 0.0 is
/// -0.0, and NaN is not even itself.
pub(super) struct Keys {
    columns: Vec<Rows>,
    nan: Vec<Option<Vec<bool>>>,
}

impl Keys {
    pub(super) fn of(columns: &[ArrayRef]) -> Result<Keys> {
        let Some(first) = columns.first() else {
            return internal_err!("no columns to compare");
        };
        let converter = RowConverter::new(vec![SortField::new(first.data_type().clone())])?;
        let mut keys = Keys {
            columns: Vec::new(),
            nan: Vec::new(),
        };
        for column in columns {
            let (column, nan) = without_signed_zeros(column);
            keys.columns.push(converter.convert_columns(&[column])?);
            keys.nan.push(nan);
        }
        Ok(keys)
    }

    fn is_nan(&self, column: usize, index: usize) -> bool {
        self.nan[column].as_ref().is_some_and(|nan| nan[index])
    }

    pub(super) fn equal(&self, a: (usize, usize), b: (usize, usize)) -> bool {
        !self.is_nan(a.0, a.1) && self.columns[a.0].row(a.1) == self.columns[b.0].row(b.1)
    }

    /// The bytes by which an element can be looked up; none for NaN, which nothing equals.
    pub(super) fn bytes(&self, column: usize, index: usize) -> Option<&[u8]> {
        (!self.is_nan(column, index)).then(|| self.columns[column].row(index).data())
    }
}

fn without_signed_zeros(column: &ArrayRef) -> (ArrayRef, Option<Vec<bool>>) {
    match column.data_type() {
        DataType::Float32 => {
            let values = column.as_primitive::<Float32Type>();
            let nan = values.iter().map(|v| v.is_some_and(f32::is_nan)).collect();
            let plain: Float32Array = values.unary(|v| v + 0.0);
            (Arc::new(plain), Some(nan))
        }
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>();
            let nan = values.iter().map(|v| v.is_some_and(f64::is_nan)).collect();
            let plain: Float64Array = values.unary(|v| v + 0.0);
            (Arc::new(plain), Some(nan))
        }
        _ => (Arc::clone(column), None),
    }
}

/// Builds a column of arrays from elements of several columns.
pub(super) struct Gather {
    sources: Vec<ArrayRef>,
    starts: Vec<u32>,
    indices: Vec<u32>,
    lengths: Vec<usize>,
    valid: Vec<bool>,
    row: usize,
}

impl Gather {
    pub(super) fn new(sources: Vec<ArrayRef>, rows: usize) -> Gather {
        let mut starts = Vec::with_capacity(sources.len());
        let mut total = 0;
        for source in &sources {
            starts.push(total);
            total += source.len() as u32;
        }
        Gather {
            sources,
            starts,
            indices: Vec::new(),
            lengths: Vec::with_capacity(rows),
            valid: Vec::with_capacity(rows),
            row: 0,
        }
    }

    pub(super) fn push(&mut self, source: usize, index: usize) {
        self.indices.push(self.starts[source] + index as u32);
    }

    pub(super) fn extend(&mut self, source: usize, range: Range<usize>) {
        range.for_each(|index| self.push(source, index));
    }

    /// Ends a row's array.
    pub(super) fn append(&mut self) {
        self.lengths.push(self.indices.len() - self.row);
        self.row = self.indices.len();
        self.valid.push(true);
    }

    pub(super) fn append_null(&mut self) {
        self.indices.truncate(self.row);
        self.lengths.push(0);
        self.valid.push(false);
    }

    pub(super) fn finish(self, return_type: &LogicalType) -> Result<ArrayRef> {
        let DataType::List(field) = return_type.arrow() else {
            return internal_err!("{return_type} is no array");
        };
        let arrays: Vec<&dyn Array> = self.sources.iter().map(AsRef::as_ref).collect();
        let all = match arrays[..] {
            [only] => only.slice(0, only.len()),
            _ => compute::concat(&arrays)?,
        };
        let values = compute::take(&all, &UInt32Array::from(self.indices), None)?;
        list(field, self.lengths, values, self.valid)
    }
}

/// A column of arrays whose elements have the field's type but for the names of nested fields.
pub(super) fn list(
    field: Arc<Field>,
    lengths: Vec<usize>,
    values: ArrayRef,
    valid: Vec<bool>,
) -> Result<ArrayRef> {
    let values = renamed(&values, field.data_type())?;
    let nulls = NullBuffer::from(valid);
    let nulls = (nulls.null_count() > 0).then_some(nulls);
    let array = ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), values, nulls)?;
    Ok(Arc::new(array))
}

/// The same values under a type that differs in the names of nested fields at most.
pub(super) fn renamed(values: &ArrayRef, ty: &DataType) -> Result<ArrayRef> {
    if values.data_type() == ty {
        return Ok(Arc::clone(values));
    }
    Ok(compute::cast(values, ty)?)
}
