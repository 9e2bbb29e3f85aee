//! Functions of dates and times.
//!
//! - [`extract`]: EXTRACT(unit, x), YEAR and its siblings.
//! - [`rounding`]: FLOOR(x, unit), CEIL(x, unit).
//! - [`shift`]: TIMESTAMPADD(unit, n, x), TIMESTAMPDIFF(unit, a, b).
//! - [`format`]: DATE_FORMAT, FROM_UNIXTIME, UNIX_TIMESTAMP, CONVERT_TZ.
//! - `overlaps`: OVERLAPS.
//! - [`parse`]: TO_DATE, TO_TIMESTAMP, TO_TIMESTAMP_LTZ.
//! - [`current`]: CURRENT_TIMESTAMP and the like.
//!
//! A unit arrives as a literal of type SYMBOL with the unit's name in upper case; the syntax with FROM and TO becomes a
//! call with the operands in the order above.

pub(crate) mod current;
pub(crate) mod extract;
pub(crate) mod format;
pub(crate) mod overlaps;
pub(crate) mod parse;
pub(crate) mod rounding;
pub(crate) mod shift;
pub(crate) mod unit;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, PrimitiveArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType,
};
use datafusion::common::{Result, internal_err};
use filbert_types::TypeKind;

use crate::java::zone::Zone;
use crate::kernel::Call;

/// The session's zone where the type is shown in it, UTC for the others.
fn zone_of(call: &Call<'_>, kind: &TypeKind) -> Zone {
    match kind {
        TypeKind::TimestampLtz { .. } => Zone::from(call.session.time_zone),
        _ => crate::java::zone::UTC,
    }
}

/// A timestamp argument as milliseconds and the nanoseconds within, of constants one row.
struct Timestamps {
    array: ArrayRef,
    unit: TimeUnit,
    constant: bool,
}

impl Timestamps {
    fn of(call: &Call<'_>, index: usize) -> Result<Timestamps> {
        let constant = call.is_constant(index);
        let array = match call.scalar(index) {
            Some(value) => value.to_array()?,
            None => call.array(index)?,
        };
        match array.data_type() {
            DataType::Timestamp(unit, _) => Ok(Timestamps {
                unit: *unit,
                array,
                constant,
            }),
            other => internal_err!("{}: expected a timestamp, not {other}", call.name),
        }
    }

    fn get(&self, row: usize) -> Option<(i64, i64)> {
        let row = if self.constant { 0 } else { row };
        if self.array.is_null(row) {
            return None;
        }
        let nanos_per_unit = |value: i64, per_milli: i64, nanos: i64| {
            (
                value.div_euclid(per_milli),
                value.rem_euclid(per_milli) * nanos,
            )
        };
        Some(match self.unit {
            TimeUnit::Nanosecond => nanos_per_unit(
                value::<TimestampNanosecondType>(&self.array, row),
                1_000_000,
                1,
            ),
            TimeUnit::Microsecond => nanos_per_unit(
                value::<TimestampMicrosecondType>(&self.array, row),
                1_000,
                1_000,
            ),
            _ => (value::<TimestampMillisecondType>(&self.array, row), 0),
        })
    }

    /// A number for each row, from its milliseconds and nanoseconds within; none where the argument is constant.
    fn map_column(&self, f: impl Fn(i64, i64) -> i64) -> Option<ArrayRef> {
        if self.constant {
            return None;
        }
        let longs: Int64Array = match self.unit {
            TimeUnit::Nanosecond => self
                .array
                .as_primitive::<TimestampNanosecondType>()
                .unary(|value| f(value.div_euclid(1_000_000), value.rem_euclid(1_000_000))),
            TimeUnit::Microsecond => self
                .array
                .as_primitive::<TimestampMicrosecondType>()
                .unary(|value| f(value.div_euclid(1_000), value.rem_euclid(1_000) * 1_000)),
            _ => self
                .array
                .as_primitive::<TimestampMillisecondType>()
                .unary(|value| f(value, 0)),
        };
        Some(Arc::new(longs))
    }
}

fn value<T: ArrowPrimitiveType>(array: &ArrayRef, row: usize) -> T::Native {
    let array: &PrimitiveArray<T> = array.as_primitive();
    array.value(row)
}

/// A column of timestamps of the return type, from milliseconds and nanoseconds within. What the type can't hold is an
/// error.
fn build_timestamps(
    call: &Call<'_>,
    mut f: impl FnMut(usize) -> Result<Option<(i64, i64)>>,
) -> Result<ArrayRef> {
    let DataType::Timestamp(unit, _) = call.return_type.arrow() else {
        return internal_err!("{} does not return a timestamp", call.name);
    };
    let overflow = || {
        crate::kernel::fail(format!(
            "{}: the result is outside of what {} holds",
            call.name, call.return_type
        ))
    };
    match unit {
        TimeUnit::Nanosecond => call.build::<TimestampNanosecondType>(|row| {
            f(row)?
                .map(|(ms, ns)| {
                    ms.checked_mul(1_000_000)
                        .and_then(|v| v.checked_add(ns))
                        .ok_or_else(overflow)
                })
                .transpose()
        }),
        TimeUnit::Microsecond => call.build::<TimestampMicrosecondType>(|row| {
            f(row)?
                .map(|(ms, ns)| {
                    ms.checked_mul(1_000)
                        .and_then(|v| v.checked_add(ns / 1_000))
                        .ok_or_else(overflow)
                })
                .transpose()
        }),
        _ => call.build::<TimestampMillisecondType>(|row| Ok(f(row)?.map(|(ms, _)| ms))),
    }
}

/// The precision of a time or timestamp type.
fn precision(kind: &TypeKind) -> u8 {
    match kind {
        TypeKind::Timestamp { precision, .. } | TypeKind::TimestampLtz { precision, .. } => {
            *precision
        }
        TypeKind::Time(precision) => *precision,
        _ => 0,
    }
}

/// Fractions of a second beyond the precision cut off.
fn truncate_to_precision((ms, ns): (i64, i64), precision: u8) -> (i64, i64) {
    match precision {
        0..=3 => {
            let unit = 10_i64.pow(3 - u32::from(precision));
            (ms - ms.rem_euclid(unit), 0)
        }
        4..9 => {
            let unit = 10_i64.pow(9 - u32::from(precision));
            (ms, ns - ns % unit)
        }
        _ => (ms, ns),
    }
}
