//! Rows beside what was found for them, in pieces.

use arrow::array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use filbert_graph::spec::LookupJoinSpec;
use filbert_state::NO_SLOT;
use filbert_types::{ChangeBatch, WatermarkMark};

use crate::columns::record_batch;
use crate::context::ExpressionFactory;
use crate::error::Result;
use crate::join::{Residual, both_schemas};
use crate::lookup_join::chunk::Chunk;
use crate::lookup_join::found::Found;
use crate::marks::push_mark;
use crate::output::Output;

/// What makes pairs of rows and what was found for them.
pub(super) struct Joiner {
    pub left_outer: bool,
    condition: Option<Residual>,
    pub output: SchemaRef,
}

/// A chunk that goes out.
pub(super) struct Emitting {
    pub chunk: Chunk,
    pub found: Found,
    /// The next row, and the next of its matches.
    row: usize,
    place: usize,
    /// A match of the row has gone out.
    matched: bool,
    mark: usize,
}

/// Pairs that may go out together.
struct Candidates {
    rows: Vec<u32>,
    places: Vec<u32>,
    /// Whether each pair meets the condition; none when all do.
    holds: Option<BooleanArray>,
    /// The rows of which the last match is here.
    complete: std::ops::Range<usize>,
}

impl Joiner {
    pub fn new(
        spec: &LookupJoinSpec,
        inputs: [&SchemaRef; 2],
        output: SchemaRef,
        expressions: &dyn ExpressionFactory,
    ) -> Result<Joiner> {
        let condition = spec.condition.as_ref().map(|expr| {
            let both = both_schemas(inputs);
            Residual::new(expressions.physical(expr, &both)?, inputs)
        });
        Ok(Joiner {
            left_outer: spec.left_outer,
            condition: condition.transpose()?,
            output,
        })
    }
}

impl Emitting {
    pub fn new(chunk: Chunk, found: Found) -> Emitting {
        Emitting {
            chunk,
            found,
            row: 0,
            place: 0,
            matched: false,
            mark: 0,
        }
    }

    /// Sends a piece; true when it was the last.
    pub fn piece(&mut self, joiner: &Joiner, out: &mut Output) -> Result<bool> {
        let mut pairs = Pairs::default();
        self.take_pairs(joiner, out.batch_rows(), |row, match_| match match_ {
            Match::Mark(mark) => pairs.mark(mark),
            Match::Starts => {}
            Match::Found(place) => pairs.add(row, place),
            Match::Nothing if joiner.left_outer => pairs.add(row, NO_SLOT),
            Match::Nothing => {}
        })?;
        let places: UInt32Array = pairs
            .places
            .iter()
            .map(|p| (*p != NO_SLOT).then_some(*p))
            .collect();
        let columns = self.found.columns.iter();
        let found = columns.map(|column| Ok(take(column, &places, None)?));
        let found = found.collect::<Result<Vec<ArrayRef>>>()?;
        out.emit(self.made(&pairs, found, joiner)?);
        Ok(self.is_done())
    }

    pub fn is_done(&self) -> bool {
        self.row >= self.chunk.batch.num_rows()
    }

    /// Goes through the next rows and their matches until there are `count` of them.
    pub fn take_pairs(
        &mut self,
        joiner: &Joiner,
        count: usize,
        mut say: impl FnMut(usize, Match),
    ) -> Result<()> {
        let (starts_inside, first) = (self.place > 0, self.row);
        let candidates = self.candidates(joiner, count)?;
        let rows = self.chunk.batch.num_rows();
        let mut at = 0;
        for row in first..self.row + usize::from(self.place > 0) {
            if row > first || !starts_inside {
                self.say_marks(row, &mut say);
                say(row, Match::Starts);
                self.matched = false;
            }
            while candidates.rows.get(at).is_some_and(|r| *r as usize == row) {
                let holds = candidates.holds.as_ref().is_none_or(|h| h.value(at));
                if holds {
                    self.matched = true;
                    say(row, Match::Found(candidates.places[at]));
                }
                at += 1;
            }
            if candidates.complete.contains(&row) && !self.matched {
                say(row, Match::Nothing);
            }
        }
        if self.row == rows {
            self.say_marks(rows, &mut say);
        }
        Ok(())
    }

    fn say_marks(&mut self, row: usize, say: &mut impl FnMut(usize, Match)) {
        while let Some(mark) = self
            .chunk
            .batch
            .marks
            .get(self.mark)
            .filter(|m| m.offset <= row)
        {
            say(row, Match::Mark(*mark));
            self.mark += 1;
        }
    }

    fn candidates(&mut self, joiner: &Joiner, count: usize) -> Result<Candidates> {
        let batch = &self.chunk.batch;
        let (mut rows, mut places) = (Vec::new(), Vec::new());
        let first = self.row;
        let mut passed = 0;
        while self.row < batch.num_rows() && rows.len() + passed < count {
            let matches = self.found.of_key(self.chunk.key_of_row[self.row]);
            let end = matches.len().min(self.place + count - rows.len());
            places.extend_from_slice(&matches[self.place..end]);
            rows.resize(places.len(), self.row as u32);
            if end < matches.len() {
                self.place = end;
                break;
            }
            // Rows without matches count too: they may all be padded.
            passed += usize::from(matches.is_empty());
            self.row += 1;
            self.place = 0;
        }
        let complete = first..self.row;
        let holds = match &joiner.condition {
            Some(condition) if !rows.is_empty() => {
                let picked = [
                    UInt32Array::from(rows.clone()),
                    UInt32Array::from(places.clone()),
                ];
                let columns = [batch.rows.columns(), &self.found.columns];
                condition.holds_of(columns, picked.each_ref())?
            }
            _ => None,
        };
        Ok(Candidates {
            rows,
            places,
            holds,
            complete,
        })
    }

    /// The output of these pairs, of whose right sides these are the columns.
    pub fn made(
        &self,
        pairs: &Pairs,
        found: Vec<ArrayRef>,
        joiner: &Joiner,
    ) -> Result<ChangeBatch> {
        let batch = &self.chunk.batch;
        let count = pairs.rows.len();
        let first = pairs.rows.first().map_or(0, |row| *row as usize);
        let in_a_row = pairs
            .rows
            .iter()
            .map(|row| *row as usize)
            .eq(first..first + count);
        let mut columns: Vec<ArrayRef> = match in_a_row {
            true => {
                let own = batch.rows.columns().iter();
                own.map(|column| column.slice(first, count)).collect()
            }
            false => {
                let picked = UInt32Array::from(pairs.rows.clone());
                let own = batch.rows.columns().iter();
                own.map(|column| Ok(take(column, &picked, None)?))
                    .collect::<Result<_>>()?
            }
        };
        columns.extend(found);
        let rows = record_batch(&joiner.output, columns, count)?;
        let mut made = match &batch.kinds {
            None => ChangeBatch::insert(rows),
            Some(kinds) => {
                let kinds = pairs.rows.iter().map(|row| kinds[*row as usize]);
                ChangeBatch::with_kinds(rows, kinds.collect())
            }
        };
        made.marks.clone_from(&pairs.marks);
        Ok(made)
    }
}

/// What is said of a row, in order.
pub(super) enum Match {
    /// A watermark that stands before it.
    Mark(WatermarkMark),
    Starts,
    Found(u32),
    /// It has no match.
    Nothing,
}

/// Pairs on their way out.
#[derive(Default)]
pub(super) struct Pairs {
    pub rows: Vec<u32>,
    pub places: Vec<u32>,
    marks: Vec<WatermarkMark>,
}

impl Pairs {
    pub fn add(&mut self, row: usize, place: u32) {
        self.rows.push(row as u32);
        self.places.push(place);
    }

    pub fn mark(&mut self, mark: WatermarkMark) {
        push_mark(&mut self.marks, self.rows.len(), mark.watermark);
    }
}
