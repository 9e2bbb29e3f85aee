//! The BITMAP aggregates: NULL arguments don't count; without any other the result is NULL.

use std::mem::size_of_val;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::Int32Type;
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::Accumulator;
use datafusion::scalar::ScalarValue;
use filbert_types::TypeKind;
use roaring::RoaringBitmap;

use super::bound::BoundAggregate;
use crate::builtins::bitmap::{read, write};

type Made = Result<Box<dyn Accumulator>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Combine {
    /// Of integers; the others are of bitmaps.
    Build,
    Or,
    And,
    Xor,
}

#[derive(Debug)]
struct Bitmap {
    combine: Combine,
    cardinality: bool,
    bitmap: Option<RoaringBitmap>,
}

pub(super) fn make(bound: &BoundAggregate) -> Made {
    let name = bound.flink_name();
    let combine = match name.split('_').nth(1) {
        Some("BUILD") => Combine::Build,
        Some("OR") => Combine::Or,
        Some("AND") => Combine::And,
        Some("XOR") => Combine::Xor,
        _ => return internal_err!("{name} is no BITMAP aggregate"),
    };
    Ok(Box::new(Bitmap {
        combine,
        cardinality: bound.return_type.kind == TypeKind::BigInt,
        bitmap: None,
    }))
}

impl Bitmap {
    fn add(&mut self, bitmap: RoaringBitmap) {
        let Some(held) = &mut self.bitmap else {
            self.bitmap = Some(bitmap);
            return;
        };
        match self.combine {
            Combine::Build | Combine::Or => *held |= bitmap,
            Combine::And => *held &= bitmap,
            Combine::Xor => *held ^= bitmap,
        }
    }

    fn bytes(&self) -> Result<Option<Vec<u8>>> {
        let bytes = self.bitmap.as_ref().map(|bitmap| {
            let mut bytes = Vec::with_capacity(bitmap.serialized_size());
            write(bitmap, &mut bytes).map(|()| bytes)
        });
        bytes.transpose()
    }
}

impl Accumulator for Bitmap {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if self.combine == Combine::Build {
            let integers = values[0].as_primitive::<Int32Type>();
            if integers.null_count() < integers.len() {
                let bitmap = self.bitmap.get_or_insert_default();
                bitmap.extend(integers.iter().flatten().map(|value| value as u32));
            }
            return Ok(());
        }
        self.merge_batch(values)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(match self.cardinality {
            true => ScalarValue::Int64(self.bitmap.as_ref().map(|b| b.len() as i64)),
            false => ScalarValue::BinaryView(self.bytes()?),
        })
    }

    fn size(&self) -> usize {
        let held = self
            .bitmap
            .as_ref()
            .map_or(0, RoaringBitmap::serialized_size);
        size_of_val(self) + held
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::BinaryView(self.bytes()?)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for bytes in states[0].as_binary_view().iter().flatten() {
            self.add(read(bytes)?);
        }
        Ok(())
    }
}
