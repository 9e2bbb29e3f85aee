//! HEX, UNHEX, BIN, base64, ENCODE and DECODE.

use arrow::array::ArrayRef;
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use datafusion::common::Result;
use filbert_types::TypeKind;

use crate::definition::Function;
use crate::java::charset::Charset;
use crate::kernel::{Call, fail};
use crate::signature::{BIGINT, BYTES, STRING};

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "HEX",
        &["HEX(<INTEGER>)", "HEX(<CHARACTER>)"],
        "The hexadecimal digits of a number, or of a text's bytes.",
        |call| {
            let types = call.matches(&[&[BIGINT], &[STRING]])?;
            Ok(call.returns(types, TypeKind::STRING))
        },
        hex,
    ),
    Function::kernel(
        "UNHEX",
        &["UNHEX(expr <CHARACTER_STRING>)"],
        "The bytes that hexadecimal digits stand for; NULL where they are none.",
        |call| Ok(call.returns_nullable(call.matches(&[&[STRING]])?, TypeKind::BYTES)),
        unhex,
    ),
    Function::kernel(
        "BIN",
        &["BIN(<INTEGER>)"],
        "The binary digits of a number.",
        |call| Ok(call.returns(call.matches(&[&[BIGINT]])?, TypeKind::STRING)),
        bin,
    ),
    Function::kernel(
        "TO_BASE64",
        &["TO_BASE64(<CHARACTER>)", "TO_BASE64(<BINARY>)"],
        "The base64 form of a text or bytes.",
        |call| {
            let types = call.matches(&[&[STRING], &[BYTES]])?;
            Ok(call.returns(types, TypeKind::STRING))
        },
        to_base64,
    ),
    Function::kernel(
        "FROM_BASE64",
        &["FROM_BASE64(<CHARACTER>)"],
        "The text of which this is the base64 form.",
        |call| Ok(call.returns(call.matches(&[&[STRING]])?, TypeKind::STRING)),
        from_base64,
    )
    .fallible(),
    Function::kernel(
        "ENCODE",
        &["ENCODE(<CHARACTER>, <CHARACTER>)"],
        "The bytes of a text in a character set.",
        |call| Ok(call.returns(call.matches(&[&[STRING, STRING]])?, TypeKind::BYTES)),
        encode,
    )
    .fallible(),
    Function::kernel(
        "DECODE",
        &["DECODE(<BINARY>, <CHARACTER>)"],
        "The text of bytes in a character set.",
        |call| Ok(call.returns(call.matches(&[&[BYTES, STRING]])?, TypeKind::STRING)),
        decode,
    )
    .fallible(),
];

fn hex(call: &Call<'_>) -> Result<ArrayRef> {
    use std::fmt::Write;
    if call.arg_types[0].kind.is_integer() {
        let number = call.bigints(0)?;
        return call.strict_strings(|row, out| {
            // Writing to a String cannot fail.
            let _ = write!(out, "{:X}", number.value(row));
            Ok(true)
        });
    }
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let text = call.strings(0)?;
    call.strict_strings(|row, out| {
        for byte in text.value(row).bytes() {
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        Ok(true)
    })
}

fn unhex(call: &Call<'_>) -> Result<ArrayRef> {
    let text = call.strings(0)?;
    call.strict_bytes(|row, out| {
        let text = text.value(row).as_bytes();
        let digit = |b: &u8| char::from(*b).to_digit(16);
        let mut rest = text;
        if text.len() % 2 == 1 {
            // Flink makes a zero byte of the digit that has no partner.
            if digit(&text[0]).is_none() {
                return Ok(false);
            }
            out.push(0);
            rest = &text[1..];
        }
        for pair in rest.chunks_exact(2) {
            let (Some(high), Some(low)) = (digit(&pair[0]), digit(&pair[1])) else {
                return Ok(false);
            };
            out.push((high * 16 + low) as u8);
        }
        Ok(true)
    })
}

fn bin(call: &Call<'_>) -> Result<ArrayRef> {
    use std::fmt::Write;
    let number = call.bigints(0)?;
    call.strict_strings(|row, out| {
        let _ = write!(out, "{:b}", number.value(row));
        Ok(true)
    })
}

fn to_base64(call: &Call<'_>) -> Result<ArrayRef> {
    if call.arg_types[0].kind.is_binary() {
        let bytes = call.bytes(0)?;
        return call.strict_strings(|row, out| {
            STANDARD.encode_string(bytes.value(row), out);
            Ok(true)
        });
    }
    let text = call.strings(0)?;
    call.strict_strings(|row, out| {
        STANDARD.encode_string(text.value(row), out);
        Ok(true)
    })
}

/// As `Base64.getDecoder()`: padding may be missing, and stray bits in the last digit are ignored.
const DECODER: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn from_base64(call: &Call<'_>) -> Result<ArrayRef> {
    let text = call.strings(0)?;
    let mut bytes = Vec::new();
    call.strict_strings(|row, out| {
        bytes.clear();
        DECODER
            .decode_vec(text.value(row), &mut bytes)
            .map_err(|e| fail(format!("FROM_BASE64: {e} in '{}'", text.value(row))))?;
        out.push_str(&String::from_utf8_lossy(&bytes));
        Ok(true)
    })
}

fn charset(name: &str) -> Result<Charset> {
    Charset::named(name).ok_or_else(|| {
        fail(format!(
            "Unsupported encoding: {name}. US-ASCII, ISO-8859-1, UTF-8, UTF-16, UTF-16BE, UTF-16LE, UTF-32 and windows-1252 are supported."
        ))
    })
}

fn encode(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, name) = (call.strings(0)?, call.strings(1)?);
    call.strict_bytes(|row, out| {
        charset(name.value(row))?.encode(text.value(row), out);
        Ok(true)
    })
}

fn decode(call: &Call<'_>) -> Result<ArrayRef> {
    let (bytes, name) = (call.bytes(0)?, call.strings(1)?);
    call.strict_strings(|row, out| {
        charset(name.value(row))?.decode(bytes.value(row), out);
        Ok(true)
    })
}
