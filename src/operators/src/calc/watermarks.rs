//! CURRENT_WATERMARK: the watermark before each row, as a column.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, TimestampMillisecondArray};
use arrow::datatypes::{Field, Schema, SchemaRef};
use filbert_types::{ChangeBatch, LogicalType, TypeKind};

use crate::columns::record_batch;
use crate::error::Result;

/// The watermark before each row, as columns behind a batch's own.
pub(super) struct Watermarks {
    pub schema: SchemaRef,
    /// None until the first.
    pub current: Option<i64>,
}

impl Watermarks {
    pub fn new(input: &SchemaRef) -> Watermarks {
        let types = [TypeKind::timestamp(3), TypeKind::timestamp_ltz(3)];
        let added = types.map(|kind| Arc::new(LogicalType::from(kind).arrow_field("$watermark")));
        let fields = input.fields().iter().cloned().chain(added);
        let fields: Vec<Arc<Field>> = fields.collect();
        Watermarks {
            schema: Arc::new(Schema::new(fields)),
            current: None,
        }
    }

    /// The batch's rows with the watermark before each.
    pub fn beside(&mut self, batch: &ChangeBatch) -> Result<RecordBatch> {
        let mut values = Vec::with_capacity(batch.num_rows());
        for mark in &batch.marks {
            values.resize(mark.offset, self.current);
            self.current = Some(mark.watermark.0);
        }
        values.resize(batch.num_rows(), self.current);
        let local = TimestampMillisecondArray::from(values);
        let width = self.schema.fields().len();
        let mut columns: Vec<ArrayRef> = batch.rows.columns().to_vec();
        columns.push(Arc::new(local.clone()));
        let zoned = arrow::compute::cast(
            &(Arc::new(local) as ArrayRef),
            self.schema.field(width - 1).data_type(),
        )?;
        columns.push(zoned);
        Ok(record_batch(&self.schema, columns, batch.num_rows())?)
    }
}
