//! Ends the bundles of mini-batches by watermarks.
//!
//! - By the clock (ProcTime): sends the start of each interval as a watermark when it begins; watermarks of the input end
//!   here, but for the last.
//! - By event time (Rowtime): lets a watermark through when it passes the interval's end, the last one always.
//! - State: none but the last watermark. Rows pass as they are.

use std::sync::Arc;

use filbert_graph::spec::MiniBatchAssignerSpec;
use filbert_types::{ChangeBatch, Clock, Watermark, WatermarkMark};

use crate::context::OperatorContext;
use crate::error::Result;
use crate::operator::{Operator, Step};
use crate::output::Output;

pub struct MiniBatchAssignerOperator {
    interval_ms: i64,
    rowtime: bool,
    clock: Option<Arc<dyn Clock>>,
    current: i64,
    emitted: i64,
    next: i64,
}

impl MiniBatchAssignerOperator {
    pub fn new(spec: MiniBatchAssignerSpec) -> MiniBatchAssignerOperator {
        let interval_ms = i64::try_from(spec.interval_ms).unwrap_or(i64::MAX).max(1);
        MiniBatchAssignerOperator {
            interval_ms,
            rowtime: spec.rowtime,
            clock: None,
            current: 0,
            emitted: i64::MIN,
            next: interval_ms - 1,
        }
    }

    /// The start of the interval that an instant is in.
    fn start_of(&self, time_ms: i64) -> i64 {
        time_ms - time_ms.rem_euclid(self.interval_ms)
    }

    /// The watermark with which the clock's interval begins, once.
    fn tick(&mut self, now_ms: i64) -> Option<Watermark> {
        let start = self.start_of(now_ms);
        if start <= self.current {
            return None;
        }
        self.current = start;
        Some(Watermark(start))
    }

    /// What becomes of the input's watermark.
    fn passed(&mut self, watermark: Watermark) -> Option<Watermark> {
        if watermark == Watermark::MAX {
            let first = self.current != i64::MAX;
            self.current = i64::MAX;
            return first.then_some(watermark);
        }
        if !self.rowtime {
            return None;
        }
        self.current = self.current.max(watermark.0);
        if self.current < self.next {
            return None;
        }
        let end = self
            .start_of(self.current)
            .saturating_add(self.interval_ms - 1);
        self.next = match end > self.current {
            true => end,
            false => end.saturating_add(self.interval_ms),
        };
        self.emitted = self.current;
        Some(Watermark(self.current))
    }
}

impl Operator for MiniBatchAssignerOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        self.clock = Some(Arc::clone(&ctx.clock));
        Ok(())
    }

    fn process(&mut self, _input: usize, mut batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        if !self.rowtime
            && let Some(clock) = &self.clock
        {
            let now_ms = clock.now_ms();
            let tick = self.tick(now_ms);
            tick.into_iter().for_each(|tick| out.watermark(tick));
        }
        let marks = std::mem::take(&mut batch.marks).into_iter();
        let passed = marks.filter_map(|mark| {
            let watermark = self.passed(mark.watermark)?;
            Some(WatermarkMark { watermark, ..mark })
        });
        batch.marks = passed.collect();
        out.emit(batch);
        Ok(Step::Done)
    }

    fn watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<Step> {
        let passed = self.passed(watermark);
        passed.into_iter().for_each(|passed| out.watermark(passed));
        Ok(Step::Done)
    }

    fn next_timer(&self) -> Option<i64> {
        let clock = self.clock.as_ref().filter(|_| !self.rowtime)?;
        let start = self.start_of(clock.now_ms());
        match self.current {
            i64::MAX => None,
            current if current < start => Some(start),
            current => Some(current.saturating_add(self.interval_ms)),
        }
    }

    fn timer(&mut self, now_ms: i64, out: &mut Output) -> Result<Step> {
        let tick = self.tick(now_ms);
        tick.into_iter().for_each(|tick| out.watermark(tick));
        Ok(Step::Done)
    }

    fn end_input(&mut self, _input: usize, out: &mut Output) -> Result<Step> {
        if self.rowtime && self.current > self.emitted && self.current != i64::MAX {
            self.emitted = self.current;
            out.watermark(Watermark(self.current));
        }
        Ok(Step::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assigner(rowtime: bool) -> MiniBatchAssignerOperator {
        let interval_ms = 10;
        MiniBatchAssignerOperator::new(MiniBatchAssignerSpec {
            interval_ms,
            rowtime,
        })
    }

    #[test]
    fn event_time_passes_at_the_end_of_each_interval() {
        let mut assigner = assigner(true);
        let passed = [3, 8, 9, 12, 25, 26, 29].map(|w| assigner.passed(Watermark(w)).map(|w| w.0));
        assert_eq!(
            passed,
            [None, None, Some(9), None, Some(25), None, Some(29)]
        );
        assert_eq!(assigner.passed(Watermark::MAX), Some(Watermark::MAX));
        assert_eq!(assigner.passed(Watermark::MAX), None);
    }

    #[test]
    fn the_clock_ticks_once_an_interval() {
        let mut assigner = assigner(false);
        let ticks = [12, 15, 20, 39].map(|now| assigner.tick(now).map(|w| w.0));
        assert_eq!(ticks, [Some(10), None, Some(20), Some(30)]);
        assert_eq!(assigner.passed(Watermark(99)), None);
    }
}
