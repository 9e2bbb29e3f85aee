//! One input's rows, by key and time.

use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, SchemaRef};
use filbert_state::{RowTable, SortedTable, ValueTable};

use crate::columns::types_of;
use crate::error::Result;

/// What is stored of one input.
pub(super) struct Side {
    pub outer: bool,
    /// How long behind its own time a row waits for the other side's.
    pub waits_ms: i64,
    pub rows: RowTable,
    /// Rows below their keys, by time.
    pub order: SortedTable,
    pub times: ValueTable<i64>,
    /// Rows of an outer side that have met another.
    pub matched: ValueTable<bool>,
    /// By key.
    pub timers: ValueTable<Option<i64>>,
    /// The other side's rows need not be looked at for times up to this one: they have been let go.
    pub expired_until: i64,
}

impl Side {
    pub fn new(input: &SchemaRef, outer: bool, waits_ms: i64) -> Result<Side> {
        let by_time = [(DataType::Int64, SortOptions::default())];
        Ok(Side {
            outer,
            waits_ms,
            rows: RowTable::new(&types_of(input)),
            order: SortedTable::new(&by_time)?,
            times: ValueTable::default(),
            matched: ValueTable::default(),
            timers: ValueTable::default(),
            expired_until: 0,
        })
    }

    pub fn timer_of(&self, key: u32) -> Option<i64> {
        self.timers.get(key)
    }

    pub fn first_time(&self, key: u32) -> Option<i64> {
        self.order.get(key, 0).map(|slot| self.times.get(slot))
    }

    /// Takes the key's rows that are over at this time out of the order.
    pub fn expire(&mut self, key: u32, now: i64) -> Vec<u32> {
        self.expired_until = match now {
            i64::MAX => i64::MAX,
            _ => now.saturating_sub(self.waits_ms).saturating_sub(1),
        };
        self.take_expired(key)
    }

    /// Takes the key's rows up to `expired_until` out of the order.
    fn take_expired(&mut self, key: u32) -> Vec<u32> {
        let until = self.expired_until;
        let order = self.order.iter_from(key, 0);
        let expired: Vec<u32> = order
            .take_while(|slot| self.times.get(*slot) <= until)
            .collect();
        if !expired.is_empty() {
            self.order.pop_front(key, expired.len());
        }
        expired
    }

    pub fn memory_bytes(&self) -> usize {
        self.rows.memory_bytes()
            + self.order.memory_bytes()
            + self.times.memory_bytes()
            + self.matched.memory_bytes()
            + self.timers.memory_bytes()
    }
}
