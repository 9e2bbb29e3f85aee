//! Keeping watermark marks where they belong when rows move.

use arrow::buffer::BooleanBuffer;
use filbert_types::{Watermark, WatermarkMark};

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

/// Adds a mark behind the others; at the same place it takes the last one's.
pub fn push_mark(marks: &mut Vec<WatermarkMark>, offset: usize, watermark: Watermark) {
    match marks.last_mut() {
        Some(last) if last.offset == offset => last.watermark = watermark,
        _ => marks.push(WatermarkMark { offset, watermark }),
    }
}
