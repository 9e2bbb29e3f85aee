//! The partial matches of one key on their way through the automaton, as Flink's `NFA` moves them.
//!
//! A match is found when a partial match reaches the final state. It is given out once no partial match that began
//! earlier is left, and then, by the strategy for what follows a match, ends those that it overlaps.

use filbert_graph::spec::AfterMatch;

use super::condition::{Candidate, Condition};
use super::heap::{JavaHeap, Ranked};
use super::nfa::{FINAL, Nfa};
use super::partial::{EMPTY, Layout, Partials, RowRef};
use super::rows::{NULL_ROW, Rows};
use crate::error::{OperatorError, Result};

/// The order of a partial match that has no row yet.
pub(super) const NOT_STARTED: u64 = u64::MAX;

/// A partial match, or a whole one that waits to be given out.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Computation {
    pub state: u32,
    pub block: u32,
    /// The order of its first row, and that row's time.
    pub start: u64,
    pub start_time: i64,
}

impl Ranked for Computation {
    fn rank(&self) -> u64 {
        self.start
    }
}

/// The partial matches of one key while its rows are matched.
#[derive(Default)]
pub(super) struct KeyMatches {
    pub partial: JavaHeap<Computation>,
    pub completed: JavaHeap<Computation>,
}

/// A row that is matched.
#[derive(Clone, Copy)]
pub(super) struct Event {
    pub row: u32,
    pub time: i64,
    pub order: u64,
}

/// What follows a match.
pub(super) struct SkipTo {
    pub after: AfterMatch,
    /// The row up to which a match is skipped, where that isn't its first, and what it is called.
    wanted: Option<RowRef>,
    name: String,
}

impl SkipTo {
    pub fn new(after: AfterMatch, variables: &[String], layout: &mut Layout) -> SkipTo {
        let all: Vec<usize> = (0..variables.len()).collect();
        let (wanted, name) = match after {
            AfterMatch::PastLastRow => (Some(layout.row(&all, false, 0)), String::new()),
            AfterMatch::ToNextRow => (None, String::new()),
            AfterMatch::ToFirst(v) => (Some(layout.row(&[v], true, 0)), variables[v].clone()),
            AfterMatch::ToLast(v) => (Some(layout.row(&[v], false, 0)), variables[v].clone()),
        };
        SkipTo {
            after,
            wanted,
            name,
        }
    }

    /// The row of a match up to which it is skipped.
    ///
    /// # Errors
    /// When the match has no such row.
    pub fn row(&self, block: u32, partials: &Partials) -> Result<Option<u32>> {
        match self.wanted.map(|wanted| partials.row(block, wanted)) {
            Some(NULL_ROW) => Err(OperatorError::user(format!(
                "Could not skip to {}. No such element in the found match",
                self.name
            ))),
            row => Ok(row),
        }
    }
}

/// What all keys share.
pub(super) struct Automaton {
    nfa: Nfa,
    conditions: Vec<Condition>,
    skip: SkipTo,
    within_ms: Option<i64>,
    /// What conditions gave for the row and the partial match at hand, by variable.
    known: Vec<Option<bool>>,
    stack: Vec<usize>,
    edges: Vec<(usize, usize)>,
    next: JavaHeap<Computation>,
    found: JavaHeap<Computation>,
}

impl Automaton {
    pub fn new(
        nfa: Nfa,
        conditions: Vec<Condition>,
        skip: SkipTo,
        within_ms: Option<i64>,
    ) -> Automaton {
        Automaton {
            known: vec![None; conditions.len()],
            nfa,
            conditions,
            skip,
            within_ms,
            stack: Vec::new(),
            edges: Vec::new(),
            next: JavaHeap::default(),
            found: JavaHeap::default(),
        }
    }

    /// A key that no row has come for.
    pub fn begin(&self, key: &mut KeyMatches) {
        key.partial.clear();
        key.completed.clear();
        key.partial.add(self.not_started());
    }

    /// The partial match without rows.
    pub fn not_started(&self) -> Computation {
        Computation {
            state: self.nfa.start as u32,
            block: EMPTY,
            start: NOT_STARTED,
            start_time: 0,
        }
    }

    /// Whether the key is as no row had come for it.
    pub fn is_idle(key: &KeyMatches) -> bool {
        key.completed.is_empty() && key.partial.items().iter().all(|c| c.start == NOT_STARTED)
    }

    /// Time has passed: partial matches that would take too long end, which may let others be given out.
    ///
    /// # Errors
    /// When a match can't be skipped as asked.
    pub fn advance_time(
        &mut self,
        key: &mut KeyMatches,
        time: i64,
        rows: &mut Rows,
        partials: &mut Partials,
        matches: &mut Vec<Computation>,
    ) -> Result<()> {
        let Some(within) = self.within_ms else {
            return Ok(());
        };
        let expired =
            |c: &Computation| c.start != NOT_STARTED && time.saturating_sub(c.start_time) >= within;
        if !key.partial.items().iter().any(expired) {
            return Ok(());
        }
        self.next.clear();
        for computation in key.partial.items() {
            if expired(computation) {
                partials.release(rows, computation.block);
            } else {
                self.next.add(*computation);
            }
        }
        std::mem::swap(&mut key.partial, &mut self.next);
        self.give_out(key, rows, partials, matches)
    }

    /// Shows a row to all partial matches. True when one began with it.
    ///
    /// # Errors
    /// When a condition fails, or a match can't be skipped as asked.
    pub fn process(
        &mut self,
        key: &mut KeyMatches,
        event: Event,
        rows: &mut Rows,
        partials: &mut Partials,
        matches: &mut Vec<Computation>,
    ) -> Result<bool> {
        self.next.clear();
        self.found.clear();
        let mut began = false;
        for computation in key.partial.items() {
            let fresh = computation.start == NOT_STARTED;
            let moved = self.advance(*computation, event, rows, partials)?;
            began |= fresh && moved;
        }
        std::mem::swap(&mut key.partial, &mut self.next);
        for found in self.found.items() {
            key.completed.add(*found);
        }
        self.give_out(key, rows, partials, matches)?;
        Ok(began)
    }

    /// The partial matches that one becomes with a row; the one itself is gone, but for one without rows.
    fn advance(
        &mut self,
        computation: Computation,
        event: Event,
        rows: &mut Rows,
        partials: &mut Partials,
    ) -> Result<bool> {
        self.known.fill(None);
        self.decide(computation, event, rows, partials)?;
        let edges = std::mem::take(&mut self.edges);
        let fresh = computation.start == NOT_STARTED;
        for (state, transition) in &edges {
            let variable = self.nfa.states[*state].variable;
            let target = self.nfa.states[*state].transitions[*transition].target;
            let block = partials.take(rows, computation.block, variable, event.row, false);
            let made = Computation {
                state: target as u32,
                block,
                start: if fresh {
                    event.order
                } else {
                    computation.start
                },
                start_time: if fresh {
                    event.time
                } else {
                    computation.start_time
                },
            };
            if target == FINAL {
                self.found.add(made);
                continue;
            }
            self.next.add(made);
            if self.may_end(target, computation, event, rows, partials)? {
                partials.hold(block);
                self.found.add(Computation {
                    state: FINAL as u32,
                    ..made
                });
            }
        }
        let moved = !edges.is_empty();
        self.edges = edges;
        if fresh {
            self.next.add(computation);
        } else {
            partials.release(rows, computation.block);
        }
        Ok(moved)
    }

    /// The transitions that take the row: those of the state, and of the states to which it proceeds.
    fn decide(
        &mut self,
        computation: Computation,
        event: Event,
        rows: &Rows,
        partials: &Partials,
    ) -> Result<()> {
        self.edges.clear();
        self.stack.clear();
        self.stack.push(computation.state as usize);
        while let Some(state) = self.stack.pop() {
            for transition in 0..self.nfa.states[state].transitions.len() {
                if self.passes(state, transition, computation, event, rows, partials)? {
                    let transition_ = &self.nfa.states[state].transitions[transition];
                    if transition_.take {
                        self.edges.push((state, transition));
                    } else {
                        self.stack.push(transition_.target);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the final state is reached from here without a row.
    fn may_end(
        &mut self,
        state: usize,
        computation: Computation,
        event: Event,
        rows: &Rows,
        partials: &Partials,
    ) -> Result<bool> {
        self.stack.clear();
        self.stack.push(state);
        while let Some(state) = self.stack.pop() {
            for transition in 0..self.nfa.states[state].transitions.len() {
                if self.nfa.states[state].transitions[transition].take
                    || !self.passes(state, transition, computation, event, rows, partials)?
                {
                    continue;
                }
                match self.nfa.states[state].transitions[transition].target {
                    FINAL => return Ok(true),
                    target => self.stack.push(target),
                }
            }
        }
        Ok(false)
    }

    fn passes(
        &mut self,
        state: usize,
        transition: usize,
        computation: Computation,
        event: Event,
        rows: &Rows,
        partials: &Partials,
    ) -> Result<bool> {
        let transition = &self.nfa.states[state].transitions[transition];
        let (conditions, known) = (&self.conditions, &mut self.known);
        let mut holds = |variable: usize| -> Result<bool> {
            if let Some(known) = known[variable] {
                return Ok(known);
            }
            let holds = conditions[variable].holds(Candidate {
                rows,
                partials,
                order: None,
                block: computation.block,
                variable,
                row: event.row,
                time: event.time,
            })?;
            known[variable] = Some(holds);
            Ok(holds)
        };
        if let Some(variable) = transition.meets
            && !holds(variable)?
        {
            return Ok(false);
        }
        for variable in &transition.not {
            if holds(*variable)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Gives out the matches that no earlier partial match holds back.
    fn give_out(
        &mut self,
        key: &mut KeyMatches,
        rows: &mut Rows,
        partials: &mut Partials,
        matches: &mut Vec<Computation>,
    ) -> Result<()> {
        while let Some(earliest) = key.completed.peek().copied() {
            if key.partial.peek().is_some_and(|p| p.start < earliest.start) {
                break;
            }
            key.completed.poll();
            let (until, inclusive) = self.skip(earliest, rows, partials)?;
            let mut ends = |c: &Computation| {
                let ended =
                    c.start != NOT_STARTED && (c.start < until || (inclusive && c.start == until));
                if ended {
                    partials.release(rows, c.block);
                }
                ended
            };
            key.partial.remove_if(&mut ends);
            key.completed.remove_if(&mut ends);
            matches.push(earliest);
        }
        Ok(())
    }

    /// Up to which row matches may not begin any more, and whether that row is one of them.
    fn skip(&self, found: Computation, rows: &Rows, partials: &Partials) -> Result<(u64, bool)> {
        let row = self.skip.row(found.block, partials)?;
        match (self.skip.after, row) {
            (AfterMatch::PastLastRow, Some(row)) => Ok((rows.order(row), true)),
            (AfterMatch::ToFirst(_) | AfterMatch::ToLast(_), Some(row)) => {
                let until = rows.order(row);
                if until == found.start {
                    return Err(OperatorError::user(
                        "Could not skip to first element of a match.",
                    ));
                }
                Ok((until, false))
            }
            _ => Ok((found.start, true)),
        }
    }
}
