//! Literals, with exactly the types that Flink gives them.

mod interval;

use chrono::{NaiveDate, NaiveTime, Timelike};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use filbert_types::logical_type::MAX_DECIMAL_PRECISION;
use filbert_types::{LogicalType, TypeKind};

use crate::CallError;
use crate::time_text::{parse_date_fields, parse_time_fields};
use crate::typed::TypedExpr;

pub use interval::{
    INTERVAL_MILLIS, INTERVAL_MONTHS, IntervalQualifier, IntervalUnit, interval, interval_millis,
    interval_months,
};

fn typed(value: ScalarValue, kind: TypeKind) -> TypedExpr {
    TypedExpr::new(Expr::Literal(value, None), LogicalType::not_null(kind))
}

/// A literal of a type: `value` is in the type's Arrow form.
pub fn of(value: ScalarValue, ty: LogicalType) -> TypedExpr {
    TypedExpr::new(Expr::Literal(value, None), ty)
}

/// A bare NULL.
pub fn null() -> TypedExpr {
    of(ScalarValue::Null, LogicalType::from(TypeKind::Null))
}

/// NULL of a type.
pub fn null_of(ty: &LogicalType) -> TypedExpr {
    let value = ScalarValue::try_from(&ty.arrow()).unwrap_or(ScalarValue::Null);
    of(value, ty.with_nullable(true))
}

pub fn boolean(value: bool) -> TypedExpr {
    typed(ScalarValue::Boolean(Some(value)), TypeKind::Boolean)
}

/// A number as written, with its sign where it has one: INT before BIGINT, DECIMAL with all digits counted, DOUBLE with
/// an exponent.
pub fn number(text: &str) -> Result<TypedExpr, CallError> {
    let out_of_range = || CallError::Invalid(format!("Numeric literal '{text}' out of range"));
    if text.contains(['e', 'E']) {
        let value: f64 = text.parse().map_err(|_| out_of_range())?;
        if value.is_infinite() {
            return Err(out_of_range());
        }
        // Flink reads it as a decimal number, which has no negative zero.
        let value = if value == 0.0 { 0.0 } else { value };
        return Ok(typed(ScalarValue::Float64(Some(value)), TypeKind::Double));
    }
    let (digits, negative) = match text.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if fraction.is_empty() {
        let signed = if negative {
            format!("-{integer}")
        } else {
            integer.to_string()
        };
        let value: i64 = signed.parse().map_err(|_| out_of_range())?;
        return Ok(match i32::try_from(value) {
            Ok(value) => typed(ScalarValue::Int32(Some(value)), TypeKind::Int),
            Err(_) => typed(ScalarValue::Int64(Some(value)), TypeKind::BigInt),
        });
    }
    let precision = integer.len() + fraction.len();
    if precision > MAX_DECIMAL_PRECISION as usize {
        return Err(out_of_range());
    }
    let magnitude: i128 = format!("{integer}{fraction}")
        .parse()
        .map_err(|_| out_of_range())?;
    // Its digits must fit a BIGINT, for Flink.
    if magnitude > i128::from(i64::MAX) {
        return Err(out_of_range());
    }
    let value = if negative { -magnitude } else { magnitude };
    let (precision, scale) = (precision as u8, fraction.len() as u8);
    Ok(typed(
        ScalarValue::Decimal128(Some(value), precision, scale as i8),
        TypeKind::decimal(precision, scale),
    ))
}

/// `'text'`: CHAR of its length, in UTF-16 units as Java counts.
pub fn string(text: &str) -> TypedExpr {
    let length = text.encode_utf16().count() as u32;
    typed(
        ScalarValue::Utf8View(Some(text.to_string())),
        TypeKind::Char(length),
    )
}

/// A keyword argument: `DAY` in `TIMESTAMPADD(DAY, ..)`.
pub fn symbol(name: &str) -> TypedExpr {
    typed(
        ScalarValue::Utf8View(Some(name.to_uppercase())),
        TypeKind::Symbol,
    )
}

/// `X'0aff'`: BINARY of its length.
pub fn binary(hex: &str) -> Result<TypedExpr, CallError> {
    if !hex.len().is_multiple_of(2) {
        return Err(CallError::Invalid(
            "Binary literal string must contain an even number of hexits".into(),
        ));
    }
    let digit = |c: u8| (c as char).to_digit(16).map(|d| d as u8);
    let bytes: Option<Vec<u8>> = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect();
    let bytes = bytes.ok_or_else(|| {
        CallError::Invalid(format!(
            "Binary literal '{hex}' has a character that is no hex digit"
        ))
    })?;
    let length = bytes.len() as u32;
    Ok(typed(
        ScalarValue::BinaryView(Some(bytes)),
        TypeKind::Binary(length),
    ))
}

fn illegal(kind: &str, text: &str, format: &str) -> CallError {
    CallError::Invalid(format!(
        "Illegal {kind} literal '{text}': not in format '{format}'"
    ))
}

/// Days since the epoch for a date.
fn days(date: NaiveDate) -> i32 {
    (date - NaiveDate::default()).num_days() as i32
}

/// `DATE '2024-02-29'`.
pub fn date(text: &str) -> Result<TypedExpr, CallError> {
    let date = parse_date_fields(text).ok_or_else(|| illegal("DATE", text, "yyyy-MM-dd"))?;
    Ok(typed(ScalarValue::Date32(Some(days(date))), TypeKind::Date))
}

/// `TIME '12:34:56.789'`: the precision is the number of fraction digits, three of which count.
pub fn time(text: &str) -> Result<TypedExpr, CallError> {
    let (time, digits) =
        parse_time_fields(text).ok_or_else(|| illegal("TIME", text, "HH:mm:ss"))?;
    let ms =
        time.num_seconds_from_midnight() as i32 * 1000 + (time.nanosecond() / 1_000_000) as i32;
    Ok(typed(
        ScalarValue::Time32Millisecond(Some(ms)),
        TypeKind::Time(digits.min(3)),
    ))
}

fn timestamp_nanos(text: &str, kind: &str) -> Result<(i128, u8), CallError> {
    let bad = || illegal(kind, text, "yyyy-MM-dd HH:mm:ss");
    let Some((date, time)) = text.trim().split_once(' ') else {
        // A date alone is its midnight.
        let date = parse_date_fields(text.trim()).ok_or_else(bad)?;
        return Ok((days(date) as i128 * 86_400_000_000_000, 0));
    };
    let date = parse_date_fields(date).ok_or_else(bad)?;
    let (time, digits) = parse_time_fields(time).ok_or_else(bad)?;
    let seconds = days(date) as i128 * 86_400 + time_seconds(time);
    let nanos = seconds * 1_000_000_000 + time.nanosecond() as i128;
    Ok((nanos, digits.min(9)))
}

fn time_seconds(time: NaiveTime) -> i128 {
    time.num_seconds_from_midnight() as i128
}

/// `TIMESTAMP '2020-01-02 03:04:05.678'`: the precision is the number of fraction digits.
pub fn timestamp(text: &str) -> Result<TypedExpr, CallError> {
    let (nanos, digits) = timestamp_nanos(text, "TIMESTAMP")?;
    let kind = TypeKind::timestamp(digits);
    let value = timestamp_scalar(nanos, &kind).ok_or_else(|| outside(text, digits))?;
    Ok(typed(value, kind))
}

/// `TIMESTAMP WITH LOCAL TIME ZONE '..'`, in the session's zone.
pub fn timestamp_ltz(text: &str, zone: filbert_types::TimeZone) -> Result<TypedExpr, CallError> {
    let (nanos, digits) = timestamp_nanos(text, "TIMESTAMP WITH LOCAL TIME ZONE")?;
    let kind = TypeKind::timestamp_ltz(digits);
    let seconds = nanos.div_euclid(1_000_000_000) as i64;
    let utc = crate::time_text::local_to_utc_seconds(seconds, zone) as i128 * 1_000_000_000
        + nanos.rem_euclid(1_000_000_000);
    let value = timestamp_scalar(utc, &kind).ok_or_else(|| outside(text, digits))?;
    Ok(typed(value, kind))
}

fn outside(text: &str, digits: u8) -> CallError {
    CallError::Invalid(format!(
        "TIMESTAMP literal '{text}' is outside of what {digits} fraction digits can hold (years 1677 to 2262)"
    ))
}

/// A timestamp in its type's Arrow form; none where that can't hold it.
pub(crate) fn timestamp_scalar(nanos: i128, kind: &TypeKind) -> Option<ScalarValue> {
    use arrow::datatypes::{DataType, TimeUnit};
    let DataType::Timestamp(unit, zone) = kind.arrow() else {
        return None;
    };
    let scaled = |per: i128| i64::try_from(nanos.div_euclid(per)).ok();
    Some(match unit {
        TimeUnit::Second | TimeUnit::Millisecond => {
            ScalarValue::TimestampMillisecond(Some(scaled(1_000_000)?), zone)
        }
        TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(Some(scaled(1_000)?), zone),
        TimeUnit::Nanosecond => ScalarValue::TimestampNanosecond(Some(scaled(1)?), zone),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_of(text: &str) -> String {
        number(text).unwrap().ty.to_string()
    }

    #[test]
    fn numbers_get_flinks_types() {
        assert_eq!(type_of("2147483647"), "INT NOT NULL");
        assert_eq!(type_of("2147483648"), "BIGINT NOT NULL");
        assert_eq!(type_of("-2147483648"), "INT NOT NULL");
        assert_eq!(type_of("3."), "INT NOT NULL");
        assert_eq!(type_of(".25"), "DECIMAL(2, 2) NOT NULL");
        assert_eq!(type_of("00012.500"), "DECIMAL(8, 3) NOT NULL");
        assert_eq!(type_of("1e0"), "DOUBLE NOT NULL");
        assert!(number("18446744073709551616").is_err());
    }

    #[test]
    fn dates_are_checked() {
        assert!(date("2024-1-5").is_ok());
        assert!(date("2023-02-29").is_err());
        assert!(date("24-1-1x").is_err());
        assert!(time("24:00:00").is_err());
        assert_eq!(time("12:34:56.789").unwrap().ty.kind, TypeKind::Time(3));
        assert!(timestamp("2020-01-02T03:04:05").is_err());
    }
}
