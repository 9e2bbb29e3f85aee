//! What a query has come to: its changelog, replayed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use filbert_table::TableResult;
use filbert_types::print::Formatter;
use filbert_types::{ChangeBatch, Field, RowKind, TimeZone};

/// A query may take no longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

/// The rows of a run, with how often each is there.
pub type Rows = BTreeMap<String, i64>;

pub fn shown(rows: &Rows) -> String {
    let lines: Vec<String> = rows
        .iter()
        .map(|(row, n)| format!("  {n} x {row}"))
        .collect();
    lines.join("\n")
}

pub struct Run {
    fields: Vec<Field>,
    batches: Vec<ChangeBatch>,
}

impl Run {
    /// Fetches all rows of a query.
    ///
    /// # Errors
    /// When the job fails, or takes too long.
    pub fn fetch(result: &mut TableResult) -> Result<Run, String> {
        let fields = result.fields().to_vec();
        let mut batches = Vec::new();
        let started = Instant::now();
        loop {
            match result.next_batch_timeout(Duration::from_secs(1)) {
                Ok(filbert_table::Fetched::Batch(batch)) => batches.push(batch),
                Ok(filbert_table::Fetched::End) => break,
                Ok(_) if started.elapsed() < PATIENCE => {}
                Ok(_) => {
                    result.cancel();
                    return Err("hangs".to_owned());
                }
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(Run { fields, batches })
    }

    /// Replays the changelog.
    ///
    /// # Errors
    /// When it takes back what isn't there.
    pub fn materialized(&self) -> Result<Rows, String> {
        let mut rows = Rows::new();
        for batch in &self.batches {
            let columns = self
                .fields
                .iter()
                .zip(batch.rows.columns())
                .map(|(field, column)| {
                    let formatter = Formatter::new(&field.ty, TimeZone::UTC);
                    (formatter, column)
                })
                .collect::<Vec<_>>();
            for row in 0..batch.num_rows() {
                let mut text = String::new();
                for (formatter, column) in &columns {
                    formatter
                        .write(column.as_ref(), row, &mut text)
                        .map_err(|e| e.to_string())?;
                    text.push('|');
                }
                let kind = batch.kinds.as_ref().map_or(RowKind::Insert, |k| k[row]);
                let count = rows.entry(text.clone()).or_default();
                *count += if kind.is_accumulate() { 1 } else { -1 };
                match *count {
                    0 => {
                        rows.remove(&text);
                    }
                    ..0 => return Err(format!("takes back a row that isn't there: {kind} {text}")),
                    _ => {}
                }
            }
        }
        Ok(rows)
    }
}
