use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, SeekFrom};
use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::types::UInt8Type;
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt8Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use filbert_operators::OperatorError;
use filbert_operators::error::Result;
use filbert_types::{ChangeBatch, RowKind};

/// The column that carries a batch's row kinds in the file.
const KINDS: &str = "$kind";

/// Batches on disk, written once and then read in their order. The file has no name: it goes with the process.
pub(crate) enum SpillFile {
    Writing {
        writer: StreamWriter<BufWriter<File>>,
        schema: SchemaRef,
        /// With the kinds.
        stored: SchemaRef,
    },
    Reading {
        reader: StreamReader<BufReader<File>>,
        schema: SchemaRef,
    },
    /// Between the two, and after a failure.
    Broken,
}

impl SpillFile {
    /// # Errors
    /// When the file can't be made.
    pub(crate) fn new(schema: SchemaRef) -> Result<SpillFile> {
        let file = tempfile::tempfile().map_err(|e| disk(&e))?;
        let mut fields: Vec<Field> = schema.fields().iter().map(|f| f.as_ref().clone()).collect();
        fields.push(Field::new(KINDS, DataType::UInt8, false));
        let stored = Arc::new(Schema::new(fields));
        let writer = StreamWriter::try_new(BufWriter::new(file), &stored)?;
        Ok(SpillFile::Writing {
            writer,
            schema,
            stored,
        })
    }

    /// Appends a batch; its marks are the caller's to keep.
    ///
    /// # Errors
    /// When the disk is full.
    pub(crate) fn write(&mut self, batch: &ChangeBatch) -> Result<()> {
        let SpillFile::Writing { writer, stored, .. } = self else {
            return Err(OperatorError::engine(
                "A spilled exchange is written while it is read.",
            ));
        };
        let kinds = (0..batch.num_rows()).map(|i| batch.kind(i) as u8);
        let mut columns = batch.rows.columns().to_vec();
        columns.push(Arc::new(UInt8Array::from_iter_values(kinds)) as ArrayRef);
        let rows = RecordBatch::try_new(Arc::clone(stored), columns)?;
        Ok(writer.write(&rows)?)
    }

    /// The next batch, without marks.
    ///
    /// # Errors
    /// When the file can't be read, or ends early.
    pub(crate) fn read(&mut self) -> Result<ChangeBatch> {
        if matches!(self, SpillFile::Writing { .. }) {
            self.turn_to_reading()?;
        }
        let SpillFile::Reading { reader, schema } = self else {
            return Err(OperatorError::engine("A spilled exchange is broken."));
        };
        let Some(rows) = reader.next().transpose()? else {
            return Err(OperatorError::engine("A spilled exchange ends early."));
        };
        let mut columns = rows.columns().to_vec();
        let kinds = columns.pop();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?;
        let kinds = kinds
            .as_ref()
            .and_then(|k| k.as_primitive_opt::<UInt8Type>());
        let kinds = kinds.map(|k| k.values().iter().map(|k| RowKind::ALL[usize::from(*k)]));
        Ok(match kinds {
            Some(kinds) => ChangeBatch::with_kinds(rows, kinds.collect()),
            None => ChangeBatch::insert(rows),
        })
    }

    fn turn_to_reading(&mut self) -> Result<()> {
        let SpillFile::Writing { writer, schema, .. } = std::mem::replace(self, SpillFile::Broken)
        else {
            return Ok(());
        };
        let buffered = writer.into_inner()?;
        let mut file = buffered.into_inner().map_err(|e| disk(e.error()))?;
        file.seek(SeekFrom::Start(0)).map_err(|e| disk(&e))?;
        let reader = StreamReader::try_new(BufReader::new(file), None)?;
        *self = SpillFile::Reading { reader, schema };
        Ok(())
    }
}

fn disk(error: &std::io::Error) -> OperatorError {
    OperatorError::world(format!("Could not spill an exchange to disk: {error}."))
}
