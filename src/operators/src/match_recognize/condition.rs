//! Conditions of DEFINE. What depends on the row alone was computed for the whole batch: it is a boolean cell. What
//! compares a few values of the partial match is run by a small interpreter; anything else is evaluated as an expression
//! over one row, which is slow and right.

mod program;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use filbert_graph::spec::{MatchColumn, MatchExprSpec, MatchSpec};
use filbert_state::Cell;

use self::program::Program;
use super::aggregate::with_row;
use super::partial::{Layout, Partials, RowRef};
use super::rows::Rows;
use super::standard::KeyRows;
use crate::columns::record_batch;
use crate::context::ExpressionFactory;
use crate::error::{OperatorError, Result};
use crate::window_table_function::timestamps;

/// A row that a partial match may take.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub rows: &'a Rows,
    pub partials: &'a Partials,
    /// The key's rows in their order, where conditions look at neighbours.
    pub order: Option<&'a KeyRows>,
    pub block: u32,
    pub variable: usize,
    pub row: u32,
    pub time: i64,
}

impl Candidate<'_> {
    /// The row that a condition reads.
    #[inline]
    pub fn row_of(&self, wanted: RowRef, physical: i64) -> u32 {
        let row = self
            .partials
            .row_with(self.block, wanted, self.variable, self.row);
        match self.order {
            Some(order) if physical != 0 => order.at(row, physical),
            _ => row,
        }
    }
}

/// How many rows conditions look back and ahead of a row.
pub(super) fn look(spec: &MatchSpec) -> (u64, u64) {
    let conditions = spec.conditions.iter().flatten();
    let columns = conditions.flat_map(|c| &c.columns);
    let offsets = columns.filter_map(|(column, _)| match column {
        MatchColumn::Row { physical, .. } => Some(*physical),
        _ => None,
    });
    offsets.fold((0, 0), |(back, ahead), offset| {
        let distance = offset.unsigned_abs();
        match offset < 0 {
            true => (distance.max(back), ahead),
            false => (back, distance.max(ahead)),
        }
    })
}

/// Where a condition's column comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// A cell of a row, or of one so many places behind it.
    Row(RowRef, i64, usize),
    /// By its place among the running aggregates.
    Running(usize),
    /// By its place among all aggregates: over the partial match's rows.
    Aggregate(usize),
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
                    ..
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
        MatchColumn::Row { cell, physical, .. } => match layout.column(column) {
            Some(row) => Source::Row(row, *physical, *cell),
            None => Source::Time,
        },
        MatchColumn::Aggregate { place, .. } => match running.get(*place).copied().flatten() {
            Some(place) => Source::Running(place),
            None => Source::Aggregate(*place),
        },
        MatchColumn::Rowtime => Source::Time,
        MatchColumn::Classifier { .. } | MatchColumn::MatchNumber => {
            return Err(OperatorError::engine(
                "A condition of DEFINE asks for what only MEASURES know.",
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
        ..
    } = candidate;
    let mut values: Vec<ArrayRef> = Vec::with_capacity(columns.len());
    for (column, field) in columns.iter().zip(schema.fields()) {
        values.push(match column {
            Source::Row(wanted, physical, cell) => {
                let slot = candidate.row_of(*wanted, *physical);
                rows.table.gather_column(*cell, &[slot])?
            }
            Source::Aggregate(place) => {
                let aggregate = &partials.aggregates()[*place];
                with_row(aggregate, rows, partials, block, (variable, row))?
            }
            Source::Running(place) => {
                let value = partials.value_with(rows, block, *place, variable, row);
                partials.running()[*place].column(&[value])?
            }
            Source::Time => timestamps(vec![time], field.data_type())?,
        });
    }
    let batch = record_batch(schema, values, 1)?;
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
