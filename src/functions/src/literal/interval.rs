//! Interval literals: their units, qualifiers and fields.

use datafusion::common::ScalarValue;
use filbert_types::TypeKind;
use filbert_types::logical_type::IntervalFields;

use super::typed;
use crate::CallError;
use crate::typed::TypedExpr;

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
