use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch, StructArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{Int32Type, Int64Type, TimestampMillisecondType};
use filbert_connector_api::source::{Assignment, ReaderContext};
use filbert_connector_api::{ConnectorRegistry, Pushdown, ReaderOutput, TableRequest};
use filbert_types::{
    CatalogTable, Configuration, Field, LogicalType, ManualClock, ObjectPath, ResolvedSchema,
    TypeKind,
};

use super::*;
use crate::schema::{EVENTS, FieldType};

fn row(fields: schema::EventFields) -> LogicalType {
    let field = |(name, ty): &(&str, FieldType)| {
        let ty = match ty {
            FieldType::Long => TypeKind::BigInt.into(),
            FieldType::Text => LogicalType::string(),
            FieldType::Time => TypeKind::timestamp(3).into(),
        };
        Field::new(*name, ty)
    };
    TypeKind::Row(fields.iter().map(field).collect()).into()
}

fn columns() -> Vec<(String, LogicalType)> {
    let mut columns = vec![("event_type".to_owned(), LogicalType::from(TypeKind::Int))];
    columns.extend(EVENTS.map(|(name, fields)| (name.to_owned(), row(fields))));
    columns
}

fn source(
    columns: Vec<(String, LogicalType)>,
    options: &[(&str, &str)],
) -> Result<Arc<dyn ScanSource>, String> {
    let mut registry = ConnectorRegistry::default();
    registry.register_table(Arc::new(NexmarkFactory)).unwrap();
    let given = options.iter().copied().chain([("connector", "nexmark")]);
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

/// All rows, read by so many readers, one after another.
fn read(options: &[(&str, &str)], pushdown: &Pushdown, parallelism: usize) -> RecordBatch {
    let source = source(columns(), options).unwrap();
    let io = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut enumerator = source.enumerator(pushdown, parallelism).unwrap();
    let mut batches = Vec::new();
    for subtask in 0..parallelism {
        let ctx = ReaderContext {
            job_id: "job".to_owned(),
            subtask,
            parallelism,
            metadata: Vec::new(),
            batch_rows: 77,
            clock: Arc::new(ManualClock::new(0)),
            io: io.handle().clone(),
        };
        let mut reader = source.reader(&ctx, pushdown).unwrap();
        if let Assignment::Splits(splits) = enumerator.next_splits(subtask).unwrap() {
            reader.add_splits(splits);
        }
        reader.no_more_splits();
        loop {
            match reader.poll().unwrap() {
                ReaderOutput::Batch(batch) => batches.push(batch.rows),
                ReaderOutput::Finished => break,
                other => panic!("{other:?}"),
            }
        }
    }
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

fn event(batch: &RecordBatch, column: usize) -> &StructArray {
    batch.column(column).as_struct()
}

#[test]
fn of_fifty_events_one_is_a_person_three_are_auctions() {
    let batch = read(&[("events.num", "5000")], &Pushdown::default(), 1);
    assert_eq!(batch.num_rows(), 5000);
    let types = batch.column(0).as_primitive::<Int32Type>();
    let count = |ty| types.values().iter().filter(|t| **t == ty).count();
    assert_eq!([count(0), count(1), count(2)], [100, 300, 4600]);
    for (column, ty) in [(1, 0), (2, 1), (3, 2)] {
        let event = event(&batch, column);
        assert!((0..5000).all(|i| event.is_valid(i) == (types.value(i) == ty)));
    }
}

#[test]
fn bids_refer_to_auctions_and_people_about_to_be_there() {
    let batch = read(&[("events.num", "50000")], &Pushdown::default(), 1);
    let ids = |column: usize, field: &str| -> Vec<i64> {
        let event = event(&batch, column);
        let ids = event.column_by_name(field).unwrap();
        let ids = ids.as_primitive::<Int64Type>();
        (0..batch.num_rows())
            .filter(|i| event.is_valid(*i))
            .map(|i| ids.value(i))
            .collect()
    };
    assert_eq!(ids(1, "id"), (1000..2000).collect::<Vec<_>>());
    assert_eq!(ids(2, "id"), (1000..4000).collect::<Vec<_>>());
    for bid in ids(3, "auction") {
        assert!((1000..4010).contains(&bid), "{bid}");
    }
    for person in ids(3, "bidder").into_iter().chain(ids(2, "seller")) {
        assert!((1000..2010).contains(&person), "{person}");
    }
    let prices = ids(3, "price");
    assert!(prices.iter().all(|p| (100..=100_000_000).contains(p)));
    let cheap = prices.iter().filter(|p| **p < 100_000).count();
    assert!(
        (22_500..=23_500).contains(&cheap),
        "half the prices lie below the middle: {cheap}"
    );
}

#[test]
fn sizes_and_times_are_as_configured() {
    let options = [
        ("events.num", "10000"),
        ("first-event.rate", "1000"),
        ("next-event.rate", "1000"),
        ("base-time", "5000"),
    ];
    let batch = read(&options, &Pushdown::default(), 1);
    let bid = event(&batch, 3);
    let extra = bid.column_by_name("extra").unwrap().as_string_view();
    let bids: Vec<usize> = (0..10_000).filter(|i| bid.is_valid(*i)).collect();
    let bytes: usize = bids.iter().map(|i| extra.value(*i).len()).sum();
    let average = bytes / bids.len();
    assert!((66..=70).contains(&average), "{average} bytes beside 32");
    let time = bid.column_by_name("dateTime").unwrap();
    let time = time.as_primitive::<TimestampMillisecondType>();
    assert_eq!((time.value(4), time.value(9_999)), (5_004, 14_999));
}

#[test]
fn rows_do_not_depend_on_parallelism() {
    let sorted = |parallelism| {
        let batch = read(&[("events.num", "1000")], &Pushdown::default(), parallelism);
        let rows = (0..batch.num_rows())
            .map(|i| format!("{:?}", batch.slice(i, 1).columns()))
            .collect::<std::collections::BTreeSet<_>>();
        assert_eq!(batch.num_rows(), 1000);
        rows
    };
    assert_eq!(sorted(1), sorted(3));
}

#[test]
fn only_the_fields_that_are_read_are_made() {
    let pushdown = Pushdown {
        projection: Some(vec![3]),
        nested: BTreeMap::from([(3, vec!["price".to_owned()])]),
        ..Pushdown::default()
    };
    let whole = read(&[("events.num", "100")], &Pushdown::default(), 1);
    let batch = read(&[("events.num", "100")], &pushdown, 1);
    let price = |batch: &RecordBatch, column| {
        let event = event(batch, column);
        Arc::clone(event.column_by_name("price").unwrap())
    };
    assert_eq!(&price(&whole, 3), &price(&batch, 0));
    assert_eq!(
        event(&batch, 0).column_by_name("url").unwrap().null_count(),
        100
    );
}

#[test]
fn a_wrong_table_or_option_is_told_what_is_wanted() {
    let mut short = columns();
    short.pop();
    let error = source(short, &[]).err().unwrap();
    assert!(
        error.contains("bid ROW<auction BIGINT, bidder BIGINT"),
        "{error}"
    );
    let error = |key: &str, value: &str| source(columns(), &[(key, value)]).err().unwrap();
    assert!(error("event.num", "1").contains("Did you mean 'events.num'?"));
    assert!(error("events.num", "-1").contains("'events.num' must lie between 0"));
    assert!(error("auction.proportion", "0").contains("must be above zero"));
    assert!(error("next-event.rate", "7").contains("a changing rate is not supported"));
}

#[test]
fn a_reader_that_is_early_leaves_the_others_their_splits() {
    let source = source(columns(), &[("events.num", "100")]).unwrap();
    let mut enumerator = source.enumerator(&Pushdown::default(), 2).unwrap();
    let mut ids = |subtask| match enumerator.next_splits(subtask).unwrap() {
        Assignment::Splits(splits) => splits.into_iter().map(|split| split.id).collect(),
        _ => Vec::new(),
    };
    assert_eq!(ids(0), ["0"]);
    assert_eq!(ids(0), Vec::<String>::new());
    assert_eq!(ids(1), ["1"]);
}
