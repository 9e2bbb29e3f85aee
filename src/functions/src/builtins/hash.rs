//! MD5, the SHA family and HASH_CODE.

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Int8Type, Int16Type, Int32Type};
use arrow::datatypes::{Date32Type, Float64Type, Int64Type, Time32MillisecondType};
use datafusion::common::Result;
use filbert_types::TypeKind;
use sha2::Digest;

use crate::CallError;
use crate::definition::{Function, Inferred};
use crate::java::hash_map::string_hash;
use crate::kernel::{Call, fail};
use crate::signature::{BYTES, CallArgs, Family, INT, Param, STRING};

macro_rules! digest {
    ($name:literal, $signature:literal, $length:literal, $digest:ty) => {
        Function::kernel(
            $name,
            &[$signature],
            concat!("The ", $name, " hash as lower-case hexadecimal digits."),
            |call| {
                let types = call.matches(&[&[STRING], &[BYTES]])?;
                Ok(call.returns(types, TypeKind::Char($length)))
            },
            |call| digest(call, hex::<$digest>),
        )
    };
}

pub static FUNCTIONS: &[Function] = &[
    digest!("MD5", "MD5(<STRING>)", 32, md5::Md5),
    digest!("SHA1", "SHA1(<STRING>)", 40, sha1::Sha1),
    digest!("SHA224", "SHA224(<STRING>)", 56, sha2::Sha224),
    digest!("SHA256", "SHA256(<STRING>)", 64, sha2::Sha256),
    digest!("SHA384", "SHA384(<STRING>)", 96, sha2::Sha384),
    digest!("SHA512", "SHA512(<STRING>)", 128, sha2::Sha512),
    Function::kernel(
        "SHA2",
        &["SHA2(<STRING>, <INTEGER>)"],
        "The SHA-2 hash of 224, 256, 384 or 512 bits as lower-case hexadecimal digits.",
        |call| {
            let types = call.matches(&[&[STRING, INT], &[BYTES, INT]])?;
            Ok(call.returns(types, TypeKind::VarChar(128)))
        },
        sha2,
    )
    .fallible(),
    Function::kernel(
        "HASH_CODE",
        &["HASH_CODE(<ANY>)"],
        "The value's hash code as Java computes it.",
        infer_hash_code,
        hash_code,
    )
    .fallible(),
];

fn hex<D: Digest>(bytes: &[u8], out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for byte in D::digest(bytes).iter() {
        out.push(char::from(HEX[usize::from(byte >> 4)]));
        out.push(char::from(HEX[usize::from(byte & 15)]));
    }
}

fn digest(call: &Call<'_>, digest: fn(&[u8], &mut String)) -> Result<ArrayRef> {
    if call.arg_types[0].kind.is_binary() {
        let bytes = call.bytes(0)?;
        return call.strict_strings(|row, out| {
            digest(bytes.value(row), out);
            Ok(true)
        });
    }
    let text = call.strings(0)?;
    call.strict_strings(|row, out| {
        digest(text.value(row).as_bytes(), out);
        Ok(true)
    })
}

fn sha2(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, bytes) = if call.arg_types[0].kind.is_binary() {
        (None, Some(call.bytes(0)?))
    } else {
        (Some(call.strings(0)?), None)
    };
    let bits = call.ints(1)?;
    call.strict_strings(|row, out| {
        let value = match (&text, &bytes) {
            (Some(text), _) => text.value(row).as_bytes(),
            (None, Some(bytes)) => bytes.value(row),
            (None, None) => return Ok(false),
        };
        match bits.value(row) {
            224 => hex::<sha2::Sha224>(value, out),
            256 => hex::<sha2::Sha256>(value, out),
            384 => hex::<sha2::Sha384>(value, out),
            512 => hex::<sha2::Sha512>(value, out),
            other => {
                return Err(fail(format!(
                    "SHA2: Unsupported algorithm: {other} bits, where 224, 256, 384 and 512 exist"
                )));
            }
        }
        Ok(true)
    })
}

fn infer_hash_code(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[
        &[Param::of(Family::Boolean)],
        &[Param::of(Family::Numeric)],
        &[STRING],
        &[Param::of(Family::Date)],
        &[Param::of(Family::Time)],
    ])?;
    Ok(call.returns(types, TypeKind::Int))
}

/// `Long.hashCode`.
pub(crate) fn long_hash(value: i64) -> i32 {
    (value ^ ((value as u64) >> 32) as i64) as i32
}

fn hash_code(call: &Call<'_>) -> Result<ArrayRef> {
    macro_rules! primitive {
        ($type:ty, $hash:expr) => {{
            let arg = call.primitives::<$type>(0)?;
            call.build::<Int32Type>(|row| Ok(arg.get(row).map($hash)))
        }};
    }
    match call.arg_types[0].arrow() {
        DataType::Boolean => {
            let arg = call.booleans(0)?;
            call.build::<Int32Type>(|row| Ok(arg.get(row).map(|b| if b { 1231 } else { 1237 })))
        }
        DataType::Int8 => primitive!(Int8Type, i32::from),
        DataType::Int16 => primitive!(Int16Type, i32::from),
        DataType::Int32 => primitive!(Int32Type, |v| v),
        DataType::Int64 => primitive!(Int64Type, long_hash),
        DataType::Float32 => primitive!(Float32Type, |v: f32| v.to_bits() as i32),
        DataType::Float64 => primitive!(Float64Type, |v: f64| long_hash(v.to_bits() as i64)),
        DataType::Decimal128(_, scale) => {
            primitive!(Decimal128Type, |v: i128| decimal_hash(v, scale))
        }
        DataType::Date32 => primitive!(Date32Type, |v| v),
        DataType::Time32(_) => primitive!(Time32MillisecondType, |v| v),
        DataType::Utf8View => {
            let arg = call.strings(0)?;
            call.build::<Int32Type>(|row| Ok(arg.get(row).map(|t| string_hash(t).wrapping_abs())))
        }
        other => Err(fail(format!("HASH_CODE: unsupported type {other}"))),
    }
}

/// `BigDecimal.hashCode`.
pub(crate) fn decimal_hash(unscaled: i128, scale: i8) -> i32 {
    // Up to 64 bits Java keeps the digits in a long, whose hash has another formula.
    let digits = match i64::try_from(unscaled) {
        Ok(small) => {
            let magnitude = small.unsigned_abs();
            let hash = ((magnitude >> 32) as i32)
                .wrapping_mul(31)
                .wrapping_add(magnitude as i32);
            if small < 0 { hash.wrapping_neg() } else { hash }
        }
        Err(_) => {
            let magnitude = unscaled.unsigned_abs();
            let words = (0..4).rev().map(|i| (magnitude >> (32 * i)) as u32);
            let hash = words
                .skip_while(|w| *w == 0)
                .fold(0_i32, |h, w| h.wrapping_mul(31).wrapping_add(w as i32));
            if unscaled < 0 {
                hash.wrapping_neg()
            } else {
                hash
            }
        }
    };
    digits.wrapping_mul(31).wrapping_add(i32::from(scale))
}

/// The hash of Flink's binary formats: 32-bit Murmur3 over words, then over single bytes, of seed 42.
pub(crate) fn binary_hash(bytes: &[u8]) -> i32 {
    let mix = |h: u32, k: u32| {
        let k = k
            .wrapping_mul(0xcc9e_2d51)
            .rotate_left(15)
            .wrapping_mul(0x1b87_3593);
        (h ^ k)
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64)
    };
    let (words, rest) = bytes.as_chunks::<4>();
    let mut hash = words.iter().fold(42, |h, w| mix(h, u32::from_le_bytes(*w)));
    hash = rest.iter().fold(hash, |h, b| mix(h, *b as i8 as u32));
    hash ^= bytes.len() as u32;
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_flinks() {
        // HASH_CODE(1.5), and PRINTF('%h', 'hi').
        assert_eq!(decimal_hash(15, 1), 466);
        assert_eq!(binary_hash(b"hi") as u32, 0xdff4_c098);
    }
}
