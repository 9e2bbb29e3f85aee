//! The rows that partial matches and what waits refer to.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::physical_expr::PhysicalExpr;
use filbert_state::{RowTable, ValueTable};

use crate::columns::record_batch;
use crate::error::Result;

/// The row of NULLs, which stands where the match has no row.
pub(super) const NULL_ROW: u32 = 0;

/// The rows that wait or are part of a match, with what must be known of them.
pub(super) struct Rows {
    cells: Vec<Arc<dyn PhysicalExpr>>,
    /// Columns of the input that are kept behind the cells.
    kept: Vec<usize>,
    pub table: RowTable,
    /// How often a row is referred to.
    refs: ValueTable<u32>,
    /// The place of each row among all that were matched.
    order: ValueTable<u64>,
}

impl Rows {
    /// # Errors
    /// When a cell of the row of NULLs can't be computed.
    pub fn new(
        input: &SchemaRef,
        cells: Vec<Arc<dyn PhysicalExpr>>,
        kept: Vec<usize>,
    ) -> Result<Rows> {
        let mut types: Vec<DataType> = Vec::new();
        for cell in &cells {
            types.push(cell.data_type(input)?);
        }
        types.extend(kept.iter().map(|c| input.field(*c).data_type().clone()));
        let mut rows = Rows {
            cells,
            kept,
            table: RowTable::new(&types),
            refs: ValueTable::default(),
            order: ValueTable::default(),
        };
        let fields = input.fields().iter();
        let nullable: Vec<_> = fields
            .map(|f| f.as_ref().clone().with_nullable(true))
            .collect();
        let columns = input.fields().iter();
        let nulls = columns.map(|f| new_null_array(f.data_type(), 1)).collect();
        let schema = Arc::new(arrow::datatypes::Schema::new(nullable));
        let nulls = record_batch(&schema, nulls, 1)?;
        let mut slots = Vec::new();
        rows.insert(&nulls, &[0], &mut slots)?;
        Ok(rows)
    }

    /// Stores these rows, each referred to once.
    ///
    /// # Errors
    /// When a cell can't be computed.
    pub fn insert(
        &mut self,
        batch: &RecordBatch,
        rows: &[u32],
        slots: &mut Vec<u32>,
    ) -> Result<()> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.cells.len() + self.kept.len());
        for cell in &self.cells {
            columns.push(cell.evaluate(batch)?.into_array(batch.num_rows())?);
        }
        columns.extend(self.kept.iter().map(|c| Arc::clone(batch.column(*c))));
        self.table.insert(&columns, rows, slots)?;
        self.refs.reserve_slots(self.table.slots_end());
        self.order.reserve_slots(self.table.slots_end());
        for slot in slots.iter() {
            self.refs.set(*slot, 1);
        }
        Ok(())
    }

    /// The column of the table that holds a kept column of the input.
    pub fn kept_column(&self, column: usize) -> usize {
        let place = self.kept.iter().position(|k| *k == column);
        self.cells.len() + place.unwrap_or(0)
    }

    #[inline]
    pub fn hold(&mut self, row: u32) {
        self.refs.values_mut()[row as usize] += 1;
    }

    #[inline]
    pub fn release(&mut self, row: u32) {
        let refs = &mut self.refs.values_mut()[row as usize];
        *refs -= 1;
        if *refs == 0 {
            self.table.remove(row);
        }
    }

    #[inline]
    pub fn order(&self, row: u32) -> u64 {
        self.order.get(row)
    }

    pub fn set_order(&mut self, row: u32, order: u64) {
        self.order.set(row, order);
    }

    /// Rows stored, the row of NULLs aside.
    pub fn len(&self) -> usize {
        self.table.len() - 1
    }

    pub fn memory_bytes(&self) -> usize {
        self.table.memory_bytes() + self.refs.memory_bytes() + self.order.memory_bytes()
    }
}
