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

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use filbert_graph::spec::{WindowSpec, WindowTableFunctionSpec};
use filbert_state::{RowTable, ValueTable};
use filbert_types::{ChangeBatch, RowKind};

use crate::columns::types_of;
use crate::error::{OperatorError, Result};
use crate::output::Output;
use crate::sessions::{Segment, SessionOperator, SessionSpec, SessionWork, Sessions};
use crate::window_table_function::timestamps;
use crate::windows::WindowAssigner;

pub(crate) struct SessionWindow {
    output: SchemaRef,
    rows: RowTable,
    /// The rows' kinds, as numbers; not kept while all are inserts.
    kinds: ValueTable<u8>,
    has_kinds: bool,
    /// The session that is being emitted.
    emitting: Option<Emitting>,
}

/// A session on its way out: its next row and its bounds.
struct Emitting {
    next_row: Option<u32>,
    start: i64,
    end: i64,
}

/// The operator.
///
/// # Errors
/// When the window is no session, or its gap isn't positive.
pub(crate) fn session_window(
    spec: &WindowTableFunctionSpec,
    input: &SchemaRef,
    output: SchemaRef,
) -> Result<SessionOperator<SessionWindow>> {
    let WindowSpec::Session { partition_by, .. } = &spec.window else {
        return Err(OperatorError::engine("The window is no session."));
    };
    let sessions = SessionSpec {
        window: &spec.window,
        time_zone: spec.time_zone.as_deref(),
        keys: partition_by,
        time: spec.time,
        proctime: spec.proctime,
    };
    let window = SessionWindow {
        output,
        rows: RowTable::new(&types_of(input)),
        kinds: ValueTable::default(),
        has_kinds: false,
        emitting: None,
    };
    let sessions = Sessions::new(&sessions, input)?;
    Ok(SessionOperator::new(window, sessions))
}

impl SessionWork for SessionWindow {
    fn add(
        &mut self,
        sessions: &mut Sessions,
        segment: &Segment<'_>,
        out: &mut Output,
    ) -> Result<()> {
        let Segment { batch, rows, .. } = segment;
        let all: Vec<u32> = (rows.start as u32..rows.end as u32).collect();
        let mut slots = Vec::new();
        self.rows.insert(batch.rows.columns(), &all, &mut slots)?;
        let accepted = sessions.take(segment, out, |table, row, span| {
            table.add(span.key, span.start, span.end, slots[row - rows.start]);
            Ok(())
        })?;
        self.has_kinds |= batch.kinds.is_some();
        if self.has_kinds {
            self.kinds.reserve_slots(self.rows.slots_end());
        }
        let mut accepted = accepted.into_iter().peekable();
        for (row, slot) in all.iter().zip(slots) {
            if accepted.next_if_eq(row).is_none() {
                self.rows.remove(slot);
            } else if self.has_kinds {
                self.kinds.set(slot, batch.kind(*row as usize) as u8);
            }
        }
        Ok(())
    }

    fn emit(&mut self, sessions: &mut Sessions, out: &mut Output) -> Result<bool> {
        let mut piece: Vec<(u32, i64, i64)> = Vec::new();
        loop {
            while let Some(session) = &mut self.emitting
                && let Some(row) = session.next_row
                && piece.len() < out.batch_rows()
            {
                piece.push((row, session.start, session.end));
                session.next_row = sessions.table.next_row(row);
            }
            if piece.len() >= out.batch_rows() {
                self.emit_piece(&sessions.assigner, &piece, out)?;
                piece.clear();
                if out.is_full() {
                    return Ok(false);
                }
                continue;
            }
            self.emitting = sessions.pop_due().map(|session| Emitting {
                next_row: session.first_row,
                start: session.start,
                end: session.end,
            });
            if self.emitting.is_none() {
                self.emit_piece(&sessions.assigner, &piece, out)?;
                return Ok(true);
            }
        }
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn memory_bytes(&self) -> usize {
        self.rows.memory_bytes()
    }
}

impl SessionWindow {
    /// Emits rows with their sessions' bounds and forgets them.
    fn emit_piece(
        &mut self,
        assigner: &WindowAssigner,
        piece: &[(u32, i64, i64)],
        out: &mut Output,
    ) -> Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        let slots: Vec<u32> = piece.iter().map(|(row, _, _)| *row).collect();
        let mut columns: Vec<ArrayRef> = self.rows.gather(&slots)?;
        let starts = piece.iter().map(|(_, start, _)| *start).collect();
        let ends = piece.iter().map(|(_, _, end)| *end).collect();
        let times = piece.iter().map(|(_, _, end)| *end);
        let times = times.map(|end| assigner.window_time(end)).collect();
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
}

#[cfg(test)]
mod tests;
