//! PRINTF: a format string of Java's `Formatter`; NULL where it or its arguments are wrong.

use arrow::array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::datatypes::{
    Date32Type, Decimal128Type, DecimalType, DurationMillisecondType, Float32Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalYearMonthType, Time32MillisecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use datafusion::common::Result;
use filbert_types::{LogicalType, TypeKind};

use crate::CallError;
use crate::definition::{Function, Inferred};
use crate::java::formatter::{Argument, format};
use crate::java::sql_date::timestamp_to_iso;
use crate::java::zone::time_zone;
use crate::kernel::{Call, fail};
use crate::signature::{ANY, CallArgs, STRING};

pub static FUNCTIONS: &[Function] = &[Function::kernel(
    "PRINTF",
    &["PRINTF(format <CHARACTER_STRING>, obj <ANY>...)"],
    "The arguments put into a format string of Java's Formatter.",
    infer,
    printf,
)
.fallible()];

/// Collections and bytes, of which Java would print an address, come as their texts.
fn infer(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches_variadic(&[STRING], &ANY)?;
    let types = types
        .into_iter()
        .map(|t| match &t.kind {
            TypeKind::Array(_)
            | TypeKind::Map(..)
            | TypeKind::Multiset(_)
            | TypeKind::Row(_)
            | TypeKind::Binary(_)
            | TypeKind::VarBinary(_)
            | TypeKind::Variant
            | TypeKind::Bitmap
            | TypeKind::Null => LogicalType::new(TypeKind::STRING, t.nullable),
            _ => t,
        })
        .collect();
    Ok(call.returns_nullable(types, TypeKind::STRING))
}

type Reader<'a> = Box<dyn Fn(usize) -> Argument + 'a>;

fn printf(call: &Call<'_>) -> Result<ArrayRef> {
    let pattern = call.strings(0)?;
    let readers: Vec<Reader<'_>> = (1..call.args.len())
        .map(|i| reader(call, i))
        .collect::<Result<_>>()?;
    let zone = time_zone(&call.session.time_zone.to_string());
    let mut arguments = Vec::with_capacity(readers.len());
    call.build_strings(|row, out| {
        let Some(pattern) = pattern.get(row) else {
            return Ok(false);
        };
        arguments.clear();
        arguments.extend(readers.iter().map(|r| r(row)));
        Ok(format(pattern, &arguments, &zone, out).is_some())
    })
}

fn primitive<'a, T: ArrowPrimitiveType>(
    call: &Call<'_>,
    index: usize,
    wrap: impl Fn(T::Native) -> Argument + 'a,
) -> Result<Reader<'a>> {
    let arg = call.arg::<PrimitiveArray<T>>(index)?;
    Ok(Box::new(move |row| {
        arg.get(row).map_or(Argument::Null, &wrap)
    }))
}

fn reader<'a>(call: &Call<'_>, index: usize) -> Result<Reader<'a>> {
    let int = |v: i32| Argument::Integer(i64::from(v), 32);
    match call.arg_types[index].arrow() {
        DataType::Boolean => {
            let arg = call.booleans(index)?;
            Ok(Box::new(move |row| {
                arg.get(row).map_or(Argument::Null, Argument::Boolean)
            }))
        }
        DataType::Int8 => primitive::<Int8Type>(call, index, |v| Argument::Integer(v.into(), 8)),
        DataType::Int16 => primitive::<Int16Type>(call, index, |v| Argument::Integer(v.into(), 16)),
        DataType::Int32 => primitive::<Int32Type>(call, index, int),
        DataType::Int64 => primitive::<Int64Type>(call, index, |v| Argument::Integer(v, 64)),
        DataType::Float32 => primitive::<Float32Type>(call, index, Argument::Float),
        DataType::Float64 => {
            primitive::<arrow::datatypes::Float64Type>(call, index, Argument::Double)
        }
        DataType::Date32 => primitive::<Date32Type>(call, index, int),
        DataType::Time32(_) => primitive::<Time32MillisecondType>(call, index, int),
        DataType::Interval(_) => primitive::<IntervalYearMonthType>(call, index, int),
        DataType::Duration(_) => {
            primitive::<DurationMillisecondType>(call, index, |v| Argument::Integer(v, 64))
        }
        DataType::Decimal128(_, scale) => {
            primitive::<Decimal128Type>(call, index, move |v| Argument::Object {
                text: <Decimal128Type as DecimalType>::format_decimal(v, 38, scale),
                hash: crate::builtins::hash::decimal_hash(v, scale),
            })
        }
        DataType::Timestamp(unit, _) => timestamp(call, index, unit),
        DataType::Utf8View => {
            let arg = call.strings(index)?;
            Ok(Box::new(move |row| {
                arg.get(row)
                    .map_or(Argument::Null, |text| Argument::Object {
                        text: text.to_string(),
                        hash: crate::builtins::hash::binary_hash(text.as_bytes()),
                    })
            }))
        }
        other => Err(fail(format!("PRINTF: unsupported argument type {other}"))),
    }
}

fn timestamp<'a>(call: &Call<'_>, index: usize, unit: TimeUnit) -> Result<Reader<'a>> {
    let wrap = |nanos: i128| Argument::Object {
        text: timestamp_to_iso(nanos),
        hash: nanos as i32,
    };
    match unit {
        TimeUnit::Nanosecond => {
            primitive::<TimestampNanosecondType>(call, index, move |v| wrap(v.into()))
        }
        TimeUnit::Microsecond => {
            primitive::<TimestampMicrosecondType>(call, index, move |v| wrap(i128::from(v) * 1_000))
        }
        _ => primitive::<TimestampMillisecondType>(call, index, move |v| {
            wrap(i128::from(v) * 1_000_000)
        }),
    }
}
