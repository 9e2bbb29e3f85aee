//! Casts of text to everything else, with Flink's readers and their quirks.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanBuilder, PrimitiveBuilder, StringViewArray};
use arrow::datatypes::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Time32MillisecondType,
};
use chrono::{Datelike, NaiveDate};
use datafusion::common::{Result, not_impl_err};
use filbert_types::TypeKind;
use filbert_types::parse::{ParsedDecimal, decimal, double, float};

use super::datetime::{Point, points_to_timestamp, timestamp_form};
use super::kernel::Casting;
use crate::time_text::{fraction_nanos, local_to_utc_seconds};

pub(super) fn parse(
    casting: &mut Casting<'_>,
    array: &ArrayRef,
    to: &TypeKind,
) -> Result<ArrayRef> {
    let texts = array.as_string_view();
    match to {
        TypeKind::Boolean => booleans(casting, texts),
        TypeKind::TinyInt => integers::<Int8Type>(casting, texts, |v| v.try_into().ok()),
        TypeKind::SmallInt => integers::<Int16Type>(casting, texts, |v| v.try_into().ok()),
        TypeKind::Int => integers::<Int32Type>(casting, texts, |v| v.try_into().ok()),
        TypeKind::BigInt => integers::<Int64Type>(casting, texts, |v| v.try_into().ok()),
        TypeKind::Float => values::<Float32Type>(casting, texts, to, |t| {
            float(t.trim())
                .or_else(|| hex_double(t.trim()).map(|v| v as f32))
                .ok_or_else(|| float_error(t))
        }),
        TypeKind::Double => values::<Float64Type>(casting, texts, to, |t| {
            double(t.trim())
                .or_else(|| hex_double(t.trim()))
                .ok_or_else(|| float_error(t))
        }),
        TypeKind::Decimal { precision, scale } => {
            values::<Decimal128Type>(casting, texts, to, |t| {
                read_decimal(t, *precision, *scale)
                    .ok_or_else(|| format!("For input string: '{t}'. Overflow."))
            })
        }
        TypeKind::Date => values::<Date32Type>(casting, texts, to, |t| {
            read_date(t).ok_or_else(|| format!("For input string: '{t}'."))
        }),
        TypeKind::Time(precision) => {
            let step = 10_i32.pow(u32::from(3_u8.saturating_sub(*precision)));
            values::<Time32MillisecondType>(casting, texts, to, |t| {
                read_time(t).map(|ms| ms / step * step).ok_or_else(|| {
                    format!("Invalid time format: '{t}'. Expected format: HH:mm:ss[.fff] where HH is 00-23, mm is 00-59, ss is 00-59")
                })
            })
        }
        TypeKind::Timestamp { .. } | TypeKind::TimestampLtz { .. } => {
            timestamps(casting, texts, to)
        }
        _ => not_impl_err!("CAST from a character string to {to:?}"),
    }
}

fn values<T: ArrowPrimitiveType>(
    casting: &mut Casting<'_>,
    texts: &StringViewArray,
    to: &TypeKind,
    read: impl Fn(&str) -> std::result::Result<T::Native, String>,
) -> Result<ArrayRef> {
    let mut builder = PrimitiveBuilder::<T>::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        builder.append_option(match text.map(&read) {
            None => None,
            Some(Ok(value)) => Some(value),
            Some(Err(message)) => casting.fail(row, || message)?,
        });
    }
    Ok(Arc::new(builder.finish().with_data_type(to.arrow())))
}

fn booleans(casting: &mut Casting<'_>, texts: &StringViewArray) -> Result<ArrayRef> {
    let mut builder = BooleanBuilder::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        let value = match text {
            None => None,
            Some(text) => match read_boolean(text) {
                Some(value) => Some(value),
                None => casting.fail(row, || format!("Cannot parse '{text}' as BOOLEAN."))?,
            },
        };
        builder.append_option(value);
    }
    Ok(Arc::new(builder.finish()))
}

fn read_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "0" => Some(false),
        _ => None,
    }
}

fn integers<T: ArrowPrimitiveType>(
    casting: &mut Casting<'_>,
    texts: &StringViewArray,
    fit: impl Fn(i128) -> Option<T::Native>,
) -> Result<ArrayRef> {
    let ty = T::DATA_TYPE;
    let mut builder = PrimitiveBuilder::<T>::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        let Some(text) = text else {
            builder.append_null();
            continue;
        };
        let read = match read_short_integer(text.as_bytes()) {
            Some(value) => Ok(i128::from(value)),
            None => read_integer(text),
        };
        let read = read.and_then(|v| fit(v).ok_or("Overflow."));
        builder.append_option(match read {
            Ok(value) => Some(value),
            Err(reason) => casting.fail(row, || format!("For input string: '{text}'. {reason}"))?,
        });
    }
    Ok(Arc::new(builder.finish().with_data_type(ty)))
}

/// Up to 18 digits, which no overflow threatens, behind a minus or none; anything else is for [`read_integer`].
#[inline]
fn read_short_integer(text: &[u8]) -> Option<i64> {
    const DIGITS_MAX: usize = 18;
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    let mut value = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

/// Blanks around, a sign, digits; a fraction is checked and dropped.
fn read_integer(text: &str) -> std::result::Result<i128, &'static str> {
    const INVALID: &str = "Invalid character found.";
    let trimmed = text.trim_matches(' ');
    if trimmed.is_empty() {
        return Err("Input is empty.");
    }
    let (negative, digits) = match trimmed.as_bytes()[0] {
        b'-' => (true, &trimmed[1..]),
        b'+' => (false, &trimmed[1..]),
        _ => (false, trimmed),
    };
    if digits.is_empty() {
        return Err(INVALID);
    }
    let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(integer) || !all_digits(fraction) {
        return Err(INVALID);
    }
    let mut value: i128 = 0;
    for digit in integer.bytes() {
        value = value * 10 + i128::from(digit - b'0');
        if value > i128::from(u64::MAX) {
            return Err("Overflow.");
        }
    }
    Ok(if negative { -value } else { value })
}

/// Java's hexadecimal notation: `0x1.8p3`.
fn hex_double(text: &str) -> Option<f64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let text = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))?;
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let exponent: i32 = exponent
        .trim_end_matches(['d', 'D', 'f', 'F'])
        .parse()
        .ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let value = u64::from_str_radix(&digits, 16).ok()? as f64;
    let value = value * 2_f64.powi(exponent - 4 * fraction.len() as i32);
    Some(if negative { -value } else { value })
}

fn float_error(text: &str) -> String {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return "empty String".to_string();
    }
    if trimmed.matches('.').count() > 1 {
        return "multiple points".to_string();
    }
    format!("For input string: \"{trimmed}\"")
}

/// The digits that a long holds are read by Flink's own reader, which overlooks one wrong character after the number;
/// longer texts and types go by `BigDecimal`.
fn read_decimal(text: &str, precision: u8, scale: u8) -> Option<i128> {
    if precision <= 18 && text.len() <= 18 {
        return read_short_decimal(text.as_bytes(), precision, scale);
    }
    match decimal(text.trim().as_bytes(), precision, scale) {
        ParsedDecimal::Fits(value) => Some(value),
        _ => None,
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t')
}

fn read_short_decimal(bytes: &[u8], precision: u8, scale: u8) -> Option<i128> {
    let mut i = bytes.iter().position(|b| !is_blank(*b))?;
    let mut b = bytes[i];
    let negative = b == b'-';
    if negative || b == b'+' {
        i += 1;
        if i == bytes.len() {
            return None;
        }
    }
    let (mut significand, mut length, mut point) = (0_i128, 0_i32, None);
    while i < bytes.len() {
        b = bytes[i];
        i += 1;
        match b {
            b'0'..=b'9' => {
                significand = significand * 10 + i128::from(b - b'0');
                length += 1;
            }
            b'.' if point.is_some() => return None,
            b'.' => point = Some(length),
            _ => break,
        }
    }
    let mut exponent = 0_i32;
    if matches!(b, b'e' | b'E') && i < bytes.len() {
        let sign = bytes[i];
        if matches!(sign, b'-' | b'+') {
            i += 1;
            if i == bytes.len() {
                return None;
            }
        }
        while i < bytes.len() && exponent < 36 {
            b = bytes[i];
            i += 1;
            if !b.is_ascii_digit() {
                break;
            }
            exponent = exponent * 10 + i32::from(b - b'0');
        }
        if sign == b'-' {
            exponent = -exponent;
        }
    }
    if !bytes[i..].iter().all(|b| is_blank(*b)) {
        return None;
    }
    let change = exponent - (length - point.unwrap_or(length)) + i32::from(scale);
    if length + change > i32::from(precision) {
        return None;
    }
    let power = |n: i32| 10_i128.checked_pow(n as u32);
    let value = if change >= 0 {
        significand.checked_mul(power(change)?)?
    } else {
        match (power(-change - 1), power(-change)) {
            (Some(half), Some(whole)) => (significand + 5 * half) / whole,
            _ => 0,
        }
    };
    Some(if negative { -value } else { value })
}

fn whole_number(text: &str) -> Option<i32> {
    let trimmed = text.trim();
    let digits = !trimmed.is_empty() && trimmed.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| trimmed.parse().ok()).flatten()
}

/// `yyyy[-M[-d]]`, and whatever follows a blank: days since the epoch.
fn read_date(text: &str) -> Option<i32> {
    let text = match text.find(' ') {
        Some(blank) if blank > 0 => &text[..blank],
        _ => text,
    };
    let mut parts = text.splitn(3, '-');
    let year = whole_number(parts.next()?)?;
    let month = parts.next().map_or(Some(1), whole_number)?;
    let day = parts.next().map_or(Some(1), whole_number)?;
    if !(0..=9999).contains(&year) {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(year, month as u32, day as u32)?;
    Some((date - NaiveDate::default()).num_days() as i32)
}

/// `H[:m[:s[.fraction]]]`: milliseconds of the day.
fn read_time(text: &str) -> Option<i32> {
    let (clock, fraction) = match text.split_once('.') {
        Some((clock, fraction)) => (clock, fraction.trim()),
        None => (text, ""),
    };
    let mut parts = clock.splitn(3, ':');
    let hour = whole_number(parts.next()?)?;
    let minute = parts.next().map_or(Some(0), whole_number)?;
    let seconds = parts.next();
    if text.contains('.') && seconds.is_none() {
        return None;
    }
    let second = seconds.map_or(Some(0), whole_number)?;
    let valid =
        hour < 24 && minute < 60 && second < 60 && fraction.bytes().all(|b| b.is_ascii_digit());
    // The fourth digit rounds, up to 24:00:00.
    let up = fraction
        .as_bytes()
        .get(3)
        .is_some_and(|digit| *digit >= b'5');
    let ms = (fraction_nanos(fraction) / 1_000_000) as i32 + i32::from(up);
    valid.then(|| ((hour * 60 + minute) * 60 + second) * 1000 + ms)
}

fn timestamps(
    casting: &mut Casting<'_>,
    texts: &StringViewArray,
    to: &TypeKind,
) -> Result<ArrayRef> {
    let zone = casting.session.time_zone;
    let is_instant = matches!(to, TypeKind::TimestampLtz { .. });
    let (precision, _) = timestamp_form(to)?;
    let dropped = 10_u32.pow(9 - u32::from(precision.min(9)));
    let mut points = Vec::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        let point = match text {
            None => None,
            Some(text) => match read_timestamp(text) {
                Some((seconds, nanos)) => {
                    let seconds = if is_instant {
                        local_to_utc_seconds(seconds, zone)
                    } else {
                        seconds
                    };
                    // The digits past the precision are dropped from the text, so also before 1970.
                    let nanos = i64::from(nanos - nanos % dropped);
                    Some(Point {
                        ms: seconds * 1000 + nanos / 1_000_000,
                        nanos: nanos % 1_000_000,
                    })
                }
                None => casting.fail(row, || {
                    format!("For input string: '{text}'. Text '{text}' could not be parsed: expected yyyy-MM-dd[ HH:mm:ss[.fffffffff]]")
                })?,
            },
        };
        points.push(point);
    }
    points_to_timestamp(casting, &points, to)
}

/// `yyyy-M-d[ H:m:s[.fraction]]`: seconds since the epoch and nanoseconds. A day that its month doesn't have becomes the
/// month's last.
fn read_timestamp(text: &str) -> Option<(i64, u32)> {
    let (date, time) = match text.split_once(' ') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.splitn(3, '-');
    let year = digits(parts.next()?, 4, 4)?;
    let month = digits(parts.next()?, 1, 2)?;
    let day = digits(parts.next()?, 1, 2)?;
    if year == 0 || !(1..=31).contains(&day) {
        return None;
    }
    let first = NaiveDate::from_ymd_opt(year as i32, month, 1)?;
    let last = u32::from(first.num_days_in_month());
    let date = first.with_day(day.min(last))?;
    let days = (date - NaiveDate::default()).num_days();
    let (seconds, nanos) = match time {
        Some(time) => clock(time)?,
        None => (0, 0),
    };
    Some((days * 86_400 + i64::from(seconds), nanos))
}

fn clock(text: &str) -> Option<(u32, u32)> {
    let (clock, fraction) = match text.split_once('.') {
        Some((_, fraction)) if fraction.len() > 9 => return None,
        Some((clock, fraction)) => (clock, fraction),
        None => (text, ""),
    };
    let mut parts = clock.splitn(3, ':');
    let hour = digits(parts.next()?, 1, 2)?;
    let minute = digits(parts.next()?, 1, 2)?;
    let second = digits(parts.next()?, 1, 2)?;
    let nanos = fraction_nanos(fraction);
    // 24:00 is the next day's beginning.
    let day = (hour < 24 || (hour == 24 && minute == 0 && second == 0 && nanos == 0))
        && minute < 60
        && second < 60;
    let valid = day && fraction.bytes().all(|b| b.is_ascii_digit());
    valid.then(|| ((hour * 60 + minute) * 60 + second, nanos))
}

fn digits(text: &str, least: usize, most: usize) -> Option<u32> {
    let fits = (least..=most).contains(&text.len());
    (fits && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flinks_short_decimal_reader_and_its_slip() {
        let read = |text: &str| read_short_decimal(text.as_bytes(), 5, 2);
        assert_eq!(read("1.005"), Some(101));
        assert_eq!(read("999.995"), Some(100_000));
        assert_eq!(read("12x"), Some(1200));
        assert_eq!(read("q"), Some(0));
        assert_eq!(read("abc"), None);
        assert_eq!(read("1e2"), Some(10_000));
        assert_eq!(read("-1234.5"), None);
        assert_eq!(read(" 7 "), Some(700));
        assert_eq!(read(""), None);
    }

    #[test]
    fn dates_may_lack_month_and_day() {
        assert_eq!(read_date("2024"), Some(19_723));
        assert_eq!(read_date(" 2024-01-01"), Some(19_723));
        assert_eq!(read_date("2024-01-01 10:00"), Some(19_723));
        assert_eq!(read_date("2023-02-29"), None);
        assert_eq!(read_date("20240229"), None);
        assert_eq!(read_date("-0001-01-01"), None);
    }

    #[test]
    fn times_may_lack_minutes_and_seconds() {
        assert_eq!(read_time("12"), Some(43_200_000));
        assert_eq!(read_time("1:2:3"), Some(3_723_000));
        assert_eq!(read_time("24:00:00"), None);
        assert_eq!(read_time("20240229"), None);
        assert_eq!(read_time("23:59:60"), None);
        assert_eq!(read_time("0:0:1.00049"), Some(1000));
        assert_eq!(read_time("0:0:1.0005"), Some(1001));
        assert_eq!(read_time("23:59:59.9999"), Some(86_400_000));
    }

    #[test]
    fn timestamps_clamp_the_day() {
        assert_eq!(
            read_timestamp("2023-02-29 00:00:00"),
            read_timestamp("2023-02-28")
        );
        assert_eq!(read_timestamp("2024-02-29T12:34:56"), None);
        assert_eq!(read_timestamp("2024-02-29 12:34"), None);
        assert_eq!(
            read_timestamp("2024-02-29 24:00:00"),
            read_timestamp("2024-03-01")
        );
        assert_eq!(read_timestamp("2024-02-29 24:00:01"), None);
        assert_eq!(
            read_timestamp("1970-1-2 0:0:1.5"),
            Some((86_401, 500_000_000))
        );
    }
}
