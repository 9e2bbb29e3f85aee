//! BITMAP functions: roaring bitmaps of 32-bit integers in their portable form; negative ones come after the others.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Builder, ListBuilder};
use arrow::datatypes::{Int32Type, Int64Type};
use datafusion::common::{DataFusionError, Result};
use filbert_types::{LogicalType, TypeKind};
use roaring::RoaringBitmap;

use crate::definition::Function;
use crate::kernel::{Call, fail};
use crate::signature::{BYTES, Family, Param};

macro_rules! combine {
    ($name:literal, $signature:literal, $doc:literal, $op:expr) => {
        Function::kernel(
            $name,
            &[$signature],
            $doc,
            |call| Ok(call.returns(call.matches(&[&[BITMAP, BITMAP]])?, TypeKind::Bitmap)),
            |call| combine(call, $op),
        )
        .fallible()
    };
}

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "BITMAP_BUILD",
        &["BITMAP_BUILD(array ARRAY<INT>)"],
        "The bitmap of an array's integers.",
        |call| {
            let types = call.matches(&[&[Param::of(Family::Array)]])?;
            match &types[0].kind {
                TypeKind::Array(element) if element.kind == TypeKind::Int => {
                    Ok(call.returns(types, TypeKind::Bitmap))
                }
                TypeKind::Null => {
                    let element = LogicalType::from(TypeKind::Int);
                    let array = LogicalType::from(TypeKind::Array(Box::new(element)));
                    Ok(call.returns(vec![array], TypeKind::Bitmap))
                }
                _ => Err(call.refuse()),
            }
        },
        build,
    ),
    Function::kernel(
        "BITMAP_FROM_BYTES",
        &["BITMAP_FROM_BYTES(bytes <BINARY_STRING>)"],
        "The bitmap of a roaring bitmap's portable form.",
        |call| Ok(call.returns(call.matches(&[&[BYTES]])?, TypeKind::Bitmap)),
        from_bytes,
    )
    .fallible(),
    Function::kernel(
        "BITMAP_TO_BYTES",
        &["BITMAP_TO_BYTES(bitmap <BITMAP>)"],
        "The portable form of the bitmap.",
        |call| Ok(call.returns(call.matches(&[&[BITMAP]])?, TypeKind::BYTES)),
        |call| call.array(0),
    ),
    Function::kernel(
        "BITMAP_TO_ARRAY",
        &["BITMAP_TO_ARRAY(bitmap <BITMAP>)"],
        "The integers of the bitmap, in order.",
        |call| {
            let ints = TypeKind::Array(Box::new(LogicalType::from(TypeKind::Int)));
            Ok(call.returns(call.matches(&[&[BITMAP]])?, ints))
        },
        to_array,
    )
    .fallible(),
    Function::kernel(
        "BITMAP_TO_STRING",
        &["BITMAP_TO_STRING(bitmap <BITMAP>)"],
        "The integers of the bitmap as text: {1,2,3}.",
        |call| Ok(call.returns(call.matches(&[&[BITMAP]])?, TypeKind::STRING)),
        |call| {
            let bitmaps = call.bytes(0)?;
            call.strict_strings(|row, out| {
                out.push_str(&to_text(bitmaps.value(row)).map_err(fail)?);
                Ok(true)
            })
        },
    )
    .fallible(),
    Function::kernel(
        "BITMAP_CARDINALITY",
        &["BITMAP_CARDINALITY(bitmap <BITMAP>)"],
        "How many integers the bitmap has.",
        |call| Ok(call.returns(call.matches(&[&[BITMAP]])?, TypeKind::BigInt)),
        |call| {
            let bitmaps = call.bytes(0)?;
            call.strict::<Int64Type>(|row| Ok(Some(read(bitmaps.value(row))?.len() as i64)))
        },
    )
    .fallible(),
    combine!(
        "BITMAP_AND",
        "BITMAP_AND(bitmap1 <BITMAP>, bitmap2 <BITMAP>)",
        "The integers that both bitmaps have.",
        |a, b| a & b
    ),
    combine!(
        "BITMAP_OR",
        "BITMAP_OR(bitmap1 <BITMAP>, bitmap2 <BITMAP>)",
        "The integers that either bitmap has.",
        |a, b| a | b
    ),
    combine!(
        "BITMAP_XOR",
        "BITMAP_XOR(bitmap1 <BITMAP>, bitmap2 <BITMAP>)",
        "The integers that only one of the bitmaps has.",
        |a, b| a ^ b
    ),
    combine!(
        "BITMAP_ANDNOT",
        "BITMAP_ANDNOT(bitmap1 <BITMAP>, bitmap2 <BITMAP>)",
        "The integers that only the first bitmap has.",
        |a, b| a - b
    ),
];

const BITMAP: Param = Param::of(Family::Bitmap);

/// The bitmap that bytes hold.
pub(crate) fn read(bytes: &[u8]) -> Result<RoaringBitmap, DataFusionError> {
    RoaringBitmap::deserialize_from(bytes)
        .map_err(|e| fail(format!("Failed to deserialize bitmap from bytes: {e}")))
}

/// Adds a bitmap's integers to `values`.
///
/// # Errors
/// When the bytes are no bitmap.
pub fn extend(bytes: &[u8], values: &mut Vec<i32>) -> Result<()> {
    values.extend(read(bytes)?.iter().map(|value| value as i32));
    Ok(())
}

/// The bitmap of these integers, as bytes.
///
/// # Errors
/// When it can't be written.
pub fn of(values: &[i32]) -> Result<Vec<u8>> {
    let bitmap: RoaringBitmap = values.iter().map(|value| *value as u32).collect();
    let mut bytes = Vec::with_capacity(bitmap.serialized_size());
    write(&bitmap, &mut bytes)?;
    Ok(bytes)
}

/// Appends a bitmap's bytes.
pub(crate) fn write(bitmap: &RoaringBitmap, out: &mut Vec<u8>) -> Result<()> {
    bitmap
        .serialize_into(out)
        .map_err(|e| fail(format!("Failed to serialize bitmap: {e}")))
}

/// `{1,2,3}`: the text that printing a BITMAP shows.
pub(crate) fn to_text(bytes: &[u8]) -> Result<String, String> {
    let bitmap = RoaringBitmap::deserialize_from(bytes)
        .map_err(|e| format!("Failed to deserialize bitmap from bytes: {e}"))?;
    let values: Vec<String> = bitmap.iter().map(|v| v.to_string()).collect();
    Ok(format!("{{{}}}", values.join(",")))
}

fn build(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = call.lists(0)?;
    let values = lists.array().values().as_primitive::<Int32Type>();
    let offsets = lists.array().value_offsets();
    call.strict_bytes(|row, out| {
        let index = lists.index(row);
        let elements = offsets[index] as usize..offsets[index + 1] as usize;
        let bitmap: RoaringBitmap = elements
            .filter(|i| values.is_valid(*i))
            .map(|i| values.value(i) as u32)
            .collect();
        write(&bitmap, out)?;
        Ok(true)
    })
}

fn from_bytes(call: &Call<'_>) -> Result<ArrayRef> {
    let bytes = call.bytes(0)?;
    call.strict_bytes(|row, out| {
        write(&read(bytes.value(row))?, out)?;
        Ok(true)
    })
}

fn to_array(call: &Call<'_>) -> Result<ArrayRef> {
    let bitmaps = call.bytes(0)?;
    let mut builder = ListBuilder::new(Int32Builder::new());
    for row in 0..call.rows {
        match bitmaps.get(row) {
            Some(bytes) => {
                read(bytes)?
                    .iter()
                    .for_each(|v| builder.values().append_value(v as i32));
                builder.append(true);
            }
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn combine(
    call: &Call<'_>,
    op: fn(RoaringBitmap, RoaringBitmap) -> RoaringBitmap,
) -> Result<ArrayRef> {
    let (left, right) = (call.bytes(0)?, call.bytes(1)?);
    call.strict_bytes(|row, out| {
        let combined = op(read(left.value(row))?, read(right.value(row))?);
        write(&combined, out)?;
        Ok(true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Flink's BITMAP_TO_BYTES and BITMAP_BUILD showed.
    #[test]
    fn the_portable_form_is_flinks() {
        let mut bytes = vec![];
        write(&[1, 2, 3].into_iter().collect(), &mut bytes).unwrap();
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "3a300000010000000000020010000000010002000300");
        let mut bytes = vec![];
        write(&[u32::MAX, 5, 0].into_iter().collect(), &mut bytes).unwrap();
        assert_eq!(to_text(&bytes).unwrap(), "{0,5,4294967295}");
        assert!(read(&[0]).is_err());
    }
}
