//! Rows that an operator keeps, and a changelog of them in the making: what Rank, Deduplicate and OVER stand on.

use std::sync::Arc;

use arrow::array::{ArrayRef, NullArray};
use arrow::datatypes::SchemaRef;
use filbert_state::RowTable;
use filbert_types::{ChangeBatch, RowKind, Watermark, WatermarkMark};

use crate::columns::{record_batch, types_of};
use crate::error::Result;
use crate::marks::{marks_of_piece, push_mark};
use crate::output::Output;

/// Rows by entry. The rows of a batch get their entries one by one and are written together, before anybody reads them;
/// rows that have left stay readable until what they still have to say has been emitted.
pub(crate) struct StoredRows {
    table: RowTable,
    /// Rows of the batch that were given entries, and these.
    accepted: (Vec<u32>, Vec<u32>),
    left: Vec<u32>,
}

impl StoredRows {
    pub fn new(input: &SchemaRef) -> StoredRows {
        StoredRows {
            table: RowTable::new(&types_of(input)),
            accepted: Default::default(),
            left: Vec::new(),
        }
    }

    /// An entry for a row of the batch.
    pub fn accept(&mut self, row: usize) -> Result<u32> {
        let entry = self.table.reserve()?;
        self.accepted.0.push(row as u32);
        self.accepted.1.push(entry);
        Ok(entry)
    }

    /// The row isn't needed once its last changes have been emitted.
    pub fn leave(&mut self, entry: u32) {
        self.left.push(entry);
    }

    /// Writes the rows that were accepted since the last call.
    pub fn write(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let (rows, entries) = &mut self.accepted;
        self.table.replace(columns, rows, entries)?;
        rows.clear();
        entries.clear();
        Ok(())
    }

    /// Gives the room of the rows back that have left.
    pub fn forget_left(&mut self) {
        for entry in self.left.drain(..) {
            self.table.remove(entry);
        }
    }

    pub fn gather(&self, entries: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(self.table.gather(entries)?)
    }

    /// Some of `width` columns of the rows; the others hold nothing.
    pub fn gather_some(
        &self,
        which: &[usize],
        width: usize,
        entries: &[u32],
    ) -> Result<Vec<ArrayRef>> {
        let nothing: ArrayRef = Arc::new(NullArray::new(entries.len()));
        let mut columns = vec![nothing; width];
        for column in which {
            let gathered = self.table.gather_column(*column, entries);
            columns[*column] = gathered?;
        }
        Ok(columns)
    }

    /// Whether each row of the batch equals the stored one beside it, by some columns.
    pub fn equal(
        &self,
        which: &[usize],
        columns: &[ArrayRef],
        (rows, entries): (&[u32], &[u32]),
    ) -> Result<Vec<bool>> {
        let values = which.iter().map(|c| ArrayRef::clone(&columns[*c]));
        let values: Vec<ArrayRef> = values.collect();
        Ok(self.table.equal_in(which, &values, rows, entries)?)
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    pub fn memory_bytes(&self) -> usize {
        self.table.memory_bytes()
    }
}

/// Stored rows with kinds, and the watermarks between them; shipped in pieces.
#[derive(Default)]
pub(crate) struct StoredChanges {
    entries: Vec<u32>,
    kinds: Vec<RowKind>,
    marks: Vec<WatermarkMark>,
    shipped: usize,
}

impl StoredChanges {
    pub fn push(&mut self, kind: RowKind, entry: u32) {
        self.entries.push(entry);
        self.kinds.push(kind);
    }

    pub fn watermark(&mut self, watermark: Watermark) {
        push_mark(&mut self.marks, self.entries.len(), watermark);
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The rows of the changes from one on.
    pub fn entries_from(&self, start: usize) -> &[u32] {
        &self.entries[start..]
    }

    pub fn clear(&mut self) {
        self.entries.clear();
        self.kinds.clear();
        self.marks.clear();
        self.shipped = 0;
    }

    /// Ships what is there while the output has room; true when all is shipped. Then the changes are forgotten, and the
    /// rows that have left.
    pub fn ship_all(
        &mut self,
        rows: &mut StoredRows,
        schema: &SchemaRef,
        out: &mut Output,
    ) -> Result<bool> {
        if !self.ship(rows, schema, |_| Vec::new(), out)? {
            return Ok(false);
        }
        self.clear();
        rows.forget_left();
        Ok(true)
    }

    /// Ships what is there while the output has room; true when all is shipped. `more` gives the columns behind those of
    /// the stored rows, for a range of the changes.
    pub fn ship(
        &mut self,
        rows: &StoredRows,
        schema: &SchemaRef,
        more: impl Fn(std::ops::Range<usize>) -> Vec<ArrayRef>,
        out: &mut Output,
    ) -> Result<bool> {
        while self.shipped < self.entries.len() {
            if out.is_full() {
                return Ok(false);
            }
            let start = self.shipped;
            let end = self.entries.len().min(start + out.batch_rows());
            let mut columns = rows.gather(&self.entries[start..end])?;
            columns.extend(more(start..end));
            let batch = record_batch(schema, columns, end - start)?;
            let mut batch = ChangeBatch::with_kinds(batch, self.kinds[start..end].to_vec());
            batch.marks = marks_of_piece(&self.marks, start, end);
            out.emit(batch);
            self.shipped = end;
        }
        if self.entries.is_empty() {
            self.marks.iter().for_each(|m| out.watermark(m.watermark));
            self.marks.clear();
        }
        Ok(true)
    }
}
