//! Filters and projects.
//!
//! - State: the last watermark, where an expression reads it.
//! - Changelog: takes and emits any. Each row passes or not by itself, whatever its kind: of an update one half may pass
//!   and the other not, as in Flink.
//! - Watermarks pass; a mark moves to the place that corresponds.
//! - Cost: the condition is evaluated once a batch, and once what occurs more than once; only the columns (and fields of ROW columns) that the projection
//!   reads are filtered, and a
//!   column that is only forwarded isn't copied when all rows pass.

mod shared;
mod watermarks;

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::FilterBuilder;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use filbert_functions::constructors::as_physical_field;
use filbert_graph::spec::CalcSpec;
use filbert_types::{ChangeBatch, RowKind, Watermark};

use crate::calc::shared::Shared;
use crate::calc::watermarks::Watermarks;
use crate::columns::record_batch;
use crate::context::ExpressionFactory;
use crate::error::Result;
use crate::expressions::evaluate_mask;
use crate::marks::filter_marks;
use crate::operator::{Operator, Step};
use crate::output::Output;

pub struct CalcOperator {
    /// What the condition, and others, read beside the input's columns.
    before_condition: Shared,
    condition: Option<Arc<dyn PhysicalExpr>>,
    /// What the projection reads: columns, and fields of ROW columns.
    leaves: Vec<Arc<dyn PhysicalExpr>>,
    leaves_schema: SchemaRef,
    /// What the projection reads more than once beside the leaves.
    before_projection: Shared,
    /// Over the leaves, and what stands beside them.
    projection: Vec<Arc<dyn PhysicalExpr>>,
    output: SchemaRef,
    /// Where CURRENT_WATERMARK is called: what it gives.
    watermarks: Option<Watermarks>,
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
        let watermarks = spec.watermarks.then(|| Watermarks::new(input));
        let input = watermarks.as_ref().map_or(input, |w| &w.schema);
        let calc = CalcOperator::from_exprs(
            condition
                .map(|expr| expressions.physical(expr, input))
                .transpose()?,
            projection
                .map(|expr| expressions.physical(expr, input))
                .collect::<Result<_>>()?,
            input,
            output,
        )?;
        Ok(CalcOperator { watermarks, ..calc })
    }

    fn from_exprs(
        mut condition: Option<Arc<dyn PhysicalExpr>>,
        mut projection: Vec<Arc<dyn PhysicalExpr>>,
        input: &SchemaRef,
        output: SchemaRef,
    ) -> Result<CalcOperator> {
        let before_condition = shared::before_condition(&mut condition, &mut projection, input)?;
        let input = before_condition.schema(input);
        let mut leaves = Vec::new();
        let mut projection: Vec<_> = projection
            .into_iter()
            .map(|expr| over_leaves(expr, &mut leaves))
            .collect::<Result<_>>()?;
        let fields = leaves.iter().enumerate().map(|(i, leaf)| {
            let ty = leaf.data_type(input)?;
            Ok(Field::new(format!("${i}"), ty, true))
        });
        let leaves_schema = Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?));
        let before_projection = shared::before_projection(&mut projection, &leaves_schema)?;
        Ok(CalcOperator {
            before_condition,
            before_projection,
            condition,
            leaves,
            leaves_schema,
            projection,
            output,
            watermarks: None,
        })
    }

    /// What the projection reads, of the rows where `mask` is true.
    fn narrow(&self, rows: &RecordBatch, mask: Option<&BooleanArray>) -> Result<RecordBatch> {
        let leaves = self
            .leaves
            .iter()
            .map(|leaf| Ok(leaf.evaluate(rows)?.into_array(rows.num_rows())?));
        let (columns, count) = match mask {
            None => (leaves.collect::<Result<_>>()?, rows.num_rows()),
            Some(mask) => {
                let filter = FilterBuilder::new(mask).optimize().build();
                let columns = leaves
                    .map(|leaf| Ok(filter.filter(leaf?.as_ref())?))
                    .collect::<Result<_>>()?;
                (columns, filter.count())
            }
        };
        Ok(record_batch(&self.leaves_schema, columns, count)?)
    }

    fn project(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let columns = self
            .projection
            .iter()
            .map(|expr| Ok(expr.evaluate(rows)?.into_array(rows.num_rows())?))
            .collect::<Result<_>>()?;
        Ok(record_batch(&self.output, columns, rows.num_rows())?)
    }
}

impl Operator for CalcOperator {
    fn process(&mut self, _input: usize, mut batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        if let Some(watermarks) = &mut self.watermarks {
            batch.rows = watermarks.beside(&batch)?;
        }
        if !self.before_condition.is_empty() {
            batch.rows = self.before_condition.beside(batch.rows)?;
        }
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
        let rows = self.project(&self.before_projection.beside(rows)?)?;
        out.emit(ChangeBatch { rows, kinds, marks });
        Ok(Step::Done)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        if let Some(watermarks) = &mut self.watermarks {
            watermarks.current = Some(watermark.0);
        }
        out.watermark(watermark);
        Ok(Step::Done)
    }
}

fn filter_kinds(kinds: &[RowKind], mask: &BooleanBuffer) -> Arc<[RowKind]> {
    mask.set_indices().map(|i| kinds[i]).collect()
}

/// The expression over its leaves: columns, and fields of ROW columns, whose siblings then need not be filtered.
fn over_leaves(
    expr: Arc<dyn PhysicalExpr>,
    leaves: &mut Vec<Arc<dyn PhysicalExpr>>,
) -> Result<Arc<dyn PhysicalExpr>> {
    let replaced = expr.transform_down(|e| {
        if !is_leaf(&e) {
            return Ok(Transformed::no(e));
        }
        let known = leaves.iter().position(|leaf| leaf.as_ref() == e.as_ref());
        let at = known.unwrap_or_else(|| {
            leaves.push(e);
            leaves.len() - 1
        });
        let column = Arc::new(Column::new(&format!("${at}"), at)) as Arc<dyn PhysicalExpr>;
        Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
    })?;
    Ok(replaced.data)
}

fn is_leaf(expr: &Arc<dyn PhysicalExpr>) -> bool {
    expr.downcast_ref::<Column>().is_some() || as_physical_field(expr.as_ref()).is_some_and(is_leaf)
}

#[cfg(test)]
mod tests;
