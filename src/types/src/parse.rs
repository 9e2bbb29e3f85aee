//! Text to values, as formats read them. The SQL casts have rules of their own, in `functions`; what is shared is the
//! grammar of the pieces.
//!
//! Every parser gives none for text that is no such value.

use arrow::datatypes::TimeUnit;

use crate::print::temporal::days_from_civil;

/// What becomes of a day that its month does not have (30 February).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayOverflow {
    Refuse,
    /// The month's last day, as Java's SMART resolver does.
    LastDay,
    /// Counted on into the next month, as `java.sql.Date.valueOf` does.
    NextMonth,
}

/// The length of a month.
pub const fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// `yyyy-MM-dd`, a day since the epoch.
pub fn iso_date(text: &[u8], overflow: DayOverflow) -> Option<i32> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else {
        return None;
    };
    let year = digits(&[y1, y2, y3, y4])?;
    date(year, digits(&[m1, m2])?, digits(&[d1, d2])?, overflow)
}

/// `yyyy-[m]m-[d]d`, as `java.sql.Date.valueOf` reads it.
pub fn lenient_date(text: &[u8]) -> Option<i32> {
    let mut parts = text.split(|b| *b == b'-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let fits = year.len() == 4 && matches!(month.len(), 1 | 2) && matches!(day.len(), 1 | 2);
    if !fits || parts.next().is_some() {
        return None;
    }
    date(
        digits(year)?,
        digits(month)?,
        digits(day)?,
        DayOverflow::NextMonth,
    )
}

fn date(year: u32, month: u32, day: u32, overflow: DayOverflow) -> Option<i32> {
    let year = i64::from(year);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let last = days_in_month(year, month);
    let day = match overflow {
        DayOverflow::Refuse if day > last => return None,
        DayOverflow::LastDay => day.min(last),
        DayOverflow::Refuse | DayOverflow::NextMonth => day,
    };
    i32::try_from(days_from_civil(year, month, day)).ok()
}

/// A time of day: seconds and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay {
    pub seconds: u32,
    pub nanos: u32,
}

/// `HH:mm:ss[.n]`; without seconds only where `seconds_optional`.
pub fn iso_time(text: &[u8], seconds_optional: bool) -> Option<TimeOfDay> {
    let (h, rest) = text.split_at_checked(2)?;
    let (m, rest) = rest.strip_prefix(b":")?.split_at_checked(2)?;
    let (hours, minutes) = (digits(h)?, digits(m)?);
    let (seconds, nanos) = match rest.strip_prefix(b":") {
        None if rest.is_empty() && seconds_optional => (0, 0),
        None => return None,
        Some(rest) => {
            let (s, fraction) = rest.split_at_checked(2)?;
            (digits(s)?, nanos(fraction)?)
        }
    };
    (hours < 24 && minutes < 60 && seconds < 60).then_some(TimeOfDay {
        seconds: hours * 3600 + minutes * 60 + seconds,
        nanos,
    })
}

/// Nothing, or `.` with up to nine digits.
fn nanos(text: &[u8]) -> Option<u32> {
    let Some(fraction) = text.strip_prefix(b".") else {
        return text.is_empty().then_some(0);
    };
    (fraction.len() <= 9).then_some(())?;
    if fraction.is_empty() {
        return Some(0);
    }
    Some(digits(fraction)? * 10_u32.pow(9 - fraction.len() as u32))
}

/// A date and a time with `separator` between them, as seconds since the epoch and nanoseconds.
pub fn date_time(
    text: &[u8],
    separator: u8,
    overflow: DayOverflow,
    seconds_optional: bool,
) -> Option<(i64, u32)> {
    let (date, rest) = text.split_at_checked(10)?;
    let (found, time) = rest.split_first()?;
    if *found != separator {
        return None;
    }
    let days = iso_date(date, overflow)?;
    let time = iso_time(time, seconds_optional)?;
    Some((
        i64::from(days) * 86_400 + i64::from(time.seconds),
        time.nanos,
    ))
}

/// The Arrow value of an instant; none when the unit cannot hold it (nanoseconds before 1677 or after 2262).
pub fn to_unit(seconds: i64, nanos: u32, unit: TimeUnit) -> Option<i64> {
    let (per_second, divisor) = match unit {
        TimeUnit::Second => (1, 1_000_000_000),
        TimeUnit::Millisecond => (1_000, 1_000_000),
        TimeUnit::Microsecond => (1_000_000, 1_000),
        TimeUnit::Nanosecond => (1_000_000_000, 1),
    };
    // In 128 bits, since the seconds of a negative instant may be out of range where the sum is not.
    let value = i128::from(seconds) * per_second + i128::from(nanos / divisor);
    i64::try_from(value).ok()
}

/// Nanoseconds of the second cut to `precision` digits.
pub const fn cut_nanos(nanos: u32, precision: u8) -> u32 {
    if precision >= 9 {
        return nanos;
    }
    let unit = 10_u32.pow(9 - precision as u32);
    nanos / unit * unit
}

fn digits(text: &[u8]) -> Option<u32> {
    let mut value = 0_u32;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u32::from(digit);
    }
    (!text.is_empty()).then_some(value)
}

/// A decimal that was read but may not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParsedDecimal {
    /// The unscaled value at the wanted scale, rounded half up.
    Fits(i128),
    /// A number with more digits before the point than the type has.
    TooLarge,
    /// No number.
    Malformed,
}

/// Java's `new BigDecimal(text)` brought to a DECIMAL(precision, scale).
pub fn decimal(text: &[u8], precision: u8, scale: u8) -> ParsedDecimal {
    let Some(number) = DecimalText::split(text) else {
        return ParsedDecimal::Malformed;
    };
    match number.unscaled(scale) {
        Some(value) if value.unsigned_abs() < 10_u128.pow(u32::from(precision)) => {
            ParsedDecimal::Fits(value)
        }
        _ => ParsedDecimal::TooLarge,
    }
}

struct DecimalText<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl<'a> DecimalText<'a> {
    fn split(text: &'a [u8]) -> Option<DecimalText<'a>> {
        let (negative, text) = match text.split_first()? {
            (b'-', rest) => (true, rest),
            (b'+', rest) => (false, rest),
            _ => (false, text),
        };
        let (mantissa, exponent) = match text.iter().position(|b| matches!(b, b'e' | b'E')) {
            None => (text, 0),
            Some(at) => {
                let exponent = std::str::from_utf8(&text[at + 1..]).ok()?;
                (&text[..at], i64::from(exponent.parse::<i32>().ok()?))
            }
        };
        let point = mantissa.iter().position(|b| *b == b'.');
        let (whole, fraction) = match point {
            None => (mantissa, &[][..]),
            Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
        };
        let all_digits = whole.iter().chain(fraction).all(u8::is_ascii_digit);
        (all_digits && whole.len() + fraction.len() > 0).then_some(DecimalText {
            negative,
            whole,
            fraction,
            exponent,
        })
    }

    /// The value times ten to the `scale`, rounded half up; none when it does not fit.
    fn unscaled(&self, scale: u8) -> Option<i128> {
        // The first digit counts units of ten to this power, after scaling.
        let mut power = self.whole.len() as i64 - 1 + self.exponent + i64::from(scale);
        let mut value = 0_i128;
        for byte in self.whole.iter().chain(self.fraction) {
            let digit = i128::from(byte - b'0');
            if power >= 0 {
                value = value.checked_mul(10)?.checked_add(digit)?;
            } else {
                if power == -1 && digit >= 5 {
                    value += 1;
                }
                break;
            }
            power -= 1;
        }
        if power >= 0 && value != 0 {
            let missing = u32::try_from(power + 1).ok()?;
            value = value.checked_mul(10_i128.checked_pow(missing)?)?;
        }
        Some(if self.negative { -value } else { value })
    }
}

/// Java's `Integer.parseInt` and its kin: an optional sign and decimal digits.
pub fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0_i64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // Counted downwards, as the least number has no positive twin.
        value = value.checked_mul(10)?.checked_sub(i64::from(digit))?;
    }
    if negative {
        Some(value)
    } else {
        value.checked_neg()
    }
}

/// Java's `Double.parseDouble`: decimal notation, `NaN`, `Infinity`, an optional `d` or `f` at the end, blanks around.
pub fn double(text: &str) -> Option<f64> {
    java_float(text)?.parse().ok()
}

/// Java's `Float.parseFloat`; see [`double`].
pub fn float(text: &str) -> Option<f32> {
    java_float(text)?.parse().ok()
}

/// The text as Rust reads it, when Java would read it at all.
fn java_float(text: &str) -> Option<&str> {
    let text = text.trim();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, "NaN" | "Infinity") {
        return Some(text);
    }
    let number = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let first = unsigned.as_bytes().first()?;
    (first.is_ascii_digit() || *first == b'.').then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_beyond_the_month_follow_the_rule_asked_for() {
        let day = |text: &str, rule| iso_date(text.as_bytes(), rule);
        assert_eq!(day("1970-01-02", DayOverflow::Refuse), Some(1));
        assert_eq!(day("2020-02-30", DayOverflow::Refuse), None);
        assert_eq!(
            day("2020-02-30", DayOverflow::LastDay),
            day("2020-02-29", DayOverflow::Refuse)
        );
        assert_eq!(
            lenient_date(b"2020-2-30"),
            day("2020-03-01", DayOverflow::Refuse)
        );
        assert_eq!(lenient_date(b"99999-1-1"), None);
        assert_eq!(day("2020-13-01", DayOverflow::LastDay), None);
    }

    #[test]
    fn times_need_two_digits_each() {
        assert_eq!(iso_time(b"1:2:3", false), None);
        assert_eq!(iso_time(b"01:02", false), None);
        assert_eq!(
            iso_time(b"01:02:03.45", false),
            Some(TimeOfDay {
                seconds: 3723,
                nanos: 450_000_000
            })
        );
        assert_eq!(iso_time(b"24:00:00", true), None);
        let noon = date_time(b"1970-01-01 12:00:00", b' ', DayOverflow::LastDay, false);
        assert_eq!(noon, Some((43_200, 0)));
    }

    #[test]
    fn decimals_are_rounded_half_up_or_too_large() {
        let read = |text: &str| decimal(text.as_bytes(), 5, 2);
        assert_eq!(read("1.005"), ParsedDecimal::Fits(101));
        assert_eq!(read("-1.005"), ParsedDecimal::Fits(-101));
        assert_eq!(read("1.0049"), ParsedDecimal::Fits(100));
        assert_eq!(read("1e2"), ParsedDecimal::Fits(10_000));
        assert_eq!(read("5e-3"), ParsedDecimal::Fits(1));
        assert_eq!(read("5e-4"), ParsedDecimal::Fits(0));
        assert_eq!(read(".5"), ParsedDecimal::Fits(50));
        assert_eq!(read("999.995"), ParsedDecimal::TooLarge);
        assert_eq!(read("1e400"), ParsedDecimal::TooLarge);
        assert_eq!(read("0e400"), ParsedDecimal::Fits(0));
        for bad in ["", "x", "1x", ".", "1e", "--1", " 1"] {
            assert_eq!(read(bad), ParsedDecimal::Malformed, "{bad}");
        }
    }

    #[test]
    fn numbers_are_read_as_java_reads_them() {
        assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(integer(b"9223372036854775808"), None);
        assert_eq!(integer(b"+5"), Some(5));
        assert_eq!(integer(b"1_0"), None);
        assert_eq!(double("1.5f"), Some(1.5));
        assert_eq!(double(" 3"), Some(3.0));
        assert_eq!(double("inf"), None);
        assert_eq!(double("0x10"), None);
        assert_eq!(double("-Infinity"), Some(f64::NEG_INFINITY));
    }
}
