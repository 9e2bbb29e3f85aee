//! TO_DATE, TO_TIMESTAMP, TO_TIMESTAMP_LTZ.

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::Date32Type;
use datafusion::common::Result;
use filbert_types::TypeKind;

use super::{build_timestamps, precision, truncate_to_precision};
use crate::CallError;
use crate::definition::{Function, Inferred};
use crate::java::cache::Cached;
use crate::java::date_time_formatter::{DateTime, DateTimeFormatter, parse_or_literal};
use crate::java::simple_date_format::SimpleDateFormat;
use crate::java::sql_date::{DAY_MS, date_of, parse_date, unix_date_of};
use crate::java::zone::{UTC, Zone, zone_id};
use crate::kernel::{Arg, Call, fail};
use crate::signature::{BIGINT, CallArgs, DOUBLE, Family, Param, STRING};

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "TO_DATE",
        &["TO_DATE(<CHARACTER>)", "TO_DATE(<CHARACTER>, <CHARACTER>)"],
        "The date that a text of the form yyyy-MM-dd, or of a given pattern, means.",
        |call| {
            let types = call.matches(&[&[STRING], &[STRING, STRING]])?;
            Ok(call.returns_nullable(types, TypeKind::Date))
        },
        to_date,
    )
    .fallible(),
    Function::kernel(
        "TO_TIMESTAMP",
        &[
            "TO_TIMESTAMP(<CHARACTER>)",
            "TO_TIMESTAMP(<CHARACTER>, <CHARACTER>)",
        ],
        "The timestamp that a text of the form yyyy-MM-dd HH:mm:ss.SSS, or of a given pattern, means.",
        |call| {
            let types = call.matches(&[&[STRING], &[STRING, STRING]])?;
            Ok(call.returns_nullable(types, TypeKind::timestamp(3)))
        },
        to_timestamp,
    ),
    Function::kernel(
        "TO_TIMESTAMP_LTZ",
        &[
            "TO_TIMESTAMP_LTZ(<NUMERIC>)",
            "TO_TIMESTAMP_LTZ(<NUMERIC>, <INTEGER_NUMERIC>)",
            "TO_TIMESTAMP_LTZ(<CHARACTER_STRING>)",
            "TO_TIMESTAMP_LTZ(<CHARACTER_STRING>, pattern <CHARACTER_STRING>)",
            "TO_TIMESTAMP_LTZ(<CHARACTER_STRING>, pattern <CHARACTER_STRING>, timezone <CHARACTER_STRING>)",
        ],
        "The moment that a number since the epoch (in units of a precision) or a text (of a pattern, in a time zone) means.",
        infer_ltz,
        to_timestamp_ltz,
    )
    .fallible(),
];

fn infer_ltz(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    if call.len() > 1 && call.args.iter().any(|a| a.ty.kind == TypeKind::Null) {
        return Err(crate::bare_null::illegal(call.function.name()));
    }
    let number = match call.args.first().map(|a| &a.ty.kind) {
        Some(TypeKind::Float | TypeKind::Double | TypeKind::Decimal { .. }) => DOUBLE,
        _ => BIGINT,
    };
    let precision = Param::cast(Family::Integer, TypeKind::Int);
    let types = call.matches(&[
        std::slice::from_ref(&number),
        &[number.clone(), precision],
        &[STRING],
        &[STRING, STRING],
        &[STRING, STRING, STRING],
    ])?;
    let mut digits = 3;
    if types[0].kind.is_character() {
        check_text_literals(call)?;
        if let Some(pattern) = call.literal_str(1) {
            let fraction = pattern.chars().filter(|c| *c == 'S').count();
            digits = fraction.clamp(3, 9) as u8;
        }
    } else if let Some(value) = call.args.get(1).and_then(|a| a.literal()) {
        let literal = value.to_string().parse::<i64>().unwrap_or(3);
        if !(0..=9).contains(&literal) {
            return Err(CallError::Invalid(format!(
                "Precision for TO_TIMESTAMP_LTZ must be between 0 and 9 but was {literal}."
            )));
        }
        digits = (literal as u8).max(3);
    }
    Ok(call.returns_nullable(types, TypeKind::timestamp_ltz(digits)))
}

/// A pattern or a zone that is a literal is checked at once.
fn check_text_literals(call: &CallArgs<'_>) -> Result<(), CallError> {
    if let Some(pattern) = call.literal_str(1)
        && let Err(e) = DateTimeFormatter::new(pattern)
    {
        return Err(CallError::Invalid(format!(
            "Invalid pattern for parsing TIMESTAMP_LTZ: {e}"
        )));
    }
    match call.literal_str(2) {
        Some(zone) if zone_id(zone).is_none() => Err(CallError::Invalid(format!(
            "Invalid timezone for parsing TIMESTAMP_LTZ: Unknown time-zone ID: {zone}"
        ))),
        _ => Ok(()),
    }
}

fn to_date(call: &Call<'_>) -> Result<ArrayRef> {
    let text = call.strings(0)?;
    if call.args.len() == 1 {
        return call.strict::<Date32Type>(|row| Ok(parse_date(text.value(row))));
    }
    let pattern = call.strings(1)?;
    let mut formats = Cached::default();
    call.strict::<Date32Type>(|row| {
        let format = formats
            .get(pattern.value(row), "", SimpleDateFormat::new)
            .as_ref()
            .map_err(|e| fail(format!("TO_DATE: {e}")))?;
        // What can't be read is the earliest moment there is, whose days wrap around, as in Flink.
        let millis = format.parse(text.value(row), UTC).unwrap_or(i64::MIN);
        let (year, month, day) = date_of(millis.div_euclid(DAY_MS));
        Ok(Some(unix_date_of(year, month, day)))
    })
}

fn millis_of(value: DateTime) -> (i64, i64) {
    let ms = value.days * DAY_MS + value.second_of_day * 1000 + value.nano / 1_000_000;
    (ms, value.nano % 1_000_000)
}

fn to_timestamp(call: &Call<'_>) -> Result<ArrayRef> {
    let text = call.strings(0)?;
    let default = DateTimeFormatter::timestamp().map_err(fail)?;
    let pattern = match call.args.len() {
        2 => Some(call.strings(1)?),
        _ => None,
    };
    let nulls = call.strict_nulls();
    let mut formatters = Cached::default();
    build_timestamps(call, |row| {
        if nulls.as_ref().is_some_and(|n| n.is_null(row)) {
            return Ok(None);
        }
        let text = text.value(row);
        let value = match &pattern {
            None => parse_default(&default, text).ok(),
            Some(pattern) => formatters
                .get(pattern.value(row), "", DateTimeFormatter::new)
                .as_ref()
                .ok()
                .and_then(|f| parse_or_literal(f, text)),
        };
        Ok(value.map(|v| truncate_to_precision(millis_of(v), 3)))
    })
}

/// As the formatter, with a shortcut for the form that nearly all texts have.
fn parse_default(formatter: &DateTimeFormatter, text: &str) -> Result<DateTime, usize> {
    match parse_plain(text.as_bytes()) {
        Some(value) => Ok(value),
        None => formatter.parse(text),
    }
}

/// `yyyy-MM-dd HH:mm:ss` with up to nine digits of fraction, of days that every month has.
fn parse_plain(text: &[u8]) -> Option<DateTime> {
    let two = |at: usize| -> Option<i64> {
        let (a, b) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
        (a < 10 && b < 10).then(|| i64::from(a) * 10 + i64::from(b))
    };
    if text.len() < 19
        || [text[4], text[7], text[10], text[13], text[16]] != *b"-- ::"
        || text.len() == 20
        || text.len() > 29
    {
        return None;
    }
    let year = two(0)? * 100 + two(2)?;
    let (month, day) = (two(5)?, two(8)?);
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    let valid = year > 0
        && (1..=12).contains(&month)
        && (1..=28).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !valid {
        return None;
    }
    let mut nano = 0;
    if text.len() > 19 {
        if text[19] != b'.' {
            return None;
        }
        for digit in &text[20..] {
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            nano = nano * 10 + i64::from(digit);
        }
        nano *= 10_i64.pow(29 - text.len() as u32);
    }
    Some(DateTime {
        days: crate::java::sql_date::days_of(year, month, day),
        second_of_day: hour * 3600 + minute * 60 + second,
        nano,
    })
}

fn to_timestamp_ltz(call: &Call<'_>) -> Result<ArrayRef> {
    if call.arg_types[0].kind.is_character() {
        return ltz_from_text(call);
    }
    let units = match call.args.len() {
        2 => Some(call.ints(1)?),
        _ => None,
    };
    let unit = |row: usize| units.as_ref().map_or(3, |p| p.value(row));
    let nulls = call.strict_nulls();
    let is_null = |row: usize| nulls.as_ref().is_some_and(|n| n.is_null(row));
    if call.arg_types[0].kind == TypeKind::Double {
        let number: Arg<Float64Array> = call.doubles(0)?;
        return build_timestamps(call, |row| {
            if is_null(row) {
                return Ok(None);
            }
            let (number, unit) = (number.value(row), unit(row));
            Ok(match unit {
                0 => from_units((number * 1000.0) as i64, 3),
                _ => from_units(number as i64, unit),
            })
        });
    }
    let number = call.bigints(0)?;
    build_timestamps(call, |row| {
        if is_null(row) {
            return Ok(None);
        }
        Ok(from_units(number.value(row), unit(row)))
    })
}

/// Milliseconds of the years 0 to 9999.
const MILLIS: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

/// A number of units of `10^-precision` seconds; none outside of the years that Flink shows.
fn from_units(number: i64, precision: i32) -> Option<(i64, i64)> {
    let precision = u32::try_from(precision).ok().filter(|p| *p <= 9)?;
    let (ms, ns) = if precision <= 3 {
        (number.checked_mul(10_i64.pow(3 - precision))?, 0)
    } else {
        let per_milli = 10_i64.pow(precision - 3);
        let rest = number.rem_euclid(per_milli);
        (
            number.div_euclid(per_milli),
            rest * 10_i64.pow(9 - precision),
        )
    };
    MILLIS.contains(&ms).then_some((ms, ns))
}

fn ltz_from_text(call: &Call<'_>) -> Result<ArrayRef> {
    let text = call.strings(0)?;
    let pattern = match call.args.len() {
        1 => None,
        _ => Some(call.strings(1)?),
    };
    let zone = match call.args.len() {
        3 => Some(call.strings(2)?),
        _ => None,
    };
    let default = DateTimeFormatter::timestamp().map_err(fail)?;
    let nulls = call.strict_nulls();
    let mut formatters = Cached::default();
    let mut zones: Cached<'_, Zone> = Cached::default();
    let digits = precision(&call.return_type.kind);
    build_timestamps(call, |row| {
        if nulls.as_ref().is_some_and(|n| n.is_null(row)) {
            return Ok(None);
        }
        let text = text.value(row);
        let value = match &pattern {
            None => parse_default(&default, text)
                .map_err(|at| fail(format!("Text '{text}' could not be parsed at index {at}")))?,
            Some(pattern) => {
                let formatter = formatters.get(pattern.value(row), "", DateTimeFormatter::new);
                match formatter
                    .as_ref()
                    .ok()
                    .and_then(|f| parse_or_literal(f, text))
                {
                    Some(value) => value,
                    None => return Ok(None),
                }
            }
        };
        let zone = match &zone {
            None => UTC,
            Some(zone) => {
                let known = zones.get(zone.value(row), "", |id| {
                    zone_id(id).ok_or_else(|| format!("Unknown time-zone ID: {id}"))
                });
                match known {
                    Ok(zone) => *zone,
                    Err(e) => return Err(fail(format!("TO_TIMESTAMP_LTZ: {e}"))),
                }
            }
        };
        let (ms, ns) = millis_of(value);
        let offset = zone.offset_of_local_date_time(ms.div_euclid(1000));
        Ok(Some(truncate_to_precision(
            (ms - 1000 * i64::from(offset), ns),
            digits,
        )))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortcut_agrees_with_the_formatter() {
        let formatter = DateTimeFormatter::timestamp().unwrap();
        for text in [
            "2024-02-28 01:02:03",
            "2024-12-01 23:59:59.1",
            "0001-01-01 00:00:00.123456789",
        ] {
            let plain = parse_plain(text.as_bytes());
            assert_eq!(plain.ok_or(0), formatter.parse(text), "{text}");
        }
        for text in [
            "2024-02-29 01:02:03",
            "2024-2-28 01:02:03",
            "2024-02-28 24:00:00",
        ] {
            assert_eq!(parse_plain(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_in_units_of_the_precision() {
        assert_eq!(from_units(-1, 0), Some((-1000, 0)));
        assert_eq!(from_units(12_345, 1), Some((1_234_500, 0)));
        assert_eq!(from_units(1_234_567, 4), Some((123_456, 700_000)));
        assert_eq!(from_units(-1, 9), Some((-1, 999_999)));
        assert_eq!(from_units(i64::MAX, 3), None);
        assert_eq!(from_units(i64::MAX, 0), None);
    }
}
