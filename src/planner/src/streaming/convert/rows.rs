use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{EmptyRelation, Expr, Values as LogicalValues};

use super::Converter;
use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::render;
use crate::streaming::node::{NodeId, StreamOp};
use crate::streaming::values::Values;

impl Converter<'_> {
    pub(super) fn values(&mut self, values: &LogicalValues) -> Result<NodeId, PlanError> {
        let columns = self.schema_columns(&values.schema);
        let arrays = (0..columns.len())
            .map(|i| {
                let cells = values
                    .values
                    .iter()
                    .map(|row| self.constant(&row[i], &columns[i]))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(ScalarValue::iter_to_array(cells)?)
            })
            .collect::<Result<Vec<ArrayRef>, PlanError>>()?;
        let rows: Vec<String> = values
            .values
            .iter()
            .map(|row| {
                let cells: Vec<String> = row.iter().map(|e| render(e, &[])).collect();
                format!("{{ {} }}", cells.join(", "))
            })
            .collect();
        self.literal_rows(columns, arrays, values.values.len(), rows.join(", "))
    }

    /// One row for a SELECT without FROM, or none.
    pub(super) fn empty(&mut self, empty: &EmptyRelation) -> Result<NodeId, PlanError> {
        let rows = usize::from(empty.produce_one_row);
        let mut columns = self.schema_columns(&empty.schema);
        let text = if rows == 1 { "{ 0 }" } else { "" };
        if columns.is_empty() {
            // A row needs a column to travel on.
            let column = datafusion::common::Column::new_unqualified("ZERO");
            let ty = filbert_types::LogicalType::not_null(filbert_types::TypeKind::Int);
            columns.push(PlanColumn::new(column, ty));
        }
        let arrays = columns
            .iter()
            .map(|c| {
                let ty = c.ty.arrow();
                match (&ty, c.column.name.as_str()) {
                    (DataType::Int32, "ZERO") => {
                        Ok(ScalarValue::Int32(Some(0)).to_array_of_size(rows)?)
                    }
                    _ => Ok(new_null_array(&ty, rows)),
                }
            })
            .collect::<Result<Vec<ArrayRef>, PlanError>>()?;
        self.literal_rows(columns, arrays, rows, text.to_owned())
    }

    fn literal_rows(
        &mut self,
        columns: Vec<PlanColumn>,
        arrays: Vec<ArrayRef>,
        rows: usize,
        text: String,
    ) -> Result<NodeId, PlanError> {
        let fields: Vec<Field> = columns.iter().map(|c| c.ty.arrow_field(&c.name)).collect();
        let rows = RecordBatch::try_new_with_options(
            Arc::new(Schema::new(fields)),
            arrays,
            &RecordBatchOptions::new().with_row_count(Some(rows)),
        )
        .map_err(|e| PlanError::Internal(e.to_string()))?;
        let op = StreamOp::Values(Values { rows, text });
        Ok(self.plan.add(op, Vec::new(), columns))
    }

    fn schema_columns(&self, schema: &DFSchema) -> Vec<PlanColumn> {
        schema
            .columns()
            .into_iter()
            .zip(schema.fields())
            .map(|(column, field)| self.new_column(column, field.data_type()))
            .collect()
    }

    fn constant(&self, expr: &Expr, column: &PlanColumn) -> Result<ScalarValue, PlanError> {
        let value = match expr {
            Expr::Literal(value, _) => value.clone(),
            other => self.exprs.evaluate(other)?,
        };
        Ok(value.cast_to(&column.ty.arrow())?)
    }
}
