//! Rows that wait for the end of their windows: what window joins and window ranks share.
//!
//! [`Windowed`] is their operator: it gathers the rows by window, and each does its [`WindowWork`] on a window that has
//! all of them.

use std::sync::Arc;

use arrow::array::{Array, Int64Array, UInt32Array};
use arrow::datatypes::SchemaRef;
use filbert_state::{RowTable, TimeTable};
use filbert_types::{ChangeBatch, RowKind, Watermark};

use crate::columns::types_of;
use crate::context::OperatorContext;
use crate::error::{OperatorError, Result};
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::watermark_assigner::to_millis;
use crate::windows::WindowAssigner;

/// What is done with a window once it has all its rows.
pub(crate) trait WindowWork: Send {
    /// Sees a window after rows were added to it.
    ///
    /// # Errors
    /// When the rows can't be looked through.
    fn added(&mut self, sides: &mut [RowTable], window: &mut Window) -> Result<()> {
        let _ = (sides, window);
        Ok(())
    }

    /// Begins with a window that has all its rows. They are to be removed from the tables until it is done.
    ///
    /// # Errors
    /// When the rows can't be read.
    fn begin(&mut self, sides: &mut [RowTable], window: &Window) -> Result<()>;

    /// Emits what the window gives; false when the output is full before its end: call it again.
    ///
    /// # Errors
    /// When what goes out can't be made.
    fn emit(&mut self, sides: &mut [RowTable], out: &mut Output) -> Result<bool>;
}

/// The operator that gathers rows by window, and has a window worked on when its end has come.
pub(crate) struct Windowed<W> {
    work: W,
    rows: WindowRows,
    metrics: Arc<OperatorMetrics>,
}

impl<W: WindowWork> Windowed<W> {
    pub fn new(work: W, rows: WindowRows) -> Windowed<W> {
        Windowed {
            work,
            rows,
            metrics: Arc::default(),
        }
    }

    /// Goes on until all is done or the output is full.
    fn run(&mut self, out: &mut Output) -> Result<Step> {
        loop {
            if !self.work.emit(&mut self.rows.sides, out)? {
                return Ok(Step::More);
            }
            match self.rows.next(&mut self.work, &self.metrics, out)? {
                Next::Done => return Ok(Step::Done),
                Next::Fire(window) => self.work.begin(&mut self.rows.sides, &window)?,
            }
        }
    }
}

impl<W: WindowWork> Operator for Windowed<W> {
    fn side_outputs(&self) -> &'static [&'static str] {
        &["late-data"]
    }

    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        Ok(())
    }

    fn process(&mut self, input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        self.rows.push_batch(input, batch)?;
        self.run(out)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        self.rows.push_watermark(watermark);
        self.run(out)
    }

    fn next_timer(&self) -> Option<i64> {
        self.rows.next_timer()
    }

    fn timer(&mut self, now_ms: i64, out: &mut Output) -> Result<Step> {
        self.rows.push_timer(now_ms);
        self.run(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}

/// The rows of one or two inputs by the end of their window.
pub(crate) struct WindowRows {
    sides: Vec<RowTable>,
    windows: TimeTable<Window>,
    /// Of each input, the column of the window's end.
    ends: Vec<usize>,
    assigner: WindowAssigner,
    proctime: bool,
    /// The instant up to which windows have fired.
    progress: i64,
    input: Option<Input>,
    /// A watermark on its way: the windows up to it fire, then it passes. `Some(None)` when the clock makes them fire.
    passing: Option<Option<Watermark>>,
}

/// Slots of a window's rows, by input, in the order in which they came.
#[derive(Default)]
pub(crate) struct Window {
    pub slots: Vec<Vec<u32>>,
    /// How many there were when the operator last threw rows away.
    pub kept: usize,
}

struct Input {
    side: usize,
    batch: ChangeBatch,
    ends: Int64Array,
    row: usize,
    mark: usize,
}

/// The end of a row's window, and the row.
type RowInWindow = (i64, u32);

/// What comes next.
enum Next {
    /// A window has all its rows.
    Fire(Window),
    /// All that was given in has been taken up.
    Done,
}

impl WindowRows {
    /// `ends`: of each input, the column of the window's end.
    ///
    /// # Errors
    /// When the zone isn't known.
    pub fn new(
        inputs: &[&SchemaRef],
        ends: Vec<usize>,
        time_zone: Option<&str>,
        proctime: bool,
    ) -> Result<WindowRows> {
        let table = |schema: &&SchemaRef| RowTable::new(&types_of(schema));
        Ok(WindowRows {
            sides: inputs.iter().map(table).collect(),
            windows: TimeTable::default(),
            ends,
            assigner: WindowAssigner::ends(time_zone)?,
            proctime,
            progress: i64::MIN,
            input: None,
            passing: None,
        })
    }

    fn push_batch(&mut self, side: usize, batch: ChangeBatch) -> Result<()> {
        if batch.kinds.is_some()
            && (0..batch.num_rows()).any(|row| batch.kind(row) != RowKind::Insert)
        {
            return Err(OperatorError::engine(
                "A window of insert-only rows got another change.",
            ));
        }
        self.input = Some(Input {
            ends: to_millis(batch.rows.column(self.ends[side]))?,
            side,
            batch,
            row: 0,
            mark: 0,
        });
        Ok(())
    }

    fn push_watermark(&mut self, watermark: Watermark) {
        if !self.proctime {
            self.progress = self.progress.max(watermark.0);
        }
        self.passing = Some(Some(watermark));
    }

    /// Processing time has reached `now_ms`.
    fn push_timer(&mut self, now_ms: i64) {
        if self.proctime {
            self.progress = self.progress.max(now_ms.saturating_sub(1));
            self.passing = Some(None);
        }
    }

    fn next_timer(&self) -> Option<i64> {
        let end = self.windows.first_time().filter(|_| self.proctime)?;
        Some(self.assigner.fires_at(end) + 1)
    }

    /// Goes on until a window fires or all is taken up.
    fn next(
        &mut self,
        work: &mut impl WindowWork,
        metrics: &OperatorMetrics,
        out: &mut Output,
    ) -> Result<Next> {
        loop {
            if let Some(watermark) = self.passing {
                if let Some(window) = self.pop_due() {
                    return Ok(Next::Fire(window));
                }
                if let Some(watermark) = watermark {
                    out.watermark(watermark);
                }
                self.passing = None;
            }
            let Some(input) = self.input.take() else {
                let rows: usize = self.sides.iter().map(RowTable::len).sum();
                let bytes: usize = self.sides.iter().map(RowTable::memory_bytes).sum();
                metrics.set_state(rows, bytes);
                return Ok(Next::Done);
            };
            self.take_up(input, work, metrics, out)?;
        }
    }

    /// Takes rows up to the next watermark that makes a window fire.
    fn take_up(
        &mut self,
        mut input: Input,
        work: &mut impl WindowWork,
        metrics: &OperatorMetrics,
        out: &mut Output,
    ) -> Result<()> {
        loop {
            let mark = input.batch.marks.get(input.mark).copied();
            let until = mark.map_or(input.batch.num_rows(), |m| m.offset);
            if until > input.row {
                let (rows, late) = self.sorted_by_window(&input, until)?;
                if !late.is_empty() {
                    metrics.late_records_dropped.add(late.len() as u64);
                    out.emit_side(0, input.batch.take(&UInt32Array::from(late))?);
                }
                self.add(&input, &rows, work)?;
                input.row = until;
            }
            let Some(mark) = mark else {
                return Ok(());
            };
            input.mark += 1;
            if !self.proctime {
                self.progress = self.progress.max(mark.watermark.0);
            }
            if self.is_due() {
                self.passing = Some(Some(mark.watermark));
                self.input = Some(input);
                return Ok(());
            }
            out.watermark(mark.watermark);
        }
    }

    /// The rows up to `until` with the ends of their windows, by these; and those whose window has fired.
    fn sorted_by_window(
        &self,
        input: &Input,
        until: usize,
    ) -> Result<(Vec<RowInWindow>, Vec<u32>)> {
        let mut accepted: Vec<RowInWindow> = Vec::with_capacity(until - input.row);
        let mut late: Vec<u32> = Vec::new();
        for row in input.row..until {
            if input.ends.is_null(row) {
                return Err(OperatorError::engine(
                    "A row without the end of its window.",
                ));
            }
            let end = input.ends.value(row);
            if !self.proctime && self.has_fired(end) {
                late.push(row as u32);
            } else {
                accepted.push((end, row as u32));
            }
        }
        // Stable: rows of one window stay in their order.
        accepted.sort_by_key(|(end, _)| *end);
        Ok((accepted, late))
    }

    /// Adds rows to their windows.
    fn add(
        &mut self,
        input: &Input,
        accepted: &[RowInWindow],
        work: &mut impl WindowWork,
    ) -> Result<()> {
        let (mut rows, mut slots) = (Vec::new(), Vec::new());
        for run in accepted.chunk_by(|a, b| a.0 == b.0) {
            rows.clear();
            rows.extend(run.iter().map(|(_, row)| *row));
            self.sides[input.side].insert(input.batch.rows.columns(), &rows, &mut slots)?;
            let sides = self.sides.len();
            let window = self.windows.at_or_else(run[0].0, || Window {
                slots: vec![Vec::new(); sides],
                kept: 0,
            });
            window.slots[input.side].extend_from_slice(&slots);
            work.added(&mut self.sides, window)?;
        }
        Ok(())
    }

    fn has_fired(&self, end: i64) -> bool {
        self.progress >= self.assigner.fires_at(end)
    }

    fn is_due(&self) -> bool {
        let first = self.windows.first_time();
        first.is_some_and(|end| self.has_fired(end))
    }

    fn pop_due(&mut self) -> Option<Window> {
        let end = self.windows.first_time()?;
        if !self.has_fired(end) {
            return None;
        }
        self.windows.pop_until(end).map(|(_, window)| window)
    }
}
