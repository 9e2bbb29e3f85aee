//! MAP_KEYS, MAP_VALUES, MAP_ENTRIES, MAP_FROM_ARRAYS, MAP_UNION.

use std::sync::Arc;

use arrow::array::{Array, ArrayBuilder, ArrayRef, MapArray, StructArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute;
use arrow::datatypes::DataType;
use datafusion::common::{Result, internal_err};
use filbert_types::{Field, LogicalType, TypeKind};

use super::elements::{Keys, range, renamed};
use crate::CallError;
use crate::common_type::new_style_common_type;
use crate::definition::{Function, Inferred};
use crate::kernel::{Arg, Call, fail};
use crate::signature::{CallArgs, Family, Param};

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "MAP_KEYS",
        &["MAP_KEYS(input <MAP>)"],
        "The keys of a map, as an array.",
        |call| infer_parts(call, |k, _| k),
        |call| parts(call, |m| Arc::clone(m.keys())),
    ),
    Function::kernel(
        "MAP_VALUES",
        &["MAP_VALUES(input <MAP>)"],
        "The values of a map, as an array.",
        |call| infer_parts(call, |_, v| v),
        |call| parts(call, |m| Arc::clone(m.values())),
    ),
    Function::kernel(
        "MAP_ENTRIES",
        &["MAP_ENTRIES(input <MAP>)"],
        "The pairs of a map, as an array of rows with the fields key and value.",
        |call| {
            infer_parts(call, |key, value| {
                let fields = vec![Field::new("key", key), Field::new("value", value)];
                LogicalType::from(TypeKind::Row(fields))
            })
        },
        entries,
    ),
    Function::kernel(
        "MAP_FROM_ARRAYS",
        &["MAP_FROM_ARRAYS(keysArray <ARRAY>, valuesArray <ARRAY>)"],
        "The map of keys and values that two arrays of equal length hold.",
        infer_from_arrays,
        from_arrays,
    )
    .fallible(),
    Function::kernel(
        "MAP_UNION",
        &["MAP_UNION(<COMMON>, <COMMON>...)"],
        "A map with the entries of all; of equal keys the last map's wins.",
        infer_union,
        union,
    ),
];

const MAP: Param = Param::of(Family::Map);
const ARRAY: Param = Param::of(Family::Array);

fn infer_parts(
    call: &CallArgs<'_>,
    element: fn(LogicalType, LogicalType) -> LogicalType,
) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[MAP]])?;
    let TypeKind::Map(key, value) = &types[0].kind else {
        return Err(call.refuse());
    };
    let element = element((**key).clone(), (**value).clone());
    Ok(call.returns(types, TypeKind::Array(Box::new(element))))
}

fn infer_from_arrays(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[ARRAY, ARRAY]])?;
    match (&types[0].kind, &types[1].kind) {
        (TypeKind::Array(key), TypeKind::Array(value)) => {
            let kind = TypeKind::Map(key.clone(), value.clone());
            Ok(call.returns(types, kind))
        }
        _ => Err(call.refuse()),
    }
}

fn infer_union(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches_variadic(&[MAP], &MAP)?;
    let common = new_style_common_type(&types).ok_or_else(|| no_common_type(&types))?;
    let args = types
        .iter()
        .map(|t| common.with_nullable(t.nullable))
        .collect();
    Ok(call.returns(args, common.kind))
}

pub(super) fn no_common_type(types: &[LogicalType]) -> CallError {
    let types: Vec<String> = types.iter().map(LogicalType::to_string).collect();
    CallError::Invalid(format!(
        "Could not find a common type for arguments: [{}]",
        types.join(", ")
    ))
}

fn list_field(call: &Call<'_>) -> Result<arrow::datatypes::FieldRef> {
    match call.return_type.arrow() {
        DataType::List(field) => Ok(field),
        other => internal_err!("{} gives {other}, no array", call.name),
    }
}

fn parts(call: &Call<'_>, part: fn(&MapArray) -> ArrayRef) -> Result<ArrayRef> {
    let maps = call.maps(0)?;
    let maps = maps.array();
    let values = renamed(&part(maps), list_field(call)?.data_type())?;
    let array = arrow::array::ListArray::try_new(
        list_field(call)?,
        maps.offsets().clone(),
        values,
        maps.nulls().cloned(),
    )?;
    Ok(Arc::new(array))
}

fn entries(call: &Call<'_>) -> Result<ArrayRef> {
    let maps = call.maps(0)?;
    let maps = maps.array();
    let field = list_field(call)?;
    let DataType::Struct(fields) = field.data_type() else {
        return internal_err!("{} gives no rows", call.name);
    };
    let pairs = StructArray::try_new(
        fields.clone(),
        vec![
            renamed(maps.keys(), fields[0].data_type())?,
            renamed(maps.values(), fields[1].data_type())?,
        ],
        None,
    )?;
    let array = arrow::array::ListArray::try_new(
        field,
        maps.offsets().clone(),
        Arc::new(pairs),
        maps.nulls().cloned(),
    )?;
    Ok(Arc::new(array))
}

/// A column of maps out of columns of keys and values.
fn build_map(
    return_type: &LogicalType,
    offsets: OffsetBuffer<i32>,
    keys: ArrayRef,
    values: ArrayRef,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let DataType::Map(field, sorted) = return_type.arrow() else {
        return internal_err!("{return_type} is no map");
    };
    let DataType::Struct(fields) = field.data_type() else {
        return internal_err!("{return_type} has no entries");
    };
    let columns = vec![
        renamed(&keys, fields[0].data_type())?,
        renamed(&values, fields[1].data_type())?,
    ];
    let entries = StructArray::try_new(fields.clone(), columns, None)?;
    let map = MapArray::try_new(field, offsets, entries, nulls, sorted)?;
    Ok(Arc::new(map))
}

fn from_arrays(call: &Call<'_>) -> Result<ArrayRef> {
    let (keys, values) = (call.lists(0)?, call.lists(1)?);
    let mut lengths = Vec::with_capacity(call.rows);
    let mut valid = Vec::with_capacity(call.rows);
    let (mut key_indices, mut value_indices) = (Vec::new(), Vec::new());
    for row in 0..call.rows {
        let (Some(k), Some(v)) = (range(&keys, row), range(&values, row)) else {
            lengths.push(0);
            valid.push(false);
            continue;
        };
        if k.len() != v.len() {
            return Err(fail(format!(
                "Invalid function MAP_FROM_ARRAYS call:\nThe length of the keys array {} is not equal to the length of the values array {}",
                k.len(),
                v.len()
            )));
        }
        lengths.push(k.len());
        valid.push(true);
        key_indices.extend(k.map(|i| i as u32));
        value_indices.extend(v.map(|i| i as u32));
    }
    let keys = compute::take(keys.array().values(), &UInt32Array::from(key_indices), None)?;
    let values = compute::take(
        values.array().values(),
        &UInt32Array::from(value_indices),
        None,
    )?;
    let nulls = NullBuffer::from(valid);
    let nulls = (nulls.null_count() > 0).then_some(nulls);
    build_map(
        call.return_type,
        OffsetBuffer::from_lengths(lengths),
        keys,
        values,
        nulls,
    )
}

/// The entries of the last map come first, then of the one before those whose keys are new, and so on, as in Flink.
fn union(call: &Call<'_>) -> Result<ArrayRef> {
    let maps: Vec<Arg<MapArray>> = (0..call.args.len())
        .map(|i| call.maps(i))
        .collect::<Result<_>>()?;
    let key_columns: Vec<ArrayRef> = maps.iter().map(|m| Arc::clone(m.array().keys())).collect();
    let value_columns: Vec<ArrayRef> = maps
        .iter()
        .map(|m| Arc::clone(m.array().values()))
        .collect();
    let keys = Keys::of(&key_columns)?;
    let mut picked: Vec<(usize, usize)> = Vec::new();
    let mut lengths = Vec::with_capacity(call.rows);
    let mut valid = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let begin = picked.len();
        let has_null = maps.iter().any(|m| m.is_null(row));
        valid.push(!has_null);
        if !has_null {
            for (column, map) in maps.iter().enumerate().rev() {
                let offsets = map.array().value_offsets();
                let index = map.index(row);
                for entry in offsets[index] as usize..offsets[index + 1] as usize {
                    let known = picked[begin..]
                        .iter()
                        .any(|p| keys.equal(*p, (column, entry)));
                    if !known {
                        picked.push((column, entry));
                    }
                }
            }
        }
        lengths.push(picked.len() - begin);
    }
    let gather = |columns: &[ArrayRef]| -> Result<ArrayRef> {
        let columns: Vec<&dyn Array> = columns.iter().map(AsRef::as_ref).collect();
        Ok(compute::interleave(&columns, &picked)?)
    };
    let nulls = NullBuffer::from(valid);
    let nulls = (nulls.null_count() > 0).then_some(nulls);
    build_map(
        call.return_type,
        OffsetBuffer::from_lengths(lengths),
        gather(&key_columns)?,
        gather(&value_columns)?,
        nulls,
    )
}

/// Builds a column of maps entry by entry.
pub(crate) struct MapWriter<K, V> {
    pub(crate) keys: K,
    pub(crate) values: V,
    lengths: Vec<usize>,
    valid: Vec<bool>,
    written: usize,
}

impl<K: ArrayBuilder, V: ArrayBuilder> MapWriter<K, V> {
    pub(crate) fn new(keys: K, values: V) -> MapWriter<K, V> {
        MapWriter {
            keys,
            values,
            lengths: Vec::new(),
            valid: Vec::new(),
            written: 0,
        }
    }

    /// Ends a row's map.
    pub(crate) fn append(&mut self) {
        self.lengths.push(self.keys.len() - self.written);
        self.written = self.keys.len();
        self.valid.push(true);
    }

    pub(crate) fn append_null(&mut self) {
        self.lengths.push(0);
        self.valid.push(false);
    }

    pub(crate) fn finish(mut self, return_type: &LogicalType) -> Result<ArrayRef> {
        let nulls = NullBuffer::from(self.valid);
        let nulls = (nulls.null_count() > 0).then_some(nulls);
        build_map(
            return_type,
            OffsetBuffer::from_lengths(self.lengths),
            self.keys.finish(),
            self.values.finish(),
            nulls,
        )
    }
}
