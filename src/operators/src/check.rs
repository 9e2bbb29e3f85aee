use arrow::datatypes::SchemaRef;
use filbert_types::{ChangeBatch, Watermark};

use crate::error::{OperatorError, Result};
use crate::output::Emitted;

/// What debug builds check of all that an operator emits: the rows are of the declared types, there is a kind for each,
/// watermarks never go back, and marks lie inside their batch, in order.
pub struct EdgeCheck {
    schema: SchemaRef,
    watermark: Watermark,
}

impl EdgeCheck {
    pub fn new(schema: SchemaRef) -> EdgeCheck {
        EdgeCheck {
            schema,
            watermark: Watermark::MIN,
        }
    }

    /// # Errors
    /// What is wrong: a bug of the operator.
    pub fn emitted(&mut self, emitted: &Emitted) -> Result<()> {
        match emitted {
            Emitted::Batch(batch) => self.batch(batch),
            Emitted::Watermark(watermark) => self.watermark(*watermark),
            Emitted::Side(..) | Emitted::Idle(_) => Ok(()),
        }
    }

    fn batch(&mut self, batch: &ChangeBatch) -> Result<()> {
        let expected: Vec<_> = self.schema.fields().iter().map(|f| f.data_type()).collect();
        let schema = batch.schema();
        let got: Vec<_> = schema.fields().iter().map(|f| f.data_type()).collect();
        if expected != got {
            return broken(format!(
                "emits rows of {got:?} where {expected:?} is declared"
            ));
        }
        if let Some(kinds) = &batch.kinds
            && kinds.len() != batch.num_rows()
        {
            return broken(format!(
                "{} kinds for {} rows",
                kinds.len(),
                batch.num_rows()
            ));
        }
        let mut offset = 0;
        for mark in &batch.marks {
            if mark.offset < offset || mark.offset > batch.num_rows() {
                return broken(format!(
                    "a mark at {} after one at {offset}, of {} rows",
                    mark.offset,
                    batch.num_rows()
                ));
            }
            offset = mark.offset;
            self.watermark(mark.watermark)?;
        }
        Ok(())
    }

    fn watermark(&mut self, watermark: Watermark) -> Result<()> {
        if watermark < self.watermark {
            return broken(format!("watermark {watermark} after {}", self.watermark));
        }
        self.watermark = watermark;
        Ok(())
    }
}

fn broken<T>(what: String) -> Result<T> {
    Err(OperatorError::engine(format!(
        "A debug check failed: {what}."
    )))
}
