//! ITEM: `array[index]`, `map[key]`, `variant[key or index]`.
//!
//! Where there is nothing, the result is NULL; for elements and values that are NOT NULL numbers Flink gives -1 instead,
//! and so it does for a NULL index into a constant.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use filbert_types::{LogicalType, TypeKind};

use super::elements::{Keys, range};
use crate::CallError;
use crate::cast::{CastSupport, support};
use crate::definition::{Function, Inferred};
use crate::json::value::Json;
use crate::kernel::{Call, fail};
use crate::signature::CallArgs;
use crate::variant;

pub static FUNCTIONS: &[Function] = &[Function::kernel(
    "ITEM",
    &[
        "<ARRAY>[<INTEGER>]",
        "<MAP>[<KEY>]",
        "<VARIANT>[<INTEGER> | <CHARACTER>]",
    ],
    "An array's element by its position from 1, a map's value by its key, or a part of a variant.",
    infer,
    item,
)
.hidden()
.fallible()];

fn infer(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    if call.len() != 2 {
        return Err(call.wrong_count(&[2]));
    }
    let (source, index) = (call.ty(0).clone(), call.ty(1));
    let is_null = index.kind == TypeKind::Null;
    let (key, result) = match &source.kind {
        TypeKind::Array(element) if index.kind.is_integer() || is_null => {
            check_position(call)?;
            (TypeKind::Int, element.kind.clone())
        }
        TypeKind::Map(key, value) => {
            let accepted = is_null
                || (key.kind.is_character() && index.kind.is_character())
                || matches!(support(index, key), CastSupport::Implicit);
            if !accepted {
                return Err(call.refuse());
            }
            let kind = if key.kind.is_character() && !is_null {
                index.kind.clone()
            } else {
                key.kind.clone()
            };
            (kind, value.kind.clone())
        }
        TypeKind::Variant if index.kind.is_character() => (index.kind.clone(), TypeKind::Variant),
        TypeKind::Variant if index.kind.is_integer() => (TypeKind::Int, TypeKind::Variant),
        _ => return Err(call.refuse()),
    };
    let nullable = index.nullable || is_null;
    let types = vec![source, LogicalType::new(key, nullable)];
    Ok(call.returns_nullable(types, result))
}

fn check_position(call: &CallArgs<'_>) -> Result<(), CallError> {
    let position = match call.args[1].literal() {
        Some(ScalarValue::Int32(Some(v))) => i64::from(*v),
        Some(ScalarValue::Int64(Some(v))) => *v,
        _ => return Ok(()),
    };
    if position < 1 {
        return Err(CallError::Invalid(out_of_bounds(position)));
    }
    Ok(())
}

fn out_of_bounds(position: i64) -> String {
    format!("Array element access needs an index starting at 1 but was {position}.")
}

fn item(call: &Call<'_>) -> Result<ArrayRef> {
    match &call.arg_types[0].kind {
        TypeKind::Array(element) => array_item(call, element),
        TypeKind::Map(_, value) => map_item(call, value),
        _ => variant_item(call),
    }
}

/// The values at these places of a column. Where there is none: NULL, or -1 for numbers that are declared NOT NULL.
fn pick(
    call: &Call<'_>,
    values: &ArrayRef,
    ty: &LogicalType,
    places: Vec<Option<u32>>,
    missing: &[usize],
) -> Result<ArrayRef> {
    let picked = compute::take(values, &UInt32Array::from(places), None)?;
    if missing.is_empty() || ty.nullable {
        return Ok(picked);
    }
    let Some(default) = default_of(&call.return_type.arrow()) else {
        return Ok(picked);
    };
    let mut is_missing = vec![false; picked.len()];
    missing.iter().for_each(|row| is_missing[*row] = true);
    let mask = arrow::array::BooleanArray::from(is_missing);
    Ok(compute::kernels::zip::zip(
        &mask,
        &default.to_scalar()?,
        &picked,
    )?)
}

/// What the code that Flink generates holds in a variable of a primitive type before a value is there.
fn default_of(ty: &DataType) -> Option<ScalarValue> {
    match ty {
        DataType::Boolean => Some(ScalarValue::Boolean(Some(false))),
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Date32
        | DataType::Time32(_)
        | DataType::Duration(_)
        | DataType::Interval(_) => {
            let minus_one = ScalarValue::Int64(Some(-1));
            match ty {
                DataType::Date32 | DataType::Time32(_) | DataType::Interval(_) => minus_one
                    .cast_to(&DataType::Int32)
                    .and_then(|v| v.cast_to(ty))
                    .ok(),
                ty => minus_one.cast_to(ty).ok(),
            }
        }
        _ => None,
    }
}

fn array_item(call: &Call<'_>, element: &LogicalType) -> Result<ArrayRef> {
    let lists = call.lists(0)?;
    let positions = call.ints(1)?;
    let mut places = Vec::with_capacity(call.rows);
    let mut missing = Vec::new();
    for row in 0..call.rows {
        let Some(elements) = range(&lists, row) else {
            places.push(None);
            continue;
        };
        let Some(position) = positions.get(row) else {
            places.push(None);
            if lists.is_constant() {
                missing.push(row);
            }
            continue;
        };
        if position < 1 {
            return Err(fail(out_of_bounds(position.into())));
        }
        let place = elements.start + position as usize - 1;
        if place < elements.end {
            places.push(Some(place as u32));
        } else {
            places.push(None);
            missing.push(row);
        }
    }
    pick(call, lists.array().values(), element, places, &missing)
}

fn map_item(call: &Call<'_>, value: &LogicalType) -> Result<ArrayRef> {
    let maps = call.maps(0)?;
    let wanted = call.array(1)?;
    let keys = Keys::of(&[Arc::clone(maps.array().keys()), Arc::clone(&wanted)])?;
    let offsets = maps.array().value_offsets();
    let mut places = Vec::with_capacity(call.rows);
    let mut missing = Vec::new();
    for row in 0..call.rows {
        if maps.is_null(row) {
            places.push(None);
            continue;
        }
        let index = maps.index(row);
        let mut entries = offsets[index] as usize..offsets[index + 1] as usize;
        // A NULL key is never found, not even the map's own.
        let place = match wanted.is_null(row) {
            true => None,
            false => entries.find(|i| keys.equal((0, *i), (1, row))),
        };
        if place.is_none() && (maps.is_constant() || !wanted.is_null(row)) {
            missing.push(row);
        }
        places.push(place.map(|p| p as u32));
    }
    pick(call, maps.array().values(), value, places, &missing)
}

fn variant_item(call: &Call<'_>) -> Result<ArrayRef> {
    let variants = call.bytes(0)?;
    let index = call.array(1)?;
    let by_key = index.as_string_view_opt().cloned();
    let by_position = index
        .as_primitive_opt::<arrow::datatypes::Int32Type>()
        .cloned();
    call.strict_bytes(|row, out| {
        let value = variant::read(variants.value(row)).map_err(fail)?;
        let found = match (value, &by_key, &by_position) {
            (Json::Object(fields), Some(keys), _) => fields
                .into_iter()
                .find(|(k, _)| k == keys.value(row))
                .map(|(_, v)| v),
            (_, Some(_), _) => {
                return Err(fail(
                    "String key access on variant requires an object variant, but a non-object variant was provided.",
                ));
            }
            (Json::Array(items), None, Some(positions)) => {
                usize::try_from(i64::from(positions.value(row)) - 1)
                    .ok()
                    .and_then(|i| items.into_iter().nth(i))
            }
            _ => {
                return Err(fail(
                    "Integer index access on variant requires an array variant, but a non-array variant was provided.",
                ));
            }
        };
        match found {
            Some(value) => {
                out.extend(value.text().into_bytes());
                Ok(true)
            }
            None => Ok(false),
        }
    })
}
