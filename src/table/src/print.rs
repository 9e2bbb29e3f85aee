//! Results as text: Flink's tableau, CSV, JSON lines.

mod csv;
mod json;
mod tableau;
mod text;
mod width;

use std::io::{self, Write};
use std::str::FromStr;

use crate::error::{Result, TableError};
use crate::result::{ResultSource, TableResult};

pub use tableau::Tableau;
pub use text::{Row, rows_of};
pub use width::{columns, display_width, truncated};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutputFormat {
    /// Flink's boxed table.
    #[default]
    Tableau,
    /// A header line, then a line a row; NULL is empty, the empty text is `""`. A changelog has the column `op` first.
    Csv,
    /// An object a line; a changelog has the key `op` first.
    Json,
}

impl FromStr for OutputFormat {
    type Err = TableError;

    fn from_str(text: &str) -> Result<OutputFormat> {
        match text.to_lowercase().as_str() {
            "tableau" => Ok(OutputFormat::Tableau),
            "csv" => Ok(OutputFormat::Csv),
            "json" => Ok(OutputFormat::Json),
            _ => Err(TableError::validation(format!(
                "Unknown output '{text}': expected tableau, csv or json."
            ))),
        }
    }
}

impl TableResult {
    /// Prints the rows as a tableau to standard output, as `TableResult.print()` of Flink does.
    ///
    /// # Errors
    /// When the job fails or the output is closed.
    pub fn print(&mut self) -> Result<()> {
        self.write_to(&mut io::stdout().lock(), OutputFormat::Tableau)
            .map(drop)
    }

    /// Writes all rows, as they come where the format allows, and gives their number. The tableau's footer is left to
    /// statements' results and to [`TableResult::print`]'s wording: `N rows in set`.
    ///
    /// # Errors
    /// When the job fails or the output is closed.
    pub fn write_to(&mut self, out: &mut dyn Write, format: OutputFormat) -> Result<u64> {
        match format {
            OutputFormat::Tableau => {
                let rows = self.write_tableau(out)?;
                match rows {
                    0 => writeln!(out, "Empty set"),
                    n => writeln!(out, "{n} {} in set", row_term(n)),
                }
                .map_err(|error| TableError::output(&error))?;
                Ok(rows)
            }
            OutputFormat::Csv | OutputFormat::Json => {
                let writer = self.row_writer(format);
                writer.header(self, out)?;
                let mut rows = 0;
                while let Some(batch) = self.next_batch()? {
                    writer.batch(self, &batch, out)?;
                    rows += batch.num_rows() as u64;
                }
                Ok(rows)
            }
        }
    }

    /// A writer of bare rows, batch by batch; a tableau's rows are written as CSV.
    pub fn row_writer(&self, format: OutputFormat) -> RowWriter {
        RowWriter { format }
    }

    /// Writes the boxed rows without a footer. Widths come from the types for a changelog, else from the data; without
    /// rows nothing is written.
    ///
    /// # Errors
    /// When the job fails or the output is closed.
    pub fn write_tableau(&mut self, out: &mut dyn Write) -> Result<u64> {
        let tableau = if self.is_changelog() {
            Tableau::by_types(self.fields(), self.max_column_width())
        } else {
            let rows = self.all_rows()?;
            return Tableau::write_all(self.fields(), &rows, self.max_column_width(), out);
        };
        let mut count = 0;
        while let Some(batch) = self.next_batch()? {
            for row in self.rows(&batch)? {
                if count == 0 {
                    tableau.header(out)?;
                }
                tableau.row(&row, out)?;
                count += 1;
            }
        }
        if count > 0 {
            tableau.border(out)?;
        }
        Ok(count)
    }

    fn all_rows(&mut self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        while let Some(batch) = self.next_batch()? {
            rows.extend(self.rows(&batch)?);
        }
        Ok(rows)
    }

    /// How wide a printed column of text may be: `table.display.max-column-width` for queries, any width for
    /// statements' own results.
    pub fn max_column_width(&self) -> usize {
        match self.source() {
            ResultSource::Query => self.print_context().max_column_width,
            ResultSource::Statement | ResultSource::Insert => usize::MAX,
        }
    }
}

/// Writes bare rows as they come.
#[derive(Debug, Clone, Copy)]
pub struct RowWriter {
    format: OutputFormat,
}

impl RowWriter {
    /// What stands before the rows.
    ///
    /// # Errors
    /// When the output is closed.
    pub fn header(&self, result: &TableResult, out: &mut dyn Write) -> Result<()> {
        match self.format {
            OutputFormat::Json => Ok(()),
            OutputFormat::Csv | OutputFormat::Tableau => csv::header(result, out),
        }
    }

    /// The rows of one batch of `result`.
    ///
    /// # Errors
    /// When the output is closed.
    pub fn batch(
        &self,
        result: &TableResult,
        batch: &filbert_types::ChangeBatch,
        out: &mut dyn Write,
    ) -> Result<()> {
        match self.format {
            OutputFormat::Json => json::batch(result, batch, out),
            OutputFormat::Csv | OutputFormat::Tableau => csv::batch(result, batch, out),
        }
    }
}

/// `row` or `rows`.
pub fn row_term(count: u64) -> &'static str {
    if count > 1 { "rows" } else { "row" }
}
