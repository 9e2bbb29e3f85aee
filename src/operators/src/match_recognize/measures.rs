//! The rows that matches give: keys, then MEASURES, evaluated over all matches of a batch at once.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::physical_expr::PhysicalExpr;
use filbert_graph::spec::{
    AggregateCallSpec, MatchAggregateSpec, MatchColumn, MatchExprSpec, MatchSpec,
};

use super::condition::{RunningPlaces, column_schema};
use super::keys::Keys;
use super::partial::{Layout, Partials, RowRef};
use super::rows::Rows;
use crate::aggregate::{AggregateCall, Rows as AggregateRows};
use crate::context::ExpressionFactory;
use crate::error::{OperatorError, Result};
use crate::group_aggregate::state_error;
use crate::window_table_function::timestamps;

/// A match that was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub key: u32,
    pub block: u32,
    /// When it was found.
    pub time: i64,
}

/// Makes rows of matches.
pub(super) struct Measures {
    measures: Vec<Measure>,
    aggregates: Vec<MatchAggregateSpec>,
    output: SchemaRef,
}

struct Measure {
    expr: Arc<dyn PhysicalExpr>,
    columns: Vec<Source>,
    schema: SchemaRef,
}

enum Source {
    Row(RowRef, usize),
    Running(usize),
    /// By its place among the aggregates.
    Aggregate(usize),
    Time,
}

impl Measures {
    /// # Errors
    /// When an expression can't be read.
    pub fn new(
        spec: &MatchSpec,
        layout: &mut Layout,
        running: &RunningPlaces,
        output: SchemaRef,
        expressions: &dyn ExpressionFactory,
    ) -> Result<Measures> {
        let measures = spec.measures.iter();
        let measures = measures
            .map(|measure| Measure::new(measure, layout, running, expressions))
            .collect::<Result<Vec<_>>>()?;
        Ok(Measures {
            measures,
            aggregates: spec.aggregates.clone(),
            output,
        })
    }

    /// Whether a measure needs all rows of a match.
    pub fn need_rows(&self) -> bool {
        let columns = self.measures.iter().flat_map(|m| &m.columns);
        columns
            .into_iter()
            .any(|c| matches!(c, Source::Aggregate(_)))
    }

    /// The output's rows, one a match.
    ///
    /// # Errors
    /// When a measure fails.
    pub fn rows(
        &self,
        found: &[Found],
        keys: &Keys,
        rows: &Rows,
        partials: &Partials,
    ) -> Result<RecordBatch> {
        let slots: Vec<u32> = found.iter().map(|f| f.key).collect();
        let mut columns = keys.index.key_columns(&slots).map_err(state_error)?;
        for measure in &self.measures {
            columns.push(self.evaluate(measure, found, rows, partials)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(found.len()));
        let output = Arc::clone(&self.output);
        Ok(RecordBatch::try_new_with_options(
            output, columns, &options,
        )?)
    }

    fn evaluate(
        &self,
        measure: &Measure,
        found: &[Found],
        rows: &Rows,
        partials: &Partials,
    ) -> Result<ArrayRef> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(measure.columns.len());
        for (source, field) in measure.columns.iter().zip(measure.schema.fields()) {
            columns.push(match source {
                Source::Row(wanted, cell) => {
                    let slots = found.iter().map(|f| partials.row(f.block, *wanted));
                    let slots: Vec<u32> = slots.collect();
                    rows.table
                        .gather_column(*cell, &slots)
                        .map_err(state_error)?
                }
                Source::Running(place) => {
                    let values = found.iter().map(|f| partials.value(f.block, *place));
                    let values: Vec<_> = values.collect();
                    partials.running()[*place].column(&values)?
                }
                Source::Aggregate(place) => {
                    aggregate(&self.aggregates[*place], found, rows, partials)?
                }
                Source::Time => {
                    timestamps(found.iter().map(|f| f.time).collect(), field.data_type())?
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(found.len()));
        let schema = Arc::clone(&measure.schema);
        let batch = RecordBatch::try_new_with_options(schema, columns, &options)?;
        Ok(measure.expr.evaluate(&batch)?.into_array(found.len())?)
    }
}

impl Measure {
    fn new(
        spec: &MatchExprSpec,
        layout: &mut Layout,
        running: &RunningPlaces,
        expressions: &dyn ExpressionFactory,
    ) -> Result<Measure> {
        let schema = column_schema(spec);
        let mut columns = Vec::new();
        for (column, _) in &spec.columns {
            columns.push(match column {
                MatchColumn::Row { cell, .. } => match layout.column(column) {
                    Some(row) => Source::Row(row, *cell),
                    None => Source::Time,
                },
                MatchColumn::Aggregate(i) => match running.get(*i).copied().flatten() {
                    Some(place) => Source::Running(place),
                    None => Source::Aggregate(*i),
                },
                MatchColumn::Rowtime => Source::Time,
                MatchColumn::Classifier | MatchColumn::MatchNumber => {
                    return Err(OperatorError::user(
                        "CLASSIFIER() and MATCH_NUMBER() are not supported.",
                    ));
                }
            });
        }
        Ok(Measure {
            expr: expressions.physical(&spec.expr, &schema)?,
            columns,
            schema,
        })
    }
}

/// An aggregate over all rows of each match.
fn aggregate(
    spec: &MatchAggregateSpec,
    found: &[Found],
    rows: &Rows,
    partials: &Partials,
) -> Result<ArrayRef> {
    let mut chain = Vec::new();
    let (mut taken, mut slots): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
    for (slot, found) in (0u32..).zip(found) {
        chain.clear();
        partials.rows_of(found.block, &mut chain);
        for (row, variable, _) in &chain {
            if spec.variables.contains(&(*variable as usize)) {
                taken.push(*row);
                slots.push(slot);
            }
        }
    }
    let args = spec.args.iter();
    let args: Vec<ArrayRef> = args
        .map(|cell| rows.table.gather_column(*cell, &taken).map_err(state_error))
        .collect::<Result<_>>()?;
    let mut call = AggregateCall::new(
        &AggregateCallSpec {
            function: spec.function.clone(),
            args: (0..args.len()).collect(),
            arg_types: spec.arg_types.clone(),
            distinct: false,
            filter: None,
            order_by: Vec::new(),
            ignore_nulls: false,
            ignores_retractions: false,
            output: spec.output.clone(),
        },
        false,
    )?;
    call.reserve_slots(found.len());
    let aggregated = AggregateRows {
        slots: &slots,
        ops: None,
        resets: None,
    };
    call.update(aggregated, &args)?;
    let all: Vec<u32> = (0..found.len() as u32).collect();
    call.values(&all)
}
