//! Rows as Flink's BinaryRowData lays them out, of whose bytes it makes their hash codes: null bits, eight bytes a field, and
//! behind those the longer values.

use arrow::array::cast::AsArray;
use arrow::array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time32MillisecondType, TimestampMillisecondType, TimestampSecondType,
};
use arrow::array::{Array, ArrayRef, StructArray};
use arrow::datatypes::{DataType, TimeUnit};

/// The digits of a DECIMAL that eight bytes hold.
const COMPACT_DIGITS_MAX: u8 = 18;
/// The null bits begin with a byte for the row's kind.
const HEADER_BITS: usize = 8;

/// How a field's values stand in its row.
enum FieldBytes<'a> {
    /// In the field's own eight bytes.
    Fixed(Box<dyn Fn(usize) -> [u8; 8] + 'a>),
    /// In them where they are short, else behind.
    Bytes(Box<dyn Fn(usize) -> &'a [u8] + 'a>),
    Row(Rows<'a>),
}

/// The rows of an array.
pub(super) struct Rows<'a> {
    array: &'a StructArray,
    fields: Vec<FieldBytes<'a>>,
}

impl<'a> Rows<'a> {
    /// None where a field is of a type whose layout isn't known here.
    pub fn of(array: &'a StructArray) -> Option<Rows<'a>> {
        let fields = array.columns().iter().map(field_bytes);
        let fields = fields.collect::<Option<Vec<_>>>()?;
        Some(Rows { array, fields })
    }

    /// A row's bytes.
    pub fn bytes(&self, row: usize) -> Vec<u8> {
        let null_bytes = (self.fields.len() + HEADER_BITS).div_ceil(64) * 8;
        let mut bytes = vec![0; null_bytes + self.fields.len() * 8];
        for (i, (field, column)) in self.fields.iter().zip(self.array.columns()).enumerate() {
            if column.is_null(row) {
                let bit = HEADER_BITS + i;
                bytes[bit / 8] |= 1 << (bit % 8);
                continue;
            }
            let fixed = match field {
                FieldBytes::Fixed(value) => value(row),
                FieldBytes::Bytes(value) => match value(row) {
                    short if short.len() < 8 => inlined(short),
                    long => appended(&mut bytes, long),
                },
                FieldBytes::Row(rows) => appended(&mut bytes, &rows.bytes(row)),
            };
            let at = null_bytes + i * 8;
            bytes[at..at + 8].copy_from_slice(&fixed);
        }
        bytes
    }
}

fn field_bytes(column: &ArrayRef) -> Option<FieldBytes<'_>> {
    macro_rules! fixed {
        ($type:ty, $as:ty) => {{
            let values = column.as_primitive::<$type>().values();
            FieldBytes::Fixed(Box::new(|row| {
                let mut bytes = [0; 8];
                let value = (values[row] as $as).to_le_bytes();
                bytes[..value.len()].copy_from_slice(&value);
                bytes
            }))
        }};
    }
    Some(match column.data_type() {
        DataType::Boolean => {
            let values = column.as_boolean();
            FieldBytes::Fixed(Box::new(|row| u64::from(values.value(row)).to_le_bytes()))
        }
        DataType::Int8 => fixed!(Int8Type, i8),
        DataType::Int16 => fixed!(Int16Type, i16),
        DataType::Int32 => fixed!(Int32Type, i32),
        DataType::Int64 => fixed!(Int64Type, i64),
        DataType::Float32 => fixed!(Float32Type, f32),
        DataType::Float64 => fixed!(Float64Type, f64),
        DataType::Date32 => fixed!(Date32Type, i32),
        DataType::Time32(TimeUnit::Millisecond) => fixed!(Time32MillisecondType, i32),
        DataType::Timestamp(TimeUnit::Millisecond, _) => fixed!(TimestampMillisecondType, i64),
        DataType::Timestamp(TimeUnit::Second, _) => {
            let values = column.as_primitive::<TimestampSecondType>().values();
            FieldBytes::Fixed(Box::new(|row| (values[row] * 1000).to_le_bytes()))
        }
        DataType::Decimal128(digits, _) if *digits <= COMPACT_DIGITS_MAX => {
            fixed!(Decimal128Type, i64)
        }
        DataType::Utf8View => {
            let values = column.as_string_view();
            FieldBytes::Bytes(Box::new(|row| values.value(row).as_bytes()))
        }
        DataType::BinaryView => {
            let values = column.as_binary_view();
            FieldBytes::Bytes(Box::new(|row| values.value(row)))
        }
        DataType::Struct(_) => FieldBytes::Row(Rows::of(column.as_struct())?),
        _ => return None,
    })
}

/// Up to seven bytes, with their count in the last.
fn inlined(value: &[u8]) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..value.len()].copy_from_slice(value);
    bytes[7] = 0x80 | value.len() as u8;
    bytes
}

/// Puts a value behind the fields, filled up to eight bytes; where it stands and its length.
fn appended(row: &mut Vec<u8>, value: &[u8]) -> [u8; 8] {
    let place = (row.len() as u64) << 32 | value.len() as u64;
    row.extend_from_slice(value);
    row.resize(row.len().next_multiple_of(8), 0);
    place.to_le_bytes()
}
