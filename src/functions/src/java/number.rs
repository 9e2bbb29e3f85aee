//! Decimal digits of doubles and their texts, as Java writes them.

use filbert_types::print;

/// The shortest decimal digits that mean a double: `0.d1d2d3.. * 10^point`.
#[derive(Debug, Clone, PartialEq)]
pub struct Digits {
    digits: Vec<u8>,
    point: i32,
}

/// The digits of a finite, non-negative double.
pub fn double_digits(value: f64) -> Digits {
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: Vec<u8> = mantissa
        .bytes()
        .filter(u8::is_ascii_digit)
        .map(|b| b - b'0')
        .collect();
    Digits {
        digits,
        point: exponent.parse::<i32>().unwrap_or(0) + 1,
    }
}

impl Digits {
    pub fn is_zero(&self) -> bool {
        self.digits.iter().all(|d| *d == 0)
    }

    /// The exponent of the first digit.
    pub fn exponent(&self) -> i32 {
        self.point - 1
    }

    /// At most so many digits, rounded half up.
    pub fn rounded(&self, count: usize) -> Digits {
        let mut rounded = self.clone();
        if count >= self.digits.len() {
            return rounded;
        }
        let up = self.digits[count] >= 5;
        rounded.digits.truncate(count);
        if up {
            let mut at = count;
            loop {
                if at == 0 {
                    rounded.digits.insert(0, 1);
                    rounded.point += 1;
                    break;
                }
                at -= 1;
                if rounded.digits[at] < 9 {
                    rounded.digits[at] += 1;
                    break;
                }
                rounded.digits[at] = 0;
            }
        }
        rounded
    }

    /// The number rounded half up, or cut, to so many decimals; to tens, hundreds, .. where negative.
    pub fn rounded_to(&self, decimals: i32, half_up: bool) -> f64 {
        let Ok(count) = usize::try_from(self.point.saturating_add(decimals)) else {
            return 0.0;
        };
        let kept = if half_up || count >= self.digits.len() {
            self.rounded(count)
        } else {
            Digits {
                digits: self.digits[..count].to_vec(),
                point: self.point,
            }
        };
        if kept.digits.is_empty() {
            return 0.0;
        }
        let digits: String = kept.digits.iter().map(|d| char::from(b'0' + d)).collect();
        format!("0.{digits}e{}", kept.point).parse().unwrap_or(0.0)
    }

    /// `ddd.fff` with so many decimals, rounded half up.
    pub fn fixed(&self, decimals: usize) -> String {
        let wanted = self.point + decimals as i32;
        let rounded = match usize::try_from(wanted) {
            Ok(wanted) => self.rounded(wanted),
            Err(_) => Digits {
                digits: vec![0],
                point: 1,
            },
        };
        let digit = |place: i32| -> char {
            let d = usize::try_from(place)
                .ok()
                .and_then(|p| rounded.digits.get(p))
                .copied()
                .unwrap_or(0);
            char::from(b'0' + d)
        };
        let mut out = String::new();
        if rounded.point <= 0 {
            out.push('0');
        }
        (0..rounded.point).for_each(|place| out.push(digit(place)));
        if decimals > 0 {
            out.push('.');
            let first = rounded.point;
            (first..first + decimals as i32).for_each(|place| out.push(digit(place)));
        }
        out
    }

    /// `d.fffe+xx` with so many decimals, rounded half up.
    pub fn scientific(&self, decimals: usize) -> String {
        let rounded = self.rounded(decimals + 1);
        let digit =
            |place: usize| char::from(b'0' + rounded.digits.get(place).copied().unwrap_or(0));
        let mut out = String::new();
        out.push(digit(0));
        if decimals > 0 {
            out.push('.');
            (1..=decimals).for_each(|place| out.push(digit(place)));
        }
        let exponent = if rounded.is_zero() {
            0
        } else {
            rounded.exponent()
        };
        let sign = if exponent < 0 { '-' } else { '+' };
        out + &format!("e{sign}{:02}", exponent.abs())
    }
}

/// `Double.toString`.
pub fn double_to_string(value: f64) -> String {
    let mut text = String::new();
    print::number::write_double(value, &mut text);
    text
}

/// `Float.toString`.
pub fn float_to_string(value: f32) -> String {
    let mut text = String::new();
    print::number::write_float(value, &mut text);
    text
}

/// `BigDecimal.toString` of an unscaled value: scientific where the scale is negative or the number very small.
pub fn big_decimal_to_string(negative: bool, digits: &str, scale: i64) -> String {
    let sign = if negative { "-" } else { "" };
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let exponent = digits.len() as i64 - 1 - scale;
    if scale > 0 && exponent >= -6 {
        let missing = (scale + 1 - digits.len() as i64).max(0) as usize;
        let padded = "0".repeat(missing) + digits;
        let (whole, fraction) = padded.split_at(padded.len() - scale as usize);
        return format!("{sign}{whole}.{fraction}");
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    match exponent {
        0 => format!("{sign}{first}{point}{rest}"),
        _ => format!("{sign}{first}{point}{rest}E{exponent:+}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_java() {
        for (value, text) in [
            (1.5, "1.5"),
            (100.0, "100.0"),
            (1e10, "1.0E10"),
            (1e-5, "1.0E-5"),
            (12345678.0, "1.2345678E7"),
            (0.001, "0.001"),
            (1234567.0, "1234567.0"),
            (-0.0, "-0.0"),
        ] {
            assert_eq!(double_to_string(value), text);
        }
        assert_eq!(float_to_string(1.5), "1.5");
    }

    #[test]
    fn big_decimals_print_as_java() {
        assert_eq!(big_decimal_to_string(false, "1", -5), "1E+5");
        assert_eq!(big_decimal_to_string(true, "15", 1), "-1.5");
        assert_eq!(big_decimal_to_string(false, "1000", 4), "0.1000");
        assert_eq!(big_decimal_to_string(false, "15", -9), "1.5E+10");
        assert_eq!(big_decimal_to_string(false, "1", 10), "1E-10");
    }
}
