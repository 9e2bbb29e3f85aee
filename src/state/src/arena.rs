use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryViewBuilder};
use arrow::datatypes::DataType;

/// Byte strings by slot, in one buffer: 8 bytes beside each. Room that cleared or replaced strings leave is won back by
/// compaction once it is more than half of the buffer.
#[derive(Debug, Default)]
pub struct ByteArena {
    bytes: Vec<u8>,
    /// By slot.
    places: Vec<Place>,
    wasted: usize,
}

/// Where a byte string begins, in 40 bits, and its length in 24; that of a long one stands before its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place(u64);

const LENGTH_BITS: u32 = 24;
const LONG: u64 = (1 << LENGTH_BITS) - 1;
/// How many bytes the length of a long one takes.
const LENGTH_BYTES: usize = 8;
/// Below this many bytes a buffer isn't worth compacting.
const COMPACT_MIN_BYTES: usize = 64 * 1024;

impl Place {
    const NULL: Place = Place(u64::MAX);

    fn new(offset: usize, length: usize) -> Place {
        Place(((offset as u64) << LENGTH_BITS) | (length as u64).min(LONG))
    }

    fn offset(self) -> usize {
        (self.0 >> LENGTH_BITS) as usize
    }

    /// The length of one that isn't long.
    fn length(self) -> Option<usize> {
        let length = self.0 & LONG;
        (length != LONG).then_some(length as usize)
    }
}

impl ByteArena {
    #[inline]
    pub fn get(&self, slot: u32) -> Option<&[u8]> {
        let place = *self.places.get(slot as usize)?;
        match place.length() {
            Some(length) => Some(&self.bytes[place.offset()..place.offset() + length]),
            None => self.get_long(place),
        }
    }

    #[cold]
    fn get_long(&self, place: Place) -> Option<&[u8]> {
        if place == Place::NULL {
            return None;
        }
        let start = place.offset() + LENGTH_BYTES;
        let length: [u8; LENGTH_BYTES] = self.bytes[place.offset()..start].try_into().ok()?;
        let length = u64::from_ne_bytes(length) as usize;
        Some(&self.bytes[start..start + length])
    }

    pub fn set(&mut self, slot: u32, value: Option<&[u8]>) {
        let slot = slot as usize;
        if slot >= self.places.len() {
            self.places.resize(slot + 1, Place::NULL);
        }
        self.waste(slot);
        self.places[slot] = match value {
            None => Place::NULL,
            Some(value) => put(&mut self.bytes, value),
        };
        self.compact_if_wasteful();
    }

    pub fn clear(&mut self, slot: u32) {
        if (slot as usize) < self.places.len() {
            self.waste(slot as usize);
            self.places[slot as usize] = Place::NULL;
            self.compact_if_wasteful();
        }
    }

    /// Clears all slots; the memory is kept.
    pub fn clear_all(&mut self) {
        self.bytes.clear();
        self.places.clear();
        self.wasted = 0;
    }

    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.places.capacity() * std::mem::size_of::<Place>()
    }

    fn waste(&mut self, slot: usize) {
        self.wasted += self.get(slot as u32).map_or(0, <[u8]>::len);
    }

    fn compact_if_wasteful(&mut self) {
        if self.wasted < COMPACT_MIN_BYTES || self.wasted * 2 < self.bytes.len() {
            return;
        }
        let room = self.bytes.len().saturating_sub(self.wasted);
        let old = ByteArena {
            bytes: std::mem::replace(&mut self.bytes, Vec::with_capacity(room)),
            places: std::mem::take(&mut self.places),
            wasted: 0,
        };
        let moved = (0..old.places.len() as u32).map(|slot| match old.get(slot) {
            None => Place::NULL,
            Some(value) => put(&mut self.bytes, value),
        });
        self.places = moved.collect();
        self.wasted = 0;
    }
}

/// Stored values as a column of strings or bytes.
pub(crate) fn byte_views<'a>(
    values: impl ExactSizeIterator<Item = Option<&'a [u8]>>,
    ty: &DataType,
) -> ArrayRef {
    let mut builder = BinaryViewBuilder::with_capacity(values.len());
    values.for_each(|value| builder.append_option(value));
    let bytes = builder.finish();
    if *ty == DataType::BinaryView {
        Arc::new(bytes)
    } else {
        // SAFETY: what is stored for a column of strings came out of one.
        Arc::new(unsafe { bytes.to_string_view_unchecked() })
    }
}

/// Appends a byte string; its place.
fn put(bytes: &mut Vec<u8>, value: &[u8]) -> Place {
    let offset = bytes.len();
    if value.len() as u64 >= LONG {
        bytes.extend_from_slice(&(value.len() as u64).to_ne_bytes());
    }
    bytes.extend_from_slice(value);
    Place::new(offset, value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compaction_keeps_what_lives() {
        let mut arena = ByteArena::default();
        let long = vec![7u8; 1000];
        for slot in 0..200 {
            arena.set(slot, Some(&long));
        }
        arena.set(3, Some(b"three"));
        for slot in 4..200 {
            arena.clear(slot);
        }
        assert_eq!(arena.get(3), Some(b"three".as_slice()));
        assert_eq!(arena.get(0), Some(long.as_slice()));
        assert_eq!(arena.get(4), None);
        assert!(arena.memory_bytes() < 100_000, "{}", arena.memory_bytes());
    }

    #[test]
    fn a_long_string_has_its_length_before_it() {
        let mut arena = ByteArena::default();
        let long = vec![9u8; (1 << 24) + 3];
        arena.set(1, Some(&long));
        arena.set(0, Some(&long[..(1 << 24) - 1]));
        arena.set(2, Some(b""));
        assert_eq!(arena.get(1), Some(long.as_slice()));
        assert_eq!(arena.get(0).map(<[u8]>::len), Some((1 << 24) - 1));
        arena.clear(0);
        assert_eq!(arena.get(1), Some(long.as_slice()));
        assert_eq!(arena.get(2), Some(b"".as_slice()));
        assert_eq!(arena.get(0), None);
    }
}
