use std::fs;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int32Type;
use datafusion::common::ScalarValue;
use datafusion::prelude::{DataFrame, SessionContext, col, ident, lit};
use filbert_connector_api::sink::WriterContext;
use filbert_connector_api::source::{Assignment, ReaderContext};
use filbert_connector_api::{
    Boundedness, ConnectorRegistry, Pushdown, ReaderOutput, SourceReader, TableRequest,
};
use filbert_types::print::Formatter;
use filbert_types::{
    CatalogTable, ChangeBatch, Configuration, Field, LogicalType, ManualClock, ObjectPath,
    ResolvedSchema, TimeZone, TypeKind,
};
use tempfile::TempDir;

use super::*;

/// A table under test, and what its jobs run on.
struct Table {
    table: CatalogTable,
    registry: ConnectorRegistry,
    io: tokio::runtime::Runtime,
    batch: bool,
}

const INT: TypeKind = TypeKind::Int;
const STRING: TypeKind = TypeKind::STRING;

impl Table {
    fn new(path: &str, format: &str, columns: &[(&str, TypeKind)], keys: &[&str]) -> Table {
        let mut registry = ConnectorRegistry::default();
        registry
            .register_table(Arc::new(FilesystemFactory))
            .unwrap();
        registry
            .register_format(Arc::new(filbert_formats::CsvFormatFactory))
            .unwrap();
        registry
            .register_format(Arc::new(filbert_formats::JsonFormatFactory))
            .unwrap();
        registry
            .register_format(Arc::new(filbert_formats::ParquetFormatFactory))
            .unwrap();
        let columns = columns
            .iter()
            .map(|(n, k)| ((*n).to_owned(), k.clone().into()));
        let options = [
            ("connector", "filesystem"),
            ("path", path),
            ("format", format),
        ];
        Table {
            table: CatalogTable {
                schema: ResolvedSchema::physical(columns),
                partition_keys: keys.iter().map(|k| (*k).to_owned()).collect(),
                options: options
                    .map(|(k, v)| (k.to_owned(), v.to_owned()))
                    .into_iter()
                    .collect(),
                ..CatalogTable::default()
            },
            registry,
            io: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .build()
                .unwrap(),
            batch: false,
        }
    }

    fn with(mut self, key: &str, value: &str) -> Table {
        self.table.options.insert(key.to_owned(), value.to_owned());
        self
    }

    fn request<T>(&self, run: impl FnOnce(&TableRequest<'_>) -> T) -> T {
        run(&TableRequest {
            path: &ObjectPath::new("c", "d", "t"),
            table: &self.table,
            hints: &[],
            session: &Configuration::default(),
            batch: self.batch,
        })
    }

    fn source(&self) -> Result<Arc<dyn ScanSource>, String> {
        self.request(|r| self.registry.create_scan_source(r))
            .map_err(|e| e.message)
    }

    fn reader(
        &self,
        source: &dyn ScanSource,
        pushdown: &Pushdown,
        metadata: &[Field],
        batch_rows: usize,
    ) -> Box<dyn SourceReader> {
        let ctx = ReaderContext {
            job_id: "job".to_owned(),
            subtask: 0,
            parallelism: 1,
            metadata: metadata.to_vec(),
            batch_rows,
            clock: Arc::new(ManualClock::default()),
            io: self.io.handle().clone(),
        };
        source.reader(&ctx, pushdown).unwrap()
    }

    fn read_with(
        &self,
        pushdown: &Pushdown,
        metadata: &[Field],
    ) -> Result<Vec<RecordBatch>, String> {
        let source = self.source()?;
        let mut enumerator = source.enumerator(pushdown, 3).map_err(|e| e.message)?;
        let mut reader = self.reader(source.as_ref(), pushdown, metadata, 2);
        let mut batches = Vec::new();
        loop {
            match reader.poll().map_err(|e| e.message)? {
                ReaderOutput::Batch(batch) => batches.push(batch.rows),
                ReaderOutput::NeedSplits => {
                    match enumerator.next_splits(0).map_err(|e| e.message)? {
                        Assignment::Splits(splits) => reader.add_splits(splits),
                        _ => reader.no_more_splits(),
                    }
                }
                ReaderOutput::Finished => return Ok(batches),
                ReaderOutput::Wait(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// All rows as text, sorted.
    fn rows(&self) -> Vec<String> {
        let mut lines = print(
            &self.table,
            &self.read_with(&Pushdown::default(), &[]).unwrap(),
        );
        lines.sort();
        lines
    }

    fn writer_context(&self, job_id: &str) -> WriterContext {
        WriterContext {
            job_id: job_id.to_owned(),
            sink: 0,
            subtask: 0,
            parallelism: 1,
            attempt: 0,
            overwrite: false,
            static_partition: Vec::new(),
            batch: self.batch,
            clock: Arc::new(ManualClock::default()),
            io: self.io.handle().clone(),
        }
    }

    /// Writes records as JSON would have them.
    fn write(&self, ctx: &WriterContext, records: &[&str]) {
        let sink = self
            .request(|r| self.registry.create_sink(r))
            .map_err(|e| e.message)
            .unwrap();
        let mut writer = sink.writer(ctx).unwrap();
        writer.write(&self.batch_of(records)).unwrap();
        let committables = writer.prepare_commit(true).unwrap();
        let mut committer = sink.committer(ctx).unwrap().unwrap();
        committer.commit(committables.clone()).unwrap();
        committer.commit(committables).unwrap();
        committer.finish().unwrap();
    }

    fn batch_of(&self, records: &[&str]) -> ChangeBatch {
        let other = Table::new("/x", "json", &[], &[]);
        let mut table = self.table.clone();
        table.partition_keys.clear();
        let options = filbert_connector_api::options::TableOptions::new(
            [("format".to_owned(), "json".to_owned())]
                .into_iter()
                .collect(),
        );
        let ctx = FactoryContext {
            path: &ObjectPath::new("c", "d", "t"),
            table: &table,
            options: &options,
            session: &Configuration::default(),
            registry: &other.registry,
            batch: false,
        };
        let fields = ctx.physical_fields();
        let all: Vec<usize> = (0..fields.len()).collect();
        let mut decoder = ctx
            .decoding_format()
            .unwrap()
            .decoder(&fields, &[], &all)
            .unwrap();
        for record in records {
            decoder.decode(record.as_bytes()).unwrap();
        }
        decoder.flush().unwrap()
    }
}

fn print(table: &CatalogTable, batches: &[RecordBatch]) -> Vec<String> {
    let mut lines = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let schema = batch.schema();
            let cells = schema.fields().iter().zip(batch.columns()).map(|(f, c)| {
                let column = table.schema.column(f.name());
                let ty = column.map_or(LogicalType::string(), |c| c.ty.clone());
                let mut out = String::new();
                Formatter::new(&ty, TimeZone::UTC)
                    .write(c.as_ref(), row, &mut out)
                    .unwrap();
                out
            });
            lines.push(cells.collect::<Vec<_>>().join("|"));
        }
    }
    lines
}

fn shown(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

/// Every file below a folder, hidden ones too, relative to it and sorted.
fn tree(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(
                tree(&path)
                    .into_iter()
                    .map(|below| format!("{name}/{below}")),
            );
        } else {
            found.push(name);
        }
    }
    found.sort();
    found
}

mod reading;
mod writing;
