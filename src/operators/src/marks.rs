//! Keeping watermark marks where they belong when rows move.

use arrow::array::BooleanArray;
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use filbert_types::{ChangeBatch, Watermark, WatermarkMark};

use crate::error::Result;

/// The rows where `keep` is set, with their kinds, and the marks where they then belong.
pub fn filter_batch(batch: &ChangeBatch, keep: &BooleanBuffer) -> Result<ChangeBatch> {
    let mask = BooleanArray::new(keep.clone(), None);
    let kinds = batch.kinds.as_deref();
    Ok(ChangeBatch {
        rows: filter_record_batch(&batch.rows, &mask)?,
        kinds: kinds.map(|kinds| keep.set_indices().map(|i| kinds[i]).collect()),
        marks: filter_marks(&batch.marks, keep),
    })
}

/// The marks after only the rows where `mask` is set are kept. Marks that come together become one.
pub fn filter_marks(marks: &[WatermarkMark], mask: &BooleanBuffer) -> Vec<WatermarkMark> {
    let (mut counted, mut offset) = (0, 0);
    let mut kept: Vec<WatermarkMark> = Vec::new();
    for mark in marks {
        offset += mask.slice(counted, mark.offset - counted).count_set_bits();
        counted = mark.offset;
        push_mark(&mut kept, offset, mark.watermark);
    }
    kept
}

/// The marks of the rows from `start` to `end`, which go out together; one between two pieces goes with the first.
pub fn marks_of_piece(marks: &[WatermarkMark], start: usize, end: usize) -> Vec<WatermarkMark> {
    let first = match start {
        0 => 0,
        _ => marks.partition_point(|mark| mark.offset <= start),
    };
    let here = marks[first..].iter().take_while(|mark| mark.offset <= end);
    here.map(|mark| WatermarkMark {
        offset: mark.offset - start,
        watermark: mark.watermark,
    })
    .collect()
}

/// Adds a mark behind the others; at the same place it takes the last one's.
pub fn push_mark(marks: &mut Vec<WatermarkMark>, offset: usize, watermark: Watermark) {
    match marks.last_mut() {
        Some(last) if last.offset == offset => last.watermark = watermark,
        _ => marks.push(WatermarkMark { offset, watermark }),
    }
}
