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

use arrow::array::{ArrayRef, UInt32Array};
use arrow::datatypes::SchemaRef;
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::{WindowAggregateSpec, WindowColumn};
use filbert_state::{RowTable, Session, ValueTable};
use filbert_types::ChangeBatch;

use crate::aggregate::{AggregateCalls, Op, Rows};
use crate::columns::record_batch;
use crate::error::Result;
use crate::output::Output;
use crate::sessions::{Segment, SessionOperator, SessionSpec, SessionWork, Sessions};
use crate::window_table_function::timestamps;

pub(crate) struct SessionAggregate {
    window_columns: Vec<WindowColumn>,
    output: SchemaRef,
    /// Gives the slots of the accumulators out.
    slots: RowTable,
    counts: ValueTable<i64>,
    calls: AggregateCalls,
}

/// The operator.
///
/// # Errors
/// When the gap isn't positive, or a function isn't there for its arguments.
pub(crate) fn session_aggregate(
    spec: &WindowAggregateSpec,
    input: &SchemaRef,
    output: SchemaRef,
    functions: &FunctionRegistry,
) -> Result<SessionOperator<SessionAggregate>> {
    let sessions = SessionSpec {
        window: &spec.window,
        time_zone: spec.time_zone.as_deref(),
        keys: &spec.keys,
        time: spec.time,
        proctime: spec.proctime,
    };
    let aggregate = SessionAggregate {
        window_columns: spec.window_columns.clone(),
        output,
        slots: RowTable::new(&[]),
        counts: ValueTable::default(),
        calls: AggregateCalls::with_functions(&spec.calls, spec.input_retracts, functions)?,
    };
    let sessions = Sessions::new(&sessions, input)?;
    Ok(SessionOperator::new(aggregate, sessions))
}

impl SessionWork for SessionAggregate {
    fn add(
        &mut self,
        sessions: &mut Sessions,
        segment: &Segment<'_>,
        out: &mut Output,
    ) -> Result<()> {
        let fresh = &mut self.slots;
        let mut slots = Vec::new();
        let accepted = sessions.take(segment, out, |table, _, span| {
            let slot = table.entry_for(span.key, span.start, span.end, || fresh.reserve());
            slots.push(slot?);
            Ok(())
        })?;
        if accepted.is_empty() {
            return Ok(());
        }
        self.counts.reserve_slots(self.slots.slots_end());
        self.calls.reserve_slots(self.slots.slots_end());
        let ops = segment.batch.kinds.as_ref().map(|kinds| {
            let ops = accepted.iter().map(|row| Op::of(kinds[*row as usize]));
            ops.collect::<Vec<_>>()
        });
        for (i, slot) in slots.iter().enumerate() {
            let added = ops.as_ref().is_none_or(|ops| ops[i] == Op::Add);
            let count = self.counts.get(*slot) + if added { 1 } else { -1 };
            self.counts.set(*slot, count);
        }
        let whole = accepted.len() == segment.batch.num_rows();
        let taken = match whole {
            true => segment.batch.clone(),
            false => segment.batch.take(&UInt32Array::from(accepted))?,
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

    fn emit(&mut self, sessions: &mut Sessions, out: &mut Output) -> Result<bool> {
        loop {
            let most = out.batch_rows().max(1);
            let due = std::iter::from_fn(|| sessions.pop_due());
            let due: Vec<Session> = due.take(most).collect();
            if due.is_empty() {
                return Ok(true);
            }
            self.emit_piece(sessions, &due, out)?;
            if out.is_full() {
                return Ok(false);
            }
        }
    }

    fn len(&self) -> usize {
        self.slots.len()
    }

    fn memory_bytes(&self) -> usize {
        self.counts.memory_bytes() + self.calls.memory_bytes()
    }
}

impl SessionAggregate {
    /// Emits sessions and forgets them.
    fn emit_piece(&mut self, sessions: &Sessions, due: &[Session], out: &mut Output) -> Result<()> {
        let first = |session: &Session| session.first_row.unwrap_or_default();
        // Accumulators of sessions that have become one, the next of each chain at a time.
        let mut links: Vec<(u32, u32)> = due.iter().map(|s| (first(s), first(s))).collect();
        let mut merged = Vec::new();
        loop {
            let next = links.iter().filter_map(|(into, at)| {
                let next = sessions.table.next_row(*at)?;
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
        let live = due.iter().filter(|s| self.counts.get(first(s)) > 0);
        let live: Vec<Session> = live.copied().collect();
        out.emit(self.batch_of(sessions, &live)?);
        for slot in due.iter().map(first).chain(merged) {
            self.calls.reset(slot);
            self.counts.reset(slot);
            self.slots.remove(slot);
        }
        Ok(())
    }

    fn batch_of(&self, sessions: &Sessions, live: &[Session]) -> Result<ChangeBatch> {
        let keys: Vec<u32> = live.iter().map(|s| s.key).collect();
        let slots = live.iter().map(|s| s.first_row.unwrap_or_default());
        let slots: Vec<u32> = slots.collect();
        let mut columns: Vec<ArrayRef> = sessions.index.key_columns(&keys)?;
        columns.extend(self.calls.values(&slots)?);
        for column in &self.window_columns {
            let bounds = live.iter().map(|session| match column {
                WindowColumn::Start => session.start,
                WindowColumn::End => session.end,
                WindowColumn::Time => sessions.assigner.window_time(session.end),
            });
            let ty = self.output.field(columns.len()).data_type();
            columns.push(timestamps(bounds.collect(), ty)?);
        }
        let rows = record_batch(&self.output, columns, live.len())?;
        Ok(ChangeBatch::insert(rows))
    }
}

#[cfg(test)]
mod tests;
