//! Rows and timers, by the time for which they wait.

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::{SortColumn, SortOptions, lexsort_to_indices};
use filbert_state::{TimeTable, ValueTable};

use super::rows::Rows;
use crate::error::Result;

/// A row whose time has come, or a timer of a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    pub time: i64,
    pub key: u32,
    /// `TIMER` for a timer.
    pub row: u32,
}

const TIMER: u32 = u32::MAX;

impl Due {
    pub fn is_timer(&self) -> bool {
        self.row == TIMER
    }
}

/// What waits for its time.
pub(super) struct Schedule {
    /// Columns of the rows' table, `ascending`, `nulls first`.
    order_by: Vec<(usize, bool, bool)>,
    waiting: TimeTable<Vec<(u32, u32)>>,
    length: usize,
    /// By key, while due things are put in order: the place among the keys, one higher.
    rank: ValueTable<u32>,
}

impl Schedule {
    pub fn new(order_by: Vec<(usize, bool, bool)>) -> Schedule {
        Schedule {
            order_by,
            waiting: TimeTable::default(),
            length: 0,
            rank: ValueTable::default(),
        }
    }

    /// Whether rows of one time are sorted.
    pub fn sorts(&self) -> bool {
        !self.order_by.is_empty()
    }

    pub fn row(&mut self, due: Due) {
        self.length += 1;
        self.waiting.at(due.time).push((due.key, due.row));
    }

    pub fn timer(&mut self, time: i64, key: u32) {
        self.row(Due {
            time,
            key,
            row: TIMER,
        });
    }

    pub fn first_time(&self) -> Option<i64> {
        self.waiting.first_time()
    }

    /// What is due until a time: one key after the other by the earliest of each, within a key by time, then by the
    /// further columns, then as it came.
    ///
    /// # Errors
    /// When the rows can't be sorted.
    pub fn until(&mut self, time: i64, rows: &Rows) -> Result<Vec<Due>> {
        let mut due: Vec<Due> = Vec::new();
        while let Some((time, waiting)) = self.waiting.pop_until(time) {
            due.extend(waiting.into_iter().map(|(key, row)| Due { time, key, row }));
        }
        self.length -= due.len();
        let mut due = self.by_key(&due);
        if self.sorts() {
            self.sort_runs(&mut due, rows)?;
        }
        Ok(due)
    }

    /// Puts the things of each key together, in their order; a counting sort.
    fn by_key(&mut self, due: &[Due]) -> Vec<Due> {
        let Some(most) = due.iter().map(|d| d.key).max() else {
            return Vec::new();
        };
        self.rank.reserve_slots(most as usize + 1);
        let mut counts: Vec<u32> = Vec::new();
        for item in due {
            let rank = self.rank.get(item.key);
            if rank == 0 {
                counts.push(1);
                self.rank.set(item.key, counts.len() as u32);
            } else {
                counts[rank as usize - 1] += 1;
            }
        }
        let mut start = 0;
        for count in &mut counts {
            let length = *count;
            *count = start;
            start += length;
        }
        let mut sorted = vec![due[0]; due.len()];
        for item in due {
            let next = &mut counts[self.rank.get(item.key) as usize - 1];
            sorted[*next as usize] = *item;
            *next += 1;
        }
        for item in due {
            self.rank.set(item.key, 0);
        }
        sorted
    }

    /// Sorts rows of one key and time by the further columns.
    fn sort_runs(&self, due: &mut [Due], rows: &Rows) -> Result<()> {
        let mut start = 0;
        while start < due.len() {
            let same =
                |d: &Due| d.key == due[start].key && d.time == due[start].time && !d.is_timer();
            let length = due[start..].iter().take_while(|d| same(d)).count();
            if length > 1 {
                let run = &due[start..start + length];
                let sorted = self.sorted(run, rows)?;
                due[start..start + length].copy_from_slice(&sorted);
            }
            start += length.max(1);
        }
        Ok(())
    }

    fn sorted(&self, run: &[Due], rows: &Rows) -> Result<Vec<Due>> {
        let slots: Vec<u32> = run.iter().map(|d| d.row).collect();
        let mut columns = Vec::new();
        for (column, ascending, nulls_first) in &self.order_by {
            columns.push(SortColumn {
                values: rows.table.gather_column(*column, &slots)?,
                options: Some(SortOptions {
                    descending: !ascending,
                    nulls_first: *nulls_first,
                }),
            });
        }
        // Equal rows stay as they came.
        let arrival: ArrayRef =
            std::sync::Arc::new(UInt32Array::from_iter_values(0..run.len() as u32));
        columns.push(SortColumn {
            values: arrival,
            options: None,
        });
        let order = lexsort_to_indices(&columns, None)?;
        Ok(order.values().iter().map(|i| run[*i as usize]).collect())
    }

    pub fn memory_bytes(&self) -> usize {
        self.length * std::mem::size_of::<(u32, u32)>() + self.rank.memory_bytes()
    }
}
