//! Time zones as `table.local-time-zone` names them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, Offset, TimeZone as _};
use chrono_tz::Tz;

/// A region (`Europe/Oslo`), `UTC`, or a fixed offset (`GMT-08:00`, `+02:00`).
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
    "'{0}' is not a time zone: expected a region such as 'Europe/Oslo', 'UTC', or an offset such as 'GMT+02:00'."
)]
pub struct UnknownZone(pub String);

impl FromStr for TimeZone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<TimeZone, UnknownZone> {
        let name = text.trim();
        let offset = ["UTC", "GMT", "UT"]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .unwrap_or(name);
        if offset.is_empty() || name == "Z" {
            return Ok(TimeZone::UTC);
        }
        if let Some(seconds) = fixed_offset(offset) {
            return Ok(TimeZone::Fixed(seconds));
        }
        name.parse()
            .map(TimeZone::Region)
            .map_err(|_| UnknownZone(text.to_owned()))
    }
}

/// `+h`, `+hh`, `+hh:mm`, `+hhmm` or `+hh:mm:ss`, at most 18 hours either way.
fn fixed_offset(text: &str) -> Option<i32> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let number = |part: &str, limit: i32| -> Option<i32> {
        let all_digits = matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_digit());
        let value: i32 = all_digits.then(|| part.parse().ok())??;
        (value <= limit).then_some(value)
    };
    let mut parts = digits.split(':');
    let first = parts.next()?;
    let (hours, minutes, seconds) = if first.len() == 4 && first.is_ascii() {
        (number(&first[..2], 18)?, number(&first[2..], 59)?, 0)
    } else {
        let minutes = parts.next().map_or(Some(0), |m| number(m, 59))?;
        let seconds = parts.next().map_or(Some(0), |s| number(s, 59))?;
        (number(first, 18)?, minutes, seconds)
    };
    let total = hours * 3600 + minutes * 60 + seconds;
    (parts.next().is_none() && total <= 18 * 3600).then_some(sign * total)
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
        assert_eq!("+0230".parse(), Ok(TimeZone::Fixed(9000)));
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
