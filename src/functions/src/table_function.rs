//! Table functions that an embedding program registers: rows for each call.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType;
use filbert_types::{Field, LogicalType, TypeKind};

use crate::definition::FunctionContext;
use crate::parameters::Parameter;
use crate::value::{Value, column_of};

/// What typing a call of a table function decides.
#[derive(Debug, Clone, PartialEq)]
pub struct InferredTable {
    /// The arguments' types after implicit casts.
    pub arg_types: Vec<LogicalType>,
    /// The columns of the rows that the call gives.
    pub columns: Vec<Field>,
}

impl InferredTable {
    pub(crate) fn rows_type(columns: &[Field]) -> LogicalType {
        let row = LogicalType::not_null(TypeKind::Row(columns.to_vec()));
        LogicalType::new(TypeKind::Array(Box::new(row)), true)
    }
}

/// A table function that an embedding program registers: `FROM t, LATERAL TABLE(f(t.a)) AS x(c, d)`.
///
/// It works on columns: many calls at once. A function that is written row by row implements [`RowTableFunction`].
pub trait TableFunction: fmt::Debug + Send + Sync {
    /// The name by which it is registered, and found again when a job starts.
    fn name(&self) -> &str;
    /// `f(<INT>, <STRING>)`, for errors and DESCRIBE FUNCTION.
    fn signatures(&self) -> Vec<String>;
    /// The arguments' types after implicit casts, and the columns that come out. `None` refuses the call.
    fn infer(&self, args: &[LogicalType]) -> Option<InferredTable>;
    /// The parameters by name, for calls with named arguments and optional ones; empty where there are none.
    fn parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }
    /// Called once in each task before anything else.
    ///
    /// # Errors
    /// When the function can't start.
    fn open(&self, _context: &FunctionContext) -> Result<(), String> {
        Ok(())
    }
    /// The rows of several calls. All of them are in memory at once: a task hands in few calls where they give many rows.
    ///
    /// # Errors
    /// When a call fails; the job fails with it.
    fn eval(&self, calls: &TableCalls<'_>) -> Result<TableRows, String>;
    fn is_deterministic(&self) -> bool {
        true
    }
    /// One line of help.
    fn doc(&self) -> &str {
        ""
    }
}

/// Calls to evaluate together.
#[derive(Debug, Clone, Copy)]
pub struct TableCalls<'a> {
    /// How many.
    pub len: usize,
    /// The arguments' columns, in the Arrow forms of the types that were inferred.
    pub args: &'a [ArrayRef],
    /// The columns to give, as inferred.
    pub columns: &'a [Field],
}

/// The rows that calls give: those of the first call, then those of the second, ..
#[derive(Debug, Clone)]
pub struct TableRows {
    /// How many rows each call gives.
    pub counts: Vec<usize>,
    /// In the Arrow forms of the function's columns.
    pub columns: Vec<ArrayRef>,
}

/// A table function written row by row; [`RowWise`] makes a [`TableFunction`] of it.
pub trait RowTableFunction: fmt::Debug + Send + Sync {
    /// As [`TableFunction::name`].
    fn name(&self) -> &str;
    /// As [`TableFunction::signatures`].
    fn signatures(&self) -> Vec<String>;
    /// As [`TableFunction::infer`].
    fn infer(&self, args: &[LogicalType]) -> Option<InferredTable>;
    /// As [`TableFunction::parameters`].
    fn parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }
    /// As [`TableFunction::open`].
    ///
    /// # Errors
    /// When the function can't start.
    fn open(&self, _context: &FunctionContext) -> Result<(), String> {
        Ok(())
    }
    /// One call: `collect` takes the values of each row that it gives.
    ///
    /// # Errors
    /// When the call fails; the job fails with it.
    fn eval(&self, args: &[Value], collect: &mut dyn FnMut(Vec<Value>)) -> Result<(), String>;
    fn is_deterministic(&self) -> bool {
        true
    }
    /// One line of help.
    fn doc(&self) -> &str {
        ""
    }
}

/// A [`RowTableFunction`] as a [`TableFunction`].
#[derive(Debug)]
pub struct RowWise<F>(pub F);

impl<F: RowTableFunction> TableFunction for RowWise<F> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn signatures(&self) -> Vec<String> {
        self.0.signatures()
    }

    fn infer(&self, args: &[LogicalType]) -> Option<InferredTable> {
        self.0.infer(args)
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.0.parameters()
    }

    fn open(&self, context: &FunctionContext) -> Result<(), String> {
        self.0.open(context)
    }

    fn eval(&self, calls: &TableCalls<'_>) -> Result<TableRows, String> {
        let width = calls.columns.len();
        let mut values: Vec<Value> = Vec::new();
        let mut counts = Vec::with_capacity(calls.len);
        let mut wrong = None;
        for call in 0..calls.len {
            let args = Value::row_of(calls.args, call)?;
            let mut count = 0;
            self.0.eval(&args, &mut |row| {
                if row.len() != width {
                    wrong = Some(row.len());
                    return;
                }
                values.extend(row);
                count += 1;
            })?;
            counts.push(count);
        }
        if let Some(found) = wrong {
            return Err(format!(
                "collected a row of {found} values, where {width} were promised"
            ));
        }
        let columns =
            calls.columns.iter().enumerate().map(|(at, field)| {
                column_of(&field.ty.arrow(), values.iter().skip(at).step_by(width))
            });
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(TableRows { counts, columns })
    }

    fn is_deterministic(&self) -> bool {
        self.0.is_deterministic()
    }

    fn doc(&self) -> &str {
        self.0.doc()
    }
}

/// The rows of each call as a list of rows.
pub(crate) fn evaluate(
    function: &dyn TableFunction,
    calls: &TableCalls<'_>,
    list_type: &DataType,
) -> Result<ArrayRef, String> {
    let rows = function.eval(calls)?;
    let total: usize = rows.counts.iter().sum();
    let fits = rows.columns.len() == calls.columns.len()
        && rows
            .columns
            .iter()
            .zip(calls.columns)
            .all(|(column, field)| {
                column.len() == total && *column.data_type() == field.ty.arrow()
            });
    let DataType::List(item) = list_type else {
        return Err(format!("{list_type} is no list of rows"));
    };
    let (true, DataType::Struct(fields)) =
        (fits && rows.counts.len() == calls.len, item.data_type())
    else {
        let found: Vec<String> = rows
            .columns
            .iter()
            .map(|c| format!("{} of {}", c.len(), c.data_type()))
            .collect();
        return Err(format!(
            "the columns that came ({}) are not the {total} rows that were promised",
            found.join(", ")
        ));
    };
    let rows_array = StructArray::try_new_with_length(fields.clone(), rows.columns, None, total);
    let rows_array = rows_array.map_err(|e| e.to_string())?;
    let offsets = OffsetBuffer::from_lengths(rows.counts);
    let list = ListArray::try_new(Arc::clone(item), offsets, Arc::new(rows_array), None);
    Ok(Arc::new(list.map_err(|e| e.to_string())?))
}
