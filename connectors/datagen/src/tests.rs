use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use filbert_connector_api::source::{Assignment, ReaderContext};
use filbert_connector_api::{
    Boundedness, ConnectorRegistry, Pushdown, ReaderOutput, SourceReader, TableRequest,
};
use filbert_types::{
    CatalogTable, Clock, Configuration, Field, LogicalType, ManualClock, ObjectPath,
    ResolvedSchema, TypeKind,
};

use super::*;

fn source(
    columns: &[(&str, LogicalType)],
    options: &[(&str, &str)],
) -> Result<Arc<dyn ScanSource>, String> {
    let mut registry = ConnectorRegistry::default();
    registry.register_table(Arc::new(DataGenFactory)).unwrap();
    let columns = columns.iter().map(|(n, t)| ((*n).to_owned(), t.clone()));
    let given = options.iter().copied().chain([("connector", "datagen")]);
    let table = CatalogTable {
        schema: ResolvedSchema::physical(columns),
        options: given.map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        ..CatalogTable::default()
    };
    let request = TableRequest {
        path: &ObjectPath::new("c", "d", "t"),
        table: &table,
        hints: &[],
        session: &Configuration::default(),
        batch: false,
    };
    registry.create_scan_source(&request).map_err(|e| e.message)
}

struct Run {
    source: Arc<dyn ScanSource>,
    clock: Arc<ManualClock>,
    io: tokio::runtime::Runtime,
}

impl Run {
    fn new(source: Arc<dyn ScanSource>) -> Run {
        Run {
            source,
            clock: Arc::new(ManualClock::new(1_700_000_000_000)),
            io: tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap(),
        }
    }

    fn reader(&self) -> Box<dyn SourceReader> {
        let ctx = ReaderContext {
            job_id: "job".to_owned(),
            subtask: 0,
            parallelism: 1,
            metadata: Vec::new(),
            batch_rows: 1000,
            clock: self.clock.clone(),
            io: self.io.handle().clone(),
        };
        self.source.reader(&ctx, &Pushdown::default()).unwrap()
    }

    /// All rows of a bounded source, read by one reader from `parts` splits.
    fn all(&self, parts: usize) -> Vec<RecordBatch> {
        let mut enumerator = self.source.enumerator(&Pushdown::default(), parts).unwrap();
        let mut reader = self.reader();
        let mut batches = Vec::new();
        loop {
            match reader.poll().unwrap() {
                ReaderOutput::Batch(batch) => batches.push(batch.rows),
                ReaderOutput::Wait(time) => self.clock.advance(time),
                ReaderOutput::NeedSplits => match enumerator.next_splits(0).unwrap() {
                    Assignment::Splits(splits) => reader.add_splits(splits),
                    _ => reader.no_more_splits(),
                },
                ReaderOutput::Finished => return batches,
                ReaderOutput::Watermark(_) | ReaderOutput::SplitFinished(_) => unreachable!(),
            }
        }
    }
}

fn int() -> LogicalType {
    TypeKind::Int.into()
}

#[test]
fn sequences_are_shared_out_and_end_the_source() {
    let columns = [
        ("n", LogicalType::from(TypeKind::BigInt)),
        ("s", LogicalType::string()),
    ];
    let options = [
        ("fields.n.kind", "sequence"),
        ("fields.n.start", "5"),
        ("fields.n.end", "9"),
        ("fields.s.kind", "sequence"),
        ("fields.s.start", "1"),
        ("fields.s.end", "20"),
    ];
    for parts in [1, 3, 16] {
        let source = source(&columns, &options).unwrap();
        assert_eq!(source.boundedness(), Boundedness::Bounded);
        let mut rows: Vec<(i64, String)> = Vec::new();
        for batch in Run::new(source).all(parts) {
            let numbers = batch.column(0).as_primitive::<Int64Type>();
            let texts = batch.column(1).as_string_view();
            rows.extend(
                (0..batch.num_rows()).map(|i| (numbers.value(i), texts.value(i).to_owned())),
            );
        }
        rows.sort();
        let expected: Vec<_> = (5..=9).map(|n| (n, (n - 4).to_string())).collect();
        assert_eq!(rows, expected, "{parts} splits");
    }
}

#[test]
fn random_values_keep_their_bounds_lengths_and_null_rate() {
    let columns = [("n", int()), ("s", LogicalType::string()), ("z", int())];
    let options = [
        ("number-of-rows", "10000"),
        ("rows-per-second", "1000000"),
        ("fields.n.min", "-3"),
        ("fields.n.max", "3"),
        ("fields.s.length", "7"),
        ("fields.z.null-rate", "0.25"),
    ];
    let mut seen = [0_usize; 7];
    let (mut nulls, mut rows) = (0, 0);
    for batch in Run::new(source(&columns, &options).unwrap()).all(2) {
        rows += batch.num_rows();
        for value in batch.column(0).as_primitive::<Int32Type>().values() {
            seen[usize::try_from(value + 3).unwrap()] += 1;
        }
        for text in batch.column(1).as_string_view().iter().flatten() {
            assert!(text.len() == 7 && text.bytes().all(|b| b.is_ascii_hexdigit()));
        }
        nulls += batch.column(2).null_count();
    }
    assert_eq!(rows, 10_000);
    assert!(seen.iter().all(|n| (1200..1700).contains(n)), "{seen:?}");
    assert!((2200..2800).contains(&nulls), "{nulls}");
}

#[test]
fn a_restored_reader_goes_on_with_the_same_rows() {
    let run = Run::new(source(&[("n", int())], &[("rows-per-second", "1000000")]).unwrap());
    let mut enumerator = run.source.enumerator(&Pushdown::default(), 2).unwrap();
    let Assignment::Splits(splits) = enumerator.next_splits(0).unwrap() else {
        panic!("a first split");
    };
    let next = |reader: &mut Box<dyn SourceReader>| loop {
        match reader.poll().unwrap() {
            ReaderOutput::Batch(batch) => break batch.rows,
            ReaderOutput::Wait(time) => run.clock.advance(time),
            other => panic!("{other:?}"),
        }
    };
    let mut first = run.reader();
    first.add_splits(splits);
    next(&mut first);
    let position = first.snapshot();
    run.clock.advance(Duration::from_secs(1));
    let expected = next(&mut first);
    let mut second = run.reader();
    second.add_splits(position);
    let mut got = Vec::new();
    while got.len() < expected.num_rows() {
        got.extend_from_slice(
            next(&mut second)
                .column(0)
                .as_primitive::<Int32Type>()
                .values(),
        );
        run.clock.advance(Duration::from_secs(1));
    }
    let expected = expected
        .column(0)
        .as_primitive::<Int32Type>()
        .values()
        .to_vec();
    assert_eq!(got[..expected.len()], expected[..]);
}

#[test]
fn the_rate_holds_for_the_whole_source() {
    let run = Run::new(source(&[("n", int())], &[("rows-per-second", "100")]).unwrap());
    let mut enumerator = run.source.enumerator(&Pushdown::default(), 4).unwrap();
    let mut reader = run.reader();
    while let Assignment::Splits(splits) = enumerator.next_splits(0).unwrap() {
        reader.add_splits(splits);
    }
    let mut rows = 0;
    let end = run.clock.now_ms() + 10_000;
    while run.clock.now_ms() < end {
        match reader.poll().unwrap() {
            ReaderOutput::Batch(batch) => rows += batch.num_rows(),
            ReaderOutput::Wait(time) => run.clock.advance(time),
            other => panic!("{other:?}"),
        }
    }
    assert!((990..=1010).contains(&rows), "{rows} rows in ten seconds");
}

#[test]
fn every_type_is_generated() {
    let nested = TypeKind::Row(vec![
        Field::new("a", int()),
        Field::new(
            "b",
            TypeKind::Row(vec![Field::new("c", LogicalType::string())]).into(),
        ),
    ]);
    let columns: Vec<(&str, LogicalType)> = vec![
        ("b", TypeKind::Boolean.into()),
        ("ti", TypeKind::TinyInt.into()),
        ("d", TypeKind::decimal(5, 2).into()),
        ("c", TypeKind::Char(5).into()),
        ("x", TypeKind::Binary(3).into()),
        ("da", TypeKind::Date.into()),
        ("t", TypeKind::Time(0).into()),
        ("ts", TypeKind::timestamp(9).into()),
        ("ltz", TypeKind::timestamp_ltz(3).into()),
        ("f", TypeKind::Float.into()),
        ("a", TypeKind::Array(Box::new(int())).into()),
        (
            "m",
            TypeKind::Map(Box::new(int()), Box::new(LogicalType::string())).into(),
        ),
        ("ms", TypeKind::Multiset(Box::new(int())).into()),
        ("r", nested.into()),
    ];
    let options = [
        ("number-of-rows", "20"),
        ("fields.a.length", "2"),
        ("fields.m.key.min", "1"),
        ("fields.m.key.max", "1"),
        ("fields.r.b.c.length", "3"),
    ];
    let batches = Run::new(source(&columns, &options).unwrap()).all(1);
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, 20);
    for (column, (name, ty)) in batches[0].columns().iter().zip(&columns) {
        assert_eq!(column.data_type(), &ty.arrow(), "{name}");
    }
    let lists = batches[0].column(10).as_list::<i32>();
    assert_eq!(lists.value_length(0), 2);
    let maps = batches[0].column(11).as_map();
    assert_eq!(maps.value_length(0), 1, "equal keys are one entry");
}

#[test]
fn options_that_fit_no_field_are_named() {
    let error = |columns: &[(&str, LogicalType)], key: &str, value: &str| {
        source(columns, &[(key, value)]).err().unwrap()
    };
    let n = [("n", int())];
    assert!(
        error(&n, "fields.x.min", "1")
            .contains("Unsupported options found for 'datagen'. Did you mean 'fields.n.min'?")
    );
    assert!(error(&n, "fields.n.length", "1").contains("Unsupported options"));
    assert!(error(&n, "fields.n.kind", "sequence").contains("required property 'fields.n.start'"));
    assert!(error(&n, "fields.n.min", "3000000000").contains("not a value of type INT"));
    assert!(error(&n, "rows-per-second", "abc").contains("Could not parse value 'abc'"));
    let v = [("v", LogicalType::from(TypeKind::VarChar(3)))];
    assert!(error(&v, "fields.v.length", "9").contains("should be shorter than '3'"));
}
