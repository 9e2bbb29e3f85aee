/// Byte strings by slot, in one buffer. Room that cleared or replaced strings leave is won back by compaction once it
/// is more than half of the buffer.
#[derive(Debug, Default)]
pub struct ByteArena {
    bytes: Vec<u8>,
    /// Offset and length by slot; the length is `NULL` for no value.
    places: Vec<(usize, u32)>,
    wasted: usize,
}

const NULL: u32 = u32::MAX;
/// Below this many bytes a buffer isn't worth compacting.
const COMPACT_MIN_BYTES: usize = 64 * 1024;

impl ByteArena {
    #[inline]
    pub fn get(&self, slot: u32) -> Option<&[u8]> {
        let (offset, length) = *self.places.get(slot as usize)?;
        (length != NULL).then(|| &self.bytes[offset..offset + length as usize])
    }

    pub fn set(&mut self, slot: u32, value: Option<&[u8]>) {
        let slot = slot as usize;
        if slot >= self.places.len() {
            self.places.resize(slot + 1, (0, NULL));
        }
        self.waste(slot);
        self.places[slot] = match value {
            None => (0, NULL),
            Some(value) => {
                let offset = self.bytes.len();
                self.bytes.extend_from_slice(value);
                (offset, value.len() as u32)
            }
        };
        self.compact_if_wasteful();
    }

    pub fn clear(&mut self, slot: u32) {
        if (slot as usize) < self.places.len() {
            self.waste(slot as usize);
            self.places[slot as usize] = (0, NULL);
            self.compact_if_wasteful();
        }
    }

    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.places.capacity() * std::mem::size_of::<(usize, u32)>()
    }

    fn waste(&mut self, slot: usize) {
        let (_, length) = self.places[slot];
        if length != NULL {
            self.wasted += length as usize;
        }
    }

    fn compact_if_wasteful(&mut self) {
        if self.wasted < COMPACT_MIN_BYTES || self.wasted * 2 < self.bytes.len() {
            return;
        }
        let mut bytes = Vec::with_capacity(self.bytes.len() - self.wasted);
        for (offset, length) in self.places.iter_mut().filter(|(_, l)| *l != NULL) {
            let start = bytes.len();
            bytes.extend_from_slice(&self.bytes[*offset..*offset + *length as usize]);
            *offset = start;
        }
        self.bytes = bytes;
        self.wasted = 0;
    }
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
}
