//! The order in which Java's HashMap gives out its keys: Flink's for the entries of a multiset, and of a map after a cast.

mod binary_row;

use arrow::array::cast::AsArray;
use arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, DurationMillisecondType, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalYearMonthType,
    Time32MillisecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};

use crate::builtins::hash::{binary_hash, decimal_hash, long_hash};
use binary_row::Rows;

/// `hashCode` of each of some values as Flink holds them.
pub struct HashCodes(Vec<i32>);

impl HashCodes {
    /// None for types whose hash codes are no function of the value alone: those stay in the order of their coming.
    pub fn of(values: &ArrayRef) -> Option<HashCodes> {
        let hashes = match values.data_type() {
            DataType::Boolean => {
                let values = values.as_boolean();
                let hash = |i| if values.value(i) { 1231 } else { 1237 };
                (0..values.len()).map(hash).collect()
            }
            DataType::Int8 => each::<Int8Type>(values, i32::from),
            DataType::Int16 => each::<Int16Type>(values, i32::from),
            DataType::Int32 => each::<Int32Type>(values, |v| v),
            DataType::Int64 => each::<Int64Type>(values, long_hash),
            DataType::Float32 => each::<Float32Type>(values, |v| v.to_bits() as i32),
            DataType::Float64 => each::<Float64Type>(values, |v| long_hash(v.to_bits() as i64)),
            DataType::Decimal128(_, scale) => {
                each::<Decimal128Type>(values, |v| decimal_hash(v, *scale))
            }
            DataType::Date32 => each::<Date32Type>(values, |v| v),
            DataType::Time32(TimeUnit::Millisecond) => each::<Time32MillisecondType>(values, |v| v),
            DataType::Timestamp(unit, _) => match unit {
                TimeUnit::Second => each::<TimestampSecondType>(values, |v| timestamp_hash(v, 1)),
                TimeUnit::Millisecond => {
                    each::<TimestampMillisecondType>(values, |v| timestamp_hash(v, 1_000))
                }
                TimeUnit::Microsecond => {
                    each::<TimestampMicrosecondType>(values, |v| timestamp_hash(v, 1_000_000))
                }
                TimeUnit::Nanosecond => {
                    each::<TimestampNanosecondType>(values, |v| timestamp_hash(v, 1_000_000_000))
                }
            },
            DataType::Interval(IntervalUnit::YearMonth) => {
                each::<IntervalYearMonthType>(values, |v| v)
            }
            DataType::Duration(TimeUnit::Millisecond) => {
                each::<DurationMillisecondType>(values, long_hash)
            }
            DataType::Utf8View => {
                let values = values.as_string_view();
                let hash = |i| binary_hash(values.value(i).as_bytes());
                (0..values.len()).map(hash).collect()
            }
            DataType::Struct(_) => {
                let rows = Rows::of(values.as_struct())?;
                let hash = |i| binary_hash(&rows.bytes(i));
                (0..values.len()).map(hash).collect()
            }
            _ => return None,
        };
        Some(HashCodes(hashes))
    }

    /// The hash as a HashMap takes it, from which equal values have equal ones.
    pub(crate) fn spread(&self, place: u32) -> u32 {
        let hash = self.0[place as usize] as u32;
        hash ^ (hash >> 16)
    }

    /// Sorts different values, given by their places among those hashed, from the order in which they were put in.
    pub fn sort(&self, places: &mut [u32]) {
        self.sort_by(places, |place| *place);
    }

    /// As [`sort`](Self::sort), of what has such a place.
    pub(crate) fn sort_by<T>(&self, items: &mut [T], place: impl Fn(&T) -> u32) {
        let mut buckets = 16u32;
        while items.len() as u32 > buckets / 4 * 3 {
            buckets *= 2;
        }
        items.sort_by_key(|item| self.spread(place(item)) & (buckets - 1));
    }
}

fn each<T: ArrowPrimitiveType>(values: &ArrayRef, hash: impl Fn(T::Native) -> i32) -> Vec<i32> {
    let values = values.as_primitive::<T>().values();
    values.iter().map(|v| hash(*v)).collect()
}

/// `TimestampData.hashCode`, of a count of parts of a second.
fn timestamp_hash(value: i64, parts: i64) -> i32 {
    let nanos = i128::from(value) * i128::from(1_000_000_000 / parts);
    let millis = nanos.div_euclid(1_000_000) as i64;
    let rest = nanos.rem_euclid(1_000_000) as i32;
    long_hash(millis).wrapping_mul(31).wrapping_add(rest)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Decimal128Array, Int32Array, StringViewArray, StructArray};
    use arrow::datatypes::Field;

    use super::*;

    fn order(values: ArrayRef) -> Vec<u32> {
        let mut places: Vec<u32> = (0..values.len() as u32).collect();
        HashCodes::of(&values).unwrap().sort(&mut places);
        places
    }

    /// The orders are those in which Flink prints COLLECT of these values.
    #[test]
    fn the_order_is_that_of_a_java_map() {
        let ints = Int32Array::from(vec![100, 3, 17, -1, 65536]);
        assert_eq!(order(Arc::new(ints)), [3, 2, 4, 1, 0]);
        let texts = StringViewArray::from(vec!["b", "a", "c", "aa", "zz", "B"]);
        assert_eq!(order(Arc::new(texts)), [3, 1, 2, 4, 0, 5]);
        let rows = |numbers: Vec<i32>, texts: Vec<&str>| {
            let numbers: ArrayRef = Arc::new(Int32Array::from(numbers));
            let texts: ArrayRef = Arc::new(StringViewArray::from(texts));
            let fields = vec![
                Field::new("x", DataType::Int32, true),
                Field::new("y", DataType::Utf8View, true),
            ];
            let rows = StructArray::new(fields.into(), vec![numbers, texts], None);
            order(Arc::new(rows))
        };
        assert_eq!(rows(vec![1, 2], vec!["p", "q"]), [1, 0]);
        assert_eq!(rows(vec![1, 1], vec!["p", "z"]), [1, 0]);
        assert_eq!(rows(vec![9, 1], vec!["q", "p"]), [0, 1]);
        let decimals = Decimal128Array::from(vec![150, 50, 1725, 300])
            .with_precision_and_scale(4, 2)
            .unwrap();
        assert_eq!(order(Arc::new(decimals)), [1, 2, 3, 0]);
    }

    #[test]
    fn timestamps_before_1970_have_whole_milliseconds_below_them() {
        assert_eq!(timestamp_hash(-1, 1_000_000), long_hash(-1) * 31 + 999_000);
        assert_eq!(timestamp_hash(1_500, 1_000_000), 31 + 500_000);
    }
}
