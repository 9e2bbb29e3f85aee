//! Text as a date and time: the fields that it holds, and what they mean together.

use super::write::text_of;
use super::{DateTime, DateTimeFormatter, FIELDS, Field, Node, Sign};
use crate::java::sql_date::{days_in_month, days_of, is_leap_year, iso_weekday};

pub(super) type Fields = [Option<i64>; FIELDS];

/// Sets a field, which must not have another value already.
fn set(fields: &mut Fields, field: Field, value: i64) -> Option<()> {
    let slot = &mut fields[field as usize];
    match slot {
        Some(old) if *old != value => None,
        _ => {
            *slot = Some(value);
            Some(())
        }
    }
}

/// Reads a text from `at` on; where that ends, or where it fails.
pub(super) fn parse_nodes(
    nodes: &[Node],
    text: &str,
    at: usize,
    fields: &mut Fields,
) -> Result<usize, usize> {
    let mut at = at;
    for node in nodes {
        at = parse_node(node, text, at, fields)?;
    }
    Ok(at)
}

fn parse_node(node: &Node, text: &str, at: usize, fields: &mut Fields) -> Result<usize, usize> {
    let rest = &text[at..];
    match node {
        Node::Number {
            field,
            min,
            max,
            sign,
            subsequent,
        } => {
            let (value, length) = parse_number(rest, *min, *max, *sign, *subsequent).ok_or(at)?;
            set(fields, *field, value).ok_or(at)?;
            Ok(at + length)
        }
        Node::Reduced(field, width) => {
            let (value, length) =
                parse_number(rest, *width, *width, Sign::NotNegative, 0).ok_or(at)?;
            set(fields, *field, 2000 + value).ok_or(at)?;
            Ok(at + length)
        }
        Node::Text(field, count) => {
            let (value, length) = parse_name(rest, *field, *count).ok_or(at)?;
            set(fields, *field, value).ok_or(at)?;
            Ok(at + length)
        }
        Node::Fraction { min, max, point } => parse_fraction(rest, *min, *max, *point, fields)
            .map(|l| at + l)
            .ok_or(at),
        Node::Literal(literal) => rest
            .starts_with(literal.as_str())
            .then(|| at + literal.len())
            .ok_or(at),
        Node::Offset {
            zulu,
            colon,
            minutes,
        } => {
            if *zulu && rest.starts_with('Z') {
                return Ok(at + 1);
            }
            parse_offset(rest, *colon, *minutes)
                .map(|l| at + l)
                .ok_or(at)
        }
        Node::ZoneId => {
            let length = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && !"/_+-:".contains(c))
                .unwrap_or(rest.len());
            crate::java::zone::zone_id(&rest[..length])
                .map(|_| at + length)
                .ok_or(at)
        }
        Node::DayPeriod => Err(at),
        Node::Pad(width, node) => parse_padded(*width, node, text, at, fields),
        Node::Optional(nodes) => {
            let mut tried = *fields;
            match parse_nodes(nodes, text, at, &mut tried) {
                Ok(end) => {
                    *fields = tried;
                    Ok(end)
                }
                Err(_) => Ok(at),
            }
        }
    }
}

/// The number of the name with which a text begins, and the name's length.
fn parse_name(text: &str, field: Field, count: usize) -> Option<(i64, usize)> {
    let mut numbers = match field {
        Field::HalfDay => 0..=1,
        Field::Quarter => 1..=4,
        Field::Month => 1..=12,
        _ => 1..=7,
    };
    numbers.find_map(|number| {
        let name = text_of(field, number, count);
        text.starts_with(&name).then_some((number, name.len()))
    })
}

/// A node within so many characters, behind blanks.
fn parse_padded(
    width: usize,
    node: &Node,
    text: &str,
    at: usize,
    fields: &mut Fields,
) -> Result<usize, usize> {
    let window = text[at..].get(..width).ok_or(at)?;
    let blanks = window.len() - window.trim_start_matches(' ').len();
    let end = at + width;
    match parse_node(node, &text[..end], at + blanks, fields)? {
        e if e == end => Ok(end),
        _ => Err(at + blanks),
    }
}

fn parse_number(
    text: &str,
    min: usize,
    max: usize,
    sign: Sign,
    subsequent: usize,
) -> Option<(i64, usize)> {
    let negative = text.starts_with('-');
    let positive = text.starts_with('+');
    match sign {
        Sign::Normal if positive => return None,
        Sign::NotNegative if positive || negative => return None,
        _ => {}
    }
    let signs = usize::from(negative || positive);
    let digits = &text[signs..];
    let available = digits
        .bytes()
        .take(max + subsequent)
        .take_while(u8::is_ascii_digit)
        .count();
    let width = if subsequent > 0 {
        available.saturating_sub(subsequent).max(min).min(available)
    } else {
        available
    };
    if width < min || width > 18 {
        return None;
    }
    let value: i64 = digits[..width].parse().ok()?;
    if negative && value == 0 {
        return None;
    }
    if !negative && sign == Sign::ExceedsPad && (positive != (width > min)) {
        return None;
    }
    Some((if negative { -value } else { value }, signs + width))
}

fn parse_fraction(
    text: &str,
    min: usize,
    max: usize,
    point: bool,
    fields: &mut Fields,
) -> Option<usize> {
    let mut digits = text;
    if point {
        match text.strip_prefix('.') {
            Some(rest) => digits = rest,
            None => return (min == 0).then_some(0),
        }
    }
    let width = digits
        .bytes()
        .take(max)
        .take_while(u8::is_ascii_digit)
        .count();
    if width < min {
        return None;
    }
    let mut nano: i64 = if width == 0 {
        0
    } else {
        digits[..width].parse().ok()?
    };
    (width..9).for_each(|_| nano *= 10);
    if width > 0 {
        set(fields, Field::Nano, nano)?;
    }
    Some(text.len() - digits.len() + width)
}

fn parse_offset(text: &str, colon: bool, minutes: bool) -> Option<usize> {
    if !text.starts_with(['+', '-']) {
        return None;
    }
    let two_digits = |t: &str| t.len() >= 2 && t.as_bytes()[..2].iter().all(u8::is_ascii_digit);
    let mut rest = &text[1..];
    if !two_digits(rest) {
        return None;
    }
    rest = &rest[2..];
    if minutes {
        if colon {
            rest = rest.strip_prefix(':')?;
        }
        if !two_digits(rest) {
            return None;
        }
        rest = &rest[2..];
    }
    Some(text.len() - rest.len())
}

/// The date and time that the fields mean: what is missing is of 1970-01-01 00:00.
pub(super) fn resolve(fields: Fields) -> Option<DateTime> {
    let get = |field: Field| fields[field as usize];
    let in_range =
        |field: Field, low: i64, high: i64| get(field).is_none_or(|v| (low..=high).contains(&v));
    let valid = in_range(Field::Month, 1, 12)
        && in_range(Field::Day, 1, 31)
        && in_range(Field::DayOfYear, 1, 366)
        && in_range(Field::Hour, 0, 24)
        && in_range(Field::ClockHour, 1, 24)
        && in_range(Field::HalfDayHour, 0, 11)
        && in_range(Field::ClockHalfDayHour, 1, 12)
        && in_range(Field::Minute, 0, 59)
        && in_range(Field::Second, 0, 59)
        && in_range(Field::MilliOfDay, 0, 86_399_999)
        && in_range(Field::NanoOfDay, 0, 86_399_999_999_999)
        && in_range(Field::Year, -999_999_999, 999_999_999)
        && in_range(Field::YearOfEra, 1, 999_999_999);
    if !valid {
        return None;
    }
    let (second_of_day, nano, extra_day) = resolve_time(&get)?;
    // Without a date there is nothing that 24:00 would move on.
    let dated = get(Field::Day).is_some() || get(Field::DayOfYear).is_some();
    Some(DateTime {
        days: resolve_date(&get)? + if dated { extra_day } else { 0 },
        second_of_day,
        nano,
    })
}

fn resolve_date(get: &impl Fn(Field) -> Option<i64>) -> Option<i64> {
    let year = get(Field::Year).or(get(Field::YearOfEra));
    let days = if let Some(week_year) = get(Field::WeekBasedYear)
        && let Some(week) = get(Field::Week)
        && let Some(weekday) =
            get(Field::LocalWeekday).or(get(Field::IsoWeekday).map(|d| d % 7 + 1))
    {
        let new_year = days_of(week_year, 1, 1);
        new_year - iso_weekday(new_year) % 7 + (week - 1) * 7 + weekday - 1
    } else if let Some(day_of_year) = get(Field::DayOfYear)
        && let Some(year) = year
        && get(Field::Month).is_none()
    {
        if day_of_year == 366 && !is_leap_year(year) {
            return None;
        }
        days_of(year, 1, 1) + day_of_year - 1
    } else {
        let month = get(Field::Month).unwrap_or(1);
        let mut day = get(Field::Day).unwrap_or(1);
        let length = days_in_month(year.unwrap_or(1970), month);
        if day > length {
            if year.is_none() || get(Field::Month).is_none() {
                return None;
            }
            day = length;
        }
        days_of(year.unwrap_or(1970), month, day)
    };
    let complete = year.is_some() && get(Field::Month).is_some() && get(Field::Day).is_some();
    let contradicted = complete
        && (get(Field::IsoWeekday).is_some_and(|d| d != iso_weekday(days))
            || get(Field::LocalWeekday).is_some_and(|d| d != iso_weekday(days) % 7 + 1)
            || get(Field::Quarter)
                .is_some_and(|q| get(Field::Month).is_some_and(|m| (m + 2) / 3 != q)));
    (!contradicted).then_some(days)
}

/// Seconds of the day, nanoseconds, and one more day for 24:00.
fn resolve_time(get: &impl Fn(Field) -> Option<i64>) -> Option<(i64, i64, i64)> {
    if let Some(milli) = get(Field::MilliOfDay) {
        return Some((milli / 1000, milli % 1000 * 1_000_000, 0));
    }
    if let Some(nano) = get(Field::NanoOfDay) {
        return Some((nano / 1_000_000_000, nano % 1_000_000_000, 0));
    }
    let half_day_hour = get(Field::HalfDayHour).or(get(Field::ClockHalfDayHour).map(|h| h % 12));
    let hour = match (get(Field::Hour), get(Field::ClockHour)) {
        (Some(hour), _) => hour,
        (None, Some(hour)) => hour % 24,
        (None, None) => match (half_day_hour, get(Field::HalfDay)) {
            (Some(hour), Some(half)) => hour + half * 12,
            _ => 0,
        },
    };
    let minute = get(Field::Minute).unwrap_or(0);
    let second = get(Field::Second).unwrap_or(0);
    let nano = get(Field::Nano).unwrap_or(0);
    if hour == 24 {
        return (minute == 0 && second == 0 && nano == 0).then_some((0, 0, 1));
    }
    Some((hour * 3600 + minute * 60 + second, nano, 0))
}

/// Reads a text by a pattern, as `DateTimeUtils.parseTimestampData` does: where the pattern doesn't fit, as a literal of
/// `java.sql.Timestamp` or `java.sql.Date`.
pub fn parse_or_literal(formatter: &DateTimeFormatter, text: &str) -> Option<DateTime> {
    if let Ok(value) = formatter.parse(text) {
        return Some(value);
    }
    let text = text.trim_matches(|c: char| c <= ' ');
    let (date, time) = match text.split_once(' ') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let number = |t: &str, most: usize| -> Option<i64> {
        let valid = !t.is_empty() && t.len() <= most && t.bytes().all(|b| b.is_ascii_digit());
        valid.then(|| t.parse().ok())?
    };
    let [year, month, day] = date.split('-').collect::<Vec<_>>()[..] else {
        return None;
    };
    if year.len() != 4 {
        return None;
    }
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days_of(year, month, day);
    let Some(time) = time else {
        return Some(DateTime {
            days,
            second_of_day: 0,
            nano: 0,
        });
    };
    let [hour, minute, second] = time.split(':').collect::<Vec<_>>()[..] else {
        return None;
    };
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    // Hours, minutes and seconds past their ends carry over, as `java.sql.Timestamp` has it.
    let (hour, minute, second) = (number(hour, 9)?, number(minute, 9)?, number(second, 9)?);
    let nano = number(fraction, 9)? * 10_i64.pow(9 - fraction.len() as u32);
    let seconds = hour * 3600 + minute * 60 + second;
    Some(DateTime {
        days: days + seconds.div_euclid(86_400),
        second_of_day: seconds.rem_euclid(86_400),
        nano,
    })
}
