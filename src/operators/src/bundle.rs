//! Cuts input into bundles: a bundle ends with so many rows, at a watermark, or when told.

pub(crate) mod groups;

use filbert_types::{ChangeBatch, Watermark};

/// What to do next.
#[derive(Debug)]
pub(crate) enum Cut {
    /// Add these rows to the bundle.
    Rows(ChangeBatch),
    /// Emit the bundle, then say `flushed`.
    Flush,
    Watermark(Watermark),
    /// Wait for input.
    End,
}

/// Input on its way into bundles.
#[derive(Debug)]
pub(crate) struct Feed {
    rows_max: usize,
    /// Rows of the bundle that is gathering.
    rows: usize,
    batch: Option<(ChangeBatch, usize, usize)>,
    flushing: bool,
    watermark: Option<Watermark>,
}

impl Feed {
    pub fn new(rows_max: u64) -> Feed {
        Feed {
            rows_max: usize::try_from(rows_max).unwrap_or(usize::MAX).max(1),
            rows: 0,
            batch: None,
            flushing: false,
            watermark: None,
        }
    }

    pub fn take(&mut self, batch: ChangeBatch) {
        self.batch = Some((batch, 0, 0));
    }

    /// A watermark behind all rows taken so far.
    pub fn watermark(&mut self, watermark: Watermark) {
        self.flush();
        self.watermark = Some(watermark);
    }

    pub fn flush(&mut self) {
        self.flushing = self.rows > 0;
    }

    pub fn flushed(&mut self) {
        self.flushing = false;
        self.rows = 0;
    }

    pub fn next(&mut self) -> Cut {
        if self.flushing {
            return Cut::Flush;
        }
        if let Some(watermark) = self.watermark.take() {
            return Cut::Watermark(watermark);
        }
        let Some((batch, row, mark)) = &mut self.batch else {
            return Cut::End;
        };
        let next_mark = batch.marks.get(*mark).copied();
        if let Some(at) = next_mark.filter(|m| m.offset <= *row) {
            *mark += 1;
            self.watermark(at.watermark);
            return self.next();
        }
        if *row == batch.num_rows() {
            self.batch = None;
            return Cut::End;
        }
        let limit = next_mark.map_or(batch.num_rows(), |m| m.offset);
        let count = (limit - *row).min(self.rows_max - self.rows);
        let mut piece = batch.slice(*row, count);
        piece.marks.clear();
        *row += count;
        self.rows += count;
        self.flushing = self.rows >= self.rows_max;
        Cut::Rows(piece)
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;
    use crate::testing::{batch, schema, text};

    fn cuts(feed: &mut Feed) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            seen.push(match feed.next() {
                Cut::Rows(rows) => text(&rows).unwrap().replace('\n', ", "),
                Cut::Flush => {
                    feed.flushed();
                    "flush".to_owned()
                }
                Cut::Watermark(watermark) => format!("@ {watermark}"),
                Cut::End => return seen,
            });
        }
    }

    #[test]
    fn bundles_end_by_rows_and_by_watermarks() {
        let mut feed = Feed::new(2);
        let rows = batch(
            &schema(&[DataType::Int32]),
            "+I 1\n+I 2\n+I 3\n@ 7\n@ 8\n+I 4",
        );
        feed.take(rows.unwrap());
        assert_eq!(
            cuts(&mut feed),
            ["+I 1, +I 2", "flush", "+I 3", "flush", "@ 7", "@ 8", "+I 4"]
        );
        feed.watermark(Watermark(9));
        assert_eq!(cuts(&mut feed), ["flush", "@ 9"]);
        feed.flush();
        assert!(cuts(&mut feed).is_empty());
    }
}
