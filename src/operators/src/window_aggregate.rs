//! GROUP BY window and keys: one row for each, when the watermark passes the window's end.
//!
//! - State: by slice and key, the number of rows and each call's accumulator. Windows that overlap share slices: HOP cuts
//!   time where its windows begin and end, CUMULATE at each step. A slice goes when its last window has fired.
//! - Changelog: takes any; emits inserts.
//! - At a watermark every window that has all its rows fires, the earliest first, its keys in the order in which they
//!   came, in pieces of a batch; then the watermark passes. A row whose window has fired is late: it is dropped and
//!   counted, and goes to the side output `late-data`.
//! - A row is added once, to its slice. HOP merges a window's slices when it fires; CUMULATE joins them into the latest,
//!   from which the next step goes on. A row is late when the last of its windows has fired.
//! - Over processing time windows hold what comes while the clock is in them and fire when it has left them, or with the
//!   end of the input; no row is late.
//! - As the second of two phases it merges what `local_window_aggregate` sends, a row a key and slice.
//! - Cost: keys are looked up once a batch, and again for each slice of a HOP window that fires; a batch is cut only at a
//!   watermark that fires.

pub mod emitting;
pub(crate) mod slices;

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, UInt32Array};
use arrow::datatypes::{Int64Type, SchemaRef};
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::{WindowAggregateSpec, WindowColumn};
use filbert_types::{ChangeBatch, Clock, Watermark};

use crate::columns::{record_batch, types_at};
use crate::context::OperatorContext;
use crate::error::{OperatorError, Result};
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::watermark_assigner::to_millis;
use crate::window_aggregate::slices::Slices;
use crate::window_table_function::timestamps;
use crate::windows::{Slicing, WindowAssigner};

pub struct WindowAggregateOperator {
    spec: WindowAggregateSpec,
    assigner: WindowAssigner,
    slicing: Slicing,
    output: SchemaRef,
    slices: Slices,
    /// The greatest watermark seen; over processing time the instant up to which windows have fired.
    progress: i64,
    /// Windows that are due by this have been looked for; so have those up to `fired_end`.
    passed: i64,
    fired_end: i64,
    clock: Option<Arc<dyn Clock>>,
    /// The rest of a batch.
    input: Option<Input>,
    firing: Option<Firing>,
    metrics: Arc<OperatorMetrics>,
}

/// A batch on its way through the operator.
struct Input {
    batch: ChangeBatch,
    times: Int64Array,
    row: usize,
    mark: usize,
}

/// A watermark on its way: windows up to it fire, then it passes.
struct Firing {
    /// None when it is the clock that makes windows fire.
    watermark: Option<Watermark>,
    window: Option<Emitting>,
}

/// The window that is being emitted.
struct Emitting {
    end: i64,
    slots: Vec<u32>,
    /// How many slots have been emitted.
    done: usize,
    /// Slots to be forgotten behind it.
    release: Vec<u32>,
}

impl WindowAggregateOperator {
    /// # Errors
    /// When the window's parameters make no windows, or a function isn't there for its arguments.
    pub fn new(
        spec: &WindowAggregateSpec,
        input: &SchemaRef,
        output: SchemaRef,
        functions: &FunctionRegistry,
    ) -> Result<WindowAggregateOperator> {
        let keys = types_at(input, &spec.keys);
        let slicing = match spec.assigned {
            true => Slicing::Whole,
            false => Slicing::of(&spec.window),
        };
        Ok(WindowAggregateOperator {
            assigner: WindowAssigner::new(&spec.window, spec.time_zone.as_deref())?,
            slices: Slices::new(keys, &spec.calls, spec.input_retracts, functions)?,
            slicing,
            spec: spec.clone(),
            output,
            progress: i64::MIN,
            passed: i64::MIN,
            fired_end: i64::MIN,
            clock: None,
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
                self.measure();
                return Ok(Step::Done);
            };
            self.add_rows(input, out)?;
        }
    }

    /// Adds the rows up to the next watermark that makes a window fire.
    fn add_rows(&mut self, mut input: Input, out: &mut Output) -> Result<()> {
        let mut accepted = Accepted::default();
        let mut next_end = self.next_window().unwrap_or(i64::MAX);
        let marks = std::mem::take(&mut input.batch.marks);
        loop {
            while let Some(mark) = marks
                .get(input.mark)
                .copied()
                .filter(|m| m.offset <= input.row)
            {
                input.mark += 1;
                if !self.spec.proctime {
                    self.progress = self.progress.max(mark.watermark.0);
                }
                if self.has_fired(next_end) {
                    input.batch.marks = marks;
                    self.firing = Some(Firing {
                        watermark: Some(mark.watermark),
                        window: None,
                    });
                    self.apply(&input.batch, &accepted, out)?;
                    self.input = Some(input);
                    return Ok(());
                }
                self.passed = self.passed.max(self.progress);
                accepted.last = None;
                out.watermark(mark.watermark);
            }
            if input.row == input.batch.num_rows() {
                return self.apply(&input.batch, &accepted, out);
            }
            if input.times.is_null(input.row) {
                return Err(OperatorError::user(
                    "RowTime field should not be null, please convert it to a non-null long value.",
                ));
            }
            let slice = self.slice_of(input.times.value(input.row));
            let fate = match accepted.last {
                Some((last, fate)) if last == slice => fate,
                _ => {
                    let fate = self.fate(slice);
                    if matches!(fate, Fate::Counts) {
                        next_end = next_end.min(self.next_window_of(slice));
                    }
                    accepted.last = Some((slice, fate));
                    fate
                }
            };
            accepted.add(input.row as u32, slice, fate);
            input.row += 1;
        }
    }

    /// The end of the slice that a row of this time lies in.
    fn slice_of(&self, time: i64) -> i64 {
        match self.slicing {
            // The first phase has cut its rows into slices.
            _ if self.spec.merges => time,
            Slicing::Whole if self.spec.assigned => time,
            Slicing::Whole => {
                let mut end = time;
                self.assigner.windows_of(time, |w| end = w.end_ms);
                end
            }
            slicing => slicing.slice_of(self.assigner.to_local(time)),
        }
    }

    fn fate(&self, slice: i64) -> Fate {
        match self.slicing.windows_of(slice) {
            None => Fate::NoWindow,
            Some((_, last)) if self.has_fired(last) => Fate::Late,
            Some(_) => Fate::Counts,
        }
    }

    /// The first window of the slice that has not fired.
    fn next_window_of(&self, slice: i64) -> i64 {
        let Some((first, last)) = self.slicing.windows_of(slice) else {
            return i64::MAX;
        };
        let mut end = self.slicing.window_after(first, self.fired_end);
        while end < last && self.assigner.fires_at(end) <= self.passed {
            end = self.slicing.window_after(end, end);
        }
        end
    }

    /// The next window that has rows.
    fn next_window(&self) -> Option<i64> {
        let first = self.slices.first_end()?;
        Some(self.next_window_of(first))
    }

    fn has_fired(&self, end: i64) -> bool {
        !self.spec.proctime && self.is_due(end)
    }

    /// Whether the window must fire now.
    fn is_due(&self, end: i64) -> bool {
        end != i64::MAX && self.progress >= self.assigner.fires_at(end)
    }

    /// Adds rows to their slices, and sends late ones aside.
    fn apply(&mut self, batch: &ChangeBatch, accepted: &Accepted, out: &mut Output) -> Result<()> {
        let late = &accepted.late;
        if !late.is_empty() {
            let late = batch.take(&UInt32Array::from(late.clone()))?;
            if self.spec.merges {
                let rows = row_counts(&late)?.values().iter().map(|n| n.unsigned_abs());
                self.metrics.late_records_dropped.add(rows.sum());
            } else {
                self.metrics
                    .late_records_dropped
                    .add(late.num_rows() as u64);
                out.emit_side(0, late);
            }
        }
        if accepted.rows.is_empty() {
            return Ok(());
        }
        if accepted.rows.len() == batch.num_rows() {
            return self.add(batch, &accepted.slices);
        }
        let rows = batch.take(&UInt32Array::from(accepted.rows.clone()))?;
        self.add(&rows, &accepted.slices)
    }

    fn add(&mut self, rows: &ChangeBatch, slices: &[i64]) -> Result<()> {
        if !self.spec.merges {
            return self.slices.add(rows, &self.spec.keys, slices);
        }
        let states = self.spec.keys.len()..rows.rows.num_columns() - 2;
        let counts = row_counts(rows)?;
        self.slices
            .add_states(rows, &self.spec.keys, slices, states, counts)
    }

    fn fire_all(&mut self, watermark: Option<Watermark>, out: &mut Output) -> Result<Step> {
        self.firing = Some(Firing {
            watermark,
            window: None,
        });
        self.run(out)
    }

    /// Emits windows up to the watermark; what is left when the output is full.
    fn fire(&mut self, mut firing: Firing, out: &mut Output) -> Result<Option<Firing>> {
        loop {
            if let Some(window) = &mut firing.window {
                while window.done < window.slots.len() {
                    if out.is_full() {
                        return Ok(Some(firing));
                    }
                    let until = (window.done + out.batch_rows()).min(window.slots.len());
                    out.emit(self.emit(window.end, &window.slots[window.done..until])?);
                    window.done = until;
                }
                self.slices.release(&window.release);
            }
            let Some(end) = self.next_window().filter(|end| self.is_due(*end)) else {
                self.passed = self.passed.max(self.progress);
                if let Some(watermark) = firing.watermark {
                    out.watermark(watermark);
                }
                return Ok(None);
            };
            firing.window = Some(self.gather(end)?);
        }
    }

    /// A window that is due, with the slices that go with it.
    fn gather(&mut self, end: i64) -> Result<Emitting> {
        let start = self.slicing.start_of_window(end);
        let (mut slots, mut release) = match self.slicing {
            Slicing::Cumulate { .. } => (self.slices.join(start, end)?, Vec::new()),
            _ => self.slices.together(start, end)?,
        };
        self.fired_end = self.fired_end.max(end);
        while let Some(slice) = self.slices.first_end()
            && let Some((_, last)) = self.slicing.windows_of(slice)
            && last <= end
        {
            release.extend(self.slices.pop_until(slice).unwrap_or_default());
        }
        slots.retain(|slot| self.slices.has_rows(*slot));
        Ok(Emitting {
            end,
            slots,
            done: 0,
            release,
        })
    }

    fn emit(&self, end: i64, slots: &[u32]) -> Result<ChangeBatch> {
        let mut columns = self.slices.columns(slots)?;
        let window = self.assigner.window_ending(end);
        for column in &self.spec.window_columns {
            let value = match column {
                WindowColumn::Start => window.start_ms,
                WindowColumn::End => window.end_ms,
                WindowColumn::Time => self.assigner.window_time(end),
            };
            let ty = self.output.field(columns.len()).data_type();
            columns.push(timestamps(vec![value; slots.len()], ty)?);
        }
        let rows = record_batch(&self.output, columns, slots.len())?;
        Ok(ChangeBatch::insert(rows))
    }

    fn measure(&self) {
        let bytes = self.slices.memory_bytes();
        self.metrics.set_state(self.slices.len(), bytes);
    }
}

/// How many rows the first phase has put into each of its own: the last column but one.
fn row_counts(batch: &ChangeBatch) -> Result<&Int64Array> {
    let columns = batch.rows.columns();
    let counts = columns.len().checked_sub(2).map(|place| &columns[place]);
    counts
        .and_then(|counts| counts.as_primitive_opt::<Int64Type>())
        .ok_or_else(|| OperatorError::engine("A local window aggregation sends no number of rows."))
}

/// What becomes of a row.
#[derive(Clone, Copy)]
enum Fate {
    Counts,
    Late,
    /// Hopping windows may leave gaps.
    NoWindow,
}

/// The rows of a batch that have been looked at.
#[derive(Default)]
struct Accepted {
    rows: Vec<u32>,
    /// The slice of each.
    slices: Vec<i64>,
    late: Vec<u32>,
    /// The last slice that was looked at since the last watermark.
    last: Option<(i64, Fate)>,
}

impl Accepted {
    fn add(&mut self, row: u32, slice: i64, fate: Fate) {
        match fate {
            Fate::Counts => {
                self.rows.push(row);
                self.slices.push(slice);
            }
            Fate::Late => self.late.push(row),
            Fate::NoWindow => {}
        }
    }
}

impl Operator for WindowAggregateOperator {
    fn side_outputs(&self) -> &'static [&'static str] {
        &["late-data"]
    }

    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        self.clock = Some(Arc::clone(&ctx.clock));
        Ok(())
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let times = match &self.clock {
            Some(clock) if self.spec.proctime && !self.spec.assigned => {
                Int64Array::from_value(clock.now_ms(), batch.num_rows())
            }
            _ if self.spec.merges => {
                let ends = batch.rows.column(self.spec.time);
                let ends = ends.as_primitive_opt::<Int64Type>().cloned();
                ends.ok_or_else(|| {
                    OperatorError::engine("A local window aggregation sends no slices.")
                })?
            }
            _ => to_millis(batch.rows.column(self.spec.time))?,
        };
        self.input = Some(Input {
            times,
            batch,
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
        let end = self.next_window().filter(|_| self.spec.proctime)?;
        Some(self.assigner.fires_at(end) + 1)
    }

    fn timer(&mut self, now_ms: i64, out: &mut Output) -> Result<Step> {
        self.progress = self.progress.max(now_ms - 1);
        self.fire_all(None, out)
    }

    fn end_input(&mut self, _input: usize, out: &mut Output) -> Result<Step> {
        // Flink forgets the windows that are open in processing time when the input ends; here they count.
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
