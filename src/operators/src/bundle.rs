//! Operators that gather rows in bundles. A bundle ends with so many rows, at a watermark (the mini-batch assigner sends
//! them by latency), before a barrier and at the input's end.

pub(crate) mod groups;
pub(crate) mod net_changes;

use filbert_types::{ChangeBatch, Watermark};

use crate::context::OperatorContext;
use crate::error::Result;
use crate::operator::{Operator, Step};
use crate::output::Output;

/// What gathers in a bundle, and goes out at its end.
pub(crate) trait Bundle: Send {
    /// How many inputs it has.
    const INPUTS: usize = 1;

    fn open(&mut self, ctx: &OperatorContext) -> Result<()>;

    /// Adds rows of an input, without watermarks between them.
    fn add(&mut self, input: usize, batch: &ChangeBatch) -> Result<()>;

    /// Emits the bundle and begins the next; false when the output is full before its end: call it again.
    fn emit(&mut self, out: &mut Output) -> Result<bool>;

    /// Says how large the state is.
    fn measure(&self);

    /// As [`Operator::next_timer`].
    fn next_timer(&self) -> Option<i64> {
        None
    }

    /// As [`Operator::timer`].
    fn timer(&mut self, now_ms: i64) {
        let _ = now_ms;
    }
}

/// The operator that feeds a bundle.
pub(crate) struct Bundled<B> {
    pub bundle: B,
    feed: Feed,
    inputs_ended: usize,
}

impl<B: Bundle> Bundled<B> {
    /// `rows_max`: with so many rows a bundle ends.
    pub fn new(bundle: B, rows_max: u64) -> Bundled<B> {
        Bundled {
            bundle,
            feed: Feed::new(rows_max),
            inputs_ended: 0,
        }
    }

    fn run(&mut self, out: &mut Output) -> Result<Step> {
        loop {
            match self.feed.next() {
                Cut::Rows(input, batch) => self.bundle.add(input, &batch)?,
                Cut::Flush => {
                    if !self.bundle.emit(out)? {
                        return Ok(Step::More);
                    }
                    self.feed.flushed();
                }
                Cut::Watermark(watermark) => out.watermark(watermark),
                Cut::End => {
                    self.bundle.measure();
                    return Ok(Step::Done);
                }
            }
        }
    }
}

impl<B: Bundle> Operator for Bundled<B> {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.bundle.open(ctx)
    }

    fn process(&mut self, input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        self.feed.take(input, batch);
        self.run(out)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        self.feed.watermark(watermark);
        self.run(out)
    }

    fn next_timer(&self) -> Option<i64> {
        self.bundle.next_timer()
    }

    fn timer(&mut self, now_ms: i64, _out: &mut Output) -> Result<Step> {
        self.bundle.timer(now_ms);
        Ok(Step::Done)
    }

    fn prepare_barrier(&mut self, _checkpoint_id: u64, out: &mut Output) -> Result<Step> {
        self.feed.flush();
        self.run(out)
    }

    fn end_input(&mut self, _input: usize, out: &mut Output) -> Result<Step> {
        self.inputs_ended += 1;
        if self.inputs_ended == B::INPUTS {
            self.feed.flush();
        }
        self.run(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}

/// What to do next.
#[derive(Debug)]
enum Cut {
    /// Add these rows of an input to the bundle.
    Rows(usize, ChangeBatch),
    /// Emit the bundle, then say `flushed`.
    Flush,
    Watermark(Watermark),
    /// Wait for input.
    End,
}

/// Input on its way into bundles.
#[derive(Debug)]
struct Feed {
    rows_max: usize,
    /// Rows of the bundle that is gathering.
    rows: usize,
    /// A batch of an input, how many of its rows are through, and how many of its marks.
    batch: Option<(usize, ChangeBatch, usize, usize)>,
    flushing: bool,
    watermark: Option<Watermark>,
}

impl Feed {
    fn new(rows_max: u64) -> Feed {
        Feed {
            rows_max: usize::try_from(rows_max).unwrap_or(usize::MAX).max(1),
            rows: 0,
            batch: None,
            flushing: false,
            watermark: None,
        }
    }

    fn take(&mut self, input: usize, batch: ChangeBatch) {
        self.batch = Some((input, batch, 0, 0));
    }

    /// A watermark behind all rows taken so far.
    fn watermark(&mut self, watermark: Watermark) {
        self.flush();
        self.watermark = Some(watermark);
    }

    fn flush(&mut self) {
        self.flushing = self.rows > 0;
    }

    fn flushed(&mut self) {
        self.flushing = false;
        self.rows = 0;
    }

    fn next(&mut self) -> Cut {
        if self.flushing {
            return Cut::Flush;
        }
        if let Some(watermark) = self.watermark.take() {
            return Cut::Watermark(watermark);
        }
        let Some((input, batch, row, mark)) = &mut self.batch else {
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
        Cut::Rows(*input, piece)
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
                Cut::Rows(_, rows) => text(&rows).unwrap().replace('\n', ", "),
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
        feed.take(0, rows.unwrap());
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
