//! Every accumulator against a model that keeps all values.

use std::sync::Arc;

use arrow::array::{Float64Array, Int32Array, StringViewArray};
use arrow::compute::cast;
use filbert_graph::spec::AggregateCallSpec;
use filbert_types::{Field, LogicalType, TypeKind};
use proptest::prelude::*;

use super::*;

fn spec(function: &str, arg: TypeKind, output: TypeKind) -> AggregateCallSpec {
    AggregateCallSpec {
        function: function.to_owned(),
        args: vec![0],
        arg_types: vec![LogicalType::from(arg)],
        distinct: false,
        filter: None,
        order_by: Vec::new(),
        ignore_nulls: false,
        ignores_retractions: false,
        output: Field::new("x", output.into()),
    }
}

/// What the function gives over these values, as text.
fn model(function: &str, values: &[Option<i32>]) -> Option<String> {
    let known: Vec<i64> = values.iter().flatten().map(|v| i64::from(*v)).collect();
    let sum: i64 = known.iter().sum();
    match function {
        "COUNT" => Some(known.len().to_string()),
        "SUM" => (!known.is_empty()).then(|| sum.to_string()),
        "AVG" => sum.checked_div(known.len() as i64).map(|v| v.to_string()),
        "MIN" => known.iter().min().map(ToString::to_string),
        "MAX" => known.iter().max().map(ToString::to_string),
        other => panic!("{other}"),
    }
}

fn shown(array: &ArrayRef) -> Vec<Option<String>> {
    let text = cast(array, &DataType::Utf8View).unwrap();
    let text = text.as_any().downcast_ref::<StringViewArray>().unwrap();
    text.iter().map(|v| v.map(str::to_owned)).collect()
}

/// Rows for three keys; a retraction takes back a value that is there.
fn changelog() -> impl Strategy<Value = Vec<(u32, Op, Option<i32>)>> {
    prop::collection::vec((0u32..3, any::<bool>(), prop::option::of(-9i32..10)), 1..80).prop_map(
        |steps| {
            let mut live: Vec<(u32, Option<i32>)> = Vec::new();
            let rows = steps
                .into_iter()
                .enumerate()
                .map(|(i, (key, retract, value))| {
                    if retract && !live.is_empty() {
                        let (key, value) = live.swap_remove(i % live.len());
                        return (key, Op::Retract, value);
                    }
                    live.push((key, value));
                    (key, Op::Add, value)
                });
            rows.collect()
        },
    )
}

proptest! {
    #[test]
    fn running_values_and_final_values_are_the_models(rows in changelog()) {
        let slots: Vec<u32> = rows.iter().map(|(key, ..)| *key).collect();
        let ops: Vec<Op> = rows.iter().map(|(_, op, _)| *op).collect();
        let ints: ArrayRef = Arc::new(Int32Array::from_iter(rows.iter().map(|(.., v)| *v)));
        for function in ["COUNT", "SUM", "AVG", "MIN", "MAX"] {
            for (kind, cut) in [(TypeKind::Int, 0), (TypeKind::BigInt, 0), (TypeKind::decimal(9, 2), 3)] {
                if cut > 0 && function == "AVG" {
                    continue;
                }
                let output = match (function, &kind) {
                    ("COUNT", _) => TypeKind::BigInt,
                    ("SUM", TypeKind::Decimal { .. }) => TypeKind::decimal(38, 2),
                    _ => kind.clone(),
                };
                let args = vec![cast(&ints, &kind.arrow()).unwrap()];
                let call = spec(function, kind.clone(), output);
                let mut running = AggregateCall::new(&call, true).unwrap();
                let mut bulk = AggregateCall::new(&call, true).unwrap();
                for call in [&mut running, &mut bulk] {
                    call.reserve_slots(3);
                }
                let view = Rows { slots: &slots, ops: Some(&ops), resets: None };
                let mut changed = vec![false; rows.len()];
                let pairs = shown(&running.running(view, &args, &mut changed).unwrap());
                bulk.update(view, &args).unwrap();
                let show = |v: Option<String>| v.map(|v| if cut > 0 && function != "COUNT" { format!("{v}.00") } else { v });
                let mut live: Vec<Vec<Option<i32>>> = vec![Vec::new(); 3];
                for (i, (key, op, value)) in rows.iter().enumerate() {
                    let values = &mut live[*key as usize];
                    let before = show(model(function, values));
                    match op {
                        Op::Add => values.push(*value),
                        _ => { let at = values.iter().position(|v| v == value).unwrap(); values.swap_remove(at); }
                    }
                    let after = show(model(function, values));
                    prop_assert_eq!(&pairs[2 * i], &before, "{} before row {}", function, i);
                    prop_assert_eq!(&pairs[2 * i + 1], &after, "{} after row {}", function, i);
                    prop_assert_eq!(changed[i], before != after);
                }
                let finals: Vec<_> = live.iter().map(|values| show(model(function, values))).collect();
                prop_assert_eq!(&shown(&running.values(&[0, 1, 2]).unwrap()), &finals);
                prop_assert_eq!(&shown(&bulk.values(&[0, 1, 2]).unwrap()), &finals);
            }
        }
    }
}

#[test]
fn integers_wrap_and_doubles_divide() {
    let ints: ArrayRef = Arc::new(Int32Array::from(vec![i32::MAX, 1]));
    let mut sum = AggregateCall::new(&spec("SUM", TypeKind::Int, TypeKind::Int), false).unwrap();
    sum.reserve_slots(1);
    let rows = Rows {
        slots: &[0, 0],
        ops: None,
        resets: None,
    };
    sum.update(rows, &[ints]).unwrap();
    assert_eq!(
        shown(&sum.values(&[0]).unwrap()),
        [Some(i32::MIN.to_string())]
    );
    let doubles: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
    let mut avg =
        AggregateCall::new(&spec("AVG", TypeKind::Double, TypeKind::Double), false).unwrap();
    avg.reserve_slots(1);
    avg.update(rows, &[doubles]).unwrap();
    assert_eq!(shown(&avg.values(&[0]).unwrap()), [Some("1.5".to_owned())]);
}

#[test]
fn a_function_that_is_not_there_is_named() {
    let error = AggregateCall::new(&spec("MEDIAN", TypeKind::Int, TypeKind::Int), false)
        .err()
        .unwrap();
    assert!(error.to_string().contains("MEDIAN(INT)"), "{error}");
}
