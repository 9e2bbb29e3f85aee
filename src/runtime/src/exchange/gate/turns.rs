//! Whose turn it is to be read.
//!
//! Where inputs meet, what comes out first may depend on which of them is ahead: Flink reads small inputs element by element
//! in turn, because all of them are there. So do we, at the beginning, whether they are there or not: the channel that
//! has given least is waited for, a moment long. Two runs over the same small inputs then give the same rows in the
//! same order, however the machine is loaded. What comes later is read as it comes.

use std::time::{Duration, Instant};

/// Rows and watermarks that are read in turn before the channels are read as they come.
const ELEMENTS_IN_TURN: usize = 1000;
/// How long a channel is waited for; after that nobody is any more.
const PATIENCE: Duration = Duration::from_secs(1);
/// From the first wait on; then nobody is waited for either, or a trickle would hold up what is beside it.
const TURNS_MAX: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Turns {
    /// Elements taken from each channel.
    taken: Vec<usize>,
    waiting_until: Option<Instant>,
    /// Set by the first wait.
    ends_at: Option<Instant>,
    over: bool,
}

impl Turns {
    pub(super) fn new(channels: usize) -> Turns {
        Turns {
            taken: vec![0; channels],
            waiting_until: None,
            ends_at: None,
            over: channels < 2,
        }
    }

    pub(super) fn are_over(&self) -> bool {
        self.over
    }

    pub(super) fn end(&mut self) {
        self.over = true;
        self.waiting_until = None;
    }

    pub(super) fn waiting_until(&self) -> Option<Instant> {
        self.waiting_until
    }

    pub(super) fn took(&mut self, channel: usize, elements: usize) {
        self.taken[channel] += elements;
        if self.taken.iter().sum::<usize>() >= ELEMENTS_IN_TURN {
            self.end();
        }
    }

    /// The channel to read of those that `counts` says can give something now or later; none while it is waited for.
    pub(super) fn next(
        &mut self,
        counts: impl Fn(usize) -> bool,
        is_ready: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let at = (0..self.taken.len())
            .filter(|at| counts(*at))
            .min_by_key(|at| self.taken[*at])?;
        if is_ready(at) {
            self.waiting_until = None;
            return Some(at);
        }
        let now = Instant::now();
        let ends_at = *self.ends_at.get_or_insert(now + TURNS_MAX);
        let until = *self.waiting_until.get_or_insert(now + PATIENCE);
        if now >= until.min(ends_at) {
            self.end();
        }
        None
    }
}
