//! What the changes of a bundle come to. Of a row that comes and goes nothing is left; of a row with a unique key that
//! changes several times, the first version taken back and the last one written (Flink's `BufferBundle`s).

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_arrays};
use arrow::datatypes::{DataType, SchemaRef};
use filbert_state::{RowIndex, RowTable};
use filbert_types::{ChangeBatch, RowKind};

use crate::columns::record_batch;
use crate::error::Result;

/// The rows of one input of a bundle.
pub(crate) struct NetChanges {
    schema: SchemaRef,
    /// The columns that tell a row; none where rows may repeat.
    unique_key: Option<Vec<usize>>,
    /// Versions come without the -U of those before: a row that is taken back may be an older one.
    upserts: bool,
    batches: Vec<RecordBatch>,
    kinds: Vec<RowKind>,
}

impl NetChanges {
    pub fn new(schema: SchemaRef, unique_key: Option<Vec<usize>>, upserts: bool) -> NetChanges {
        NetChanges {
            schema,
            unique_key,
            upserts,
            batches: Vec::new(),
            kinds: Vec::new(),
        }
    }

    pub fn add(&mut self, batch: &ChangeBatch) {
        self.batches.push(batch.rows.clone());
        let rows = 0..batch.num_rows();
        self.kinds.extend(rows.map(|row| batch.kind(row)));
    }

    /// What is left of the rows added, which are forgotten.
    ///
    /// # Errors
    /// When rows can't be compared.
    pub fn take(&mut self) -> Result<Option<ChangeBatch>> {
        let batches = std::mem::take(&mut self.batches);
        let kinds = std::mem::take(&mut self.kinds);
        if kinds.is_empty() {
            return Ok(None);
        }
        let rows = concat_batches(&self.schema, &batches)?;
        if kinds.iter().all(|kind| *kind == RowKind::Insert) {
            return Ok(Some(ChangeBatch::insert(rows)));
        }
        let left = self.left(&rows, &kinds)?;
        if left.is_empty() {
            return Ok(None);
        }
        let count = left.len();
        let kinds = left.iter().map(|row| kinds[*row as usize]).collect();
        let columns = take_arrays(rows.columns(), &UInt32Array::from(left), None)?;
        // There may be no columns, only rows.
        let rows = record_batch(&rows.schema(), columns, count)?;
        Ok(Some(ChangeBatch::with_kinds(rows, kinds)))
    }

    /// The rows that are left: those of one key one after the other, in the order in which keys came.
    fn left(&self, rows: &RecordBatch, kinds: &[RowKind]) -> Result<Vec<u32>> {
        let by_row = self.unique_key.is_none();
        let mut versions: Vec<Vec<u32>> = Vec::new();
        for (row, slot) in (0u32..).zip(self.slots(rows)?) {
            let slot = slot as usize;
            if versions.len() <= slot {
                versions.resize(slot + 1, Vec::new());
            }
            let comes = kinds[row as usize].is_accumulate();
            let of_row = &mut versions[slot];
            let Some(last) = of_row.last().copied() else {
                of_row.push(row);
                continue;
            };
            let last_comes = kinds[last as usize].is_accumulate();
            match (last_comes, comes) {
                // Equal rows pile up; one less of them is one less.
                (true, true) | (false, false) if by_row => of_row.push(row),
                _ if by_row => drop(of_row.pop()),
                (false, true) => of_row.push(row),
                (true, false) if self.upserts => of_row.push(row),
                (true, false) => drop(of_row.pop()),
                (true, true) | (false, false) => {
                    of_row.pop();
                    of_row.push(row);
                }
            }
        }
        let mut left = versions.concat();
        if by_row {
            left.sort_unstable();
        }
        Ok(left)
    }

    /// A number for each row, the same for those of one key.
    fn slots(&self, rows: &RecordBatch) -> Result<Vec<u32>> {
        let all: Vec<usize> = (0..rows.num_columns()).collect();
        let key = self.unique_key.as_ref().unwrap_or(&all);
        let columns: Vec<_> = key.iter().map(|c| rows.column(*c).clone()).collect();
        if columns.is_empty() {
            return Ok(vec![0; rows.num_rows()]);
        }
        let types: Vec<DataType> = columns.iter().map(|c| c.data_type().clone()).collect();
        let mut index = RowIndex::new((0..types.len()).collect());
        let wanted: Vec<u32> = (0..rows.num_rows() as u32).collect();
        let mut slots = Vec::with_capacity(wanted.len());
        index.slots_for(
            &mut RowTable::new(&types),
            &columns,
            rows.num_rows(),
            &wanted,
            &mut slots,
        )?;
        Ok(slots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{batch, schema, text};

    fn net(unique_key: Option<Vec<usize>>, upserts: bool, rows: &str) -> String {
        let schema = schema(&[DataType::Int32, DataType::Utf8View]);
        let mut changes = NetChanges::new(SchemaRef::clone(&schema), unique_key, upserts);
        for line in rows.split(", ") {
            changes.add(&batch(&schema, line).unwrap());
        }
        let left = changes.take().unwrap();
        left.map_or_else(String::new, |left| text(&left).unwrap().replace('\n', ", "))
    }

    #[test]
    fn equal_rows_that_come_and_go_leave_what_is_more() {
        let net = |rows| net(None, false, rows);
        assert_eq!(net("+I 1 a, -U 1 a, +U 1 b, +I 2 a"), "+U 1 b, +I 2 a");
        assert_eq!(net("+I 1 a, +I 1 a, -D 1 a"), "+I 1 a");
        assert_eq!(net("-D 1 a, -D 1 a, +I 1 a, +I 2 c"), "-D 1 a, +I 2 c");
        assert_eq!(net("-U 1 a, +U 1 b, -U 1 b, +U 1 a"), "");
    }

    #[test]
    fn rows_without_columns_are_counted() {
        let schema = schema(&[]);
        let rows = record_batch(&schema, vec![], 3);
        let kinds = vec![RowKind::Insert, RowKind::Insert, RowKind::Delete];
        let mut changes = NetChanges::new(schema, None, false);
        changes.add(&ChangeBatch::with_kinds(rows.unwrap(), kinds));
        assert_eq!(changes.take().unwrap().unwrap().num_rows(), 1);
    }

    #[test]
    fn of_a_unique_key_the_first_goes_and_the_last_comes() {
        let net = |rows| net(Some(vec![0]), false, rows);
        assert_eq!(
            net("-U 1 a, +U 1 b, +I 2 x, -U 1 b, +U 1 c"),
            "-U 1 a, +U 1 c, +I 2 x"
        );
        assert_eq!(net("+I 1 a, -U 1 a, +U 1 b, -D 1 b"), "");
        assert_eq!(net("-D 1 a, +I 2 x"), "-D 1 a, +I 2 x");
    }

    #[test]
    fn what_may_replace_an_older_version_is_still_deleted() {
        let net = |rows| net(Some(vec![0]), true, rows);
        assert_eq!(net("+U 1 a, +U 1 b"), "+U 1 b");
        assert_eq!(net("+U 1 a, -D 1 a"), "+U 1 a, -D 1 a");
    }
}
