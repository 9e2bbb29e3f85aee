//! Columns made ready for writing: the array behind each type, down to the elements of nested ones.

use arrow::array::{Array, AsArray};
use arrow::datatypes as a;
use arrow::datatypes::{ArrowPrimitiveType, DataType, TimeUnit};
use arrow::error::ArrowError;

use super::{BoundColumn, Bytes, Style, Text, Values};
use crate::logical_type::{LogicalType, TypeKind};
use crate::zone::TimeZone;

pub(super) fn bind<'a>(
    ty: &LogicalType,
    zone: TimeZone,
    style: Style,
    array: &'a dyn Array,
) -> Result<BoundColumn<'a>, ArrowError> {
    let wrong = || mismatch(ty, array.data_type());
    let nested = |ty: &LogicalType, array: &'a dyn Array| bind(ty, zone, style, array);
    let values = match &ty.kind {
        _ if array.data_type() == &DataType::Null => Values::Null,
        TypeKind::Null => Values::Null,
        TypeKind::Boolean => Values::Boolean(array.as_boolean_opt().ok_or_else(wrong)?),
        TypeKind::TinyInt => Values::TinyInt(primitive::<a::Int8Type>(ty, array)?),
        TypeKind::SmallInt => Values::SmallInt(primitive::<a::Int16Type>(ty, array)?),
        TypeKind::Int => Values::Int(primitive::<a::Int32Type>(ty, array)?),
        TypeKind::BigInt => Values::BigInt(primitive::<a::Int64Type>(ty, array)?),
        TypeKind::Float => Values::Float(primitive::<a::Float32Type>(ty, array)?),
        TypeKind::Double => Values::Double(primitive::<a::Float64Type>(ty, array)?),
        TypeKind::Decimal { .. } => {
            let DataType::Decimal128(_, scale) = array.data_type() else {
                return Err(wrong());
            };
            Values::Decimal(primitive::<a::Decimal128Type>(ty, array)?, *scale)
        }
        TypeKind::Char(_) | TypeKind::VarChar(_) | TypeKind::Symbol | TypeKind::Descriptor => {
            Values::Text(bind_text(ty, array)?)
        }
        TypeKind::Binary(_) | TypeKind::VarBinary(_) | TypeKind::Raw { .. } | TypeKind::Variant => {
            Values::Bytes(bind_bytes(ty, array)?)
        }
        TypeKind::Bitmap => Values::Bitmap(bind_bytes(ty, array)?),
        TypeKind::Date => Values::Date(primitive::<a::Date32Type>(ty, array)?),
        TypeKind::Time(precision) => Values::Time(
            primitive::<a::Time32MillisecondType>(ty, array)?,
            *precision,
        ),
        TypeKind::Timestamp { precision, .. } => bind_timestamp(ty, *precision, None, array)?,
        TypeKind::TimestampLtz { precision, .. } => {
            bind_timestamp(ty, *precision, Some(zone), array)?
        }
        TypeKind::IntervalYearMonth(_) => {
            Values::Months(primitive::<a::IntervalYearMonthType>(ty, array)?)
        }
        TypeKind::IntervalDayTime(_) => {
            Values::Millis(primitive::<a::DurationMillisecondType>(ty, array)?)
        }
        TypeKind::Array(element) => {
            let list = array.as_list_opt::<i32>().ok_or_else(wrong)?;
            let items = nested(element, list.values().as_ref())?;
            Values::List(list.value_offsets(), Box::new(items))
        }
        TypeKind::Map(key, value) => bind_map(key, value, zone, style, array)?,
        TypeKind::Multiset(element) => {
            bind_map(element, &TypeKind::Int.into(), zone, style, array)?
        }
        TypeKind::Row(fields) => {
            let types = fields.iter().map(|f| &f.ty);
            Values::Row(bind_fields(ty, types, zone, style, array)?)
        }
        TypeKind::Structured { fields, .. } => {
            let names = fields.iter().map(|f| f.name.clone());
            let types = fields.iter().map(|f| &f.ty);
            let columns = bind_fields(ty, types, zone, style, array)?;
            Values::Structured(names.zip(columns).collect())
        }
    };
    // Bytes that are text in every style: a VARIANT is carried as compact JSON.
    let style = match ty.kind {
        TypeKind::Variant => Style::Cast,
        _ => style,
    };
    Ok(BoundColumn {
        nulls: array.nulls(),
        values,
        style,
    })
}

/// The columns of a row, which has these types.
fn bind_fields<'a, 't>(
    ty: &LogicalType,
    types: impl Iterator<Item = &'t LogicalType>,
    zone: TimeZone,
    style: Style,
    array: &'a dyn Array,
) -> Result<Vec<BoundColumn<'a>>, ArrowError> {
    let row = array
        .as_struct_opt()
        .ok_or_else(|| mismatch(ty, array.data_type()))?;
    let columns = types.zip(row.columns());
    columns
        .map(|(ty, column)| bind(ty, zone, style, column.as_ref()))
        .collect()
}

fn bind_text<'a>(ty: &LogicalType, array: &'a dyn Array) -> Result<Text<'a>, ArrowError> {
    match array.data_type() {
        DataType::Utf8View => Ok(Text::View(array.as_string_view())),
        DataType::Utf8 => Ok(Text::Offsets(array.as_string())),
        DataType::LargeUtf8 => Ok(Text::LargeOffsets(array.as_string())),
        other => Err(mismatch(ty, other)),
    }
}

fn bind_bytes<'a>(ty: &LogicalType, array: &'a dyn Array) -> Result<Bytes<'a>, ArrowError> {
    match array.data_type() {
        DataType::BinaryView => Ok(Bytes::View(array.as_binary_view())),
        DataType::Binary => Ok(Bytes::Offsets(array.as_binary())),
        DataType::LargeBinary => Ok(Bytes::LargeOffsets(array.as_binary())),
        other => Err(mismatch(ty, other)),
    }
}

fn bind_timestamp<'a>(
    ty: &LogicalType,
    precision: u8,
    zone: Option<TimeZone>,
    array: &'a dyn Array,
) -> Result<Values<'a>, ArrowError> {
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
        precision,
        zone,
    })
}

fn bind_map<'a>(
    key: &LogicalType,
    value: &LogicalType,
    zone: TimeZone,
    style: Style,
    array: &'a dyn Array,
) -> Result<Values<'a>, ArrowError> {
    let map = array.as_map_opt().ok_or_else(|| {
        ArrowError::CastError(format!("expected a map, found {}", array.data_type()))
    })?;
    Ok(Values::Map {
        offsets: map.value_offsets(),
        keys: Box::new(bind(key, zone, style, map.keys().as_ref())?),
        values: Box::new(bind(value, zone, style, map.values().as_ref())?),
    })
}

fn primitive<'a, T: ArrowPrimitiveType>(
    ty: &LogicalType,
    array: &'a dyn Array,
) -> Result<&'a [T::Native], ArrowError> {
    array
        .as_primitive_opt::<T>()
        .map(|values| values.values().as_ref())
        .ok_or_else(|| mismatch(ty, array.data_type()))
}

fn mismatch(ty: &LogicalType, found: &DataType) -> ArrowError {
    ArrowError::CastError(format!("values of type {ty} cannot be read from {found}"))
}
