//! Text as a moment.

use super::CENTURY_START;
use crate::java::date_pattern::{MONTHS, Token, WEEKDAYS, name_prefix};
use crate::java::sql_date::{DAY_MS, calendar_days_of, iso_weekday};
use crate::java::zone::{self, Zone};

/// What was read of a text. The numbers `*_at` tell which fields came later.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    before_christ: bool,
    year: Option<i64>,
    week_year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    week: Option<i64>,
    week_of_month: Option<i64>,
    weekday_in_month: Option<i64>,
    /// 0 for Sunday.
    weekday: Option<i64>,
    day_at: usize,
    day_of_year_at: usize,
    week_at: usize,
    hour: Option<i64>,
    half_day_hour: i64,
    afternoon: bool,
    hour_is_last: bool,
    minute: i64,
    second: i64,
    milli: i64,
    offset: Option<i32>,
    fields: usize,
}

impl Parsed {
    /// Reads a field; what follows it is the result.
    pub(super) fn read<'t>(
        &mut self,
        text: &'t str,
        letter: char,
        count: usize,
        next: Option<&Token>,
    ) -> Option<&'t str> {
        let given = text.len();
        let text = text.trim_start_matches([' ', '\t']);
        let blanks = given - text.len();
        if text.is_empty() {
            return None;
        }
        self.fields += 1;
        match letter {
            'G' => {
                let era = text.get(..2)?;
                self.before_christ = era.eq_ignore_ascii_case("BC");
                (self.before_christ || era.eq_ignore_ascii_case("AD")).then(|| &text[2..])
            }
            'M' | 'L' if count > 2 => {
                let (month, length) = name_prefix(text, &MONTHS)?;
                self.month = Some(month as i64 + 1);
                Some(&text[length..])
            }
            'E' => {
                let (day, length) = name_prefix(text, &WEEKDAYS)?;
                self.weekday = Some((day as i64 + 1) % 7);
                Some(&text[length..])
            }
            'a' => {
                let half = text.get(..2)?;
                self.afternoon = half.eq_ignore_ascii_case("PM");
                self.hour_is_last = false;
                (self.afternoon || half.eq_ignore_ascii_case("AM")).then(|| &text[2..])
            }
            'z' | 'Z' => self.read_zone(text),
            'X' => self.read_iso_zone(text, count),
            _ => {
                // Blanks before a number count to its width.
                let width = match obeys_count(next) {
                    true => Some(count.checked_sub(blanks)?),
                    false => None,
                };
                let (value, rest) = number(text, width)?;
                let digits = text.len() - rest.len();
                let two_digits = digits == 2 && text.as_bytes()[0].is_ascii_digit();
                self.set(letter, value, count <= 2 && two_digits);
                Some(rest)
            }
        }
    }

    fn set(&mut self, letter: char, value: i64, short_year: bool) {
        let at = self.fields;
        match letter {
            'y' | 'Y' => {
                let year = if short_year {
                    let century = CENTURY_START / 100 * 100;
                    century + value + if value < CENTURY_START % 100 { 100 } else { 0 }
                } else {
                    value
                };
                if letter == 'y' {
                    self.year = Some(year);
                } else {
                    self.week_year = Some(year);
                }
            }
            'M' | 'L' => self.month = Some(value),
            'd' => (self.day, self.day_at) = (Some(value), at),
            'D' => (self.day_of_year, self.day_of_year_at) = (Some(value), at),
            'w' => (self.week, self.week_at) = (Some(value), at),
            'W' => self.week_of_month = Some(value),
            'F' => self.weekday_in_month = Some(value),
            'u' => self.weekday = Some(value.rem_euclid(7)),
            'H' => (self.hour, self.hour_is_last) = (Some(value), true),
            'k' => {
                self.hour = Some(if value == 24 { 0 } else { value });
                self.hour_is_last = true;
            }
            'K' => (self.half_day_hour, self.hour_is_last) = (value, false),
            'h' => {
                self.half_day_hour = if value == 12 { 0 } else { value };
                self.hour_is_last = false;
            }
            'm' => self.minute = value,
            's' => self.second = value,
            _ => self.milli = value,
        }
    }

    /// `+hhmm`, `GMT+hh:mm`, or a zone's name.
    fn read_zone<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        if text.starts_with(['+', '-']) {
            return self.read_offset(text, false, 2);
        }
        if text.get(..3).is_some_and(|g| g.eq_ignore_ascii_case("GMT")) {
            let rest = &text[3..];
            if !rest.starts_with(['+', '-']) {
                self.offset = Some(0);
                return Some(rest);
            }
            return self.read_offset(rest, true, 2);
        }
        let length = text
            .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '/' | '_'))
            .unwrap_or(text.len());
        let name = &text[..length];
        self.offset = Some(named_offset(name)?);
        Some(&text[length..])
    }

    fn read_iso_zone<'t>(&mut self, text: &'t str, count: usize) -> Option<&'t str> {
        if let Some(rest) = text.strip_prefix('Z') {
            self.offset = Some(0);
            return Some(rest);
        }
        self.read_offset(text, count == 3, count.min(2))
    }

    fn read_offset<'t>(&mut self, text: &'t str, colon: bool, parts: usize) -> Option<&'t str> {
        let sign = match text.chars().next()? {
            '+' => 1,
            '-' => -1,
            _ => return None,
        };
        let digits =
            |t: &str, most: usize| t.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let rest = &text[1..];
        let width = digits(rest, 2);
        if width == 0 || (!colon && width < 2) {
            return None;
        }
        let hours: i32 = rest[..width].parse().ok()?;
        let mut rest = &rest[width..];
        let mut minutes = 0;
        if parts > 1 {
            if colon {
                rest = rest.strip_prefix(':')?;
            }
            if digits(rest, 2) < 2 {
                return None;
            }
            minutes = rest[..2].parse().ok()?;
            rest = &rest[2..];
        }
        if hours > 23 || minutes > 59 {
            return None;
        }
        self.offset = Some(sign * (hours * 3600 + minutes * 60));
        Some(rest)
    }

    pub(super) fn moment(&self, zone: Zone) -> i64 {
        let hour = match self.hour {
            Some(hour) if self.hour_is_last => hour,
            _ => self.half_day_hour + if self.afternoon { 12 } else { 0 },
        };
        let local = self.days() * DAY_MS
            + hour * 3_600_000
            + self.minute * 60_000
            + self.second * 1000
            + self.milli;
        let offset = match self.offset {
            Some(offset) => offset,
            None => zone.offset_of_local(local.div_euclid(1000)),
        };
        local - i64::from(offset) * 1000
    }

    fn days(&self) -> i64 {
        let year = self.week_year.or(self.year).unwrap_or(1970);
        let year = if self.before_christ { 1 - year } else { year };
        let month = self.month.unwrap_or(1);
        let new_year = calendar_days_of(year, 1, 1);
        let by_week = self.week.is_some() && (self.week_at > self.day_at || self.day.is_none());
        if let Some(day) = self.day_of_year
            && self.day_of_year_at > self.day_at
        {
            return new_year + day - 1;
        }
        if let Some(week) = self.week
            && by_week
        {
            let first_sunday = new_year - iso_weekday(new_year) % 7;
            return first_sunday + (week - 1) * 7 + self.weekday.unwrap_or(0);
        }
        let first = calendar_days_of(year, month, 1);
        if let Some(day) = self.day {
            return calendar_days_of(year, month, day);
        }
        if let Some(week) = self.week_of_month {
            let sunday = first - iso_weekday(first) % 7;
            return sunday + (week - 1) * 7 + self.weekday.unwrap_or(0);
        }
        if let Some(weekday) = self.weekday {
            let ahead = (weekday - iso_weekday(first) % 7).rem_euclid(7);
            return first + ahead + (self.weekday_in_month.unwrap_or(1) - 1) * 7;
        }
        first
    }
}

fn named_offset(name: &str) -> Option<i32> {
    let summer = ["EDT", "CDT", "MDT", "PDT"];
    if let Some(index) = summer.iter().position(|s| s.eq_ignore_ascii_case(name)) {
        return Some(-(index as i32 + 4) * 3600);
    }
    if let Some(offset) = match name.to_ascii_uppercase().as_str() {
        "EST" => Some(-5),
        "CST" => Some(-6),
        "MST" => Some(-7),
        "PST" => Some(-8),
        "UTC" | "UT" | "WET" => Some(0),
        "CET" | "BST" | "WEST" => Some(1),
        "CEST" | "EET" => Some(2),
        "EEST" => Some(3),
        "JST" | "KST" => Some(9),
        _ => None,
    } {
        return Some(offset * 3600);
    }
    match zone::zone_id(name)? {
        Zone::Fixed(offset) => Some(offset),
        region => Some(region.offset_at(0)),
    }
}

/// Whether a number ends after as many digits as its pattern has letters: another number follows directly.
fn obeys_count(next: Option<&Token>) -> bool {
    match next {
        Some(Token::Field('M' | 'L', count)) => *count <= 2,
        Some(Token::Field(letter, _)) => "yYdHkmsSDFwWKhu".contains(*letter),
        _ => false,
    }
}

/// A whole number, of so many characters where a width is given.
fn number(text: &str, width: Option<usize>) -> Option<(i64, &str)> {
    let window = match width {
        Some(width) => text.get(..width)?,
        None => text,
    };
    let negative = window.starts_with('-');
    let digits = &window[usize::from(negative)..];
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    if length == 0 {
        return None;
    }
    let value: i64 = digits[..length].parse().unwrap_or(i64::MAX);
    // `Number.intValue`.
    let value = i64::from(value as i32);
    let value = if negative { -value } else { value };
    Some((value, &text[length + usize::from(negative)..]))
}
