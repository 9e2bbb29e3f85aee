//! Time zones as `table.local-time-zone` names them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, Offset, TimeZone as _};
use chrono_tz::Tz;

/// A region (`Europe/Oslo`), `UTC`, or a fixed offset (`GMT-08:00`).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeZone {
    Region(Tz),
    /// Seconds east of UTC.
    Fixed(i32),
}

impl TimeZone {
    pub const UTC: TimeZone = TimeZone::Fixed(0);

    /// What must be added to a UTC instant to get its local time, in seconds.
    pub fn offset_at_utc(&self, epoch_seconds: i64) -> i32 {
        match self {
            TimeZone::Fixed(offset) => *offset,
            TimeZone::Region(tz) => naive(epoch_seconds).map_or(0, |utc| {
                tz.offset_from_utc_datetime(&utc).fix().local_minus_utc()
            }),
        }
    }

    /// What must be subtracted from a local time to get its instant, in seconds. As Java's `ZonedDateTime` does, a time
    /// that happens twice is its first instant, and one that is skipped is moved later by the length of the gap.
    pub fn offset_at_local(&self, local_seconds: i64) -> i32 {
        match self {
            TimeZone::Fixed(offset) => *offset,
            TimeZone::Region(tz) => naive(local_seconds).map_or(0, |local| {
                match tz.offset_from_local_datetime(&local) {
                    chrono::LocalResult::Single(offset)
                    | chrono::LocalResult::Ambiguous(offset, _) => offset.fix().local_minus_utc(),
                    // The offset from before the gap: a day earlier there was one.
                    chrono::LocalResult::None => self.offset_at_utc(local_seconds - 86_400),
                }
            }),
        }
    }
}

fn naive(epoch_seconds: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp(epoch_seconds, 0).map(|instant| instant.naive_utc())
}

/// A name that is no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Invalid time zone '{0}'. The value should be a Time Zone Database (TZDB) ID such as 'America/Los_Angeles' to include daylight saving time. Fixed offsets are supported using 'GMT-03:00' or 'GMT+03:00'. Or use 'UTC' without time zone and daylight saving time."
)]
pub struct UnknownZone(pub String);

impl FromStr for TimeZone {
    type Err = UnknownZone;

    /// What Flink takes: names on which Java's two notions of zones agree.
    fn from_str(text: &str) -> Result<TimeZone, UnknownZone> {
        let unknown = || UnknownZone(text.to_owned());
        if matches!(text, "UTC" | "GMT") {
            return Ok(TimeZone::UTC);
        }
        if let Some(offset) = text.strip_prefix("GMT")
            && offset.starts_with(['+', '-'])
        {
            return fixed_offset(offset)
                .map(TimeZone::Fixed)
                .ok_or_else(unknown);
        }
        if matches!(text, "EST" | "MST" | "HST") {
            return Err(unknown());
        }
        text.parse().map(TimeZone::Region).map_err(|_| unknown())
    }
}

/// `+h`, `+hh`, `+hh:mm` or `+hhmm`, at most 18 hours either way.
fn fixed_offset(text: &str) -> Option<i32> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = &text[1..];
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) if hours.len() == 2 && minutes.len() == 2 => (hours, minutes),
        Some(_) => return None,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "0"),
    };
    let number = |part: &str, limit: i32| -> Option<i32> {
        let all_digits = matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_digit());
        let value: i32 = all_digits.then(|| part.parse().ok())??;
        (value <= limit).then_some(value)
    };
    let total = number(hours, 18)? * 3600 + number(minutes, 59)? * 60;
    (total <= 18 * 3600).then_some(sign * total)
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimeZone::Region(tz) => f.write_str(tz.name()),
            TimeZone::Fixed(0) => f.write_str("UTC"),
            TimeZone::Fixed(seconds) => {
                let sign = if *seconds < 0 { '-' } else { '+' };
                let seconds = seconds.abs();
                write!(f, "GMT{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)
            }
        }
    }
}

impl fmt::Debug for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TimeZone({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_regions_and_offsets() {
        assert_eq!("UTC".parse(), Ok(TimeZone::UTC));
        assert_eq!("GMT-08:00".parse(), Ok(TimeZone::Fixed(-8 * 3600)));
        assert_eq!("GMT+0230".parse(), Ok(TimeZone::Fixed(9000)));
        assert_eq!("GMT-3".parse(), Ok(TimeZone::Fixed(-10_800)));
        for refused in ["+05:30", "UTC+3", "GMT+08:00:30", "EST", "Z", ""] {
            assert!(refused.parse::<TimeZone>().is_err(), "{refused}");
        }
        assert!("Mars/Olympus".parse::<TimeZone>().is_err());
        assert!("GMT+99:00".parse::<TimeZone>().is_err());
    }

    #[test]
    fn local_times_in_a_gap_move_later() {
        let oslo: TimeZone = "Europe/Oslo".parse().unwrap();
        // 2024-03-31 02:30 does not exist there: Java reads it as 03:30+02:00.
        let local = 1_711_852_200;
        assert_eq!(oslo.offset_at_local(local), 3600);
        // 2024-10-27 02:30 happens twice: the first is in summer time.
        assert_eq!(oslo.offset_at_local(1_729_996_200), 7200);
        assert_eq!(oslo.offset_at_utc(local - 3600), 7200);
    }
}
