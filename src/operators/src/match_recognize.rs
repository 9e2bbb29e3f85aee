//! MATCH_RECOGNIZE: finds rows in a row that fit a pattern, and gives one row for each match.
//!
//! - State: the rows that wait for the watermark or are part of a partial match, with the cells that conditions and
//!   measures read; by key, its partial matches, each with a block of what must be known of its rows; timers for WITHIN.
//!   A row goes when nobody refers to it, a key when it has neither rows nor partial matches.
//! - Changelog: takes inserts; emits inserts.
//! - By event time rows are matched once the watermark has passed them, in the order of time, then of the further
//!   columns of ORDER BY, then of arrival, one key after the other by the earliest thing that each has to do. Rows that
//!   come after the watermark has passed are dropped and counted. Then the watermark passes.
//! - By processing time rows are matched as they come. Over sorted input (in batch) too, one key after the other.
//! - A match is emitted when no match that began earlier can still be found; with WITHIN, also when those have timed
//!   out.
//! - Cost: cells are computed once a batch; a condition that only reads its own row is one of them. For each row and
//!   partial match of the key one step of the automaton, whose conditions read the block in constant time.

mod automaton;
mod condition;
mod heap;
mod keys;
mod measures;
mod nfa;
mod partial;
mod rows;
mod running;
mod schedule;

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::SchemaRef;
use filbert_graph::spec::{AfterMatch, MatchSpec, MatchTime};
use filbert_types::{ChangeBatch, Clock, Watermark};

use self::automaton::{Automaton, Computation, Event, KeyMatches};
use self::condition::{Condition, RunningPlaces};
use self::keys::Keys;
use self::measures::{Found, Measures};
use self::nfa::Nfa;
use self::partial::{Layout, Partials};
use self::rows::Rows;
use self::running::RunningAggregate;
use self::schedule::{Due, Schedule};
use crate::context::{ExpressionFactory, OperatorContext};
use crate::error::{OperatorError, Result};
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;
use crate::watermark_assigner::to_millis;

pub struct MatchRecognizeOperator {
    partition_by: Vec<usize>,
    time: MatchTime,
    within_ms: Option<i64>,
    rows: Rows,
    partials: Partials,
    keys: Keys,
    automaton: Automaton,
    measures: Measures,
    schedule: Schedule,
    /// The greatest watermark seen.
    progress: i64,
    /// Rows matched so far, of all keys.
    matched_rows: u64,
    /// What is still to be done, in order.
    work: VecDeque<Work>,
    /// The key whose rows come, where the input is sorted.
    sorted_key: Option<u32>,
    /// Matches that are not emitted yet.
    found: Vec<Found>,
    key: KeyMatches,
    given_out: Vec<Computation>,
    clock: Option<Arc<dyn Clock>>,
    metrics: Arc<OperatorMetrics>,
}

enum Work {
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
}

impl MatchRecognizeOperator {
    /// # Errors
    /// When an expression can't be read, or a key's type can't be a key.
    pub fn new(
        spec: &MatchSpec,
        input: &SchemaRef,
        output: SchemaRef,
        expressions: &dyn ExpressionFactory,
    ) -> Result<MatchRecognizeOperator> {
        if spec.standard || spec.all_rows.is_some() {
            return Err(OperatorError::user(unsupported(spec)));
        }
        let mut layout = Layout::new(spec.variables.len());
        let mut running: Vec<RunningAggregate> = Vec::new();
        let mut places: RunningPlaces = Vec::new();
        for aggregate in &spec.aggregates {
            let made = RunningAggregate::new(aggregate, spec.variables.len());
            places.push(made.is_some().then_some(running.len()));
            running.extend(made);
        }
        let conditions = spec.conditions.iter().enumerate();
        let conditions = conditions
            .map(|(v, c)| Condition::new(c.as_ref(), v, &mut layout, &places, expressions))
            .collect::<Result<Vec<_>>>()?;
        let all: Vec<usize> = (0..spec.variables.len()).collect();
        let skip_to = match spec.after {
            AfterMatch::PastLastRow => Some(layout.row(&all, false, 0)),
            AfterMatch::ToNextRow => None,
            AfterMatch::ToFirst(v) => Some(layout.row(&[v], true, 0)),
            AfterMatch::ToLast(v) => Some(layout.row(&[v], false, 0)),
        };
        let skip_name = match spec.after {
            AfterMatch::ToFirst(v) | AfterMatch::ToLast(v) => spec.variables[v].clone(),
            _ => String::new(),
        };
        let measures = Measures::new(spec, &mut layout, &places, output, expressions)?;
        let cells = spec.cells.iter();
        let cells = cells
            .map(|cell| expressions.physical(cell, input))
            .collect::<Result<Vec<_>>>()?;
        let kept = spec.order_by.iter().map(|(column, ..)| *column).collect();
        let keys = spec.partition_by.iter();
        let keys = keys.map(|k| input.field(*k).data_type().clone()).collect();
        let rows = Rows::new(input, cells, kept)?;
        let order_by = spec.order_by.iter();
        let order_by = order_by
            .map(|(column, ascending, nulls_first)| {
                (rows.kept_column(*column), *ascending, *nulls_first)
            })
            .collect();
        let nfa = Nfa::new(&spec.pattern)?;
        Ok(MatchRecognizeOperator {
            partition_by: spec.partition_by.clone(),
            time: spec.time,
            within_ms: spec.within_ms,
            partials: Partials::new(layout, running, measures.need_rows()),
            rows,
            keys: Keys::new(keys)?,
            automaton: Automaton::new(
                nfa,
                conditions,
                spec.after,
                skip_to,
                skip_name,
                spec.within_ms,
            ),
            measures,
            schedule: Schedule::new(order_by),
            progress: i64::MIN,
            matched_rows: 0,
            work: VecDeque::new(),
            sorted_key: None,
            found: Vec::new(),
            key: KeyMatches::default(),
            given_out: Vec::new(),
            clock: None,
            metrics: Arc::default(),
        })
    }

    /// Stores the rows that are not late, each under its time.
    fn accept(&mut self, batch: &ChangeBatch, now_ms: i64) -> Result<Vec<Due>> {
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

    /// Goes on until all is done or the output is full.
    fn run(&mut self, out: &mut Output) -> Result<Step> {
        while let Some(work) = self.work.pop_front() {
            let rest = match work {
                Work::Match { due, next, until } => self.match_keys(due, next, until, out)?,
                Work::Sorted { due, next } => self.match_sorted(due, next, out)?,
                Work::Watermark(watermark) => {
                    self.begin_watermark(watermark, out)?;
                    None
                }
            };
            if let Some(rest) = rest {
                self.work.push_front(rest);
                return Ok(Step::More);
            }
        }
        self.emit(out)?;
        self.measure();
        Ok(if out.is_full() {
            Step::More
        } else {
            Step::Done
        })
    }

    fn begin_watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<()> {
        self.progress = self.progress.max(watermark.0);
        let due = match self.time {
            MatchTime::Event(_) => self.schedule.until(self.progress, &self.rows)?,
            _ => Vec::new(),
        };
        if due.is_empty() {
            self.emit(out)?;
            out.watermark(watermark);
            return Ok(());
        }
        // The watermark passes behind what it sets off.
        self.work.push_front(Work::Watermark(watermark));
        let until = self.progress;
        self.work.push_front(Work::Match {
            due,
            next: 0,
            until,
        });
        Ok(())
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
            self.keys.load(first.key, &self.automaton, &mut self.key);
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
            if self.found.len() >= batch_rows {
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
                self.end_sorted_key()?;
                // Held until its rows are over.
                self.keys.hold(item.key);
                self.sorted_key = Some(item.key);
                self.automaton.begin(&mut self.key);
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
    fn end_sorted_key(&mut self) -> Result<()> {
        let Some(key) = self.sorted_key.take() else {
            return Ok(());
        };
        self.advance_time(key, i64::MAX)?;
        for left in self
            .key
            .partial
            .items()
            .iter()
            .chain(self.key.completed.items())
        {
            if left.block != partial::EMPTY {
                self.partials.release(&mut self.rows, left.block);
            }
        }
        self.automaton.begin(&mut self.key);
        self.keys.release(key);
        Ok(())
    }

    fn advance_time(&mut self, key: u32, time: i64) -> Result<()> {
        let (rows, partials) = (&mut self.rows, &mut self.partials);
        self.automaton
            .advance_time(&mut self.key, time, rows, partials, &mut self.given_out)?;
        self.collect(key, time);
        Ok(())
    }

    fn match_row(&mut self, due: Due) -> Result<()> {
        let order = self.matched_rows;
        self.matched_rows += 1;
        self.rows.set_order(due.row, order);
        let event = Event {
            row: due.row,
            time: due.time,
            order,
        };
        let (rows, partials) = (&mut self.rows, &mut self.partials);
        let began =
            self.automaton
                .process(&mut self.key, event, rows, partials, &mut self.given_out)?;
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

    fn collect(&mut self, key: u32, time: i64) {
        for found in self.given_out.drain(..) {
            // Until the row is emitted its key is known.
            self.keys.hold(key);
            self.found.push(Found {
                key,
                block: found.block,
                time,
            });
        }
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

    /// Emits when a batch of matches is there; true when the output is full.
    fn emit_full(&mut self, out: &mut Output) -> Result<bool> {
        if self.found.len() < out.batch_rows() {
            return Ok(false);
        }
        self.emit(out)?;
        Ok(out.is_full())
    }

    fn emit(&mut self, out: &mut Output) -> Result<()> {
        if self.found.is_empty() {
            return Ok(());
        }
        for piece in self.found.chunks(out.batch_rows().max(1)) {
            let rows = self
                .measures
                .rows(piece, &self.keys, &self.rows, &self.partials)?;
            out.emit(ChangeBatch::insert(rows));
        }
        for found in self.found.drain(..) {
            self.partials.release(&mut self.rows, found.block);
            self.keys.release(found.key);
        }
        Ok(())
    }

    fn now_ms(&self) -> i64 {
        self.clock.as_ref().map_or(0, |clock| clock.now_ms())
    }

    fn measure(&self) {
        let rows = self.rows.len() + self.keys.len();
        self.metrics.state_rows.set(rows as u64);
        let bytes = self.rows.memory_bytes()
            + self.partials.memory_bytes()
            + self.keys.memory_bytes()
            + self.schedule.memory_bytes();
        self.metrics.state_bytes.set(bytes as u64);
    }
}

/// What of a pattern is more than the automaton takes, in Flink's words.
fn unsupported(spec: &MatchSpec) -> &'static str {
    if spec.all_rows.is_some() {
        return "All rows per match mode is not supported yet.";
    }
    "The pattern is not supported: Flink takes variables in a row, each with a quantifier, the last without a greedy one."
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
        self.end_sorted_key()?;
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
        self.run(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        self.run(out)
    }
}

#[cfg(test)]
mod tests;
