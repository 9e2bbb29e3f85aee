//! The hash of keys: stable over releases, for it decides the key group, and with it the place, of every row of state.
//!
//! - A NULL hashes to a constant. A fixed-width value is widened to 64 bits (integers and times by sign, FLOAT and DOUBLE
//!   by the bits of the double, BOOLEAN as 0 or 1; DECIMAL to 128 bits, its two halves mixed one after the other) and goes
//!   through murmur3's 64-bit finalizer. Strings and bytes go through XXH3-64 (seed 0).
//! - Columns, fields and elements are folded from left to right: `h = mix(h * 31 + hash(value))`, from `h = 0` for rows,
//!   from the number of elements for arrays and maps.
//! - The key group is the top part of a second mixing: `(mix(hash ^ GROUP_SEED) >> 32) * max_parallelism >> 32`, so that
//!   keys of one group still spread over the index of a table.

use arrow::array::cast::AsArray;
use arrow::array::types::{
    Date32Type, Decimal128Type, DurationMillisecondType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalYearMonthType, Time32MillisecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType};
use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};

use crate::error::StateError;

const NULL_HASH: u64 = 0x9e37_79b9_7f4a_7c15;
const GROUP_SEED: u64 = 0x2545_f491_4f6c_dd1d;

/// murmur3's finalizer for 64 bits.
#[inline]
pub const fn mix(mut h: u64) -> u64 {
    h ^= h >> 33;
    h = h.wrapping_mul(0xff51_afd7_ed55_8ccd);
    h ^= h >> 33;
    h = h.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 33)
}

#[inline]
const fn fold(h: u64, value: u64) -> u64 {
    mix(h.wrapping_mul(31).wrapping_add(value))
}

#[inline]
pub(crate) const fn hash_i64(value: i64) -> u64 {
    mix(value as u64)
}

#[inline]
pub(crate) fn hash_bytes(value: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(value)
}

/// The hash of each row of `columns`, all of one length `rows`.
///
/// # Errors
/// When a column's type can't be a key.
pub fn hash_rows(columns: &[ArrayRef], rows: usize) -> Result<Vec<u64>, StateError> {
    let mut hashes = vec![0; rows];
    for column in columns {
        fold_column(column.as_ref(), &mut hashes)?;
    }
    Ok(hashes)
}

/// The key group of a hash: `0 .. max_parallelism`.
#[inline]
pub const fn key_group(hash: u64, max_parallelism: usize) -> usize {
    (((mix(hash ^ GROUP_SEED) >> 32) * max_parallelism as u64) >> 32) as usize
}

/// The subtask that owns a key group (Flink's `computeOperatorIndexForKeyGroup`).
#[inline]
pub const fn subtask_of_key_group(
    key_group: usize,
    parallelism: usize,
    max_parallelism: usize,
) -> usize {
    key_group * parallelism / max_parallelism
}

/// The key groups that a subtask owns (Flink's `computeKeyGroupRangeForOperatorIndex`).
pub const fn key_groups_of_subtask(
    subtask: usize,
    parallelism: usize,
    max_parallelism: usize,
) -> std::ops::Range<usize> {
    let start = (subtask * max_parallelism).div_ceil(parallelism);
    let end = ((subtask + 1) * max_parallelism).div_ceil(parallelism);
    start..end
}

fn fold_column(column: &dyn Array, hashes: &mut [u64]) -> Result<(), StateError> {
    use DataType as D;
    match column.data_type() {
        D::Null => hashes.iter_mut().for_each(|h| *h = fold(*h, NULL_HASH)),
        D::Boolean => {
            let values = column.as_boolean();
            fold_with(column, hashes, |i| hash_i64(i64::from(values.value(i))));
        }
        D::Int8 => primitive::<Int8Type>(column, hashes, i64::from),
        D::Int16 => primitive::<Int16Type>(column, hashes, i64::from),
        D::Int32 => primitive::<Int32Type>(column, hashes, i64::from),
        D::Int64 => primitive::<Int64Type>(column, hashes, |v| v),
        D::Float32 => {
            primitive::<Float32Type>(column, hashes, |v| f64::from(v).to_bits() as i64);
        }
        D::Float64 => primitive::<Float64Type>(column, hashes, |v| v.to_bits() as i64),
        D::Decimal128(..) => {
            let values = column.as_primitive::<Decimal128Type>().values();
            fold_with(column, hashes, |i| {
                let value = values[i];
                fold(hash_i64((value >> 64) as i64), value as u64)
            });
        }
        D::Date32 => primitive::<Date32Type>(column, hashes, i64::from),
        D::Time32(TimeUnit::Millisecond) => {
            primitive::<Time32MillisecondType>(column, hashes, i64::from);
        }
        D::Timestamp(TimeUnit::Millisecond, _) => {
            primitive::<TimestampMillisecondType>(column, hashes, |v| v);
        }
        D::Timestamp(TimeUnit::Microsecond, _) => {
            primitive::<TimestampMicrosecondType>(column, hashes, |v| v);
        }
        D::Timestamp(TimeUnit::Nanosecond, _) => {
            primitive::<TimestampNanosecondType>(column, hashes, |v| v);
        }
        D::Interval(IntervalUnit::YearMonth) => {
            primitive::<IntervalYearMonthType>(column, hashes, i64::from);
        }
        D::Duration(TimeUnit::Millisecond) => {
            primitive::<DurationMillisecondType>(column, hashes, |v| v);
        }
        D::Utf8View => {
            let values = column.as_string_view();
            fold_with(column, hashes, |i| hash_bytes(values.value(i).as_bytes()));
        }
        D::BinaryView => {
            let values = column.as_binary_view();
            fold_with(column, hashes, |i| hash_bytes(values.value(i)));
        }
        D::Struct(_) | D::List(_) | D::Map(..) => fold_nested(column, hashes)?,
        other => return Err(StateError::Key(other.to_string())),
    }
    Ok(())
}

fn fold_nested(column: &dyn Array, hashes: &mut [u64]) -> Result<(), StateError> {
    match column.data_type() {
        DataType::Struct(_) => {
            let rows = column.as_struct();
            let fields = hash_rows(rows.columns(), rows.len())?;
            fold_with(column, hashes, |i| fields[i]);
        }
        DataType::List(_) => {
            let lists = column.as_list::<i32>();
            let elements = hash_rows(std::slice::from_ref(lists.values()), lists.values().len())?;
            fold_elements(column, hashes, lists.value_offsets(), &elements);
        }
        _ => {
            let maps = column.as_map();
            let entries = hash_rows(maps.entries().columns(), maps.entries().len())?;
            fold_elements(column, hashes, maps.value_offsets(), &entries);
        }
    }
    Ok(())
}

fn fold_elements(column: &dyn Array, hashes: &mut [u64], offsets: &[i32], elements: &[u64]) {
    fold_with(column, hashes, |i| {
        let range = offsets[i] as usize..offsets[i + 1] as usize;
        let length = range.len() as u64;
        elements[range].iter().fold(length, |h, e| fold(h, *e))
    });
}

fn primitive<T: ArrowPrimitiveType>(
    column: &dyn Array,
    hashes: &mut [u64],
    widen: impl Fn(T::Native) -> i64,
) {
    let values = column.as_primitive::<T>().values();
    fold_with(column, hashes, |i| hash_i64(widen(values[i])));
}

#[inline]
fn fold_with(column: &dyn Array, hashes: &mut [u64], hash: impl Fn(usize) -> u64) {
    match column.nulls() {
        None => {
            for (i, h) in hashes.iter_mut().enumerate() {
                *h = fold(*h, hash(i));
            }
        }
        Some(nulls) => {
            for (i, h) in hashes.iter_mut().enumerate() {
                let value = if nulls.is_valid(i) {
                    hash(i)
                } else {
                    NULL_HASH
                };
                *h = fold(*h, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, Int64Array, StringViewArray};

    use super::*;

    /// The hash is a lasting format: these values must never change.
    #[test]
    fn hashes_are_pinned() {
        let ints: ArrayRef = Arc::new(Int64Array::from(vec![Some(0), Some(1), Some(-1), None]));
        let text: ArrayRef = Arc::new(StringViewArray::from(vec!["", "a", "key", "NULL"]));
        let hashes = hash_rows(&[ints, text], 4).unwrap();
        let groups: Vec<usize> = hashes.iter().map(|h| key_group(*h, 128)).collect();
        assert!(groups.iter().all(|g| *g < 128));
        assert_eq!(mix(1), 0xb456_bcfc_34c2_cb2c, "murmur3's fmix64(1)");
        assert_eq!(hash_bytes(b""), 0x2d06_8005_38d3_94c2, "XXH3-64 of nothing");
    }

    #[test]
    fn integers_of_any_width_hash_alike() {
        let narrow: ArrayRef = Arc::new(Int32Array::from(vec![7, -7]));
        let wide: ArrayRef = Arc::new(Int64Array::from(vec![7, -7]));
        assert_eq!(
            hash_rows(&[narrow], 2).unwrap(),
            hash_rows(&[wide], 2).unwrap()
        );
    }

    #[test]
    fn every_key_group_has_one_owner() {
        for (parallelism, max) in [(1, 128), (3, 128), (4, 128), (7, 10)] {
            let mut owned = Vec::new();
            for subtask in 0..parallelism {
                for group in key_groups_of_subtask(subtask, parallelism, max) {
                    assert_eq!(subtask_of_key_group(group, parallelism, max), subtask);
                    owned.push(group);
                }
            }
            assert_eq!(owned, (0..max).collect::<Vec<_>>());
        }
    }
}
