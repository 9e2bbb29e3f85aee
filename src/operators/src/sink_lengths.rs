//! What a sink does with values that are longer or shorter than their column's type
//! (`table.exec.sink.type-length-enforcer`).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryViewBuilder, RecordBatch, StringViewBuilder};
use filbert_types::{Configuration, LogicalType, TypeKind, options};

use crate::error::{OperatorError, Result};

/// The columns whose values have a length to keep, and what becomes of those that don't.
#[derive(Debug, Default)]
pub(crate) struct LengthEnforcer {
    columns: Vec<(usize, String, Length)>,
    /// Values are cut and padded; else they fail the job.
    trims: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Length {
    max: usize,
    /// CHAR and BINARY: no shorter either.
    exact: bool,
    bytes: bool,
}

impl Length {
    fn of(ty: &LogicalType) -> Option<Length> {
        let (max, exact, bytes) = match ty.kind {
            TypeKind::Char(n) => (n, true, false),
            TypeKind::VarChar(n) => (n, false, false),
            TypeKind::Binary(n) => (n, true, true),
            TypeKind::VarBinary(n) => (n, false, true),
            _ => return None,
        };
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        // STRING and BYTES have no length to keep.
        (exact || max < i32::MAX as usize).then_some(Length { max, exact, bytes })
    }

    const fn fits(self, length: usize) -> bool {
        length <= self.max && (!self.exact || length == self.max)
    }

    const fn type_name(self) -> &'static str {
        match (self.bytes, self.exact) {
            (false, true) => "CHAR",
            (false, false) => "VARCHAR",
            (true, true) => "BINARY",
            (true, false) => "VARBINARY",
        }
    }
}

impl LengthEnforcer {
    /// # Errors
    /// When the option has a bad value.
    pub fn new(
        configuration: &Configuration,
        columns: impl Iterator<Item = (String, LogicalType)>,
    ) -> Result<LengthEnforcer> {
        let option = &options::TYPE_LENGTH_ENFORCER;
        let value = configuration.get(option).unwrap_or("IGNORE").trim();
        option
            .check(value)
            .map_err(|e| OperatorError::user(e.to_string()))?;
        if value.eq_ignore_ascii_case("IGNORE") {
            return Ok(LengthEnforcer::default());
        }
        let columns = columns.enumerate();
        let columns = columns.filter_map(|(i, (name, ty))| Some((i, name, Length::of(&ty)?)));
        Ok(LengthEnforcer {
            columns: columns.collect(),
            trims: value.eq_ignore_ascii_case("TRIM_PAD"),
        })
    }

    /// The rows with values of the right length.
    ///
    /// # Errors
    /// When a value has another length and must not.
    pub fn enforce(&self, rows: RecordBatch) -> Result<RecordBatch> {
        let mut changed: Option<Vec<ArrayRef>> = None;
        for (index, name, length) in &self.columns {
            let column = rows.column(*index);
            let Some(bad) = first_misfit(column, *length) else {
                continue;
            };
            if !self.trims {
                return Err(misfit(name, *length, bad));
            }
            let columns = changed.get_or_insert_with(|| rows.columns().to_vec());
            columns[*index] = trimmed(column, *length);
        }
        match changed {
            None => Ok(rows),
            Some(columns) => Ok(RecordBatch::try_new(rows.schema(), columns)?),
        }
    }
}

fn misfit(name: &str, length: Length, found: usize) -> OperatorError {
    let what = if length.bytes { "bytes" } else { "a string" };
    OperatorError::user(format!(
        "Column '{name}' is {}({}), however, {what} of length {found} is being written into it. You can set job \
         configuration '{}'='TRIM_PAD' to control this behaviour.",
        length.type_name(),
        length.max,
        options::TYPE_LENGTH_ENFORCER.key
    ))
}

/// The length of the first value that doesn't fit.
fn first_misfit(column: &ArrayRef, length: Length) -> Option<usize> {
    let misfit = |found: usize| (!length.fits(found)).then_some(found);
    if length.bytes {
        let values = column.as_byte_view_opt::<arrow::datatypes::BinaryViewType>()?;
        return values.iter().flatten().find_map(|v| misfit(v.len()));
    }
    let values = column.as_string_view_opt()?;
    values
        .iter()
        .flatten()
        .find_map(|v| misfit(v.chars().count()))
}

fn trimmed(column: &ArrayRef, length: Length) -> ArrayRef {
    if let Some(values) = column.as_byte_view_opt::<arrow::datatypes::BinaryViewType>() {
        let mut out = BinaryViewBuilder::with_capacity(values.len());
        let mut padded = Vec::new();
        for value in values {
            out.append_option(value.map(|value| {
                padded.clear();
                padded.extend_from_slice(&value[..value.len().min(length.max)]);
                if length.exact {
                    padded.resize(length.max, 0);
                }
                padded.as_slice()
            }));
        }
        return Arc::new(out.finish());
    }
    let Some(values) = column.as_string_view_opt() else {
        return Arc::clone(column);
    };
    let mut out = StringViewBuilder::with_capacity(values.len());
    let mut padded = String::new();
    for value in values {
        out.append_option(value.map(|value| {
            padded.clear();
            padded.extend(value.chars().take(length.max));
            if length.exact {
                let count = padded.chars().count();
                padded.extend(std::iter::repeat_n(' ', length.max - count));
            }
            padded.as_str()
        }));
    }
    Arc::new(out.finish())
}
