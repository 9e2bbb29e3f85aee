//! OVER by the time of rows that change, or over so many rows by an ordinary column: which results a change touches, and what they are then.
//!
//! A change touches the rows whose frames reach it (and, where a frame lies beside its row, those between). Each of them
//! is computed anew over its frame, all of them in one sliding run.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array};
use arrow::compute::kernels::zip::zip;
use filbert_graph::spec::{OverBound, OverFrame, OverFunction, OverSpec, OverTime};
use filbert_state::{NO_SLOT, SortedTable, ValueTable};
use filbert_types::{ChangeBatch, RowKind};

use super::changing::{ChangingOverOperator, Computed, Input, SCRATCH};
use super::steps::Steps;
use crate::aggregate::Op;
use crate::error::{OperatorError, Result};
use crate::watermark_assigner::to_millis;

pub(super) struct ByTime {
    rowtime: usize,
    frame: OverFrame,
    functions: Vec<OverFunction>,
    /// By entry.
    times: ValueTable<i64>,
}

impl ByTime {
    /// None where the order is that of an ordinary column.
    pub fn new(spec: &OverSpec, rowtime: usize) -> Option<ByTime> {
        matches!(spec.order, OverTime::Corrected(_)).then(|| ByTime {
            rowtime,
            frame: spec.frame,
            functions: spec.calls.clone(),
            times: ValueTable::default(),
        })
    }

    /// Rows leave the frames.
    pub fn retracts(&self) -> bool {
        self.frame.start != OverBound::UnboundedPreceding
    }

    /// The times of a batch's rows, where frames go by them.
    pub fn times_of(&self, batch: &ChangeBatch) -> Result<Vec<i64>> {
        if self.frame.rows {
            return Ok(vec![0; batch.num_rows()]);
        }
        let times = to_millis(batch.rows.column(self.rowtime))?;
        if times.null_count() > 0 {
            return Err(OperatorError::user(
                "RowTime field should not be null, please convert it to a non-null long value.",
            ));
        }
        Ok(times.values().to_vec())
    }

    fn note(&mut self, entry: u32, time: i64) {
        self.times.reserve_slots(entry as usize + 1);
        self.times.set(entry, time);
    }

    /// How far a change reaches to rows before it, and to rows behind it; none for all of these.
    fn reach(&self) -> (i64, Option<i64>) {
        let OverBound::Offset(end) = self.frame.end else {
            return (0, None);
        };
        let behind = match self.frame.start {
            OverBound::UnboundedPreceding => None,
            OverBound::Offset(start) => Some((-start).max(0)),
        };
        (end.max(0), behind)
    }

    /// The first of a partition's rows that is not before this time.
    fn lower_bound(&self, sorted: &SortedTable, partition: u32, time: i64) -> usize {
        let (mut low, mut high) = (0, sorted.len_of(partition));
        while low < high {
            let middle = usize::midpoint(low, high);
            let entry = sorted.get(partition, middle);
            if entry.is_some_and(|e| self.times.get(e) < time) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The rows whose results a change at a position (of a row that is there, or was) may touch.
    fn touched(
        &self,
        sorted: &SortedTable,
        partition: u32,
        (position, time): (usize, i64),
        is_there: bool,
    ) -> Range<usize> {
        let length = sorted.len_of(partition);
        let (before, behind) = self.reach();
        if !self.frame.rows {
            let from = self.lower_bound(sorted, partition, time.saturating_sub(before));
            let until = behind.map_or(length, |behind| {
                let until = time.saturating_add(behind).saturating_add(1);
                self.lower_bound(sorted, partition, until)
            });
            return from..until.max(from);
        }
        let count = |offset: i64| usize::try_from(offset).unwrap_or(usize::MAX);
        let from = position.saturating_sub(count(before));
        let until = behind.map_or(length, |behind| {
            let until = position.saturating_add(count(behind));
            until.saturating_add(usize::from(is_there)).min(length)
        });
        from..until.max(from)
    }

    /// The positions of the frame of the row at a position, between those of the row before it and the partition's end.
    fn frame_of(
        &self,
        sorted: &SortedTable,
        partition: u32,
        position: usize,
    ) -> Result<Range<usize>> {
        let length = sorted.len_of(partition);
        let Some(entry) = sorted.get(partition, position) else {
            return Err(OperatorError::engine("A row of a window is gone."));
        };
        let time = self.times.get(entry);
        let start = match self.frame.start {
            OverBound::UnboundedPreceding => 0,
            OverBound::Offset(offset) if self.frame.rows => moved(position, offset, length),
            OverBound::Offset(offset) => {
                self.lower_bound(sorted, partition, time.saturating_add(offset))
            }
        };
        let end = match self.frame.end {
            OverBound::UnboundedPreceding => 0,
            OverBound::Offset(offset) if self.frame.rows => {
                moved(position, offset.saturating_add(1), length)
            }
            OverBound::Offset(offset) => {
                let until = time.saturating_add(offset).saturating_add(1);
                self.lower_bound(sorted, partition, until)
            }
        };
        Ok(start..end.max(start))
    }

    /// What enters and leaves the accumulators for these rows.
    fn steps(&self, sorted: &SortedTable, partition: u32, rows: Range<usize>) -> Result<Steps> {
        let mut steps = Steps::default();
        let mut inside = 0..0;
        let mut entries = sorted.iter_from(partition, 0);
        let mut leaving = sorted.iter_from(partition, 0);
        for position in rows {
            let frame = self.frame_of(sorted, partition, position)?;
            if frame.start >= inside.end {
                // Nothing of the frame before is left, and rows between are in none.
                leaving
                    .by_ref()
                    .take(inside.end - inside.start)
                    .for_each(|e| steps.push(SCRATCH, e, Op::Retract));
                if frame.start > inside.end {
                    entries.by_ref().nth(frame.start - inside.end - 1);
                    leaving.by_ref().nth(frame.start - inside.end - 1);
                }
                inside = frame.start..frame.start;
            } else {
                leaving
                    .by_ref()
                    .take(frame.start - inside.start)
                    .for_each(|e| steps.push(SCRATCH, e, Op::Retract));
                inside.start = frame.start;
            }
            entries
                .by_ref()
                .take(frame.end.saturating_sub(inside.end))
                .for_each(|e| steps.push(SCRATCH, e, Op::Add));
            inside.end = inside.end.max(frame.end);
            if steps.len() == 0 {
                let current = sorted.get(partition, position).unwrap_or(NO_SLOT);
                steps.push(SCRATCH, current, Op::Skip);
            }
            steps.output(steps.len() - 1);
        }
        Ok(steps)
    }
}

/// The aggregates among a window's functions.
pub(super) fn aggregates(functions: &[OverFunction]) -> Vec<OverFunction> {
    let is_aggregate = |f: &&OverFunction| matches!(f, OverFunction::Aggregate(_));
    functions.iter().filter(is_aggregate).cloned().collect()
}

/// A position so many rows behind another one, within a partition.
fn moved(position: usize, offset: i64, length: usize) -> usize {
    let at = i64::try_from(position).unwrap_or(i64::MAX);
    let at = at.saturating_add(offset).max(0);
    usize::try_from(at).unwrap_or(usize::MAX).min(length)
}

/// The rank of each row: of the first of equal rows, or the number of different ones up to it.
fn ranks(sorted: &SortedTable, partition: u32, rows: Range<usize>, dense: bool) -> ArrayRef {
    let (mut rank, mut groups) = (0i64, 0i64);
    let mut before = None;
    let mut ranks = Vec::with_capacity(rows.len());
    for (position, entry) in sorted.iter_from(partition, 0).take(rows.end).enumerate() {
        if !before.is_some_and(|b| sorted.same_key(b, entry)) {
            rank = position as i64 + 1;
            groups += 1;
        }
        before = Some(entry);
        if position >= rows.start {
            ranks.push(if dense { groups } else { rank });
        }
    }
    Arc::new(Int64Array::from(ranks))
}

impl ChangingOverOperator {
    pub(super) fn insert_by_time(&mut self, input: &Input, kind: RowKind) -> Result<()> {
        let (partition, time) = (input.partitions[input.row], input.times[input.row]);
        let (entry, position) = self.accept(input)?;
        let Some(by_time) = &mut self.by_time else {
            return Ok(());
        };
        by_time.note(entry, time);
        let rows = by_time.touched(&self.store.sorted, partition, (position, time), true);
        let computed = self.compute_by_time(partition, rows.clone())?;
        for at in rows {
            if at == position {
                self.emit_new(&computed, at, kind)?;
            } else if !computed.same[at - computed.from] {
                self.emit_update(&computed, at)?;
            }
        }
        Ok(())
    }

    pub(super) fn remove_by_time(&mut self, input: &Input) -> Result<()> {
        let (partition, time) = (input.partitions[input.row], input.times[input.row]);
        let Some((entry, position)) = self.take_back(input)? else {
            return Ok(());
        };
        self.emit_delete(entry);
        let Some(by_time) = &self.by_time else {
            return Ok(());
        };
        let rows = by_time.touched(&self.store.sorted, partition, (position, time), false);
        let computed = self.compute_by_time(partition, rows.clone())?;
        for at in rows {
            if !computed.same[at - computed.from] {
                self.emit_update(&computed, at)?;
            }
        }
        Ok(())
    }

    /// The results of these rows of a partition.
    fn compute_by_time(&mut self, partition: u32, rows: Range<usize>) -> Result<Computed> {
        let (store, calls) = (&self.store, &mut self.calls);
        let sorted = &store.sorted;
        let in_range = sorted.iter_from(partition, rows.start).take(rows.len());
        let entries: Vec<u32> = in_range.collect();
        let Some(by_time) = &self.by_time else {
            return self.compared(entries, rows.start, Vec::new());
        };
        let has_aggregates = !aggregates(&by_time.functions).is_empty();
        let mut aggregated = Vec::new();
        if has_aggregates && !entries.is_empty() {
            let steps = by_time.steps(sorted, partition, rows.clone())?;
            calls.reserve(1);
            calls.reset(SCRATCH);
            aggregated = calls.run(&steps, &store.rows)?;
        }
        let mut aggregated = aggregated.into_iter();
        let mut results: Vec<ArrayRef> = Vec::with_capacity(by_time.functions.len());
        for function in &by_time.functions {
            match function {
                OverFunction::Aggregate(_) => results.extend(aggregated.next()),
                OverFunction::Rank { dense } => {
                    results.push(ranks(sorted, partition, rows.clone(), *dense));
                }
                OverFunction::Lag {
                    value,
                    offset,
                    default,
                } => {
                    let offset = i64::try_from(*offset).unwrap_or(i64::MAX);
                    // LEAD looks at the one row of its frame, LAG at one before the row.
                    let from_row = match (by_time.frame.start, by_time.frame.end) {
                        (OverBound::Offset(start), OverBound::Offset(end)) if start == end => end,
                        _ => -offset,
                    };
                    let length = sorted.len_of(partition) as i64;
                    let picks = rows.clone().map(|position| {
                        let at = (position as i64).saturating_add(from_row);
                        let at = (0..length).contains(&at).then_some(at as usize);
                        at.and_then(|at| sorted.get(partition, at))
                            .unwrap_or(NO_SLOT)
                    });
                    let picks: Vec<u32> = picks.collect();
                    let column = |column: usize, entries: &[u32]| -> Result<ArrayRef> {
                        let gathered = store.rows.gather_some(&[column], column + 1, entries)?;
                        Ok(ArrayRef::clone(&gathered[column]))
                    };
                    let values = column(*value, &picks)?;
                    results.push(match default {
                        None => values,
                        Some(default) => {
                            let is_missing = picks.iter().map(|pick| Some(*pick == NO_SLOT));
                            let is_missing: BooleanArray = is_missing.collect();
                            zip(&is_missing, &column(*default, &entries)?, &values)?
                        }
                    });
                }
            }
        }
        self.compared(entries, rows.start, results)
    }
}
