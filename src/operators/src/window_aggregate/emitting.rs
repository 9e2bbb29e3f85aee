//! GROUP BY window and keys whose results are sent before the window's end and updated after it (`table.exec.emit.*`).
//!
//! - State: by window and key, the number of rows, each call's accumulator, and, while what was sent is no longer so, the
//!   values that were sent. A window is kept until the watermark has passed its end by the allowed lateness.
//! - Changelog: takes any; emits +I for a window's first result, -U (where the consumer needs it) and +U when it differs
//!   from what was sent, -D when its rows have been retracted.
//! - Before its end a window's result goes out after every row, or every `early_ms` by the clock, counted from the key's
//!   first row; when the watermark passes its end, if it has not gone out or has changed; then again after every late row
//!   or every `late_ms`. What has changed and not gone out when the window is forgotten goes out then. (In Flink it is
//!   lost.) As in Flink, a key whose first row comes after the window's end sends after every row.
//! - Rows behind the allowed lateness are dropped and counted, and go to the side output `late-data`.
//! - Over processing time windows end by the clock, or with the input; no row is late.
//! - Cost: as GROUP BY with the window as a key.

mod changes;
mod intake;

use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::SchemaRef;
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::{WindowAggregateSpec, WindowEmitSpec};
use filbert_state::{RowTable, TimeTable, ValueTable};
use filbert_types::{ChangeBatch, Clock, Watermark};

use self::intake::Input;
use super::slices::Slices;
use crate::columns::types_at;
use crate::context::OperatorContext;
use crate::error::{OperatorError, Result};
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::watermark_assigner::to_millis;
use crate::windows::WindowAssigner;

pub struct EmittingWindowAggregateOperator {
    spec: WindowAggregateSpec,
    emit: WindowEmitSpec,
    assigner: WindowAssigner,
    output: SchemaRef,
    slices: Slices,
    groups: ValueTable<Group>,
    /// What was sent of the groups that have changed since.
    sent: RowTable,
    /// Groups by the instant of the clock at which they send.
    timers: TimeTable<Vec<u32>>,
    /// The greatest watermark seen; over processing time the instant up to which windows have ended.
    progress: i64,
    /// The end of the last window that has fired.
    fired_end: i64,
    clock: Option<Arc<dyn Clock>>,
    input: Option<Input>,
    sending: Option<Sending>,
    /// Passes on when nothing is due any more.
    passing: Option<Watermark>,
    metrics: Arc<OperatorMetrics>,
}

/// What stands beside a group's accumulators.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    window_end: i64,
    /// A result of it has been sent and not been deleted.
    is_sent: bool,
    /// It may differ from what was sent.
    is_changed: bool,
    /// Where what was sent is kept, plus one; 0 for nowhere.
    sent_row: u32,
    /// Its window has ended since its first row.
    has_fired: bool,
    /// When the clock's periods began, and at which instant it sends; 0 for none.
    began_ms: i64,
    due_ms: i64,
}

/// Groups that send, in pieces.
struct Sending {
    slots: Vec<u32>,
    done: usize,
    /// They are forgotten behind it.
    forgets: bool,
}

impl EmittingWindowAggregateOperator {
    /// # Errors
    /// When the window's parameters make no windows, or a function isn't there for its arguments.
    pub fn new(
        spec: &WindowAggregateSpec,
        emit: WindowEmitSpec,
        input: &SchemaRef,
        output: SchemaRef,
        functions: &FunctionRegistry,
    ) -> Result<EmittingWindowAggregateOperator> {
        let keys = types_at(input, &spec.keys);
        let results: Vec<usize> = (spec.keys.len()..spec.keys.len() + spec.calls.len()).collect();
        Ok(EmittingWindowAggregateOperator {
            assigner: WindowAssigner::new(&spec.window, spec.time_zone.as_deref())?,
            slices: Slices::new(keys, &spec.calls, spec.input_retracts, functions)?,
            groups: ValueTable::default(),
            sent: RowTable::new(&types_at(&output, &results)),
            timers: TimeTable::default(),
            spec: spec.clone(),
            emit,
            output,
            progress: i64::MIN,
            fired_end: i64::MIN,
            clock: None,
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
            if let Some(due) = self.next_due() {
                self.sending = Some(due);
                continue;
            }
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

    /// The window that ends or is forgotten next, if that is due.
    fn next_due(&mut self) -> Option<Sending> {
        let ends = self.slices.end_after(self.fired_end);
        let ends = ends.filter(|end| self.assigner.fires_at(*end) <= self.progress);
        let goes = self.slices.first_end();
        let goes = goes.filter(|end| self.forgotten_at(*end) <= self.progress);
        if let Some(end) = ends
            && goes.is_none_or(|goes| self.forgotten_at(goes) >= self.assigner.fires_at(end))
        {
            self.fired_end = end;
            let slots = self.slices.slots_of(end);
            for slot in &slots {
                let mut group = self.groups.get(*slot);
                group.has_fired = true;
                (group.began_ms, group.due_ms) = (0, 0);
                self.groups.set(*slot, group);
            }
            let slots = slots.into_iter().filter(|slot| self.must_send(*slot));
            return Some(Sending {
                slots: slots.collect(),
                done: 0,
                forgets: false,
            });
        }
        Some(Sending {
            slots: self.slices.pop_until(goes?)?,
            done: 0,
            forgets: true,
        })
    }

    fn must_send(&self, slot: u32) -> bool {
        let group = self.groups.get(slot);
        group.is_changed || (!group.is_sent && self.slices.has_rows(slot))
    }

    /// The watermark at which a window takes no more rows.
    fn forgotten_at(&self, end: i64) -> i64 {
        let lateness = i64::try_from(self.emit.lateness_ms).unwrap_or(i64::MAX);
        self.assigner.fires_at(end).saturating_add(lateness)
    }

    /// Sends groups; what is left when the output is full.
    fn send(&mut self, mut sending: Sending, out: &mut Output) -> Result<Option<Sending>> {
        while sending.done < sending.slots.len() {
            if out.is_full() {
                return Ok(Some(sending));
            }
            let until = (sending.done + out.batch_rows()).min(sending.slots.len());
            let piece = &sending.slots[sending.done..until];
            if piece.iter().any(|slot| self.must_send(*slot)) {
                out.emit(self.net_changes(piece)?);
            }
            sending.done = until;
        }
        if sending.forgets {
            self.slices.release(&sending.slots);
            for slot in &sending.slots {
                self.groups.reset(*slot);
            }
        }
        Ok(None)
    }

    /// The clock has reached groups' instants.
    fn ring(&mut self, now_ms: i64) {
        let mut slots = Vec::new();
        while let Some((at, due)) = self.timers.pop_until(now_ms) {
            for slot in due {
                let mut group = self.groups.get(slot);
                if group.due_ms == at {
                    group.due_ms = 0;
                    self.groups.set(slot, group);
                    slots.push(slot);
                }
            }
        }
        slots.retain(|slot| self.must_send(*slot));
        self.sending = Some(Sending {
            slots,
            done: 0,
            forgets: false,
        });
    }

    fn measure(&self) {
        let bytes =
            self.slices.memory_bytes() + self.groups.memory_bytes() + self.sent.memory_bytes();
        self.metrics.set_state(self.slices.len(), bytes);
    }
}

impl Operator for EmittingWindowAggregateOperator {
    fn side_outputs(&self) -> &'static [&'static str] {
        &["late-data"]
    }

    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        self.clock = Some(Arc::clone(&ctx.clock));
        Ok(())
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let ends = to_millis(batch.rows.column(self.spec.time))?;
        if ends.null_count() > 0 {
            return Err(OperatorError::engine("A row without its window's end."));
        }
        self.input = Some(Input {
            ends,
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
        self.passing = Some(watermark);
        self.run(out)
    }

    fn next_timer(&self) -> Option<i64> {
        let end = self.slices.first_end().filter(|_| self.spec.proctime);
        let end = end.map(|end| self.assigner.fires_at(end) + 1);
        match (self.timers.first_time(), end) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn timer(&mut self, now_ms: i64, out: &mut Output) -> Result<Step> {
        if self.spec.proctime {
            self.progress = self.progress.max(now_ms - 1);
        }
        self.ring(now_ms);
        self.run(out)
    }

    fn end_input(&mut self, _input: usize, out: &mut Output) -> Result<Step> {
        // Flink forgets the windows that are open in processing time when the input ends; here they count.
        if self.spec.proctime {
            self.progress = i64::MAX;
        }
        self.run(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}

#[cfg(test)]
mod tests;
