use std::io::Write;

use filbert_types::ChangeBatch;

use crate::error::{Result, TableError};
use crate::result::TableResult;

/// A line of the columns' names.
pub(super) fn header(result: &TableResult, out: &mut dyn Write) -> Result<()> {
    let names = result.fields().iter().map(|f| Some(f.name.clone()));
    let op = result.is_changelog().then(|| Some("op".to_owned()));
    put(out, op.into_iter().chain(names))
}

/// A line a row.
pub(super) fn batch(result: &TableResult, batch: &ChangeBatch, out: &mut dyn Write) -> Result<()> {
    let changelog = result.is_changelog();
    for row in result.rows(batch)? {
        let kind = changelog.then(|| Some(row.kind.short().to_owned()));
        put(out, kind.into_iter().chain(row.cells))?;
    }
    Ok(())
}

fn put(out: &mut dyn Write, cells: impl Iterator<Item = Option<String>>) -> Result<()> {
    let cells: Vec<String> = cells
        .map(|cell| cell.map_or_else(String::new, quoted))
        .collect();
    writeln!(out, "{}", cells.join(",")).map_err(|error| TableError::output(&error))
}

/// Quoted where RFC 4180 asks for it; the empty text is, to tell it from NULL.
fn quoted(text: String) -> String {
    let plain = !text.is_empty() && !text.contains(['"', ',', '\n', '\r']);
    if plain {
        text
    } else {
        format!("\"{}\"", text.replace('"', "\"\""))
    }
}
