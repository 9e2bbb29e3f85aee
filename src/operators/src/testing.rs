//! Batches as text, for tests: `batch(&schema, "+I 1 a\n-U 1 a\n+U 1 b")`.
//!
//! A line is a row: its kind, then its values, apart by spaces. `-` is NULL, `_` the empty string. A line `@ 5` is the
//! watermark 5 at that place.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use filbert_types::{ChangeBatch, RowKind, Watermark, WatermarkMark};

use crate::columns::record_batch;

/// A schema of columns `c0`, `c1`, ...
pub fn schema(types: &[DataType]) -> SchemaRef {
    let fields = types.iter().enumerate();
    Arc::new(Schema::new(
        fields
            .map(|(i, t)| Field::new(format!("c{i}"), t.clone(), true))
            .collect::<Vec<_>>(),
    ))
}

/// The batch that the text describes.
///
/// # Errors
/// When a line is malformed or a value isn't of its column's type.
pub fn batch(schema: &SchemaRef, text: &str) -> Result<ChangeBatch, ArrowError> {
    let malformed = |line: &str| ArrowError::ParseError(format!("Malformed row '{line}'."));
    let mut columns: Vec<Vec<Option<String>>> = vec![Vec::new(); schema.fields().len()];
    let (mut kinds, mut marks) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        if first == "@" {
            let watermark = words.next().and_then(|w| w.parse().ok());
            marks.push(WatermarkMark {
                offset: kinds.len(),
                watermark: Watermark(watermark.ok_or_else(|| malformed(line))?),
            });
            continue;
        }
        kinds.push(RowKind::from_short(first).ok_or_else(|| malformed(line))?);
        for column in &mut columns {
            column.push(match words.next().ok_or_else(|| malformed(line))? {
                "-" => None,
                "_" => Some(String::new()),
                word => Some(word.to_owned()),
            });
        }
        if words.next().is_some() {
            return Err(malformed(line));
        }
    }
    let arrays = columns
        .into_iter()
        .zip(schema.fields())
        .map(|(values, field)| {
            let text: ArrayRef = Arc::new(StringArray::from(values));
            cast(&text, field.data_type())
        });
    let arrays = arrays.collect::<Result<_, _>>()?;
    let rows = record_batch(schema, arrays, kinds.len())?;
    let mut batch = ChangeBatch::with_kinds(rows, kinds);
    batch.marks = marks;
    Ok(batch)
}

/// The inverse of [`batch`].
///
/// # Errors
/// When a value can't be written.
pub fn text(batch: &ChangeBatch) -> Result<String, ArrowError> {
    let options = FormatOptions::default();
    let columns = batch.rows.columns().iter();
    let columns: Vec<ArrayFormatter<'_>> = columns
        .map(|c| ArrayFormatter::try_new(c.as_ref(), &options))
        .collect::<Result<_, _>>()?;
    let mut lines = Vec::new();
    let mut marks = batch.marks.iter().peekable();
    for row in 0..=batch.num_rows() {
        while let Some(mark) = marks.next_if(|m| m.offset == row) {
            lines.push(format!("@ {}", mark.watermark));
        }
        if row == batch.num_rows() {
            break;
        }
        let mut line = batch.kind(row).short().to_owned();
        for (column, array) in columns.iter().zip(batch.rows.columns()) {
            line.push(' ');
            if array.is_null(row) {
                line.push('-');
            } else {
                let value = column.value(row).to_string();
                line.push_str(if value.is_empty() { "_" } else { &value });
            }
        }
        lines.push(line);
    }
    Ok(lines.join("\n"))
}
