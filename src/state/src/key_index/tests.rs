use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Int32Array, Int64Array, StringViewArray, TimestampMillisecondArray};
use proptest::prelude::*;

use super::*;

fn slots(index: &mut KeyIndex, columns: &[ArrayRef]) -> Vec<u32> {
    let mut slots = Vec::new();
    index
        .slots_for(columns, columns[0].len(), &mut slots)
        .unwrap();
    slots
}

#[test]
fn null_is_a_key_like_any_other() {
    let mut index = KeyIndex::new(vec![DataType::Int32]).unwrap();
    let keys: ArrayRef = Arc::new(Int32Array::from(vec![
        Some(0),
        None,
        Some(0),
        None,
        Some(5),
    ]));
    assert_eq!(slots(&mut index, &[Arc::clone(&keys)]), [0, 1, 0, 1, 2]);
    let back = index.key_columns(&[1, 0, 2]).unwrap();
    let expected: ArrayRef = Arc::new(Int32Array::from(vec![None, Some(0), Some(5)]));
    assert_eq!(&back[0], &expected);
}

#[test]
fn times_and_composite_keys_come_back_as_they_were() {
    let mut index = KeyIndex::new(vec![DataType::Timestamp(TimeUnit::Millisecond, None)]).unwrap();
    let times: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![5, 5, 9]));
    assert_eq!(slots(&mut index, &[Arc::clone(&times)]), [0, 0, 1]);
    assert_eq!(&index.key_columns(&[0, 0, 1]).unwrap()[0], &times);

    let mut index = KeyIndex::new(vec![DataType::Utf8View, DataType::Int64]).unwrap();
    let a: ArrayRef = Arc::new(StringViewArray::from(vec![Some("x"), None, Some("x")]));
    let b: ArrayRef = Arc::new(Int64Array::from(vec![1, 1, 2]));
    assert_eq!(
        slots(&mut index, &[Arc::clone(&a), Arc::clone(&b)]),
        [0, 1, 2]
    );
    assert_eq!(index.key_columns(&[0, 1, 2]).unwrap(), [a, b]);
}

#[test]
fn children_of_different_parents_are_apart() {
    let mut index = KeyIndex::new(vec![DataType::Int64]).unwrap();
    let keys: ArrayRef = Arc::new(Int64Array::from(vec![1, 1, 1]));
    let mut slots = Vec::new();
    index
        .slots_below(&[keys], 3, Some(&[0, 1, 0]), &mut slots)
        .unwrap();
    assert_eq!(slots, [0, 1, 0]);
}

proptest! {
    /// Against a map, over any sequence of insertions and removals, for typed, string and composite keys.
    #[test]
    fn agrees_with_a_map(steps in prop::collection::vec((0i64..40, any::<bool>()), 1..300), form in 0..3) {
        let types = match form {
            0 => vec![DataType::Int64],
            1 => vec![DataType::Utf8View],
            _ => vec![DataType::Int64, DataType::Utf8View],
        };
        let mut index = KeyIndex::new(types).unwrap();
        let mut model: HashMap<i64, u32> = HashMap::new();
        for (key, remove) in steps {
            let int: ArrayRef = Arc::new(Int64Array::from(vec![key]));
            let text: ArrayRef = Arc::new(StringViewArray::from(vec![format!("a rather long key {key}")]));
            let columns = match form { 0 => vec![int], 1 => vec![text], _ => vec![int, text] };
            let slot = slots(&mut index, &columns)[0];
            if let Some(known) = model.get(&key) {
                prop_assert_eq!(slot, *known);
            } else {
                prop_assert!(model.values().all(|s| *s != slot), "slot {} is taken", slot);
                model.insert(key, slot);
            }
            prop_assert_eq!(&index.key_columns(&[slot]).unwrap(), &columns);
            if remove {
                index.remove(slot);
                model.remove(&key);
            }
            prop_assert_eq!(index.len(), model.len());
        }
    }
}
