use std::cell::Cell;
use std::cmp::Ordering;

use arrow::array::ArrayRef;
use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, Rows, SortField};

use crate::arena::ByteArena;
use crate::error::StateError;

/// Entries in an order below each key: the rows of a partition by their sort keys, equal ones in the order in which
/// they came. Entries are the slots of rows that stand in a table of their own.
///
/// An entry costs its sort key (16 bytes, and the bytes of longer ones) and 4 bytes in its list. Finding a place costs
/// two binary searches, getting in or out a move within a piece of at most [`PIECE_MAX`] entries.
pub struct SortedTable {
    converter: RowConverter,
    keys: SortKeys,
    lists: Vec<SortedList>,
    len: usize,
    counted: Cell<CountedBytes>,
}

/// Sort keys of a batch's rows.
pub struct SortKeyBatch {
    rows: Rows,
    prefixes: Vec<u128>,
}

/// Sort keys by entry: the first 16 bytes, and all of those that are longer. No key begins with another one, so that
/// padding with zeros keeps the order.
#[derive(Default)]
struct SortKeys {
    prefixes: Vec<u128>,
    long: ByteArena,
}

/// The entries of one key, in pieces.
#[derive(Default)]
struct SortedList {
    pieces: Vec<Vec<u32>>,
}

/// The bytes of the lists when they were counted last, and how many lists and entries there were.
#[derive(Debug, Clone, Copy, Default)]
struct CountedBytes {
    bytes: usize,
    lists: usize,
    entries: usize,
}

const PREFIX_BYTES: usize = 16;
/// A piece with more entries becomes two.
const PIECE_MAX: usize = 512;

impl SortedTable {
    /// A table sorted by columns of these types.
    ///
    /// # Errors
    /// When a type has no order.
    pub fn new(columns: &[(DataType, SortOptions)]) -> Result<SortedTable, StateError> {
        let fields = columns
            .iter()
            .map(|(ty, options)| SortField::new_with_options(ty.clone(), *options));
        Ok(SortedTable {
            converter: RowConverter::new(fields.collect())?,
            keys: SortKeys::default(),
            lists: Vec::new(),
            len: 0,
            counted: Cell::default(),
        })
    }

    /// The sort keys of a batch's rows.
    ///
    /// # Errors
    /// When the columns are not of the table's types.
    pub fn keys_of(&self, columns: &[ArrayRef], rows: usize) -> Result<SortKeyBatch, StateError> {
        if columns.is_empty() {
            let mut empty = self.converter.empty_rows(0, 0);
            empty.reserve(0, 0);
            return Ok(SortKeyBatch {
                rows: empty,
                prefixes: vec![0; rows],
            });
        }
        let rows = self.converter.convert_columns(columns)?;
        let prefixes = rows.iter().map(|row| prefix(row.as_ref())).collect();
        Ok(SortKeyBatch { rows, prefixes })
    }

    /// Makes room for the lists of parents below `parents_end`.
    pub fn reserve_parents(&mut self, parents_end: usize) {
        if self.lists.len() < parents_end {
            self.lists.resize_with(parents_end, SortedList::default);
        }
    }

    /// Puts an entry with the sort key of a batch's row behind all that are not greater; its position.
    pub fn insert(&mut self, parent: u32, batch: &SortKeyBatch, row: usize, entry: u32) -> usize {
        self.keys.set(entry, batch, row);
        self.len += 1;
        let keys = &self.keys;
        let list = &mut self.lists[parent as usize];
        let (piece, place) = list.partition(|e| keys.compare(e, batch, row) != Ordering::Greater);
        let before = list.before(piece);
        list.insert(piece, place, entry);
        before + place
    }

    /// Puts an entry with the same sort key in another's place; its position.
    pub fn replace(&mut self, parent: u32, old: u32, new: u32) -> Option<usize> {
        let (piece, place) = self.find(parent, old)?;
        self.keys.copy(old, new);
        self.keys.clear(old);
        let list = &mut self.lists[parent as usize];
        list.pieces[piece][place] = new;
        Some(list.before(piece) + place)
    }

    /// Takes an entry out; its position, where it was there.
    pub fn remove(&mut self, parent: u32, entry: u32) -> Option<usize> {
        let (piece, place) = self.find(parent, entry)?;
        let list = &mut self.lists[parent as usize];
        let position = list.before(piece) + place;
        list.remove(piece, place);
        self.keys.clear(entry);
        self.len -= 1;
        Some(position)
    }

    /// Takes the last entry out.
    pub fn pop_last(&mut self, parent: u32) -> Option<u32> {
        let list = &mut self.lists[parent as usize];
        let piece = list.pieces.len().checked_sub(1)?;
        let place = list.pieces[piece].len().checked_sub(1)?;
        let entry = list.pieces[piece][place];
        list.remove(piece, place);
        self.keys.clear(entry);
        self.len -= 1;
        Some(entry)
    }

    /// Takes the first entries out of a parent's list; they keep their sort keys, for [`SortedTable::push_back`].
    pub fn shift(&mut self, parent: u32, count: usize) -> Vec<u32> {
        let mut shifted = Vec::with_capacity(count);
        let Some(list) = self.lists.get_mut(parent as usize) else {
            return shifted;
        };
        while let Some(piece) = list.pieces.first_mut().filter(|_| shifted.len() < count) {
            let taken = (count - shifted.len()).min(piece.len());
            shifted.extend(piece.drain(..taken));
            if piece.is_empty() {
                list.pieces.remove(0);
            }
        }
        self.len -= shifted.len();
        shifted
    }

    /// Puts an entry behind all others, than which its sort key is not less.
    pub fn push_back(&mut self, parent: u32, entry: u32) {
        let list = &mut self.lists[parent as usize];
        let end = list.pieces.len();
        list.insert(end, 0, entry);
        self.len += 1;
    }

    /// Takes the first entries out.
    pub fn pop_front(&mut self, parent: u32, count: usize) {
        for entry in self.shift(parent, count) {
            self.keys.clear(entry);
        }
    }

    /// Takes all entries of a parent out, in order.
    pub fn clear_parent(&mut self, parent: u32) -> Vec<u32> {
        let Some(list) = self.lists.get_mut(parent as usize) else {
            return Vec::new();
        };
        let entries: Vec<u32> = std::mem::take(&mut list.pieces).concat();
        entries.iter().for_each(|entry| self.keys.clear(*entry));
        self.len -= entries.len();
        entries
    }

    /// Where an entry stands.
    pub fn position(&self, parent: u32, entry: u32) -> Option<usize> {
        let (piece, place) = self.find(parent, entry)?;
        Some(self.lists[parent as usize].before(piece) + place)
    }

    /// Where the first entry not less than a batch's row stands.
    pub fn lower_bound(&self, parent: u32, batch: &SortKeyBatch, row: usize) -> usize {
        let list = &self.lists[parent as usize];
        let (piece, place) = list.partition(|e| self.keys.compare(e, batch, row) == Ordering::Less);
        list.before(piece) + place
    }

    /// The parent's entries from a position on.
    pub fn iter_from(&self, parent: u32, position: usize) -> impl Iterator<Item = u32> + '_ {
        let pieces = &self.lists[parent as usize].pieces;
        let (mut piece, mut skip) = (0, position);
        while piece < pieces.len() && skip >= pieces[piece].len() {
            skip -= pieces[piece].len();
            piece += 1;
        }
        pieces[piece..].iter().flatten().copied().skip(skip)
    }

    pub fn get(&self, parent: u32, position: usize) -> Option<u32> {
        self.iter_from(parent, position).next()
    }

    pub fn last(&self, parent: u32) -> Option<u32> {
        self.lists[parent as usize].pieces.last()?.last().copied()
    }

    /// The parent's entries.
    pub fn len_of(&self, parent: u32) -> usize {
        self.lists[parent as usize].len()
    }

    /// How an entry's sort key compares to that of a batch's row.
    pub fn compare(&self, entry: u32, batch: &SortKeyBatch, row: usize) -> Ordering {
        self.keys.compare(entry, batch, row)
    }

    /// Whether two entries have one sort key.
    pub fn same_key(&self, left: u32, right: u32) -> bool {
        self.keys.order(left, right) == Ordering::Equal
    }

    /// Entries of all parents.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn memory_bytes(&self) -> usize {
        self.keys.prefixes.capacity() * PREFIX_BYTES
            + self.keys.long.memory_bytes()
            + self.lists.capacity() * std::mem::size_of::<SortedList>()
            + self.list_bytes()
    }

    /// Counted anew when a sixteenth of the lists or entries has come or gone.
    fn list_bytes(&self) -> usize {
        let counted = self.counted.get();
        let is_near = |now: usize, then: usize| now.abs_diff(then) <= then / 16;
        if is_near(self.lists.len(), counted.lists) && is_near(self.len, counted.entries) {
            return counted.bytes;
        }
        let bytes = |list: &SortedList| {
            let pieces: usize = list.pieces.iter().map(Vec::capacity).sum();
            pieces * 4 + list.pieces.capacity() * std::mem::size_of::<Vec<u32>>()
        };
        let bytes = self.lists.iter().map(bytes).sum();
        self.counted.set(CountedBytes {
            bytes,
            lists: self.lists.len(),
            entries: self.len,
        });
        bytes
    }

    fn find(&self, parent: u32, entry: u32) -> Option<(usize, usize)> {
        let list = self.lists.get(parent as usize)?;
        let (mut piece, mut place) =
            list.partition(|e| self.keys.order(e, entry) == Ordering::Less);
        // Equal keys stand in the order of their coming: among them only a walk finds the entry.
        loop {
            let entries = list.pieces.get(piece)?;
            match entries.get(place) {
                None => (piece, place) = (piece + 1, 0),
                Some(found) if *found == entry => return Some((piece, place)),
                Some(found) if self.keys.order(*found, entry) == Ordering::Equal => place += 1,
                Some(_) => return None,
            }
        }
    }
}

impl SortKeyBatch {
    /// The key where it is longer than its prefix.
    fn long(&self, row: usize) -> Option<&[u8]> {
        (row < self.rows.num_rows())
            .then(|| self.rows.row(row).data())
            .filter(|key| key.len() > PREFIX_BYTES)
    }

    /// How two rows of the batch compare.
    pub fn order(&self, left: usize, right: usize) -> Ordering {
        self.prefixes[left]
            .cmp(&self.prefixes[right])
            .then_with(|| self.long(left).cmp(&self.long(right)))
    }
}

fn prefix(key: &[u8]) -> u128 {
    let mut bytes = [0; PREFIX_BYTES];
    let length = key.len().min(PREFIX_BYTES);
    bytes[..length].copy_from_slice(&key[..length]);
    u128::from_be_bytes(bytes)
}

impl SortKeys {
    fn set(&mut self, entry: u32, batch: &SortKeyBatch, row: usize) {
        let slot = entry as usize;
        if slot >= self.prefixes.len() {
            self.prefixes.resize(slot + 1, 0);
        }
        self.prefixes[slot] = batch.prefixes[row];
        if let Some(key) = batch.long(row) {
            self.long.set(entry, Some(key));
        }
    }

    fn copy(&mut self, from: u32, to: u32) {
        let prefix = self.prefixes[from as usize];
        if to as usize >= self.prefixes.len() {
            self.prefixes.resize(to as usize + 1, 0);
        }
        self.prefixes[to as usize] = prefix;
        if let Some(key) = self.long.get(from).map(<[u8]>::to_vec) {
            self.long.set(to, Some(&key));
        }
    }

    fn clear(&mut self, entry: u32) {
        self.long.clear(entry);
    }

    #[inline]
    fn compare(&self, entry: u32, batch: &SortKeyBatch, row: usize) -> Ordering {
        self.prefixes[entry as usize]
            .cmp(&batch.prefixes[row])
            .then_with(|| self.long.get(entry).cmp(&batch.long(row)))
    }

    #[inline]
    fn order(&self, left: u32, right: u32) -> Ordering {
        self.prefixes[left as usize]
            .cmp(&self.prefixes[right as usize])
            .then_with(|| self.long.get(left).cmp(&self.long.get(right)))
    }
}

impl SortedList {
    /// The place of the first entry for which `before` does not hold; entries are parted by it.
    fn partition(&self, before: impl Fn(u32) -> bool) -> (usize, usize) {
        let piece = self
            .pieces
            .partition_point(|piece| piece.last().is_some_and(|last| before(*last)));
        match self.pieces.get(piece) {
            Some(entries) => (piece, entries.partition_point(|e| before(*e))),
            None => (piece, 0),
        }
    }

    /// Entries in the pieces before this one.
    fn before(&self, piece: usize) -> usize {
        self.pieces[..piece].iter().map(Vec::len).sum()
    }

    fn len(&self) -> usize {
        self.before(self.pieces.len())
    }

    fn insert(&mut self, piece: usize, place: usize, entry: u32) {
        let Some(entries) = self.pieces.get_mut(piece) else {
            match self.pieces.last_mut().filter(|last| last.len() < PIECE_MAX) {
                Some(last) => last.push(entry),
                None => {
                    // Most lists stay short: no room to grow that nobody uses.
                    self.pieces.reserve_exact(1);
                    self.pieces.push(vec![entry]);
                }
            }
            return;
        };
        entries.insert(place, entry);
        if entries.len() > PIECE_MAX {
            let half = entries.split_off(PIECE_MAX / 2);
            self.pieces.insert(piece + 1, half);
        }
    }

    fn remove(&mut self, piece: usize, place: usize) {
        self.pieces[piece].remove(place);
        if self.pieces[piece].is_empty() {
            self.pieces.remove(piece);
        }
    }
}

#[cfg(test)]
mod tests;
