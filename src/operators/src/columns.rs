//! Columns by their places, and columns as a batch.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use filbert_types::ChangeBatch;

/// The types of all columns.
pub(crate) fn types_of(schema: &SchemaRef) -> Vec<DataType> {
    let types = schema.fields().iter().map(|f| f.data_type());
    types.cloned().collect()
}

/// The types of some columns.
pub(crate) fn types_at(schema: &SchemaRef, columns: &[usize]) -> Vec<DataType> {
    let types = columns.iter().map(|c| schema.field(*c).data_type());
    types.cloned().collect()
}

/// Some of a batch's columns.
pub(crate) fn columns_at(batch: &ChangeBatch, columns: &[usize]) -> Vec<ArrayRef> {
    let columns = columns.iter();
    columns
        .map(|i| ArrayRef::clone(batch.rows.column(*i)))
        .collect()
}

/// A batch of so many rows; of rows without columns, too.
pub(crate) fn record_batch(
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}
