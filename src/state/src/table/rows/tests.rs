use std::sync::Arc;

use arrow::array::{
    Array, BooleanArray, Decimal128Array, Int32Array, Int64Array, ListArray, StringViewArray,
};
use arrow::datatypes::Int32Type;
use proptest::prelude::*;

use super::*;

fn columns(numbers: &[Option<i64>]) -> Vec<ArrayRef> {
    let lists = numbers.iter().map(|n| {
        n.map(|n| {
            (0..n.rem_euclid(4))
                .map(|i| Some(i as i32))
                .collect::<Vec<_>>()
        })
    });
    vec![
        Arc::new(Int64Array::from(numbers.to_vec())),
        Arc::new(
            numbers
                .iter()
                .map(|n| n.map(|n| n % 2 == 0))
                .collect::<BooleanArray>(),
        ),
        Arc::new(
            numbers
                .iter()
                .map(|n| n.map(i128::from))
                .collect::<Decimal128Array>()
                .with_precision_and_scale(20, 2)
                .unwrap(),
        ),
        Arc::new(
            numbers
                .iter()
                .map(|n| n.map(|n| format!("a text of some length {n}")))
                .collect::<StringViewArray>(),
        ),
        Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)),
    ]
}

fn table() -> RowTable {
    let types: Vec<DataType> = columns(&[]).iter().map(|c| c.data_type().clone()).collect();
    RowTable::new(&types)
}

#[test]
fn no_slot_gathers_nulls() {
    let mut table = table();
    let mut slots = Vec::new();
    table
        .insert(&columns(&[Some(3)]), &[0], &mut slots)
        .unwrap();
    let gathered = table.gather(&[NO_SLOT, slots[0]]).unwrap();
    for (column, expected) in gathered.iter().zip(columns(&[None, Some(3)])) {
        assert_eq!(column, &expected);
    }
}

#[test]
fn sliced_columns_are_read_from_their_offset() {
    let numbers: Vec<Option<i64>> = (0..10).map(Some).collect();
    let sliced: Vec<ArrayRef> = columns(&numbers).iter().map(|c| c.slice(4, 3)).collect();
    let mut table = table();
    let mut slots = Vec::new();
    table.insert(&sliced, &[2, 0], &mut slots).unwrap();
    assert_eq!(table.gather(&slots).unwrap(), columns(&[Some(6), Some(4)]));
    assert_eq!(
        table.equal(&sliced, &[2, 2], &slots).unwrap(),
        [true, false]
    );
}

#[test]
fn another_type_is_refused() {
    let mut table = RowTable::new(&[DataType::Int64]);
    let column: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    assert!(table.insert(&[column], &[0], &mut Vec::new()).is_err());
}

proptest! {
    #[test]
    fn agrees_with_a_map(steps in prop::collection::vec((prop::collection::vec(prop::option::of(-50i64..50), 1..20), prop::collection::vec(any::<prop::sample::Index>(), 0..20)), 1..60)) {
        let mut table = table();
        let mut model: Vec<(u32, Option<i64>)> = Vec::new();
        for (numbers, removals) in steps {
            let rows: Vec<u32> = (0..numbers.len() as u32).rev().collect();
            let mut slots = Vec::new();
            table.insert(&columns(&numbers), &rows, &mut slots).unwrap();
            model.extend(slots.iter().copied().zip(numbers.iter().rev().copied()));
            for removal in removals {
                if !model.is_empty() {
                    let (slot, _) = model.swap_remove(removal.index(model.len()));
                    table.remove(slot);
                }
            }
            prop_assert_eq!(table.len(), model.len());
            let slots: Vec<u32> = model.iter().map(|(slot, _)| *slot).collect();
            let expected: Vec<Option<i64>> = model.iter().map(|(_, n)| *n).collect();
            prop_assert_eq!(table.gather(&slots).unwrap(), columns(&expected));
            let rows: Vec<u32> = (0..expected.len() as u32).collect();
            let equal = table.equal(&columns(&expected), &rows, &slots).unwrap();
            prop_assert!(equal.iter().all(|e| *e));
        }
    }
}
