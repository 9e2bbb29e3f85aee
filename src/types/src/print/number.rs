//! Java's notations of numbers.

use std::fmt::Write;

mod java_digits;

/// Appends an integer.
pub fn write_int(value: impl itoa::Integer, out: &mut String) {
    out.push_str(itoa::Buffer::new().format(value));
}

/// Appends `Double.toString` of Java 17: digits that read back as the same number (see [`java_digits`]), in plain
/// notation from 1e-3 up to 1e7 and scientific notation elsewhere.
pub fn write_double(value: f64, out: &mut String) {
    if (1e-3..1e7).contains(&value.abs()) {
        out.push_str(ryu::Buffer::new().format_finite(value));
    } else if !value.is_finite() || value == 0.0 {
        write_special(value, out);
    } else {
        java_digits::write_double(value, out);
    }
}

/// Appends `Float.toString` of Java 17; see [`write_double`].
pub fn write_float(value: f32, out: &mut String) {
    if (1e-3..1e7).contains(&value.abs()) {
        out.push_str(ryu::Buffer::new().format_finite(value));
    } else if !value.is_finite() || value == 0.0 {
        write_special(f64::from(value), out);
    } else {
        java_digits::write_float(value, out);
    }
}

fn write_special(value: f64, out: &mut String) {
    out.push_str(if value.is_nan() {
        "NaN"
    } else if value == f64::INFINITY {
        "Infinity"
    } else if value == f64::NEG_INFINITY {
        "-Infinity"
    } else if value.is_sign_negative() {
        "-0.0"
    } else {
        "0.0"
    });
}

/// Rewrites `12345678.0`, `1e10` or `1.5e-7` as `1.2345678E7`, `1.0E10`, `1.5E-7`.
pub(super) fn write_scientific(text: &str, out: &mut String) {
    let (sign, text) = text
        .strip_prefix('-')
        .map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = String::with_capacity(24);
    digits.push_str(whole);
    digits.push_str(fraction);
    let leading = digits.len() - digits.trim_start_matches('0').len();
    let exponent = exponent + whole.len() as i32 - 1 - leading as i32;
    let digits = digits[leading..].trim_end_matches('0');
    let (first, rest) = digits.split_at(digits.len().min(1));
    out.push_str(sign);
    out.push_str(if first.is_empty() { "0" } else { first });
    out.push('.');
    out.push_str(if rest.is_empty() { "0" } else { rest });
    out.push('E');
    write_int(exponent, out);
}

/// Appends a decimal in plain notation with its full scale: `1.500`.
pub fn write_decimal(unscaled: i128, scale: i8, out: &mut String) {
    if unscaled < 0 {
        out.push('-');
    }
    let mut buffer = itoa::Buffer::new();
    let digits = match u64::try_from(unscaled.unsigned_abs()) {
        Ok(small) => buffer.format(small),
        Err(_) => buffer.format(unscaled.unsigned_abs()),
    };
    write_plain(digits, i32::from(scale), out);
}

fn write_plain(digits: &str, scale: i32, out: &mut String) {
    if scale <= 0 {
        out.push_str(digits);
        if digits != "0" {
            out.extend(std::iter::repeat_n('0', scale.unsigned_abs() as usize));
        }
        return;
    }
    let scale = scale as usize;
    if digits.len() > scale {
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        out.push_str(whole);
        out.push('.');
        out.push_str(fraction);
    } else {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', scale - digits.len()));
        out.push_str(digits);
    }
}

/// Appends Java's `BigDecimal.toString`: scientific notation for a negative scale and for numbers below 1e-6.
pub fn write_big_decimal(unscaled: i128, scale: i32, out: &mut String) {
    if unscaled < 0 {
        out.push('-');
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(unscaled.unsigned_abs());
    let exponent = digits.len() as i32 - 1 - scale;
    if scale >= 0 && exponent >= -6 {
        return write_plain(digits, scale, out);
    }
    let (first, rest) = digits.split_at(1);
    out.push_str(first);
    if !rest.is_empty() {
        out.push('.');
        out.push_str(rest);
    }
    if exponent != 0 {
        // Writing to a String cannot fail.
        let _ = write!(out, "E{exponent:+}");
    }
}

/// Java's `BigDecimal.stripTrailingZeros`: the same number with the smallest scale, which may be negative.
pub fn strip_trailing_zeros(mut unscaled: i128, scale: i32) -> (i128, i32) {
    if unscaled == 0 {
        return (0, 0);
    }
    let mut scale = scale;
    while unscaled % 10 == 0 {
        unscaled /= 10;
        scale -= 1;
    }
    (unscaled, scale)
}
