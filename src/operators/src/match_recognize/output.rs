//! Matches on their way out.

use filbert_types::ChangeBatch;

use super::automaton::Computation;
use super::measures::Found;
use super::partial::EMPTY;
use super::rows::NULL_ROW;
use super::standard::Verdict;
use super::{MatchRecognizeOperator, Matcher};
use crate::error::Result;
use crate::output::Output;

impl MatchRecognizeOperator {
    /// Takes the matches that Flink's automaton gave out.
    pub(super) fn collect(&mut self, key: u32, time: i64) {
        let mut given_out = std::mem::take(&mut self.given_out);
        for Computation { block, .. } in given_out.drain(..) {
            self.find(key, block, NULL_ROW, time, true);
        }
        self.given_out = given_out;
    }

    /// Takes what the standard's search gave.
    pub(super) fn collect_verdicts(&mut self, key: u32) {
        let mut verdicts = std::mem::take(&mut self.verdicts);
        for verdict in verdicts.drain(..) {
            match verdict {
                Verdict::Match { block, time } => self.find(key, block, NULL_ROW, time, true),
                Verdict::Empty { row, time } if self.empty => {
                    self.find(key, EMPTY, row, time, true);
                }
                // It has its number all the same.
                Verdict::Empty { row, .. } => {
                    self.number(key);
                    self.rows.release(row);
                }
                Verdict::Unmatched { row } => self.find(key, EMPTY, row, 0, false),
            }
        }
        self.verdicts = verdicts;
    }

    fn find(&mut self, key: u32, block: u32, row: u32, time: i64, matched: bool) {
        let number = matched.then(|| self.number(key));
        // Until it is emitted its key is known.
        self.keys.hold(key);
        let found = Found {
            key,
            block,
            row,
            time,
            number,
        };
        self.found_rows += self.measures.rows_of(&found, &self.partials);
        self.found.push(found);
    }

    fn number(&mut self, key: u32) -> u64 {
        if self.numbered {
            self.keys.next_number(key)
        } else {
            0
        }
    }

    /// Emits when a batch of rows is there; true when the output is full.
    pub(super) fn emit_full(&mut self, out: &mut Output) -> Result<bool> {
        if self.found_rows < out.batch_rows() {
            return Ok(false);
        }
        self.emit(out)
    }

    /// Emits what was found; true when the output is full, and there may be more.
    pub(super) fn emit(&mut self, out: &mut Output) -> Result<bool> {
        loop {
            if let Some(mut lines) = self.lines.take() {
                while !out.is_full() {
                    let (keys, rows, partials) = (&self.keys, &self.rows, &self.partials);
                    let batch =
                        self.measures
                            .next(&mut lines, out.batch_rows(), keys, rows, partials)?;
                    let Some(batch) = batch else {
                        break;
                    };
                    out.emit(ChangeBatch::insert(batch));
                }
                if lines.is_left() {
                    self.lines = Some(lines);
                    return Ok(true);
                }
                for found in lines.found {
                    self.partials.release(&mut self.rows, found.block);
                    if let Some(row) = found.own_row() {
                        self.rows.release(row);
                    }
                    self.keys.release(found.key);
                }
            }
            if self.found.is_empty() {
                return Ok(out.is_full());
            }
            let found = std::mem::take(&mut self.found);
            self.found_rows = 0;
            self.lines = Some(self.measures.lines(found, &self.rows, &self.partials)?);
        }
    }

    /// Whether the pattern is matched as standard SQL says.
    pub(super) fn is_standard(&self) -> bool {
        matches!(self.matcher, Matcher::Standard(_))
    }
}
