//! Casts between dates, times and timestamps.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array};
use arrow::compute::cast as arrow_cast;
use arrow::datatypes::{
    DataType, Date32Type, Int64Type, Time32MillisecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType,
};
use datafusion::common::{Result, internal_err};
use filbert_types::TypeKind;

use super::kernel::{Casting, map_values};
use crate::time_text::{local_to_utc_seconds, utc_to_local_seconds};

const DAY_MS: i64 = 86_400_000;

/// A point in time: milliseconds since the epoch, and the nanoseconds of that millisecond.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub ms: i64,
    pub nanos: i64,
}

impl Point {
    fn of(value: i64, unit: TimeUnit) -> Point {
        let per_ms = units_per_ms(unit);
        Point {
            ms: value.div_euclid(per_ms),
            nanos: value.rem_euclid(per_ms) * (1_000_000 / per_ms),
        }
    }

    /// In a unit; none where it overflows.
    pub(super) fn to(self, unit: TimeUnit) -> Option<i64> {
        let per_ms = units_per_ms(unit);
        self.ms
            .checked_mul(per_ms)?
            .checked_add(self.nanos / (1_000_000 / per_ms))
    }

    /// Cut to so many digits of the second: milliseconds towards zero, as Flink does it.
    pub(super) fn cut(self, precision: u8) -> Point {
        if precision <= 3 {
            let step = 10_i64.pow(u32::from(3 - precision));
            return Point {
                ms: self.ms / step * step,
                nanos: 0,
            };
        }
        let step = 10_i64.pow(u32::from(9 - precision.min(9)));
        Point {
            nanos: self.nanos / step * step,
            ..self
        }
    }

    fn shifted(self, convert: impl Fn(i64) -> i64) -> Point {
        let seconds = self.ms.div_euclid(1000);
        Point {
            ms: convert(seconds) * 1000 + self.ms.rem_euclid(1000),
            ..self
        }
    }
}

fn units_per_ms(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second | TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1_000_000,
    }
}

pub(super) fn convert(
    casting: &mut Casting<'_>,
    array: &ArrayRef,
    from: &TypeKind,
    to: &TypeKind,
) -> Result<ArrayRef> {
    match (from, to) {
        (TypeKind::Time(_), TypeKind::Time(precision)) => {
            let step = 10_i32.pow(u32::from(3_u8.saturating_sub(*precision)));
            map_values::<Time32MillisecondType, Time32MillisecondType>(array, to, |_, ms| {
                Ok(Some(ms / step * step))
            })
        }
        (TypeKind::Date, _) => {
            let points =
                map_values::<Date32Type, Int64Type>(array, &TypeKind::BigInt, |_, day| {
                    Ok(Some(i64::from(day) * DAY_MS))
                })?;
            from_points(casting, &points, TimeUnit::Millisecond, false, to)
        }
        (TypeKind::Time(_), _) => {
            let points = map_values::<Time32MillisecondType, Int64Type>(
                array,
                &TypeKind::BigInt,
                |_, ms| Ok(Some(i64::from(ms))),
            )?;
            from_points(casting, &points, TimeUnit::Millisecond, false, to)
        }
        _ => {
            let DataType::Timestamp(unit, _) = array.data_type() else {
                return internal_err!("CAST of {} as a timestamp", array.data_type());
            };
            let values = arrow_cast(array, &DataType::Int64)?;
            let is_instant = matches!(from, TypeKind::TimestampLtz { .. });
            from_points(casting, &values, *unit, is_instant, to)
        }
    }
}

fn from_points(
    casting: &mut Casting<'_>,
    values: &ArrayRef,
    unit: TimeUnit,
    is_instant: bool,
    to: &TypeKind,
) -> Result<ArrayRef> {
    let zone = casting.session.time_zone;
    let to_instant = matches!(to, TypeKind::TimestampLtz { .. });
    let read = |value: i64| {
        let point = Point::of(value, unit);
        match (is_instant, to_instant) {
            (false, true) => point.shifted(|s| local_to_utc_seconds(s, zone)),
            (true, false) => point.shifted(|s| utc_to_local_seconds(s, zone)),
            _ => point,
        }
    };
    match to {
        TypeKind::Date if is_instant => map_values::<Int64Type, Date32Type>(values, to, |_, v| {
            Ok(Some(read(v).ms.div_euclid(DAY_MS) as i32))
        }),
        // Java's division: before 1970 a date is the day after where there is a time.
        TypeKind::Date => map_values::<Int64Type, Date32Type>(values, to, |_, v| {
            Ok(Some((read(v).ms / DAY_MS) as i32))
        }),
        TypeKind::Time(precision) => {
            let step = 10_i64.pow(u32::from(3_u8.saturating_sub(*precision)));
            map_values::<Int64Type, Time32MillisecondType>(values, to, |_, v| {
                // An instant goes by its local time, another timestamp by Java's division.
                let ms = match is_instant {
                    true => read(v).ms.rem_euclid(DAY_MS),
                    false => read(v).ms % DAY_MS,
                };
                Ok(Some((ms / step * step).rem_euclid(DAY_MS) as i32))
            })
        }
        _ => to_timestamp(casting, values, to, |v| Some(read(v))),
    }
}

fn to_timestamp(
    casting: &mut Casting<'_>,
    values: &ArrayRef,
    to: &TypeKind,
    read: impl Fn(i64) -> Option<Point>,
) -> Result<ArrayRef> {
    let (precision, unit) = timestamp_form(to)?;
    let mut write =
        |row: usize, value: i64| match read(value).and_then(|p| p.cut(precision).to(unit)) {
            Some(value) => Ok(Some(value)),
            None => casting.fail(row, || out_of_range(to)),
        };
    match unit {
        TimeUnit::Microsecond => {
            map_values::<Int64Type, TimestampMicrosecondType>(values, to, &mut write)
        }
        TimeUnit::Nanosecond => {
            map_values::<Int64Type, TimestampNanosecondType>(values, to, &mut write)
        }
        _ => map_values::<Int64Type, TimestampMillisecondType>(values, to, &mut write),
    }
}

/// A column of optional points as a timestamp type; LTZ's are instants already.
pub(super) fn points_to_timestamp(
    casting: &mut Casting<'_>,
    points: &[Option<Point>],
    to: &TypeKind,
) -> Result<ArrayRef> {
    let (precision, unit) = timestamp_form(to)?;
    let mut values = Vec::with_capacity(points.len());
    for (row, point) in points.iter().enumerate() {
        values.push(match point {
            None => None,
            Some(point) => match point.cut(precision).to(unit) {
                Some(value) => Some(value),
                None => casting.fail(row, || out_of_range(to))?,
            },
        });
    }
    let array: ArrayRef = Arc::new(Int64Array::from(values));
    Ok(arrow_cast(&array, &to.arrow())?)
}

fn out_of_range(to: &TypeKind) -> String {
    format!(
        "The value is outside of what {} can hold (years 1677 to 2262)",
        filbert_types::LogicalType::from(to.clone())
    )
}

pub(super) fn timestamp_form(to: &TypeKind) -> Result<(u8, TimeUnit)> {
    match (to, to.arrow()) {
        (
            TypeKind::Timestamp { precision, .. } | TypeKind::TimestampLtz { precision, .. },
            DataType::Timestamp(unit, _),
        ) => Ok((*precision, unit)),
        _ => internal_err!("{to:?} is no timestamp"),
    }
}
