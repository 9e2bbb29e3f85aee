//! Columns bound for encoding, and scalars as the text formats write them.

use arrow::array::{Array, AsArray, BinaryViewArray, BooleanArray, RecordBatch, StringViewArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes as a;
use arrow::datatypes::{ArrowPrimitiveType, DataType, TimeUnit};
use filbert_connector_api::ConnectorError;
use filbert_types::print::{number, temporal};
use filbert_types::{Field, LogicalType, TypeKind};

use crate::scalar::base64_encode;

/// A column whose values are typed once a batch.
pub struct BoundColumn<'a> {
    nulls: Option<&'a NullBuffer>,
    pub values: Values<'a>,
}

/// The values, by type.
pub enum Values<'a> {
    Null,
    Boolean(&'a BooleanArray),
    TinyInt(&'a [i8]),
    SmallInt(&'a [i16]),
    Int(&'a [i32]),
    BigInt(&'a [i64]),
    Float(&'a [f32]),
    Double(&'a [f64]),
    Decimal(&'a [i128], i8),
    Text(&'a StringViewArray),
    Bytes(&'a BinaryViewArray),
    Date(&'a [i32]),
    Time(&'a [i32]),
    Timestamp {
        values: &'a [i64],
        unit: TimeUnit,
        /// TIMESTAMP_LTZ.
        local: bool,
    },
    List(&'a [i32], Box<BoundColumn<'a>>),
    Map(&'a [i32], Box<(BoundColumn<'a>, BoundColumn<'a>)>),
    Row(Vec<BoundColumn<'a>>),
    /// VARIANT: JSON text.
    Json(&'a BinaryViewArray),
}

/// How a decimal is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalNotation {
    /// Java's, after trailing zeros are stripped: `1.5`, `1E+5`.
    Scientific,
    /// With its full scale: `1.50`, `100000`.
    Plain,
}

/// Binds a batch's columns.
///
/// # Errors
/// When a column does not carry its field's type.
pub fn bind_batch<'a>(
    fields: &[Field],
    rows: &'a RecordBatch,
) -> Result<Vec<BoundColumn<'a>>, ConnectorError> {
    let columns = fields.iter().zip(rows.columns());
    columns
        .map(|(field, column)| bind(&field.ty, column.as_ref()))
        .collect()
}

fn mismatch(ty: &LogicalType, found: &DataType) -> ConnectorError {
    ConnectorError::engine(format!(
        "values of type {ty} cannot be written from {found}"
    ))
}

fn primitive<'a, T: ArrowPrimitiveType>(
    ty: &LogicalType,
    array: &'a dyn Array,
) -> Result<&'a [T::Native], ConnectorError> {
    array
        .as_primitive_opt::<T>()
        .map(|values| values.values().as_ref())
        .ok_or_else(|| mismatch(ty, array.data_type()))
}

fn bind<'a>(ty: &LogicalType, array: &'a dyn Array) -> Result<BoundColumn<'a>, ConnectorError> {
    let wrong = || mismatch(ty, array.data_type());
    let values = match &ty.kind {
        TypeKind::Null => Values::Null,
        TypeKind::Boolean => Values::Boolean(array.as_boolean_opt().ok_or_else(wrong)?),
        TypeKind::TinyInt => Values::TinyInt(primitive::<a::Int8Type>(ty, array)?),
        TypeKind::SmallInt => Values::SmallInt(primitive::<a::Int16Type>(ty, array)?),
        TypeKind::Int => Values::Int(primitive::<a::Int32Type>(ty, array)?),
        TypeKind::BigInt => Values::BigInt(primitive::<a::Int64Type>(ty, array)?),
        TypeKind::Float => Values::Float(primitive::<a::Float32Type>(ty, array)?),
        TypeKind::Double => Values::Double(primitive::<a::Float64Type>(ty, array)?),
        TypeKind::Decimal { scale, .. } => {
            Values::Decimal(primitive::<a::Decimal128Type>(ty, array)?, *scale as i8)
        }
        TypeKind::Char(_) | TypeKind::VarChar(_) => {
            Values::Text(array.as_string_view_opt().ok_or_else(wrong)?)
        }
        TypeKind::Binary(_) | TypeKind::VarBinary(_) => {
            Values::Bytes(array.as_byte_view_opt().ok_or_else(wrong)?)
        }
        TypeKind::Variant => Values::Json(array.as_byte_view_opt().ok_or_else(wrong)?),
        TypeKind::Date => Values::Date(primitive::<a::Date32Type>(ty, array)?),
        TypeKind::Time(_) => Values::Time(primitive::<a::Time32MillisecondType>(ty, array)?),
        TypeKind::Timestamp { .. } => bind_timestamp(ty, array, false)?,
        TypeKind::TimestampLtz { .. } => bind_timestamp(ty, array, true)?,
        TypeKind::IntervalYearMonth(_) => {
            Values::Int(primitive::<a::IntervalYearMonthType>(ty, array)?)
        }
        TypeKind::IntervalDayTime(_) => {
            Values::BigInt(primitive::<a::DurationMillisecondType>(ty, array)?)
        }
        TypeKind::Array(element) => {
            let list = array.as_list_opt::<i32>().ok_or_else(wrong)?;
            let items = bind(element, list.values().as_ref())?;
            Values::List(list.value_offsets(), Box::new(items))
        }
        TypeKind::Map(key, value) => bind_map(ty, key, value, array)?,
        TypeKind::Multiset(element) => bind_map(ty, element, &TypeKind::Int.into(), array)?,
        TypeKind::Row(fields) | TypeKind::Structured { fields, .. } => {
            let row = array.as_struct_opt().ok_or_else(wrong)?;
            let columns = fields.iter().zip(row.columns());
            let columns = columns.map(|(f, c)| bind(&f.ty, c.as_ref()));
            Values::Row(columns.collect::<Result<_, _>>()?)
        }
        TypeKind::Bitmap | TypeKind::Raw { .. } | TypeKind::Descriptor | TypeKind::Symbol => {
            return Err(wrong());
        }
    };
    Ok(BoundColumn {
        nulls: array.nulls(),
        values,
    })
}

fn bind_timestamp<'a>(
    ty: &LogicalType,
    array: &'a dyn Array,
    local: bool,
) -> Result<Values<'a>, ConnectorError> {
    let DataType::Timestamp(unit, _) = array.data_type() else {
        return Err(mismatch(ty, array.data_type()));
    };
    let values = match unit {
        TimeUnit::Second => primitive::<a::TimestampSecondType>(ty, array)?,
        TimeUnit::Millisecond => primitive::<a::TimestampMillisecondType>(ty, array)?,
        TimeUnit::Microsecond => primitive::<a::TimestampMicrosecondType>(ty, array)?,
        TimeUnit::Nanosecond => primitive::<a::TimestampNanosecondType>(ty, array)?,
    };
    Ok(Values::Timestamp {
        values,
        unit: *unit,
        local,
    })
}

fn bind_map<'a>(
    ty: &LogicalType,
    key: &LogicalType,
    value: &LogicalType,
    array: &'a dyn Array,
) -> Result<Values<'a>, ConnectorError> {
    let map = array
        .as_map_opt()
        .ok_or_else(|| mismatch(ty, array.data_type()))?;
    let pair = (
        bind(key, map.keys().as_ref())?,
        bind(value, map.values().as_ref())?,
    );
    Ok(Values::Map(map.value_offsets(), Box::new(pair)))
}

impl BoundColumn<'_> {
    pub fn is_null(&self, row: usize) -> bool {
        matches!(self.values, Values::Null) || self.nulls.is_some_and(|n| n.is_null(row))
    }

    /// True for values that JSON writes without quotes.
    pub fn is_bare(&self) -> bool {
        matches!(
            self.values,
            Values::Boolean(_)
                | Values::TinyInt(_)
                | Values::SmallInt(_)
                | Values::Int(_)
                | Values::BigInt(_)
                | Values::Float(_)
                | Values::Double(_)
                | Values::Decimal(..)
        )
    }

    /// Replaces `text` by a scalar that is not NULL; a nested value leaves it empty. `separator` stands between the date
    /// and the time of a timestamp.
    pub fn scalar(
        &self,
        row: usize,
        separator: char,
        decimals: DecimalNotation,
        text: &mut String,
    ) {
        text.clear();
        match &self.values {
            Values::Boolean(v) => text.push_str(if v.value(row) { "true" } else { "false" }),
            Values::TinyInt(v) => number::write_int(v[row], text),
            Values::SmallInt(v) => number::write_int(v[row], text),
            Values::Int(v) => number::write_int(v[row], text),
            Values::BigInt(v) => number::write_int(v[row], text),
            Values::Float(v) => number::write_float(v[row], text),
            Values::Double(v) => number::write_double(v[row], text),
            Values::Decimal(v, scale) if decimals == DecimalNotation::Plain => {
                number::write_decimal(v[row], *scale, text);
            }
            Values::Decimal(v, scale) => {
                let (unscaled, scale) = number::strip_trailing_zeros(v[row], i32::from(*scale));
                number::write_big_decimal(unscaled, scale, text);
            }
            Values::Text(v) => text.push_str(v.value(row)),
            Values::Bytes(v) => {
                let mut encoded = Vec::new();
                base64_encode(v.value(row), &mut encoded);
                // Base64 is ASCII.
                text.push_str(std::str::from_utf8(&encoded).unwrap_or_default());
            }
            Values::Date(v) => temporal::write_date(v[row], text),
            Values::Time(v) => temporal::write_short_time(v[row], text),
            Values::Timestamp {
                values,
                unit,
                local,
            } => {
                let (seconds, nanos) = temporal::split(values[row], *unit);
                temporal::write_short_timestamp(seconds, nanos, separator, text);
                if *local {
                    text.push('Z');
                }
            }
            Values::Json(v) => text.push_str(&String::from_utf8_lossy(v.value(row))),
            Values::Null | Values::List(..) | Values::Map(..) | Values::Row(_) => {}
        }
    }
}
