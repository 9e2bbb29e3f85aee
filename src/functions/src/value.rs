//! SQL values one at a time, for users' functions that work row by row.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryViewArray, BooleanArray, Decimal128Array,
    ListArray, MapArray, PrimitiveArray, StringViewArray, StructArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    DataType, Date32Type, DurationMillisecondType, Field, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalYearMonthType, Time32MillisecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};

/// An instant or a local date and time: milliseconds since 1970, and the nanoseconds beyond them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp {
    pub millis: i64,
    /// 0 to 999,999.
    pub nanos: u32,
}

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Timestamp {
        Timestamp { millis, nanos: 0 }
    }

    fn from_unit(value: i64, per_milli: i64) -> Timestamp {
        Timestamp {
            millis: value.div_euclid(per_milli),
            nanos: (value.rem_euclid(per_milli) * (1_000_000 / per_milli)) as u32,
        }
    }

    fn in_unit(self, per_milli: i64) -> Option<i64> {
        let rest = i64::from(self.nanos) / (1_000_000 / per_milli);
        self.millis.checked_mul(per_milli)?.checked_add(rest)
    }
}

/// A value as a row-wise function sees it. The column's type says which of Flink's types it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Boolean(bool),
    /// TINYINT to BIGINT.
    Int(i64),
    Float(f32),
    Double(f64),
    Decimal {
        unscaled: i128,
        scale: i8,
    },
    /// CHAR, VARCHAR, STRING.
    String(String),
    /// BINARY, VARBINARY, BYTES; RAW, VARIANT and BITMAP as they are stored.
    Bytes(Vec<u8>),
    /// Days since 1970.
    Date(i32),
    /// Milliseconds of the day.
    Time(i32),
    /// TIMESTAMP and TIMESTAMP_LTZ.
    Timestamp(Timestamp),
    /// INTERVAL YEAR TO MONTH.
    Months(i32),
    /// INTERVAL DAY TO SECOND, in milliseconds.
    Millis(i64),
    Array(Vec<Value>),
    /// MAP, and MULTISET with its counts.
    Map(Vec<(Value, Value)>),
    Row(Vec<Value>),
}

impl Value {
    pub const fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    pub const fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Double(value) => Some(*value),
            Value::Float(value) => Some(f64::from(*value)),
            Value::Int(value) => Some(*value as f64),
            _ => None,
        }
    }

    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(value) => Some(value),
            _ => None,
        }
    }

    pub const fn as_timestamp(&self) -> Option<Timestamp> {
        match self {
            Value::Timestamp(value) => Some(*value),
            _ => None,
        }
    }

    pub fn as_row(&self) -> Option<&[Value]> {
        match self {
            Value::Row(fields) => Some(fields),
            _ => None,
        }
    }

    /// The value in a row of a column that is in the Arrow form of one of Flink's types.
    ///
    /// # Errors
    /// When the column is in no such form.
    pub fn of(column: &ArrayRef, row: usize) -> Result<Value, String> {
        if column.is_null(row) {
            return Ok(Value::Null);
        }
        Ok(match column.data_type() {
            DataType::Null => Value::Null,
            DataType::Boolean => Value::Boolean(column.as_boolean().value(row)),
            DataType::Int8 => Value::Int(primitive::<Int8Type>(column, row).into()),
            DataType::Int16 => Value::Int(primitive::<Int16Type>(column, row).into()),
            DataType::Int32 => Value::Int(primitive::<Int32Type>(column, row).into()),
            DataType::Int64 => Value::Int(primitive::<Int64Type>(column, row)),
            DataType::Float32 => Value::Float(primitive::<Float32Type>(column, row)),
            DataType::Float64 => Value::Double(primitive::<Float64Type>(column, row)),
            DataType::Decimal128(_, scale) => Value::Decimal {
                unscaled: column
                    .as_primitive::<arrow::datatypes::Decimal128Type>()
                    .value(row),
                scale: *scale,
            },
            DataType::Utf8View => Value::String(column.as_string_view().value(row).to_owned()),
            DataType::BinaryView => Value::Bytes(column.as_binary_view().value(row).to_vec()),
            DataType::Date32 => Value::Date(primitive::<Date32Type>(column, row)),
            DataType::Time32(TimeUnit::Millisecond) => {
                Value::Time(primitive::<Time32MillisecondType>(column, row))
            }
            DataType::Timestamp(unit, _) => Value::Timestamp(timestamp(column, *unit, row)?),
            DataType::Interval(_) => Value::Months(primitive::<IntervalYearMonthType>(column, row)),
            DataType::Duration(TimeUnit::Millisecond) => {
                Value::Millis(primitive::<DurationMillisecondType>(column, row))
            }
            _ => return Value::nested(column, row),
        })
    }

    fn nested(column: &ArrayRef, row: usize) -> Result<Value, String> {
        let all = |column: &ArrayRef| -> Result<Vec<Value>, String> {
            (0..column.len()).map(|i| Value::of(column, i)).collect()
        };
        match column.data_type() {
            DataType::List(_) => Ok(Value::Array(all(&column.as_list::<i32>().value(row))?)),
            DataType::Struct(_) => {
                let fields = column.as_struct().columns().iter();
                let fields = fields.map(|field| Value::of(field, row));
                Ok(Value::Row(fields.collect::<Result<_, _>>()?))
            }
            DataType::Map(..) => {
                let entries = column.as_map().value(row);
                let (keys, values) = (all(entries.column(0))?, all(entries.column(1))?);
                Ok(Value::Map(keys.into_iter().zip(values).collect()))
            }
            other => Err(format!("a column of {other} holds no value of SQL's")),
        }
    }

    /// The values of a row of several columns.
    ///
    /// # Errors
    /// As [`Value::of`].
    pub fn row_of(columns: &[ArrayRef], row: usize) -> Result<Vec<Value>, String> {
        columns.iter().map(|c| Value::of(c, row)).collect()
    }
}

macro_rules! from {
    ($($ty:ty => $make:expr;)*) => {
        $(impl From<$ty> for Value {
            fn from(value: $ty) -> Value {
                $make(value)
            }
        })*
    };
}

from! {
    bool => Value::Boolean;
    i64 => Value::Int;
    i32 => |v| Value::Int(i64::from(v));
    f64 => Value::Double;
    f32 => Value::Float;
    String => Value::String;
    &str => |v: &str| Value::String(v.to_owned());
    Vec<u8> => Value::Bytes;
    Timestamp => Value::Timestamp;
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

fn primitive<T: ArrowPrimitiveType>(column: &ArrayRef, row: usize) -> T::Native {
    column.as_primitive::<T>().value(row)
}

fn timestamp(column: &ArrayRef, unit: TimeUnit, row: usize) -> Result<Timestamp, String> {
    Ok(match unit {
        TimeUnit::Millisecond => {
            Timestamp::from_unit(primitive::<TimestampMillisecondType>(column, row), 1)
        }
        TimeUnit::Microsecond => {
            Timestamp::from_unit(primitive::<TimestampMicrosecondType>(column, row), 1000)
        }
        TimeUnit::Nanosecond => {
            Timestamp::from_unit(primitive::<TimestampNanosecondType>(column, row), 1_000_000)
        }
        TimeUnit::Second => return Err("a timestamp in seconds is none of SQL's".to_owned()),
    })
}

/// A column of these values, in the Arrow form of one of Flink's types.
///
/// # Errors
/// When a value is not of that type, or doesn't fit it.
pub fn column_of<'a>(
    ty: &DataType,
    values: impl Iterator<Item = &'a Value>,
) -> Result<ArrayRef, String> {
    let values: Vec<&Value> = values.collect();
    Ok(match ty {
        DataType::Null => new_null_array(ty, values.len()),
        DataType::Boolean => Arc::new(each(ty, &values, Value::as_bool)?.collect::<BooleanArray>()),
        DataType::Int8 => integers::<Int8Type>(ty, &values)?,
        DataType::Int16 => integers::<Int16Type>(ty, &values)?,
        DataType::Int32 => integers::<Int32Type>(ty, &values)?,
        DataType::Int64 => integers::<Int64Type>(ty, &values)?,
        DataType::Float32 => numbers::<Float32Type>(ty, &values, |v| match v {
            Value::Float(v) => Some(*v),
            _ => v.as_f64().map(|v| v as f32),
        })?,
        DataType::Float64 => numbers::<Float64Type>(ty, &values, Value::as_f64)?,
        DataType::Decimal128(precision, scale) => decimals(ty, &values, *precision, *scale)?,
        DataType::Utf8View => {
            Arc::new(each(ty, &values, Value::as_str)?.collect::<StringViewArray>())
        }
        DataType::BinaryView => {
            let bytes = |v: &'a Value| match v {
                Value::Bytes(bytes) => Some(bytes.as_slice()),
                Value::String(text) => Some(text.as_bytes()),
                _ => None,
            };
            Arc::new(each(ty, &values, bytes)?.collect::<BinaryViewArray>())
        }
        DataType::Date32 => numbers::<Date32Type>(ty, &values, |v| match v {
            Value::Date(days) => Some(*days),
            _ => None,
        })?,
        DataType::Time32(_) => numbers::<Time32MillisecondType>(ty, &values, |v| match v {
            Value::Time(millis) => Some(*millis),
            _ => None,
        })?,
        DataType::Interval(_) => numbers::<IntervalYearMonthType>(ty, &values, |v| match v {
            Value::Months(months) => Some(*months),
            _ => None,
        })?,
        DataType::Duration(_) => numbers::<DurationMillisecondType>(ty, &values, |v| match v {
            Value::Millis(millis) => Some(*millis),
            _ => None,
        })?,
        DataType::Timestamp(unit, zone) => timestamps(ty, &values, *unit, zone.as_deref())?,
        _ => nested_column(ty, &values)?,
    })
}

/// What `get` finds in each value; NULL stays NULL, and a value of another type is refused.
fn each<'a, T>(
    ty: &DataType,
    values: &[&'a Value],
    get: impl Fn(&'a Value) -> Option<T>,
) -> Result<std::vec::IntoIter<Option<T>>, String> {
    let found: Result<Vec<Option<T>>, String> = values
        .iter()
        .map(|value| match value {
            Value::Null => Ok(None),
            value => match get(value) {
                Some(found) => Ok(Some(found)),
                None => Err(format!("{value:?} is no value for a column of {ty}")),
            },
        })
        .collect();
    found.map(Vec::into_iter)
}

fn numbers<'a, T: ArrowPrimitiveType>(
    ty: &DataType,
    values: &[&'a Value],
    get: impl Fn(&'a Value) -> Option<T::Native>,
) -> Result<ArrayRef, String> {
    let array: PrimitiveArray<T> = each(ty, values, get)?.collect();
    Ok(Arc::new(array))
}

fn integers<T>(ty: &DataType, values: &[&Value]) -> Result<ArrayRef, String>
where
    T: ArrowPrimitiveType,
    T::Native: TryFrom<i64>,
{
    numbers::<T>(ty, values, |v| T::Native::try_from(v.as_i64()?).ok())
}

fn decimals(
    ty: &DataType,
    values: &[&Value],
    precision: u8,
    scale: i8,
) -> Result<ArrayRef, String> {
    let limit = 10i128
        .checked_pow(u32::from(precision))
        .unwrap_or(i128::MAX);
    let get = |value: &Value| {
        let (unscaled, from) = match value {
            Value::Decimal { unscaled, scale } => (*unscaled, *scale),
            Value::Int(value) => (i128::from(*value), 0),
            _ => return None,
        };
        let up = u32::try_from(scale - from).ok()?;
        let unscaled = unscaled.checked_mul(10i128.checked_pow(up)?)?;
        (unscaled.checked_abs()? < limit).then_some(unscaled)
    };
    let array: Decimal128Array = each(ty, values, get)?.collect();
    let array = array.with_precision_and_scale(precision, scale);
    Ok(Arc::new(array.map_err(|e| e.to_string())?))
}

fn timestamps(
    ty: &DataType,
    values: &[&Value],
    unit: TimeUnit,
    zone: Option<&str>,
) -> Result<ArrayRef, String> {
    let in_unit = |per_milli: i64| move |v: &Value| v.as_timestamp()?.in_unit(per_milli);
    Ok(match unit {
        TimeUnit::Millisecond => {
            let array: TimestampMillisecondArray = each(ty, values, in_unit(1))?.collect();
            Arc::new(array.with_timezone_opt(zone))
        }
        TimeUnit::Microsecond => {
            let array: TimestampMicrosecondArray = each(ty, values, in_unit(1000))?.collect();
            Arc::new(array.with_timezone_opt(zone))
        }
        TimeUnit::Nanosecond => {
            let array: TimestampNanosecondArray = each(ty, values, in_unit(1_000_000))?.collect();
            Arc::new(array.with_timezone_opt(zone))
        }
        TimeUnit::Second => return Err("a timestamp in seconds is none of SQL's".to_owned()),
    })
}

fn nested_column(ty: &DataType, values: &[&Value]) -> Result<ArrayRef, String> {
    let valid: NullBuffer = values.iter().map(|v| !v.is_null()).collect();
    let nulls = Some(valid).filter(|n| n.null_count() > 0);
    match ty {
        DataType::List(item) => {
            let lists = each(ty, values, |v| match v {
                Value::Array(items) => Some(items.as_slice()),
                _ => None,
            })?;
            let lists: Vec<&[Value]> = lists.map(Option::unwrap_or_default).collect();
            let offsets = OffsetBuffer::from_lengths(lists.iter().map(|l| l.len()));
            let items = column_of(item.data_type(), lists.into_iter().flatten())?;
            let list = ListArray::try_new(Arc::clone(item), offsets, items, nulls);
            Ok(Arc::new(list.map_err(|e| e.to_string())?))
        }
        DataType::Struct(fields) => {
            let rows = each(ty, values, |v| {
                v.as_row().filter(|r| r.len() == fields.len())
            })?;
            let rows: Vec<Option<&[Value]>> = rows.collect();
            let column = |(at, field): (usize, &Arc<Field>)| {
                let values = rows.iter().map(|row| row.map_or(&Value::Null, |r| &r[at]));
                column_of(field.data_type(), values)
            };
            let columns: Result<Vec<_>, String> = fields.iter().enumerate().map(column).collect();
            let row = StructArray::try_new_with_length(fields.clone(), columns?, nulls, rows.len());
            Ok(Arc::new(row.map_err(|e| e.to_string())?))
        }
        DataType::Map(entries, sorted) => {
            let maps = each(ty, values, |v| match v {
                Value::Map(entries) => Some(entries.as_slice()),
                _ => None,
            })?;
            let maps: Vec<&[(Value, Value)]> = maps.map(Option::unwrap_or_default).collect();
            let DataType::Struct(fields) = entries.data_type() else {
                return Err(format!("{ty} is no map of SQL's"));
            };
            let offsets = OffsetBuffer::from_lengths(maps.iter().map(|m| m.len()));
            let pairs = || maps.iter().copied().flatten();
            let columns = vec![
                column_of(fields[0].data_type(), pairs().map(|(key, _)| key))?,
                column_of(fields[1].data_type(), pairs().map(|(_, value)| value))?,
            ];
            let pairs = StructArray::try_new(fields.clone(), columns, None);
            let pairs = pairs.map_err(|e| e.to_string())?;
            let map = MapArray::try_new(Arc::clone(entries), offsets, pairs, nulls, *sorted);
            Ok(Arc::new(map.map_err(|e| e.to_string())?))
        }
        other => Err(format!("a column of {other} holds no value of SQL's")),
    }
}

#[cfg(test)]
mod tests {
    use filbert_types::{LogicalType, TypeKind};

    use super::*;

    #[test]
    fn values_come_back_from_their_columns() {
        let row = TypeKind::Row(vec![
            filbert_types::Field::new("a", TypeKind::Int.into()),
            filbert_types::Field::new("b", LogicalType::string()),
        ]);
        let map = TypeKind::Map(
            Box::new(LogicalType::string()),
            Box::new(row.clone().into()),
        );
        let pair = Value::Row(vec![Value::Int(1), Value::Null]);
        let cases = [
            (TypeKind::Boolean, Value::Boolean(true)),
            (TypeKind::SmallInt, Value::Int(-3)),
            (
                TypeKind::decimal(5, 2),
                Value::Decimal {
                    unscaled: 1234,
                    scale: 2,
                },
            ),
            (TypeKind::STRING, "text".into()),
            (
                TypeKind::timestamp(6),
                Value::Timestamp(Timestamp {
                    millis: -1,
                    nanos: 5000,
                }),
            ),
            (
                TypeKind::timestamp_ltz(3),
                Timestamp::from_millis(1_700_000_000_000).into(),
            ),
            (row, pair.clone()),
            (map, Value::Map(vec![("k".into(), pair)])),
        ];
        for (kind, value) in cases {
            let column = column_of(&kind.arrow(), [&value, &Value::Null].into_iter()).unwrap();
            assert_eq!(*column.data_type(), kind.arrow());
            assert_eq!(Value::of(&column, 0).unwrap(), value);
            assert_eq!(Value::of(&column, 1).unwrap(), Value::Null);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let int = column_of(&DataType::Int8, [&Value::Int(300)].into_iter());
        assert!(int.unwrap_err().contains("300"));
        let text = column_of(&DataType::Utf8View, [&Value::Int(1)].into_iter());
        assert!(text.is_err());
    }
}
