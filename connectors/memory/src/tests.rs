use arrow::array::{Int32Array, RecordBatch, StringViewArray};
use arrow::util::pretty::pretty_format_batches;
use filbert_types::{ChangeBatch, Field, LogicalType, RowKind, TypeKind};

use super::*;

fn store(key: &[usize]) -> Store {
    let fields = [
        Field::new("id", TypeKind::Int.into()),
        Field::new("v", LogicalType::string()),
    ];
    Store::new(arrow_schema(&fields), key.to_vec()).unwrap()
}

fn changes(store: &mut Store, rows: &[(RowKind, i32, Option<&str>)]) {
    let ids = Int32Array::from_iter_values(rows.iter().map(|r| r.1));
    let values: StringViewArray = rows.iter().map(|r| r.2).collect();
    let schema = store.snapshot().unwrap().schema();
    let batch = RecordBatch::try_new(schema, vec![Arc::new(ids), Arc::new(values)]).unwrap();
    let kinds = rows.iter().map(|r| r.0).collect();
    store.write(&ChangeBatch::with_kinds(batch, kinds)).unwrap();
}

fn text(rows: &RecordBatch) -> String {
    let text = pretty_format_batches(std::slice::from_ref(rows)).unwrap();
    let lines: Vec<String> = text.to_string().lines().map(str::to_owned).collect();
    let rows = &lines[3..lines.len() - 1];
    let rows = rows.iter().map(|line| line.replace(['|', ' '], ""));
    rows.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_key_has_one_row() {
    use RowKind::{Delete, Insert, UpdateAfter};
    let mut store = store(&[0]);
    changes(
        &mut store,
        &[(Insert, 1, Some("a")), (Insert, 2, Some("b"))],
    );
    changes(
        &mut store,
        &[(UpdateAfter, 1, Some("c")), (Delete, 2, None)],
    );
    assert_eq!(text(&store.snapshot().unwrap()), "1c");
    changes(&mut store, &[(Insert, 2, Some("d"))]);
    assert_eq!(text(&store.snapshot().unwrap()), "1c 2d");
    let changes = store.changes();
    assert_eq!(changes.iter().map(ChangeBatch::num_rows).sum::<usize>(), 5);
}

#[test]
fn equal_rows_count_without_a_key() {
    use RowKind::{Insert, UpdateBefore};
    let mut store = store(&[]);
    changes(
        &mut store,
        &[(Insert, 1, Some("a")), (Insert, 1, Some("a"))],
    );
    changes(&mut store, &[(UpdateBefore, 1, Some("a"))]);
    assert_eq!(text(&store.snapshot().unwrap()), "1a");
}

#[test]
fn lookups_find_rows_by_any_columns() {
    use RowKind::Insert;
    let mut store = store(&[0]);
    let rows = [
        (Insert, 1, Some("a")),
        (Insert, 2, Some("b")),
        (Insert, 3, Some("a")),
    ];
    changes(&mut store, &rows);
    let schema = store.snapshot().unwrap().schema();
    let ids = Int32Array::from(vec![Some(3), None, Some(9), Some(1)]);
    let by_id = schema.project(&[0]).unwrap();
    let keys = RecordBatch::try_new(Arc::new(by_id), vec![Arc::new(ids)]).unwrap();
    let (found, numbers) = store.find(&[0], &keys).unwrap();
    assert_eq!((text(&found).as_str(), numbers), ("3a 1a", vec![0, 3]));
    let values = StringViewArray::from(vec![Some("b"), Some("a"), None]);
    let by_value = schema.project(&[1]).unwrap();
    let keys = RecordBatch::try_new(Arc::new(by_value), vec![Arc::new(values)]).unwrap();
    let (found, numbers) = store.find(&[1], &keys).unwrap();
    assert_eq!(
        (text(&found).as_str(), numbers),
        ("2b 1a 3a", vec![0, 1, 1])
    );
}

#[test]
fn batches_of_single_rows_are_put_together() {
    let mut store = store(&[0]);
    for id in 0..100 {
        changes(&mut store, &[(RowKind::Insert, id, Some("a"))]);
    }
    assert!(store.log_lengths().len() <= 7, "{:?}", store.log_lengths());
    assert_eq!(store.snapshot().unwrap().num_rows(), 100);
}

#[test]
fn a_long_history_is_netted() {
    use RowKind::{Delete, Insert, UpdateAfter};
    let mut store = store(&[0]).with_history(10);
    for round in 0..50 {
        let value = if round == 49 { "z" } else { "y" };
        changes(
            &mut store,
            &[(Insert, 1, Some("x")), (UpdateAfter, 2, Some(value))],
        );
        changes(&mut store, &[(Delete, 1, None)]);
    }
    let logged: usize = store.log_lengths().iter().sum();
    assert!(logged <= 16, "{logged} changes are kept");
    assert_eq!(text(&store.snapshot().unwrap()), "2z");
}
