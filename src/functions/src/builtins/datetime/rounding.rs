//! FLOOR(x, unit) and CEIL(x, unit) of dates, times and timestamps; the numbers' FLOOR and CEIL call these kernels.
//!
//! Weeks begin on Sunday. To a unit of more than a day a timestamp is rounded as its date, which is the later one before 1970. CEIL to DECADE, CENTURY and MILLENNIUM always moves on, and so does that of a DATE to DAY.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{
    DataType, Date32Type, Time32MillisecondType, TimeUnit, TimestampMillisecondType,
};
use datafusion::common::Result;
use filbert_types::TypeKind;

use super::unit::Unit;
use super::{Timestamps, build_timestamps, zone_of};
use crate::CallError;
use crate::definition::Inferred;
use crate::java::sql_date::{DAY_MS, calendar_date_of, date_of, days_of, iso_weekday};
use crate::java::zone::UTC;
use crate::kernel::{Call, fail};
use crate::signature::CallArgs;

pub(crate) fn infer(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let unit = Unit::of(call, 1)?;
    let source = call.ty(0);
    match &source.kind {
        TypeKind::Date
        | TypeKind::Time(_)
        | TypeKind::Timestamp { .. }
        | TypeKind::TimestampLtz { .. } => {}
        _ => return Err(call.refuse()),
    }
    if matches!(
        unit,
        Unit::Epoch | Unit::Dow | Unit::Doy | Unit::IsoDow | Unit::IsoYear
    ) {
        return Err(CallError::Invalid(format!(
            "'{}' is not a unit to which {} can round",
            unit.name(),
            call.function.name()
        )));
    }
    let result = source.without_time_attribute();
    Ok(call.returns_type(vec![source.clone(), call.ty(1).clone()], result))
}

pub(crate) fn round(call: &Call<'_>, up: bool) -> Result<ArrayRef> {
    let unit = call.strings(1)?;
    let unit = unit
        .constant()
        .and_then(Unit::parse)
        .ok_or_else(|| fail(format!("{}: unknown unit", call.name)))?;
    let kind = &call.arg_types[0].kind;
    match kind.arrow() {
        DataType::Date32 => {
            let source = call.primitives::<Date32Type>(0)?;
            call.build::<Date32Type>(|row| {
                Ok(source
                    .get(row)
                    .map(|day| round_date(unit, i64::from(day), up) as i32))
            })
        }
        DataType::Time32(_) => {
            let source = call.primitives::<Time32MillisecondType>(0)?;
            call.build::<Time32MillisecondType>(|row| {
                Ok(source.get(row).map(|ms| match unit.millis() {
                    Some(step) if step < DAY_MS => round_to(i64::from(ms), step, up) as i32,
                    // Flink takes the milliseconds for days.
                    _ => round_date(unit, i64::from(ms), up) as i32,
                }))
            })
        }
        _ => {
            let zone = zone_of(call, kind);
            let is_millis =
                |ty: DataType| matches!(ty, DataType::Timestamp(TimeUnit::Millisecond, _));
            if let Some(step) = unit.millis().filter(|step| *step <= DAY_MS)
                && zone == UTC
                && is_millis(kind.arrow())
                && is_millis(call.return_type.arrow())
            {
                return floor_millis(call, step, up);
            }
            let source = Timestamps::of(call, 0)?;
            build_timestamps(call, |row| {
                Ok(source.get(row).map(|(ms, ns)| {
                    let offset = 1000 * i64::from(zone.offset_at(ms.div_euclid(1000)));
                    let (ms, ns) = round_timestamp(unit, ms + offset, ns, up);
                    let back = zone.offset_of_local_date_time(ms.div_euclid(1000));
                    (ms - 1000 * i64::from(back), ns)
                }))
            })
        }
    }
}

/// Timestamps in milliseconds without a zone, to a unit of fixed length.
fn floor_millis(call: &Call<'_>, step: i64, up: bool) -> Result<ArrayRef> {
    let values = call.primitives::<TimestampMillisecondType>(0)?;
    let rounded = values
        .array()
        .unary::<_, TimestampMillisecondType>(|ms| round_to(ms, step, up));
    Ok(Arc::new(rounded.with_data_type(call.return_type.arrow())))
}

fn round_to(value: i64, step: i64, up: bool) -> i64 {
    let floor = value - value.rem_euclid(step);
    if up && floor < value {
        floor + step
    } else {
        floor
    }
}

fn round_timestamp(unit: Unit, ms: i64, ns: i64, up: bool) -> (i64, i64) {
    match unit {
        Unit::Nanosecond => return (ms, ns),
        Unit::Microsecond => {
            let ns = round_to(ns, 1000, up);
            return (ms + ns / 1_000_000, ns % 1_000_000);
        }
        _ => {}
    }
    // What lies below a millisecond counts for CEIL to MILLISECOND alone, as in Flink.
    let ms = if up && ns > 0 && unit == Unit::Millisecond {
        ms + 1
    } else {
        ms
    };
    if let Some(step) = unit.millis().filter(|step| *step <= DAY_MS) {
        return (round_to(ms, step, up), 0);
    }
    // Flink rounds the date, whatever the time: noon of the first of January is not moved by CEIL to YEAR.
    (round_date(unit, ms / DAY_MS, up) * DAY_MS, 0)
}

fn round_date(unit: Unit, day: i64, up: bool) -> i64 {
    match unit {
        Unit::Day if up => day + 1,
        unit if unit.months() == 0 && unit != Unit::Week => day,
        unit => {
            // Flink reads a day before 1582-10-15 by the Julian calendar, and writes the result by the Gregorian one.
            let (year, month, of_month) = calendar_date_of(day);
            let read = days_of(year, month, of_month);
            let floor = match unit {
                Unit::Week => read - iso_weekday(day) % 7,
                unit => floor_date(unit, (year, month)),
            };
            if up && (floor < read || always_moves(unit)) {
                next_date(unit, floor)
            } else {
                floor
            }
        }
    }
}

fn always_moves(unit: Unit) -> bool {
    matches!(unit, Unit::Decade | Unit::Century | Unit::Millennium)
}

/// The day on which the unit of MONTH or more begins in which a month lies.
fn floor_date(unit: Unit, (year, month): (i64, i64)) -> i64 {
    match unit {
        Unit::Quarter => days_of(year, (month - 1) / 3 * 3 + 1, 1),
        Unit::Year => days_of(year, 1, 1),
        Unit::Decade => days_of(year.div_euclid(10) * 10, 1, 1),
        Unit::Century => days_of((year - 1).div_euclid(100) * 100 + 1, 1, 1),
        Unit::Millennium => days_of((year - 1).div_euclid(1000) * 1000 + 1, 1, 1),
        _ => days_of(year, month, 1),
    }
}

/// The beginning of the unit after the one that begins on this day.
fn next_date(unit: Unit, floor: i64) -> i64 {
    if unit == Unit::Week {
        return floor + 7;
    }
    let (year, month, _) = date_of(floor);
    days_of(year, month + unit.months(), 1)
}
