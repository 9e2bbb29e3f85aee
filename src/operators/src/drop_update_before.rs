//! Drops -U rows, for a consumer that needs only what a row has become.
//!
//! - State: none.
//! - Changelog: takes any, emits +I, +U and -D. Watermarks pass; a mark moves to the place that corresponds.

use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;
use filbert_types::{ChangeBatch, RowKind};

use crate::error::Result;
use crate::marks::filter_marks;
use crate::operator::{Operator, Step};
use crate::output::Output;

#[derive(Debug, Default)]
pub struct DropUpdateBeforeOperator;

impl Operator for DropUpdateBeforeOperator {
    fn process(&mut self, _input: usize, batch: ChangeBatch, out: &mut Output) -> Result<Step> {
        let Some(kinds) = &batch.kinds else {
            out.emit(batch);
            return Ok(Step::Done);
        };
        let mask: BooleanArray = kinds
            .iter()
            .map(|k| Some(*k != RowKind::UpdateBefore))
            .collect();
        let kept = kinds
            .iter()
            .copied()
            .filter(|k| *k != RowKind::UpdateBefore);
        let mut kept =
            ChangeBatch::with_kinds(filter_record_batch(&batch.rows, &mask)?, kept.collect());
        kept.marks = filter_marks(&batch.marks, mask.values());
        out.emit(kept);
        Ok(Step::Done)
    }
}
