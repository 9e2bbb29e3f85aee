//! The digits that Java 17 (and before) writes for a large or small number: mostly the fewest that tell it from its
//! neighbours, as ryu finds them. It differs in four ways:
//!
//! - a whole number below 2^63 is written by its own digits, without those that it can't know;
//! - digits that lie just half-way to a neighbour don't tell it;
//! - below a power of two the neighbours are nearer, and Java takes them to be so above it too;
//! - there are always two digits.

use super::{write_int, write_scientific};

/// The leading decimal digits that comparisons look at.
const DIGITS: usize = 34;

/// What a number looks like to Java: significant bits, and the text that ryu has for it.
struct Number<'a> {
    /// The absolute value; a FLOAT is a DOUBLE too.
    size: f64,
    negative: bool,
    bits: i32,
    /// What is smaller has fewer significant bits (or is near to it).
    least: f64,
    shortest: &'a str,
}

pub(super) fn write_double(value: f64, out: &mut String) {
    let mut buffer = ryu::Buffer::new();
    let number = Number {
        size: value.abs(),
        negative: value < 0.0,
        bits: 53,
        least: 1e-290,
        shortest: buffer.format_finite(value.abs()),
    };
    number.write(|text| text.parse() == Ok(value.abs()), out);
}

pub(super) fn write_float(value: f32, out: &mut String) {
    let mut buffer = ryu::Buffer::new();
    let number = Number {
        size: f64::from(value.abs()),
        negative: value < 0.0,
        bits: 24,
        least: f64::from(f32::MIN_POSITIVE),
        shortest: buffer.format_finite(value.abs()),
    };
    number.write(|text| text.parse() == Ok(value.abs()), out);
}

impl Number<'_> {
    fn write(&self, reads_back: impl Fn(&str) -> bool, out: &mut String) {
        if self.negative {
            out.push('-');
        }
        const LONG_END: f64 = 9_223_372_036_854_775_808.0;
        let digits = digit_count(self.shortest);
        if self.size >= (1_u64 << (self.bits - 1)) as f64 && self.size < LONG_END {
            self.write_whole(out);
        } else if self.size >= LONG_END || (self.is_power_of_two() && self.size >= self.least) {
            write_scientific(&self.within(digits.max(2), reads_back), out);
        } else if digits == 1 {
            write_scientific(&format!("{:.1e}", self.size), out);
        } else {
            write_scientific(self.shortest, out);
        }
    }

    fn exponent(&self) -> i32 {
        let biased = (self.size.to_bits() >> 52) as i32;
        biased - 1023
    }

    fn is_power_of_two(&self) -> bool {
        self.size.to_bits() << 12 == 0
    }

    /// A whole number by its digits; the last ones, which its bits don't hold, are rounded away.
    fn write_whole(&self, out: &mut String) {
        let mut whole = self.size as u64;
        let unknown_bits = self.exponent() - self.bits - 1;
        let unknown = if unknown_bits > 1 {
            (1_u64 << unknown_bits).ilog10()
        } else {
            0
        };
        let power = 10_u64.pow(unknown);
        whole = whole / power + u64::from(unknown > 0 && whole % power >= power / 2);
        let mut text = String::with_capacity(24);
        write_int(whole, &mut text);
        text.push('e');
        write_int(unknown, &mut text);
        write_scientific(&text, out);
    }

    /// The text with the fewest digits, at least so many, that lies within Java's distance of the number.
    fn within(&self, least: usize, reads_back: impl Fn(&str) -> bool) -> String {
        let shift = self.bits + i32::from(self.is_power_of_two());
        let distance = 2_f64.powi(self.exponent() - shift);
        let limit = leading(&format!("{:.*e}", DIGITS - 1, distance));
        let exact = leading(&format!("{:.*e}", DIGITS - 1, self.size));
        for digits in least..17 {
            let text = format!("{:.*e}", digits - 1, self.size);
            let apart = match (leading(&text), exact) {
                (Some(text), Some(exact)) if text.1 == exact.1 => text.0.abs_diff(exact.0),
                // The rounding carried into another decimal exponent.
                (Some(text), Some(exact)) => (text.0 * 10).abs_diff(exact.0),
                _ => 0,
            };
            if reads_back(&text) && limit.is_none_or(|limit| apart < scaled(limit, exact)) {
                return text;
            }
        }
        format!("{:.16e}", self.size)
    }
}

/// The digits of `d.ddde-x` as a number of [`DIGITS`] digits, and the exponent.
fn leading(text: &str) -> Option<(u128, i32)> {
    let (mantissa, exponent) = text.split_once('e')?;
    let mut digits = 0_u128;
    let mut count = 0;
    for byte in mantissa.bytes().filter(u8::is_ascii_digit).take(DIGITS) {
        digits = digits * 10 + u128::from(byte - b'0');
        count += 1;
    }
    let missing = u32::try_from(DIGITS - count).ok()?;
    Some((digits * 10_u128.pow(missing), exponent.parse().ok()?))
}

/// A smaller number's digits, as they count beside those of a larger one.
fn scaled((digits, exponent): (u128, i32), beside: Option<(u128, i32)>) -> u128 {
    let lower = beside.map_or(0, |(_, e)| e - exponent).clamp(0, 38);
    digits / 10_u128.pow(lower.unsigned_abs())
}

fn digit_count(shortest: &str) -> usize {
    let mantissa = shortest.split('e').next().unwrap_or(shortest);
    let digits = mantissa.strip_suffix(".0").unwrap_or(mantissa);
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_digit).collect();
    let zeros = |bytes: &mut dyn Iterator<Item = &u8>| bytes.take_while(|b| **b == b'0').count();
    let leading = zeros(&mut digits.iter());
    let trailing = zeros(&mut digits.iter().rev());
    digits.len().saturating_sub(leading + trailing)
}
