//! PARSE_URL, URL_ENCODE, URL_DECODE, INET_ATON, INET_NTOA.

use arrow::array::ArrayRef;
use arrow::datatypes::Int64Type;
use datafusion::common::Result;
use filbert_types::TypeKind;

use crate::definition::Function;
use crate::java::url::{self, JavaUrl};
use crate::kernel::Call;
use crate::signature::{BIGINT, STRING};

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "PARSE_URL",
        &[
            "PARSE_URL(<CHARACTER>, <CHARACTER>)",
            "PARSE_URL(<CHARACTER>, <CHARACTER>, <CHARACTER>)",
        ],
        "A part of a URL (HOST, PATH, QUERY, REF, PROTOCOL, AUTHORITY, FILE, USERINFO), or the value of a key in its query.",
        |call| {
            let types = call.matches(&[&[STRING, STRING], &[STRING, STRING, STRING]])?;
            Ok(call.returns_nullable(types, TypeKind::STRING))
        },
        parse_url,
    ),
    Function::kernel(
        "URL_ENCODE",
        &["URL_ENCODE(<CHARACTER_STRING>)"],
        "The text encoded as in a form: application/x-www-form-urlencoded in UTF-8.",
        |call| Ok(call.returns_nullable(call.matches(&[&[STRING]])?, TypeKind::STRING)),
        |call| {
            let text = call.strings(0)?;
            call.strict_strings(|row, out| {
                url::encode(text.value(row), out);
                Ok(true)
            })
        },
    ),
    Function::kernel(
        "URL_DECODE",
        &["URL_DECODE(<CHARACTER_STRING>)"],
        "The text decoded as in a form; NULL where an escape is broken.",
        |call| Ok(call.returns_nullable(call.matches(&[&[STRING]])?, TypeKind::STRING)),
        |call| {
            let text = call.strings(0)?;
            call.strict_strings(|row, out| Ok(url::decode(text.value(row), out).is_some()))
        },
    ),
    Function::kernel(
        "INET_ATON",
        &["INET_ATON(<CHARACTER_STRING>)"],
        "The number of an IPv4 address; NULL where the text is none.",
        |call| Ok(call.returns_nullable(call.matches(&[&[STRING]])?, TypeKind::BigInt)),
        |call| {
            let text = call.strings(0)?;
            call.strict::<Int64Type>(|row| Ok(inet_aton(text.value(row))))
        },
    ),
    Function::kernel(
        "INET_NTOA",
        &["INET_NTOA(<INTEGER_NUMERIC>)"],
        "The IPv4 address of a number; NULL where it is out of range.",
        |call| Ok(call.returns_nullable(call.matches(&[&[BIGINT]])?, TypeKind::STRING)),
        inet_ntoa,
    ),
];

fn parse_url(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, part) = (call.strings(0)?, call.strings(1)?);
    let key = match call.args.len() {
        3 => Some(call.strings(2)?),
        _ => None,
    };
    call.strict_strings(|row, out| {
        let Some(url) = JavaUrl::parse(text.value(row)) else {
            return Ok(false);
        };
        let part = part.value(row);
        let found = match &key {
            Some(key) if part == "QUERY" => url.query_value(key.value(row)),
            Some(_) => None,
            None => match part {
                "HOST" => Some(url.host),
                "PATH" => Some(url.path),
                "QUERY" => url.query,
                "REF" => url.reference,
                "PROTOCOL" => Some(url.protocol.as_str()),
                "AUTHORITY" => url.authority,
                "FILE" => Some(url.file),
                "USERINFO" => url.user_info,
                _ => None,
            },
        };
        out.push_str(found.unwrap_or_default());
        Ok(found.is_some())
    })
}

/// One to four decimal numbers below 256; the last stands for the last byte, missing ones are 0.
fn inet_aton(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split('.').collect();
    let mut bytes = Vec::with_capacity(4);
    for part in &parts {
        let valid = (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        bytes.push(
            valid
                .then(|| part.parse::<i64>().ok())?
                .filter(|b| *b < 256)?,
        );
    }
    match bytes[..] {
        [d] => Some(d),
        [a, d] => Some(a << 24 | d),
        [a, b, d] => Some(a << 24 | b << 16 | d),
        [a, b, c, d] => Some(a << 24 | b << 16 | c << 8 | d),
        _ => None,
    }
}

fn inet_ntoa(call: &Call<'_>) -> Result<ArrayRef> {
    use std::fmt::Write;
    let number = call.bigints(0)?;
    call.strict_strings(|row, out| {
        let Ok(address) = u32::try_from(number.value(row)) else {
            return Ok(false);
        };
        // Writing to a String cannot fail.
        let _ = write!(out, "{}", std::net::Ipv4Addr::from(address));
        Ok(true)
    })
}

#[cfg(test)]
mod tests {
    use super::inet_aton;

    #[test]
    fn addresses_may_be_short() {
        assert_eq!(inet_aton("1.2"), Some(16_777_218));
        assert_eq!(inet_aton("1.2.3"), Some(16_908_291));
        assert_eq!(inet_aton("01.2.3.4"), Some(16_909_060));
        for bad in [
            "1.256",
            "1.2.3.",
            ".1",
            " 1.2.3.4",
            "1..2",
            "+1",
            "1.2.300",
            "4294967295",
            "1.2.3.4.5",
        ] {
            assert_eq!(inet_aton(bad), None, "{bad}");
        }
    }
}
