//! A date and time as text.

use std::fmt::Write;

use super::{DateTime, Field, Node, Sign};
use crate::java::date_pattern::{MONTHS, WEEKDAYS, short, us_week};
use crate::java::sql_date::{date_of, days_of, is_leap_year, iso_weekday};

/// A date and time, taken apart.
pub(super) struct Broken {
    value: DateTime,
    year: i64,
    month: i64,
    day: i64,
}

impl Broken {
    pub(super) fn of(value: DateTime) -> Broken {
        let (year, month, day) = date_of(value.days);
        Broken {
            value,
            year,
            month,
            day,
        }
    }

    fn get(&self, field: Field) -> Option<i64> {
        let hour = self.value.second_of_day / 3600;
        let day_of_year = self.value.days - days_of(self.year, 1, 1) + 1;
        let weekday = iso_weekday(self.value.days);
        let week = || {
            let days_in_year = 365 + i64::from(is_leap_year(self.year));
            us_week(self.year, day_of_year, weekday, days_in_year)
        };
        Some(match field {
            Field::YearOfEra if self.year <= 0 => 1 - self.year,
            Field::YearOfEra | Field::Year => self.year,
            Field::WeekBasedYear => week().1,
            Field::Quarter => (self.month + 2) / 3,
            Field::Month => self.month,
            Field::Week => week().0,
            Field::WeekOfMonth => (self.day - 1 - weekday % 7 + 13) / 7,
            Field::DayOfYear => day_of_year,
            Field::Day => self.day,
            Field::IsoWeekday => weekday,
            Field::LocalWeekday => weekday % 7 + 1,
            Field::AlignedWeek => (self.day - 1) % 7 + 1,
            Field::HalfDay => hour / 12,
            Field::Hour => hour,
            Field::ClockHour => (hour + 23) % 24 + 1,
            Field::HalfDayHour => hour % 12,
            Field::ClockHalfDayHour => (hour + 11) % 12 + 1,
            Field::Minute => self.value.second_of_day / 60 % 60,
            Field::Second => self.value.second_of_day % 60,
            Field::Nano => self.value.nano,
            Field::MilliOfDay => self.value.second_of_day * 1000 + self.value.nano / 1_000_000,
            Field::NanoOfDay => self.value.second_of_day * 1_000_000_000 + self.value.nano,
            Field::Offset => return None,
        })
    }
}

pub(super) fn format_nodes(nodes: &[Node], value: &Broken, out: &mut String) -> Result<(), String> {
    for node in nodes {
        match node {
            Node::Number {
                field,
                min,
                max,
                sign,
                ..
            } => format_number(value.get(*field), *min, *max, *sign, out)?,
            Node::Reduced(field, width) => {
                let year = value.get(*field).unwrap_or(0).abs() % 100;
                let _ = write!(out, "{year:0width$}");
            }
            Node::Text(field, count) => {
                let number = value.get(*field).unwrap_or(1);
                out.push_str(&text_of(*field, number, *count));
            }
            Node::Fraction { min, max, point } => {
                let digits = format!("{:09}", value.value.nano);
                let cut = &digits[..*max];
                let mut keep = cut.trim_end_matches('0').len();
                keep = keep.max(*min);
                if *point && keep > 0 {
                    out.push('.');
                }
                out.push_str(&cut[..keep]);
            }
            Node::Literal(text) => out.push_str(text),
            Node::Offset { .. } => return Err("Unsupported field: OffsetSeconds".to_string()),
            Node::ZoneId => return Err("Unable to extract ZoneId from temporal".to_string()),
            Node::DayPeriod => out.push_str(day_period(value.value.second_of_day)),
            Node::Pad(width, node) => {
                let mut text = String::new();
                format_nodes(std::slice::from_ref(node), value, &mut text)?;
                if text.len() > *width {
                    return Err(format!(
                        "Cannot print as output of {} characters exceeds pad width of {width}",
                        text.len()
                    ));
                }
                let length = text.chars().count();
                out.extend(std::iter::repeat_n(' ', width.saturating_sub(length)));
                out.push_str(&text);
            }
            Node::Optional(nodes) => {
                let mut text = String::new();
                if format_nodes(nodes, value, &mut text).is_ok() {
                    out.push_str(&text);
                }
            }
        }
    }
    Ok(())
}

fn format_number(
    value: Option<i64>,
    min: usize,
    max: usize,
    sign: Sign,
    out: &mut String,
) -> Result<(), String> {
    let value = value.ok_or("Unsupported field")?;
    let digits = value.unsigned_abs().to_string();
    if digits.len() > max {
        return Err(format!(
            "Value {value} exceeds the maximum print width of {max}"
        ));
    }
    if value < 0 {
        out.push('-');
    } else if sign == Sign::ExceedsPad && digits.len() > min {
        out.push('+');
    }
    let _ = write!(out, "{digits:0>min$}");
    Ok(())
}

pub(super) fn text_of(field: Field, number: i64, count: usize) -> String {
    let name = match field {
        Field::HalfDay => return if number == 0 { "AM" } else { "PM" }.to_string(),
        Field::Quarter => {
            return match count {
                3 => format!("Q{number}"),
                4 => ["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"]
                    [number as usize - 1]
                    .to_string(),
                _ => number.to_string(),
            };
        }
        Field::Month => MONTHS[number as usize - 1],
        _ => WEEKDAYS[number as usize - 1],
    };
    match count {
        3 => short(name),
        4 => name,
        _ => &name[..1],
    }
    .to_string()
}

fn day_period(second_of_day: i64) -> &'static str {
    match second_of_day {
        0..60 => "midnight",
        43_200..43_260 => "noon",
        21_600..43_200 => "in the morning",
        43_260..64_800 => "in the afternoon",
        64_800..75_600 => "in the evening",
        _ => "at night",
    }
}
