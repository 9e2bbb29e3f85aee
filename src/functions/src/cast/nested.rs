//! Casts of arrays, maps, multisets and rows: element by element. A row of the result fails where one of its elements does.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MapArray, StructArray, UInt32Array, make_comparator,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::compute::{self, SortOptions};
use arrow::datatypes::{DataType, Field as ArrowField};
use datafusion::common::{Result, internal_err};
use filbert_types::{Field, LogicalType};

use super::kernel::Casting;
use crate::hash_order::HashCodes;

/// Casts the elements that lie between the offsets, and moves the offsets to their start.
fn elements(
    casting: &mut Casting<'_>,
    offsets: &OffsetBuffer<i32>,
    columns: &[(&ArrayRef, &LogicalType, &LogicalType)],
) -> Result<(OffsetBuffer<i32>, Vec<ArrayRef>)> {
    let start = offsets.first().copied().unwrap_or(0);
    let end = offsets.last().copied().unwrap_or(0);
    let moved: Vec<i32> = offsets.iter().map(|o| o - start).collect();
    let moved = OffsetBuffer::new(ScalarBuffer::from(moved));
    let mut results = Vec::with_capacity(columns.len());
    for (column, from, to) in columns {
        let used = column.slice(start as usize, (end - start) as usize);
        let mut inner = Casting {
            session: casting.session,
            failed: casting.failed.as_ref().map(|_| Vec::new()),
        };
        results.push(inner.convert(&used, from, to)?);
        if let (Some(failed), Some(inner)) = (&mut casting.failed, inner.failed) {
            let row_of = |element: usize| moved.partition_point(|o| *o <= element as i32) - 1;
            failed.extend(inner.into_iter().map(row_of));
        }
    }
    Ok((moved, results))
}

pub(super) fn list(
    casting: &mut Casting<'_>,
    array: &ArrayRef,
    from: &LogicalType,
    to: &LogicalType,
) -> Result<ArrayRef> {
    let list = array.as_list::<i32>();
    let (offsets, mut values) = elements(casting, list.offsets(), &[(list.values(), from, to)])?;
    let Some(values) = values.pop() else {
        return internal_err!("an array without elements");
    };
    let field = Arc::new(to.arrow_field("item"));
    let nulls = list.nulls().cloned();
    Ok(Arc::new(ListArray::try_new(field, offsets, values, nulls)?))
}

/// The entries in the order in which a `HashMap` that they were put in gives them out: of equal keys the last counts.
fn by_hash(
    hashes: &HashCodes,
    offsets: &OffsetBuffer<i32>,
    columns: &[ArrayRef],
) -> Result<(OffsetBuffer<i32>, Vec<ArrayRef>)> {
    let equal = make_comparator(
        columns[0].as_ref(),
        columns[0].as_ref(),
        SortOptions::default(),
    )?;
    let mut picked: Vec<u32> = Vec::with_capacity(columns[0].len());
    let mut values: Vec<u32> = Vec::with_capacity(columns[0].len());
    let mut lengths = Vec::with_capacity(offsets.len());
    for row in offsets.windows(2) {
        // The first place of each key, and the last value.
        let mut unique: Vec<(u32, u32)> = Vec::with_capacity((row[1] - row[0]) as usize);
        for entry in row[0] as u32..row[1] as u32 {
            let hash = hashes.spread(entry);
            let known = unique.iter_mut().find(|(key, _)| {
                hashes.spread(*key) == hash && equal(*key as usize, entry as usize).is_eq()
            });
            match known {
                Some(known) => known.1 = entry,
                None => unique.push((entry, entry)),
            }
        }
        hashes.sort_by(&mut unique, |(key, _)| *key);
        picked.extend(unique.iter().map(|(key, _)| *key));
        values.extend(unique.iter().map(|(_, value)| *value));
        lengths.push(unique.len());
    }
    let keys = compute::take(&columns[0], &UInt32Array::from(picked), None)?;
    let values = compute::take(&columns[1], &UInt32Array::from(values), None)?;
    Ok((OffsetBuffer::from_lengths(lengths), vec![keys, values]))
}

pub(super) fn map(
    casting: &mut Casting<'_>,
    array: &ArrayRef,
    (from_key, from_value): (&LogicalType, &LogicalType),
    (to_key, to_value): (&LogicalType, &LogicalType),
    target: &DataType,
) -> Result<ArrayRef> {
    let map = array.as_map();
    let (offsets, columns) = elements(
        casting,
        map.offsets(),
        &[
            (map.keys(), from_key, to_key),
            (map.values(), from_value, to_value),
        ],
    )?;
    let (offsets, columns) = match HashCodes::of(&columns[0]) {
        Some(hashes) => by_hash(&hashes, &offsets, &columns)?,
        None => (offsets, columns),
    };
    let DataType::Map(entries, _) = target else {
        return internal_err!("CAST of a map to {target}");
    };
    let DataType::Struct(fields) = entries.data_type() else {
        return internal_err!("CAST of a map to {target}");
    };
    let structs = StructArray::try_new(fields.clone(), columns, None)?;
    let nulls = map.nulls().cloned();
    Ok(Arc::new(MapArray::try_new(
        Arc::clone(entries),
        offsets,
        structs,
        nulls,
        false,
    )?))
}

pub(super) fn row(
    casting: &mut Casting<'_>,
    array: &ArrayRef,
    from: &[Field],
    to: &[Field],
) -> Result<ArrayRef> {
    let row = array.as_struct();
    let mut columns = Vec::with_capacity(to.len());
    let mut fields: Vec<Arc<ArrowField>> = Vec::with_capacity(to.len());
    for ((column, from), to) in row.columns().iter().zip(from).zip(to) {
        columns.push(casting.convert(column, &from.ty, &to.ty)?);
        fields.push(Arc::new(to.ty.arrow_field(&to.name)));
    }
    Ok(Arc::new(StructArray::try_new_with_length(
        fields.into(),
        columns,
        row.nulls().cloned(),
        row.len(),
    )?))
}
