//! EXTRACT(unit, x), and YEAR to SECOND, which are short for it.
//!
//! Flink divides the milliseconds with truncation, not flooring: before 1970 the time fields are negative and the date is
//! the next day's where the time isn't midnight. Time units of a DATE take its days for milliseconds.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{
    DataType, Date32Type, DurationMillisecondType, Int64Type, IntervalYearMonthType,
    Time32MillisecondType,
};
use datafusion::common::Result;
use filbert_types::{LogicalType, TypeKind};

use super::unit::Unit;
use super::{Timestamps, zone_of};
use crate::CallError;
use crate::definition::{Function, Inferred};
use crate::java::sql_date::{DAY_MS, date_of, days_of, iso_weekday};
use crate::kernel::{Call, fail};
use crate::signature::CallArgs;

macro_rules! part {
    ($name:literal, $signature:literal, $unit:ident, $doc:literal) => {
        Function::kernel(
            $name,
            &[$signature],
            $doc,
            |call| infer_part(call, Unit::$unit),
            |call| extract_from(call, 0, Unit::$unit),
        )
    };
}

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "EXTRACT",
        &["EXTRACT(<DATETIME_INTERVAL> FROM <DATETIME_INTERVAL>)"],
        "A part of a date, time, timestamp or interval.",
        infer_extract,
        extract,
    )
    .fallible(),
    part!(
        "YEAR",
        "YEAR(<DATETIME_INTERVAL>)",
        Year,
        "The year: EXTRACT(YEAR FROM x)."
    ),
    part!(
        "QUARTER",
        "QUARTER(<DATETIME_INTERVAL>)",
        Quarter,
        "The quarter of the year: EXTRACT(QUARTER FROM x)."
    ),
    part!(
        "MONTH",
        "MONTH(<DATETIME_INTERVAL>)",
        Month,
        "The month of the year: EXTRACT(MONTH FROM x)."
    ),
    part!(
        "WEEK",
        "WEEK(<DATETIME_INTERVAL>)",
        Week,
        "The ISO week of the year: EXTRACT(WEEK FROM x)."
    ),
    part!(
        "DAYOFYEAR",
        "DAYOFYEAR(<DATETIME_INTERVAL>)",
        Doy,
        "The day of the year: EXTRACT(DOY FROM x)."
    ),
    part!(
        "DAYOFMONTH",
        "DAYOFMONTH(<DATETIME_INTERVAL>)",
        Day,
        "The day of the month: EXTRACT(DAY FROM x)."
    ),
    part!(
        "DAYOFWEEK",
        "DAYOFWEEK(<DATETIME_INTERVAL>)",
        Dow,
        "The day of the week, 1 for Sunday: EXTRACT(DOW FROM x)."
    ),
    part!(
        "HOUR",
        "HOUR(<DATETIME_INTERVAL>)",
        Hour,
        "The hour of the day: EXTRACT(HOUR FROM x)."
    ),
    part!(
        "MINUTE",
        "MINUTE(<DATETIME_INTERVAL>)",
        Minute,
        "The minute of the hour: EXTRACT(MINUTE FROM x)."
    ),
    part!(
        "SECOND",
        "SECOND(<DATETIME_INTERVAL>)",
        Second,
        "The second of the minute: EXTRACT(SECOND FROM x)."
    ),
];

fn infer_extract(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    if call.len() != 2 {
        return Err(call.wrong_count(&[2]));
    }
    let unit = Unit::of(call, 0)?;
    let source = checked(call, 1, unit)?;
    let nullable = source.nullable;
    let types = vec![call.ty(0).clone(), source];
    Ok(call.returns_type(types, LogicalType::new(TypeKind::BigInt, nullable)))
}

fn infer_part(call: &CallArgs<'_>, unit: Unit) -> Result<Inferred, CallError> {
    if call.len() != 1 {
        return Err(call.wrong_count(&[1]));
    }
    let source = checked(call, 0, unit)?;
    Ok(call.returns(vec![source], TypeKind::BigInt))
}

/// The type of what is extracted from, if the unit exists there.
fn checked(call: &CallArgs<'_>, index: usize, unit: Unit) -> Result<LogicalType, CallError> {
    let ty = call.ty(index);
    let below_millis = matches!(unit, Unit::Microsecond | Unit::Nanosecond);
    let of_day = unit.millis().is_some_and(|ms| ms < DAY_MS);
    let refused = |what: String| {
        Err(CallError::Invalid(format!(
            "unit {} can not be applied to {what} variable",
            unit.name()
        )))
    };
    match &ty.kind {
        TypeKind::Null => return Ok(LogicalType::from(TypeKind::Date)),
        TypeKind::Timestamp { .. } | TypeKind::TimestampLtz { .. } => {}
        TypeKind::Date if below_millis => return refused(ty.to_string()),
        TypeKind::Date => {}
        TypeKind::Time(_) if below_millis => return refused(ty.to_string()),
        TypeKind::Time(_) if !of_day => return refused("time".to_string()),
        TypeKind::Time(_) => {}
        TypeKind::IntervalYearMonth(_)
            if matches!(unit, Unit::Year | Unit::Quarter | Unit::Month) => {}
        TypeKind::IntervalDayTime(_) if of_day || unit == Unit::Day => {}
        TypeKind::IntervalYearMonth(_) | TypeKind::IntervalDayTime(_) => {
            return Err(CallError::Invalid(format!(
                "Unit '{}' is not supported in EXTRACT from {ty}.",
                unit.name()
            )));
        }
        _ => return Err(call.refuse()),
    }
    Ok(ty.clone())
}

fn extract(call: &Call<'_>) -> Result<ArrayRef> {
    let name = call.strings(0)?;
    let unit = name
        .constant()
        .and_then(Unit::parse)
        .ok_or_else(|| fail("EXTRACT: unknown unit"))?;
    extract_from(call, 1, unit)
}

fn extract_from(call: &Call<'_>, index: usize, unit: Unit) -> Result<ArrayRef> {
    let kind = &call.arg_types[index].kind;
    match kind.arrow() {
        DataType::Timestamp(..) => {
            let source = Timestamps::of(call, index)?;
            if matches!(kind, TypeKind::Timestamp { .. })
                && let Some(parts) = source.map_column(|ms, ns| from_timestamp(unit, ms, ns))
            {
                return Ok(parts);
            }
            let zone = zone_of(call, kind);
            call.build::<Int64Type>(|row| {
                Ok(source.get(row).map(|(ms, ns)| {
                    let offset = i64::from(zone.offset_at(ms.div_euclid(1000)));
                    from_timestamp(unit, ms + offset * 1000, ns)
                }))
            })
        }
        DataType::Date32 => {
            let source = call.primitives::<Date32Type>(index)?;
            if !source.is_constant() {
                let days = source.array();
                let parts: Int64Array = days.unary(|day| from_date(unit, i64::from(day)));
                return Ok(Arc::new(parts));
            }
            call.build::<Int64Type>(|row| {
                Ok(source.get(row).map(|day| from_date(unit, i64::from(day))))
            })
        }
        DataType::Time32(_) => {
            let source = call.primitives::<Time32MillisecondType>(index)?;
            call.build::<Int64Type>(|row| Ok(source.get(row).map(|ms| of_day(unit, i64::from(ms)))))
        }
        DataType::Interval(_) => {
            let source = call.primitives::<IntervalYearMonthType>(index)?;
            call.build::<Int64Type>(|row| {
                Ok(source.get(row).map(|months| {
                    let months = i64::from(months);
                    match unit {
                        Unit::Year => months / 12,
                        Unit::Quarter => months % 12 / 3 + 1,
                        _ => months % 12,
                    }
                }))
            })
        }
        _ => {
            let source = call.primitives::<DurationMillisecondType>(index)?;
            call.build::<Int64Type>(|row| {
                Ok(source.get(row).map(|ms| match unit {
                    Unit::Day => ms / DAY_MS,
                    _ => of_day(unit, ms),
                }))
            })
        }
    }
}

fn from_timestamp(unit: Unit, ms: i64, ns: i64) -> i64 {
    match unit {
        Unit::Hour | Unit::Minute | Unit::Second | Unit::Millisecond => of_day(unit, ms),
        Unit::Microsecond => ms % 1000 * 1_000 + ns / 1_000,
        Unit::Nanosecond => ms % 1000 * 1_000_000 + ns,
        Unit::Epoch => ms / 1000,
        _ => from_date(unit, ms / DAY_MS),
    }
}

fn of_day(unit: Unit, ms: i64) -> i64 {
    match unit {
        Unit::Hour => ms % DAY_MS / 3_600_000,
        Unit::Minute => ms % 3_600_000 / 60_000,
        Unit::Second => ms % 60_000 / 1000,
        _ => ms % 1000,
    }
}

fn from_date(unit: Unit, day: i64) -> i64 {
    let (year, month, day_of_month) = date_of(day);
    match unit {
        Unit::Year => year,
        Unit::Quarter => (month + 2) / 3,
        Unit::Month => month,
        Unit::Day => day_of_month,
        Unit::Doy => day - days_of(year, 1, 1) + 1,
        Unit::Dow => iso_weekday(day) % 7 + 1,
        Unit::IsoDow => iso_weekday(day),
        Unit::Week => iso_week(day).1,
        Unit::IsoYear => iso_week(day).0,
        Unit::Decade => year / 10,
        Unit::Century if year > 0 => (year + 99) / 100,
        Unit::Century => (year - 99) / 100,
        Unit::Millennium if year > 0 => (year + 999) / 1000,
        Unit::Millennium => (year - 999) / 1000,
        Unit::Epoch => day * 86_400,
        _ => of_day(unit, day),
    }
}

/// The ISO year and week of a day: those of its week's Thursday.
fn iso_week(day: i64) -> (i64, i64) {
    let thursday = day - iso_weekday(day) + 4;
    let year = date_of(thursday).0;
    (year, (thursday - days_of(year, 1, 1)) / 7 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values are Flink's answers.
    #[test]
    fn fields_before_1970() {
        assert_eq!(from_timestamp(Unit::Year, -1, 0), 1970);
        assert_eq!(from_timestamp(Unit::Hour, -1, 0), 0);
        assert_eq!(from_timestamp(Unit::Microsecond, -877, 456_789), -876_544);
        assert_eq!(
            from_timestamp(Unit::Nanosecond, -877, 456_789),
            -876_543_211
        );
        let day = days_of(1960, 5, 5);
        assert_eq!(from_date(Unit::Second, day), -3);
        assert_eq!(from_date(Unit::Minute, days_of(1, 1, 1)), -11);
        assert_eq!(from_date(Unit::Second, days_of(2020, 1, 1)), 18);
    }

    #[test]
    fn weeks_are_iso() {
        assert_eq!(iso_week(days_of(2021, 1, 3)), (2020, 53));
        assert_eq!(iso_week(days_of(2019, 12, 30)), (2020, 1));
        assert_eq!(iso_week(days_of(1, 1, 1)), (1, 1));
    }
}
