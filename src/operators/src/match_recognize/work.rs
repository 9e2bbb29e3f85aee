//! What is to be done, piece by piece, so that each step is bounded.

use filbert_graph::spec::MatchTime;
use filbert_types::Watermark;

use super::automaton::Event;
use super::partial::EMPTY;
use super::schedule::Due;
use super::standard::{Bounds, Tables};
use super::{MatchRecognizeOperator, Matcher};
use crate::error::Result;
use crate::operator::Step;
use crate::output::Output;

/// Something that is to be done.
pub(super) enum Work {
    /// Things to do with keys until a time, and how many are done.
    Match {
        due: Vec<Due>,
        next: usize,
        until: i64,
    },
    /// Rows up to this watermark are due; then it passes.
    Watermark(Watermark),
    /// The rows of a sorted input, as they come.
    Sorted { due: Vec<Due>, next: usize },
    /// The rows of a key of a sorted input are over.
    EndSorted { key: u32 },
    /// The search of a key goes on, which is held for it.
    Search {
        key: u32,
        until: i64,
        ended: bool,
        forget: bool,
    },
    /// The rows of all keys from this one on are over.
    End { key: u32 },
}

impl MatchRecognizeOperator {
    /// Goes on until all is done or the output is full.
    pub(super) fn run(&mut self, out: &mut Output) -> Result<Step> {
        if self.lines.is_some() && self.emit(out)? {
            return Ok(Step::More);
        }
        while let Some(work) = self.work.pop_front() {
            if !self.go(work, out)? || self.emit_full(out)? {
                return Ok(Step::More);
            }
        }
        let full = self.emit(out)?;
        self.measure();
        Ok(if full { Step::More } else { Step::Done })
    }

    /// Does a piece of work, and leaves what follows in front of the other; false when the output should be looked at.
    fn go(&mut self, work: Work, out: &mut Output) -> Result<bool> {
        match work {
            Work::Match { due, next, until } if self.is_standard() => {
                self.append_due(due, next, until);
            }
            Work::Match { due, next, until } => {
                let rest = self.match_keys(due, next, until, out)?;
                return Ok(self.later(rest));
            }
            Work::Sorted { due, next } if self.is_standard() => self.append_sorted(due, next),
            Work::Sorted { due, next } => {
                let rest = self.match_sorted(due, next, out)?;
                return Ok(self.later(rest));
            }
            Work::EndSorted { key } if self.is_standard() => self.work.push_front(Work::Search {
                key,
                until: i64::MAX,
                ended: true,
                forget: true,
            }),
            Work::EndSorted { key } => self.end_sorted_key(key)?,
            Work::Search {
                key,
                until,
                ended,
                forget,
            } => {
                let bounds = Bounds {
                    until,
                    ended,
                    verdicts: out.batch_rows(),
                };
                return self.search(key, bounds, forget);
            }
            Work::End { key } => self.end_key(key),
            Work::Watermark(watermark) => return self.begin_watermark(watermark, out),
        }
        Ok(true)
    }

    fn later(&mut self, rest: Option<Work>) -> bool {
        let done = rest.is_none();
        if let Some(rest) = rest {
            self.work.push_front(rest);
        }
        done
    }

    fn begin_watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<bool> {
        self.progress = self.progress.max(watermark.0);
        let due = match self.time {
            MatchTime::Event(_) => self.schedule.until(self.progress, &self.rows)?,
            _ => Vec::new(),
        };
        let is_event = matches!(self.time, MatchTime::Event(_));
        if due.is_empty() {
            // What is certain now that no rows come any more must pass before the last watermark.
            if watermark == Watermark::MAX && is_event && self.any_waits() {
                self.work.push_front(Work::Watermark(watermark));
                self.work.push_front(Work::End { key: 0 });
                return Ok(true);
            }
            if self.emit(out)? {
                self.work.push_front(Work::Watermark(watermark));
                return Ok(false);
            }
            out.watermark(watermark);
            return Ok(true);
        }
        // The watermark passes behind what it sets off.
        self.work.push_front(Work::Watermark(watermark));
        let until = self.progress;
        self.work.push_front(Work::Match {
            due,
            next: 0,
            until,
        });
        Ok(true)
    }

    /// Matches the due rows of one key after the other; what is left when the output is full.
    fn match_keys(
        &mut self,
        due: Vec<Due>,
        mut next: usize,
        until: i64,
        out: &mut Output,
    ) -> Result<Option<Work>> {
        while let Some(first) = due.get(next).copied() {
            let Matcher::Flink(automaton) = &self.matcher else {
                return Ok(None);
            };
            self.keys.load(first.key, automaton, &mut self.key);
            let done = self.match_key(&due, next, out.batch_rows())?;
            if due.get(done).is_none_or(|d| d.key != first.key) {
                self.advance_time(first.key, until)?;
            }
            self.keys.store(first.key, &self.key);
            self.forget(&due[next..done]);
            next = done;
            if self.emit_full(out)? {
                return Ok(Some(Work::Match { due, next, until }));
            }
        }
        Ok(None)
    }

    /// Matches the due rows of the key at `next`, until there is a batch of matches; gives the first that is left.
    fn match_key(&mut self, due: &[Due], next: usize, batch_rows: usize) -> Result<usize> {
        let key = due[next].key;
        let mut time = None;
        let mut done = next;
        while let Some(item) = due.get(done).filter(|d| d.key == key) {
            done += 1;
            if item.is_timer() {
                continue;
            }
            if time != Some(item.time) {
                time = Some(item.time);
                self.advance_time(key, item.time)?;
            }
            self.match_row(*item)?;
            if self.found_rows >= batch_rows {
                break;
            }
        }
        Ok(done)
    }

    /// Matches rows of a sorted input; what is left when the output is full.
    fn match_sorted(
        &mut self,
        due: Vec<Due>,
        mut next: usize,
        out: &mut Output,
    ) -> Result<Option<Work>> {
        while let Some(item) = due.get(next).copied() {
            if self.sorted_key != Some(item.key) {
                if let Some(key) = self.sorted_key.take() {
                    self.end_sorted_key(key)?;
                }
                // Held until its rows are over.
                self.keys.hold(item.key);
                self.sorted_key = Some(item.key);
                if let Matcher::Flink(automaton) = &self.matcher {
                    automaton.begin(&mut self.key);
                }
            }
            self.advance_time(item.key, item.time)?;
            self.match_row(item)?;
            self.forget(&due[next..=next]);
            next += 1;
            if self.emit_full(out)? {
                return Ok(Some(Work::Sorted { due, next }));
            }
        }
        Ok(None)
    }

    /// No more rows of the key come: what waited for others is given out, the rest is forgotten.
    fn end_sorted_key(&mut self, key: u32) -> Result<()> {
        self.advance_time(key, i64::MAX)?;
        let waiting = self.key.partial.items().iter();
        for left in waiting.chain(self.key.completed.items()) {
            if left.block != EMPTY {
                self.partials.release(&mut self.rows, left.block);
            }
        }
        if let Matcher::Flink(automaton) = &self.matcher {
            automaton.begin(&mut self.key);
        }
        self.keys.reset_number(key);
        self.keys.release(key);
        Ok(())
    }

    fn advance_time(&mut self, key: u32, time: i64) -> Result<()> {
        let (rows, partials) = (&mut self.rows, &mut self.partials);
        if let Matcher::Flink(automaton) = &mut self.matcher {
            automaton.advance_time(&mut self.key, time, rows, partials, &mut self.given_out)?;
        }
        self.collect(key, time);
        Ok(())
    }

    fn match_row(&mut self, due: Due) -> Result<()> {
        let Matcher::Flink(automaton) = &mut self.matcher else {
            return Ok(());
        };
        let order = self.matched_rows;
        self.matched_rows += 1;
        self.rows.set_order(due.row, order);
        let event = Event {
            row: due.row,
            time: due.time,
            order,
        };
        let (rows, partials) = (&mut self.rows, &mut self.partials);
        let began = automaton.process(&mut self.key, event, rows, partials, &mut self.given_out)?;
        if let Some(within) = self.within_ms
            && began
            && !matches!(self.time, MatchTime::Sorted(_))
        {
            self.keys.hold(due.key);
            self.schedule
                .timer(due.time.saturating_add(within), due.key);
        }
        self.collect(due.key, due.time);
        Ok(())
    }

    /// What was due is done: rows that no match has taken go.
    fn forget(&mut self, due: &[Due]) {
        for item in due {
            if !item.is_timer() {
                self.rows.release(item.row);
            }
            self.keys.release(item.key);
        }
    }

    /// Adds the due rows of the key at `next` to its others, and lets its search go on.
    fn append_due(&mut self, due: Vec<Due>, next: usize, until: i64) {
        let Some(key) = due.get(next).map(|d| d.key) else {
            return;
        };
        let done = next + self.append(&due[next..], key);
        self.work.push_front(Work::Match {
            due,
            next: done,
            until,
        });
        self.work.push_front(Work::Search {
            key,
            until,
            ended: false,
            forget: false,
        });
    }

    /// As [`Self::append_due`], of a sorted input: with the first row of another key those of the one before are over.
    fn append_sorted(&mut self, due: Vec<Due>, next: usize) {
        let Some(key) = due.get(next).map(|d| d.key) else {
            return;
        };
        if self.sorted_key != Some(key) {
            let before = self.sorted_key.replace(key);
            // Held until its rows are over.
            self.keys.hold(key);
            if let Some(before) = before {
                self.work.push_front(Work::Sorted { due, next });
                self.work.push_front(Work::EndSorted { key: before });
                return;
            }
        }
        let done = next + self.append(&due[next..], key);
        self.work.push_front(Work::Sorted { due, next: done });
        self.work.push_front(Work::Search {
            key,
            until: i64::MIN,
            ended: false,
            forget: false,
        });
    }

    /// Gives the rows of a key that come first to its search, which the key is held for; how many things were due for it.
    fn append(&mut self, due: &[Due], key: u32) -> usize {
        let Matcher::Standard(standard) = &mut self.matcher else {
            return due.len();
        };
        self.keys.hold(key);
        let of_key = due.iter().take_while(|d| d.key == key);
        let mut count = 0;
        for item in of_key {
            count += 1;
            let mut tables = Tables {
                keys: &mut self.keys,
                rows: &mut self.rows,
                partials: &mut self.partials,
            };
            if !item.is_timer() {
                standard.append(key, item.row, item.time, &mut tables);
            }
            self.keys.release(key);
        }
        count
    }

    fn search(&mut self, key: u32, bounds: Bounds, forget: bool) -> Result<bool> {
        let Matcher::Standard(standard) = &mut self.matcher else {
            return Ok(true);
        };
        let mut tables = Tables {
            keys: &mut self.keys,
            rows: &mut self.rows,
            partials: &mut self.partials,
        };
        let done = standard.run(key, bounds, &mut tables, &mut self.verdicts)?;
        if done && forget {
            standard.forget(key, &mut tables);
        }
        let timer = match self.time {
            MatchTime::Sorted(_) => None,
            _ if done => standard.timer(key, &self.rows),
            _ => None,
        };
        if let Some(time) = timer {
            self.keys.hold(key);
            self.schedule.timer(time, key);
        }
        self.collect_verdicts(key);
        if !done {
            self.work.push_front(Work::Search {
                key,
                until: bounds.until,
                ended: bounds.ended,
                forget,
            });
            return Ok(false);
        }
        if forget {
            self.keys.reset_number(key);
        }
        self.keys.release(key);
        Ok(true)
    }

    /// The rows of all keys are over: one key that waits for more, then the others.
    fn end_key(&mut self, from: u32) {
        let Matcher::Standard(standard) = &self.matcher else {
            return;
        };
        let Some(key) = (from..self.keys.end()).find(|key| standard.waits(*key)) else {
            return;
        };
        self.keys.hold(key);
        self.work.push_front(Work::End { key: key + 1 });
        self.work.push_front(Work::Search {
            key,
            until: i64::MAX,
            ended: true,
            forget: false,
        });
    }

    fn any_waits(&self) -> bool {
        match &self.matcher {
            Matcher::Flink(_) => false,
            Matcher::Standard(standard) => (0..self.keys.end()).any(|key| standard.waits(key)),
        }
    }
}
