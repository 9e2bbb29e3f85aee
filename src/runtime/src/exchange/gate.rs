//! Reads the channels of one task.
//!
//! The watermark of all channels together is the least over those that are neither idle nor ended; a mark inside a batch
//! that raises it stays at its row, others go. Barriers are aligned: a channel whose barrier has come is not read until
//! the others' have. Small inputs are read in turn (see [`turns`]).
//!
//! Before an operator that decides at watermarks what its rows come to, channels are kept at one watermark: what follows
//! a channel's watermark is not read until all channels have come as far. No row overtakes another's watermark then. (A
//! barrier is stronger: while one is awaited, all channels that may hold it are read.)

mod turns;

use std::sync::Arc;
use std::time::{Duration, Instant};

use filbert_operators::error::Result;
use filbert_types::{Barrier, ChangeBatch, Element, Watermark, WatermarkMark};

use crate::exchange::channel::Channel;
use crate::exchange::gate::turns::Turns;
use crate::exchange::read_order::ReadOrder;
use crate::metrics::TaskMetrics;

/// What a gate gives to its task.
#[derive(Debug)]
pub(crate) enum GateEvent {
    Batch(usize, ChangeBatch),
    Watermark(Watermark),
    Idle(bool),
    /// Every channel has delivered the barrier.
    Barrier(Barrier),
    EndInput(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChannelState {
    Active,
    /// Its barrier has come before the others'.
    Blocked,
    /// Its data has ended; the end of the partition may still follow.
    Ended,
    Closed,
}

struct GateChannel {
    channel: Arc<Channel>,
    input: usize,
    state: ChannelState,
    watermark: Watermark,
    idle: bool,
    /// Rows of a batch whose first ones have had their turn, with the bytes of the whole.
    rest: Option<(ChangeBatch, usize)>,
}

impl GateChannel {
    /// `at_most`: a channel whose watermark is beyond it must wait.
    fn is_readable(&self, at_most: Option<Watermark>) -> bool {
        matches!(self.state, ChannelState::Active | ChannelState::Ended)
            && (self.idle || at_most.is_none_or(|most| self.watermark <= most))
    }

    fn has_something(&self) -> bool {
        self.rest.is_some() || self.channel.is_ready()
    }

    fn pop(&mut self) -> Result<Option<(Element, usize)>> {
        match self.rest.take() {
            Some((batch, bytes)) => Ok(Some((Element::Batch(batch), bytes))),
            None => self.channel.pop(),
        }
    }
}

pub(crate) struct InputGate {
    channels: Vec<GateChannel>,
    metrics: Arc<TaskMetrics>,
    /// Where the next look begins, so that no channel starves.
    next: usize,
    watermark: Watermark,
    idle: bool,
    aligning: Option<Barrier>,
    turns: Turns,
    by_watermark: bool,
}

impl InputGate {
    /// Each channel with the number of the input that it feeds.
    pub(crate) fn new(
        channels: Vec<(usize, Arc<Channel>)>,
        order: ReadOrder,
        metrics: Arc<TaskMetrics>,
    ) -> InputGate {
        let turns = Turns::new(match order {
            ReadOrder::InTurn => channels.len(),
            ReadOrder::AsItComes | ReadOrder::ByWatermark => 0,
        });
        let channels = channels.into_iter().map(|(input, channel)| GateChannel {
            channel,
            input,
            state: ChannelState::Active,
            watermark: Watermark::MIN,
            idle: false,
            rest: None,
        });
        InputGate {
            channels: channels.collect(),
            metrics,
            next: 0,
            watermark: Watermark::MIN,
            idle: false,
            aligning: None,
            turns,
            by_watermark: order == ReadOrder::ByWatermark,
        }
    }

    /// How long the task may sleep before it must poll again.
    pub(crate) fn patience(&self) -> Option<Duration> {
        let until = self.turns.waiting_until()?;
        Some(until.saturating_duration_since(Instant::now()))
    }

    /// True when nothing follows on any channel.
    pub(crate) fn is_finished(&self) -> bool {
        self.channels
            .iter()
            .all(|c| c.state == ChannelState::Closed)
    }

    /// The next event; none when all channels that may be read are empty.
    ///
    /// # Errors
    /// When what was spilled can't be read back.
    pub(crate) fn poll(&mut self) -> Result<Option<GateEvent>> {
        while let Some(at) = self.ready_channel() {
            let Some((element, bytes)) = self.channels[at].pop()? else {
                continue;
            };
            let (element, bytes) = self.one_turn(at, element, bytes);
            let (element, bytes) = self.cut_at_watermark(at, element, bytes);
            if let Some(event) = self.element(at, element, bytes) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    fn ready_channel(&mut self) -> Option<usize> {
        let channels = &self.channels;
        let at_most = (self.by_watermark && self.aligning.is_none()).then_some(self.watermark);
        // Who feeds a full channel may be waited for by the one whose turn it is.
        if !self.turns.are_over() && !channels.iter().all(|c| c.channel.has_room()) {
            self.turns.end();
        }
        if !self.turns.are_over() {
            let counts = |at: usize| channels[at].is_readable(at_most) && !channels[at].idle;
            let in_turn = self.turns.next(counts, |at| channels[at].has_something());
            if in_turn.is_some() || self.turns.waiting_until().is_some() {
                return in_turn;
            }
        }
        let count = channels.len();
        let mut round = (0..count).map(|i| (self.next + i) % count);
        let at =
            round.find(|at| channels[*at].is_readable(at_most) && channels[*at].has_something())?;
        self.next = (at + 1) % count;
        Some(at)
    }

    /// What of an element comes before what its channel's next watermark holds back: of a batch, the rows up to its
    /// first mark.
    fn cut_at_watermark(&mut self, at: usize, element: Element, bytes: usize) -> (Element, usize) {
        let Element::Batch(batch) = element else {
            return (element, bytes);
        };
        let Some(mark) = batch.marks.first().filter(|_| self.by_watermark).copied() else {
            return (Element::Batch(batch), bytes);
        };
        let count = batch.num_rows();
        let rest_marks = batch.marks[1..].iter().map(|m| WatermarkMark {
            offset: m.offset - mark.offset,
            watermark: m.watermark,
        });
        let mut rest = batch.slice(mark.offset, count - mark.offset);
        // Marks at the very end of the rows are not part of a slice.
        rest.marks = rest_marks.collect();
        let share = bytes * mark.offset / count.max(1);
        if rest.num_rows() > 0 || !rest.marks.is_empty() {
            self.channels[at].rest = Some((rest, bytes - share));
        }
        if mark.offset == 0 {
            return (Element::Watermark(mark.watermark), share);
        }
        let mut first = batch.slice(0, mark.offset);
        first.marks = vec![mark];
        (Element::Batch(first), share)
    }

    /// What of an element is read before it is another channel's turn: of a batch, one row.
    fn one_turn(&mut self, at: usize, element: Element, bytes: usize) -> (Element, usize) {
        if self.turns.are_over() {
            return (element, bytes);
        }
        let mut others = self.channels.iter().enumerate().filter(|(i, _)| *i != at);
        let alone = others.all(|(_, c)| c.state == ChannelState::Closed);
        let (element, bytes) = match element {
            Element::Batch(batch) if batch.num_rows() > 1 && !alone => {
                let share = bytes / batch.num_rows();
                let rest = batch.slice(1, batch.num_rows() - 1);
                self.channels[at].rest = Some((rest, bytes - share));
                (Element::Batch(batch.slice(0, 1)), share)
            }
            other => (other, bytes),
        };
        let marks = match &element {
            Element::Batch(batch) => batch.marks.len(),
            _ => 0,
        };
        self.turns.took(at, 1 + marks);
        (element, bytes)
    }

    fn element(&mut self, at: usize, element: Element, bytes: usize) -> Option<GateEvent> {
        match element {
            Element::Batch(batch) => {
                self.metrics.records_in.add(batch.num_rows() as u64);
                self.metrics.bytes_in.add(bytes as u64);
                let input = self.channels[at].input;
                Some(GateEvent::Batch(input, self.align_marks(at, batch)))
            }
            Element::Watermark(watermark) => self.raise(at, watermark).map(GateEvent::Watermark),
            Element::Idle => {
                self.channels[at].idle = true;
                self.status_changed()
            }
            Element::Active => {
                self.channels[at].idle = false;
                self.status_changed()
            }
            Element::Barrier(barrier) => {
                self.aligning = Some(barrier);
                self.channels[at].state = ChannelState::Blocked;
                self.finish_alignment()
            }
            Element::EndOfData { .. } => {
                self.channels[at].state = ChannelState::Ended;
                let input = self.channels[at].input;
                let open = self.channels.iter().any(|c| {
                    c.input == input
                        && matches!(c.state, ChannelState::Active | ChannelState::Blocked)
                });
                (!open).then_some(GateEvent::EndInput(input))
            }
            Element::EndOfPartition => {
                self.channels[at].state = ChannelState::Closed;
                self.finish_alignment()
            }
        }
    }

    /// The barrier, once no channel can deliver rows from before it.
    fn finish_alignment(&mut self) -> Option<GateEvent> {
        let barrier = self.aligning?;
        let waiting = self
            .channels
            .iter()
            .any(|c| matches!(c.state, ChannelState::Active | ChannelState::Ended));
        if waiting {
            return None;
        }
        self.aligning = None;
        for channel in &mut self.channels {
            if channel.state == ChannelState::Blocked {
                channel.state = ChannelState::Active;
            }
        }
        Some(GateEvent::Barrier(barrier))
    }

    fn align_marks(&mut self, at: usize, mut batch: ChangeBatch) -> ChangeBatch {
        if batch.marks.is_empty() {
            return batch;
        }
        let marks = std::mem::take(&mut batch.marks);
        batch.marks = marks
            .into_iter()
            .filter_map(|mark| {
                let watermark = self.raise(at, mark.watermark)?;
                Some(WatermarkMark {
                    offset: mark.offset,
                    watermark,
                })
            })
            .collect();
        batch
    }

    /// Notes a channel's watermark; the new watermark of all when it has risen.
    fn raise(&mut self, at: usize, watermark: Watermark) -> Option<Watermark> {
        let channel = &mut self.channels[at];
        channel.watermark = channel.watermark.max(watermark);
        self.combined()
    }

    fn combined(&mut self) -> Option<Watermark> {
        let watermark = self
            .channels
            .iter()
            .filter(|c| !c.idle && c.state != ChannelState::Closed)
            .map(|c| c.watermark)
            .min()?;
        if watermark <= self.watermark {
            return None;
        }
        self.watermark = watermark;
        Some(watermark)
    }

    /// A channel became idle or active: so may all together, or the least watermark rise.
    fn status_changed(&mut self) -> Option<GateEvent> {
        let idle = self
            .channels
            .iter()
            .filter(|c| c.state != ChannelState::Closed)
            .all(|c| c.idle);
        if idle != self.idle {
            self.idle = idle;
            return Some(GateEvent::Idle(idle));
        }
        self.combined().map(GateEvent::Watermark)
    }
}

#[cfg(test)]
mod tests;
