//! The keys that a piece of a batch is about, while a function works on them: their state as values, read when the
//! function asks and written back together at the piece's end.

use std::collections::HashMap;
use std::sync::Arc;

use filbert_functions::{ProcessContext, Value};
use filbert_types::RowKind;

use super::stores::Store;
use super::timers::{TimerOp, Timers};
use crate::error::{OperatorError, Result};

/// A row that a function sent.
pub(super) struct Sent {
    pub kind: RowKind,
    /// The row of the piece that it was made for; of a timer's, its number among those that came.
    pub origin: u32,
    pub values: Vec<Value>,
}

/// A function's work on a piece.
pub(super) struct Work<'a> {
    stores: &'a mut [Store],
    scalars: Arc<[Value]>,
    /// Slots of the piece's keys, each once, and value states' values by store and key.
    slots: Vec<u32>,
    values: Vec<Vec<Value>>,
    changed: Vec<Vec<bool>>,
    lists: HashMap<(usize, u32), ListWork>,
    maps: HashMap<(usize, u32), MapWork>,
    pub timer_ops: Vec<TimerOp>,
    pub sent: Vec<Sent>,
    /// The function's columns.
    width: usize,
    sends: Kinds,
    /// Why timers can't be, where they can't.
    no_timers: Option<&'static str>,
    // The row or the timer at hand.
    key: usize,
    origin: u32,
    time: Option<i64>,
    watermark: Option<i64>,
    failed: Option<String>,
}

/// The kinds that a function may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kinds {
    Inserts,
    Retract,
    Upsert,
}

/// What a function promises and gets, for all pieces.
#[derive(Clone)]
pub(super) struct Frame {
    pub scalars: Arc<[Value]>,
    pub width: usize,
    pub sends: Kinds,
    pub no_timers: Option<&'static str>,
    pub watermark: Option<i64>,
}

#[derive(Default)]
struct ListWork {
    cleared: bool,
    /// What is stored, once it was read.
    loaded: Option<usize>,
    /// What is stored (when read) followed by what came.
    elements: Vec<Value>,
}

#[derive(Default)]
struct MapWork {
    cleared: bool,
    index: HashMap<Vec<u8>, usize>,
    entries: Vec<MapEntry>,
}

struct MapEntry {
    key: Value,
    value: Option<Value>,
    changed: bool,
}

/// Bytes that tell a map's key from all others of its type.
fn key_bytes(key: &Value) -> Vec<u8> {
    match key {
        Value::String(text) => text.as_bytes().to_vec(),
        Value::Int(value) => value.to_le_bytes().to_vec(),
        other => format!("{other:?}").into_bytes(),
    }
}

impl MapWork {
    fn set(&mut self, key: Value, value: Option<Value>, changed: bool) {
        let next = self.entries.len();
        let at = *self.index.entry(key_bytes(&key)).or_insert(next);
        let entry = MapEntry {
            key,
            value,
            changed,
        };
        match self.entries.get_mut(at) {
            Some(known) => *known = entry,
            None => self.entries.push(entry),
        }
    }

    fn find(&self, key: &Value) -> Option<&MapEntry> {
        self.index.get(&key_bytes(key)).map(|at| &self.entries[*at])
    }
}

impl<'a> Work<'a> {
    /// `slots`: the piece's keys, each once.
    pub fn new(stores: &'a mut [Store], slots: Vec<u32>, frame: Frame) -> Result<Work<'a>> {
        let mut values = Vec::with_capacity(stores.len());
        for store in stores.iter() {
            values.push(match store {
                Store::Value(store) => store.load(&slots)?,
                Store::List(_) | Store::Map(_) => Vec::new(),
            });
        }
        Ok(Work {
            changed: values.iter().map(|v| vec![false; v.len()]).collect(),
            values,
            stores,
            scalars: frame.scalars,
            slots,
            lists: HashMap::new(),
            maps: HashMap::new(),
            timer_ops: Vec::new(),
            sent: Vec::new(),
            width: frame.width,
            sends: frame.sends,
            no_timers: frame.no_timers,
            key: 0,
            origin: 0,
            time: None,
            watermark: frame.watermark,
            failed: None,
        })
    }

    /// Turns to a row or a timer: the number of its key, its own number, and its time.
    pub fn turn_to(&mut self, key: usize, origin: u32, time: Option<i64>) {
        self.key = key;
        self.origin = origin;
        self.time = time;
    }

    /// What went wrong in a call that could not say so.
    pub fn check(&mut self) -> std::result::Result<(), String> {
        self.failed.take().map_or(Ok(()), Err)
    }

    fn slot(&self) -> u32 {
        self.slots[self.key]
    }

    fn fail(&mut self, message: impl Into<String>) {
        self.failed.get_or_insert_with(|| message.into());
    }

    fn wrong_state(&mut self, state: usize, wanted: &str) {
        self.fail(format!("state {state} is no {wanted} of the function's"));
    }

    /// Writes what has changed back; gives the keys, the timers' ops and what was sent.
    pub fn finish(self, timers: &mut Timers) -> Result<(Vec<u32>, Vec<Sent>)> {
        let stores = self.stores;
        for (state, store) in stores.iter_mut().enumerate() {
            let Store::Value(store) = store else { continue };
            let keys = self.slots.iter().zip(&self.values[state]);
            let changes = keys
                .zip(&self.changed[state])
                .filter(|(_, changed)| **changed);
            let changes: Vec<(u32, &Value)> = changes.map(|((s, v), _)| (*s, v)).collect();
            if !changes.is_empty() {
                store.store(&changes)?;
            }
        }
        write_lists(stores, &self.lists)?;
        write_maps(stores, &self.maps)?;
        timers.apply(&self.timer_ops)?;
        Ok((self.slots, self.sent))
    }

    fn load_list(&mut self, state: usize) -> std::result::Result<&mut ListWork, String> {
        let slot = self.slot();
        let Some(Store::List(store)) = self.stores.get(state) else {
            return Err(format!("state {state} is no list of the function's"));
        };
        let work = self.lists.entry((state, slot)).or_default();
        if work.loaded.is_none() && !work.cleared {
            let mut stored = store.load(slot).map_err(|e| e.to_string())?;
            work.loaded = Some(stored.len());
            stored.append(&mut work.elements);
            work.elements = stored;
        }
        Ok(work)
    }
}

/// In the order of slots, so that what is written doesn't depend on a map's.
fn in_order<T>(work: &HashMap<(usize, u32), T>, state: usize) -> Vec<(u32, &T)> {
    let mut of_state: Vec<(u32, &T)> = work
        .iter()
        .filter(|((of, _), _)| *of == state)
        .map(|((_, slot), work)| (*slot, work))
        .collect();
    of_state.sort_unstable_by_key(|(slot, _)| *slot);
    of_state
}

fn write_lists(stores: &mut [Store], lists: &HashMap<(usize, u32), ListWork>) -> Result<()> {
    for (state, store) in stores.iter_mut().enumerate() {
        let Store::List(store) = store else { continue };
        let mut added: Vec<(u32, &Value)> = Vec::new();
        for (slot, work) in in_order(lists, state) {
            if work.cleared {
                store.clear(slot);
            }
            let new = &work.elements[work.loaded.unwrap_or(0)..];
            added.extend(new.iter().map(|element| (slot, element)));
        }
        if !added.is_empty() {
            store.append(&added)?;
        }
    }
    Ok(())
}

fn write_maps(stores: &mut [Store], maps: &HashMap<(usize, u32), MapWork>) -> Result<()> {
    for (state, store) in stores.iter_mut().enumerate() {
        let of_state = in_order(maps, state);
        for (slot, _) in of_state.iter().filter(|(_, work)| work.cleared) {
            store.clear(*slot);
        }
        let Store::Map(store) = store else { continue };
        let mut pairs: Vec<(u32, &Value, &Value)> = Vec::new();
        for (slot, work) in of_state {
            for entry in work.entries.iter().filter(|entry| entry.changed) {
                match &entry.value {
                    Some(value) => pairs.push((slot, &entry.key, value)),
                    None => store.remove_key(slot, &entry.key)?,
                }
            }
        }
        store.put(&pairs)?;
    }
    Ok(())
}

impl ProcessContext for Work<'_> {
    fn collect_as(&mut self, kind: RowKind, values: Vec<Value>) -> std::result::Result<(), String> {
        if values.len() != self.width {
            return Err(format!(
                "collected a row of {} values, where {} were promised",
                values.len(),
                self.width
            ));
        }
        let sends = match self.sends {
            Kinds::Inserts => kind == RowKind::Insert,
            Kinds::Upsert => kind != RowKind::UpdateBefore,
            Kinds::Retract => true,
        };
        if !sends {
            return Err(format!(
                "Invalid row kind received: {kind:?}. The function's changelog has no such rows."
            ));
        }
        self.sent.push(Sent {
            kind,
            origin: self.origin,
            values,
        });
        Ok(())
    }

    fn scalar(&self, argument: usize) -> &Value {
        self.scalars.get(argument).unwrap_or(&Value::Null)
    }

    fn value(&self, state: usize) -> &Value {
        let of_key = self.values.get(state).and_then(|v| v.get(self.key));
        of_key.unwrap_or(&Value::Null)
    }

    fn set_value(&mut self, state: usize, value: Value) {
        match self.values.get_mut(state).and_then(|v| v.get_mut(self.key)) {
            Some(place) => {
                *place = value;
                self.changed[state][self.key] = true;
            }
            None => self.wrong_state(state, "value"),
        }
    }

    fn list(&mut self, state: usize) -> std::result::Result<&[Value], String> {
        Ok(&self.load_list(state)?.elements)
    }

    fn push(&mut self, state: usize, element: Value) {
        let slot = self.slot();
        match self.stores.get(state) {
            Some(Store::List(_)) => {
                let work = self.lists.entry((state, slot)).or_default();
                work.elements.push(element);
            }
            _ => self.wrong_state(state, "list"),
        }
    }

    fn get(&mut self, state: usize, key: &Value) -> std::result::Result<Option<Value>, String> {
        let slot = self.slot();
        let Some(Store::Map(store)) = self.stores.get_mut(state) else {
            return Err(format!("state {state} is no map of the function's"));
        };
        let work = self.maps.entry((state, slot)).or_default();
        if let Some(entry) = work.find(key) {
            return Ok(entry.value.clone());
        }
        if work.cleared {
            return Ok(None);
        }
        let stored = store.get(slot, key).map_err(|e| e.to_string())?;
        work.set(key.clone(), stored.clone(), false);
        Ok(stored)
    }

    fn put(&mut self, state: usize, key: Value, value: Value) {
        let slot = self.slot();
        match self.stores.get(state) {
            Some(Store::Map(_)) => {
                let work = self.maps.entry((state, slot)).or_default();
                work.set(key, Some(value), true);
            }
            _ => self.wrong_state(state, "map"),
        }
    }

    fn remove(&mut self, state: usize, key: &Value) {
        let slot = self.slot();
        match self.stores.get(state) {
            Some(Store::Map(_)) => {
                let work = self.maps.entry((state, slot)).or_default();
                work.set(key.clone(), None, true);
            }
            _ => self.wrong_state(state, "map"),
        }
    }

    fn entries(&mut self, state: usize) -> std::result::Result<Vec<(Value, Value)>, String> {
        let slot = self.slot();
        let Some(Store::Map(store)) = self.stores.get(state) else {
            return Err(format!("state {state} is no map of the function's"));
        };
        let work = self.maps.entry((state, slot)).or_default();
        let stored = match work.cleared {
            true => Vec::new(),
            false => store.load(slot).map_err(|e| e.to_string())?,
        };
        let mut seen: Vec<usize> = Vec::with_capacity(stored.len());
        let mut pairs = Vec::with_capacity(stored.len());
        for (key, value) in stored {
            match work.index.get(&key_bytes(&key)).copied() {
                None => pairs.push((key, value)),
                Some(at) => {
                    seen.push(at);
                    let value = work.entries[at].value.clone();
                    pairs.extend(value.map(|value| (key, value)));
                }
            }
        }
        seen.sort_unstable();
        for (at, entry) in work.entries.iter().enumerate() {
            if seen.binary_search(&at).is_err()
                && let Some(value) = &entry.value
            {
                pairs.push((entry.key.clone(), value.clone()));
            }
        }
        Ok(pairs)
    }

    fn clear_state(&mut self, state: usize) {
        let slot = self.slot();
        match self.stores.get(state) {
            Some(Store::Value(_)) => self.set_value(state, Value::Null),
            Some(Store::List(_)) => {
                let cleared = ListWork {
                    cleared: true,
                    ..ListWork::default()
                };
                self.lists.insert((state, slot), cleared);
            }
            Some(Store::Map(_)) => {
                let cleared = MapWork {
                    cleared: true,
                    ..MapWork::default()
                };
                self.maps.insert((state, slot), cleared);
            }
            None => self.wrong_state(state, "state"),
        }
    }

    fn clear_all(&mut self) {
        (0..self.stores.len()).for_each(|state| self.clear_state(state));
        self.clear_all_timers();
    }

    fn time(&self) -> Option<i64> {
        self.time
    }

    fn watermark(&self) -> Option<i64> {
        self.watermark
    }

    fn register_timer(&mut self, name: Option<&str>, time: i64) {
        if let Some(why) = self.no_timers {
            self.fail(why);
            return;
        }
        let slot = self.slot();
        self.timer_ops
            .push(TimerOp::Set(slot, name.map(str::to_owned), time));
    }

    fn clear_timer(&mut self, name: &str) {
        let slot = self.slot();
        self.timer_ops
            .push(TimerOp::ClearName(slot, name.to_owned()));
    }

    fn clear_timer_at(&mut self, time: i64) {
        let slot = self.slot();
        self.timer_ops.push(TimerOp::ClearTime(slot, time));
    }

    fn clear_all_timers(&mut self) {
        let slot = self.slot();
        self.timer_ops.push(TimerOp::ClearAll(slot));
    }
}

/// A failure of a user's function, by its name.
pub(super) fn failed(function: &str, message: impl std::fmt::Display) -> OperatorError {
    OperatorError::user(format!("{function}: {message}"))
}
