use std::io::Write;

use filbert_types::{Field, LogicalType, TypeKind};

use super::text::Row;
use super::width::{display_width, truncated};
use crate::error::{Result, TableError};

/// What stands for NULL.
const NULL: &str = "<NULL>";
/// The heading of the row kinds' column.
const ROW_KIND: &str = "op";

/// Flink's boxed table.
#[derive(Debug, Clone)]
pub struct Tableau {
    names: Vec<String>,
    widths: Vec<usize>,
    row_kinds: bool,
}

impl Tableau {
    /// A table of changes, with the row kind first, as wide as the types need.
    pub fn by_types(fields: &[Field], max_column_width: usize) -> Tableau {
        let mut names = vec![ROW_KIND.to_owned()];
        let mut widths = vec![ROW_KIND.len()];
        for field in fields {
            let width = type_width(&field.ty, max_column_width);
            names.push(field.name.clone());
            widths.push(width.max(display_width(&field.name)).max(NULL.len()));
        }
        Tableau {
            names,
            widths,
            row_kinds: true,
        }
    }

    /// A table without row kinds, as wide as its rows need.
    pub fn by_data(fields: &[Field], rows: &[Row], max_column_width: usize) -> Tableau {
        let names: Vec<String> = fields.iter().map(|f| f.name.clone()).collect();
        let widths = names
            .iter()
            .enumerate()
            .map(|(column, name)| {
                let widest = rows
                    .iter()
                    .flat_map(|row| cell(row, column).lines())
                    .map(display_width)
                    .max()
                    .unwrap_or(0);
                display_width(name).max(widest.min(max_column_width))
            })
            .collect();
        Tableau {
            names,
            widths,
            row_kinds: false,
        }
    }

    /// Writes rows that are all at hand; nothing when there are none. Gives their number.
    ///
    /// # Errors
    /// When the output is closed.
    pub fn write_all(
        fields: &[Field],
        rows: &[Row],
        max_column_width: usize,
        out: &mut dyn Write,
    ) -> Result<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        let tableau = Tableau::by_data(fields, rows, max_column_width);
        tableau.header(out)?;
        for row in rows {
            tableau.row(row, out)?;
        }
        tableau.border(out)?;
        Ok(rows.len() as u64)
    }

    /// `+----+------+`
    ///
    /// # Errors
    /// When the output is closed.
    pub fn border(&self, out: &mut dyn Write) -> Result<()> {
        let mut line = String::from("+");
        for width in &self.widths {
            line.extend(std::iter::repeat_n('-', width + 2));
            line.push('+');
        }
        put(out, &line)
    }

    /// The columns' names between two borders.
    ///
    /// # Errors
    /// When the output is closed.
    pub fn header(&self, out: &mut dyn Write) -> Result<()> {
        self.border(out)?;
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        self.line(&names, out)?;
        self.border(out)
    }

    /// A row; one whose only cell has several lines takes as many.
    ///
    /// # Errors
    /// When the output is closed.
    pub fn row(&self, row: &Row, out: &mut dyn Write) -> Result<()> {
        if let ([width], [Some(text)]) = (self.widths.as_slice(), row.cells.as_slice())
            && text.contains('\n')
        {
            return block(text, *width, out);
        }
        let kind = self.row_kinds.then_some(row.kind.short());
        let cells = (0..row.cells.len()).map(|column| cell(row, column));
        let cells: Vec<&str> = kind.into_iter().chain(cells).collect();
        self.line(&cells, out)
    }

    fn line(&self, cells: &[&str], out: &mut dyn Write) -> Result<()> {
        let mut line = String::from("|");
        for (text, width) in cells.iter().zip(&self.widths) {
            let text = truncated(text, *width);
            let padding = width.saturating_sub(display_width(&text));
            line.push(' ');
            line.extend(std::iter::repeat_n(' ', padding));
            line.push_str(&text);
            line.push_str(" |");
        }
        put(out, &line)
    }
}

/// The lines of a text, each on its own line of the box, flush left.
fn block(text: &str, width: usize, out: &mut dyn Write) -> Result<()> {
    for line in text.trim_end_matches('\n').lines() {
        let line = truncated(line, width);
        let padding = " ".repeat(width.saturating_sub(display_width(&line)));
        put(out, &format!("| {line}{padding} |"))?;
    }
    Ok(())
}

fn put(out: &mut dyn Write, line: &str) -> Result<()> {
    writeln!(out, "{line}").map_err(|error| TableError::output(&error))
}

fn cell(row: &Row, column: usize) -> &str {
    row.cells
        .get(column)
        .and_then(Option::as_deref)
        .unwrap_or(NULL)
}

fn type_width(ty: &LogicalType, max_column_width: usize) -> usize {
    let fraction = |precision: u8, base: usize| match precision {
        0 => base,
        p => base + 1 + usize::from(p),
    };
    match &ty.kind {
        TypeKind::TinyInt => 4,
        TypeKind::Boolean => 5,
        TypeKind::SmallInt => 6,
        TypeKind::Int => 11,
        TypeKind::BigInt => 20,
        TypeKind::Decimal { precision, .. } => usize::from(*precision) + 2,
        TypeKind::Date => 10,
        TypeKind::Time(precision) => fraction(*precision, 8),
        TypeKind::Timestamp { precision, .. } | TypeKind::TimestampLtz { precision, .. } => {
            fraction(*precision, 19)
        }
        _ => max_column_width,
    }
}

#[cfg(test)]
mod tests;
