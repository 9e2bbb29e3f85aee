//! The `parquet` format: columns in row groups, read by ranges.
//!
//! In batch mode the filesystem connector lets DataFusion read Parquet; this is the reader of streaming mode and the
//! writer of both.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use bytes::{Buf, Bytes};
use filbert_connector_api::format::{
    ContainerFormat, ContainerReader, ContainerRequest, Decoder, DecodingFormat, Encoder,
    EncodingFormat, FileBytes, Framing,
};
use filbert_connector_api::options::RefusedOption;
use filbert_connector_api::{ChangelogMode, ConnectorError, FactoryContext, FormatFactory};
use filbert_types::config::ConfigType;
use filbert_types::schema::arrow_schema;
use filbert_types::{ChangeBatch, ConfigOption, Field, LogicalType, TypeKind};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{ChunkReader, Length};

const COMPRESSION: ConfigOption = ConfigOption::new(
    "compression",
    ConfigType::Enum(&["SNAPPY", "ZSTD", "GZIP", "LZ4", "UNCOMPRESSED"]),
    "How written pages are compressed.",
)
.default("SNAPPY");
const BLOCK_SIZE: ConfigOption = ConfigOption::new(
    "block.size",
    ConfigType::MemorySize,
    "About how large a row group becomes, before compression.",
)
.default("128 mb");

/// Makes the format.
#[derive(Debug, Default, Clone, Copy)]
pub struct ParquetFormatFactory;

impl FormatFactory for ParquetFormatFactory {
    fn identifier(&self) -> &'static str {
        "parquet"
    }

    fn doc(&self) -> &'static str {
        "Apache Parquet: columns in row groups, with statistics."
    }

    fn options(&self) -> &'static [ConfigOption] {
        const OPTIONS: &[ConfigOption] = &[COMPRESSION, BLOCK_SIZE];
        OPTIONS
    }

    fn refused_options(&self) -> &'static [RefusedOption] {
        &[
            (
                "utc-timezone",
                "timestamps are written as INT64 and need no zone",
            ),
            ("batch-size", "batches follow the job's own size"),
            (
                "write.int64.timestamp",
                "timestamps are always written as INT64",
            ),
            (
                "timestamp.time.unit",
                "the unit follows the column's precision",
            ),
        ]
    }

    fn decoding(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn DecodingFormat>, ConnectorError>> {
        Some(ParquetFormat::new(ctx).map(|format| Arc::new(format) as _))
    }

    fn encoding(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn EncodingFormat>, ConnectorError>> {
        Some(ParquetFormat::new(ctx).map(|format| Arc::new(format) as _))
    }
}

#[derive(Debug, Clone)]
struct ParquetFormat {
    compression: Compression,
    block_bytes: usize,
}

impl ParquetFormat {
    fn new(ctx: &FactoryContext<'_>) -> Result<ParquetFormat, ConnectorError> {
        let name = ctx.options.get(&COMPRESSION).unwrap_or("SNAPPY").trim();
        let compression = match name.to_ascii_uppercase().as_str() {
            "ZSTD" => Compression::ZSTD(ZstdLevel::default()),
            "GZIP" => Compression::GZIP(parquet::basic::GzipLevel::default()),
            "LZ4" => Compression::LZ4_RAW,
            "UNCOMPRESSED" => Compression::UNCOMPRESSED,
            _ => Compression::SNAPPY,
        };
        let block = ctx
            .options
            .get_memory_bytes(&BLOCK_SIZE)?
            .unwrap_or(128 << 20);
        Ok(ParquetFormat {
            compression,
            block_bytes: usize::try_from(block).unwrap_or(usize::MAX).max(1 << 16),
        })
    }
}

fn check_types(fields: &[Field]) -> Result<(), ConnectorError> {
    fn check(name: &str, ty: &LogicalType) -> Result<(), ConnectorError> {
        match &ty.kind {
            TypeKind::Array(inner) | TypeKind::Multiset(inner) => check(name, inner),
            TypeKind::Map(key, value) => check(name, key).and_then(|()| check(name, value)),
            TypeKind::Row(fields) | TypeKind::Structured { fields, .. } => {
                fields.iter().try_for_each(|f| check(&f.name, &f.ty))
            }
            TypeKind::IntervalYearMonth(_)
            | TypeKind::IntervalDayTime(_)
            | TypeKind::Variant
            | TypeKind::Bitmap
            | TypeKind::Raw { .. }
            | TypeKind::Null
            | TypeKind::Symbol
            | TypeKind::Descriptor => Err(ConnectorError::user(format!(
                "Unsupported type '{ty}' for field '{name}': the parquet format has no such values."
            ))),
            _ => Ok(()),
        }
    }
    fields.iter().try_for_each(|f| check(&f.name, &f.ty))
}

impl DecodingFormat for ParquetFormat {
    fn changelog_mode(&self) -> ChangelogMode {
        ChangelogMode::INSERT_ONLY
    }

    fn framing(&self) -> Framing {
        Framing::Container
    }

    fn container(&self) -> Option<&dyn ContainerFormat> {
        Some(self)
    }

    fn decoder(
        &self,
        _: &[Field],
        _: &[Field],
        _: &[usize],
    ) -> Result<Box<dyn Decoder>, ConnectorError> {
        Err(ConnectorError::user(
            "Format 'parquet' reads whole files, not single records.",
        ))
    }
}

impl ContainerFormat for ParquetFormat {
    fn open(
        &self,
        file: Arc<dyn FileBytes>,
        request: &ContainerRequest,
    ) -> Result<ContainerReader, ConnectorError> {
        check_types(&request.fields)?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(Chunks(file)).map_err(damaged)?;
        let wanted: Vec<Field> = request
            .projection
            .iter()
            .map(|i| request.fields[*i].clone())
            .collect();
        let found = builder.schema();
        let roots = wanted.iter().filter_map(|f| found.index_of(&f.name).ok());
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        let reader = builder
            .with_projection(mask)
            .with_batch_size(request.batch_rows)
            .with_offset(usize::try_from(request.skip_rows).unwrap_or(usize::MAX))
            .build()
            .map_err(damaged)?;
        Ok(Box::new(Rows {
            reader,
            schema: arrow_schema(&wanted),
        }))
    }
}

fn damaged(error: ParquetError) -> ConnectorError {
    ConnectorError::user(format!("not a readable Parquet file: {error}")).with_source(error)
}

/// Brings the file's columns into the table's form.
struct Rows {
    reader: ParquetRecordBatchReader,
    schema: SchemaRef,
}

impl Rows {
    fn convert(&self, rows: &RecordBatch) -> Result<ChangeBatch, ConnectorError> {
        let column = |field: &arrow::datatypes::FieldRef| -> Result<ArrayRef, ConnectorError> {
            let Some(found) = rows.column_by_name(field.name()) else {
                return Ok(new_null_array(field.data_type(), rows.num_rows()));
            };
            cast(found, field.data_type()).map_err(|e| {
                ConnectorError::user(format!(
                    "column '{}' holds {} in the file, which is not read as {}: {e}",
                    field.name(),
                    found.data_type(),
                    field.data_type()
                ))
            })
        };
        let columns = self.schema.fields().iter().map(column);
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let schema = Arc::clone(&self.schema);
        Ok(ChangeBatch::insert(RecordBatch::try_new_with_options(
            schema, columns, &options,
        )?))
    }
}

impl Iterator for Rows {
    type Item = Result<ChangeBatch, ConnectorError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.reader.next()?;
        Some(match rows {
            Ok(rows) => self.convert(&rows),
            Err(error) => Err(damaged(ParquetError::from(error))),
        })
    }
}

/// A file as the Parquet reader wants it.
struct Chunks(Arc<dyn FileBytes>);

impl Chunks {
    fn range(&self, range: Range<u64>) -> parquet::errors::Result<Bytes> {
        self.0
            .read(range)
            .map_err(|e| ParquetError::External(Box::new(e)))
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.size()
    }
}

impl ChunkReader for Chunks {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        // Headers are small; the reader asks again where it needs more.
        let end = self.0.size().min(start + (64 << 10));
        Ok(self.range(start..end)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        self.range(start..start + length as u64)
    }
}

impl EncodingFormat for ParquetFormat {
    fn changelog_mode(&self) -> ChangelogMode {
        ChangelogMode::INSERT_ONLY
    }

    fn encoder(&self, fields: &[Field]) -> Result<Box<dyn Encoder>, ConnectorError> {
        check_types(fields)?;
        let schema = arrow_schema(fields);
        let properties = WriterProperties::builder()
            .set_compression(self.compression)
            .build();
        let buffer = Shared::default();
        let writer = ArrowWriter::try_new(buffer.clone(), Arc::clone(&schema), Some(properties));
        Ok(Box::new(ParquetEncoder {
            schema,
            buffer,
            writer: Some(writer.map_err(unwritten)?),
            block_bytes: self.block_bytes,
        }))
    }
}

fn unwritten(error: ParquetError) -> ConnectorError {
    ConnectorError::engine(format!("cannot write Parquet: {error}")).with_source(error)
}

/// What the Parquet writer has written and the encoder has not handed on.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn drain(&self, out: &mut Vec<u8>) {
        out.append(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut buffer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct ParquetEncoder {
    schema: SchemaRef,
    buffer: Shared,
    /// None once finished.
    writer: Option<ArrowWriter<Shared>>,
    block_bytes: usize,
}

impl Encoder for ParquetEncoder {
    fn encode(&mut self, batch: &ChangeBatch, out: &mut Vec<u8>) -> Result<(), ConnectorError> {
        let Some(writer) = &mut self.writer else {
            return Err(ConnectorError::engine("the Parquet file is finished"));
        };
        let columns = batch.rows.columns().to_vec();
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        writer.write(&rows).map_err(unwritten)?;
        if writer.in_progress_size() >= self.block_bytes {
            writer.flush().map_err(unwritten)?;
        }
        self.buffer.drain(out);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), ConnectorError> {
        if let Some(writer) = self.writer.take() {
            writer.close().map_err(unwritten)?;
        }
        self.buffer.drain(out);
        Ok(())
    }
}
