//! Days and their dates: the proleptic Gregorian calendar, and the one with the Julian past that `GregorianCalendar` has.

use std::fmt::Write;

pub const DAY_MS: i64 = 86_400_000;
/// The epoch day of 1582-10-15, the first of the Gregorian calendar.
const CUTOVER_DAY: i64 = -141_427;

/// Days since 1970-01-01. The month may be out of range.
pub fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = year + (month - 1).div_euclid(12);
    let month = (month - 1).rem_euclid(12) + 1;
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// Year, month and day of an epoch day.
pub fn date_of(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    (year, month, doy - (153 * mp + 2) / 5 + 1)
}

pub fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// 1 for Monday to 7 for Sunday.
pub fn iso_weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

fn julian_days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = year + (month - 1).div_euclid(12);
    let month = (month - 1).rem_euclid(12) + 1;
    let y = if month <= 2 { year - 1 } else { year };
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    y * 365 + y.div_euclid(4) + doy - 719_470
}

fn julian_date_of(days: i64) -> (i64, i64, i64) {
    let z = days + 719_470;
    let cycle = z.div_euclid(1461);
    let doc = z.rem_euclid(1461);
    let yoc = (doc - doc / 1460) / 365;
    let doy = doc - 365 * yoc;
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = cycle * 4 + yoc + i64::from(month <= 2);
    (year, month, doy - (153 * mp + 2) / 5 + 1)
}

/// The date of a day in `GregorianCalendar`; the year before 1 is 0.
pub fn calendar_date_of(days: i64) -> (i64, i64, i64) {
    if days >= CUTOVER_DAY {
        date_of(days)
    } else {
        julian_date_of(days)
    }
}

/// The day of a date in a lenient `GregorianCalendar`: month and day may be out of range.
pub fn calendar_days_of(year: i64, month: i64, day: i64) -> i64 {
    let gregorian = days_of(year, month, day);
    let julian = julian_days_of(year, month, day);
    match year {
        1583.. => gregorian,
        1582 if gregorian >= CUTOVER_DAY => gregorian,
        _ => julian,
    }
}

/// `DateTimeUtils.ymdToUnixDate`, in Java's 32-bit arithmetic.
pub fn unix_date_of(year: i64, month: i64, day: i64) -> i32 {
    let (year, month, day) = (year as i32, month as i32, day as i32);
    let a = (14 - month) / 12;
    let y = year.wrapping_add(4800 - a);
    let m = month + 12 * a - 3;
    (day + (153 * m + 2) / 5)
        .wrapping_add(y.wrapping_mul(365))
        .wrapping_add(y / 4 - y / 100 + y / 400)
        .wrapping_sub(32_045)
        .wrapping_sub(2_440_588)
}

/// `LocalDateTime.toString` of nanoseconds since the epoch.
pub fn timestamp_to_iso(nanos: i128) -> String {
    let days = nanos.div_euclid(86_400_000_000_000) as i64;
    let of_day = nanos.rem_euclid(86_400_000_000_000) as u64;
    let (year, month, day) = date_of(days);
    let (seconds, fraction) = (of_day / 1_000_000_000, of_day % 1_000_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut out = String::with_capacity(29);
    // Writing to a String cannot fail.
    let _ = if (0..=9999).contains(&year) {
        write!(out, "{year:04}-{month:02}-{day:02}")
    } else {
        write!(out, "{year:+}-{month:02}-{day:02}")
    };
    let _ = write!(out, "T{hour:02}:{minute:02}");
    if second > 0 || fraction > 0 {
        let _ = write!(out, ":{second:02}");
    }
    if fraction > 0 {
        let _ = if fraction % 1_000_000 == 0 {
            write!(out, ".{:03}", fraction / 1_000_000)
        } else if fraction % 1_000 == 0 {
            write!(out, ".{:06}", fraction / 1_000)
        } else {
            write!(out, ".{fraction:09}")
        };
    }
    out
}

/// `DateTimeUtils.parseDate`: `y-m-d`, `y-m` or `y`, with whatever follows a blank left out.
pub fn parse_date(text: &str) -> Option<i32> {
    let text = match text.find(' ') {
        Some(at) if at > 0 => &text[..at],
        _ => text,
    };
    let integer = |t: &str| -> Option<i64> {
        let t = t.trim_matches(|c: char| c <= ' ');
        if t.is_empty() || !t.bytes().all(|b| b.is_ascii_digit()) || t.len() > 9 {
            return None;
        }
        t.parse().ok()
    };
    let mut parts = text.splitn(3, '-');
    let year = integer(parts.next()?)?;
    let month = parts.next().map_or(Some(1), integer)?;
    let day = parts.next().map_or(Some(1), integer)?;
    let valid = (0..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day);
    valid.then(|| unix_date_of(year, month, day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        for day in (-1_000_000..3_000_000).step_by(997) {
            let (y, m, d) = date_of(day);
            assert_eq!(days_of(y, m, d), day);
            let (y, m, d) = julian_date_of(day);
            assert_eq!(julian_days_of(y, m, d), day);
        }
        assert_eq!(date_of(0), (1970, 1, 1));
        assert_eq!(days_of(2024, 2, 29), 19_782);
    }

    #[test]
    fn the_calendar_has_a_julian_past() {
        // 1970-01-01 is 1969-12-19 in the Julian calendar.
        assert_eq!(julian_date_of(0), (1969, 12, 19));
        assert_eq!(calendar_date_of(CUTOVER_DAY - 1), (1582, 10, 4));
        assert_eq!(calendar_date_of(CUTOVER_DAY), (1582, 10, 15));
        assert_eq!(calendar_days_of(1582, 10, 4), CUTOVER_DAY - 1);
        // UNIX_TIMESTAMP('1500-01-01 00:00:00') in Flink.
        assert_eq!(calendar_days_of(1500, 1, 1) * 86_400, -14_830_992_000);
    }

    #[test]
    fn unix_dates_wrap_as_in_java() {
        assert_eq!(unix_date_of(2024, 2, 29), 19_782);
        // What TO_DATE('x', 'dd/MM/yyyy') gives: the year 1705471.
        assert_eq!(unix_date_of(-292_275_055, 5, 16), 622_191_233);
    }

    #[test]
    fn dates_parse_leniently() {
        assert_eq!(parse_date("2024-2-9"), Some(19_762));
        assert_eq!(parse_date(" 2024-01-01 "), Some(19_723));
        assert_eq!(parse_date("2024-01-01 10:00"), Some(19_723));
        assert_eq!(parse_date("2024"), Some(19_723));
        for bad in [
            "",
            "20240101",
            "2023-02-29",
            "2024-01-01x",
            "-1-1-1",
            "2024--01",
            "2024-00-10",
        ] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn iso_text_is_as_short_as_javas() {
        assert_eq!(timestamp_to_iso(0), "1970-01-01T00:00");
        assert_eq!(timestamp_to_iso(500_000_000), "1970-01-01T00:00:00.500");
        assert_eq!(timestamp_to_iso(-1_000), "1969-12-31T23:59:59.999999");
    }
}
