//! GROUP BY window and keys: one row for each, when the watermark passes the window's end.
//!
//! - State: by window end, the keys with their number of rows and each call's accumulator; all of it goes when the window
//!   has fired.
//! - Changelog: takes any; emits inserts.
//! - At a watermark every window that has all its rows fires, the earliest first, its keys in the order in which they
//!   came, in pieces of a batch; then the watermark passes. A row whose window has fired is late: it is dropped and
//!   counted, and goes to the side output `late-data`.
//! - A row of overlapping windows is added to each of them.
//! - Over processing time windows hold what comes while the clock is in them and fire when it has left them, or with the
//!   end of the input; no row is late.
//! - Cost: keys are looked up once for each window that a batch touches; a batch is cut only at a watermark that fires.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::datatypes::{DataType, SchemaRef};
use filbert_graph::spec::{AggregateCallSpec, WindowAggregateSpec, WindowColumn};
use filbert_state::{KeyIndex, TimeTable, ValueTable};
use filbert_types::{ChangeBatch, Clock, Watermark};

use crate::aggregate::{AggregateCalls, Op, Rows};
use crate::context::OperatorContext;
use crate::error::{OperatorError, Result};
use crate::group_aggregate::state_error;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::watermark_assigner::to_millis;
use crate::window_table_function::timestamps;
use crate::windows::WindowAssigner;

pub struct WindowAggregateOperator {
    spec: WindowAggregateSpec,
    assigner: WindowAssigner,
    key_types: Vec<DataType>,
    output: SchemaRef,
    windows: TimeTable<WindowState>,
    /// The greatest watermark seen; over processing time the instant up to which windows have fired.
    progress: i64,
    clock: Option<Arc<dyn Clock>>,
    /// The rest of a batch.
    input: Option<Input>,
    firing: Option<Firing>,
    metrics: Arc<OperatorMetrics>,
}

/// A window's keys and their accumulators.
struct WindowState {
    index: KeyIndex,
    counts: ValueTable<i64>,
    calls: AggregateCalls,
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
    /// The window that is being emitted: its end, its state, its slots and how many have been emitted.
    window: Option<(i64, WindowState, Vec<u32>, usize)>,
}

impl WindowAggregateOperator {
    /// # Errors
    /// When the window's parameters make no windows, or a function isn't there for its arguments.
    pub fn new(
        spec: &WindowAggregateSpec,
        input: &SchemaRef,
        output: SchemaRef,
    ) -> Result<WindowAggregateOperator> {
        let keys = spec
            .keys
            .iter()
            .map(|k| input.field(*k).data_type().clone());
        let operator = WindowAggregateOperator {
            assigner: WindowAssigner::new(&spec.window, spec.time_zone.as_deref())?,
            key_types: keys.collect(),
            spec: spec.clone(),
            output,
            windows: TimeTable::default(),
            progress: i64::MIN,
            clock: None,
            input: None,
            firing: None,
            metrics: Arc::default(),
        };
        // Functions that aren't there are found now, not with the first row.
        WindowState::new(&operator.key_types, &spec.calls, spec.input_retracts)?;
        Ok(operator)
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
        let mut accepted: Vec<(i64, u32)> = Vec::new();
        let mut late: Vec<u32> = Vec::new();
        let mut first_end = self.windows.first_time().unwrap_or(i64::MAX);
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
                if self.has_fired(first_end) {
                    input.batch.marks = marks;
                    self.firing = Some(Firing {
                        watermark: Some(mark.watermark),
                        window: None,
                    });
                    self.apply(&input.batch, accepted, &late, out)?;
                    self.input = Some(input);
                    return Ok(());
                }
                out.watermark(mark.watermark);
            }
            if input.row == input.batch.num_rows() {
                return self.apply(&input.batch, accepted, &late, out);
            }
            let before = accepted.len();
            self.assign(&input, &mut accepted)?;
            if accepted.len() == before {
                late.push(input.row as u32);
            }
            for (end, _) in &accepted[before..] {
                first_end = first_end.min(*end);
            }
            input.row += 1;
        }
    }

    /// The windows of the current row that have not fired.
    fn assign(&self, input: &Input, accepted: &mut Vec<(i64, u32)>) -> Result<()> {
        if input.times.is_null(input.row) {
            return Err(OperatorError::user(
                "RowTime field should not be null, please convert it to a non-null long value.",
            ));
        }
        let time = input.times.value(input.row);
        let row = input.row as u32;
        let mut add = |end: i64| {
            if !self.has_fired(end) {
                accepted.push((end, row));
            }
        };
        if self.spec.assigned {
            add(time);
        } else {
            self.assigner.windows_of(time, |window| add(window.end_ms));
        }
        Ok(())
    }

    fn has_fired(&self, end: i64) -> bool {
        !self.spec.proctime && self.is_due(end)
    }

    /// Whether the window must fire now.
    fn is_due(&self, end: i64) -> bool {
        end != i64::MAX && self.progress >= self.assigner.fires_at(end)
    }

    /// Adds rows to their windows, and sends late ones aside.
    fn apply(
        &mut self,
        batch: &ChangeBatch,
        mut accepted: Vec<(i64, u32)>,
        late: &[u32],
        out: &mut Output,
    ) -> Result<()> {
        if !late.is_empty() {
            self.metrics.late_records_dropped.add(late.len() as u64);
            out.emit_side(0, batch.take(&UInt32Array::from(late.to_vec()))?);
        }
        // Stable: rows of one window stay in their order.
        accepted.sort_by_key(|(end, _)| *end);
        for run in accepted.chunk_by(|a, b| a.0 == b.0) {
            let end = run[0].0;
            let (types, spec) = (&self.key_types, &self.spec);
            let state = self.windows.at(end, || {
                WindowState::new(types, &spec.calls, spec.input_retracts)
            })?;
            if run.len() == batch.num_rows() {
                state.add(batch, &spec.keys)?;
            } else {
                let rows = UInt32Array::from_iter_values(run.iter().map(|(_, row)| *row));
                state.add(&batch.take(&rows)?, &spec.keys)?;
            }
        }
        Ok(())
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
            if let Some((end, state, slots, done)) = &mut firing.window {
                while *done < slots.len() {
                    if out.is_full() {
                        return Ok(Some(firing));
                    }
                    let piece = (slots.len() - *done).min(out.batch_rows());
                    out.emit(self.emit(*end, state, &slots[*done..*done + piece])?);
                    *done += piece;
                }
            }
            let Some(end) = self.windows.first_time().filter(|end| self.is_due(*end)) else {
                if let Some(watermark) = firing.watermark {
                    out.watermark(watermark);
                }
                return Ok(None);
            };
            firing.window = self.windows.pop_until(end).map(|(end, state)| {
                let slots = state.index.live_slots();
                let slots = slots.filter(|slot| state.counts.get(*slot) > 0).collect();
                (end, state, slots, 0)
            });
        }
    }

    fn emit(&self, end: i64, state: &WindowState, slots: &[u32]) -> Result<ChangeBatch> {
        let mut columns = state.index.key_columns(slots).map_err(state_error)?;
        columns.extend(state.calls.values(slots)?);
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
        let options = RecordBatchOptions::new().with_row_count(Some(slots.len()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.output), columns, &options)?;
        Ok(ChangeBatch::insert(rows))
    }

    fn measure(&self) {
        let (mut rows, mut bytes) = (0, 0);
        for (_, state) in self.windows.iter() {
            rows += state.index.len();
            bytes += state.memory_bytes();
        }
        self.metrics.state_rows.set(rows as u64);
        self.metrics.state_bytes.set(bytes as u64);
    }
}

impl WindowState {
    fn new(
        key_types: &[DataType],
        calls: &[AggregateCallSpec],
        retracts: bool,
    ) -> Result<WindowState> {
        Ok(WindowState {
            index: KeyIndex::new(key_types.to_vec()).map_err(state_error)?,
            counts: ValueTable::default(),
            calls: AggregateCalls::new(calls, retracts)?,
        })
    }

    fn add(&mut self, batch: &ChangeBatch, keys: &[usize]) -> Result<()> {
        let keys = keys.iter().map(|k| ArrayRef::clone(batch.rows.column(*k)));
        let keys: Vec<ArrayRef> = keys.collect();
        let mut slots = Vec::new();
        self.index
            .slots_for(&keys, batch.num_rows(), &mut slots)
            .map_err(state_error)?;
        self.counts.reserve_slots(self.index.slots_end());
        let ops: Option<Vec<Op>> = batch
            .kinds
            .as_ref()
            .map(|kinds| kinds.iter().map(|k| Op::of(*k)).collect());
        let counts = self.counts.values_mut();
        for (i, slot) in slots.iter().enumerate() {
            let added = ops.as_ref().is_none_or(|ops| ops[i] == Op::Add);
            counts[*slot as usize] += if added { 1 } else { -1 };
        }
        let rows = Rows {
            slots: &slots,
            ops: ops.as_deref(),
            resets: None,
        };
        self.calls.reserve_slots(self.index.slots_end());
        self.calls.update(rows, batch.rows.columns())
    }

    fn memory_bytes(&self) -> usize {
        self.index.memory_bytes() + self.counts.memory_bytes() + self.calls.memory_bytes()
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
        let end = self.windows.first_time().filter(|_| self.spec.proctime)?;
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
