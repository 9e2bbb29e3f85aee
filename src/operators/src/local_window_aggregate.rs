//! The first of two phases of GROUP BY window and keys: gathers rows by slice and key, and sends each key's state for the
//! second phase to merge.
//!
//! - State: by slice and key, the number of rows and each call's accumulator.
//! - Changelog: takes any; emits inserts of keys, state columns, the number of rows, retracted ones taken off, and the
//!   slice's end.
//! - A slice goes out when the watermark passes the end of the first window that it is part of; then the watermark passes.
//!   All go out when there are too many keys, before a barrier and at the input's end. Late rows are the second phase's.
//! - Cost: as the second phase's; what crosses the exchange is a row a key and slice.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::LocalWindowAggregateSpec;
use filbert_types::{ChangeBatch, Watermark};

use crate::columns::types_at;
use crate::context::OperatorContext;
use crate::error::{OperatorError, Result};
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::watermark_assigner::to_millis;
use crate::window_aggregate::slices::Slices;
use crate::windows::{Slicing, WindowAssigner};

/// With more keys than this, what is gathered goes out.
const KEYS_MAX: usize = 100_000;

pub struct LocalWindowAggregateOperator {
    spec: LocalWindowAggregateSpec,
    assigner: WindowAssigner,
    slicing: Slicing,
    output: SchemaRef,
    slices: Slices,
    progress: i64,
    /// Everything goes out.
    flushes: bool,
    input: Option<Input>,
    sending: Option<Sending>,
    /// Passes on behind the slices that are due.
    passing: Option<Watermark>,
    metrics: Arc<OperatorMetrics>,
}

/// A batch on its way through the operator.
struct Input {
    batch: ChangeBatch,
    times: Int64Array,
    row: usize,
    mark: usize,
}

/// A slice on its way out.
struct Sending {
    end: i64,
    slots: Vec<u32>,
    done: usize,
}

impl LocalWindowAggregateOperator {
    /// # Errors
    /// When the window's parameters make no windows, or a function isn't there for its arguments.
    pub fn new(
        spec: &LocalWindowAggregateSpec,
        input: &SchemaRef,
        output: SchemaRef,
        functions: &FunctionRegistry,
    ) -> Result<LocalWindowAggregateOperator> {
        let keys = types_at(input, &spec.keys);
        Ok(LocalWindowAggregateOperator {
            assigner: WindowAssigner::new(&spec.window, spec.time_zone.as_deref())?,
            slicing: match spec.assigned {
                true => Slicing::Whole,
                false => Slicing::of(&spec.window),
            },
            slices: Slices::new(keys, &spec.calls, spec.input_retracts, functions)?,
            spec: spec.clone(),
            output,
            progress: i64::MIN,
            flushes: false,
            input: None,
            sending: None,
            passing: None,
            metrics: Arc::default(),
        })
    }

    /// Goes on until all is done or the output is full.
    fn run(&mut self, out: &mut Output) -> Result<Step> {
        loop {
            if let Some(sending) = self.sending.take()
                && let Some(rest) = self.send(sending, out)?
            {
                self.sending = Some(rest);
                return Ok(Step::More);
            }
            if let Some(due) = self.take_due() {
                self.sending = Some(due);
                continue;
            }
            self.flushes = false;
            if let Some(watermark) = self.passing.take() {
                out.watermark(watermark);
            }
            let Some(input) = self.input.take() else {
                self.measure();
                return Ok(Step::Done);
            };
            self.add_rows(input, out)?;
        }
    }

    fn take_due(&mut self) -> Option<Sending> {
        let end = self.slices.first_end()?;
        if !self.flushes && self.due_at(end) > self.progress {
            return None;
        }
        Some(Sending {
            end,
            slots: self.slices.pop_until(end)?,
            done: 0,
        })
    }

    /// The watermark before which a slice must have gone out.
    fn due_at(&self, slice: i64) -> i64 {
        match self.slicing.windows_of(slice) {
            Some((first, _)) => self.assigner.fires_at(first),
            None => i64::MIN,
        }
    }

    /// Adds the rows up to the next watermark at which a slice is due.
    fn add_rows(&mut self, mut input: Input, out: &mut Output) -> Result<()> {
        let (mut rows, mut ends) = (Vec::new(), Vec::new());
        let mut due = match self.slices.first_end() {
            Some(end) => self.due_at(end),
            None => i64::MAX,
        };
        let mut last = None;
        let marks = std::mem::take(&mut input.batch.marks);
        loop {
            while let Some(mark) = marks
                .get(input.mark)
                .copied()
                .filter(|m| m.offset <= input.row)
            {
                input.mark += 1;
                self.progress = self.progress.max(mark.watermark.0);
                if self.progress >= due {
                    self.passing = Some(mark.watermark);
                    self.apply(&input.batch, rows, &ends)?;
                    input.batch.marks = marks;
                    self.input = Some(input);
                    return Ok(());
                }
                out.watermark(mark.watermark);
            }
            if input.row == input.batch.num_rows() {
                self.apply(&input.batch, rows, &ends)?;
                self.flushes = self.slices.len() > KEYS_MAX;
                return Ok(());
            }
            if input.times.is_null(input.row) {
                return Err(OperatorError::user(
                    "RowTime field should not be null, please convert it to a non-null long value.",
                ));
            }
            let slice = self.slice_of(input.times.value(input.row));
            if last != Some(slice) {
                last = Some(slice);
                if self.slicing.windows_of(slice).is_some() {
                    due = due.min(self.due_at(slice));
                }
            }
            if self.slicing.windows_of(slice).is_some() {
                rows.push(input.row as u32);
                ends.push(slice);
            }
            input.row += 1;
        }
    }

    fn slice_of(&self, time: i64) -> i64 {
        match self.slicing {
            Slicing::Whole if self.spec.assigned => time,
            Slicing::Whole => {
                let mut end = time;
                self.assigner.windows_of(time, |w| end = w.end_ms);
                end
            }
            slicing => slicing.slice_of(self.assigner.to_local(time)),
        }
    }

    fn apply(&mut self, batch: &ChangeBatch, rows: Vec<u32>, ends: &[i64]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        if rows.len() == batch.num_rows() {
            return self.slices.add(batch, &self.spec.keys, ends);
        }
        let taken = batch.take(&UInt32Array::from(rows))?;
        self.slices.add(&taken, &self.spec.keys, ends)
    }

    /// Sends a slice; what is left when the output is full.
    fn send(&mut self, mut sending: Sending, out: &mut Output) -> Result<Option<Sending>> {
        while sending.done < sending.slots.len() {
            if out.is_full() {
                return Ok(Some(sending));
            }
            let until = (sending.done + out.batch_rows()).min(sending.slots.len());
            out.emit(self.states(sending.end, &sending.slots[sending.done..until])?);
            sending.done = until;
        }
        self.slices.release(&sending.slots);
        Ok(None)
    }

    fn states(&self, end: i64, slots: &[u32]) -> Result<ChangeBatch> {
        let mut columns = self.slices.states(slots)?;
        columns.push(Arc::new(Int64Array::from_value(end, slots.len())));
        let columns = columns.iter().zip(self.output.fields());
        let columns =
            columns.map(
                |(column, field)| match column.data_type() == field.data_type() {
                    true => Ok(ArrayRef::clone(column)),
                    false => cast(column, field.data_type()),
                },
            );
        let columns = columns.collect::<std::result::Result<_, _>>()?;
        let rows = RecordBatch::try_new(Arc::clone(&self.output), columns)?;
        Ok(ChangeBatch::insert(rows))
    }

    fn measure(&self) {
        let bytes = self.slices.memory_bytes();
        self.metrics.set_state(self.slices.len(), bytes);
    }
}

impl Operator for LocalWindowAggregateOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        Ok(())
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        self.input = Some(Input {
            times: to_millis(batch.rows.column(self.spec.time))?,
            batch,
            row: 0,
            mark: 0,
        });
        self.run(out)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        self.progress = self.progress.max(watermark.0);
        self.passing = Some(watermark);
        self.run(out)
    }

    fn prepare_barrier(&mut self, _checkpoint_id: u64, out: &mut Output) -> Result<Step> {
        self.flushes = true;
        self.run(out)
    }

    fn end_input(&mut self, _input: usize, out: &mut Output) -> Result<Step> {
        self.flushes = true;
        self.run(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}
