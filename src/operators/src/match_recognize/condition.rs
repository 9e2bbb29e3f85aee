//! Conditions of DEFINE. What depends on the row alone was computed for the whole batch: it is a boolean cell. What
//! compares a few values of the partial match is run by a small interpreter; anything else is evaluated as an expression
//! over one row, which is slow and right.

mod program;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use filbert_graph::spec::{MatchColumn, MatchExprSpec};
use filbert_state::Cell;

use self::program::Program;
use super::partial::{Layout, Partials, RowRef};
use super::rows::Rows;
use crate::context::ExpressionFactory;
use crate::error::{OperatorError, Result};
use crate::window_table_function::timestamps;

/// A row that a partial match may take.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub rows: &'a Rows,
    pub partials: &'a Partials,
    pub block: u32,
    pub variable: usize,
    pub row: u32,
    pub time: i64,
}

/// Where a condition's column comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    Row(RowRef, usize),
    /// By its place among the running aggregates.
    Running(usize),
    Time,
}

pub(super) enum Condition {
    Always,
    /// A boolean cell of the row itself.
    Cell(usize),
    Program(Program),
    Expression {
        expr: Arc<dyn PhysicalExpr>,
        columns: Vec<Source>,
        schema: SchemaRef,
    },
}

/// Where aggregates are found: their places among the running ones.
pub(super) type RunningPlaces = Vec<Option<usize>>;

impl Condition {
    /// # Errors
    /// When the expression can't be read, or asks for what a condition can't know.
    pub fn new(
        spec: Option<&MatchExprSpec>,
        variable: usize,
        layout: &mut Layout,
        running: &RunningPlaces,
        expressions: &dyn ExpressionFactory,
    ) -> Result<Condition> {
        let Some(spec) = spec else {
            return Ok(Condition::Always);
        };
        let schema = column_schema(spec);
        let expr = expressions.physical(&spec.expr, &schema)?;
        let is_bare = expr.is::<Column>() && schema.field(0).data_type() == &DataType::Boolean;
        if let [
            (
                MatchColumn::Row {
                    variables,
                    first: false,
                    offset: 0,
                    physical: 0,
                    cell,
                },
                _,
            ),
        ] = spec.columns.as_slice()
            && is_bare
            && variables.contains(&variable)
        {
            return Ok(Condition::Cell(*cell));
        }
        let mut columns = Vec::new();
        for (column, _) in &spec.columns {
            columns.push(source(column, layout, running)?);
        }
        if let Some(program) = Program::compile(&expr, &columns, &schema) {
            return Ok(Condition::Program(program));
        }
        Ok(Condition::Expression {
            expr,
            columns,
            schema,
        })
    }

    /// Whether the row may be taken.
    ///
    /// # Errors
    /// When the condition fails.
    pub fn holds(&self, candidate: Candidate<'_>) -> Result<bool> {
        match self {
            Condition::Always => Ok(true),
            Condition::Cell(cell) => {
                let value = candidate.rows.table.cell(*cell, candidate.row);
                Ok(value == Cell::Int(1))
            }
            Condition::Program(program) => program.holds(candidate),
            Condition::Expression {
                expr,
                columns,
                schema,
            } => evaluate(expr, columns, schema, candidate),
        }
    }
}

fn source(column: &MatchColumn, layout: &mut Layout, running: &RunningPlaces) -> Result<Source> {
    Ok(match column {
        MatchColumn::Row { physical, .. } if *physical != 0 => {
            return Err(OperatorError::user(
                "Flink does not support physical offsets within partition.",
            ));
        }
        MatchColumn::Row { cell, .. } => match layout.column(column) {
            Some(row) => Source::Row(row, *cell),
            None => Source::Time,
        },
        MatchColumn::Aggregate(i) => match running.get(*i).copied().flatten() {
            Some(place) => Source::Running(place),
            None => {
                return Err(OperatorError::user(
                    "In DEFINE only the aggregate functions COUNT, SUM, AVG, MIN and MAX of numbers and times are supported.",
                ));
            }
        },
        MatchColumn::Rowtime => Source::Time,
        MatchColumn::Classifier | MatchColumn::MatchNumber => {
            return Err(OperatorError::user(
                "CLASSIFIER() and MATCH_NUMBER() are not supported in DEFINE.",
            ));
        }
    })
}

/// The row type of an expression's columns.
pub(super) fn column_schema(spec: &MatchExprSpec) -> SchemaRef {
    let fields = spec.columns.iter().enumerate();
    let fields: Vec<Field> = fields
        .map(|(i, (_, ty))| Field::new(format!("${i}"), ty.arrow(), true))
        .collect();
    Arc::new(Schema::new(fields))
}

fn evaluate(
    expr: &Arc<dyn PhysicalExpr>,
    columns: &[Source],
    schema: &SchemaRef,
    candidate: Candidate<'_>,
) -> Result<bool> {
    let Candidate {
        rows,
        partials,
        block,
        variable,
        row,
        time,
    } = candidate;
    let mut values: Vec<ArrayRef> = Vec::with_capacity(columns.len());
    for (column, field) in columns.iter().zip(schema.fields()) {
        values.push(match column {
            Source::Row(wanted, cell) => {
                let slot = partials.row_with(block, *wanted, variable, row);
                let gathered = rows.table.gather_column(*cell, &[slot]);
                gathered.map_err(crate::group_aggregate::state_error)?
            }
            Source::Running(place) => {
                let value = partials.value_with(rows, block, *place, variable, row);
                partials.running()[*place].column(&[value])?
            }
            Source::Time => timestamps(vec![time], field.data_type())?,
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let batch = RecordBatch::try_new_with_options(Arc::clone(schema), values, &options)?;
    let value = expr.evaluate(&batch)?.into_array(1)?;
    let Some(value) = value.as_any().downcast_ref::<BooleanArray>() else {
        return Err(OperatorError::engine(
            "A condition of DEFINE is not BOOLEAN.",
        ));
    };
    Ok(value.is_valid(0) && value.value(0))
}

/// Milliseconds as the type's unit.
pub(super) fn in_unit(ms: i64, ty: &DataType) -> i64 {
    match ty {
        DataType::Timestamp(TimeUnit::Microsecond, _) => ms.saturating_mul(1_000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => ms.saturating_mul(1_000_000),
        _ => ms,
    }
}
