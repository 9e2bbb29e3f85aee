//! Filters and projects.
//!
//! - State: none.
//! - Changelog: takes and emits any. Each row passes or not by itself, whatever its kind: of an update one half may pass
//!   and the other not, as in Flink.
//! - Watermarks pass; a mark moves to the place that corresponds.
//! - Cost: the condition is evaluated once a batch; only the columns that the projection reads are filtered, and a
//!   column that is only forwarded isn't copied when all rows pass.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{FilterBuilder, prep_null_mask_filter};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;
use filbert_graph::spec::CalcSpec;
use filbert_types::{ChangeBatch, RowKind};

use crate::context::ExpressionFactory;
use crate::error::{OperatorError, Result};
use crate::marks::filter_marks;
use crate::operator::{Operator, Step};
use crate::output::Output;

pub struct CalcOperator {
    condition: Option<Arc<dyn PhysicalExpr>>,
    /// The input's columns that the projection reads.
    used: Vec<usize>,
    used_schema: SchemaRef,
    /// Over the used columns.
    projection: Vec<Arc<dyn PhysicalExpr>>,
    output: SchemaRef,
}

impl CalcOperator {
    /// # Errors
    /// When an expression can't be read.
    pub fn new(
        spec: &CalcSpec,
        input: &SchemaRef,
        output: SchemaRef,
        expressions: &dyn ExpressionFactory,
    ) -> Result<CalcOperator> {
        let condition = spec.condition.as_ref();
        let projection = spec.projection.iter();
        CalcOperator::from_exprs(
            condition
                .map(|expr| expressions.physical(expr, input))
                .transpose()?,
            projection
                .map(|expr| expressions.physical(expr, input))
                .collect::<Result<_>>()?,
            input,
            output,
        )
    }

    fn from_exprs(
        condition: Option<Arc<dyn PhysicalExpr>>,
        projection: Vec<Arc<dyn PhysicalExpr>>,
        input: &SchemaRef,
        output: SchemaRef,
    ) -> Result<CalcOperator> {
        let mut used: Vec<usize> = projection
            .iter()
            .flat_map(|e| collect_columns(e).into_iter().map(|c| c.index()))
            .collect();
        used.sort_unstable();
        used.dedup();
        let used_schema = Arc::new(Schema::new(
            used.iter()
                .map(|i| input.field(*i).clone())
                .collect::<Vec<_>>(),
        ));
        let projection = projection
            .into_iter()
            .map(|expr| renumber(expr, &used))
            .collect::<Result<_>>()?;
        Ok(CalcOperator {
            condition,
            used,
            used_schema,
            projection,
            output,
        })
    }

    /// The rows' columns that the projection reads, of the rows where `mask` is true.
    fn narrow(&self, rows: &RecordBatch, mask: Option<&BooleanArray>) -> Result<RecordBatch> {
        let used = self.used.iter().map(|i| rows.column(*i));
        let (columns, count) = match mask {
            None => (used.map(Arc::clone).collect(), rows.num_rows()),
            Some(mask) => {
                let filter = FilterBuilder::new(mask).optimize().build();
                let columns = used
                    .map(|column| filter.filter(column.as_ref()))
                    .collect::<Result<_, _>>()?;
                (columns, filter.count())
            }
        };
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.used_schema),
            columns,
            &options,
        )?)
    }

    fn project(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let columns = self
            .projection
            .iter()
            .map(|expr| Ok(expr.evaluate(rows)?.into_array(rows.num_rows())?))
            .collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.output),
            columns,
            &options,
        )?)
    }
}

impl Operator for CalcOperator {
    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let mask = match &self.condition {
            None => None,
            Some(condition) => evaluate_mask(condition, &batch.rows)?,
        };
        let rows = self.narrow(&batch.rows, mask.as_ref())?;
        let (kinds, marks) = match &mask {
            None => (batch.kinds.clone(), batch.marks.clone()),
            Some(mask) => (
                batch
                    .kinds
                    .as_deref()
                    .map(|k| filter_kinds(k, mask.values())),
                filter_marks(&batch.marks, mask.values()),
            ),
        };
        let rows = self.project(&rows)?;
        out.emit(ChangeBatch { rows, kinds, marks });
        Ok(Step::Done)
    }
}

/// Where the condition is true; none when it is true everywhere.
fn evaluate_mask(
    condition: &Arc<dyn PhysicalExpr>,
    rows: &RecordBatch,
) -> Result<Option<BooleanArray>> {
    let value = condition.evaluate(rows)?.into_array(rows.num_rows())?;
    let Some(mask) = value.as_any().downcast_ref::<BooleanArray>() else {
        return Err(OperatorError::engine(format!(
            "A condition is of type {}.",
            value.data_type()
        )));
    };
    let mask = if mask.null_count() > 0 {
        prep_null_mask_filter(mask)
    } else {
        mask.clone()
    };
    Ok((mask.true_count() < mask.len()).then_some(mask))
}

fn filter_kinds(kinds: &[RowKind], mask: &BooleanBuffer) -> Arc<[RowKind]> {
    mask.set_indices().map(|i| kinds[i]).collect()
}

/// The expression over the columns at `used` only.
fn renumber(expr: Arc<dyn PhysicalExpr>, used: &[usize]) -> Result<Arc<dyn PhysicalExpr>> {
    let renumbered = expr.transform(|e| {
        let Some(column) = e.downcast_ref::<Column>() else {
            return Ok(Transformed::no(e));
        };
        let at = used.binary_search(&column.index()).unwrap_or(0);
        Ok(Transformed::yes(
            Arc::new(Column::new(column.name(), at)) as Arc<dyn PhysicalExpr>
        ))
    })?;
    Ok(renumbered.data)
}

#[cfg(test)]
mod tests;
