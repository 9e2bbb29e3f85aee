//! What conditions read of a partial match's rows: two partial matches that agree in it, at the same place of the pattern,
//! have the same future.

use std::hash::{BuildHasher, Hash, Hasher};

use filbert_graph::spec::{MatchColumn, MatchSpec};

use super::condition::RunningPlaces;
use super::partial::{EMPTY, Layout, Partials};
use super::running::Running;

#[derive(Debug, Default)]
pub(super) struct History {
    sets: Vec<SetHistory>,
    /// Places among the running aggregates.
    running: Vec<usize>,
    /// All rows: of an aggregate that doesn't run.
    all: bool,
}

/// So many first and last rows of a set.
#[derive(Debug, Clone, Copy)]
struct SetHistory {
    set: usize,
    firsts: usize,
    lasts: usize,
}

impl History {
    /// Of the conditions, whose rows the layout already has.
    pub fn new(spec: &MatchSpec, layout: &Layout, places: &RunningPlaces) -> History {
        let mut history = History::default();
        for (variable, condition) in spec.conditions.iter().enumerate() {
            for (column, _) in condition.iter().flat_map(|c| &c.columns) {
                match column {
                    MatchColumn::Row {
                        variables,
                        first,
                        offset,
                        ..
                    } => {
                        if let Some(set) = layout.set_of(variables) {
                            let own = variables.contains(&variable);
                            history.row(set, *first, *offset as usize, own);
                        }
                    }
                    MatchColumn::Aggregate { place, .. } => {
                        match places.get(*place).copied().flatten() {
                            None => history.all = true,
                            Some(known) if history.running.contains(&known) => {}
                            Some(place) => history.running.push(place),
                        }
                    }
                    _ => {}
                }
            }
        }
        history
    }

    /// `own`: the row at hand is itself one of the set's once it is taken.
    fn row(&mut self, set: usize, first: bool, offset: usize, own: bool) {
        let (firsts, lasts) = match (first, own) {
            (true, _) => (offset + 1, 0),
            (false, true) => (0, offset),
            (false, false) => (0, offset + 1),
        };
        if firsts + lasts == 0 {
            return;
        }
        match self.sets.iter_mut().find(|s| s.set == set) {
            Some(known) => {
                known.firsts = known.firsts.max(firsts);
                known.lasts = known.lasts.max(lasts);
            }
            None => self.sets.push(SetHistory { set, firsts, lasts }),
        }
    }

    /// Conditions read the row at hand alone.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty() && self.running.is_empty() && !self.all
    }
}

impl Partials {
    pub fn history_hash(&self, block: u32, history: &History) -> u64 {
        let mut hasher = ahash::RandomState::with_seeds(1, 2, 3, 4).build_hasher();
        if history.all {
            block.hash(&mut hasher);
        }
        if block == EMPTY {
            return hasher.finish();
        }
        for of in &history.sets {
            let (count, firsts, lasts) = self.set_words(block, of.set);
            (count as usize).min(of.firsts).hash(&mut hasher);
            firsts[..of.firsts].hash(&mut hasher);
            lasts[..of.lasts].hash(&mut hasher);
        }
        for place in &history.running {
            self.value(block, *place).hash(&mut hasher);
        }
        hasher.finish()
    }

    pub fn same_history(&self, a: u32, b: u32, history: &History) -> bool {
        if a == b || a == EMPTY || b == EMPTY || history.all {
            return a == b;
        }
        let same_set = |of: &SetHistory| {
            let (count_a, firsts_a, lasts_a) = self.set_words(a, of.set);
            let (count_b, firsts_b, lasts_b) = self.set_words(b, of.set);
            (count_a as usize).min(of.firsts) == (count_b as usize).min(of.firsts)
                && firsts_a[..of.firsts] == firsts_b[..of.firsts]
                && lasts_a[..of.lasts] == lasts_b[..of.lasts]
        };
        let same_value =
            |place: &usize| -> bool { Running::eq(&self.value(a, *place), &self.value(b, *place)) };
        history.sets.iter().all(same_set) && history.running.iter().all(same_value)
    }
}
