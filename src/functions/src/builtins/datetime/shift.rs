//! TIMESTAMPADD(unit, n, x), TIMESTAMPDIFF(unit, a, b), and the addition of months that intervals use too.

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Date32Type, Int32Type, Time32MillisecondType};
use datafusion::common::Result;
use filbert_types::{LogicalType, TypeKind};

use super::unit::Unit;
use super::{Timestamps, build_timestamps, truncate_to_precision, zone_of};
use crate::CallError;
use crate::definition::{Function, Inferred};
use crate::java::sql_date::{DAY_MS, date_of, days_in_month, days_of};
use crate::kernel::{Call, fail};
use crate::signature::CallArgs;

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "TIMESTAMPADD",
        &["TIMESTAMPADD(<ANY>, <INTEGER>, <DATETIME>)"],
        "The date or timestamp so many units later.",
        infer_add,
        add,
    )
    .fallible(),
    Function::kernel(
        "TIMESTAMPDIFF",
        &["TIMESTAMPDIFF(<TIME_UNIT>, <DATETIME>, <DATETIME>)"],
        "How many whole units lie between two dates or timestamps.",
        infer_diff,
        diff,
    )
    .fallible(),
];

fn is_datetime(kind: &TypeKind) -> bool {
    kind.is_timestamp() || matches!(kind, TypeKind::Date | TypeKind::Time(_) | TypeKind::Null)
}

fn checked_unit(call: &CallArgs<'_>) -> Result<Unit, CallError> {
    if call.len() != 3 {
        return Err(call.wrong_count(&[3]));
    }
    let unit = Unit::of(call, 0)?;
    if unit.months() == 0
        && unit.millis().is_none()
        && !matches!(unit, Unit::Microsecond | Unit::Nanosecond)
    {
        return Err(CallError::Invalid(format!(
            "'{}' is not a valid time frame in {}",
            unit.name(),
            call.function.name()
        )));
    }
    Ok(unit)
}

fn infer_add(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let unit = checked_unit(call)?;
    let (count, moved) = (call.ty(1), call.ty(2));
    let countable = count.kind.is_integer() || count.kind == TypeKind::Null;
    if !countable || !is_datetime(&moved.kind) {
        return Err(call.refuse());
    }
    let of_day = unit.months() == 0 && !matches!(unit, Unit::Day | Unit::Week);
    let kind = match &moved.kind {
        TypeKind::Null => TypeKind::Date,
        TypeKind::Date if of_day => TypeKind::timestamp(6),
        _ => moved.without_time_attribute().kind,
    };
    let nullable = count.nullable || moved.nullable;
    let types = vec![
        call.ty(0).clone(),
        LogicalType::new(TypeKind::BigInt, count.nullable),
        match &moved.kind {
            TypeKind::Null => LogicalType::from(TypeKind::Date),
            _ => moved.clone(),
        },
    ];
    Ok(call.returns_type(types, LogicalType::new(kind, nullable)))
}

fn infer_diff(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    checked_unit(call)?;
    let (from, to) = (call.ty(1), call.ty(2));
    let is_time = |t: &LogicalType| matches!(t.kind, TypeKind::Time(_));
    if !is_datetime(&from.kind) || !is_datetime(&to.kind) || is_time(from) != is_time(to) {
        return Err(call.refuse());
    }
    let typed = |t: &LogicalType| match t.kind {
        TypeKind::Null => LogicalType::from(TypeKind::Date),
        _ => t.clone(),
    };
    let nullable = from.nullable || to.nullable;
    let types = vec![call.ty(0).clone(), typed(from), typed(to)];
    Ok(call.returns_type(types, LogicalType::new(TypeKind::Int, nullable)))
}

fn unit_of(call: &Call<'_>) -> Result<Unit> {
    let unit = call.strings(0)?;
    unit.constant()
        .and_then(Unit::parse)
        .ok_or_else(|| fail(format!("{}: unknown unit", call.name)))
}

/// The day that many months later: of the same number, or the month's last.
pub(crate) fn add_months(day: i64, months: i64) -> i64 {
    let (year, month, day) = date_of(day);
    let total = year * 12 + month - 1 + months;
    let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
    days_of(year, month, day.min(days_in_month(year, month)))
}

fn overflow(name: &str) -> datafusion::common::DataFusionError {
    fail(format!("{name}: integer overflow"))
}

fn add(call: &Call<'_>) -> Result<ArrayRef> {
    let unit = unit_of(call)?;
    let count = call.bigints(1)?;
    let source = &call.arg_types[2].kind;
    match (source.arrow(), call.return_type.arrow()) {
        (DataType::Date32, DataType::Date32) => {
            let days = call.primitives::<Date32Type>(2)?;
            call.strict::<Date32Type>(|row| {
                let day = i64::from(days.value(row));
                let moved = match (unit.months(), unit.millis()) {
                    (0, Some(step)) => count
                        .value(row)
                        .checked_mul(step / DAY_MS)
                        .and_then(|d| d.checked_add(day)),
                    (months, _) => in_range(count.value(row), months).map(|m| add_months(day, m)),
                };
                let day = moved.and_then(|d| i32::try_from(d).ok());
                day.map(Some).ok_or_else(|| overflow(call.name))
            })
        }
        (DataType::Time32(_), _) => {
            let times = call.primitives::<Time32MillisecondType>(2)?;
            // Whole days and months leave a time as it is.
            let step = unit.millis().unwrap_or(0);
            call.strict::<Time32MillisecondType>(|row| {
                let moved = count.value(row).wrapping_mul(step) + i64::from(times.value(row));
                Ok(Some(moved.rem_euclid(DAY_MS) as i32))
            })
        }
        _ => {
            let moments = Moments::of(call, 2)?;
            let nulls = call.strict_nulls();
            let precision = super::precision(&call.return_type.kind);
            build_timestamps(call, |row| {
                if nulls.as_ref().is_some_and(|n| n.is_null(row)) {
                    return Ok(None);
                }
                let Some(moment) = moments.get(row) else {
                    return Ok(None);
                };
                let moved =
                    move_by(unit, count.value(row), moment).ok_or_else(|| overflow(call.name))?;
                Ok(Some(truncate_to_precision(moved, precision)))
            })
        }
    }
}

/// Months that many units are, if that is a sensible number.
fn in_range(count: i64, months: i64) -> Option<i64> {
    count
        .checked_mul(months)
        .filter(|m| m.abs() <= i64::from(i32::MAX))
}

fn move_by(unit: Unit, count: i64, (ms, ns): (i64, i64)) -> Option<(i64, i64)> {
    if unit.months() > 0 {
        let months = in_range(count, unit.months())?;
        let day = add_months(ms.div_euclid(DAY_MS), months);
        return Some((day.checked_mul(DAY_MS)? + ms.rem_euclid(DAY_MS), ns));
    }
    if let Some(step) = unit.millis() {
        return Some((count.checked_mul(step)?.checked_add(ms)?, ns));
    }
    let nanos = match unit {
        Unit::Microsecond => count.checked_mul(1000)?,
        _ => count,
    };
    let total = nanos.checked_add(ns)?;
    Some((
        ms.checked_add(total.div_euclid(1_000_000))?,
        total.rem_euclid(1_000_000),
    ))
}

/// Dates, times and timestamps, all as milliseconds.
enum Moments {
    Dates(crate::kernel::Arg<arrow::array::Date32Array>),
    Times(crate::kernel::Arg<arrow::array::Time32MillisecondArray>),
    Timestamps(Timestamps, crate::java::zone::Zone),
}

impl Moments {
    fn of(call: &Call<'_>, index: usize) -> Result<Moments> {
        let kind = &call.arg_types[index].kind;
        Ok(match kind.arrow() {
            DataType::Date32 => Moments::Dates(call.primitives::<Date32Type>(index)?),
            DataType::Time32(_) => Moments::Times(call.primitives::<Time32MillisecondType>(index)?),
            _ => Moments::Timestamps(Timestamps::of(call, index)?, zone_of(call, kind)),
        })
    }

    fn get(&self, row: usize) -> Option<(i64, i64)> {
        match self {
            Moments::Dates(days) => days.get(row).map(|d| (i64::from(d) * DAY_MS, 0)),
            Moments::Times(times) => times.get(row).map(|t| (i64::from(t), 0)),
            Moments::Timestamps(timestamps, _) => timestamps.get(row),
        }
    }

    /// Milliseconds as UTC, where another side is TIMESTAMP_LTZ and this one a local time.
    fn get_utc(&self, row: usize, zone: Option<crate::java::zone::Zone>) -> Option<i64> {
        let (ms, _) = self.get(row)?;
        match zone {
            Some(zone) if !self.is_ltz() => {
                let offset = zone.offset_of_local_date_time(ms.div_euclid(1000));
                Some(ms - 1000 * i64::from(offset))
            }
            _ => Some(ms),
        }
    }

    fn is_ltz(&self) -> bool {
        matches!(self, Moments::Timestamps(_, zone) if *zone != crate::java::zone::UTC)
    }
}

fn diff(call: &Call<'_>) -> Result<ArrayRef> {
    let unit = unit_of(call)?;
    let (from, to) = (Moments::of(call, 1)?, Moments::of(call, 2)?);
    let zone = (from.is_ltz() || to.is_ltz())
        .then_some(crate::java::zone::Zone::from(call.session.time_zone));
    call.build::<Int32Type>(|row| {
        let (Some(from), Some(to)) = (from.get_utc(row, zone), to.get_utc(row, zone)) else {
            return Ok(None);
        };
        Ok(Some(difference(unit, from, to) as i32))
    })
}

/// `to - from` in whole units; below a second, in whole seconds.
fn difference(unit: Unit, from: i64, to: i64) -> i64 {
    if unit.months() > 0 {
        return months_between(to, from) / unit.months();
    }
    match unit {
        Unit::Millisecond => (to - from) / 1000 * 1000,
        Unit::Microsecond => (to - from) / 1000 * 1_000_000,
        Unit::Nanosecond => ((to - from) / 1000).wrapping_mul(1_000_000_000),
        unit => (to - from) / unit.millis().unwrap_or(1),
    }
}

/// `DateTimeUtils.subtractMonths`.
fn months_between(later: i64, earlier: i64) -> i64 {
    let (day0, ms0) = (later.div_euclid(DAY_MS), later.rem_euclid(DAY_MS));
    let (day1, ms1) = (earlier.div_euclid(DAY_MS), earlier.rem_euclid(DAY_MS));
    let months = days_months_between(day0, day1);
    if add_months(day1, months) == day0 && ms0 < ms1 {
        months - 1
    } else {
        months
    }
}

fn days_months_between(day0: i64, day1: i64) -> i64 {
    if day0 < day1 {
        return -days_months_between(day1, day0);
    }
    let mut months = (day0 - day1) / 31;
    loop {
        if add_months(day1, months) >= day0 || add_months(day1, months + 1) > day0 {
            return months;
        }
        months += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_keep_to_the_month() {
        let day = |y, m, d| days_of(y, m, d);
        assert_eq!(add_months(day(2024, 1, 31), 1), day(2024, 2, 29));
        assert_eq!(add_months(day(2024, 3, 31), -1), day(2024, 2, 29));
        assert_eq!(add_months(day(2024, 2, 29), 120), day(2034, 2, 28));
    }

    /// The numbers are Flink's answers.
    #[test]
    fn differences_are_of_whole_units() {
        let ms = |y, m, d| days_of(y, m, d) * DAY_MS;
        assert_eq!(difference(Unit::Month, ms(2020, 1, 31), ms(2020, 2, 29)), 1);
        assert_eq!(difference(Unit::Year, ms(2024, 2, 29), ms(2025, 2, 28)), 1);
        assert_eq!(
            difference(Unit::Month, ms(2021, 3, 1), ms(2020, 12, 1) + 1000),
            -3
        );
        assert_eq!(
            difference(Unit::Month, ms(2020, 1, 15) + DAY_MS / 2, ms(2021, 1, 15)),
            11
        );
        assert_eq!(
            difference(Unit::Second, ms(1900, 1, 1), ms(2020, 1, 1)) as i32,
            -508_141_696
        );
        assert_eq!(difference(Unit::Millisecond, 123, 1234), 1000);
    }
}
