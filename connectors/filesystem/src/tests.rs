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

#[test]
fn folders_files_and_globs_are_read_without_hidden_files() {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("t/sub")).unwrap();
    fs::create_dir_all(dir.path().join("t/_staging")).unwrap();
    for (name, text) in [
        ("t/a.csv", "1,x\n2,\"y\nz\"\n"),
        ("t/sub/b.csv", "3,w"),
        ("t/_hidden.csv", "9,no"),
        ("t/.hidden.csv", "9,no"),
        ("t/_staging/c.csv", "9,no"),
        ("t/empty.csv", ""),
    ] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let columns = [("a", INT), ("b", STRING)];
    let rows = |name: &str| Table::new(&shown(&dir, name), "csv", &columns, &[]).rows();
    assert_eq!(rows("t"), ["1|x", "2|y\nz", "3|w"]);
    assert_eq!(rows("t/a.csv"), ["1|x", "2|y\nz"]);
    assert_eq!(rows("t/*.csv"), ["1|x", "2|y\nz"]);
    assert_eq!(rows("t/s*"), ["3|w"]);
    assert_eq!(rows("t/*/b.csv"), ["3|w"]);
    let address = format!("file://{}", shown(&dir, "t/sub"));
    assert_eq!(Table::new(&address, "csv", &columns, &[]).rows(), ["3|w"]);
    let regex = Table::new(&shown(&dir, "t"), "csv", &columns, &[]);
    let regex = regex.with("source.path.regex-pattern", ".*/b\\.csv");
    assert_eq!(regex.rows(), ["3|w"]);
    let missing = Table::new(&shown(&dir, "nope"), "csv", &columns, &[]);
    let error = missing.read_with(&Pushdown::default(), &[]).err().unwrap();
    assert!(
        error.contains("nope does not exist or can not be read"),
        "{error}"
    );
}

#[test]
fn errors_name_file_and_line() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("a.csv"), "1,\"x\ny\"\n2,z\noops\n").unwrap();
    let table = Table::new(
        &shown(&dir, "a.csv"),
        "csv",
        &[("a", INT), ("b", STRING)],
        &[],
    );
    let error = table.read_with(&Pushdown::default(), &[]).err().unwrap();
    assert!(error.contains("a.csv:4: "), "{error}");
    assert!(
        error.contains("Row length mismatch. 2 fields expected but was 1."),
        "{error}"
    );
    let ignoring = table.with("csv.ignore-parse-errors", "true");
    assert_eq!(ignoring.rows(), ["1|x\ny", "2|z", "NULL|NULL"]);
}

#[test]
fn large_files_are_cut_at_records_and_read_once() {
    let dir = TempDir::new().unwrap();
    let mut text = String::new();
    let (mut count, mut sum) = (0_i64, 0_i64);
    while text.len() < 70 << 20 {
        let padding = if count % 7 == 0 {
            "p\nq,\"\"r".repeat(30)
        } else {
            "p".repeat(150)
        };
        text.push_str(&format!("{count},\"{padding}\"\n"));
        sum += count;
        count += 1;
    }
    fs::write(dir.path().join("big.csv"), &text).unwrap();
    let table = Table::new(
        &shown(&dir, "big.csv"),
        "csv",
        &[("a", INT), ("b", STRING)],
        &[],
    );
    let source = table.source().unwrap();
    let pushdown = Pushdown {
        projection: Some(vec![0]),
        ..Pushdown::default()
    };
    let mut enumerator = source.enumerator(&pushdown, 2).unwrap();
    let mut splits = Vec::new();
    while let Assignment::Splits(more) = enumerator.next_splits(0).unwrap() {
        splits.extend(more);
    }
    assert_eq!(splits.len(), 4);
    let (mut seen, mut total) = (0, 0);
    for split in splits {
        let mut reader = table.reader(source.as_ref(), &pushdown, &[], 8192);
        reader.add_splits(vec![split]);
        reader.no_more_splits();
        // Restored in the middle, a reader goes on where the other stopped.
        let mut polls = 0;
        loop {
            let batch = match reader.poll().unwrap() {
                ReaderOutput::Batch(batch) => batch,
                ReaderOutput::Wait(_) => continue,
                _ => break,
            };
            let numbers = batch.rows.column(0).as_primitive::<Int32Type>();
            seen += numbers.len() as i64;
            total += numbers.values().iter().map(|n| i64::from(*n)).sum::<i64>();
            polls += 1;
            if polls == 2 {
                let position = reader.snapshot();
                reader = table.reader(source.as_ref(), &pushdown, &[], 8192);
                reader.add_splits(position);
                reader.no_more_splits();
            }
        }
    }
    assert_eq!((seen, total), (count, sum));
}

#[test]
fn partitions_are_folders_that_can_be_pruned() {
    let dir = TempDir::new().unwrap();
    let path = shown(&dir, "p");
    let columns = [("dt", STRING), ("id", INT), ("hr", INT)];
    let table = Table::new(&path, "csv", &columns, &["dt", "hr"]);
    let records = [
        r#"{"dt":"a/b","id":1,"hr":1}"#,
        r#"{"dt":"a/b","id":2,"hr":2}"#,
        r#"{"dt":null,"id":3,"hr":1}"#,
        r#"{"dt":"","id":4,"hr":1}"#,
    ];
    table.write(&table.writer_context("j1"), &records);
    assert_eq!(
        tree(&dir.path().join("p")),
        [
            "dt=__DEFAULT_PARTITION__/hr=1/part-j1-0-2",
            "dt=a%2Fb/hr=1/part-j1-0-0",
            "dt=a%2Fb/hr=2/part-j1-0-1",
        ]
    );
    assert_eq!(table.rows(), ["NULL|3|1", "NULL|4|1", "a/b|1|1", "a/b|2|2"]);
    let partitions = table.source().unwrap().list_partitions().unwrap().unwrap();
    assert_eq!(partitions.len(), 3);
    let pruned = Pushdown {
        projection: Some(vec![1, 0]),
        partitions: Some(vec![vec![
            ("dt".to_owned(), Some("a/b".to_owned())),
            ("hr".to_owned(), Some("2".to_owned())),
        ]]),
        ..Pushdown::default()
    };
    let read = table.read_with(&pruned, &[]).unwrap();
    assert_eq!(print(&table.table, &read), ["2|a/b"]);
}

#[test]
fn overwriting_replaces_the_table_or_the_touched_partitions() {
    let dir = TempDir::new().unwrap();
    let mut plain = Table::new(&shown(&dir, "t"), "json", &[("a", INT)], &[]);
    plain.batch = true;
    plain.write(&plain.writer_context("j1"), &[r#"{"a":1}"#]);
    let mut overwrite = plain.writer_context("j2");
    overwrite.overwrite = true;
    plain.write(&overwrite, &[r#"{"a":2}"#]);
    assert_eq!(plain.rows(), ["2"]);
    assert_eq!(tree(&dir.path().join("t")), ["part-j2-task-0-file-0"]);
    let mut empty = plain.writer_context("j3");
    empty.overwrite = true;
    plain.write(&empty, &[]);
    assert!(plain.rows().is_empty());

    let columns = [("id", INT), ("dt", STRING)];
    let table = Table::new(&shown(&dir, "p"), "csv", &columns, &["dt"]);
    table.write(
        &table.writer_context("j1"),
        &[
            r#"{"id":1,"dt":"d1"}"#,
            r#"{"id":2,"dt":"d2"}"#,
            r#"{"id":3,"dt":"d3"}"#,
        ],
    );
    let mut overwrite = table.writer_context("j2");
    overwrite.overwrite = true;
    table.write(&overwrite, &[r#"{"id":10,"dt":"d1"}"#]);
    assert_eq!(table.rows(), ["10|d1", "2|d2", "3|d3"]);
    let mut fixed = table.writer_context("j3");
    fixed.overwrite = true;
    fixed.static_partition = vec![("dt".to_owned(), "d2".to_owned())];
    table.write(&fixed, &[]);
    assert_eq!(table.rows(), ["10|d1", "3|d3"]);
}

#[test]
fn what_is_not_committed_stays_hidden_and_is_named() {
    let dir = TempDir::new().unwrap();
    let table = Table::new(&shown(&dir, "t"), "csv", &[("a", INT)], &[]);
    fs::create_dir_all(dir.path().join("t")).unwrap();
    let sink = table.request(|r| table.registry.create_sink(r)).unwrap();
    let mut writer = sink.writer(&table.writer_context("j")).unwrap();
    writer.write(&table.batch_of(&[r#"{"a":1}"#])).unwrap();
    let named = writer.abort();
    assert_eq!(named, [shown(&dir, "t/.part-j-0-0.inprogress.0")]);
    assert_eq!(fs::read_to_string(&named[0]).unwrap(), "1\n");
    assert!(table.rows().is_empty());
}

#[test]
fn a_part_file_rolls_when_it_is_full() {
    let dir = TempDir::new().unwrap();
    let table = Table::new(&shown(&dir, "t"), "csv", &[("a", INT)], &[]);
    let table = table.with("sink.rolling-policy.file-size", "3 b");
    let sink = table.request(|r| table.registry.create_sink(r)).unwrap();
    let ctx = table.writer_context("j");
    let mut writer = sink.writer(&ctx).unwrap();
    for _ in 0..3 {
        writer
            .write(&table.batch_of(&[r#"{"a":1}"#, r#"{"a":2}"#]))
            .unwrap();
    }
    let committables = writer.prepare_commit(true).unwrap();
    assert_eq!(committables.len(), 3);
    sink.committer(&ctx)
        .unwrap()
        .unwrap()
        .commit(committables)
        .unwrap();
    assert_eq!(table.rows().len(), 6);
}

#[test]
fn a_watched_folder_gives_each_file_once() {
    let dir = TempDir::new().unwrap();
    let table = Table::new(&shown(&dir, "t"), "csv", &[("a", INT)], &[]);
    let table = table.with("source.monitor-interval", "1 s");
    let source = table.source().unwrap();
    assert_eq!(source.boundedness(), Boundedness::Unbounded);
    let mut enumerator = source.enumerator(&Pushdown::default(), 1).unwrap();
    let later = Assignment::Later(std::time::Duration::from_secs(1));
    assert_eq!(enumerator.next_splits(0).unwrap(), later);
    fs::create_dir_all(dir.path().join("t")).unwrap();
    fs::write(dir.path().join("t/a"), "1\n").unwrap();
    assert!(matches!(enumerator.next_splits(0).unwrap(), Assignment::Splits(s) if s.len() == 1));
    assert_eq!(enumerator.next_splits(0).unwrap(), later);
    let state = enumerator.snapshot().unwrap();
    let mut restored = source.enumerator(&Pushdown::default(), 1).unwrap();
    restored.restore(state).unwrap();
    fs::write(dir.path().join("t/b"), "2\n").unwrap();
    assert!(matches!(restored.next_splits(0).unwrap(), Assignment::Splits(s) if s.len() == 1));
    assert_eq!(restored.next_splits(0).unwrap(), later);
}

#[test]
fn metadata_columns_and_limits() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("a.csv"), "1\n2\n3\n").unwrap();
    let table = Table::new(&shown(&dir, "a.csv"), "csv", &[("a", INT)], &[]);
    let all = table.source().unwrap().metadata();
    let metadata = &all[1..3];
    let pushdown = Pushdown {
        projection: Some(vec![2, 0, 1]),
        limit: Some(2),
        ..Pushdown::default()
    };
    let read = table.read_with(&pushdown, metadata).unwrap();
    assert_eq!(read[0].schema().field(0).name(), "file.size");
    let names = read[0].column(2).as_string_view();
    assert_eq!((names.value(0), read[0].num_rows()), ("a.csv", 2));
    assert_eq!(read.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
}

#[test]
fn parquet_reads_the_same_by_splits_and_through_datafusion() {
    let dir = TempDir::new().unwrap();
    let columns = [
        ("dt", TypeKind::Date),
        ("s", STRING),
        ("ts", TypeKind::timestamp(3)),
        ("ltz", TypeKind::timestamp_ltz(6)),
        ("d", TypeKind::decimal(10, 2)),
        ("a", TypeKind::Array(Box::new(LogicalType::string()))),
        ("t", TypeKind::Time(3)),
    ];
    let table = Table::new(&shown(&dir, "t"), "parquet", &columns, &["dt"]);
    let records = [
        r#"{"dt":"2024-05-01","s":"x","ts":"2020-01-02 03:04:05.123","ltz":"2020-01-02 03:04:05.1Z","d":1.5,"a":["p",null],"t":"01:02:03.5"}"#,
        r#"{"dt":"2024-05-02","s":null,"d":2}"#,
        r#"{"dt":null,"s":"z"}"#,
    ];
    table.write(&table.writer_context("j"), &records);
    assert_eq!(
        tree(&dir.path().join("t"))[..2],
        ["dt=2024-05-01/part-j-0-0", "dt=2024-05-02/part-j-0-1"]
    );
    let expected = [
        "2024-05-01|x|2020-01-02 03:04:05.123|2020-01-02 03:04:05.100000|1.50|[p, NULL]|01:02:03.5",
        "2024-05-02|NULL|NULL|NULL|2.00|NULL|NULL",
        "NULL|z|NULL|NULL|NULL|NULL|NULL",
    ];
    assert_eq!(table.rows(), expected);
    let source = table.source().unwrap();
    let provider = source.table_provider(&source.metadata()[1..2]).unwrap();
    let schema = provider.schema();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let query = |narrow: fn(DataFrame) -> DataFrame| {
        let session = SessionContext::new();
        session.register_table("t", Arc::clone(&provider)).unwrap();
        runtime.block_on(async {
            let table = session.table("t").await.unwrap();
            narrow(table).collect().await.unwrap()
        })
    };
    let batches = query(|t| t);
    assert_eq!(batches[0].schema().fields().len(), schema.fields().len());
    for (found, wanted) in batches[0].schema().fields().iter().zip(schema.fields()) {
        assert_eq!(found.data_type(), wanted.data_type(), "{}", wanted.name());
    }
    let narrowed: Vec<RecordBatch> = batches
        .iter()
        .map(|b| b.project(&[0, 1, 2, 3, 4, 5, 6]).unwrap())
        .collect();
    let mut lines = print(&table.table, &narrowed);
    lines.sort();
    assert_eq!(lines, expected);
    let pruned = query(|t| {
        let day = lit(ScalarValue::Date32(Some(19_844)));
        let wanted = t.filter(col("dt").eq(day)).unwrap();
        wanted.select(vec![col("s"), ident("file.name")]).unwrap()
    });
    assert_eq!(print(&table.table, &pruned), ["x|part-j-0-0"]);
}

#[test]
fn options_not_built_yet_are_refused_by_name() {
    let table = Table::new("/tmp/x", "csv", &[("a", INT)], &[]);
    let refused = table.with("sink.partition-commit.trigger", "process-time");
    let error = refused.source().err().unwrap();
    assert!(
        error
            .contains("'sink.partition-commit.trigger' of connector 'filesystem' is not supported")
    );
    let scheme = Table::new("hdfs://x/y", "csv", &[("a", INT)], &[]);
    assert!(scheme.source().err().unwrap().contains("scheme 'hdfs'"));
    let map = TypeKind::Map(Box::new(LogicalType::string()), Box::new(INT.into()));
    let types = Table::new("/tmp/x", "csv", &[("m", map)], &[]);
    assert!(
        types
            .source()
            .err()
            .unwrap()
            .contains("Unsupported type 'MAP<STRING, INT>' for field 'm'")
    );
}
