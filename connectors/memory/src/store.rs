use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, ArrayRef, RecordBatch, new_empty_array};
use arrow::compute::{concat_batches, interleave};
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, Rows, SortField};
use filbert_connector_api::lookup::LookedUp;
use filbert_connector_api::{ChangelogMode, ConnectorError};
use filbert_types::{ChangeBatch, RowKind};

/// Changes that are kept beside the rows that are there; when there are more, they are netted.
const HISTORY_ROWS_MAX: usize = 1_000_000;
/// Batches of the log are put together as long as they are smaller.
const LOG_BATCH_ROWS: usize = 65_536;

/// A table: the changes that were written, and where the rows that are there stand among them.
///
/// The log holds every change until there are many more of them than rows; then it begins anew with the rows that are
/// there. Batches next to each other are put together, so that a table written row by row is no list of single rows.
pub struct Store {
    schema: SchemaRef,
    /// The primary key's columns; none where rows are told apart by all columns.
    key: Vec<usize>,
    converter: RowConverter,
    log: Vec<ChangeBatch>,
    /// By batch of the log, how many changes stand before it.
    starts: Vec<usize>,
    changes: usize,
    /// The rows that are there, in the order in which their keys came, and their places in the log.
    rows: BTreeMap<u64, usize>,
    /// The rows of each key: one where there is a primary key.
    keys: HashMap<Box<[u8]>, Vec<u64>>,
    /// Rows by other columns by which they were looked up since the last change.
    indexes: Vec<Index>,
    next: u64,
    history_rows_max: usize,
}

/// Rows by some columns.
struct Index {
    columns: Vec<usize>,
    converter: RowConverter,
    rows: HashMap<Box<[u8]>, Vec<u64>>,
}

impl Store {
    /// # Errors
    /// When a column can't be a key.
    pub fn new(schema: SchemaRef, key: Vec<usize>) -> Result<Store, ConnectorError> {
        Ok(Store {
            converter: converter(&schema, &key_columns(&schema, &key))?,
            schema,
            key,
            log: Vec::new(),
            starts: Vec::new(),
            changes: 0,
            rows: BTreeMap::new(),
            keys: HashMap::new(),
            indexes: Vec::new(),
            next: 0,
            history_rows_max: HISTORY_ROWS_MAX,
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
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.indexes.clear();
        let columns: Vec<ArrayRef> = key_columns(&self.schema, &self.key)
            .into_iter()
            .map(|i| ArrayRef::clone(batch.rows.column(i)))
            .collect();
        let keys = self.key_rows(&columns)?;
        for row in 0..batch.num_rows() {
            self.apply(keys.row(row).as_ref(), batch.kind(row), self.changes + row);
        }
        let rows = RecordBatch::try_new(
            SchemaRef::clone(&self.schema),
            batch.rows.columns().to_vec(),
        )?;
        self.append(ChangeBatch {
            rows,
            kinds: batch.kinds.clone(),
            marks: Vec::new(),
        })?;
        if self.changes > self.rows.len().saturating_mul(2) + self.history_rows_max {
            self.net()?;
        }
        Ok(())
    }

    fn apply(&mut self, key: &[u8], kind: RowKind, place: usize) {
        let has_key = !self.key.is_empty();
        match kind {
            RowKind::Insert | RowKind::UpdateAfter => {
                if let Some(ids) = self.keys.get_mut(key) {
                    match ids.last().filter(|_| has_key) {
                        Some(id) => {
                            self.rows.insert(*id, place);
                            return;
                        }
                        None => ids.push(self.next),
                    }
                } else {
                    self.keys.insert(key.into(), vec![self.next]);
                }
                self.rows.insert(self.next, place);
                self.next += 1;
            }
            RowKind::UpdateBefore if has_key => {}
            RowKind::UpdateBefore | RowKind::Delete => {
                let Some(ids) = self.keys.get_mut(key) else {
                    return;
                };
                if let Some(id) = ids.pop() {
                    self.rows.remove(&id);
                }
                if ids.is_empty() {
                    self.keys.remove(key);
                }
            }
        }
    }

    /// Puts a batch at the end of the log, together with those before it that are no longer than twice as long.
    fn append(&mut self, batch: ChangeBatch) -> Result<(), ConnectorError> {
        self.starts.push(self.changes);
        self.changes += batch.num_rows();
        self.log.push(batch);
        while let [.., before, last] = self.log.as_slice()
            && before.num_rows() <= 2 * last.num_rows()
            && before.num_rows() + last.num_rows() <= LOG_BATCH_ROWS
        {
            let rows = concat_batches(&self.schema, [&before.rows, &last.rows])?;
            let kinds = [before, last].into_iter();
            let kinds = kinds.flat_map(|b| (0..b.num_rows()).map(move |row| b.kind(row)));
            let both = ChangeBatch::with_kinds(rows, kinds.collect());
            self.log.truncate(self.log.len() - 2);
            self.starts.pop();
            self.log.push(both);
        }
        Ok(())
    }

    /// Begins the log anew with the rows that are there.
    fn net(&mut self) -> Result<(), ConnectorError> {
        let rows = self.snapshot()?;
        for (place, old) in self.rows.values_mut().enumerate() {
            *old = place;
        }
        self.changes = rows.num_rows();
        self.starts = vec![0];
        self.log = vec![ChangeBatch::insert(rows)];
        Ok(())
    }

    /// All changes.
    pub fn changes(&self) -> Vec<ChangeBatch> {
        self.log.clone()
    }

    /// The rows that are there.
    ///
    /// # Errors
    /// When the rows don't make a batch: a bug.
    pub fn snapshot(&self) -> Result<RecordBatch, ConnectorError> {
        let places: Vec<usize> = self.rows.values().copied().collect();
        self.gather(&places)
    }

    fn gather(&self, places: &[usize]) -> Result<RecordBatch, ConnectorError> {
        if places.is_empty() {
            return Ok(RecordBatch::new_empty(SchemaRef::clone(&self.schema)));
        }
        let places: Vec<(usize, usize)> = places
            .iter()
            .map(|place| {
                let after = self.starts.partition_point(|start| start <= place);
                let batch = after.saturating_sub(1);
                (batch, place - self.starts[batch])
            })
            .collect();
        let columns = (0..self.schema.fields().len())
            .map(|i| {
                let stored: Vec<&dyn Array> = self
                    .log
                    .iter()
                    .map(|batch| batch.rows.column(i).as_ref())
                    .collect();
                match stored.is_empty() {
                    true => Ok(new_empty_array(self.schema.field(i).data_type())),
                    false => interleave(&stored, &places),
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
        &mut self,
        columns: &[usize],
        keys: &RecordBatch,
    ) -> Result<LookedUp, ConnectorError> {
        let by_primary_key = columns == self.key.as_slice() && !columns.is_empty();
        let (found, wanted) = match by_primary_key {
            true => (&self.keys, self.key_rows(keys.columns())?),
            false => {
                let at = self.index(columns)?;
                let index = &self.indexes[at];
                let wanted = index.converter.convert_columns(keys.columns())?;
                (&index.rows, wanted)
            }
        };
        let (mut places, mut numbers) = (Vec::new(), Vec::new());
        for row in 0..keys.num_rows() {
            if keys.columns().iter().any(|c| c.is_null(row)) {
                continue;
            }
            for id in found.get(wanted.row(row).as_ref()).into_iter().flatten() {
                places.push(self.rows[id]);
                numbers.push(row as u32);
            }
        }
        Ok((self.gather(&places)?, numbers))
    }

    /// The index by these columns, made when it isn't there.
    fn index(&mut self, columns: &[usize]) -> Result<usize, ConnectorError> {
        let known = self.indexes.iter().position(|i| i.columns == columns);
        if let Some(known) = known {
            return Ok(known);
        }
        let stored = self.snapshot()?.project(columns)?;
        let converter = converter(&self.schema, columns)?;
        let keys = converter.convert_columns(stored.columns())?;
        let mut rows: HashMap<Box<[u8]>, Vec<u64>> = HashMap::new();
        for (row, id) in self.rows.keys().enumerate() {
            let key = keys.row(row);
            match rows.get_mut(key.as_ref()) {
                Some(ids) => ids.push(*id),
                None => {
                    rows.insert(key.as_ref().into(), vec![*id]);
                }
            }
        }
        self.indexes.push(Index {
            columns: columns.to_vec(),
            converter,
            rows,
        });
        Ok(self.indexes.len() - 1)
    }

    #[cfg(test)]
    pub fn with_history(mut self, rows_max: usize) -> Store {
        self.history_rows_max = rows_max;
        self
    }

    #[cfg(test)]
    pub fn log_lengths(&self) -> Vec<usize> {
        self.log.iter().map(ChangeBatch::num_rows).collect()
    }
}

fn converter(schema: &SchemaRef, columns: &[usize]) -> Result<RowConverter, ConnectorError> {
    let fields = columns
        .iter()
        .map(|i| SortField::new(schema.field(*i).data_type().clone()));
    Ok(RowConverter::new(fields.collect())?)
}

/// The columns that tell rows apart.
fn key_columns(schema: &SchemaRef, key: &[usize]) -> Vec<usize> {
    match key.is_empty() {
        true => (0..schema.fields().len()).collect(),
        false => key.to_vec(),
    }
}
