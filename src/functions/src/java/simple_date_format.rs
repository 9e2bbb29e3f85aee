//! `java.text.SimpleDateFormat`, lenient, in English.

use std::fmt::Write;

mod read;

use read::Parsed;

use super::date_pattern::{MONTHS, Token, WEEKDAYS, short, tokens, us_week};
use super::sql_date::{DAY_MS, calendar_date_of, calendar_days_of, iso_weekday};
use super::zone::Zone;

/// A compiled pattern.
#[derive(Debug)]
pub struct SimpleDateFormat {
    tokens: Vec<Token>,
}

/// Two-digit years mean the hundred years from this one on: 80 years back, as Java has it.
const CENTURY_START: i64 = 1946;

/// Java's NumberFormat prints no more digits before the point.
const NUMBER_WIDTH_MAX: usize = 309;

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
        let digits = number.to_string();
        let zeros = count.min(NUMBER_WIDTH_MAX).saturating_sub(digits.len());
        out.extend(std::iter::repeat_n('0', zeros));
        out.push_str(&digits);
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
