use std::io::Write;

use super::output_closed;
use crate::error::Result;
use crate::result::TableResult;

/// Writes a header and a line a row, as the rows come; gives their number.
pub(super) fn write(result: &mut TableResult, out: &mut dyn Write) -> Result<u64> {
    let changelog = result.is_changelog();
    let names = result.fields().iter().map(|f| Some(f.name.clone()));
    let op = changelog.then(|| Some("op".to_owned()));
    put(out, op.into_iter().chain(names))?;
    let mut count = 0;
    while let Some(batch) = result.next_batch()? {
        for row in result.rows(&batch)? {
            let kind = changelog.then(|| Some(row.kind.short().to_owned()));
            put(out, kind.into_iter().chain(row.cells))?;
            count += 1;
        }
        out.flush().map_err(|error| output_closed(&error))?;
    }
    Ok(count)
}

fn put(out: &mut dyn Write, cells: impl Iterator<Item = Option<String>>) -> Result<()> {
    let cells: Vec<String> = cells
        .map(|cell| cell.map_or_else(String::new, quoted))
        .collect();
    writeln!(out, "{}", cells.join(",")).map_err(|error| output_closed(&error))
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
