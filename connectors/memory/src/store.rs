use std::collections::{BTreeMap, HashMap};

use arrow::array::{ArrayRef, RecordBatch, UInt32Array, new_empty_array};
use arrow::compute::interleave;
use arrow::datatypes::SchemaRef;
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use filbert_connector_api::{ChangelogMode, ConnectorError};
use filbert_types::{ChangeBatch, RowKind};

/// A batch's number and a row's place in it.
type Place = (usize, usize);

/// A table: every change that was written, and where the rows that are there stand among them.
pub struct Store {
    schema: SchemaRef,
    /// The primary key's columns; none where rows are told apart by all columns.
    key: Vec<usize>,
    converter: RowConverter,
    log: Vec<ChangeBatch>,
    /// The rows that are there, in the order in which their keys came.
    rows: BTreeMap<u64, Place>,
    /// The rows of each key: one where there is a primary key.
    keys: HashMap<OwnedRow, Vec<u64>>,
    next: u64,
}

impl Store {
    /// # Errors
    /// When a column can't be a key.
    pub fn new(schema: SchemaRef, key: Vec<usize>) -> Result<Store, ConnectorError> {
        let fields = key_columns(&schema, &key)
            .into_iter()
            .map(|i| SortField::new(schema.field(i).data_type().clone()))
            .collect();
        Ok(Store {
            converter: RowConverter::new(fields)?,
            schema,
            key,
            log: Vec::new(),
            rows: BTreeMap::new(),
            keys: HashMap::new(),
            next: 0,
        })
    }

    pub fn is_of(&self, schema: &SchemaRef, key: &[usize]) -> bool {
        self.schema == *schema && self.key == key
    }

    /// What the table takes and, read as a changelog, sends.
    pub fn mode(&self) -> ChangelogMode {
        match self.key.is_empty() {
            true => ChangelogMode::ALL,
            false => ChangelogMode::UPSERT,
        }
    }

    fn key_rows(&self, columns: &[ArrayRef]) -> Result<Rows, ConnectorError> {
        Ok(self.converter.convert_columns(columns)?)
    }

    /// # Errors
    /// When the batch is not of the table's columns.
    pub fn write(&mut self, batch: &ChangeBatch) -> Result<(), ConnectorError> {
        let columns: Vec<ArrayRef> = key_columns(&self.schema, &self.key)
            .into_iter()
            .map(|i| ArrayRef::clone(batch.rows.column(i)))
            .collect();
        let keys = self.key_rows(&columns)?;
        let number = self.log.len();
        for row in 0..batch.num_rows() {
            let key = keys.row(row).owned();
            let places = self.keys.entry(key).or_default();
            match (batch.kind(row), places.last()) {
                (RowKind::Insert | RowKind::UpdateAfter, Some(id)) if !self.key.is_empty() => {
                    self.rows.insert(*id, (number, row));
                }
                (RowKind::Insert | RowKind::UpdateAfter, _) => {
                    places.push(self.next);
                    self.rows.insert(self.next, (number, row));
                    self.next += 1;
                }
                (RowKind::UpdateBefore, _) if !self.key.is_empty() => {}
                (RowKind::UpdateBefore | RowKind::Delete, _) => {
                    if let Some(id) = places.pop() {
                        self.rows.remove(&id);
                    }
                }
            }
            if places.is_empty() {
                self.keys.remove(&keys.row(row).owned());
            }
        }
        let rows = RecordBatch::try_new(
            SchemaRef::clone(&self.schema),
            batch.rows.columns().to_vec(),
        )?;
        self.log.push(ChangeBatch {
            rows,
            kinds: batch.kinds.clone(),
            marks: Vec::new(),
        });
        Ok(())
    }

    /// All changes, from batch `from` on.
    pub fn changes(&self, from: usize) -> Vec<ChangeBatch> {
        self.log.iter().skip(from).cloned().collect()
    }

    /// The rows that are there.
    ///
    /// # Errors
    /// When the rows don't make a batch: a bug.
    pub fn snapshot(&self) -> Result<RecordBatch, ConnectorError> {
        let places: Vec<Place> = self.rows.values().copied().collect();
        self.gather(&places)
    }

    fn gather(&self, places: &[Place]) -> Result<RecordBatch, ConnectorError> {
        if places.is_empty() {
            return Ok(RecordBatch::new_empty(SchemaRef::clone(&self.schema)));
        }
        let columns = (0..self.schema.fields().len())
            .map(|i| {
                let empty = new_empty_array(self.schema.field(i).data_type());
                let stored: Vec<&dyn arrow::array::Array> = self
                    .log
                    .iter()
                    .map(|batch| batch.rows.column(i).as_ref())
                    .collect();
                match stored.is_empty() {
                    true => Ok(empty),
                    false => interleave(&stored, places),
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(RecordBatch::try_new(
            SchemaRef::clone(&self.schema),
            columns,
        )?)
    }

    /// The rows whose columns equal the keys, and for each the number of its key. NULL equals nothing.
    ///
    /// # Errors
    /// When a key is not of its column's type.
    pub fn find(
        &self,
        columns: &[usize],
        keys: &RecordBatch,
    ) -> Result<(RecordBatch, Vec<u32>), ConnectorError> {
        let has_null = |row: usize| keys.columns().iter().any(|c| c.is_null(row));
        let (mut places, mut numbers) = (Vec::new(), Vec::new());
        if columns == self.key.as_slice() && !columns.is_empty() {
            let wanted = self.key_rows(keys.columns())?;
            for row in (0..keys.num_rows()).filter(|row| !has_null(*row)) {
                let found = self.keys.get(&wanted.row(row).owned());
                for id in found.into_iter().flatten() {
                    places.push(self.rows[id]);
                    numbers.push(row as u32);
                }
            }
            return Ok((self.gather(&places)?, numbers));
        }
        let fields = columns
            .iter()
            .map(|i| SortField::new(self.schema.field(*i).data_type().clone()));
        let converter = RowConverter::new(fields.collect())?;
        let rows = self.snapshot()?;
        let stored: Vec<ArrayRef> = columns
            .iter()
            .map(|i| ArrayRef::clone(rows.column(*i)))
            .collect();
        let stored = converter.convert_columns(&stored)?;
        let wanted = converter.convert_columns(keys.columns())?;
        let mut by_key: HashMap<OwnedRow, Vec<u32>> = HashMap::new();
        for row in 0..stored.num_rows() {
            let found = by_key.entry(stored.row(row).owned()).or_default();
            found.push(row as u32);
        }
        let mut picks = Vec::new();
        for row in (0..keys.num_rows()).filter(|row| !has_null(*row)) {
            for found in by_key.get(&wanted.row(row).owned()).into_iter().flatten() {
                picks.push(*found);
                numbers.push(row as u32);
            }
        }
        let picked = arrow::compute::take_record_batch(&rows, &UInt32Array::from(picks))?;
        Ok((picked, numbers))
    }
}

/// The columns that tell rows apart.
fn key_columns(schema: &SchemaRef, key: &[usize]) -> Vec<usize> {
    match key.is_empty() {
        true => (0..schema.fields().len()).collect(),
        false => key.to_vec(),
    }
}
