//! Literals, with exactly the types that Flink gives them.

use chrono::{NaiveDate, NaiveTime, Timelike};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use filbert_types::logical_type::{IntervalFields, MAX_DECIMAL_PRECISION};
use filbert_types::{LogicalType, TypeKind};

use crate::CallError;
use crate::time_text::{parse_date_fields, parse_time_fields};
use crate::typed::TypedExpr;

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

/// A unit of an interval literal or of a datetime function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IntervalUnit {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}

impl IntervalUnit {
    /// The unit of this name, singular or plural.
    pub fn parse(name: &str) -> Option<IntervalUnit> {
        let upper = name.to_uppercase();
        Some(match upper.strip_suffix('S').unwrap_or(&upper) {
            "YEAR" => IntervalUnit::Year,
            "QUARTER" => IntervalUnit::Quarter,
            "MONTH" => IntervalUnit::Month,
            "WEEK" => IntervalUnit::Week,
            "DAY" => IntervalUnit::Day,
            "HOUR" => IntervalUnit::Hour,
            "MINUTE" => IntervalUnit::Minute,
            "SECOND" => IntervalUnit::Second,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            IntervalUnit::Year => "YEAR",
            IntervalUnit::Quarter => "QUARTER",
            IntervalUnit::Month => "MONTH",
            IntervalUnit::Week => "WEEK",
            IntervalUnit::Day => "DAY",
            IntervalUnit::Hour => "HOUR",
            IntervalUnit::Minute => "MINUTE",
            IntervalUnit::Second => "SECOND",
        }
    }

    /// Counted in months; the others in milliseconds.
    pub fn is_months(self) -> bool {
        matches!(
            self,
            IntervalUnit::Year | IntervalUnit::Quarter | IntervalUnit::Month
        )
    }

    /// Months, or milliseconds.
    fn size(self) -> i64 {
        match self {
            IntervalUnit::Year => 12,
            IntervalUnit::Quarter => 3,
            IntervalUnit::Month => 1,
            IntervalUnit::Week => 7 * 86_400_000,
            IntervalUnit::Day => 86_400_000,
            IntervalUnit::Hour => 3_600_000,
            IntervalUnit::Minute => 60_000,
            IntervalUnit::Second => 1_000,
        }
    }

    /// The largest value of a field that is not the first.
    fn field_max(self) -> i64 {
        match self {
            IntervalUnit::Month => 11,
            IntervalUnit::Hour => 23,
            _ => 59,
        }
    }
}

/// What follows an interval literal's text: `DAY(3) TO SECOND(3)`.
#[derive(Debug, Clone, Copy)]
pub struct IntervalQualifier {
    pub first: IntervalUnit,
    /// Digits of the first field; 2 where none is written.
    pub first_precision: Option<u8>,
    pub last: Option<IntervalUnit>,
}

/// The type of every interval of months in an expression.
pub const INTERVAL_MONTHS: TypeKind = TypeKind::IntervalYearMonth(IntervalFields::Month);
/// The type of every interval of days and times in an expression.
pub const INTERVAL_MILLIS: TypeKind =
    TypeKind::IntervalDayTime(IntervalFields::Second { fraction: 3 });

/// An interval of milliseconds.
pub fn interval_millis(ms: i64) -> TypedExpr {
    typed(ScalarValue::DurationMillisecond(Some(ms)), INTERVAL_MILLIS)
}

/// An interval of months.
pub fn interval_months(months: i32) -> TypedExpr {
    typed(
        ScalarValue::IntervalYearMonth(Some(months)),
        INTERVAL_MONTHS,
    )
}

/// `INTERVAL [-]'text' qualifier`.
pub fn interval(
    text: &str,
    negative: bool,
    qualifier: IntervalQualifier,
) -> Result<TypedExpr, CallError> {
    let trimmed = text.trim();
    let (body, inner_negative) = match trimmed.strip_prefix('-') {
        Some(body) => (body, true),
        None => (trimmed.strip_prefix('+').unwrap_or(trimmed), false),
    };
    let units = units_between(qualifier)?;
    const DAY_PRECISION_MAX: u8 = 3;
    if let Some(precision) = qualifier.first_precision
        && u64::from(precision) > u64::from(DAY_PRECISION_MAX)
        && !qualifier.first.is_months()
    {
        return Err(CallError::Invalid(format!(
            "DAY_INTERVAL_TYPES precision is not supported: {precision}"
        )));
    }
    let amount = interval_amount(body, &units, qualifier).map_err(|problem| match problem {
        IntervalProblem::Format => CallError::Invalid(format!(
            "Illegal interval literal format '{text}' for INTERVAL {}",
            qualifier_name(qualifier)
        )),
        IntervalProblem::Precision(value) => CallError::Invalid(format!(
            "Interval field value {value} exceeds precision of {}({}) field",
            qualifier.first.name(),
            qualifier.first_precision.unwrap_or(2)
        )),
    })?;
    let amount = if negative != inner_negative {
        -amount
    } else {
        amount
    };
    if qualifier.first.is_months() {
        let months = i32::try_from(amount)
            .map_err(|_| CallError::Invalid(format!("Interval '{text}' is out of range")))?;
        Ok(interval_months(months))
    } else {
        Ok(interval_millis(amount))
    }
}

fn qualifier_name(qualifier: IntervalQualifier) -> String {
    match qualifier.last {
        Some(last) => format!("{} TO {}", qualifier.first.name(), last.name()),
        None => qualifier.first.name().to_string(),
    }
}

const MONTH_UNITS: &[IntervalUnit] = &[IntervalUnit::Year, IntervalUnit::Month];
const TIME_UNITS: &[IntervalUnit] = &[
    IntervalUnit::Day,
    IntervalUnit::Hour,
    IntervalUnit::Minute,
    IntervalUnit::Second,
];

fn units_between(qualifier: IntervalQualifier) -> Result<Vec<IntervalUnit>, CallError> {
    let Some(last) = qualifier.last.filter(|last| *last != qualifier.first) else {
        return Ok(vec![qualifier.first]);
    };
    for units in [MONTH_UNITS, TIME_UNITS] {
        let position = |unit| units.iter().position(|u| *u == unit);
        if let (Some(from), Some(to)) = (position(qualifier.first), position(last))
            && from < to
        {
            return Ok(units[from..=to].to_vec());
        }
    }
    Err(CallError::Invalid(format!(
        "INTERVAL {} is no interval qualifier",
        qualifier_name(qualifier)
    )))
}

enum IntervalProblem {
    Format,
    Precision(i64),
}

fn interval_amount(
    body: &str,
    units: &[IntervalUnit],
    qualifier: IntervalQualifier,
) -> Result<i64, IntervalProblem> {
    let mut rest = body;
    let mut total: i64 = 0;
    for (i, unit) in units.iter().enumerate() {
        let last = i + 1 == units.len();
        let field = if last {
            std::mem::take(&mut rest)
        } else {
            let separator = match unit {
                IntervalUnit::Year => '-',
                IntervalUnit::Day => ' ',
                _ => ':',
            };
            let (field, tail) = rest.split_once(separator).ok_or(IntervalProblem::Format)?;
            rest = tail.trim_start();
            field
        };
        let (whole, fraction) = match field.split_once('.') {
            Some((whole, fraction)) if *unit == IntervalUnit::Second => (whole, fraction),
            Some(_) => return Err(IntervalProblem::Format),
            None => (field, ""),
        };
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || fraction.len() > 9 {
            return Err(IntervalProblem::Format);
        }
        let value: i64 = whole.parse().map_err(|_| IntervalProblem::Format)?;
        if i == 0 {
            let digits = qualifier.first_precision.unwrap_or(2).min(10) as u32;
            if value >= 10_i64.pow(digits) {
                return Err(IntervalProblem::Precision(value));
            }
        } else if value > unit.field_max() {
            return Err(IntervalProblem::Format);
        }
        total += value * unit.size() + millis(fraction);
    }
    Ok(total)
}

fn millis(fraction: &str) -> i64 {
    let padded: String = fraction.chars().chain("000".chars()).take(3).collect();
    padded.parse().unwrap_or(0)
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

    fn qualifier(first: IntervalUnit, last: Option<IntervalUnit>) -> IntervalQualifier {
        IntervalQualifier {
            first,
            first_precision: None,
            last,
        }
    }

    #[test]
    fn intervals_count_months_or_milliseconds() {
        let days = qualifier(IntervalUnit::Day, Some(IntervalUnit::Second));
        let value = interval("2 03:04:05.678", false, days).unwrap();
        assert_eq!(
            value.literal(),
            Some(&ScalarValue::DurationMillisecond(Some(183_845_678)))
        );
        let months = qualifier(IntervalUnit::Year, Some(IntervalUnit::Month));
        let value = interval("-0-11", false, months).unwrap();
        assert_eq!(
            value.literal(),
            Some(&ScalarValue::IntervalYearMonth(Some(-11)))
        );
        assert!(interval("100", false, qualifier(IntervalUnit::Day, None)).is_err());
    }
}
