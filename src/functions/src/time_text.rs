//! Dates and times as text: what literals and casts share.

use chrono::{NaiveDate, NaiveTime};
use filbert_types::TimeZone;

/// `yyyy-M-d`, years of one to four digits; none where the day doesn't exist.
pub fn parse_date_fields(text: &str) -> Option<NaiveDate> {
    let mut parts = text.trim().split('-');
    let year = number(parts.next()?, 4)?;
    let month = number(parts.next()?, 2)?;
    let day = number(parts.next()?, 2)?;
    if parts.next().is_some() {
        return None;
    }
    NaiveDate::from_ymd_opt(year as i32, month, day)
}

/// `H:m:s[.fraction]` with the number of fraction digits; none outside 00:00:00 to 23:59:59.
pub fn parse_time_fields(text: &str) -> Option<(NaiveTime, u8)> {
    let (clock, fraction) = match text.trim().split_once('.') {
        Some((_, fraction)) if fraction.is_empty() || fraction.len() > 9 => return None,
        Some((clock, fraction)) => (clock, fraction),
        None => (text.trim(), ""),
    };
    let mut parts = clock.split(':');
    let hour = number(parts.next()?, 2)?;
    let minute = number(parts.next()?, 2)?;
    let second = number(parts.next()?, 2)?;
    if parts.next().is_some() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos = fraction_nanos(fraction);
    NaiveTime::from_hms_nano_opt(hour, minute, second, nanos).map(|t| (t, fraction.len() as u8))
}

/// `fraction` digits of a second as nanoseconds; digits past the ninth don't count.
pub fn fraction_nanos(fraction: &str) -> u32 {
    let mut nanos = 0;
    let mut digits = fraction.bytes();
    for _ in 0..9 {
        let digit = digits.next().map_or(0, |b| u32::from(b.wrapping_sub(b'0')));
        nanos = nanos * 10 + digit;
    }
    nanos
}

fn number(text: &str, digits: usize) -> Option<u32> {
    let fits = !text.is_empty() && text.len() <= digits;
    (fits && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// The instant of a local time in a zone, both in seconds: in a gap the clock moves forward by the gap, and of two
/// instants the earlier is meant, as in Java.
pub fn local_to_utc_seconds(local: i64, zone: TimeZone) -> i64 {
    local - i64::from(zone.offset_at_local(local))
}

/// The local time of an instant, both in seconds.
pub fn utc_to_local_seconds(utc: i64, zone: TimeZone) -> i64 {
    utc + i64::from(zone.offset_at_utc(utc))
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDateTime;

    use super::*;

    #[test]
    fn local_times_in_gaps_and_overlaps() {
        let zone: TimeZone = "America/Los_Angeles".parse().unwrap();
        let at = |text: &str| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S")
                .unwrap()
                .and_utc()
                .timestamp()
        };
        // 02:30 does not exist on that day; it is taken as 03:30 summer time.
        assert_eq!(
            local_to_utc_seconds(at("2024-03-10 02:30:00"), zone),
            at("2024-03-10 10:30:00")
        );
        // 01:30 happens twice; the first is meant.
        assert_eq!(
            local_to_utc_seconds(at("2024-11-03 01:30:00"), zone),
            at("2024-11-03 08:30:00")
        );
    }
}
