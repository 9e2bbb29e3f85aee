//! Process table functions of the embedding program: tables in, a changelog out.
//!
//! - State: what the function declares, by the key of PARTITION BY, and its timers by time. A key whose state is empty
//!   and that has no timer is forgotten.
//! - Changelog: takes what the function's arguments take, and emits what it declares.
//! - Watermarks pass; before one goes out, the timers that it has reached go off, those without a name first, in the order of their times. The end of
//!   the input sets no timer off.
//! - Cost: a call a row, of values: state is read by vectors where a piece of a batch is begun and written back at its
//!   end; a map's entries are read one by one when they are asked for. Output goes out in pieces.

mod emit;
mod stores;
mod timers;
mod work;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{SchemaRef, TimestampMillisecondType};
use filbert_functions::{FunctionContext, InputRow, ProcessChangelog, ProcessTableFunction, Value};
use filbert_graph::spec::ProcessTableSpec;
use filbert_state::KeyIndex;
use filbert_types::{ChangeBatch, Watermark};

use self::emit::Origins;
use self::stores::Store;
use self::timers::Timers;
use self::work::{Frame, Kinds, Work, failed};
use crate::columns::{record_batch, types_at};
use crate::context::{JobContext, OperatorContext};
use crate::error::{OperatorError, Result};
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::ttl::StateTtl;

/// Rows that are processed before state is written back.
const PIECE_ROWS: usize = 1024;
/// Timers that go off before state is written back.
const PIECE_TIMERS: usize = 256;

pub struct ProcessTableFunctionOperator {
    function: Arc<dyn ProcessTableFunction>,
    context: Arc<FunctionContext>,
    spec: ProcessTableSpec,
    scalars: Arc<[Value]>,
    output: SchemaRef,
    /// Where the function's own columns stand in the output.
    own: std::ops::Range<usize>,
    index: KeyIndex,
    stores: Vec<Store>,
    timers: Timers,
    ttl: Option<StateTtl>,
    watermark: Option<i64>,
    rest: Option<Rest>,
    metrics: Option<Arc<OperatorMetrics>>,
}

/// What is left to do of a batch or a watermark.
struct Rest {
    batch: Option<(usize, ChangeBatch)>,
    row: usize,
    mark: usize,
    /// A watermark whose timers are going off.
    firing: Option<Watermark>,
}

impl ProcessTableFunctionOperator {
    /// # Errors
    /// When the function isn't registered, or its declaration doesn't fit the call.
    pub fn new(
        spec: &ProcessTableSpec,
        inputs: &[SchemaRef],
        output: SchemaRef,
        job: &JobContext,
    ) -> Result<ProcessTableFunctionOperator> {
        let Some(function) = job.functions.process(&spec.function).cloned() else {
            return Err(OperatorError::user(format!(
                "The process table function {} is not registered in this process.",
                spec.function
            )));
        };
        let declared = function.state();
        let stores = declared
            .iter()
            .map(Store::new)
            .collect::<Result<Vec<_>>>()?;
        let keyed = spec.tables.iter().position(|t| t.set_semantics);
        if !stores.is_empty() && keyed.is_none() {
            return Err(failed(
                function.name(),
                "state is kept for tables of set semantics only",
            ));
        }
        let key_types = match keyed {
            Some(input) => types_at(&inputs[input], &spec.tables[input].keys),
            None => Vec::new(),
        };
        let before: usize = spec
            .tables
            .iter()
            .map(|table| match table.pass_through {
                true => table.columns.len(),
                false => table.keys.len(),
            })
            .sum();
        let timed = usize::from(spec.tables.iter().any(|t| t.on_time.is_some()));
        let end = output.fields().len().saturating_sub(timed);
        Ok(ProcessTableFunctionOperator {
            scalars: scalars(spec, job)?,
            context: job.functions.context(),
            own: before.min(end)..end,
            index: KeyIndex::new(key_types)?,
            stores,
            timers: Timers::new()?,
            ttl: StateTtl::new(spec.state_ttl_ms),
            watermark: None,
            rest: None,
            metrics: None,
            function,
            spec: spec.clone(),
            output,
        })
    }

    fn run(&mut self, mut rest: Rest, out: &mut Output) -> Result<Step> {
        loop {
            if let Some(watermark) = rest.firing {
                if self.fire(watermark, out)? {
                    rest.firing = None;
                    self.watermark = Some(watermark.0);
                    out.watermark(watermark);
                } else if out.is_full() {
                    self.rest = Some(rest);
                    return Ok(Step::More);
                }
                continue;
            }
            let Some((input, batch)) = &rest.batch else {
                break;
            };
            let next = batch.marks.get(rest.mark);
            if let Some(mark) = next.filter(|mark| mark.offset <= rest.row) {
                rest.firing = Some(mark.watermark);
                rest.mark += 1;
                continue;
            }
            if rest.row == batch.num_rows() {
                break;
            }
            let end = next.map_or(batch.num_rows(), |mark| mark.offset);
            let end = end.min(rest.row + PIECE_ROWS);
            rest.row = self.rows(*input, batch, rest.row..end, out)?;
            if out.is_full() {
                self.rest = Some(rest);
                return Ok(Step::More);
            }
        }
        self.measure();
        Ok(Step::Done)
    }

    fn frame(&self) -> Frame {
        let passes = self.spec.tables.iter().any(|t| t.pass_through);
        let keyed = self.spec.tables.iter().any(|t| t.set_semantics);
        Frame {
            scalars: Arc::clone(&self.scalars),
            width: self.own.len(),
            sends: match self.function.changelog() {
                ProcessChangelog::Inserts => Kinds::Inserts,
                ProcessChangelog::Retract => Kinds::Retract,
                ProcessChangelog::Upsert => Kinds::Upsert,
            },
            no_timers: match (passes, keyed) {
                (true, _) => {
                    Some("Timers are not supported in a function that passes columns through.")
                }
                (_, false) => Some("Timers are not supported for tables of row semantics."),
                _ => None,
            },
            watermark: self.watermark,
        }
    }

    /// Processes rows of a batch until the output is full; the row to go on with.
    fn rows(
        &mut self,
        input: usize,
        batch: &ChangeBatch,
        range: std::ops::Range<usize>,
        out: &mut Output,
    ) -> Result<usize> {
        let table = &self.spec.tables[input];
        let piece = batch.slice(range.start, range.len());
        let rows = piece.num_rows();
        let column = |at: &usize| ArrayRef::clone(piece.rows.column(*at));
        let columns: Vec<ArrayRef> = table.columns.iter().map(column).collect();
        let keys: Vec<ArrayRef> = table.keys.iter().map(column).collect();
        let times = table.on_time.map(|at| column(&at));
        let argument = table.argument;
        let mut row_slots = Vec::with_capacity(rows);
        if table.set_semantics {
            self.index.slots_for(&keys, rows, &mut row_slots)?;
        } else {
            // Rows by themselves have no key, and no state.
            row_slots.resize(rows, 0);
        }
        let (numbers, slots) = numbered(&row_slots);
        self.reserve(&slots);
        let function = Arc::clone(&self.function);
        let mut stores = std::mem::take(&mut self.stores);
        let mut work = Work::new(&mut stores, slots, self.frame())?;
        let mut done = 0;
        while done < rows && work.sent.len() < out.batch_rows() {
            let values = Value::row_of(&columns, done);
            let values = values.map_err(|e| failed(function.name(), e))?;
            let row = InputRow {
                argument,
                kind: piece.kind(done),
                values: &values,
            };
            work.turn_to(numbers[done], done as u32, time_of(times.as_ref(), done));
            let processed = function.process(&row, &mut work);
            let processed = processed.and_then(|()| work.check());
            processed.map_err(|e| failed(function.name(), e))?;
            done += 1;
        }
        let (slots, sent) = work.finish(&mut self.timers)?;
        self.emit(sent, &Origins::Rows(input, &piece), out)?;
        self.stores = stores;
        self.settle(&slots);
        Ok(range.start + done)
    }

    /// Lets timers go off; true when none is left that the watermark has reached.
    fn fire(&mut self, watermark: Watermark, out: &mut Output) -> Result<bool> {
        if watermark == Watermark::MAX {
            return Ok(true);
        }
        let due = self.timers.take_due(watermark.0, PIECE_TIMERS)?;
        if due.is_empty() {
            return Ok(true);
        }
        self.watermark = Some(watermark.0);
        let row_slots: Vec<u32> = due.iter().map(|d| d.slot).collect();
        let (numbers, slots) = numbered(&row_slots);
        self.reserve(&slots);
        let function = Arc::clone(&self.function);
        let mut stores = std::mem::take(&mut self.stores);
        let mut work = Work::new(&mut stores, slots, self.frame())?;
        let mut seen = 0;
        let mut cancelled = vec![false; due.len()];
        for (at, timer) in due.iter().enumerate() {
            // What an earlier one took back or set anew doesn't go off.
            for op in &work.timer_ops[seen..] {
                let later = due.iter().enumerate().skip(at);
                later.for_each(|(i, d)| cancelled[i] |= op.cancels(d));
            }
            seen = work.timer_ops.len();
            if cancelled[at] {
                continue;
            }
            work.turn_to(numbers[at], at as u32, Some(timer.time));
            let fired = function.on_timer(timer.name.as_deref(), &mut work);
            let fired = fired.and_then(|()| work.check());
            fired.map_err(|e| failed(function.name(), e))?;
        }
        let (slots, sent) = work.finish(&mut self.timers)?;
        self.emit(sent, &Origins::Timers(&due), out)?;
        self.stores = stores;
        self.settle(&slots);
        Ok(false)
    }

    fn reserve(&mut self, slots: &[u32]) {
        let end = self.index.slots_end().max(1);
        for store in &mut self.stores {
            store.reserve_slots(end);
        }
        if let Some(ttl) = &mut self.ttl {
            let now = ttl.now_ms();
            for slot in slots.iter().filter(|slot| ttl.is_expired(**slot, now)) {
                self.stores.iter_mut().for_each(|store| store.clear(*slot));
            }
        }
    }

    /// Forgets keys that have nothing left, and notes when the others were written.
    fn settle(&mut self, slots: &[u32]) {
        if let Some(ttl) = &mut self.ttl {
            let now = ttl.now_ms();
            slots.iter().for_each(|slot| ttl.touch(*slot, now));
        }
        for slot in slots {
            let empty = self.stores.iter().all(|store| store.is_empty(*slot));
            if empty && self.timers.is_empty(*slot) {
                self.index.remove(*slot);
                if let Some(ttl) = &mut self.ttl {
                    ttl.reset(*slot);
                }
            }
        }
    }

    fn measure(&self) {
        if let Some(metrics) = &self.metrics {
            let stores = self.stores.iter().map(Store::memory_bytes);
            let bytes = stores.sum::<usize>()
                + self.index.memory_bytes()
                + self.timers.memory_bytes()
                + self.ttl.as_ref().map_or(0, StateTtl::memory_bytes);
            metrics.state_bytes.set(bytes as u64);
            let keyed = self.spec.tables.iter().any(|t| t.set_semantics);
            let keys = if keyed { self.index.len() } else { 0 };
            metrics.state_rows.set((keys + self.timers.len()) as u64);
        }
    }
}

/// The number of each row's key among the keys, and the keys' slots, each once.
fn numbered(row_slots: &[u32]) -> (Vec<usize>, Vec<u32>) {
    let mut slots = row_slots.to_vec();
    slots.sort_unstable();
    slots.dedup();
    let number = |slot: &u32| slots.binary_search(slot).unwrap_or_default();
    (row_slots.iter().map(number).collect(), slots)
}

fn time_of(times: Option<&ArrayRef>, row: usize) -> Option<i64> {
    let times = times?.as_primitive_opt::<TimestampMillisecondType>()?;
    times.is_valid(row).then(|| times.value(row))
}

/// The scalar arguments' values, by argument.
fn scalars(spec: &ProcessTableSpec, job: &JobContext) -> Result<Arc<[Value]>> {
    let empty = Arc::new(arrow::datatypes::Schema::empty());
    let row = record_batch(&empty, Vec::new(), 1)?;
    let scalar = |expr: &Option<filbert_graph::ExprSpec>| {
        let Some(expr) = expr else {
            return Ok(Value::Null);
        };
        let expr = job.expressions.physical(expr, &empty)?;
        let column = expr.evaluate(&row)?.into_array(1)?;
        Value::of(&column, 0).map_err(OperatorError::user)
    };
    spec.scalars.iter().map(scalar).collect()
}

impl Operator for ProcessTableFunctionOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Some(Arc::clone(&ctx.metrics));
        if let Some(ttl) = &mut self.ttl {
            ttl.open(&ctx.clock);
        }
        let opened = self.function.open(&self.context);
        opened.map_err(|e| failed(self.function.name(), e))
    }

    fn process(&mut self, input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let rest = Rest {
            batch: Some((input, batch)),
            row: 0,
            mark: 0,
            firing: None,
        };
        self.run(rest, out)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        let rest = Rest {
            batch: None,
            row: 0,
            mark: 0,
            firing: Some(watermark),
        };
        self.run(rest, out)
    }

    fn next_timer(&self) -> Option<i64> {
        self.ttl.as_ref().map(StateTtl::next_sweep_ms)
    }

    fn timer(&mut self, now_ms: i64, _out: &mut Output) -> Result<Step> {
        let Some(ttl) = &mut self.ttl else {
            return Ok(Step::Done);
        };
        let expired = ttl.sweep(self.index.live_slots(), now_ms);
        let end = self.index.slots_end().max(1);
        for store in &mut self.stores {
            store.reserve_slots(end);
            expired.iter().for_each(|slot| store.clear(*slot));
        }
        for slot in expired {
            if self.timers.is_empty(slot) {
                self.index.remove(slot);
                ttl.reset(slot);
            }
        }
        self.measure();
        Ok(Step::Done)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        match self.rest.take() {
            Some(rest) => self.run(rest, out),
            None => Ok(Step::Done),
        }
    }
}

#[cfg(test)]
mod tests;
