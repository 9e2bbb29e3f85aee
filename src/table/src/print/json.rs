use std::io::Write;

use arrow::array::{Array, AsArray};
use filbert_types::print::Formatter;
use filbert_types::zone::TimeZone;
use filbert_types::{ChangeBatch, LogicalType, TypeKind};

use crate::error::{Result, TableError};
use crate::result::TableResult;

/// An object a row.
pub(super) fn batch(result: &TableResult, batch: &ChangeBatch, out: &mut dyn Write) -> Result<()> {
    for row in 0..batch.num_rows() {
        let line = object(result, batch, row)?;
        writeln!(out, "{line}").map_err(|error| TableError::output(&error))?;
    }
    Ok(())
}

fn object(result: &TableResult, batch: &ChangeBatch, row: usize) -> Result<String> {
    let mut line = String::from("{");
    if result.is_changelog() {
        line.push_str("\"op\":");
        push_text(&mut line, batch.kind(row).short());
    }
    for (field, array) in result.fields().iter().zip(batch.rows.columns()) {
        if line.len() > 1 {
            line.push(',');
        }
        push_text(&mut line, &field.name);
        line.push(':');
        push_value(
            &mut line,
            &field.ty,
            array,
            row,
            result.print_context().zone,
        )?;
    }
    line.push('}');
    Ok(line)
}

fn push_value(
    out: &mut String,
    ty: &LogicalType,
    array: &dyn Array,
    row: usize,
    zone: TimeZone,
) -> Result<()> {
    if array.is_null(row) {
        out.push_str("null");
        return Ok(());
    }
    match &ty.kind {
        TypeKind::Array(element) => {
            let Some(list) = array.as_list_opt::<i32>() else {
                return push_formatted(out, ty, array, row, zone);
            };
            let values = list.value(row);
            out.push('[');
            for index in 0..values.len() {
                push_separator(out, index);
                push_value(out, element, &values, index, zone)?;
            }
            out.push(']');
            Ok(())
        }
        TypeKind::Row(fields) => {
            let Some(columns) = array.as_struct_opt() else {
                return push_formatted(out, ty, array, row, zone);
            };
            out.push('{');
            for (index, (field, column)) in fields.iter().zip(columns.columns()).enumerate() {
                push_separator(out, index);
                push_text(out, &field.name);
                out.push(':');
                push_value(out, &field.ty, column, row, zone)?;
            }
            out.push('}');
            Ok(())
        }
        TypeKind::Map(key, value) => {
            let Some(map) = array.as_map_opt() else {
                return push_formatted(out, ty, array, row, zone);
            };
            let entries = map.value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            out.push('{');
            for index in 0..entries.len() {
                push_separator(out, index);
                push_key(out, key, keys, index, zone)?;
                out.push(':');
                push_value(out, value, values, index, zone)?;
            }
            out.push('}');
            Ok(())
        }
        _ => push_formatted(out, ty, array, row, zone),
    }
}

/// A map's key as text, whatever its type.
fn push_key(
    out: &mut String,
    ty: &LogicalType,
    keys: &dyn Array,
    row: usize,
    zone: TimeZone,
) -> Result<()> {
    if keys.is_null(row) {
        push_text(out, "null");
        return Ok(());
    }
    let mut text = String::new();
    Formatter::new(ty, zone)
        .write(keys, row, &mut text)
        .map_err(|error| TableError::validation(error.to_string()))?;
    push_text(out, &text);
    Ok(())
}

fn push_separator(out: &mut String, index: usize) {
    if index > 0 {
        out.push(',');
    }
}

/// Numbers and booleans bare, everything else as the text that a result shows.
fn push_formatted(
    out: &mut String,
    ty: &LogicalType,
    array: &dyn Array,
    row: usize,
    zone: TimeZone,
) -> Result<()> {
    let mut text = String::new();
    Formatter::new(ty, zone)
        .write(array, row, &mut text)
        .map_err(|error| TableError::validation(error.to_string()))?;
    match &ty.kind {
        TypeKind::Boolean => out.push_str(&text.to_lowercase()),
        TypeKind::Variant => out.push_str(&text),
        kind if kind.is_numeric() && text.parse::<f64>().is_ok_and(f64::is_finite) => {
            out.push_str(&text);
        }
        _ => push_text(out, &text),
    }
    Ok(())
}

fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
