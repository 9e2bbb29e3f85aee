//! Keeping watermark marks where they belong when rows move.

use arrow::buffer::BooleanBuffer;
use filbert_types::WatermarkMark;

/// The marks after only the rows where `mask` is set are kept.
pub fn filter_marks(marks: &[WatermarkMark], mask: &BooleanBuffer) -> Vec<WatermarkMark> {
    let (mut counted, mut offset) = (0, 0);
    marks
        .iter()
        .map(|mark| {
            offset += mask.slice(counted, mark.offset - counted).count_set_bits();
            counted = mark.offset;
            WatermarkMark {
                offset,
                watermark: mark.watermark,
            }
        })
        .collect()
}
