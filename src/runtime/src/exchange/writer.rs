//! Deals a producer's rows to its channels.
//!
//! Rows that are dealt one by one wait until they make a batch, until the task has nothing else to do, or until the
//! buffer timeout: whichever comes first. They are gathered once, from all waiting batches, for each channel.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{interleave_record_batch, take_record_batch};
use filbert_operators::Outlet;
use filbert_operators::error::Result;
use filbert_types::{ChangeBatch, Element, RowKind, Watermark, WatermarkMark};
use rand::Rng;

use crate::exchange::channel::Channel;
use crate::exchange::partitioner::Router;
use crate::metrics::TaskMetrics;

/// Below this many rows for each channel a batch isn't cut but dealt whole.
const CHUNK_ROWS_MIN: usize = 64;

pub(crate) struct ResultWriter {
    router: Router,
    channels: Vec<Arc<Channel>>,
    metrics: Arc<TaskMetrics>,
    batch_rows: usize,
    waiting: Waiting,
    targets: Vec<u32>,
    next: usize,
}

/// Rows that have been dealt but not sent.
#[derive(Default)]
struct Waiting {
    batches: Vec<ChangeBatch>,
    rows: usize,
    /// By channel: number of the batch, row.
    picks: Vec<Vec<(usize, usize)>>,
    marks: Vec<Vec<WatermarkMark>>,
}

impl ResultWriter {
    pub(crate) fn new(
        router: Router,
        channels: Vec<Arc<Channel>>,
        batch_rows: usize,
        metrics: Arc<TaskMetrics>,
    ) -> ResultWriter {
        ResultWriter {
            router,
            waiting: Waiting {
                picks: vec![Vec::new(); channels.len()],
                marks: vec![Vec::new(); channels.len()],
                ..Waiting::default()
            },
            channels,
            metrics,
            batch_rows,
            targets: Vec::new(),
            next: 0,
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.channels.iter().all(|c| c.has_room())
    }

    /// True when rows wait to be sent.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.batches.is_empty() || self.waiting.marks.iter().any(|m| !m.is_empty())
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// When the rows can't be gathered.
    pub(crate) fn flush(&mut self) -> Result<()> {
        if !self.has_waiting() {
            return Ok(());
        }
        let waiting = &mut self.waiting;
        for (channel, (picks, marks)) in self
            .channels
            .iter()
            .zip(waiting.picks.iter_mut().zip(&mut waiting.marks))
        {
            let marks = std::mem::take(marks);
            if picks.is_empty() {
                if let Some(mark) = marks.last() {
                    channel.push(Element::Watermark(mark.watermark), 0)?;
                }
                continue;
            }
            let batch = gather(&waiting.batches, picks, marks)?;
            send(channel, batch, &self.metrics)?;
            picks.clear();
        }
        waiting.batches.clear();
        waiting.rows = 0;
        Ok(())
    }

    /// Sends what waits, then the element to every channel.
    ///
    /// # Errors
    /// When the rows can't be gathered.
    pub(crate) fn broadcast(&mut self, element: &Element) -> Result<()> {
        self.flush()?;
        for channel in &self.channels {
            channel.push(element.clone(), 0)?;
        }
        Ok(())
    }

    /// Puts each row with those that wait for its channel.
    fn deal(&mut self, batch: ChangeBatch) -> Result<()> {
        let waiting = &mut self.waiting;
        let number = waiting.batches.len();
        let mut marks = batch.marks.iter().peekable();
        for (row, target) in self.targets.iter().enumerate() {
            while let Some(mark) = marks.next_if(|m| m.offset <= row) {
                waiting.mark(mark.watermark);
            }
            waiting.picks[*target as usize].push((number, row));
        }
        marks.for_each(|mark| waiting.mark(mark.watermark));
        waiting.rows += batch.num_rows();
        waiting.batches.push(batch);
        if waiting.rows >= self.batch_rows {
            self.flush()?;
        }
        Ok(())
    }

    /// Cuts the batch into as many runs as there are channels and deals these, from the next channel on.
    fn deal_runs(&mut self, batch: &ChangeBatch, random: bool) -> Result<()> {
        let channels = self.channels.len();
        let runs = (batch.num_rows() / CHUNK_ROWS_MIN).clamp(1, channels);
        if random {
            self.next = rand::rng().random_range(0..channels);
        }
        for i in 0..channels {
            let channel = &self.channels[(self.next + i) % channels];
            let range = if i < runs {
                i * batch.num_rows() / runs..(i + 1) * batch.num_rows() / runs
            } else {
                0..0
            };
            if range.is_empty() {
                if let Some(mark) = batch.marks.last() {
                    channel.push(Element::Watermark(mark.watermark), 0)?;
                }
                continue;
            }
            let mut run = batch.slice(range.start, range.len());
            // Every channel learns of every watermark, at its place among the channel's rows.
            run.marks = batch
                .marks
                .iter()
                .map(|m| WatermarkMark {
                    offset: m.offset.clamp(range.start, range.end) - range.start,
                    watermark: m.watermark,
                })
                .collect();
            send(channel, run, &self.metrics)?;
        }
        self.next = (self.next + runs) % channels;
        Ok(())
    }
}

impl Waiting {
    fn mark(&mut self, watermark: Watermark) {
        for (picks, marks) in self.picks.iter().zip(&mut self.marks) {
            let offset = picks.len();
            match marks.last_mut() {
                Some(last) if last.offset == offset => last.watermark = watermark,
                _ => marks.push(WatermarkMark { offset, watermark }),
            }
        }
    }
}

fn send(channel: &Channel, batch: ChangeBatch, metrics: &TaskMetrics) -> Result<()> {
    let bytes = batch.memory_bytes();
    metrics.records_out.add(batch.num_rows() as u64);
    metrics.bytes_out.add(bytes as u64);
    channel.push(Element::Batch(batch), bytes)
}

fn gather(
    batches: &[ChangeBatch],
    picks: &[(usize, usize)],
    marks: Vec<WatermarkMark>,
) -> Result<ChangeBatch> {
    let rows = if let [one] = batches {
        if picks.len() == one.num_rows() {
            one.rows.clone()
        } else {
            let indices = UInt32Array::from_iter_values(picks.iter().map(|(_, row)| *row as u32));
            take_record_batch(&one.rows, &indices)?
        }
    } else {
        let rows: Vec<&RecordBatch> = batches.iter().map(|b| &b.rows).collect();
        interleave_record_batch(&rows, picks)?
    };
    let kinds: Option<Vec<RowKind>> = batches.iter().any(|b| b.kinds.is_some()).then(|| {
        picks
            .iter()
            .map(|(b, row)| batches[*b].kind(*row))
            .collect()
    });
    let mut batch = match kinds {
        None => ChangeBatch::insert(rows),
        Some(kinds) => ChangeBatch::with_kinds(rows, kinds),
    };
    batch.marks = marks;
    Ok(batch)
}

impl Outlet for ResultWriter {
    fn batch(&mut self, batch: ChangeBatch) -> Result<()> {
        match &self.router {
            Router::Single => send(&self.channels[0], batch, &self.metrics)?,
            Router::Broadcast => {
                for channel in &self.channels {
                    send(channel, batch.clone(), &self.metrics)?;
                }
            }
            Router::RoundRobin => self.deal_runs(&batch, false)?,
            Router::Random => self.deal_runs(&batch, true)?,
            Router::Hash { .. } | Router::Custom(_) => {
                let channels = self.channels.len();
                self.router.targets(&batch, channels, &mut self.targets)?;
                self.deal(batch)?;
            }
        }
        Ok(())
    }

    fn watermark(&mut self, watermark: Watermark) -> Result<()> {
        if self.waiting.batches.is_empty() {
            for channel in &self.channels {
                channel.push(Element::Watermark(watermark), 0)?;
            }
        } else {
            self.waiting.mark(watermark);
        }
        Ok(())
    }

    fn idle(&mut self, idle: bool) -> Result<()> {
        self.broadcast(if idle {
            &Element::Idle
        } else {
            &Element::Active
        })
    }
}
