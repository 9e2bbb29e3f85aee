//! `java.text.SimpleDateFormat`, lenient, in English.

use std::fmt::Write;

use super::date_pattern::{MONTHS, Token, WEEKDAYS, name_prefix, short, tokens, us_week};
use super::sql_date::{DAY_MS, calendar_date_of, calendar_days_of, iso_weekday};
use super::zone::{self, Zone};

/// A compiled pattern.
#[derive(Debug)]
pub struct SimpleDateFormat {
    tokens: Vec<Token>,
}

/// Two-digit years mean the hundred years from this one on: 80 years back, as Java has it.
const CENTURY_START: i64 = 1946;

impl SimpleDateFormat {
    pub fn new(pattern: &str) -> Result<SimpleDateFormat, String> {
        let tokens = tokens(pattern).ok_or("Unterminated quote")?;
        for token in &tokens {
            if let Token::Field(c, _) = token
                && !"GyYMLwWDdFEuaHkKhmsSzZX".contains(*c)
            {
                return Err(format!("Illegal pattern character '{c}'"));
            }
            if let Token::Field('X', 4..) = token {
                return Err("invalid ISO 8601 format: length=4".to_string());
            }
        }
        Ok(SimpleDateFormat { tokens })
    }

    /// Appends the text of a moment in milliseconds since the epoch.
    pub fn format(&self, millis: i64, zone: Zone, out: &mut String) {
        let moment = Moment::of(millis, zone);
        for token in &self.tokens {
            match token {
                Token::Bare(c) => out.push(*c),
                Token::Quoted(text) => out.push_str(text),
                Token::Field(letter, count) => moment.write(*letter, *count, out),
            }
        }
    }

    /// The moment that the beginning of a text means, in milliseconds since the epoch.
    pub fn parse(&self, text: &str, zone: Zone) -> Option<i64> {
        let mut parsed = Parsed::default();
        let mut rest = text;
        for (index, token) in self.tokens.iter().enumerate() {
            rest = match token {
                Token::Bare(c) => rest.strip_prefix(*c)?,
                Token::Quoted(quoted) => rest.strip_prefix(quoted.as_str())?,
                Token::Field(letter, count) => {
                    let next = self.tokens.get(index + 1);
                    parsed.read(rest, *letter, *count, next)?
                }
            };
        }
        Some(parsed.moment(zone))
    }
}

struct Moment {
    millis: i64,
    zone: Zone,
    offset: i32,
    days: i64,
    year: i64,
    month: i64,
    day: i64,
    ms_of_day: i64,
}

impl Moment {
    fn of(millis: i64, zone: Zone) -> Moment {
        let offset = zone.offset_at(millis.div_euclid(1000));
        let local = millis.wrapping_add(i64::from(offset) * 1000);
        let days = local.div_euclid(DAY_MS);
        let (year, month, day) = calendar_date_of(days);
        Moment {
            millis,
            zone,
            offset,
            days,
            year,
            month,
            day,
            ms_of_day: local.rem_euclid(DAY_MS),
        }
    }

    fn day_of_year(&self) -> i64 {
        self.days - calendar_days_of(self.year, 1, 1) + 1
    }

    fn week(&self) -> (i64, i64) {
        let days_in_year =
            calendar_days_of(self.year + 1, 1, 1) - calendar_days_of(self.year, 1, 1);
        us_week(
            self.year,
            self.day_of_year(),
            iso_weekday(self.days),
            days_in_year,
        )
    }

    fn write(&self, letter: char, count: usize, out: &mut String) {
        let weekday = iso_weekday(self.days);
        let hour = self.ms_of_day / 3_600_000;
        let era_year = if self.year > 0 {
            self.year
        } else {
            1 - self.year
        };
        let number = match letter {
            'G' => return out.push_str(if self.year > 0 { "AD" } else { "BC" }),
            'y' | 'Y' => {
                let year = if letter == 'y' {
                    era_year
                } else {
                    self.week().1
                };
                if count == 2 { year % 100 } else { year }
            }
            'M' | 'L' if count > 2 => return name(&MONTHS, self.month, count, out),
            'E' => return name(&WEEKDAYS, weekday, count, out),
            'a' => return out.push_str(if hour < 12 { "AM" } else { "PM" }),
            'z' => {
                let seconds = self.millis.div_euclid(1000);
                return out.push_str(&if count >= 4 {
                    self.zone.long_name(seconds)
                } else {
                    self.zone.short_name(seconds)
                });
            }
            'Z' => return write_offset(self.offset, "", 2, out),
            'X' if self.offset == 0 => return out.push('Z'),
            'X' => {
                let colon = if count == 3 { ":" } else { "" };
                return write_offset(self.offset, colon, count.min(2), out);
            }
            'M' | 'L' => self.month,
            'w' => self.week().0,
            'W' => (self.day - 1 - weekday % 7 + 7 + 6) / 7,
            'D' => self.day_of_year(),
            'd' => self.day,
            'F' => (self.day - 1) / 7 + 1,
            'u' => weekday,
            'H' => hour,
            'k' => (hour + 23) % 24 + 1,
            'K' => hour % 12,
            'h' => (hour + 11) % 12 + 1,
            'm' => self.ms_of_day / 60_000 % 60,
            's' => self.ms_of_day / 1000 % 60,
            _ => self.ms_of_day % 1000,
        };
        // Writing to a String cannot fail.
        let _ = write!(out, "{number:0count$}");
    }
}

fn name(names: &[&str], number: i64, count: usize, out: &mut String) {
    let name = names[number as usize - 1];
    out.push_str(if count >= 4 { name } else { short(name) });
}

fn write_offset(offset: i32, colon: &str, parts: usize, out: &mut String) {
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.abs() / 60;
    let _ = write!(out, "{sign}{:02}", minutes / 60);
    if parts > 1 {
        let _ = write!(out, "{colon}{:02}", minutes % 60);
    }
}

/// What was read of a text. The numbers `*_at` tell which fields came later.
#[derive(Debug, Default)]
struct Parsed {
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
    fn read<'t>(
        &mut self,
        text: &'t str,
        letter: char,
        count: usize,
        next: Option<&Token>,
    ) -> Option<&'t str> {
        let text = text.trim_start_matches([' ', '\t']);
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
                let width = obeys_count(next).then_some(count);
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

    fn moment(&self, zone: Zone) -> i64 {
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

#[cfg(test)]
mod tests {
    use super::super::zone::UTC;
    use super::*;

    fn seconds(text: &str, pattern: &str) -> Option<i64> {
        let format = SimpleDateFormat::new(pattern).unwrap();
        format.parse(text, UTC).map(|ms| ms.div_euclid(1000))
    }

    /// The numbers are what Flink's UNIX_TIMESTAMP answered.
    #[test]
    fn parses_as_leniently_as_java() {
        let plain = "yyyy-MM-dd HH:mm:ss";
        assert_eq!(seconds("2024-02-30 00:00:00", plain), Some(1_709_251_200));
        assert_eq!(seconds("2024-13-45 99:99:99", plain), Some(1_739_853_639));
        assert_eq!(
            seconds(" 2024-01-01 00:00:00zzz", plain),
            Some(1_704_067_200)
        );
        assert_eq!(seconds("24-01-01", "yy-MM-dd"), Some(1_704_067_200));
        assert_eq!(seconds("99-01-01", "yy-MM-dd"), Some(915_148_800));
        assert_eq!(seconds("5", "dd"), Some(345_600));
        assert_eq!(seconds("Feb", "MMM"), Some(2_678_400));
        assert_eq!(seconds("february 2020", "MMMM yyyy"), Some(1_580_515_200));
        assert_eq!(seconds("2020 Thu", "yyyy EEE"), Some(1_577_923_200));
        assert_eq!(
            seconds("2024-01-01 10:00 PM", "yyyy-MM-dd hh:mm a"),
            Some(1_704_146_400)
        );
        assert_eq!(
            seconds("2024-01-01T10:00:00+05:30", "yyyy-MM-dd'T'HH:mm:ssXXX"),
            Some(1_704_083_400)
        );
        assert_eq!(
            seconds("2024-01-01 PST", "yyyy-MM-dd z"),
            Some(1_704_096_000)
        );
        assert_eq!(
            seconds("2024-01-01 GMT+03:00", "yyyy-MM-dd z"),
            Some(1_704_056_400)
        );
        assert_eq!(seconds("2024060", "yyyyDDD"), Some(1_709_164_800));
        assert_eq!(seconds("2024-1-2", "yyyyMMdd"), Some(1_698_537_600));
        assert_eq!(seconds("+2024", "yyyy"), None);
        assert_eq!(seconds("-5", "yyyy"), Some(-62_325_158_400));
        assert_eq!(seconds("2024 10", "yyyy w"), Some(1_709_424_000));
        assert_eq!(seconds("10:5:3.7", "HH:mm:ss.SSS"), Some(36_303));
        assert_eq!(seconds("2024-02-29", plain), None);
    }

    /// What Flink's FROM_UNIXTIME(0, ..) answered.
    #[test]
    fn formats_as_java() {
        for (pattern, text) in [
            ("SSSS", "0000"),
            ("MMMMM", "January"),
            ("EE", "Thu"),
            ("EEEEE", "Thursday"),
            ("zzzz", "Coordinated Universal Time"),
            ("ZZ", "+0000"),
            ("XX", "Z"),
            ("k K h H", "24 0 12 0"),
            ("GGGG w ww W F u uu", "AD 1 01 1 1 4 04"),
            ("yyy yyyyy yy", "1970 01970 70"),
            ("'q'yy LLL", "q70 Jan"),
        ] {
            let mut out = String::new();
            SimpleDateFormat::new(pattern)
                .unwrap()
                .format(0, UTC, &mut out);
            assert_eq!(out, text, "{pattern}");
        }
        assert!(SimpleDateFormat::new("bogus").is_err());
    }
}
