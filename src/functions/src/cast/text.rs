//! Casts to and between character and byte strings.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BinaryViewBuilder, StringViewArray,
    StringViewBuilder,
};
use datafusion::common::Result;
use filbert_types::print::{Formatter, Style};
use filbert_types::{LogicalType, TypeKind};

use super::kernel::Casting;

/// The length that a type cuts to, and whether it pads to it.
fn length(kind: &TypeKind) -> (usize, bool) {
    match kind {
        TypeKind::Char(n) | TypeKind::Binary(n) => (*n as usize, true),
        TypeKind::VarChar(n) | TypeKind::VarBinary(n) => (*n as usize, false),
        _ => (usize::MAX, false),
    }
}

/// Cuts or pads to a number of code points.
fn fit_text<'a>(text: &'a str, length: usize, pad: bool, buffer: &'a mut String) -> &'a str {
    // Bytes bound code points.
    if text.len() <= length && !pad {
        return text;
    }
    let mut count = 0;
    for (offset, _) in text.char_indices() {
        if count == length {
            return &text[..offset];
        }
        count += 1;
    }
    if !pad || count == length {
        return text;
    }
    buffer.clear();
    buffer.push_str(text);
    buffer.extend(std::iter::repeat_n(' ', length - count));
    buffer
}

fn fits_text(text: &str, length: usize, pad: bool) -> bool {
    if !pad && text.len() <= length {
        return true;
    }
    let count = text.chars().count();
    if pad {
        count == length
    } else {
        count <= length
    }
}

pub(super) fn resize(array: &ArrayRef, to: &TypeKind) -> Result<ArrayRef> {
    let (length, pad) = length(to);
    let texts = array.as_string_view();
    if texts.iter().flatten().all(|t| fits_text(t, length, pad)) {
        return Ok(Arc::clone(array));
    }
    Ok(Arc::new(resized(texts, length, pad)))
}

fn resized(texts: &StringViewArray, length: usize, pad: bool) -> StringViewArray {
    let mut builder = StringViewBuilder::with_capacity(texts.len());
    let mut buffer = String::new();
    for text in texts {
        builder.append_option(text.map(|t| fit_text(t, length, pad, &mut buffer)));
    }
    builder.finish()
}

/// Bytes read as UTF-8.
pub(super) fn decode(array: &ArrayRef, to: &TypeKind) -> Result<ArrayRef> {
    let bytes: &BinaryViewArray = array.as_binary_view();
    let mut builder = StringViewBuilder::with_capacity(bytes.len());
    for value in bytes {
        builder.append_option(value.map(String::from_utf8_lossy));
    }
    let texts: ArrayRef = Arc::new(builder.finish());
    resize(&texts, to)
}

/// A value's text, as results show it.
pub(super) fn print(
    casting: &Casting<'_>,
    array: &ArrayRef,
    from: &LogicalType,
    to: &TypeKind,
) -> Result<ArrayRef> {
    let zone = casting.session.time_zone;
    let formatter = Formatter::with_style(from, zone, Style::Cast);
    let column = formatter.bind(array.as_ref())?;
    let (length, pad) = length(to);
    let mut builder = StringViewBuilder::with_capacity(array.len());
    let (mut text, mut buffer) = (String::new(), String::new());
    for row in 0..array.len() {
        if array.is_null(row) {
            builder.append_null();
            continue;
        }
        text.clear();
        column.write(row, &mut text);
        builder.append_value(fit_text(&text, length, pad, &mut buffer));
    }
    Ok(Arc::new(builder.finish()))
}

/// The text's UTF-8 bytes.
pub(super) fn encode(array: &ArrayRef, to: &TypeKind) -> Result<ArrayRef> {
    let bytes: ArrayRef = Arc::new(array.as_string_view().clone().to_binary_view());
    resize_bytes(&bytes, to)
}

pub(super) fn resize_bytes(array: &ArrayRef, to: &TypeKind) -> Result<ArrayRef> {
    let (length, pad) = length(to);
    let values = array.as_binary_view();
    let fits = |v: &[u8]| {
        if pad {
            v.len() == length
        } else {
            v.len() <= length
        }
    };
    if values.iter().flatten().all(fits) {
        return Ok(Arc::clone(array));
    }
    let mut builder = BinaryViewBuilder::with_capacity(values.len());
    let mut buffer = Vec::new();
    for value in values {
        match value {
            Some(value) if pad && value.len() < length => {
                buffer.clear();
                buffer.extend_from_slice(value);
                buffer.resize(length, 0);
                builder.append_value(&buffer);
            }
            Some(value) => builder.append_value(&value[..value.len().min(length)]),
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}
