//! GROUP BY SESSION and the keys by which sessions are told apart: one row for each session, when it is over.
//!
//! - State: a key's sessions as spans of time; each session's number of rows and accumulators. A row that joins sessions
//!   links their accumulators, which are merged when the session goes out. No row is kept.
//! - Changelog: takes any; emits inserts. A session whose rows have all been retracted sends nothing.
//! - At a watermark the sessions that end by it go out, the earliest first; then the watermark passes. A row that would
//!   make a session which is over is late: it is dropped and counted, and goes to the side output `late-data`. Rows
//!   without a time are dropped and counted.
//! - Over processing time a row's time is the clock's, and sessions end by the clock or with the input.
//! - Cost: keys are hashed once a batch; a row costs a search among its key's sessions; accumulators take a batch at once.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::datatypes::SchemaRef;
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::{WindowAggregateSpec, WindowColumn};
use filbert_state::{KeyIndex, RowTable, Session, SessionTable, ValueTable};
use filbert_types::{ChangeBatch, Clock, Watermark};

use crate::aggregate::{AggregateCalls, Op, Rows};
use crate::context::OperatorContext;
use crate::error::Result;
use crate::group_aggregate::state_error;
use crate::keyed::slots_of;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::watermark_assigner::to_millis;
use crate::window_table_function::timestamps;
use crate::windows::WindowAssigner;

pub struct SessionAggregateOperator {
    spec: WindowAggregateSpec,
    assigner: WindowAssigner,
    output: SchemaRef,
    index: KeyIndex,
    sessions: SessionTable,
    /// Gives the slots of the accumulators out.
    slots: RowTable,
    counts: ValueTable<i64>,
    calls: AggregateCalls,
    /// Keys that may have no session any more: forgotten when no row in hand has them.
    released: Vec<u32>,
    /// The greatest watermark seen; over processing time the instant up to which sessions have ended.
    progress: i64,
    clock: Option<Arc<dyn Clock>>,
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

/// Sessions are on their way out; then this passes.
struct Firing {
    watermark: Option<Watermark>,
}

impl SessionAggregateOperator {
    /// # Errors
    /// When the gap isn't positive, or a function isn't there for its arguments.
    pub fn new(
        spec: &WindowAggregateSpec,
        input: &SchemaRef,
        output: SchemaRef,
        functions: &FunctionRegistry,
    ) -> Result<SessionAggregateOperator> {
        let keys = spec.keys.iter();
        let keys = keys.map(|k| input.field(*k).data_type().clone()).collect();
        Ok(SessionAggregateOperator {
            assigner: WindowAssigner::new(&spec.window, spec.time_zone.as_deref())?,
            index: KeyIndex::new(keys).map_err(state_error)?,
            calls: AggregateCalls::with_functions(&spec.calls, spec.input_retracts, functions)?,
            spec: spec.clone(),
            output,
            sessions: SessionTable::default(),
            slots: RowTable::new(&[]),
            counts: ValueTable::default(),
            released: Vec::new(),
            progress: i64::MIN,
            clock: None,
            input: None,
            firing: None,
            metrics: Arc::default(),
        })
    }

    /// Goes on until all is done or the output is full.
    fn run(&mut self, out: &mut Output) -> Result<Step> {
        loop {
            if let Some(firing) = self.firing.take() {
                while let Some(sessions) = self.take_due(out.batch_rows()) {
                    self.emit(&sessions, out)?;
                    if out.is_full() {
                        self.firing = Some(firing);
                        return Ok(Step::More);
                    }
                }
                if let Some(watermark) = firing.watermark {
                    out.watermark(watermark);
                }
            }
            let Some(input) = self.input.take() else {
                for key in std::mem::take(&mut self.released) {
                    if !self.sessions.has_key(key) {
                        self.index.remove(key);
                    }
                }
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
                self.add_segment(&input, until, out)?;
                input.row = until;
            }
            let Some(mark) = mark else {
                return Ok(());
            };
            input.mark += 1;
            if !self.spec.proctime {
                self.progress = self.progress.max(mark.watermark.0);
            }
            if self.is_due() {
                self.firing = Some(Firing {
                    watermark: Some(mark.watermark),
                });
                self.input = Some(input);
                return Ok(());
            }
            out.watermark(mark.watermark);
        }
    }

    /// The rows from where the input stands.
    fn add_segment(&mut self, input: &Input, until: usize, out: &mut Output) -> Result<()> {
        let (mut accepted, mut late, mut slots) = (Vec::new(), Vec::new(), Vec::new());
        for row in input.row..until {
            let key = input.keys[row];
            if input.times.is_null(row) {
                self.metrics.null_records_dropped.add(1);
                self.released.push(key);
                continue;
            }
            let mut span = (0, 0);
            self.assigner
                .windows_of(input.times.value(row), |w| span = (w.start_ms, w.end_ms));
            let end = self.sessions.end_with(key, span.0, span.1);
            if !self.spec.proctime && self.has_ended(end) {
                late.push(row as u32);
                self.released.push(key);
                continue;
            }
            accepted.push(row as u32);
            let fresh = &mut self.slots;
            let slot = self
                .sessions
                .entry_for(key, span.0, span.1, || fresh.reserve());
            slots.push(slot.map_err(state_error)?);
        }
        if !late.is_empty() {
            self.metrics.late_records_dropped.add(late.len() as u64);
            out.emit_side(0, input.batch.take(&UInt32Array::from(late))?);
        }
        if accepted.is_empty() {
            return Ok(());
        }
        self.counts.reserve_slots(self.slots.slots_end());
        self.calls.reserve_slots(self.slots.slots_end());
        let ops = input.batch.kinds.as_ref().map(|kinds| {
            let ops = accepted.iter().map(|row| Op::of(kinds[*row as usize]));
            ops.collect::<Vec<_>>()
        });
        for (i, slot) in slots.iter().enumerate() {
            let added = ops.as_ref().is_none_or(|ops| ops[i] == Op::Add);
            let count = self.counts.get(*slot) + if added { 1 } else { -1 };
            self.counts.set(*slot, count);
        }
        let whole = accepted.len() == input.batch.num_rows();
        let taken = match whole {
            true => input.batch.clone(),
            false => input.batch.take(&UInt32Array::from(accepted))?,
        };
        self.calls.update(
            Rows {
                slots: &slots,
                ops: ops.as_deref(),
                resets: None,
            },
            taken.rows.columns(),
        )
    }

    fn has_ended(&self, end: i64) -> bool {
        self.progress >= self.assigner.fires_at(end)
    }

    fn is_due(&self) -> bool {
        let first = self.sessions.first_end();
        first.is_some_and(|end| self.has_ended(end))
    }

    /// The next sessions that are over, at most so many.
    fn take_due(&mut self, most: usize) -> Option<Vec<Session>> {
        let mut sessions = Vec::new();
        while sessions.len() < most.max(1) && self.is_due() {
            sessions.extend(self.sessions.pop_first());
        }
        (!sessions.is_empty()).then_some(sessions)
    }

    /// Emits sessions and forgets them.
    fn emit(&mut self, sessions: &[Session], out: &mut Output) -> Result<()> {
        let first = |session: &Session| session.first_row.unwrap_or_default();
        // Accumulators of sessions that have become one, the next of each chain at a time.
        let mut links: Vec<(u32, u32)> = sessions.iter().map(|s| (first(s), first(s))).collect();
        let mut merged = Vec::new();
        loop {
            let next = links.iter().filter_map(|(into, at)| {
                let next = self.sessions.next_row(*at)?;
                Some((*into, next))
            });
            links = next.collect();
            if links.is_empty() {
                break;
            }
            let (into, from): (Vec<u32>, Vec<u32>) = links.iter().copied().unzip();
            self.calls.merge(&from, &into)?;
            for (into, from) in &links {
                let count = self.counts.get(*into) + self.counts.get(*from);
                self.counts.set(*into, count);
            }
            merged.extend(from);
        }
        let live = sessions.iter().filter(|s| self.counts.get(first(s)) > 0);
        let live: Vec<Session> = live.copied().collect();
        out.emit(self.batch_of(&live)?);
        for slot in sessions.iter().map(first).chain(merged) {
            self.calls.reset(slot);
            self.counts.reset(slot);
            self.slots.remove(slot);
        }
        self.released.extend(sessions.iter().map(|s| s.key));
        Ok(())
    }

    fn batch_of(&self, sessions: &[Session]) -> Result<ChangeBatch> {
        let keys: Vec<u32> = sessions.iter().map(|s| s.key).collect();
        let slots = sessions.iter().map(|s| s.first_row.unwrap_or_default());
        let slots: Vec<u32> = slots.collect();
        let mut columns: Vec<ArrayRef> = self.index.key_columns(&keys).map_err(state_error)?;
        columns.extend(self.calls.values(&slots)?);
        for column in &self.spec.window_columns {
            let bounds = sessions.iter().map(|session| match column {
                WindowColumn::Start => session.start,
                WindowColumn::End => session.end,
                WindowColumn::Time => self.assigner.window_time(session.end),
            });
            let ty = self.output.field(columns.len()).data_type();
            columns.push(timestamps(bounds.collect(), ty)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(sessions.len()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.output), columns, &options)?;
        Ok(ChangeBatch::insert(rows))
    }

    fn fire_all(&mut self, watermark: Option<Watermark>, out: &mut Output) -> Result<Step> {
        self.firing = Some(Firing { watermark });
        self.run(out)
    }

    fn measure(&self) {
        self.metrics.state_rows.set(self.slots.len() as u64);
        let bytes = self.index.memory_bytes()
            + self.sessions.memory_bytes()
            + self.counts.memory_bytes()
            + self.calls.memory_bytes();
        self.metrics.state_bytes.set(bytes as u64);
    }
}

impl Operator for SessionAggregateOperator {
    fn side_outputs(&self) -> &'static [&'static str] {
        &["late-data"]
    }

    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        self.clock = Some(Arc::clone(&ctx.clock));
        Ok(())
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let keys = slots_of(&mut self.index, &self.spec.keys, &batch)?;
        let times = match (self.spec.proctime, &self.clock) {
            (true, Some(clock)) => Int64Array::from_value(clock.now_ms(), batch.num_rows()),
            _ => to_millis(batch.rows.column(self.spec.time))?,
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
        if !self.spec.proctime {
            self.progress = self.progress.max(watermark.0);
        }
        self.fire_all(Some(watermark), out)
    }

    fn next_timer(&self) -> Option<i64> {
        let end = self.sessions.first_end().filter(|_| self.spec.proctime)?;
        Some(self.assigner.fires_at(end) + 1)
    }

    fn timer(&mut self, now_ms: i64, out: &mut Output) -> Result<Step> {
        self.progress = self.progress.max(now_ms - 1);
        self.fire_all(None, out)
    }

    fn end_input(&mut self, _input: usize, out: &mut Output) -> Result<Step> {
        // Flink forgets what is open in processing time when the input ends; here it counts.
        if self.spec.proctime {
            self.progress = i64::MAX;
        }
        self.fire_all(None, out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}

#[cfg(test)]
mod tests;
