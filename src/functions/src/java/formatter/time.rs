//! `%t` and its suffixes: the parts of an instant, in a time zone and `Locale.US`.

use crate::java::date_pattern::{MONTHS, WEEKDAYS, short};
use crate::java::sql_date::{calendar_date_of, calendar_days_of, iso_weekday};
use crate::java::zone::Zone;

/// An instant in a zone.
struct Local<'a> {
    millis: i64,
    zone: &'a Zone,
    offset_s: i64,
    days: i64,
    /// Of the day.
    seconds: i64,
}

/// The text of `%t` and this suffix for milliseconds since 1970; none where Java knows no such suffix.
pub(super) fn convert(suffix: char, millis: i64, zone: &Zone) -> Option<String> {
    let utc = millis.div_euclid(1000);
    let offset_s = i64::from(zone.offset_at(utc));
    let local = Local {
        millis,
        zone,
        offset_s,
        days: (utc + offset_s).div_euclid(86_400),
        seconds: (utc + offset_s).rem_euclid(86_400),
    };
    let mut out = String::new();
    local.write(suffix, &mut out)?;
    Some(out)
}

impl Local<'_> {
    fn all(&self, parts: &str, out: &mut String) -> Option<()> {
        for part in parts.chars() {
            match part.is_ascii_alphabetic() {
                true => self.write(part, out)?,
                false => out.push(part),
            }
        }
        Some(())
    }

    fn write(&self, suffix: char, out: &mut String) -> Option<()> {
        let hour = self.seconds / 3600;
        let half = if hour % 12 == 0 { 12 } else { hour % 12 };
        let (year, month, day) = calendar_date_of(self.days);
        let weekday = WEEKDAYS[(iso_weekday(self.days) - 1).clamp(0, 6) as usize];
        let month_name = MONTHS[(month - 1).clamp(0, 11) as usize];
        let padded = |value: i64, width: usize| format!("{value:0width$}");
        let text = match suffix {
            'H' => padded(hour, 2),
            'I' => padded(half, 2),
            'k' => hour.to_string(),
            'l' => half.to_string(),
            'M' => padded(self.seconds / 60 % 60, 2),
            'S' => padded(self.seconds % 60, 2),
            'L' => padded(self.millis.rem_euclid(1000), 3),
            'N' => padded(self.millis.rem_euclid(1000) * 1_000_000, 9),
            'p' => ["am", "pm"][usize::from(hour >= 12)].to_owned(),
            'z' => {
                let minutes = self.offset_s / 60;
                let sign = if minutes < 0 { '-' } else { '+' };
                format!("{sign}{:04}", minutes.abs() / 60 * 100 + minutes.abs() % 60)
            }
            'Z' => self.zone.short_name(self.millis.div_euclid(1000)),
            's' => (self.millis / 1000).to_string(),
            'Q' => self.millis.to_string(),
            'B' => month_name.to_owned(),
            'b' | 'h' => short(month_name).to_owned(),
            'A' => weekday.to_owned(),
            'a' => short(weekday).to_owned(),
            'C' => padded(year / 100, 2),
            'Y' => padded(year, 4),
            'y' => padded(year.rem_euclid(100), 2),
            'j' => padded(self.days - calendar_days_of(year, 1, 1) + 1, 3),
            'm' => padded(month, 2),
            'd' => padded(day, 2),
            'e' => day.to_string(),
            'R' => return self.all("H:M", out),
            'T' => return self.all("H:M:S", out),
            'r' => {
                self.all("I:M:S ", out)?;
                out.push_str(if hour < 12 { "AM" } else { "PM" });
                return Some(());
            }
            'D' => return self.all("m/d/y", out),
            'F' => return self.all("Y-m-d", out),
            'c' => return self.all("a b d T Z Y", out),
            _ => return None,
        };
        out.push_str(&text);
        Some(())
    }
}
