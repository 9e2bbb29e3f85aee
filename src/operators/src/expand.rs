//! Emits each row once for every grouping set: NULL in the columns that the set lacks, then the set's number.
//!
//! - State: none.
//! - Changelog: takes and emits any; the copies of a row follow each other, as in Flink. Watermarks pass.
//! - Cost: one gather a column; a batch goes out in pieces that each hold at most the output's room.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, UInt32Array, new_null_array};
use arrow::compute::{interleave, take};
use arrow::datatypes::SchemaRef;
use filbert_graph::spec::ExpandSpec;
use filbert_types::{ChangeBatch, WatermarkMark};

use crate::error::Result;
use crate::operator::{Operator, Step};
use crate::output::Output;

pub struct ExpandOperator {
    spec: ExpandSpec,
    output: SchemaRef,
    rest: Option<ChangeBatch>,
}

impl ExpandOperator {
    pub fn new(spec: ExpandSpec, output: SchemaRef) -> ExpandOperator {
        ExpandOperator {
            spec,
            output,
            rest: None,
        }
    }

    fn expand(&self, batch: &ChangeBatch) -> Result<ChangeBatch> {
        let sets = self.spec.sets.len();
        let rows = batch.num_rows();
        let mut columns = Vec::with_capacity(self.output.fields().len());
        for at in 0..self.output.fields().len() - 1 {
            columns.push(self.column(at, &batch.rows)?);
        }
        let ids = (0..rows).flat_map(|_| self.spec.sets.iter().map(|s| s.id));
        columns.push(Arc::new(Int64Array::from_iter_values(ids)) as ArrayRef);
        let rows = RecordBatch::try_new(Arc::clone(&self.output), columns)?;
        let kinds = batch.kinds.as_ref();
        Ok(ChangeBatch {
            rows,
            kinds: kinds.map(|kinds| {
                let copies = kinds.iter().flat_map(|k| std::iter::repeat_n(*k, sets));
                copies.collect()
            }),
            marks: batch
                .marks
                .iter()
                .map(|m| WatermarkMark {
                    offset: m.offset * sets,
                    watermark: m.watermark,
                })
                .collect(),
        })
    }

    /// Output column `at`: for each row, its value or NULL in each set.
    fn column(&self, at: usize, rows: &RecordBatch) -> Result<ArrayRef> {
        let sources: Vec<Option<usize>> = self.spec.sets.iter().map(|s| s.columns[at]).collect();
        let count = rows.num_rows();
        if let [Some(first), rest @ ..] = sources.as_slice()
            && rest.iter().all(|s| *s == Some(*first))
        {
            let copies = (0..count as u32).flat_map(|i| std::iter::repeat_n(i, sources.len()));
            return Ok(take(
                rows.column(*first),
                &UInt32Array::from_iter_values(copies),
                None,
            )?);
        }
        let null = new_null_array(self.output.field(at).data_type(), 1);
        let mut arrays: Vec<&dyn Array> = vec![null.as_ref()];
        let mut numbers = Vec::with_capacity(sources.len());
        for source in &sources {
            numbers.push(source.map_or(0, |column| {
                arrays.push(rows.column(column).as_ref());
                arrays.len() - 1
            }));
        }
        let picks: Vec<(usize, usize)> = (0..count)
            .flat_map(|row| {
                numbers
                    .iter()
                    .map(move |n| (*n, if *n == 0 { 0 } else { row }))
            })
            .collect();
        Ok(interleave(&arrays, &picks)?)
    }

    fn emit_piece(&mut self, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let piece = (out.batch_rows() / self.spec.sets.len().max(1)).max(1);
        if batch.num_rows() <= piece {
            out.emit(self.expand(&batch)?);
            return Ok(Step::Done);
        }
        // A slice takes the marks behind its rows; those before the first row are the first piece's.
        for mark in batch.marks.iter().filter(|m| m.offset == 0) {
            out.watermark(mark.watermark);
        }
        out.emit(self.expand(&batch.slice(0, piece))?);
        self.rest = Some(batch.slice(piece, batch.num_rows() - piece));
        Ok(Step::More)
    }
}

impl Operator for ExpandOperator {
    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        self.emit_piece(batch, out)
    }

    fn resume(&mut self, out: &mut Output) -> Result<Step> {
        match self.rest.take() {
            Some(rest) => self.emit_piece(rest, out),
            None => Ok(Step::Done),
        }
    }
}
