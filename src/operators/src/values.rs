//! Emits literal rows, once.
//!
//! - State: which rows have been emitted. In several subtasks only the first emits them.
//! - Changelog: inserts. After the rows comes the last watermark.

use std::collections::VecDeque;
use std::io::Cursor;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use filbert_graph::spec::ValuesSpec;
use filbert_types::{ChangeBatch, Watermark};

use crate::columns::record_batch;
use crate::context::OperatorContext;
use crate::error::{OperatorError, Result};
use crate::operator::{Operator, SourceOperator, SourceStep, Step};
use crate::output::Output;

pub struct ValuesOperator {
    batches: VecDeque<RecordBatch>,
}

impl ValuesOperator {
    /// # Errors
    /// When the rows can't be read.
    pub fn new(spec: &ValuesSpec, output: &SchemaRef) -> Result<ValuesOperator> {
        let reader = StreamReader::try_new(Cursor::new(&spec.rows_ipc), None)?;
        // The rows carry the names of VALUES; the columns go by their places.
        let batches = reader
            .map(|batch| Ok(named(&batch?, output)?))
            .collect::<Result<_>>()?;
        Ok(ValuesOperator { batches })
    }
}

fn named(rows: &RecordBatch, output: &SchemaRef) -> std::result::Result<RecordBatch, ArrowError> {
    let columns = rows.columns().to_vec();
    record_batch(output, columns, rows.num_rows())
}

impl Operator for ValuesOperator {
    fn open(&mut self, ctx: &OperatorContext) -> Result<()> {
        if ctx.task.subtask > 0 {
            self.batches.clear();
        }
        Ok(())
    }

    fn process(&mut self, _input: usize, _batch: ChangeBatch, _out: &mut Output) -> Result<Step> {
        Err(OperatorError::engine("Values has no input."))
    }
}

impl SourceOperator for ValuesOperator {
    fn poll(&mut self, out: &mut Output) -> Result<SourceStep> {
        if let Some(rows) = self.batches.pop_front() {
            out.emit(ChangeBatch::insert(rows));
            return Ok(SourceStep::More);
        }
        out.watermark(Watermark::MAX);
        Ok(SourceStep::Finished)
    }
}
