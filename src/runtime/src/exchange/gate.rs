//! Reads the channels of one task.
//!
//! The watermark of all channels together is the least over those that are neither idle nor ended; a mark inside a batch
//! that raises it stays at its row, others go. Barriers are aligned: a channel whose barrier has come is not read until
//! the others' have.

use std::sync::Arc;

use filbert_operators::error::Result;
use filbert_types::{Barrier, ChangeBatch, Element, Watermark, WatermarkMark};

use crate::exchange::channel::Channel;
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
}

pub(crate) struct InputGate {
    channels: Vec<GateChannel>,
    metrics: Arc<TaskMetrics>,
    /// Where the next look begins, so that no channel starves.
    next: usize,
    watermark: Watermark,
    idle: bool,
    aligning: Option<Barrier>,
}

impl InputGate {
    /// Each channel with the number of the input that it feeds.
    pub(crate) fn new(
        channels: Vec<(usize, Arc<Channel>)>,
        metrics: Arc<TaskMetrics>,
    ) -> InputGate {
        let channels = channels.into_iter().map(|(input, channel)| GateChannel {
            channel,
            input,
            state: ChannelState::Active,
            watermark: Watermark::MIN,
            idle: false,
        });
        InputGate {
            channels: channels.collect(),
            metrics,
            next: 0,
            watermark: Watermark::MIN,
            idle: false,
            aligning: None,
        }
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
            let Some((element, bytes)) = self.channels[at].channel.pop()? else {
                continue;
            };
            if let Some(event) = self.element(at, element, bytes) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    fn ready_channel(&mut self) -> Option<usize> {
        let count = self.channels.len();
        for i in 0..count {
            let at = (self.next + i) % count;
            let channel = &self.channels[at];
            let readable = matches!(channel.state, ChannelState::Active | ChannelState::Ended);
            if readable && channel.channel.is_ready() {
                self.next = (at + 1) % count;
                return Some(at);
            }
        }
        None
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
