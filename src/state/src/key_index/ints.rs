use arrow::array::PrimitiveArray;
use arrow::buffer::NullBuffer;
use arrow::datatypes::Int64Type;

use super::{NULL_KEY_HASH, put};
use crate::error::StateError;
use crate::hash::hash_i64;

/// Keys of so many integers; the values of slot `s` begin at `s * width`, a bit of `nulls[s]` says that one is NULL.
pub(super) struct Ints {
    width: usize,
    values: Vec<i64>,
    nulls: Vec<u8>,
}

impl Ints {
    pub fn new(width: usize) -> Ints {
        Ints {
            width,
            values: Vec::new(),
            nulls: Vec::new(),
        }
    }

    pub fn clear(&mut self) {
        self.values.clear();
        self.nulls.clear();
    }

    pub fn memory_bytes(&self) -> usize {
        self.values.capacity() * 8 + self.nulls.capacity()
    }

    #[inline]
    pub fn holds<const W: usize>(&self, slot: u32, key: [i64; W], nulls: u8) -> bool {
        let at = slot as usize;
        self.values.as_chunks::<W>().0[at] == key && self.nulls[at] == nulls
    }

    /// Slots are given out one after the other.
    pub fn set<const W: usize>(&mut self, slot: u32, key: [i64; W], nulls: u8) {
        let at = slot as usize * W;
        if at == self.values.len() {
            self.values.extend_from_slice(&key);
        } else {
            self.values[at..at + W].copy_from_slice(&key);
        }
        put(&mut self.nulls, slot, nulls);
    }

    pub fn hash_of(&self, slot: u32) -> u64 {
        let at = slot as usize * self.width;
        ints_hash(&self.values[at..at + self.width], self.nulls[slot as usize])
    }

    pub fn column(
        &self,
        column: usize,
        slots: &[u32],
    ) -> Result<PrimitiveArray<Int64Type>, StateError> {
        let is_valid = |slot: &u32| self.nulls[*slot as usize] & (1 << column) == 0;
        let value = |slot: &u32| self.values[*slot as usize * self.width + column];
        let valid: NullBuffer = slots.iter().map(is_valid).collect();
        let values = slots.iter().map(value).collect();
        Ok(PrimitiveArray::try_new(values, Some(valid))?)
    }
}

#[inline]
pub(super) fn ints_hash(values: &[i64], nulls: u8) -> u64 {
    let mut hash = u64::from(nulls).wrapping_mul(NULL_KEY_HASH);
    for value in values {
        hash = hash_i64((hash.wrapping_mul(31) as i64).wrapping_add(*value));
    }
    hash
}
