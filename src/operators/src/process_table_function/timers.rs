//! Event-time timers by key: one for each name, and one without a name for each time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, StringViewArray};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Int64Type};
use filbert_state::{MapTable, RowTable, SortedTable, ValueTable};

use crate::error::Result;

/// A timer that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    pub slot: u32,
    pub name: Option<String>,
    pub time: i64,
}

/// What a function asked of its timers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TimerOp {
    Set(u32, Option<String>, i64),
    ClearName(u32, String),
    ClearTime(u32, i64),
    ClearAll(u32),
}

impl TimerOp {
    /// Whether a timer that is due must not go off after this.
    pub fn cancels(&self, due: &Due) -> bool {
        match self {
            TimerOp::Set(slot, Some(name), _) | TimerOp::ClearName(slot, name) => {
                *slot == due.slot && due.name.as_ref() == Some(name)
            }
            TimerOp::Set(..) => false,
            TimerOp::ClearTime(slot, time) => {
                *slot == due.slot && due.name.is_none() && due.time == *time
            }
            TimerOp::ClearAll(slot) => *slot == due.slot,
        }
    }
}

pub(super) struct Timers {
    /// Time, slot and name of each.
    rows: RowTable,
    /// Rows by time: those without a name below 0, those with one below 1.
    order: SortedTable,
    /// Below a slot: the name and, without one, the time.
    by_key: MapTable,
    /// The row of each entry, one higher.
    places: ValueTable<u32>,
    /// The entry of each row.
    entries: ValueTable<u32>,
}

/// The name of a timer and, without one, its time.
type TimerKey = (Option<String>, i64);

impl Timers {
    pub fn new() -> Result<Timers> {
        let time = (DataType::Int64, SortOptions::default());
        let mut order = SortedTable::new(&[time])?;
        order.reserve_parents(2);
        Ok(Timers {
            rows: RowTable::new(&[DataType::Int64, DataType::Int64, DataType::Utf8View]),
            order,
            by_key: MapTable::new(vec![DataType::Utf8View, DataType::Int64])?,
            places: ValueTable::default(),
            entries: ValueTable::default(),
        })
    }

    pub fn is_empty(&self, slot: u32) -> bool {
        self.by_key.entries_of(slot).next().is_none()
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn memory_bytes(&self) -> usize {
        self.rows.memory_bytes()
            + self.order.memory_bytes()
            + self.by_key.memory_bytes()
            + self.places.memory_bytes()
            + self.entries.memory_bytes()
    }

    /// Takes the first timers that have come out, at most so many: those without a name before the others, as Flink's two
    /// services of timers do, each in the order of their times.
    pub fn take_due(&mut self, watermark: i64, most: usize) -> Result<Vec<Due>> {
        let unnamed = self.take_due_of(0, watermark, most)?;
        match unnamed.is_empty() {
            true => self.take_due_of(1, watermark, most),
            false => Ok(unnamed),
        }
    }

    fn take_due_of(&mut self, named: u32, watermark: i64, most: usize) -> Result<Vec<Due>> {
        let first: Vec<u32> = self.order.iter_from(named, 0).take(most).collect();
        let times = self.rows.gather_column(0, &first)?;
        let times = times.as_primitive::<Int64Type>().values().iter();
        let count = times.take_while(|time| **time <= watermark).count();
        let rows = &first[..count];
        let columns = self.rows.gather(rows)?;
        let times = columns[0].as_primitive::<Int64Type>();
        let slots = columns[1].as_primitive::<Int64Type>();
        let names = columns[2].as_string_view();
        let due = (0..count).map(|i| Due {
            slot: slots.value(i) as u32,
            name: names.iter().nth(i).flatten().map(str::to_owned),
            time: times.value(i),
        });
        let due = due.collect();
        for row in rows {
            self.remove_row(*row);
        }
        Ok(due)
    }

    /// Does what functions asked for, in order.
    pub fn apply(&mut self, ops: &[TimerOp]) -> Result<()> {
        if ops.is_empty() {
            return Ok(());
        }
        // What stands at the end is written at once.
        let mut cleared: HashSet<u32> = HashSet::new();
        let mut wanted: Vec<(u32, TimerKey, Option<i64>)> = Vec::new();
        let mut places: HashMap<(u32, TimerKey), usize> = HashMap::new();
        for op in ops {
            let (slot, key, time) = match op {
                TimerOp::Set(slot, Some(name), time) => {
                    (*slot, (Some(name.clone()), 0), Some(*time))
                }
                TimerOp::Set(slot, None, time) => (*slot, (None, *time), Some(*time)),
                TimerOp::ClearName(slot, name) => (*slot, (Some(name.clone()), 0), None),
                TimerOp::ClearTime(slot, time) => (*slot, (None, *time), None),
                TimerOp::ClearAll(slot) => {
                    cleared.insert(*slot);
                    wanted
                        .iter_mut()
                        .filter(|(of, ..)| of == slot)
                        .for_each(|(.., time)| *time = None);
                    continue;
                }
            };
            let next = wanted.len();
            let at = *places.entry((slot, key.clone())).or_insert(next);
            match wanted.get_mut(at) {
                Some(known) => known.2 = time,
                None => wanted.push((slot, key, time)),
            }
        }
        for slot in cleared {
            let entries: Vec<u32> = self.by_key.entries_of(slot).collect();
            entries
                .into_iter()
                .for_each(|entry| self.remove_entry(entry));
        }
        self.write(&wanted)
    }

    fn write(&mut self, wanted: &[(u32, TimerKey, Option<i64>)]) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let names: ArrayRef = Arc::new(
            wanted
                .iter()
                .map(|(_, (name, _), _)| name.as_deref())
                .collect::<StringViewArray>(),
        );
        let keys: Int64Array = wanted.iter().map(|(_, (_, time), _)| Some(*time)).collect();
        let slots: Vec<u32> = wanted.iter().map(|(slot, ..)| *slot).collect();
        let mut entries = Vec::new();
        self.by_key
            .entries_for(&slots, &[Arc::clone(&names), Arc::new(keys)], &mut entries)?;
        self.places.reserve_slots(self.by_key.entries_end());
        let mut set: Vec<u32> = Vec::new();
        for (at, (entry, (.., time))) in entries.iter().zip(wanted).enumerate() {
            self.forget_row(*entry);
            match time {
                Some(_) => set.push(at as u32),
                None => self.by_key.remove(*entry),
            }
        }
        let times: ArrayRef = Arc::new(
            wanted
                .iter()
                .map(|(.., time)| *time)
                .collect::<Int64Array>(),
        );
        let slots: Int64Array = slots.iter().map(|slot| Some(i64::from(*slot))).collect();
        let columns = [Arc::clone(&times), Arc::new(slots), names];
        let mut rows = Vec::new();
        self.rows.insert(&columns, &set, &mut rows)?;
        let order = self.order.keys_of(&[times], wanted.len())?;
        self.entries.reserve_slots(self.rows.slots_end());
        for (row, at) in rows.iter().zip(set) {
            let entry = entries[at as usize];
            let named = u32::from(wanted[at as usize].1.0.is_some());
            self.order.insert(named, &order, at as usize, *row);
            self.places.set(entry, row + 1);
            self.entries.set(*row, entry);
        }
        Ok(())
    }

    /// Takes an entry's row out; the entry stays.
    fn forget_row(&mut self, entry: u32) {
        if let Some(row) = self.places.get(entry).checked_sub(1) {
            // It stands below one of the two.
            if self.order.remove(0, row).is_none() {
                self.order.remove(1, row);
            }
            self.rows.remove(row);
            self.places.set(entry, 0);
        }
    }

    fn remove_entry(&mut self, entry: u32) {
        self.forget_row(entry);
        self.by_key.remove(entry);
    }

    fn remove_row(&mut self, row: u32) {
        self.remove_entry(self.entries.get(row));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(timers: &mut Timers, watermark: i64) -> Vec<(u32, Option<String>, i64)> {
        let mut all = Vec::new();
        loop {
            let due = timers.take_due(watermark, 10).unwrap();
            if due.is_empty() {
                return all;
            }
            all.extend(due.into_iter().map(|d| (d.slot, d.name, d.time)));
        }
    }

    #[test]
    fn a_name_has_one_timer_and_times_come_in_order() {
        let mut timers = Timers::new().unwrap();
        let idle = || Some("idle".to_owned());
        timers
            .apply(&[
                TimerOp::Set(1, idle(), 50),
                TimerOp::Set(2, None, 40),
                TimerOp::Set(2, None, 40),
                TimerOp::Set(2, None, 30),
            ])
            .unwrap();
        timers.apply(&[TimerOp::Set(1, idle(), 35)]).unwrap();
        assert_eq!(timers.len(), 3);
        assert!(due(&mut timers, 29).is_empty());
        assert_eq!(due(&mut timers, 35), [(2, None, 30), (1, idle(), 35)]);
        timers
            .apply(&[TimerOp::Set(2, None, 60), TimerOp::ClearTime(2, 40)])
            .unwrap();
        assert_eq!(due(&mut timers, 100), [(2, None, 60)]);
        assert!(timers.is_empty(1) && timers.is_empty(2));
    }

    #[test]
    fn all_timers_of_a_key_are_taken_back() {
        let mut timers = Timers::new().unwrap();
        timers
            .apply(&[TimerOp::Set(1, None, 5), TimerOp::Set(2, None, 5)])
            .unwrap();
        timers
            .apply(&[
                TimerOp::Set(1, Some("a".to_owned()), 6),
                TimerOp::ClearAll(1),
                TimerOp::Set(1, None, 7),
            ])
            .unwrap();
        assert_eq!(due(&mut timers, 10), [(2, None, 5), (1, None, 7)]);
    }
}
