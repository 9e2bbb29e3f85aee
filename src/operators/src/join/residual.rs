//! The rest of a join's condition, over pairs of rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::utils::collect_columns;
use filbert_state::RowTable;
use filbert_types::ChangeBatch;

use crate::columns::record_batch;
use crate::error::Result;
use crate::expressions::{evaluate_mask, renumber};

/// What must hold of a pair of rows beside the equality of their keys.
pub(crate) struct Residual {
    /// Over the columns that it reads.
    expr: Arc<dyn PhysicalExpr>,
    /// Those columns: the side and its column.
    used: Vec<(usize, usize)>,
    schema: SchemaRef,
}

/// The left's fields followed by the right's.
pub(crate) fn both_schemas(inputs: [&SchemaRef; 2]) -> SchemaRef {
    let fields = inputs.iter().flat_map(|schema| schema.fields().iter());
    let numbered = fields.enumerate().map(|(i, field)| {
        // Names may repeat; expressions name columns by their place.
        Field::new(format!("${i}"), field.data_type().clone(), true)
    });
    Arc::new(Schema::new(numbered.collect::<Vec<_>>()))
}

impl Residual {
    /// # Errors
    /// When the expression can't be rewritten.
    pub fn new(expr: Arc<dyn PhysicalExpr>, inputs: [&SchemaRef; 2]) -> Result<Residual> {
        let mut columns: Vec<usize> = collect_columns(&expr).iter().map(|c| c.index()).collect();
        columns.sort_unstable();
        let both = both_schemas(inputs);
        let fields: Vec<Field> = columns.iter().map(|c| both.field(*c).clone()).collect();
        let left = inputs[0].fields().len();
        let side_of = |column: &usize| match column.checked_sub(left) {
            Some(right) => (1, right),
            None => (0, *column),
        };
        Ok(Residual {
            used: columns.iter().map(side_of).collect(),
            expr: renumber(expr, &columns)?,
            schema: Arc::new(Schema::new(fields)),
        })
    }

    /// Whether it holds for pairs of rows of two inputs, picked from each; none when it holds for all.
    ///
    /// # Errors
    /// When evaluating fails.
    pub fn holds_of(
        &self,
        inputs: [&[ArrayRef]; 2],
        picked: [&UInt32Array; 2],
    ) -> Result<Option<BooleanArray>> {
        let columns = self
            .used
            .iter()
            .map(|(side, column)| Ok(take(&inputs[*side][*column], picked[*side], None)?));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let pairs = record_batch(&self.schema, columns, picked[0].len())?;
        evaluate_mask(&self.expr, &pairs)
    }

    /// Whether it holds for pairs of a row of the batch, which is of side `input`, and a stored row of the other side;
    /// none when it holds for all.
    ///
    /// # Errors
    /// When evaluating fails.
    pub fn holds(
        &self,
        input: usize,
        batch: &ChangeBatch,
        rows: &[u32],
        other: &RowTable,
        slots: &[u32],
    ) -> Result<Option<BooleanArray>> {
        let picked = UInt32Array::from(rows.to_vec());
        let columns = self.used.iter().map(|(side, column)| {
            if *side == input {
                Ok(take(batch.rows.column(*column), &picked, None)?)
            } else {
                Ok(other.gather_column(*column, slots)?)
            }
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let pairs = record_batch(&self.schema, columns, rows.len())?;
        evaluate_mask(&self.expr, &pairs)
    }
}
