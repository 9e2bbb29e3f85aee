//! Where an operator leaves what it has to say.

use std::collections::VecDeque;

use filbert_types::{ChangeBatch, Watermark, WatermarkMark};

/// What an operator says, in order.
#[derive(Debug)]
pub enum Emitted {
    Batch(ChangeBatch),
    /// Rows for the side output with this number.
    Side(usize, ChangeBatch),
    Watermark(Watermark),
    Idle(bool),
}

/// Where an operator leaves its output. It is bounded by the operator's good behaviour: once `is_full`, the operator
/// returns [`crate::Step::More`] and goes on when the chain has shipped what is there.
#[derive(Debug)]
pub struct Output {
    emitted: VecDeque<Emitted>,
    rows: usize,
    rows_max: usize,
}

impl Output {
    pub fn new(rows_max: usize) -> Output {
        Output {
            emitted: VecDeque::new(),
            rows: 0,
            rows_max,
        }
    }

    /// Rows in order, with their kinds and marks. A batch without rows may carry marks.
    pub fn emit(&mut self, batch: ChangeBatch) {
        if batch.num_rows() == 0 {
            for mark in batch.marks {
                self.watermark(mark.watermark);
            }
            return;
        }
        self.rows += batch.num_rows();
        self.emitted.push_back(Emitted::Batch(batch));
    }

    /// Rows for a side output, by its number in the operator's list of tags.
    pub fn emit_side(&mut self, tag: usize, batch: ChangeBatch) {
        if batch.num_rows() > 0 {
            self.rows += batch.num_rows();
            self.emitted.push_back(Emitted::Side(tag, batch));
        }
    }

    /// The watermark holds after everything emitted so far.
    pub fn watermark(&mut self, watermark: Watermark) {
        match self.emitted.back_mut() {
            Some(Emitted::Batch(batch)) => {
                let offset = batch.num_rows();
                match batch.marks.last_mut() {
                    Some(last) if last.offset == offset => {
                        last.watermark = last.watermark.max(watermark);
                    }
                    _ => batch.marks.push(WatermarkMark { offset, watermark }),
                }
            }
            Some(Emitted::Watermark(last)) => *last = (*last).max(watermark),
            _ => self.emitted.push_back(Emitted::Watermark(watermark)),
        }
    }

    pub fn idle(&mut self, idle: bool) {
        self.emitted.push_back(Emitted::Idle(idle));
    }

    /// True when the operator should stop and return `More`.
    pub fn is_full(&self) -> bool {
        self.rows >= self.rows_max
    }

    /// Rows that should make a batch.
    pub fn batch_rows(&self) -> usize {
        self.rows_max
    }

    pub fn is_empty(&self) -> bool {
        self.emitted.is_empty()
    }

    /// Takes the oldest element.
    pub fn take(&mut self) -> Option<Emitted> {
        let emitted = self.emitted.pop_front();
        if let Some(Emitted::Batch(batch) | Emitted::Side(_, batch)) = &emitted {
            self.rows -= batch.num_rows();
        }
        emitted
    }
}
