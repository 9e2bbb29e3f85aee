//! MATCH_RECOGNIZE: finds rows in a row that fit a pattern, and gives a row for each match, or for each row of a match.
//!
//! - State: the rows that wait for the watermark or are part of a partial match, with the cells that conditions and
//!   measures read; by key, its partial matches, each with a block of what must be known of its rows; timers for WITHIN.
//!   A row goes when nobody refers to it, a key when it has neither rows nor partial matches (but for MATCH_NUMBER, which
//!   counts each key's matches for ever, and PREV, for which a key keeps its last rows).
//! - Changelog: takes inserts; emits inserts.
//! - By event time rows are matched once the watermark has passed them, in the order of time, then of the further
//!   columns of ORDER BY, then of arrival, one key after the other by the earliest thing that each has to do. Rows that
//!   come after the watermark has passed are dropped and counted. Then the watermark passes.
//! - By processing time rows are matched as they come. Over sorted input (in batch) too, one key after the other.
//! - Patterns that Flink takes are matched as Flink's automaton does ([`automaton`]): a match is emitted when no match that
//!   began earlier can still be found; with WITHIN, also when those have timed out. Others are matched as standard SQL says
//!   ([`standard`]): a match is emitted when no preferred one that begins at the same row can still be found.
//! - Cost: cells are computed once a batch; a condition that only reads its own row is one of them. For each row and
//!   partial match of the key one step of the automaton, whose conditions read the block in constant time. The standard's
//!   search looks at rows again from where a failed one began.
//!
//! Modules: [`build`] from a spec; [`intake`] of rows; [`work`] that is to be done, in order; [`output`] of what was found.

mod aggregate;
mod automaton;
mod build;
mod condition;
mod heap;
mod history;
mod intake;
mod keys;
mod measures;
mod nfa;
mod output;
mod partial;
mod rows;
mod running;
mod schedule;
mod standard;
mod work;

use std::collections::VecDeque;
use std::sync::Arc;

use filbert_graph::spec::MatchTime;
use filbert_types::{ChangeBatch, Clock, Watermark};

use self::automaton::{Automaton, Computation, KeyMatches};
use self::keys::Keys;
use self::measures::{Found, Lines, Measures};
use self::partial::Partials;
use self::rows::Rows;
use self::schedule::Schedule;
use self::standard::{Standard, Verdict};
use self::work::Work;
use crate::context::OperatorContext;
use crate::error::Result;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;

pub struct MatchRecognizeOperator {
    partition_by: Vec<usize>,
    time: MatchTime,
    within_ms: Option<i64>,
    rows: Rows,
    partials: Partials,
    keys: Keys,
    matcher: Matcher,
    measures: Measures,
    /// Matches are numbered.
    numbered: bool,
    /// Matches without rows are given.
    empty: bool,
    schedule: Schedule,
    /// The greatest watermark seen.
    progress: i64,
    /// Rows matched so far, of all keys.
    matched_rows: u64,
    /// What is still to be done, in order.
    work: VecDeque<Work>,
    /// The key whose rows come, where the input is sorted.
    sorted_key: Option<u32>,
    /// What was found and isn't emitted yet, and how many rows that gives.
    found: Vec<Found>,
    found_rows: usize,
    lines: Option<Lines>,
    key: KeyMatches,
    given_out: Vec<Computation>,
    verdicts: Vec<Verdict>,
    clock: Option<Arc<dyn Clock>>,
    metrics: Arc<OperatorMetrics>,
}

enum Matcher {
    Flink(Box<Automaton>),
    Standard(Box<Standard>),
}

impl MatchRecognizeOperator {
    fn now_ms(&self) -> i64 {
        self.clock.as_ref().map_or(0, |clock| clock.now_ms())
    }

    fn measure(&self) {
        let rows = self.rows.len() + self.keys.len();
        self.metrics.state_rows.set(rows as u64);
        let matcher = match &self.matcher {
            Matcher::Flink(_) => 0,
            Matcher::Standard(standard) => standard.memory_bytes(),
        };
        let bytes = self.rows.memory_bytes()
            + self.partials.memory_bytes()
            + self.keys.memory_bytes()
            + self.schedule.memory_bytes()
            + matcher;
        self.metrics.state_bytes.set(bytes as u64);
    }
}

impl Operator for MatchRecognizeOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.metrics = Arc::clone(&ctx.metrics);
        self.clock = Some(Arc::clone(&ctx.clock));
        Ok(())
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let now_ms = self.now_ms();
        let due = self.accept(&batch, now_ms)?;
        match self.time {
            MatchTime::Sorted(_) => self.work.push_back(Work::Sorted { due, next: 0 }),
            MatchTime::Processing if !self.schedule.sorts() => {
                let until = now_ms;
                self.work.push_back(Work::Match {
                    due,
                    next: 0,
                    until,
                });
            }
            MatchTime::Event(_) | MatchTime::Processing => {
                for item in due {
                    self.schedule.row(item);
                }
            }
        }
        // Rows behind a mark are later than it, so that all of them could be stored before it passes.
        let marks = batch.marks.iter().map(|m| Work::Watermark(m.watermark));
        self.work.extend(marks);
        self.run(out)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        self.work.push_back(Work::Watermark(watermark));
        self.run(out)
    }

    fn next_timer(&self) -> Option<i64> {
        // A row of this millisecond may still come.
        (self.time == MatchTime::Processing)
            .then(|| self.schedule.first_time().map(|t| t.saturating_add(1)))
            .flatten()
    }

    fn timer(&mut self, now_ms: i64, out: &mut Output) -> Result<Step> {
        let until = now_ms.saturating_sub(1);
        let due = self.schedule.until(until, &self.rows)?;
        self.work.push_back(Work::Match {
            due,
            next: 0,
            until,
        });
        self.run(out)
    }

    fn end_input(&mut self, _input: usize, out: &mut Output) -> Result<Step> {
        if let Some(key) = self.sorted_key.take() {
            self.work.push_back(Work::EndSorted { key });
        }
        if self.time == MatchTime::Processing {
            // Rows of the last millisecond.
            let due = self.schedule.until(i64::MAX, &self.rows)?;
            let until = self.now_ms();
            self.work.push_back(Work::Match {
                due,
                next: 0,
                until,
            });
        }
        self.work.push_back(Work::End { key: 0 });
        self.run(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}

#[cfg(test)]
mod tests;
