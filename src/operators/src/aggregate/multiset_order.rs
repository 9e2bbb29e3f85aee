//! The order in which Java's HashMap gives out its keys, in which Flink prints a multiset.

use arrow::array::cast::AsArray;
use arrow::array::types::{Int8Type, Int16Type, Int32Type, Int64Type};
use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;

use super::lists::ListBuilder;

/// The lists' entries in order, list by list. Values of other types than integers and texts stay in the order of their
/// coming.
pub(super) fn order(lists: &ListBuilder, values: &ArrayRef) -> Vec<u32> {
    let mut order: Vec<u32> = (0..lists.entries.len() as u32).collect();
    let Some(hashes) = hashes(values) else {
        return order;
    };
    for list in 0..lists.len() {
        let range = lists.range(list);
        let mut buckets = 16u32;
        while range.len() as u32 > buckets / 4 * 3 {
            buckets *= 2;
        }
        order[range].sort_by_key(|i| {
            let hash = hashes[*i as usize];
            (hash ^ (hash >> 16)) & (buckets - 1)
        });
    }
    order
}

/// `hashCode` of each value as Flink holds it.
fn hashes(values: &ArrayRef) -> Option<Vec<u32>> {
    let rows = 0..values.len();
    Some(match values.data_type() {
        DataType::Int8 => {
            let values = values.as_primitive::<Int8Type>();
            rows.map(|i| i32::from(values.value(i)) as u32).collect()
        }
        DataType::Int16 => {
            let values = values.as_primitive::<Int16Type>();
            rows.map(|i| i32::from(values.value(i)) as u32).collect()
        }
        DataType::Int32 => {
            let values = values.as_primitive::<Int32Type>();
            rows.map(|i| values.value(i) as u32).collect()
        }
        DataType::Int64 => {
            let values = values.as_primitive::<Int64Type>();
            rows.map(|i| long_hash(values.value(i))).collect()
        }
        DataType::Utf8View => {
            let values = values.as_string_view();
            rows.map(|i| text_hash(values.value(i).as_bytes()))
                .collect()
        }
        _ => return None,
    })
}

fn long_hash(value: i64) -> u32 {
    (value ^ ((value as u64) >> 32) as i64) as u32
}

/// `BinaryStringData.hashCode`: murmur3 of 32 bits with seed 42 over the bytes, the ones behind the last whole word each
/// mixed as a word of its own.
fn text_hash(bytes: &[u8]) -> u32 {
    let mut words = bytes.chunks_exact(4);
    let mut hash = 42u32;
    for word in words.by_ref() {
        hash = mixed(
            hash,
            word.iter().rev().fold(0, |w, b| w << 8 | u32::from(*b)),
        );
    }
    for byte in words.remainder() {
        hash = mixed(hash, *byte as i8 as u32);
    }
    hash ^= bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

fn mixed(hash: u32, word: u32) -> u32 {
    let word = word.wrapping_mul(0xcc9e_2d51).rotate_left(15);
    let hash = hash ^ word.wrapping_mul(0x1b87_3593);
    hash.rotate_left(13)
        .wrapping_mul(5)
        .wrapping_add(0xe654_6b64)
}
