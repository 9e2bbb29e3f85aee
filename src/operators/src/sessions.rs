//! Rows on their way into sessions, and sessions on their way out: what the two operators of sessions share.
//!
//! [`SessionOperator`] tells by the watermark or the clock which sessions are over and which rows are late; what a row
//! adds to its session, and what goes out for one, is each one's [`SessionWork`].

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, Int64Array, UInt32Array};
use arrow::datatypes::SchemaRef;
use filbert_graph::spec::WindowSpec;
use filbert_state::{KeyIndex, Session, SessionTable};
use filbert_types::{ChangeBatch, Clock, Watermark};

use crate::columns::types_at;
use crate::context::OperatorContext;
use crate::error::Result;
use crate::keyed::slots_of;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::watermark_assigner::to_millis;
use crate::windows::WindowAssigner;

/// What is kept of the rows of sessions, and goes out for them.
pub(crate) trait SessionWork: Send {
    /// Adds rows to their sessions, which [`Sessions::take`] finds.
    ///
    /// # Errors
    /// When there is no room for them.
    fn add(
        &mut self,
        sessions: &mut Sessions,
        segment: &Segment<'_>,
        out: &mut Output,
    ) -> Result<()>;

    /// Emits the sessions that are over; false when the output is full before the last: call it again.
    ///
    /// # Errors
    /// When what goes out can't be made.
    fn emit(&mut self, sessions: &mut Sessions, out: &mut Output) -> Result<bool>;

    /// How many entries there are in its state.
    fn len(&self) -> usize;

    fn memory_bytes(&self) -> usize;
}

/// How rows make sessions.
pub(crate) struct SessionSpec<'a> {
    pub window: &'a WindowSpec,
    pub time_zone: Option<&'a str>,
    /// The columns that tell sessions apart.
    pub keys: &'a [usize],
    /// The column of the rows' time.
    pub time: usize,
    pub proctime: bool,
}

/// The sessions of keys, and up to when they have ended.
pub(crate) struct Sessions {
    keys: Vec<usize>,
    time: usize,
    proctime: bool,
    pub assigner: WindowAssigner,
    pub index: KeyIndex,
    pub table: SessionTable,
    /// Keys that may have no session any more: forgotten when no row in hand has them.
    released: Vec<u32>,
    /// The greatest watermark seen; over processing time the instant up to which sessions have ended.
    progress: i64,
    clock: Option<Arc<dyn Clock>>,
    metrics: Arc<OperatorMetrics>,
}

/// Rows of a batch, without a watermark that ends a session between them.
pub(crate) struct Segment<'a> {
    pub batch: &'a ChangeBatch,
    pub rows: Range<usize>,
    times: &'a Int64Array,
    keys: &'a [u32],
}

/// What a row takes of time: from its own time on, for the gap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub key: u32,
    pub start: i64,
    pub end: i64,
}

impl Sessions {
    /// # Errors
    /// When the gap isn't positive, the zone isn't known, or a column's type can't be a key.
    pub fn new(spec: &SessionSpec<'_>, input: &SchemaRef) -> Result<Sessions> {
        Ok(Sessions {
            keys: spec.keys.to_vec(),
            time: spec.time,
            proctime: spec.proctime,
            assigner: WindowAssigner::new(spec.window, spec.time_zone)?,
            index: KeyIndex::new(types_at(input, spec.keys))?,
            table: SessionTable::default(),
            released: Vec::new(),
            progress: i64::MIN,
            clock: None,
            metrics: Arc::default(),
        })
    }

    /// Gives the span of each row that isn't late to `place`, which puts it into the table before the next row is looked
    /// at; these rows. Late ones go to the side output.
    ///
    /// # Errors
    /// As `place`.
    pub fn take(
        &mut self,
        segment: &Segment<'_>,
        out: &mut Output,
        mut place: impl FnMut(&mut SessionTable, usize, Span) -> Result<()>,
    ) -> Result<Vec<u32>> {
        let (mut accepted, mut late) = (Vec::new(), Vec::new());
        for row in segment.rows.clone() {
            let key = segment.keys[row];
            if segment.times.is_null(row) {
                self.metrics.null_records_dropped.add(1);
                self.released.push(key);
                continue;
            }
            let (mut start, mut end) = (0, 0);
            self.assigner.windows_of(segment.times.value(row), |w| {
                (start, end) = (w.start_ms, w.end_ms)
            });
            let session_end = self.table.end_with(key, start, end);
            if !self.proctime && self.has_ended(session_end) {
                late.push(row as u32);
                self.released.push(key);
                continue;
            }
            accepted.push(row as u32);
            place(&mut self.table, row, Span { key, start, end })?;
        }
        if !late.is_empty() {
            self.metrics.late_records_dropped.add(late.len() as u64);
            out.emit_side(0, segment.batch.take(&UInt32Array::from(late))?);
        }
        Ok(accepted)
    }

    /// Takes the session out that ends first, if it is over.
    pub fn pop_due(&mut self) -> Option<Session> {
        if !self.is_due() {
            return None;
        }
        let session = self.table.pop_first()?;
        self.released.push(session.key);
        Some(session)
    }

    fn has_ended(&self, end: i64) -> bool {
        self.progress >= self.assigner.fires_at(end)
    }

    fn is_due(&self) -> bool {
        let first = self.table.first_end();
        first.is_some_and(|end| self.has_ended(end))
    }

    fn pass(&mut self, watermark: Watermark) {
        if !self.proctime {
            self.progress = self.progress.max(watermark.0);
        }
    }

    fn forget_released(&mut self) {
        for key in std::mem::take(&mut self.released) {
            if !self.table.has_key(key) {
                self.index.remove(key);
            }
        }
    }
}

/// A batch on its way through the operator.
struct Input {
    batch: ChangeBatch,
    times: Int64Array,
    keys: Vec<u32>,
    row: usize,
    mark: usize,
}

/// The operator of sessions.
pub(crate) struct SessionOperator<W> {
    pub work: W,
    pub sessions: Sessions,
    input: Option<Input>,
    /// Sessions are on their way out; then the watermark passes. `Some(None)` when it is the clock that ends them.
    firing: Option<Option<Watermark>>,
}

impl<W: SessionWork> SessionOperator<W> {
    pub fn new(work: W, sessions: Sessions) -> SessionOperator<W> {
        SessionOperator {
            work,
            sessions,
            input: None,
            firing: None,
        }
    }

    /// Goes on until all is done or the output is full.
    fn run(&mut self, out: &mut Output) -> Result<Step> {
        loop {
            if let Some(watermark) = self.firing {
                if !self.work.emit(&mut self.sessions, out)? {
                    return Ok(Step::More);
                }
                self.firing = None;
                if let Some(watermark) = watermark {
                    out.watermark(watermark);
                }
            }
            let Some(input) = self.input.take() else {
                self.sessions.forget_released();
                self.measure();
                return Ok(Step::Done);
            };
            self.add_rows(input, out)?;
        }
    }

    /// Adds the rows up to the next watermark at which a session is over.
    fn add_rows(&mut self, mut input: Input, out: &mut Output) -> Result<()> {
        loop {
            let mark = input.batch.marks.get(input.mark).copied();
            let until = mark.map_or(input.batch.num_rows(), |m| m.offset);
            if until > input.row {
                let segment = Segment {
                    batch: &input.batch,
                    rows: input.row..until,
                    times: &input.times,
                    keys: &input.keys,
                };
                self.work.add(&mut self.sessions, &segment, out)?;
                input.row = until;
            }
            let Some(mark) = mark else {
                return Ok(());
            };
            input.mark += 1;
            self.sessions.pass(mark.watermark);
            if self.sessions.is_due() {
                self.firing = Some(Some(mark.watermark));
                self.input = Some(input);
                return Ok(());
            }
            out.watermark(mark.watermark);
        }
    }

    fn fire(&mut self, watermark: Option<Watermark>, out: &mut Output) -> Result<Step> {
        self.firing = Some(watermark);
        self.run(out)
    }

    fn measure(&self) {
        let Sessions {
            index,
            table,
            metrics,
            ..
        } = &self.sessions;
        let bytes = self.work.memory_bytes() + index.memory_bytes() + table.memory_bytes();
        metrics.set_state(self.work.len(), bytes);
    }
}

impl<W: SessionWork> Operator for SessionOperator<W> {
    fn side_outputs(&self) -> &'static [&'static str] {
        &["late-data"]
    }

    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.sessions.metrics = Arc::clone(&ctx.metrics);
        self.sessions.clock = Some(Arc::clone(&ctx.clock));
        Ok(())
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let sessions = &mut self.sessions;
        let keys = slots_of(&mut sessions.index, &sessions.keys, &batch)?;
        let times = match (sessions.proctime, &sessions.clock) {
            (true, Some(clock)) => Int64Array::from_value(clock.now_ms(), batch.num_rows()),
            _ => to_millis(batch.rows.column(sessions.time))?,
        };
        self.input = Some(Input {
            batch,
            times,
            keys,
            row: 0,
            mark: 0,
        });
        self.run(out)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        self.sessions.pass(watermark);
        self.fire(Some(watermark), out)
    }

    fn next_timer(&self) -> Option<i64> {
        let end = self.sessions.table.first_end();
        let end = end.filter(|_| self.sessions.proctime)?;
        Some(self.sessions.assigner.fires_at(end) + 1)
    }

    fn timer(&mut self, now_ms: i64, out: &mut Output) -> Result<Step> {
        self.sessions.progress = self.sessions.progress.max(now_ms - 1);
        self.fire(None, out)
    }

    fn end_input(&mut self, _input: usize, out: &mut Output) -> Result<Step> {
        // Flink forgets what is open in processing time when the input ends; here it counts.
        if self.sessions.proctime {
            self.sessions.progress = i64::MAX;
        }
        self.fire(None, out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}
