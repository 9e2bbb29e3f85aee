//! `java.util.Formatter` with `Locale.US`.

mod time;

use super::number::{Digits, double_digits, double_to_string, float_to_string};
use super::zone::Zone;

/// An argument of a format string, as Java's boxed types.
#[derive(Debug, Clone)]
pub enum Argument {
    Null,
    Boolean(bool),
    /// A value and its width in bits: Byte to Long.
    Integer(i64, u32),
    Float(f32),
    Double(f64),
    /// Anything that only its text and its hash code are known of.
    Object {
        text: String,
        hash: i32,
    },
}

#[derive(Debug, Default)]
struct Spec {
    index: Option<usize>,
    previous: bool,
    left: bool,
    alternate: bool,
    plus: bool,
    space: bool,
    zero: bool,
    group: bool,
    parentheses: bool,
    width: Option<usize>,
    precision: Option<usize>,
    conversion: char,
    /// Behind `%t`.
    time: char,
    upper: bool,
}

/// Appends the formatted text; none where Java throws. `zone` is where times are told.
pub fn format(pattern: &str, args: &[Argument], zone: &Zone, out: &mut String) -> Option<()> {
    let mut rest = pattern;
    let mut ordinary = 0;
    let mut last: Option<usize> = None;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let (spec, length) = parse(&rest[at + 1..])?;
        rest = &rest[at + 1 + length..];
        match spec.conversion {
            'n' => {
                if spec.width.is_some() || spec.precision.is_some() || spec.left {
                    return None;
                }
                out.push('\n');
                continue;
            }
            '%' => {
                if spec.precision.is_some() || (spec.left && spec.width.is_none()) {
                    return None;
                }
                pad(out, "%", &spec);
                continue;
            }
            _ => {}
        }
        let index = if spec.previous {
            last?
        } else if let Some(index) = spec.index {
            index.checked_sub(1)?
        } else {
            ordinary += 1;
            ordinary - 1
        };
        last = Some(index);
        let text = convert(&spec, args.get(index)?, zone)?;
        pad(out, &text, &spec);
    }
    out.push_str(rest);
    Some(())
}

/// The specifier behind a `%`, and how long it is.
fn parse(text: &str) -> Option<(Spec, usize)> {
    let mut spec = Spec::default();
    let mut rest = text;
    let digits = |t: &str| t.bytes().take_while(u8::is_ascii_digit).count();
    let count = digits(rest);
    if count > 0 && rest[count..].starts_with('$') {
        spec.index = Some(rest[..count].parse().ok()?);
        rest = &rest[count + 1..];
    }
    while let Some(flag) = rest.chars().next() {
        let seen = match flag {
            '-' => &mut spec.left,
            '#' => &mut spec.alternate,
            '+' => &mut spec.plus,
            ' ' => &mut spec.space,
            '0' => &mut spec.zero,
            ',' => &mut spec.group,
            '(' => &mut spec.parentheses,
            '<' => &mut spec.previous,
            _ => break,
        };
        // A flag given twice is an error.
        if std::mem::replace(seen, true) {
            return None;
        }
        rest = &rest[1..];
    }
    let count = digits(rest);
    if count > 0 {
        spec.width = Some(rest[..count].parse().ok()?);
        rest = &rest[count..];
    }
    if let Some(after) = rest.strip_prefix('.') {
        let count = digits(after);
        spec.precision = Some(after.get(..count)?.parse().ok()?);
        rest = &after[count..];
    }
    let conversion = rest.chars().next()?;
    if !conversion.is_ascii_alphabetic() && conversion != '%' {
        return None;
    }
    rest = &rest[1..];
    if matches!(conversion, 't' | 'T') {
        spec.time = rest.chars().next().filter(char::is_ascii_alphabetic)?;
        rest = &rest[1..];
    }
    spec.upper = matches!(
        conversion,
        'T' | 'B' | 'H' | 'S' | 'C' | 'X' | 'E' | 'G' | 'A'
    );
    spec.conversion = if spec.upper {
        conversion.to_ascii_lowercase()
    } else {
        conversion
    };
    let width_missing = spec.width.is_none() && (spec.left || spec.zero);
    if width_missing || (spec.left && spec.zero) || (spec.plus && spec.space) {
        return None;
    }
    // Beyond this no text is meant.
    if spec.width.is_some_and(|w| w > 1 << 20) || spec.precision.is_some_and(|p| p > 1 << 20) {
        return None;
    }
    Some((spec, text.len() - rest.len()))
}

fn convert(spec: &Spec, arg: &Argument, zone: &Zone) -> Option<String> {
    let text = match spec.conversion {
        'b' | 'h' | 's' => general(spec, arg)?,
        'c' => character(spec, arg)?,
        'd' | 'o' | 'x' => integer(spec, arg)?,
        'e' | 'f' | 'g' | 'a' => floating(spec, arg)?,
        't' => instant(spec, arg, zone)?,
        _ => return None,
    };
    Some(if spec.upper {
        text.to_uppercase()
    } else {
        text
    })
}

fn general(spec: &Spec, arg: &Argument) -> Option<String> {
    if spec.alternate || spec.plus || spec.space || spec.zero || spec.group || spec.parentheses {
        return None;
    }
    let text = match (spec.conversion, arg) {
        ('b', Argument::Null) => "false".to_string(),
        ('b', Argument::Boolean(b)) => b.to_string(),
        ('b', _) => "true".to_string(),
        (_, Argument::Null) => "null".to_string(),
        ('h', arg) => std::format!("{:x}", hash(arg)),
        (_, arg) => text_of(arg),
    };
    Some(match spec.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text,
    })
}

/// Of the types that SQL has, Java takes a Long alone for an instant.
fn instant(spec: &Spec, arg: &Argument, zone: &Zone) -> Option<String> {
    let flags = spec.alternate || spec.plus || spec.space || spec.zero || spec.group;
    if flags || spec.parentheses || spec.precision.is_some() {
        return None;
    }
    match arg {
        Argument::Null => time::convert(spec.time, 0, zone).map(|_| "null".to_owned()),
        Argument::Integer(millis, 64) => time::convert(spec.time, *millis, zone),
        _ => None,
    }
}

fn text_of(arg: &Argument) -> String {
    match arg {
        Argument::Null => "null".to_string(),
        Argument::Boolean(b) => b.to_string(),
        Argument::Integer(v, _) => v.to_string(),
        Argument::Float(v) => float_to_string(*v),
        Argument::Double(v) => double_to_string(*v),
        Argument::Object { text, .. } => text.clone(),
    }
}

fn hash(arg: &Argument) -> i32 {
    let fold = |v: u64| (v ^ (v >> 32)) as i32;
    match arg {
        Argument::Null => 0,
        Argument::Boolean(b) => {
            if *b {
                1231
            } else {
                1237
            }
        }
        Argument::Integer(v, 64) => fold(*v as u64),
        Argument::Integer(v, _) => *v as i32,
        Argument::Float(v) => v.to_bits() as i32,
        Argument::Double(v) => fold(v.to_bits()),
        Argument::Object { hash, .. } => *hash,
    }
}

fn character(spec: &Spec, arg: &Argument) -> Option<String> {
    if spec.precision.is_some() || spec.alternate || spec.plus || spec.zero || spec.group {
        return None;
    }
    match arg {
        Argument::Null => Some("null".to_string()),
        Argument::Integer(v, bits) if *bits < 64 => {
            Some(char::from_u32(u32::try_from(*v).ok()?)?.to_string())
        }
        _ => None,
    }
}

fn integer(spec: &Spec, arg: &Argument) -> Option<String> {
    if spec.precision.is_some() {
        return None;
    }
    let (value, bits) = match arg {
        Argument::Null => return Some("null".to_string()),
        Argument::Integer(value, bits) => (*value, *bits),
        _ => return None,
    };
    if spec.conversion == 'd' {
        if spec.alternate {
            return None;
        }
        let digits = value.unsigned_abs().to_string();
        return Some(signed(spec, value < 0, &grouped(spec, &digits)));
    }
    if spec.plus || spec.space || spec.parentheses || spec.group {
        return None;
    }
    let unsigned = if bits == 64 {
        value as u64
    } else {
        value as u64 & ((1 << bits) - 1)
    };
    let (prefix, digits) = match spec.conversion {
        'x' => ("0x", std::format!("{unsigned:x}")),
        _ => ("0", std::format!("{unsigned:o}")),
    };
    let prefix = if spec.alternate { prefix } else { "" };
    Some(zero_padded(spec, prefix, &digits, ""))
}

fn grouped(spec: &Spec, digits: &str) -> String {
    if !spec.group {
        return digits.to_string();
    }
    let (whole, fraction) = match digits.find('.') {
        Some(at) => digits.split_at(at),
        None => (digits, ""),
    };
    let mut out = String::new();
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    out + fraction
}

fn signed(spec: &Spec, negative: bool, digits: &str) -> String {
    let (before, after) = match (negative, spec.parentheses) {
        (true, true) => ("(", ")"),
        (true, false) => ("-", ""),
        (false, _) if spec.plus => ("+", ""),
        (false, _) if spec.space => (" ", ""),
        (false, _) => ("", ""),
    };
    zero_padded(spec, before, digits, after)
}

fn zero_padded(spec: &Spec, before: &str, digits: &str, after: &str) -> String {
    let width = spec.width.filter(|_| spec.zero).unwrap_or(0);
    let zeros = width.saturating_sub(before.len() + digits.len() + after.len());
    std::format!("{before}{}{digits}{after}", "0".repeat(zeros))
}

fn floating(spec: &Spec, arg: &Argument) -> Option<String> {
    let value = match arg {
        Argument::Null => return Some("null".to_string()),
        Argument::Float(v) => f64::from(*v),
        Argument::Double(v) => *v,
        _ => return None,
    };
    if value.is_nan() || value.is_infinite() {
        let text = if value.is_nan() { "NaN" } else { "Infinity" };
        let bare = Spec {
            parentheses: spec.parentheses,
            plus: spec.plus,
            space: spec.space,
            ..Spec::default()
        };
        return Some(signed(&bare, value < 0.0, text));
    }
    let digits = double_digits(value.abs());
    let precision = spec.precision.unwrap_or(6);
    let text = match spec.conversion {
        'f' => digits.fixed(precision),
        'e' if spec.group => return None,
        'e' => digits.scientific(precision),
        'g' => general_float(&digits, precision.max(1)),
        _ if spec.precision.is_none() => hexadecimal(value.abs()),
        _ => return None,
    };
    let negative = value.is_sign_negative();
    Some(signed(spec, negative, &grouped(spec, &text)))
}

fn general_float(digits: &Digits, precision: usize) -> String {
    let rounded = digits.rounded(precision);
    let exponent = rounded.exponent();
    if rounded.is_zero() {
        return rounded.fixed(precision - 1);
    }
    if (-4..precision as i32).contains(&exponent) {
        rounded.fixed((precision as i32 - exponent - 1).max(0) as usize)
    } else {
        rounded.scientific(precision - 1)
    }
}

fn hexadecimal(value: f64) -> String {
    if value == 0.0 {
        return "0x0.0p0".to_string();
    }
    let bits = value.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32;
    let mantissa = bits & ((1 << 52) - 1);
    let text = std::format!("{mantissa:013x}");
    let text = match text.trim_end_matches('0') {
        "" => "0",
        text => text,
    };
    match exponent {
        0 => std::format!("0x0.{text}p-1022"),
        _ => std::format!("0x1.{text}p{}", exponent - 1023),
    }
}

fn pad(out: &mut String, text: &str, spec: &Spec) {
    let missing = spec
        .width
        .map_or(0, |w| w.saturating_sub(text.chars().count()));
    if !spec.left {
        (0..missing).for_each(|_| out.push(' '));
    }
    out.push_str(text);
    if spec.left {
        (0..missing).for_each(|_| out.push(' '));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::java::zone::time_zone;

    fn formatted(pattern: &str, args: &[Argument]) -> Option<String> {
        let mut out = String::new();
        format(pattern, args, &time_zone("UTC"), &mut out).map(|()| out)
    }

    fn double(pattern: &str, value: f64) -> String {
        formatted(pattern, &[Argument::Double(value)]).unwrap()
    }

    #[test]
    fn doubles_round_half_up_on_their_shortest_digits() {
        assert_eq!(double("%f", 2.25), "2.250000");
        assert_eq!(double("%.1f", 2.25), "2.3");
        assert_eq!(double("%.2f", 1.005), "1.01");
        assert_eq!(double("%.0f", 0.5), "1");
        assert_eq!(double("%.20f", 0.1), "0.10000000000000000000");
        assert_eq!(double("%,.2f", 1234567.891), "1,234,567.89");
        assert_eq!(double("%e", 12345.678), "1.234568e+04");
        assert_eq!(double("%.3e", 0.0), "0.000e+00");
        assert_eq!(double("%e", 1e-300), "1.000000e-300");
        assert_eq!(double("%g", 12345.678), "12345.7");
        assert_eq!(double("%g", 0.00001), "1.00000e-05");
        assert_eq!(double("%a", 1.5), "0x1.8p0");
        assert_eq!(double("%08.2f", -3.14259), "-0003.14");
        assert_eq!(double("%f", f64::NEG_INFINITY), "-Infinity");
    }

    /// What Java 17 gave, in UTC and in New York.
    #[test]
    fn times_are_longs() {
        let time = |pattern: &str, millis: i64| {
            formatted(pattern, &[Argument::Integer(millis, 64)]).unwrap()
        };
        let all = "%1$tF|%1$tT|%1$tB|%1$tA|%1$tj|%1$tp|%1$tL|%1$tN|%1$ts|%1$tQ|%1$tZ|%1$tz|%1$tD|%1$tr|%1$tc|%1$te|%1$tk|%1$tl|%1$tI|%1$ty|%1$tC|%1$th|%1$ta|%1$tR|%1$TA|%1$-12tB|%1$12tB";
        assert_eq!(
            time(all, 1_704_164_645_123),
            "2024-01-02|03:04:05|January|Tuesday|002|am|123|123000000|1704164645|1704164645123|UTC|+0000|01/02/24|03:04:05 AM|Tue Jan 02 03:04:05 UTC 2024|2|3|3|03|24|20|Jan|Tue|03:04|TUESDAY|January     |     January"
        );
        assert_eq!(
            time("%1$tc %1$tr %1$ts", -1),
            "Wed Dec 31 23:59:59 UTC 1969 11:59:59 PM 0"
        );
        assert_eq!(
            time("%1$tF %1$tA %1$tj", -62_135_596_800_000),
            "0001-01-03 Monday 003"
        );
        let mut out = String::new();
        let new_york = time_zone("America/New_York");
        let instant = [Argument::Integer(1_720_000_000_999, 64)];
        format("%1$tc %1$tz %1$tF", &instant, &new_york, &mut out).unwrap();
        assert_eq!(out, "Wed Jul 03 05:46:40 EDT 2024 -0400 2024-07-03");
        assert_eq!(
            formatted("%tY %1$5tY", &[Argument::Null]).unwrap(),
            "null  null"
        );
        assert!(formatted("%tY", &[Argument::Integer(1, 32)]).is_none());
        assert!(formatted("%tX", &[Argument::Integer(1, 64)]).is_none());
    }

    #[test]
    fn integers_know_their_width() {
        let int = |p: &str, v, bits| formatted(p, &[Argument::Integer(v, bits)]).unwrap();
        assert_eq!(int("%x", -1, 8), "ff");
        assert_eq!(int("%x", -7, 32), "fffffff9");
        assert_eq!(int("%o", -7, 32), "37777777771");
        assert_eq!(int("%,d", 1234567, 32), "1,234,567");
        assert_eq!(int("%(d", -5, 32), "(5)");
        assert_eq!(int("%#x|%1$#o", 255, 32), "0xff|0377");
        assert_eq!(int("%05d", -7, 32), "-0007");
        assert_eq!(int("%c", 65, 32), "A");
    }

    #[test]
    fn what_java_throws_at_is_none() {
        let one = [Argument::Integer(1, 32)];
        for bad in [
            "%-d", "%-05d", "%2$d", "%0$d", "%.2d", "%t", "%q", "%", "%f", "%<s",
        ] {
            assert_eq!(formatted(bad, &one), None, "{bad}");
        }
    }

    #[test]
    fn nulls_and_literals() {
        assert_eq!(
            formatted(
                "%5d|%s|%b",
                &[Argument::Null, Argument::Null, Argument::Null]
            )
            .unwrap(),
            " null|null|false"
        );
        assert_eq!(formatted("%5%|%n", &[]).unwrap(), "    %|\n");
        let s = Argument::Object {
            text: "ab".into(),
            hash: 255,
        };
        assert_eq!(
            formatted("%s%<S%1$h%-4s|", &[s.clone(), s]).unwrap(),
            "abABffab  |"
        );
    }
}
