//! Rows on their way in.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use filbert_graph::spec::MatchTime;
use filbert_types::ChangeBatch;

use super::MatchRecognizeOperator;
use super::schedule::Due;
use crate::error::{OperatorError, Result};
use crate::watermark_assigner::to_millis;

impl MatchRecognizeOperator {
    /// Stores the rows that are not late, each under its time.
    pub(super) fn accept(&mut self, batch: &ChangeBatch, now_ms: i64) -> Result<Vec<Due>> {
        let (kept, times) = self.kept_rows(batch, now_ms)?;
        if kept.is_empty() {
            return Ok(Vec::new());
        }
        let columns = self.partition_by.iter();
        let columns: Vec<ArrayRef> = columns.map(|k| Arc::clone(batch.rows.column(*k))).collect();
        let columns = if kept.len() == batch.num_rows() {
            columns
        } else {
            let picked = arrow::array::UInt32Array::from(kept.clone());
            columns
                .iter()
                .map(|c| arrow::compute::take(c, &picked, None))
                .collect::<Result<_, _>>()?
        };
        let (mut keys, mut slots) = (Vec::new(), Vec::new());
        self.keys.of(&columns, kept.len(), &mut keys)?;
        self.rows.insert(&batch.rows, &kept, &mut slots)?;
        let due = keys.iter().zip(&slots).zip(times);
        Ok(due
            .map(|((key, row), time)| {
                self.keys.hold(*key);
                Due {
                    time,
                    key: *key,
                    row: *row,
                }
            })
            .collect())
    }

    /// The rows of a batch that are not late, and their times.
    fn kept_rows(&self, batch: &ChangeBatch, now_ms: i64) -> Result<(Vec<u32>, Vec<i64>)> {
        let rows = batch.num_rows();
        let column = match self.time {
            MatchTime::Event(column) | MatchTime::Sorted(Some(column)) => column,
            MatchTime::Processing => return Ok(((0..rows as u32).collect(), vec![now_ms; rows])),
            MatchTime::Sorted(None) => return Ok(((0..rows as u32).collect(), vec![0; rows])),
        };
        let times = to_millis(batch.rows.column(column))?;
        if times.null_count() > 0 {
            return Err(OperatorError::user(
                "RowTime field should not be null, please convert it to a non-null long value.",
            ));
        }
        if matches!(self.time, MatchTime::Sorted(_)) {
            return Ok(((0..rows as u32).collect(), times.values().to_vec()));
        }
        let (mut kept, mut kept_times) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        let mut progress = self.progress;
        let mut marks = batch.marks.iter().peekable();
        for (row, time) in (0u32..).zip(times.values()) {
            while let Some(mark) = marks.next_if(|m| m.offset <= row as usize) {
                progress = progress.max(mark.watermark.0);
            }
            if *time > progress {
                kept.push(row);
                kept_times.push(*time);
            }
        }
        let late = rows - kept.len();
        self.metrics.late_records_dropped.add(late as u64);
        Ok((kept, kept_times))
    }
}
