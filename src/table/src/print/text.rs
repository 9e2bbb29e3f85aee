use std::fmt;

use arrow::array::Array;
use filbert_types::print::Formatter;
use filbert_types::zone::TimeZone;
use filbert_types::{ChangeBatch, Field, RowKind};

use crate::error::{Result, TableError};
use crate::result::TableResult;

/// A row as Flink's client shows it; a NULL has no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub kind: RowKind,
    pub cells: Vec<Option<String>>,
}

/// `+I[1, a, NULL]`
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells: Vec<&str> = self
            .cells
            .iter()
            .map(|cell| cell.as_deref().unwrap_or("NULL"))
            .collect();
        write!(f, "{}[{}]", self.kind, cells.join(", "))
    }
}

/// A batch's rows as text.
///
/// # Errors
/// When a column's data is not of its field's type: a bug in the query's operators.
pub fn rows_of(batch: &ChangeBatch, fields: &[Field], zone: TimeZone) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = (0..batch.num_rows())
        .map(|row| Row {
            kind: batch.kind(row),
            cells: Vec::with_capacity(fields.len()),
        })
        .collect();
    for (field, array) in fields.iter().zip(batch.rows.columns()) {
        let formatter = Formatter::new(&field.ty, zone);
        let column = formatter
            .bind(array)
            .map_err(|error| TableError::validation(format!("Column '{}': {error}", field.name)))?;
        for (index, row) in rows.iter_mut().enumerate() {
            row.cells.push((!array.is_null(index)).then(|| {
                let mut text = String::new();
                column.write(index, &mut text);
                text
            }));
        }
    }
    Ok(rows)
}

impl TableResult {
    /// A batch of this result as text, in the session's time zone.
    ///
    /// # Errors
    /// As [`rows_of`].
    pub fn rows(&self, batch: &ChangeBatch) -> Result<Vec<Row>> {
        rows_of(batch, self.fields(), self.print_context().zone)
    }

    /// All rows as text, waiting for the end.
    ///
    /// # Errors
    /// When the job fails.
    pub fn collect_text(mut self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        while let Some(batch) = self.next_batch()? {
            rows.extend(self.rows(&batch)?);
        }
        Ok(rows)
    }
}
