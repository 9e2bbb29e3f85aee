//! ROW, ARRAY and MAP values from their parts.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, MapArray, StructArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::compute::interleave;
use arrow::datatypes::DataType;
use datafusion::common::{Result as DfResult, internal_err};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use filbert_types::{Field, LogicalType, TypeKind};

use crate::CallError;
use crate::call::{bind_kernel, cast_args};
use crate::cast::holds_untyped_null;
use crate::common_type::common_type;
use crate::definition::{Function, FunctionRef};
use crate::kernel::{Call, fail};
use crate::signature::{ANY, CallArgs};
use crate::typed::{ExprContext, TypedExpr};
use crate::udf::BoundFunction;

pub static FUNCTIONS: &[Function] = &[ROW, ARRAY, MAP, FIELD];

const ROW: Function = Function::kernel(
    "ROW",
    &["ROW(<ANY>, ...)"],
    "A row of values.",
    infer,
    row_kernel,
);

const ARRAY: Function = Function::kernel(
    "ARRAY",
    &["ARRAY[<COMMON>, ...]"],
    "An array of values of one type.",
    infer,
    array_kernel,
);

const MAP: Function = Function::kernel(
    "MAP",
    &["MAP[<KEY>, <VALUE>, ...]"],
    "A map of keys to values; of equal keys the last stays.",
    infer,
    map_kernel,
)
.fallible();

fn infer(call: &CallArgs<'_>) -> Result<crate::definition::Inferred, CallError> {
    let types = call.matches_variadic(&[], &ANY)?;
    let ty = match call.function.name() {
        "ARRAY" => array_type(&types)?,
        "MAP" => map_type(&types)?,
        _ => row_type(&types, None),
    };
    let args = match &ty.kind {
        TypeKind::Array(element) => retyped(&types, |_| element.as_ref()),
        TypeKind::Map(key, value) => retyped(&types, |i| {
            if i % 2 == 0 {
                key.as_ref()
            } else {
                value.as_ref()
            }
        }),
        _ => types,
    };
    Ok(call.returns_type(args, ty))
}

fn retyped<'a>(types: &[LogicalType], of: impl Fn(usize) -> &'a LogicalType) -> Vec<LogicalType> {
    types
        .iter()
        .enumerate()
        .map(|(i, t)| of(i).with_nullable(t.nullable))
        .collect()
}

fn row_type(types: &[LogicalType], names: Option<&[String]>) -> LogicalType {
    let fields = types
        .iter()
        .enumerate()
        .map(|(i, ty)| {
            let name = names
                .and_then(|n| n.get(i).cloned())
                .unwrap_or_else(|| format!("EXPR${i}"));
            Field::new(name, ty.clone())
        })
        .collect();
    LogicalType::not_null(TypeKind::Row(fields))
}

fn array_type(types: &[LogicalType]) -> Result<LogicalType, CallError> {
    if types.is_empty() {
        return Err(CallError::Invalid("Require at least 1 argument".into()));
    }
    let element = same_type(types)?;
    if holds_untyped_null(&element.kind) {
        return Err(CallError::Invalid("Illegal type: NULL".into()));
    }
    if element.kind == TypeKind::Null {
        return Err(CallError::Invalid(
            "Parameters must be of the same type, and NULL alone has none".into(),
        ));
    }
    Ok(LogicalType::not_null(TypeKind::Array(Box::new(element))))
}

fn map_type(types: &[LogicalType]) -> Result<LogicalType, CallError> {
    if types.is_empty() {
        return Err(CallError::Invalid(
            "Map requires at least 2 arguments".into(),
        ));
    }
    if !types.len().is_multiple_of(2) {
        return Err(CallError::Invalid(
            "Map requires an even number of arguments".into(),
        ));
    }
    let part = |skip: usize| {
        let types: Vec<LogicalType> = types.iter().skip(skip).step_by(2).cloned().collect();
        same_type(&types)
    };
    let (key, mut value) = (part(0)?, part(1)?);
    // Flink's choice where the values alone have no type.
    if value.kind == TypeKind::Null {
        value = key.with_nullable(true);
    }
    Ok(LogicalType::not_null(TypeKind::Map(
        Box::new(key),
        Box::new(value),
    )))
}

fn same_type(types: &[LogicalType]) -> Result<LogicalType, CallError> {
    common_type(types)
        .ok_or_else(|| CallError::Invalid("Parameters must be of the same type".to_string()))
}

/// `ROW(..)` or `(a, b)`; the fields are called `EXPR$0`, .. where no names are given.
pub fn row(ctx: &ExprContext, fields: Vec<TypedExpr>, names: Option<&[String]>) -> TypedExpr {
    let types: Vec<LogicalType> = fields.iter().map(|f| f.ty.clone()).collect();
    let ty = row_type(&types, names);
    bind_kernel(ctx, FunctionRef::BuiltIn(&ROW), fields, ty)
}

/// `ARRAY[..]`.
pub fn array(ctx: &ExprContext, elements: Vec<TypedExpr>) -> Result<TypedExpr, CallError> {
    crate::call::built_in(ctx, "ARRAY", elements)
}

/// `MAP[key, value, ..]`.
pub fn map(ctx: &ExprContext, entries: Vec<TypedExpr>) -> Result<TypedExpr, CallError> {
    crate::call::built_in(ctx, "MAP", entries)
}

/// The fields of a row that is written as a constructor.
pub(crate) fn row_fields(row: &TypedExpr) -> Option<Vec<TypedExpr>> {
    let (Expr::ScalarFunction(call), TypeKind::Row(fields)) = (&row.expr, &row.ty.kind) else {
        return None;
    };
    let bound = call.func.inner().downcast_ref::<BoundFunction>()?;
    if bound.function.name() != ROW.name || fields.len() != call.args.len() {
        return None;
    }
    let fields = call
        .args
        .iter()
        .zip(&bound.arg_types)
        .map(|(arg, ty)| TypedExpr::new(arg.clone(), ty.clone()))
        .collect();
    Some(fields)
}

/// A row's field by its position.
pub fn field_at(ctx: &ExprContext, row: TypedExpr, index: usize) -> Result<TypedExpr, CallError> {
    let (TypeKind::Row(fields) | TypeKind::Structured { fields, .. }) = &row.ty.kind else {
        return Err(CallError::Invalid(format!(
            "{} has no fields: it is no ROW",
            row.ty
        )));
    };
    let Some(field) = fields.get(index) else {
        return Err(CallError::Invalid(format!(
            "{} has no field at position {index}",
            row.ty
        )));
    };
    let ty = field.ty.with_nullable(field.ty.nullable || row.ty.nullable);
    let position = crate::literal::of(
        datafusion::common::ScalarValue::Int32(Some(index as i32)),
        LogicalType::not_null(TypeKind::Int),
    );
    Ok(bind_kernel(
        ctx,
        FunctionRef::BuiltIn(&FIELD),
        vec![row, position],
        ty,
    ))
}

/// `row.name`.
pub fn field(ctx: &ExprContext, row: TypedExpr, name: &str) -> Result<TypedExpr, CallError> {
    let (TypeKind::Row(fields) | TypeKind::Structured { fields, .. }) = &row.ty.kind else {
        return Err(CallError::Invalid(format!(
            "Cannot access field '{name}' of {}: it is no ROW",
            row.ty
        )));
    };
    let Some(index) = fields.iter().position(|f| f.name == name) else {
        let names = fields.iter().map(|f| f.name.as_str());
        return Err(CallError::Invalid(format!(
            "Column '{name}' not found in {}.{}",
            row.ty,
            filbert_types::suggest::did_you_mean(name, names)
        )));
    };
    field_at(ctx, row, index)
}

/// The row and the field's position, where the expression is `row.name`.
pub fn as_field(expr: &Expr) -> Option<(&Expr, usize)> {
    let Expr::ScalarFunction(call) = expr else {
        return None;
    };
    let bound = call.func.inner().downcast_ref::<BoundFunction>()?;
    match (bound.function.name() == FIELD.name, call.args.as_slice()) {
        (
            true,
            [
                row,
                Expr::Literal(datafusion::common::ScalarValue::Int32(Some(index)), _),
            ],
        ) => Some((row, usize::try_from(*index).ok()?)),
        _ => None,
    }
}

/// The row, where the expression is `row.name`.
pub fn as_physical_field(expr: &dyn PhysicalExpr) -> Option<&Arc<dyn PhysicalExpr>> {
    let call = expr.downcast_ref::<ScalarFunctionExpr>()?;
    let bound = call.fun().inner().downcast_ref::<BoundFunction>()?;
    match bound.function.name() == FIELD.name {
        true => call.args().first(),
        false => None,
    }
}

/// The function behind `row.name`: the second argument is the field's position.
pub(crate) const FIELD: Function = Function::kernel(
    "FIELD",
    &["<ROW>.<NAME>"],
    "A field of a row.",
    |call| {
        let types = call.matches(&[&[ANY, ANY]])?;
        Ok(call.returns_nullable(types, TypeKind::Null))
    },
    field_kernel,
)
.hidden();

fn field_kernel(call: &Call<'_>) -> DfResult<ArrayRef> {
    let row = call.array(0)?;
    let index = call.ints(1)?.constant().unwrap_or(0) as usize;
    let Some(row) = row.as_any().downcast_ref::<StructArray>() else {
        return internal_err!("FIELD of {}", row.data_type());
    };
    let field = row.column(index);
    let nulls = arrow::buffer::NullBuffer::union(row.nulls(), field.logical_nulls().as_ref());
    let data = field.to_data().into_builder().nulls(nulls);
    // SAFETY: a valid array with more of its values NULL is valid.
    Ok(arrow::array::make_array(unsafe { data.build_unchecked() }))
}

fn row_kernel(call: &Call<'_>) -> DfResult<ArrayRef> {
    let DataType::Struct(fields) = call.return_type.arrow() else {
        return internal_err!("ROW of {}", call.return_type);
    };
    let columns: Vec<ArrayRef> = (0..call.args.len())
        .map(|i| call.array(i))
        .collect::<DfResult<_>>()?;
    Ok(Arc::new(StructArray::try_new_with_length(
        fields, columns, None, call.rows,
    )?))
}

fn array_kernel(call: &Call<'_>) -> DfResult<ArrayRef> {
    let DataType::List(field) = call.return_type.arrow() else {
        return internal_err!("ARRAY of {}", call.return_type);
    };
    let columns: Vec<ArrayRef> = (0..call.args.len())
        .map(|i| call.array(i))
        .collect::<DfResult<_>>()?;
    let values = interleave_columns(&columns, call.rows)?;
    let offsets = OffsetBuffer::from_repeated_length(columns.len(), call.rows);
    Ok(Arc::new(ListArray::try_new(field, offsets, values, None)?))
}

/// Row by row, the values of all columns.
fn interleave_columns(columns: &[ArrayRef], rows: usize) -> DfResult<ArrayRef> {
    let refs: Vec<&dyn Array> = columns.iter().map(|c| c.as_ref()).collect();
    let indices: Vec<(usize, usize)> = (0..rows)
        .flat_map(|row| (0..columns.len()).map(move |column| (column, row)))
        .collect();
    Ok(interleave(&refs, &indices)?)
}

fn map_kernel(call: &Call<'_>) -> DfResult<ArrayRef> {
    let DataType::Map(entries, _) = call.return_type.arrow() else {
        return internal_err!("MAP of {}", call.return_type);
    };
    let DataType::Struct(fields) = entries.data_type().clone() else {
        return internal_err!("MAP of {}", call.return_type);
    };
    let part = |skip: usize| -> DfResult<Vec<ArrayRef>> {
        (skip..call.args.len())
            .step_by(2)
            .map(|i| call.array(i))
            .collect()
    };
    let (key_columns, value_columns) = (part(0)?, part(1)?);
    let pairs = key_columns.len();
    let keys = interleave_columns(&key_columns, call.rows)?;
    if keys.null_count() > 0 {
        return Err(fail("A key of a MAP must not be NULL"));
    }
    let values = interleave_columns(&value_columns, call.rows)?;
    let equal = crate::operators::nested::values_equal(&keys, &keys)?;
    // A later value of the same key takes the place of the earlier one.
    let (mut key_picks, mut value_picks) = (Vec::new(), Vec::new());
    let mut offsets = vec![0_i32];
    for row in 0..call.rows {
        let start = key_picks.len();
        for pair in row * pairs..(row + 1) * pairs {
            let seen = key_picks[start..]
                .iter()
                .position(|&k: &u64| equal(k as usize, pair));
            match seen {
                Some(position) => value_picks[start + position] = pair as u64,
                None => {
                    key_picks.push(pair as u64);
                    value_picks.push(pair as u64);
                }
            }
        }
        offsets.push(key_picks.len() as i32);
    }
    let pick = |array: &ArrayRef, picks: Vec<u64>| {
        arrow::compute::take(array, &arrow::array::UInt64Array::from(picks), None)
    };
    let columns = vec![pick(&keys, key_picks)?, pick(&values, value_picks)?];
    let structs = StructArray::try_new(fields, columns, None)?;
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(Arc::new(MapArray::try_new(
        entries, offsets, structs, None, false,
    )?))
}

/// The values of VALUES, or any list that must have one type, cast to it.
pub fn to_common_type(
    ctx: &ExprContext,
    values: Vec<TypedExpr>,
) -> Option<Result<(Vec<TypedExpr>, LogicalType), CallError>> {
    let types: Vec<LogicalType> = values.iter().map(|v| v.ty.clone()).collect();
    let common = common_type(&types)?;
    let targets = vec![common.clone(); values.len()];
    Some(cast_args(ctx, values, &targets).map(|values| (values, common)))
}
