//! VARIANT values. They are carried as compact JSON with the keys of objects in order, which printing shows as it is.

use crate::java::number::double_to_string;
use crate::json::value::Json;

/// What PARSE_JSON makes of JSON: objects in the order of their keys, decimals without trailing zeros, and doubles for
/// numbers with an exponent or of more than 38 digits.
pub fn from_json(json: Json) -> Json {
    match json {
        Json::Number(text) => Json::Number(number(text)),
        Json::Array(items) => Json::Array(items.into_iter().map(from_json).collect()),
        Json::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().map(|(k, v)| (k, from_json(v))).collect();
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            Json::Object(fields)
        }
        other => other,
    }
}

fn number(text: String) -> String {
    let double = |text: &str| double_to_string(text.parse().unwrap_or(f64::NAN));
    if text.contains(['e', 'E']) {
        return double(&text);
    }
    let digits = text.trim_start_matches(['-', '0', '.']);
    let count = digits.bytes().filter(u8::is_ascii_digit).count();
    if !text.contains('.') {
        return if count > 38 { double(&text) } else { text };
    }
    let short = text.trim_end_matches('0').trim_end_matches('.');
    let significant = short.bytes().filter(u8::is_ascii_digit).count();
    match short {
        "-0" => "0".to_string(),
        _ if significant > 39 => double(&text),
        short => short.to_string(),
    }
}

/// The value that a column's bytes hold.
pub fn read(bytes: &[u8]) -> Result<Json, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| format!("A broken VARIANT: {e}"))?;
    Json::parse_verbatim(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Flink's PARSE_JSON printed.
    #[test]
    fn numbers_are_decimals_or_doubles() {
        for (text, printed) in [
            ("1.0", "1"),
            ("1.50", "1.5"),
            ("1e5", "100000.0"),
            ("12345678901234567890", "12345678901234567890"),
            (
                "123456789012345678901234567890123456789012",
                "1.2345678901234568E41",
            ),
            ("-0.0", "0"),
            ("0.000001", "0.000001"),
            ("1e-10", "1.0E-10"),
            (
                "1.23456789012345678901234567890",
                "1.2345678901234567890123456789",
            ),
            (
                r#"{"b":1,"a":{"d":1,"c":2}}"#,
                r#"{"a":{"c":2,"d":1},"b":1}"#,
            ),
        ] {
            let value = from_json(Json::parse(text).unwrap());
            assert_eq!(value.text(), printed, "{text}");
            assert_eq!(read(printed.as_bytes()).unwrap(), value, "{text}");
        }
    }
}
