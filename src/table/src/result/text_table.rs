use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, StringViewArray,
    TimestampMillisecondArray,
};
use filbert_types::logical_type::LTZ_ZONE;
use filbert_types::schema::arrow_schema;
use filbert_types::{Field, LogicalType, TypeKind};

use crate::error::{Result, TableError};

/// A small result made by a statement itself, column by column: what SHOW, DESCRIBE and SET print.
#[derive(Default)]
pub(crate) struct TextTable {
    fields: Vec<Field>,
    columns: Vec<ArrayRef>,
}

impl TextTable {
    pub fn new() -> TextTable {
        TextTable::default()
    }

    /// A result of one column of texts.
    pub fn of_names(column: &str, names: Vec<String>) -> TextTable {
        TextTable::new().text(column, names.into_iter().map(Some))
    }

    pub fn text(mut self, name: &str, values: impl IntoIterator<Item = Option<String>>) -> Self {
        let array: StringViewArray = values.into_iter().collect();
        self.push(name, LogicalType::string(), Arc::new(array));
        self
    }

    pub fn boolean(mut self, name: &str, values: impl IntoIterator<Item = bool>) -> Self {
        let array: BooleanArray = values.into_iter().map(Some).collect();
        self.push(name, TypeKind::Boolean.into(), Arc::new(array));
        self
    }

    /// Instants as milliseconds since the epoch.
    pub fn count(mut self, name: &str, values: impl IntoIterator<Item = Option<u64>>) -> Self {
        let values = values.into_iter();
        let array: Int64Array = values
            .map(|v| v.map(|v| i64::try_from(v).unwrap_or(i64::MAX)))
            .collect();
        self.push(name, TypeKind::BigInt.into(), Arc::new(array));
        self
    }

    pub fn instant(mut self, name: &str, values: impl IntoIterator<Item = i64>) -> Self {
        let array = TimestampMillisecondArray::from_iter_values(values).with_timezone(LTZ_ZONE);
        self.push(name, TypeKind::timestamp_ltz(3).into(), Arc::new(array));
        self
    }

    fn push(&mut self, name: &str, ty: LogicalType, array: ArrayRef) {
        self.fields.push(Field::new(name, ty));
        self.columns.push(array);
    }

    pub fn finish(self) -> Result<(Vec<Field>, RecordBatch)> {
        let rows = self.columns.first().map_or(0, |c| c.len());
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = arrow_schema(&self.fields);
        let batch = RecordBatch::try_new_with_options(schema, self.columns, &options)
            .map_err(|error| TableError::validation(error.to_string()))?;
        Ok((self.fields, batch))
    }
}
