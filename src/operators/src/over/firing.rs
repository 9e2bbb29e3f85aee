//! Rows whose time has come: they enter their partitions' frames, and go out once those are complete.

use filbert_graph::spec::OverTime;
use filbert_types::Watermark;

use super::frames::{Window, list_of};
use super::{ALL, OverOperator};

/// What makes rows enter their frames.
#[derive(Debug, Clone, Copy)]
pub(super) enum Firing {
    /// It passes behind them.
    Watermark(Watermark),
    /// Processing time.
    Arrival(i64),
}

impl Firing {
    /// Rows up to this time go out.
    fn time(self, order: OverTime) -> Option<i64> {
        match self {
            Firing::Watermark(watermark) => (order != OverTime::Proctime).then_some(watermark.0),
            Firing::Arrival(time) => Some(time),
        }
    }
}

impl OverOperator {
    /// The watermark as far as no row waits for its frame's end.
    pub(super) fn passing(&mut self, watermark: Watermark) -> Option<Watermark> {
        loop {
            let first = self.held.iter().next().map(|(time, rows)| (time, *rows));
            match first {
                None => break,
                Some((time, 0)) => {
                    self.held.pop_until(time);
                }
                Some((time, _)) => {
                    let before = Watermark(time.saturating_sub(1)).min(watermark);
                    let rises = before > self.passed;
                    self.passed = self.passed.max(before);
                    return rises.then_some(before);
                }
            }
        }
        self.passed = self.passed.max(watermark);
        Some(watermark)
    }

    /// Rows up to the time enter their partitions' frames and go out; false when there are more than enough steps.
    pub(super) fn fire(&mut self, firing: Firing, steps_max: usize) -> bool {
        let Some(until) = firing.time(self.spec.order) else {
            return true;
        };
        let is_waiting = self.frames.waits();
        loop {
            if self.steps.len() >= steps_max {
                return false;
            }
            let Some(group) = self.next_group(until) else {
                break;
            };
            for run in group.chunk_by(|a, b| a.0 == b.0) {
                self.enter(run);
                if !is_waiting {
                    self.advance(run[0].0, until, usize::MAX);
                }
            }
        }
        self.progress = self.progress.max(until);
        !is_waiting || self.advance_waiting(until, steps_max)
    }

    /// The earliest rows that wait, by partition.
    fn next_group(&mut self, until: i64) -> Option<Vec<(u32, u32)>> {
        let first = self.order.get(ALL, 0)?;
        let time = self.times.get(first);
        if time > until {
            return None;
        }
        let times = &self.times;
        let same = self.order.iter_from(ALL, 0);
        let same = same.take_while(|e| times.get(*e) == time).count();
        let entries = self.order.shift(ALL, same);
        let mut group: Vec<(u32, u32)> = entries
            .into_iter()
            .map(|entry| (self.partition_of.get(entry), entry))
            .collect();
        if group.len() > 1 {
            let mut seen = std::collections::HashMap::new();
            for (index, (partition, _)) in group.iter().enumerate() {
                seen.entry(*partition).or_insert(index);
            }
            group.sort_by_key(|(partition, _)| seen.get(partition).copied());
        }
        Some(group)
    }

    fn enter(&mut self, run: &[(u32, u32)]) {
        let partition = run[0].0;
        for (_, entry) in run {
            self.order.push_back(list_of(partition), *entry);
            self.last_time.set(partition, Some(self.times.get(*entry)));
        }
        let waiting = self.waiting.get(partition);
        self.waiting
            .set(partition, waiting.saturating_sub(run.len() as u32));
        if !self.frames.waits() {
            return;
        }
        let time = self.times.get(run[0].1);
        *self.held.at(time) += run.len() as u32;
        match self.frames.range_after() {
            Some(after) => {
                let due = time.saturating_add(after);
                self.due.at(due).push(partition);
            }
            None => self.advancing.push(partition),
        }
    }

    fn advance(&mut self, partition: u32, until: i64, steps_max: usize) -> bool {
        let mut window = Window {
            order: &mut self.order,
            times: &self.times,
            rows: &mut self.rows,
            steps: &mut self.steps,
            changes: &mut self.changes,
            complete_until: until,
        };
        let before = window.changes.len();
        let is_done = self.frames.advance(partition, &mut window, steps_max);
        if self.frames.waits() {
            for entry in self.changes.entries_from(before) {
                let time = self.times.get(*entry);
                let count = self.held.at(time);
                *count = count.saturating_sub(1);
            }
        }
        is_done
    }

    /// Rows whose frames reached behind them go out.
    fn advance_waiting(&mut self, until: i64, steps_max: usize) -> bool {
        while let Some((_, partitions)) = self.due.pop_until(until) {
            self.advancing.extend(partitions);
        }
        if until == i64::MAX && !self.has_ended {
            self.advancing.extend(self.partitions.live_slots());
            self.has_ended = true;
        }
        while let Some(partition) = self.advancing.last().copied() {
            if !self.advance(partition, until, steps_max) {
                return false;
            }
            self.advancing.pop();
        }
        true
    }
}
