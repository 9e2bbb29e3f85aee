//! Intervals: `INTERVAL DAY(2) TO SECOND(3)`.

use filbert_types::TypeKind;
use filbert_types::logical_type::IntervalFields;
use sqlparser::tokenizer::Token;

use super::{in_range, parameter};
use crate::cursor::Cursor;
use crate::error::Result;

/// An interval, behind the word INTERVAL.
pub(super) fn interval(cursor: &mut Cursor<'_, '_>) -> Result<TypeKind> {
    let unit = cursor.expect_one_of(&["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"])?;
    let fields = match unit {
        "YEAR" => {
            let precision = field_precision(cursor, 4)?;
            if cursor.words(&["TO", "MONTH"]) {
                IntervalFields::YearToMonth { precision }
            } else {
                IntervalFields::Year { precision }
            }
        }
        "MONTH" => {
            field_precision(cursor, 4)?;
            IntervalFields::Month
        }
        "DAY" => day_interval(cursor)?,
        "HOUR" => {
            field_precision(cursor, 6)?;
            match end_unit(cursor, &["MINUTE", "SECOND"])? {
                Some("MINUTE") => IntervalFields::HourToMinute,
                Some(_) => IntervalFields::HourToSecond {
                    fraction: fraction(cursor)?,
                },
                None => IntervalFields::Hour,
            }
        }
        "MINUTE" => {
            field_precision(cursor, 6)?;
            match end_unit(cursor, &["SECOND"])? {
                Some(_) => IntervalFields::MinuteToSecond {
                    fraction: fraction(cursor)?,
                },
                None => IntervalFields::Minute,
            }
        }
        _ => IntervalFields::Second {
            fraction: fraction(cursor)?,
        },
    };
    Ok(match fields {
        IntervalFields::Year { .. }
        | IntervalFields::YearToMonth { .. }
        | IntervalFields::Month => TypeKind::IntervalYearMonth(fields),
        _ => TypeKind::IntervalDayTime(fields),
    })
}

fn day_interval(cursor: &mut Cursor<'_, '_>) -> Result<IntervalFields> {
    let precision = field_precision(cursor, 6)?;
    Ok(match end_unit(cursor, &["HOUR", "MINUTE", "SECOND"])? {
        Some("HOUR") => IntervalFields::DayToHour { precision },
        Some("MINUTE") => IntervalFields::DayToMinute { precision },
        Some(_) => IntervalFields::DayToSecond {
            precision,
            fraction: fraction(cursor)?,
        },
        None => IntervalFields::Day { precision },
    })
}

fn end_unit(cursor: &mut Cursor<'_, '_>, units: &[&'static str]) -> Result<Option<&'static str>> {
    if cursor.word("TO") {
        cursor.expect_one_of(units).map(Some)
    } else {
        Ok(None)
    }
}

/// The digits of an interval's first field, 2 unless written.
fn field_precision(cursor: &mut Cursor<'_, '_>, max: u8) -> Result<u8> {
    match parameter(cursor)? {
        None => Ok(2),
        Some((n, at)) => in_range(n, 1, max, at, "an interval's first field"),
    }
}

/// The digits of an interval's seconds, 6 unless written. `SECOND(p, f)` names those of the whole seconds too.
fn fraction(cursor: &mut Cursor<'_, '_>) -> Result<u8> {
    if !cursor.token(&Token::LParen) {
        return Ok(6);
    }
    let mut at = cursor.peek_span();
    let mut digits = cursor.uint("a number")?;
    if cursor.token(&Token::Comma) {
        at = cursor.peek_span();
        digits = cursor.uint("a number")?;
    }
    cursor.expect(&Token::RParen)?;
    in_range(digits, 0, 9, at, "an interval's seconds")
}
