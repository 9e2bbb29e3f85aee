//! SESSION: adds window_start, window_end and window_time to each row when its session is over.
//!
//! - State: the rows of open sessions, chained by session; a key's sessions as spans of time. All of it goes when a
//!   session is over.
//! - Changelog: takes any; a row keeps its kind. A row whose time is within the gap of other rows of its key joins their
//!   sessions into one.
//! - At a watermark the sessions that end by it go out, the earliest first, their rows in the order in which they came;
//!   then the watermark passes. A row that would make a session which is over is late: it is dropped and counted, and
//!   goes to the side output `late-data`. Rows without a time are dropped and counted.
//! - Over processing time a row's time is the clock's, and sessions end by the clock or with the input.
//! - Cost: keys are hashed once a batch; a row costs a search among its key's sessions.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, UInt32Array};
use arrow::datatypes::SchemaRef;
use filbert_graph::spec::{WindowSpec, WindowTableFunctionSpec};
use filbert_state::{KeyIndex, RowTable, SessionTable, ValueTable};
use filbert_types::{ChangeBatch, Clock, RowKind, Watermark};

use crate::context::OperatorContext;
use crate::error::{OperatorError, Result};
use crate::group_aggregate::state_error;
use crate::keyed::slots_of;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::watermark_assigner::to_millis;
use crate::window_table_function::timestamps;
use crate::windows::WindowAssigner;

pub struct SessionWindowOperator {
    assigner: WindowAssigner,
    time: usize,
    proctime: bool,
    clock: Option<Arc<dyn Clock>>,
    keys: Vec<usize>,
    output: SchemaRef,
    index: KeyIndex,
    sessions: SessionTable,
    /// Keys that may have no session any more: forgotten when no row in hand has them.
    released: Vec<u32>,
    rows: RowTable,
    /// The rows' kinds, as numbers; not kept while all are inserts.
    kinds: ValueTable<u8>,
    has_kinds: bool,
    /// The greatest watermark seen.
    progress: i64,
    input: Option<Input>,
    firing: Option<Firing>,
    metrics: Arc<OperatorMetrics>,
}

/// A batch on its way through the operator.
struct Input {
    batch: ChangeBatch,
    times: Int64Array,
    keys: Vec<u32>,
    row: usize,
    mark: usize,
}

/// Sessions on their way out, up to `progress`.
struct Firing {
    watermark: Option<Watermark>,
    /// The session that is being emitted: its next row and its bounds.
    session: Option<Bounded>,
}

#[derive(Clone, Copy)]
struct Bounded {
    next_row: Option<u32>,
    start: i64,
    end: i64,
}

impl SessionWindowOperator {
    /// # Errors
    /// When the window is no session, or its gap isn't positive.
    pub fn new(
        spec: &WindowTableFunctionSpec,
        input: &SchemaRef,
        output: SchemaRef,
    ) -> Result<SessionWindowOperator> {
        let WindowSpec::Session { partition_by, .. } = &spec.window else {
            return Err(OperatorError::engine("The window is no session."));
        };
        let types: Vec<_> = input
            .fields()
            .iter()
            .map(|f| f.data_type().clone())
            .collect();
        let key_types = partition_by.iter().map(|k| types[*k].clone()).collect();
        Ok(SessionWindowOperator {
            assigner: WindowAssigner::new(&spec.window, spec.time_zone.as_deref())?,
            time: spec.time,
            proctime: spec.proctime,
            clock: None,
            keys: partition_by.clone(),
            output,
            index: KeyIndex::new(key_types).map_err(state_error)?,
            sessions: SessionTable::default(),
            released: Vec::new(),
            rows: RowTable::new(&types),
            kinds: ValueTable::default(),
            has_kinds: false,
            progress: i64::MIN,
            input: None,
            firing: None,
            metrics: Arc::default(),
        })
    }

    /// Goes on until all is done or the output is full.
    fn run(&mut self, out: &mut Output) -> Result<Step> {
        loop {
            if let Some(firing) = self.firing.take()
                && let Some(rest) = self.fire(firing, out)?
            {
                self.firing = Some(rest);
                return Ok(Step::More);
            }
            let Some(input) = self.input.take() else {
                for key in std::mem::take(&mut self.released) {
                    if !self.sessions.has_key(key) {
                        self.index.remove(key);
                    }
                }
                self.metrics.state_rows.set(self.rows.len() as u64);
                let bytes = self.rows.memory_bytes()
                    + self.index.memory_bytes()
                    + self.sessions.memory_bytes();
                self.metrics.state_bytes.set(bytes as u64);
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
                self.add_segment(&input, until, out)?;
                input.row = until;
            }
            let Some(mark) = mark else {
                return Ok(());
            };
            input.mark += 1;
            self.progress = match self.proctime {
                true => self.progress,
                false => self.progress.max(mark.watermark.0),
            };
            if self.is_due() {
                self.firing = Some(Firing {
                    watermark: Some(mark.watermark),
                    session: None,
                });
                self.input = Some(input);
                return Ok(());
            }
            out.watermark(mark.watermark);
        }
    }

    /// The rows from where the input stands.
    fn add_segment(&mut self, input: &Input, until: usize, out: &mut Output) -> Result<()> {
        let (mut accepted, mut late) = (Vec::new(), Vec::new());
        for row in input.row..until {
            if input.times.is_null(row) {
                self.metrics.null_records_dropped.add(1);
                self.released.push(input.keys[row]);
                continue;
            }
            let mut span = (0, 0);
            self.assigner
                .windows_of(input.times.value(row), |w| span = (w.start_ms, w.end_ms));
            let end = self.sessions.end_with(input.keys[row], span.0, span.1);
            if self.has_ended(end) {
                late.push(row as u32);
                self.released.push(input.keys[row]);
                continue;
            }
            accepted.push(row as u32);
        }
        if !late.is_empty() {
            self.metrics.late_records_dropped.add(late.len() as u64);
            out.emit_side(0, input.batch.take(&UInt32Array::from(late))?);
        }
        let mut slots = Vec::new();
        self.rows
            .insert(input.batch.rows.columns(), &accepted, &mut slots)
            .map_err(state_error)?;
        self.has_kinds |= input.batch.kinds.is_some();
        if self.has_kinds {
            self.kinds.reserve_slots(self.rows.slots_end());
        }
        for (row, slot) in accepted.iter().zip(&slots) {
            let row = *row as usize;
            if self.has_kinds {
                self.kinds.set(*slot, input.batch.kind(row) as u8);
            }
            let (key, sessions) = (input.keys[row], &mut self.sessions);
            self.assigner.windows_of(input.times.value(row), |w| {
                sessions.add(key, w.start_ms, w.end_ms, *slot);
            });
        }
        Ok(())
    }

    fn has_ended(&self, end: i64) -> bool {
        self.progress >= self.assigner.fires_at(end)
    }

    fn is_due(&self) -> bool {
        let first = self.sessions.first_end();
        first.is_some_and(|end| self.has_ended(end))
    }

    /// Emits sessions that are over; what is left when the output is full.
    fn fire(&mut self, mut firing: Firing, out: &mut Output) -> Result<Option<Firing>> {
        let mut piece: Vec<(u32, i64, i64)> = Vec::new();
        loop {
            while let Some(session) = &mut firing.session
                && let Some(row) = session.next_row
                && piece.len() < out.batch_rows()
            {
                piece.push((row, session.start, session.end));
                session.next_row = self.sessions.next_row(row);
            }
            if piece.len() >= out.batch_rows() {
                self.emit(&piece, out)?;
                piece.clear();
                if out.is_full() {
                    return Ok(Some(firing));
                }
                continue;
            }
            let next = match self.is_due() {
                true => self.sessions.pop_first(),
                false => None,
            };
            let Some(next) = next else {
                break;
            };
            self.released.push(next.key);
            firing.session = Some(Bounded {
                next_row: next.first_row,
                start: next.start,
                end: next.end,
            });
        }
        self.emit(&piece, out)?;
        if let Some(watermark) = firing.watermark {
            out.watermark(watermark);
        }
        Ok(None)
    }

    /// Emits rows with their sessions' bounds and forgets them.
    fn emit(&mut self, piece: &[(u32, i64, i64)], out: &mut Output) -> Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        let slots: Vec<u32> = piece.iter().map(|(row, _, _)| *row).collect();
        let mut columns: Vec<ArrayRef> = self.rows.gather(&slots).map_err(state_error)?;
        let starts = piece.iter().map(|(_, start, _)| *start).collect();
        let ends = piece.iter().map(|(_, _, end)| *end).collect();
        let times = piece.iter().map(|(_, _, end)| *end);
        let times = times.map(|end| self.assigner.window_time(end)).collect();
        for values in [starts, ends, times] {
            let ty = self.output.field(columns.len()).data_type();
            columns.push(timestamps(values, ty)?);
        }
        let rows = RecordBatch::try_new(Arc::clone(&self.output), columns)?;
        let batch = if self.has_kinds {
            let kinds = slots
                .iter()
                .map(|slot| RowKind::ALL[self.kinds.get(*slot) as usize]);
            ChangeBatch::with_kinds(rows, kinds.collect())
        } else {
            ChangeBatch::insert(rows)
        };
        for slot in &slots {
            self.rows.remove(*slot);
        }
        out.emit(batch);
        Ok(())
    }

    fn fire_all(&mut self, watermark: Option<Watermark>, out: &mut Output) -> Result<Step> {
        self.firing = Some(Firing {
            watermark,
            session: None,
        });
        self.run(out)
    }
}

impl Operator for SessionWindowOperator {
    fn side_outputs(&self) -> &'static [&'static str] {
        &["late-data"]
    }

    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        self.clock = Some(Arc::clone(&ctx.clock));
        Ok(())
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let keys = slots_of(&mut self.index, &self.keys, &batch)?;
        let times = match (self.proctime, &self.clock) {
            (true, Some(clock)) => Int64Array::from_value(clock.now_ms(), batch.num_rows()),
            _ => to_millis(batch.rows.column(self.time))?,
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
        if !self.proctime {
            self.progress = self.progress.max(watermark.0);
        }
        self.fire_all(Some(watermark), out)
    }

    fn next_timer(&self) -> Option<i64> {
        let end = self.sessions.first_end().filter(|_| self.proctime)?;
        Some(self.assigner.fires_at(end) + 1)
    }

    fn timer(&mut self, now_ms: i64, out: &mut Output) -> Result<Step> {
        self.progress = self.progress.max(now_ms - 1);
        self.fire_all(None, out)
    }

    fn end_input(&mut self, _input: usize, out: &mut Output) -> Result<Step> {
        // Flink forgets what is open in processing time when the input ends; here it counts.
        if self.proctime {
            self.progress = i64::MAX;
        }
        self.fire_all(None, out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}
