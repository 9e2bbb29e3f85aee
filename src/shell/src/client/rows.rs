//! A query's rows: as they come, as they stand, or when all are there.

use std::io::Write;
use std::time::Instant;

use filbert_table::print::{OutputFormat, Row, Tableau, row_term};
use filbert_table::{ErrorKind, Fetched, TableError, TableResult};
use filbert_types::{ChangeBatch, options};

use super::{Client, Result, TICK, cancelled, flush, warn_of_losses};
use crate::live::{LiveView, Wish};
use crate::materialized::Materialized;
use crate::messages;
use crate::progress::Progress;

impl Client {
    pub(super) fn query(
        &self,
        result: TableResult,
        start: Instant,
        out: &mut dyn Write,
    ) -> Result<()> {
        let job = result.job_client().cloned();
        let shown = self.rows(result, start, out);
        job.iter().for_each(warn_of_losses);
        shown
    }

    fn rows(&self, mut result: TableResult, start: Instant, out: &mut dyn Write) -> Result<()> {
        if self.show.format != OutputFormat::Tableau {
            return self.bare_rows(&mut result, out);
        }
        if !result.is_changelog() {
            return self.all_at_the_end(&mut result, start, out);
        }
        match self.result_mode()?.as_str() {
            "TABLE" => self.table(result, start, out),
            _ => self.changelog(&mut result, start, out),
        }
    }

    fn result_mode(&self) -> Result<String> {
        let option = &options::RESULT_MODE;
        let mode = self.env.configuration().get(option).map(str::to_uppercase);
        let mode = mode.unwrap_or_default();
        option.check(&mode)?;
        Ok(mode)
    }

    fn bare_rows(&self, result: &mut TableResult, out: &mut dyn Write) -> Result<()> {
        let writer = result.row_writer(self.show.format);
        writer.header(result, out)?;
        while let Some(batch) = self.next(result, &mut Progress::new(false))? {
            writer.batch(result, &batch, out)?;
            flush(out)?;
        }
        flush(out)
    }

    fn all_at_the_end(
        &self,
        result: &mut TableResult,
        start: Instant,
        out: &mut dyn Write,
    ) -> Result<()> {
        let mut rows = Vec::new();
        let mut progress = self.progress();
        while let Some(batch) = self.next(result, &mut progress)? {
            rows.extend(result.rows(&batch)?);
        }
        drop(progress);
        self.set_of(result, &rows, start, out)
    }

    /// Shows what the changes have come to: on a terminal all the time, else at the end.
    fn table(&self, mut result: TableResult, start: Instant, out: &mut dyn Write) -> Result<()> {
        let configuration = self.env.configuration();
        let max = configuration.get_i64(&options::MAX_TABLE_RESULT_ROWS)?;
        let max = max.and_then(|max| usize::try_from(max).ok());
        let mut rows = Materialized::new(max.unwrap_or(usize::MAX));
        let mut view = LiveView::new(result.max_column_width());
        let outcome = loop {
            if self.interrupt.take() {
                break Ok(Wish::Quit);
            }
            match result.next_batch_timeout(TICK) {
                Ok(Fetched::Batch(batch)) => {
                    let changes = result.rows(&batch)?;
                    changes.into_iter().for_each(|row| rows.apply(row));
                }
                Ok(Fetched::End) => break Ok(Wish::GoOn),
                Ok(Fetched::TimedOut) => {}
                Err(error) => break Err(error),
            }
            if self.show.interactive && view.update(result.fields(), &rows, out)? == Wish::Quit {
                break Ok(Wish::Quit);
            }
        };
        view.close(out)?;
        let quit = outcome? == Wish::Quit;
        let stopped = quit.then(|| stop(&mut result));
        let dropped = rows.dropped;
        self.set_of(&result, &rows.into_rows(), start, out)?;
        if dropped > 0 {
            let text = format!(
                "{dropped} older rows are not shown: '{}' is {}.",
                options::MAX_TABLE_RESULT_ROWS.key,
                max.unwrap_or_default()
            );
            self.line(&self.show.style.warning(&text), out)?;
        }
        stopped.map_or(Ok(()), Err)
    }

    /// Prints changes as they come.
    fn changelog(
        &self,
        result: &mut TableResult,
        start: Instant,
        out: &mut dyn Write,
    ) -> Result<()> {
        let tableau = Tableau::by_types(result.fields(), result.max_column_width());
        tableau.header(out)?;
        flush(out)?;
        let mut count = 0;
        let outcome = loop {
            match self.next(result, &mut Progress::new(false)) {
                Ok(Some(batch)) => {
                    for row in result.rows(&batch)? {
                        tableau.row(&row, out)?;
                        count += 1;
                    }
                    flush(out)?;
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if count > 0 {
            tableau.border(out)?;
        }
        let term = row_term(count);
        let time = self.time_cost(start);
        match &outcome {
            Ok(()) => {
                let text = format!("Received a total of {count} {term}{time}");
                self.line(&text, out)?;
            }
            Err(error) if error.kind == ErrorKind::Cancelled => {
                let text = format!("Query terminated, received a total of {count} {term}{time}");
                self.line(&text, out)?;
            }
            Err(_) => {}
        }
        outcome
    }

    fn set_of(
        &self,
        result: &TableResult,
        rows: &[Row],
        start: Instant,
        out: &mut dyn Write,
    ) -> Result<()> {
        let width = result.max_column_width();
        let count = Tableau::write_all(result.fields(), rows, width, out)?;
        let time = self.time_cost(start);
        let text = match count {
            0 => format!("Empty set{time}"),
            n => format!("{n} {} in set{time}", row_term(n)),
        };
        self.line(&text, out)
    }

    /// The next batch; ctrl-C cancels the job and is an error.
    fn next(
        &self,
        result: &mut TableResult,
        progress: &mut Progress,
    ) -> Result<Option<ChangeBatch>> {
        loop {
            if self.interrupt.take() {
                return Err(stop(result));
            }
            progress.tick(result.job_client());
            match result.next_batch_timeout(TICK)? {
                Fetched::Batch(batch) => return Ok(Some(batch)),
                Fetched::End => return Ok(None),
                Fetched::TimedOut => {}
            }
        }
    }
}

/// Cancels a query; the error says so.
fn stop(result: &mut TableResult) -> TableError {
    let left = result.cancel();
    cancelled(messages::RESULT_CANCELLED, &left)
}
