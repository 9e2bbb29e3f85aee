//! What groups send: of every row, or what they have become since.

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::{interleave, take};
use filbert_graph::spec::WindowColumn;
use filbert_types::{ChangeBatch, RowKind};

use super::EmittingWindowAggregateOperator;
use crate::aggregate::{Op, Rows};
use crate::columns::record_batch;
use crate::error::Result;
use crate::group_aggregate::mini_batch::differences;
use crate::output::Output;
use crate::window_table_function::timestamps;

impl EmittingWindowAggregateOperator {
    /// Adds rows whose groups send after each of them: (row, slot).
    pub(super) fn add_now(
        &mut self,
        batch: &ChangeBatch,
        rows: &[(u32, u32)],
        out: &mut Output,
    ) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let slots: Vec<u32> = rows.iter().map(|(_, slot)| *slot).collect();
        let (ops, empties) = self.count(batch, rows);
        let retracts = batch.kinds.is_some();
        let taken = UInt32Array::from_iter_values(rows.iter().map(|(row, _)| *row));
        let taken = batch.take(&taken)?;
        let mut changed = vec![false; rows.len()];
        let values = self.slices.calls.running(
            Rows {
                slots: &slots,
                ops: retracts.then_some(ops.as_slice()),
                resets: retracts.then_some(empties.as_slice()),
            },
            taken.rows.columns(),
            &mut changed,
        )?;
        let (mut picks, mut kinds) = (Vec::new(), Vec::new());
        for (i, slot) in slots.iter().enumerate() {
            let (before, after) = (2 * i as u32, 2 * i as u32 + 1);
            if ops[i] == Op::Skip {
                continue;
            }
            let mut group = self.groups.get(*slot);
            let mut push = |pick: u32, kind: RowKind| {
                picks.push(pick);
                kinds.push(kind);
            };
            if !group.is_sent {
                push(after, RowKind::Insert);
            } else if empties[i] {
                push(before, RowKind::Delete);
            } else if changed[i] {
                if self.emit.emit_update_before {
                    push(before, RowKind::UpdateBefore);
                }
                push(after, RowKind::UpdateAfter);
            }
            group.is_sent = !empties[i];
            self.groups.set(*slot, group);
        }
        let rows = UInt32Array::from_iter_values(picks.iter().map(|pick| pick / 2));
        let slots: Vec<u32> = rows
            .values()
            .iter()
            .map(|row| slots[*row as usize])
            .collect();
        let picks = UInt32Array::from(picks);
        let values = values.iter().map(|value| take(value, &picks, None));
        let values = values.collect::<std::result::Result<_, _>>()?;
        out.emit(self.batch_of(&slots, values, kinds)?);
        Ok(())
    }

    /// What these groups have become since they sent.
    pub(super) fn net_changes(&mut self, slots: &[u32]) -> Result<ChangeBatch> {
        let after = self.slices.calls.values(slots)?;
        let groups: Vec<_> = slots.iter().map(|slot| self.groups.get(*slot)).collect();
        // Groups that have sent nothing, or the same, stand for themselves.
        let stored: Vec<u32> = groups
            .iter()
            .filter(|g| g.sent_row > 0)
            .map(|g| g.sent_row - 1)
            .collect();
        let kept = self.sent.gather(&stored)?;
        let mut next = 0;
        let places: Vec<(usize, usize)> = groups
            .iter()
            .enumerate()
            .map(|(i, group)| match group.sent_row {
                0 => (0, i),
                _ => {
                    next += 1;
                    (1, next - 1)
                }
            })
            .collect();
        let before: Vec<ArrayRef> = after
            .iter()
            .zip(&kept)
            .map(|(after, kept)| interleave(&[after.as_ref(), kept.as_ref()], &places))
            .collect::<std::result::Result<_, _>>()?;
        let changed = differences(&before, &after, slots.len());
        let (mut picks, mut kinds) = (Vec::new(), Vec::new());
        for (i, slot) in slots.iter().enumerate() {
            let mut group = groups[i];
            let lives = self.slices.has_rows(*slot);
            let mut push = |side: usize, kind: RowKind| {
                picks.push((side, i));
                kinds.push(kind);
            };
            match (group.is_sent, lives) {
                (false, true) => push(1, RowKind::Insert),
                (true, false) => push(0, RowKind::Delete),
                (true, true) if changed[i] => {
                    if self.emit.emit_update_before {
                        push(0, RowKind::UpdateBefore);
                    }
                    push(1, RowKind::UpdateAfter);
                }
                _ => {}
            }
            if group.sent_row > 0 {
                self.sent.remove(group.sent_row - 1);
            }
            group.sent_row = 0;
            group.is_changed = false;
            group.is_sent = lives;
            self.groups.set(*slot, group);
            if !lives {
                self.slices.calls.reset(*slot);
                self.slices.counts.reset(*slot);
            }
        }
        let sent: Vec<u32> = picks.iter().map(|(_, i)| slots[*i]).collect();
        let values = before.iter().zip(&after);
        let values = values
            .map(|(before, after)| interleave(&[before.as_ref(), after.as_ref()], &picks))
            .collect::<std::result::Result<_, _>>()?;
        self.batch_of(&sent, values, kinds)
    }

    /// Rows of the groups' keys, these values and their windows' bounds.
    fn batch_of(
        &self,
        slots: &[u32],
        values: Vec<ArrayRef>,
        kinds: Vec<RowKind>,
    ) -> Result<ChangeBatch> {
        let mut columns = self.slices.index.key_columns(slots)?;
        columns.extend(values);
        for column in &self.spec.window_columns {
            let bounds = slots.iter().map(|slot| {
                let end = self.groups.get(*slot).window_end;
                match column {
                    WindowColumn::Start => self.assigner.window_ending(end).start_ms,
                    WindowColumn::End => end,
                    WindowColumn::Time => self.assigner.window_time(end),
                }
            });
            let ty = self.output.field(columns.len()).data_type();
            columns.push(timestamps(bounds.collect(), ty)?);
        }
        let rows = record_batch(&self.output, columns, slots.len())?;
        Ok(ChangeBatch::with_kinds(rows, kinds))
    }
}
