//! Joins each row with the rows that a table has for its key when the row comes by: inner and left.
//!
//! - State: none; where what was found must be taken back later (`materialized`), the rows found for each row of the
//!   input, by the input's key. Beside it a cache of the table's rows, as the table's options say, and the rows whose
//!   lookups are on their way: at most `capacity`, waited for before a barrier.
//! - Changelog: takes any; a pair has the kind of the input's row, for which the table is asked whatever its kind is.
//!   Materialized, a -U or -D takes back what was found for the row before, as -D.
//! - A row whose key has a NULL, or for which the condition on the input alone doesn't hold, is looked up nowhere.
//! - Rows leave in the order of their coming, the matches of one in the order in which they were found. Unordered, they
//!   leave as their lookups end, but never past a watermark.
//! - Cost: the table is asked once for all keys of a batch, each once, without those that the cache knows. Asynchronously
//!   a lookup has as many rows as there is room for in flight. A row with a million matches goes out in pieces.

mod asking;
mod cache;
mod chunk;
mod emit;
mod found;
mod materialized;
mod queue;
mod reload;

use std::sync::Arc;
use std::task::Waker;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use filbert_connector_api::lookup::{LookedUp, LookupContext};
use filbert_connector_api::{LookupReader, LookupSource};
use filbert_graph::spec::{AsyncOrder, LookupJoinSpec};
use filbert_types::{ChangeBatch, Clock, Watermark};

use crate::columns::record_batch;
use crate::context::{ExpressionFactory, IoRuntime, OperatorContext};
use crate::error::{OperatorError, Result};
use crate::lookup_join::asking::{AskPlan, ask, ask_inline};
use crate::lookup_join::cache::Cache;
use crate::lookup_join::chunk::{Chunk, KeyColumns};
use crate::lookup_join::emit::{Emitting, Joiner};
use crate::lookup_join::found::{Finder, Found, Piece};
use crate::lookup_join::materialized::Materialized;
use crate::lookup_join::queue::{ChunkEntry, Entry, Queue, State};
use crate::lookup_join::reload::Reload;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, Step};
use crate::output::Output;

pub struct LookupJoinOperator {
    source: Arc<dyn LookupSource>,
    keys: KeyColumns,
    key_columns: Vec<usize>,
    finder: Finder,
    joiner: Joiner,
    materialized: Option<Materialized>,
    cache: Cache,
    reload: Reload,
    plan: AskPlan,
    /// Rows that may be in flight, and their order; none where each batch waits for its own lookup.
    in_flight: Option<(usize, AsyncOrder)>,
    queue: Queue,
    /// What is left of a batch that came in.
    input: Option<(ChangeBatch, usize)>,
    emitting: Option<Emitting>,
    /// Nothing may stay in flight.
    draining: bool,
    opened: Option<Opened>,
}

/// What is there once the operator is open.
struct Opened {
    reader: LookupReader,
    clock: Arc<dyn Clock>,
    io: Arc<dyn IoRuntime>,
    waker: Waker,
    metrics: Arc<OperatorMetrics>,
}

impl LookupJoinOperator {
    /// # Errors
    /// When an expression can't be read, or a key's type can't be a key.
    pub fn new(
        spec: &LookupJoinSpec,
        source: Arc<dyn LookupSource>,
        input: &SchemaRef,
        output: SchemaRef,
        expressions: &dyn ExpressionFactory,
    ) -> Result<LookupJoinOperator> {
        let options = source.options();
        let finder = Finder::new(spec, expressions)?;
        let joiner = Joiner::new(spec, [input, &finder.output], output, expressions)?;
        let materialized = spec.materialize.as_ref();
        let materialized = materialized.map(|m| Materialized::new(m, input, &finder.output));
        let keys = KeyColumns::new(spec, input, expressions)?;
        Ok(LookupJoinOperator {
            key_columns: spec.keys.iter().map(|key| key.column).collect(),
            cache: Cache::new(&options.caching, keys.schema(), finder.projected())?,
            plan: AskPlan {
                retry: spec.retry,
                failures_max: options.max_retries,
                timeout_ms: spec.asynchronous.as_ref().map(|a| a.timeout_ms),
            },
            in_flight: spec
                .asynchronous
                .as_ref()
                .map(|a| (a.capacity.max(1), a.order.clone())),
            reload: Reload::default(),
            source,
            keys,
            finder,
            joiner,
            materialized: materialized.transpose()?,
            queue: Queue::default(),
            input: None,
            emitting: None,
            draining: false,
            opened: None,
        })
    }

    /// Emits what can go, asks for what has room, until there is nothing to do but wait.
    fn advance(&mut self, out: &mut Output) -> Result<Step> {
        loop {
            self.take_answers()?;
            if let Some(mut emitting) = self.emitting.take() {
                let done = match &mut self.materialized {
                    Some(materialized) => emitting.piece_kept(&self.joiner, materialized, out)?,
                    None => emitting.piece(&self.joiner, out)?,
                };
                if !done {
                    self.emitting = Some(emitting);
                    return Ok(Step::More);
                }
            } else if out.is_full() {
                return Ok(Step::More);
            }
            let order = self.in_flight.as_ref().map(|(_, order)| order);
            match self.queue.next(order.unwrap_or(&AsyncOrder::Ordered)) {
                Some(Entry::Watermark(watermark)) => out.watermark(watermark),
                Some(Entry::Idle(idle)) => out.idle(idle),
                Some(Entry::Chunk(entry)) => self.emitting = entry.into_emitting(),
                None if self.issue()? => {}
                None => break,
            }
        }
        self.measure();
        let waits = self.input.is_some() || self.draining && !self.queue.is_empty();
        match waits {
            true => Ok(Step::Pending),
            false => Ok(Step::Done),
        }
    }

    /// Takes a part of the batch that waits and asks for it; false when there is no batch, or no room.
    fn issue(&mut self) -> Result<bool> {
        let Some((batch, start)) = self.input.take() else {
            return Ok(false);
        };
        let Some((capacity, order)) = &self.in_flight else {
            if !self.queue.is_empty() {
                self.input = Some((batch, start));
                return Ok(false);
            }
            let chunk = self.keys.chunk(batch, self.materialized.is_some())?;
            self.enqueue(chunk, Vec::new())?;
            return Ok(true);
        };
        let room = capacity.saturating_sub(self.queue.rows());
        let mark = batch.marks.first().copied();
        if let Some(mark) = mark.filter(|mark| mark.offset <= start) {
            let mut batch = batch;
            batch.marks.remove(0);
            self.queue.push(Entry::Watermark(mark.watermark));
            self.input = Some((batch, start));
            return Ok(true);
        }
        let end = mark.map_or(batch.num_rows(), |mark| mark.offset);
        if start == batch.num_rows() {
            return Ok(true);
        }
        let mut length = room.min(end - start);
        let hashes = match order {
            AsyncOrder::ByKey(columns) => chunk::row_hashes(&batch, start, length, columns)?,
            _ => Vec::new(),
        };
        // A row whose key is in flight waits until that has come.
        if !hashes.is_empty() {
            let in_flight = self.queue.hashes();
            let blocked = hashes.iter().position(|hash| in_flight.contains(hash));
            length = blocked.unwrap_or(length);
        }
        if length == 0 {
            self.input = Some((batch, start));
            return Ok(false);
        }
        let mut part = batch.slice(start, length);
        part.marks.clear();
        self.input = Some((batch, start + length));
        let chunk = self.keys.chunk(part, false)?;
        self.enqueue(chunk, hashes[..length.min(hashes.len())].to_vec())?;
        Ok(true)
    }

    /// Looks a chunk's keys up in the cache, and asks for the others.
    fn enqueue(&mut self, chunk: Chunk, hashes: Vec<u64>) -> Result<()> {
        let opened = self.opened.as_ref().ok_or_else(not_open)?;
        let looked = self.cache.look(&chunk.keys, opened.clock.now_ms())?;
        let metrics = &opened.metrics;
        if self.cache.is_used() {
            metrics.lookup_cache_misses.add(looked.missing.len() as u64);
            let hits = chunk.keys.num_rows() - looked.missing.len();
            metrics.lookup_cache_hits.add(hits as u64);
        }
        let state = if looked.missing.is_empty() {
            State::Found(self.finder.find(looked.pieces, chunk.keys.num_rows())?)
        } else {
            let missing = UInt32Array::from(looked.missing);
            let keys = take_rows(&chunk.keys, &missing)?;
            metrics.lookups.add(keys.num_rows() as u64);
            let waits = self.in_flight.is_some() || self.plan.retry.is_some();
            match &opened.reader {
                LookupReader::Sync(reader) if !waits => {
                    let answer = ask_inline(reader.as_ref(), &keys, &self.plan)?;
                    let count = chunk.keys.num_rows();
                    let found = self.found(looked.pieces, &missing, &keys, answer, count)?;
                    State::Found(found)
                }
                reader => {
                    let asked = ask(
                        reader.clone(),
                        keys.clone(),
                        self.plan,
                        Arc::clone(&opened.clock),
                    );
                    State::Waiting {
                        _task: self.queue.spawn(asked, opened.io.as_ref(), &opened.waker)?,
                        cached: looked.pieces,
                        missing,
                        keys,
                    }
                }
            }
        };
        self.queue.push_chunk(chunk, hashes, state);
        Ok(())
    }

    /// What the table has answered for some of a chunk's `count` keys, beside what the cache had.
    fn found(
        &mut self,
        mut pieces: Vec<Piece>,
        missing: &UInt32Array,
        keys: &RecordBatch,
        answer: LookedUp,
        count: usize,
    ) -> Result<Found> {
        let now_ms = self.opened.as_ref().map_or(0, |o| o.clock.now_ms());
        let piece = self.finder.narrow(answer, keys.num_rows())?;
        self.cache.store(keys, &piece, now_ms)?;
        let numbers = piece.numbers.iter();
        let numbers = numbers.map(|number| missing.value(*number as usize));
        pieces.push(Piece {
            numbers: numbers.collect(),
            rows: piece.rows,
        });
        self.finder.find(pieces, count)
    }

    fn take_answers(&mut self) -> Result<()> {
        for (id, answer) in self.queue.take_arrived() {
            let Some(ChunkEntry { chunk, state, .. }) = self.queue.waiting(id) else {
                continue;
            };
            let waiting = std::mem::replace(state, State::Taken);
            let count = chunk.keys.num_rows();
            if let State::Waiting {
                cached,
                missing,
                keys,
                ..
            } = waiting
            {
                let found = self.found(cached, &missing, &keys, answer?, count)?;
                if let Some(entry) = self.queue.waiting(id) {
                    entry.state = State::Found(found);
                }
            }
        }
        Ok(())
    }

    fn measure(&self) {
        let Some(opened) = &self.opened else {
            return;
        };
        opened
            .metrics
            .lookup_cached_rows
            .set(self.cache.rows() as u64);
        if let Some(materialized) = &self.materialized {
            materialized.measure(&opened.metrics);
        }
    }

    /// Passes on behind what is in flight.
    fn behind(&mut self, entry: Entry, out: &mut Output) -> Result<Step> {
        self.queue.push(entry);
        self.advance(out)
    }

    fn drain(&mut self, out: &mut Output) -> Result<Step> {
        self.draining = true;
        let step = self.advance(out)?;
        self.draining = step != Step::Done;
        Ok(step)
    }
}

fn not_open() -> OperatorError {
    OperatorError::engine("A lookup join was given rows before it was opened.")
}

fn take_rows(rows: &RecordBatch, picked: &UInt32Array) -> Result<RecordBatch> {
    let columns = rows.columns().iter().map(|c| Ok(take(c, picked, None)?));
    let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
    Ok(record_batch(&rows.schema(), columns, picked.len())?)
}

impl Operator for LookupJoinOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        let lookup = LookupContext {
            clock: Arc::clone(&ctx.clock),
        };
        let reader = self.source.reader(&self.key_columns, &lookup)?;
        let rows = self.cache.open(self.source.as_ref(), ctx.clock.now_ms())?;
        if let Some(rows) = rows {
            ctx.metrics.lookup_cache_loads.add(1);
            self.cache.fill(&self.finder, &self.key_columns, rows)?;
        }
        if let Some(materialized) = &mut self.materialized {
            materialized.open(&ctx.clock);
        }
        self.opened = Some(Opened {
            reader,
            clock: Arc::clone(&ctx.clock),
            io: Arc::clone(&ctx.io),
            waker: ctx.waker.clone(),
            metrics: Arc::clone(&ctx.metrics),
        });
        Ok(())
    }

    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        self.input = Some((batch, 0));
        self.advance(out)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        self.behind(Entry::Watermark(watermark), out)
    }

    fn idle(&mut self, idle: bool, out: &mut Output) -> Result<Step> {
        self.behind(Entry::Idle(idle), out)
    }

    /// Answers that have come between two batches are looked at at once.
    fn next_timer(&self) -> Option<i64> {
        if self.queue.has_arrived() || self.reload.has_arrived() {
            return Some(i64::MIN);
        }
        let sweep = self
            .materialized
            .as_ref()
            .and_then(Materialized::next_sweep);
        let load = self.cache.next_load_ms();
        let load = load.filter(|_| !self.reload.is_running());
        [sweep, load].into_iter().flatten().min()
    }

    fn timer(&mut self, now_ms: i64, out: &mut Output) -> Result<Step> {
        if let Some(materialized) = &mut self.materialized {
            materialized.sweep(now_ms);
        }
        let opened = self.opened.as_ref().ok_or_else(not_open)?;
        if let Some((began_ms, rows)) = self.reload.take() {
            opened.metrics.lookup_cache_loads.add(1);
            self.cache.fill(&self.finder, &self.key_columns, rows?)?;
            self.cache.loaded(began_ms, now_ms);
        } else if self.cache.is_due(now_ms) && !self.reload.is_running() {
            let (io, waker) = (opened.io.as_ref(), &opened.waker);
            self.reload.start(&self.source, now_ms, io, waker)?;
        }
        self.advance(out)
    }

    fn end_input(&mut self, _input: usize, out: &mut Output) -> Result<Step> {
        self.drain(out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        match self.draining {
            true => self.drain(out),
            false => self.advance(out),
        }
    }

    fn prepare_barrier(&mut self, _checkpoint_id: u64, out: &mut Output) -> Result<Step> {
        self.drain(out)
    }
}

#[cfg(test)]
mod tests;
