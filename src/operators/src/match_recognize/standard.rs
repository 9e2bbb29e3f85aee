//! Matching as standard SQL means it, for patterns beyond Flink's: of the matches that begin at a row the preferred one
//! counts (the first alternative, the longer way where a quantifier is greedy), then the search goes on where AFTER MATCH
//! says.
//!
//! - State: of each key the rows from the one at which the search stands (and so many before as PREV looks back), the
//!   partial matches of that one search in the order of preference, and the best match so far.
//! - A partial match that reaches the end of the pattern ends all less preferred ones. Partial matches at the same place
//!   of the pattern with the same values of whatever conditions read have the same future: only the preferred one is
//!   kept, so that conditions on single rows cost no more than the pattern's length for each row.
//! - A match is certain when no preferred partial match is left: by a row that ends them, by WITHIN, or at the end.

mod program;
mod step;

use filbert_graph::spec::{AfterMatch, MatchSpec};
use filbert_state::{Chains, ValueTable};

use self::program::Program;
use self::step::Scratch;
use super::automaton::SkipTo;
use super::condition::Condition;
use super::history::History;
use super::keys::Keys;
use super::partial::{EMPTY, Partials};
use super::rows::{NULL_ROW, Rows};
use crate::error::{OperatorError, Result};

/// What a search gives.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verdict {
    /// A match, known at this time.
    Match { block: u32, time: i64 },
    /// A match without rows at this row.
    Empty { row: u32, time: i64 },
    /// A row that is in no match.
    Unmatched { row: u32 },
}

/// How far a search may go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// All rows up to this time are there.
    pub until: i64,
    /// No more rows come.
    pub ended: bool,
    /// The most verdicts.
    pub verdicts: usize,
}

/// The most work between two looks at the output, in conditions.
const WORK: usize = 1 << 16;

/// The rows of the keys that may still be looked at, in their order.
#[derive(Default)]
pub(super) struct KeyRows {
    pub chains: Chains,
    times: ValueTable<i64>,
    /// In a match, where that must be known.
    matched: ValueTable<bool>,
}

impl KeyRows {
    /// The row so many places behind (before, if negative); the row of NULLs when there is none.
    pub fn at(&self, row: u32, offset: i64) -> u32 {
        let mut at = Some(row).filter(|r| *r != NULL_ROW);
        for _ in 0..offset.unsigned_abs() {
            at = at.and_then(|row| match offset > 0 {
                true => self.chains.after(row),
                false => self.chains.before(row),
            });
        }
        at.unwrap_or(NULL_ROW)
    }
}

/// Where the search of a key stands. Rows are stored one higher, 0 for none.
#[derive(Debug, Clone, Copy)]
struct Search {
    /// The row at which a match would begin.
    start: u32,
    /// The last row that was looked at.
    seen: u32,
    begun: bool,
    best: Best,
    /// Rows that have come.
    rows: u64,
    /// What is certain now was not before this time.
    decided: i64,
    /// The number of the row, one higher, for whose search there is a timer.
    timer: u64,
}

impl Default for Search {
    fn default() -> Search {
        Search {
            start: 0,
            seen: 0,
            begun: false,
            best: Best::None,
            rows: 0,
            decided: i64::MIN,
            timer: 0,
        }
    }
}

/// The best match so far.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Best {
    None,
    Empty,
    Block(u32),
}

/// What all keys share.
pub(super) struct Standard {
    program: Program,
    conditions: Vec<Condition>,
    history: History,
    skip: SkipTo,
    within_ms: Option<i64>,
    /// How far conditions look back and ahead of a row.
    look_back: u64,
    look_ahead: u64,
    unmatched: bool,
    pub rows: KeyRows,
    searches: ValueTable<Search>,
    scratch: Scratch,
}

/// The tables beside the search's own.
pub(super) struct Tables<'a> {
    pub keys: &'a mut Keys,
    pub rows: &'a mut Rows,
    pub partials: &'a mut Partials,
}

impl Standard {
    /// # Errors
    /// When the pattern is too large.
    pub fn new(
        spec: &MatchSpec,
        conditions: Vec<Condition>,
        history: History,
        skip: SkipTo,
        unmatched: bool,
    ) -> Result<Standard> {
        let program = Program::new(&spec.pattern)?;
        let (look_back, look_ahead) = super::condition::look(spec);
        let size = program.instructions.len();
        Ok(Standard {
            scratch: Scratch {
                visited: vec![0; size],
                reached: vec![0; size],
                known: vec![None; conditions.len()],
                ..Scratch::default()
            },
            program,
            conditions,
            history,
            skip,
            within_ms: spec.within_ms,
            look_back,
            look_ahead,
            unmatched,
            rows: KeyRows::default(),
            searches: ValueTable::default(),
        })
    }

    /// Adds a row behind the key's others. It stays referred to until it is left behind.
    pub fn append(&mut self, key: u32, row: u32, time: i64, tables: &mut Tables<'_>) {
        let (keys_end, rows_end) = (key as usize + 1, row as usize + 1);
        self.searches.reserve_slots(keys_end);
        self.rows.chains.reserve(keys_end, rows_end);
        self.rows.times.reserve_slots(rows_end);
        if self.unmatched {
            self.rows.matched.reserve_slots(rows_end);
            self.rows.matched.set(row, false);
        }
        if self.rows.chains.first(key).is_none() {
            tables.keys.hold(key);
        }
        self.rows.chains.link(key, row);
        self.rows.times.set(row, time);
        let search = &mut self.searches.values_mut()[key as usize];
        tables.rows.set_order(row, search.rows);
        search.rows += 1;
        if search.start == 0 {
            search.start = row + 1;
        }
    }

    /// Whether the key has rows that wait for others.
    pub fn waits(&self, key: u32) -> bool {
        let searches = self.searches.values();
        searches.get(key as usize).is_some_and(|s| s.start != 0)
    }

    /// Goes on as far as what has come allows; false when there is more to do at once.
    ///
    /// # Errors
    /// When a condition fails, a match can't be skipped as asked, or there are too many partial matches.
    pub fn run(
        &mut self,
        key: u32,
        bounds: Bounds,
        tables: &mut Tables<'_>,
        verdicts: &mut Vec<Verdict>,
    ) -> Result<bool> {
        let mut work = 0;
        let mut search = self.searches.get(key);
        self.scratch.threads.clear();
        let threads = &mut self.scratch.threads;
        tables.keys.take_partial(key, |c| threads.push(c));
        let mut done = true;
        while let Some(start) = search.start.checked_sub(1) {
            if work >= WORK || verdicts.len() >= bounds.verdicts {
                done = false;
                break;
            }
            if !search.begun {
                self.begin(&mut search, tables)?;
            }
            self.advance(&mut search, bounds, tables, &mut work)?;
            if !self.scratch.threads.is_empty() {
                if work >= WORK {
                    continue;
                }
                if !self.give_up(&mut search, bounds) {
                    break;
                }
                self.drop_threads(tables);
            }
            let next = self.decide(&mut search, start, tables, verdicts)?;
            self.leave(key, &mut search, next, tables);
        }
        self.searches.set(key, search);
        tables.keys.put_partial(key, &self.scratch.threads);
        Ok(done)
    }

    /// The partial matches without a row at the start.
    fn begin(&mut self, search: &mut Search, tables: &mut Tables<'_>) -> Result<()> {
        search.begun = true;
        search.seen = 0;
        self.scratch.next.clear();
        self.new_step();
        let start = self.program.start;
        if self.close(start, EMPTY, tables)? {
            search.best = Best::Empty;
        }
        std::mem::swap(&mut self.scratch.threads, &mut self.scratch.next);
        Ok(())
    }

    /// Shows rows to the partial matches, until there are none of either.
    fn advance(
        &mut self,
        search: &mut Search,
        bounds: Bounds,
        tables: &mut Tables<'_>,
        work: &mut usize,
    ) -> Result<()> {
        while !self.scratch.threads.is_empty() && *work < WORK {
            let Some(row) = self.next_row(search) else {
                return Ok(());
            };
            let time = self.rows.times.get(row);
            if let Some(expires) = self.expires(search)
                && time >= expires
            {
                search.decided = search.decided.max(expires);
                self.drop_threads(tables);
                return Ok(());
            }
            if !bounds.ended && search.rows - 1 - tables.rows.order(row) < self.look_ahead {
                return Ok(());
            }
            *work += self.scratch.threads.len();
            if let Some(best) = self.step(row, time, tables)? {
                if let Best::Block(before) = search.best {
                    tables.partials.release(tables.rows, before);
                }
                search.best = Best::Block(best);
            }
            search.seen = row + 1;
            search.decided = search.decided.max(time);
        }
        Ok(())
    }

    fn next_row(&self, search: &Search) -> Option<u32> {
        match search.seen.checked_sub(1) {
            Some(seen) => self.rows.chains.after(seen),
            None => search.start.checked_sub(1),
        }
    }

    /// From when on no row may belong to a match that begins where the search stands.
    fn expires(&self, search: &Search) -> Option<i64> {
        let within = self.within_ms?;
        let start = search.start.checked_sub(1)?;
        Some(self.rows.times.get(start).saturating_add(within))
    }

    /// Whether no further row can come for the partial matches.
    fn give_up(&self, search: &mut Search, bounds: Bounds) -> bool {
        if bounds.ended {
            return true;
        }
        match self.expires(search) {
            Some(expires) if bounds.until >= expires && self.next_row(search).is_none() => {
                search.decided = search.decided.max(expires);
                true
            }
            _ => false,
        }
    }

    fn drop_threads(&mut self, tables: &mut Tables<'_>) {
        for thread in self.scratch.threads.drain(..) {
            tables.partials.release(tables.rows, thread.block);
        }
    }

    /// Gives what was found where the search stands; the row at which the next one begins.
    fn decide(
        &mut self,
        search: &mut Search,
        start: u32,
        tables: &mut Tables<'_>,
        verdicts: &mut Vec<Verdict>,
    ) -> Result<Option<u32>> {
        let time = search.decided.max(self.rows.times.get(start));
        let best = std::mem::replace(&mut search.best, Best::None);
        let Best::Block(block) = best else {
            if best == Best::Empty {
                tables.rows.hold(start);
                verdicts.push(Verdict::Empty { row: start, time });
            } else if self.unmatched && !self.rows.matched.get(start) {
                tables.rows.hold(start);
                verdicts.push(Verdict::Unmatched { row: start });
            }
            return Ok(self.rows.chains.after(start));
        };
        if self.unmatched {
            self.scratch.rows.clear();
            tables.partials.rows_of(block, &mut self.scratch.rows);
            for taken in &self.scratch.rows {
                self.rows.matched.set(taken.row, true);
            }
        }
        let row = self.skip.row(block, tables.partials)?;
        verdicts.push(Verdict::Match { block, time });
        match (self.skip.after, row) {
            (AfterMatch::PastLastRow, Some(row)) => Ok(self.rows.chains.after(row)),
            (AfterMatch::ToFirst(_) | AfterMatch::ToLast(_), Some(row)) if row == start => Err(
                OperatorError::user("Could not skip to first element of a match."),
            ),
            (AfterMatch::ToFirst(_) | AfterMatch::ToLast(_), Some(row)) => Ok(Some(row)),
            _ => Ok(self.rows.chains.after(start)),
        }
    }

    /// The search goes on at this row: those before it, but for what PREV may look at, go.
    fn leave(&mut self, key: u32, search: &mut Search, next: Option<u32>, tables: &mut Tables<'_>) {
        let end = next.map_or(search.rows, |row| tables.rows.order(row));
        search.start = next.map_or(0, |row| row + 1);
        search.begun = false;
        search.seen = 0;
        while let Some(first) = self.rows.chains.first(key) {
            if tables.rows.order(first) + self.look_back >= end {
                return;
            }
            self.rows.chains.unlink(first);
            tables.rows.release(first);
        }
        *search = Search::default();
        tables.keys.release(key);
    }

    /// When the search of the key must be looked at again for want of rows, if nobody was told yet.
    pub fn timer(&mut self, key: u32, rows: &Rows) -> Option<i64> {
        let search = self.searches.get(key);
        let expires = self.expires(&search)?;
        let number = rows.order(search.start - 1) + 1;
        if search.timer == number {
            return None;
        }
        self.searches.values_mut()[key as usize].timer = number;
        Some(expires)
    }

    /// The key's rows are over and its searches done: what PREV would have looked at goes.
    pub fn forget(&mut self, key: u32, tables: &mut Tables<'_>) {
        let mut any = false;
        while let Some(row) = self.rows.chains.pop(key) {
            tables.rows.release(row);
            any = true;
        }
        self.searches.reset(key);
        if any {
            tables.keys.release(key);
        }
    }

    pub fn memory_bytes(&self) -> usize {
        self.rows.chains.memory_bytes()
            + self.rows.times.memory_bytes()
            + self.rows.matched.memory_bytes()
            + self.searches.memory_bytes()
    }
}
