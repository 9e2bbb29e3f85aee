//! Random text (lower-case hex digits) and bytes.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryViewBuilder, StringViewBuilder};
use arrow::buffer::NullBuffer;
use arrow::error::ArrowError;
use filbert_types::LogicalType;

use crate::generator::Rows;
use crate::random::{between, bits, salt};

/// Text or bytes of the given length, or of random ones up to it.
pub fn generate(
    ty: &LogicalType,
    rows: &Rows,
    seed: u64,
    length: u32,
    var_len: bool,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, ArrowError> {
    let length_seed = salt(seed, u64::MAX - 2);
    let length_of = |row: u64| {
        if var_len {
            between(bits(length_seed, row), 1.min(length.into()), length.into()) as usize
        } else {
            length as usize
        }
    };
    let valid = |i: usize| nulls.as_ref().is_none_or(|n| n.is_valid(i));
    let mut buffer = Vec::new();
    if ty.kind.is_character() {
        let mut builder = StringViewBuilder::with_capacity(rows.len());
        for (i, row) in rows.map(|row| row).into_iter().enumerate() {
            if valid(i) {
                fill_hex(seed, row, length_of(row), &mut buffer);
                // Hex digits are ASCII.
                builder.append_value(std::str::from_utf8(&buffer).unwrap_or_default());
            } else {
                builder.append_null();
            }
        }
        return Ok(Arc::new(builder.finish()));
    }
    let mut builder = BinaryViewBuilder::with_capacity(rows.len());
    for (i, row) in rows.map(|row| row).into_iter().enumerate() {
        if valid(i) {
            fill(seed, row, length_of(row), 8, &mut buffer, |word, out| {
                out.extend_from_slice(&word.to_le_bytes());
            });
            builder.append_value(&buffer);
        } else {
            builder.append_null();
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn fill_hex(seed: u64, row: u64, length: usize, buffer: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    fill(seed, row, length, 16, buffer, |word, out| {
        let mut digits = [0_u8; 16];
        for (i, slot) in digits.iter_mut().enumerate() {
            *slot = HEX[(word >> (4 * i)) as usize & 15];
        }
        out.extend_from_slice(&digits);
    });
}

/// Fills `buffer` with `length` bytes, of which a random word gives `per_word`.
fn fill(
    seed: u64,
    row: u64,
    length: usize,
    per_word: usize,
    buffer: &mut Vec<u8>,
    push: impl Fn(u64, &mut Vec<u8>),
) {
    buffer.clear();
    let row_seed = bits(seed, row);
    for word in 0..length.div_ceil(per_word) as u64 {
        push(bits(row_seed, word), buffer);
    }
    buffer.truncate(length);
}
