//! Dates, times, timestamps and intervals as text.

use std::fmt::Write;

use arrow::datatypes::TimeUnit;

use super::number::write_int;

const SECONDS_PER_DAY: i64 = 86_400;

/// Seconds since the epoch and nanoseconds of the second.
pub const fn split(value: i64, unit: TimeUnit) -> (i64, u32) {
    let (per_second, nanos) = match unit {
        TimeUnit::Second => (1, 1_000_000_000),
        TimeUnit::Millisecond => (1_000, 1_000_000),
        TimeUnit::Microsecond => (1_000_000, 1_000),
        TimeUnit::Nanosecond => (1_000_000_000, 1),
    };
    (
        value.div_euclid(per_second),
        (value.rem_euclid(per_second) * nanos) as u32,
    )
}

/// Year, month and day of a day since the epoch, in the proleptic Gregorian calendar.
pub const fn civil(days: i64) -> (i64, u32, u32) {
    // Howard Hinnant's civil_from_days: eras of 400 years that begin on 1 March.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + (month <= 2) as i64;
    (year, month as u32, day as u32)
}

/// The day since the epoch of a date of the proleptic Gregorian calendar.
pub const fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month as i64 + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day as i64 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Appends the lowest `width` digits.
fn push_digits(value: u32, width: usize, out: &mut String) {
    let mut digits = [b'0'; 9];
    let mut rest = value;
    for slot in digits[..width].iter_mut().rev() {
        *slot = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend(digits[..width].iter().map(|b| char::from(*b)));
}

fn write_civil(days: i64, out: &mut String) {
    let (year, month, day) = civil(days);
    if year >= 0 {
        // Four digits whatever the year is, as in Flink.
        push_digits((year % 10_000) as u32, 4, out);
    } else {
        // Writing to a String cannot fail.
        let _ = write!(out, "{year:05}");
    }
    out.push('-');
    push_digits(month, 2, out);
    out.push('-');
    push_digits(day, 2, out);
}

fn write_clock(seconds_of_day: u32, out: &mut String) {
    push_digits(seconds_of_day / 3600, 2, out);
    out.push(':');
    push_digits(seconds_of_day / 60 % 60, 2, out);
    out.push(':');
    push_digits(seconds_of_day % 60, 2, out);
}

/// `2020-01-02`
pub fn write_date(days: i32, out: &mut String) {
    write_civil(i64::from(days), out);
}

/// `01:02:03`, with precision `01:02:03.45`: trailing zeros are left out, but for the first.
pub fn write_time(millis_of_day: i32, precision: u8, out: &mut String) {
    // CEIL can round up to 24:00:00.
    let millis = match millis_of_day {
        86_400_000 => 86_400_000,
        millis => millis.rem_euclid(86_400_000) as u32,
    };
    write_clock(millis / 1000, out);
    if precision == 0 {
        return;
    }
    out.push('.');
    let mut rest = millis % 1000;
    for _ in 0..precision {
        push_digits(rest / 100, 1, out);
        rest = rest % 100 * 10;
        if rest == 0 {
            break;
        }
    }
}

/// `2020-01-02 03:04:05.123`, with exactly `precision` digits of the second.
pub fn write_timestamp(seconds: i64, nanos: u32, precision: u8, out: &mut String) {
    write_civil(seconds.div_euclid(SECONDS_PER_DAY), out);
    out.push(' ');
    write_clock(seconds.rem_euclid(SECONDS_PER_DAY) as u32, out);
    let precision = usize::from(precision.min(9));
    if precision > 0 {
        out.push('.');
        push_digits(nanos / 10_u32.pow(9 - precision as u32), precision, out);
    }
}

/// Appends `.` and the digits of the fraction without trailing zeros; nothing when it is zero.
pub fn write_short_fraction(nanos: u32, out: &mut String) {
    if nanos == 0 {
        return;
    }
    out.push('.');
    push_digits(nanos, 9, out);
    out.truncate(out.trim_end_matches('0').len());
}

/// `2020-01-02 03:04:05.1234`: always with seconds, the fraction without trailing zeros. `separator` stands between
/// date and time.
pub fn write_short_timestamp(seconds: i64, nanos: u32, separator: char, out: &mut String) {
    write_civil(seconds.div_euclid(SECONDS_PER_DAY), out);
    out.push(separator);
    write_clock(seconds.rem_euclid(SECONDS_PER_DAY) as u32, out);
    write_short_fraction(nanos, out);
}

/// `01:02:03.45`: always with seconds, the fraction without trailing zeros.
pub fn write_short_time(millis_of_day: i32, out: &mut String) {
    let millis = millis_of_day.rem_euclid(86_400_000) as u32;
    write_clock(millis / 1000, out);
    write_short_fraction(millis % 1000 * 1_000_000, out);
}

/// `+1-02`: years and months.
pub fn write_months(months: i32, out: &mut String) {
    out.push(if months < 0 { '-' } else { '+' });
    let months = months.unsigned_abs();
    write_int(months / 12, out);
    out.push('-');
    push_digits(months % 12, 2, out);
}

/// `+1 02:03:04.567`: days and time.
pub fn write_millis(millis: i64, out: &mut String) {
    out.push(if millis < 0 { '-' } else { '+' });
    let millis = millis.unsigned_abs();
    write_int(millis / 86_400_000, out);
    out.push(' ');
    let of_day = (millis % 86_400_000) as u32;
    write_clock(of_day / 1000, out);
    out.push('.');
    push_digits(of_day % 1000, 3, out);
}

fn write_java_clock(seconds_of_day: u32, nanos: u32, out: &mut String) {
    push_digits(seconds_of_day / 3600, 2, out);
    out.push(':');
    push_digits(seconds_of_day / 60 % 60, 2, out);
    if !seconds_of_day.is_multiple_of(60) || nanos != 0 {
        out.push(':');
        push_digits(seconds_of_day % 60, 2, out);
        write_java_fraction(nanos, out);
    }
}

/// None, three, six or nine digits.
fn write_java_fraction(nanos: u32, out: &mut String) {
    if nanos == 0 {
        return;
    }
    out.push('.');
    if nanos.is_multiple_of(1_000_000) {
        push_digits(nanos / 1_000_000, 3, out);
    } else if nanos.is_multiple_of(1_000) {
        push_digits(nanos / 1_000, 6, out);
    } else {
        push_digits(nanos, 9, out);
    }
}

/// Java's `LocalTime.toString`: `01:02`, `01:02:03.450`.
pub fn write_java_time(millis_of_day: i32, out: &mut String) {
    let millis = millis_of_day.rem_euclid(86_400_000) as u32;
    write_java_clock(millis / 1000, millis % 1000 * 1_000_000, out);
}

/// Java's `LocalDateTime.toString` (`2020-01-02T03:04`), or `Instant.toString` (`2020-01-02T03:04:00Z`).
pub fn write_java_date_time(seconds: i64, nanos: u32, instant: bool, out: &mut String) {
    write_civil(seconds.div_euclid(SECONDS_PER_DAY), out);
    out.push('T');
    let of_day = seconds.rem_euclid(SECONDS_PER_DAY) as u32;
    if instant {
        write_clock(of_day, out);
        write_java_fraction(nanos, out);
        out.push('Z');
    } else {
        write_java_clock(of_day, nanos, out);
    }
}

/// Java's `Period.toString` of years and months: `P1Y2M`, `P0D`.
pub fn write_java_period(months: i32, out: &mut String) {
    if months == 0 {
        out.push_str("P0D");
        return;
    }
    out.push('P');
    if months / 12 != 0 {
        write_int(months / 12, out);
        out.push('Y');
    }
    if months % 12 != 0 {
        write_int(months % 12, out);
        out.push('M');
    }
}

/// Java's `Duration.toString`: `PT26H3M4.567S`, `PT0S`.
pub fn write_java_duration(millis: i64, out: &mut String) {
    if millis == 0 {
        out.push_str("PT0S");
        return;
    }
    out.push_str("PT");
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    let of_minute = millis % 60_000;
    if hours != 0 {
        write_int(hours, out);
        out.push('H');
    }
    if minutes != 0 {
        write_int(minutes, out);
        out.push('M');
    }
    if of_minute != 0 {
        if of_minute < 0 {
            out.push('-');
        }
        write_int(of_minute.unsigned_abs() / 1000, out);
        write_short_fraction((of_minute.unsigned_abs() % 1000) as u32 * 1_000_000, out);
        out.push('S');
    }
}
