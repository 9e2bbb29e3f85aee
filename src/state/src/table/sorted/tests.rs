use std::sync::Arc;

use arrow::array::{Int64Array, StringViewArray};

use super::*;

fn table() -> SortedTable {
    let mut table = SortedTable::new(&[
        (DataType::Utf8View, SortOptions::default()),
        (
            DataType::Int64,
            SortOptions {
                descending: true,
                nulls_first: false,
            },
        ),
    ])
    .unwrap();
    table.reserve_parents(2);
    table
}

fn keys(table: &SortedTable, rows: &[(&str, Option<i64>)]) -> SortKeyBatch {
    let texts: ArrayRef = Arc::new(StringViewArray::from_iter_values(rows.iter().map(|r| r.0)));
    let numbers: ArrayRef = Arc::new(rows.iter().map(|r| r.1).collect::<Int64Array>());
    table.keys_of(&[texts, numbers], rows.len()).unwrap()
}

fn entries(table: &SortedTable, parent: u32) -> Vec<u32> {
    table.iter_from(parent, 0).collect()
}

#[test]
fn entries_stand_in_order_and_equal_ones_as_they_came() {
    let mut table = table();
    let long = "a text that is longer than sixteen bytes";
    let batch = keys(
        &table,
        &[
            ("b", Some(1)),
            ("a", None),
            ("a", Some(1)),
            ("a", Some(2)),
            ("a", Some(1)),
            (long, Some(5)),
            (long, Some(6)),
        ],
    );
    let positions: Vec<usize> = (0..7)
        .map(|row| table.insert(1, &batch, row, row as u32))
        .collect();
    assert_eq!(positions, [0, 0, 0, 0, 2, 4, 4]);
    assert_eq!(entries(&table, 1), [3, 2, 4, 1, 6, 5, 0]);
    assert_eq!(table.position(1, 4), Some(2));
    assert_eq!(table.lower_bound(1, &batch, 4), 1);
    assert!(table.same_key(2, 4) && !table.same_key(5, 6));
    assert_eq!(table.remove(1, 4), Some(2));
    assert_eq!(table.remove(1, 4), None);
    assert_eq!(table.pop_last(1), Some(0));
    assert_eq!(table.len_of(1), 5);
    assert_eq!(table.len_of(0), 0);
    assert_eq!(table.clear_parent(1), [3, 2, 1, 6, 5]);
    assert!(table.is_empty());
}

#[test]
fn long_lists_are_cut_and_keep_their_order() {
    let mut table = SortedTable::new(&[(DataType::Int64, SortOptions::default())]).unwrap();
    table.reserve_parents(1);
    let values: Vec<i64> = (0..3000).map(|i| (i * 7919) % 1000).collect();
    let column: ArrayRef = Arc::new(Int64Array::from(values.clone()));
    let batch = table.keys_of(&[column], values.len()).unwrap();
    let mut naive: Vec<u32> = Vec::new();
    for row in 0..values.len() {
        let at = naive.partition_point(|e| values[*e as usize] <= values[row]);
        naive.insert(at, row as u32);
        assert_eq!(table.insert(0, &batch, row, row as u32), at);
    }
    assert!(table.lists[0].pieces.len() > 5);
    for entry in (0..3000u32).step_by(3) {
        let at = naive.iter().position(|e| *e == entry).unwrap();
        assert_eq!(table.remove(0, entry), Some(at));
        naive.remove(at);
    }
    assert_eq!(entries(&table, 0), naive);
    assert_eq!(table.iter_from(0, 1500).collect::<Vec<_>>(), naive[1500..]);
    assert_eq!(table.len(), 2000);
}

#[test]
fn without_columns_all_entries_are_equal() {
    let mut table = SortedTable::new(&[]).unwrap();
    table.reserve_parents(1);
    let batch = table.keys_of(&[], 3).unwrap();
    for row in 0..3 {
        assert_eq!(table.insert(0, &batch, row, 2 - row as u32), row);
    }
    assert_eq!(entries(&table, 0), [2, 1, 0]);
}
