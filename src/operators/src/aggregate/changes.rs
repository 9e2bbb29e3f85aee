//! Every function over random changelogs: its value is the one over the rows that are left, however the rows are cut,
//! added in bulk or one by one, and however state is merged.

use std::sync::Arc;

use arrow::array::{Float64Array, Int32Array, StringViewArray};
use arrow::compute::cast;
use arrow::util::display::array_value_to_string;
use filbert_graph::spec::AggregateCallSpec;
use filbert_types::{Field, LogicalType, TypeKind};
use proptest::prelude::*;

use super::*;

struct Case {
    function: &'static str,
    arg: TypeKind,
    output: TypeKind,
    distinct: bool,
    /// The value depends on the order in which rows come, or a part can't tell what it takes back.
    ordered: bool,
}

fn case(function: &'static str, arg: TypeKind, output: TypeKind) -> Case {
    Case {
        function,
        arg,
        output,
        distinct: false,
        ordered: false,
    }
}

impl Case {
    fn ordered(self) -> Case {
        Case {
            ordered: true,
            ..self
        }
    }

    fn distinct(self) -> Case {
        Case {
            distinct: true,
            ..self
        }
    }

    fn call(&self) -> AggregateCall {
        let spec = AggregateCallSpec {
            function: self.function.to_owned(),
            args: vec![0],
            arg_types: vec![LogicalType::from(self.arg.clone())],
            distinct: self.distinct,
            filter: None,
            order_by: Vec::new(),
            ignore_nulls: false,
            ignores_retractions: false,
            output: Field::new("x", self.output.clone().into()),
        };
        let mut call = AggregateCall::new(&spec, true).unwrap();
        call.reserve_slots(6);
        call
    }

    fn column(&self, values: &[Option<i32>]) -> ArrayRef {
        let ints: ArrayRef = Arc::new(Int32Array::from(values.to_vec()));
        match self.arg {
            TypeKind::Double => {
                let halves = values.iter().map(|v| v.map(|v| f64::from(v) / 2.0));
                Arc::new(halves.collect::<Float64Array>())
            }
            TypeKind::VarChar(_) => {
                let texts = values.iter().map(|v| v.map(|v| format!("t{v}")));
                Arc::new(texts.collect::<StringViewArray>())
            }
            _ => cast(&ints, &self.arg.arrow()).unwrap(),
        }
    }
}

fn cases() -> Vec<Case> {
    use TypeKind as T;
    let text = || T::STRING;
    let many = |kind: T| Box::new(LogicalType::from(kind));
    vec![
        case("COUNT", T::Int, T::BigInt),
        case("COUNT", text(), T::BigInt).distinct(),
        case("SUM", T::BigInt, T::BigInt).distinct(),
        case("SUM", T::decimal(9, 2), T::decimal(38, 2)),
        case("SUM", T::Double, T::Double),
        case("AVG", T::SmallInt, T::SmallInt),
        case("AVG", T::decimal(9, 2), T::decimal(38, 6)),
        case("AVG", T::Float, T::Float),
        case("MIN", T::Date, T::Date),
        case("MAX", text(), text()),
        case("MAX", T::Double, T::Double),
        case("MIN", T::Boolean, T::Boolean),
        case("STDDEV_POP", T::Double, T::Double).ordered(),
        case("VAR_SAMP", T::Double, T::Double).ordered(),
        case("FIRST_VALUE", T::Int, T::Int).ordered(),
        case("LAST_VALUE", text(), text()).ordered(),
        case("LAST_VALUE", T::Double, T::Double).ordered(),
        case("ARRAY_AGG", T::Int, T::Array(many(T::Int))).ordered(),
        case("LISTAGG", text(), text()).ordered(),
        case("COLLECT", text(), T::Multiset(many(text()))),
        case("JSON_ARRAYAGG_NULL_ON_NULL", text(), text()).ordered(),
        case("JSON_ARRAYAGG_ABSENT_ON_NULL", text(), text()).ordered(),
        case("APPROX_COUNT_DISTINCT", T::Int, T::BigInt),
        case("BITMAP_BUILD_AGG", T::Int, T::Bitmap),
        case("BITMAP_BUILD_CARDINALITY_AGG", T::Int, T::BigInt),
    ]
}

/// A value as text; DOUBLEs without their last digits, multisets without their order.
fn shown(array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) {
        return "NULL".to_owned();
    }
    if let Some(doubles) = array.as_any().downcast_ref::<Float64Array>() {
        // What is left of zero after retractions is next to it.
        let rounded = (doubles.value(row) * 1e5).round() / 1e5;
        return format!("{}", rounded + 0.0);
    }
    let text = array_value_to_string(array, row).unwrap();
    match array.data_type() {
        DataType::Map(..) => {
            let inner = text.trim_matches(['{', '}']);
            let mut parts: Vec<&str> = inner.split(", ").collect();
            parts.sort_unstable();
            parts.join(", ")
        }
        _ => text,
    }
}

type Change = (u32, Op, Option<i32>);

/// Rows for three keys; a retraction takes back a value that is there.
fn changelog() -> impl Strategy<Value = Vec<Change>> {
    let step = (0u32..3, any::<bool>(), prop::option::of(0i32..7));
    prop::collection::vec(step, 1..60).prop_map(|steps| {
        let mut live: Vec<(u32, Option<i32>)> = Vec::new();
        let mut rows = Vec::new();
        for (i, (key, retract, value)) in steps.into_iter().enumerate() {
            if retract && !live.is_empty() {
                let (key, value) = live.remove(i % live.len());
                rows.push((key, Op::Retract, value));
            } else {
                live.push((key, value));
                rows.push((key, Op::Add, value));
            }
        }
        rows
    })
}

/// What is left of a key's rows; a retraction takes the oldest copy.
fn left(rows: &[Change], key: u32) -> Vec<Option<i32>> {
    let mut left = Vec::new();
    for (_, op, value) in rows.iter().filter(|(k, ..)| *k == key) {
        match op {
            Op::Retract => {
                let at = left.iter().position(|v| v == value).unwrap();
                left.remove(at);
            }
            _ => left.push(*value),
        }
    }
    left
}

fn feed(case: &Case, call: &mut AggregateCall, rows: &[Change], offset: u32, running: bool) {
    let slots: Vec<u32> = rows.iter().map(|(key, ..)| key + offset).collect();
    let ops: Vec<Op> = rows.iter().map(|(_, op, _)| *op).collect();
    let values: Vec<Option<i32>> = rows.iter().map(|(.., v)| *v).collect();
    let columns = [case.column(&values)];
    let view = Rows {
        slots: &slots,
        ops: Some(&ops),
        resets: None,
    };
    if !running {
        call.update(view, &columns).unwrap();
        return;
    }
    let mut changed = vec![false; rows.len()];
    let pairs = call.running(view, &columns, &mut changed).unwrap();
    for (i, changed) in changed.iter().enumerate() {
        let (before, after) = (shown(&pairs, 2 * i), shown(&pairs, 2 * i + 1));
        assert!(*changed || before == after, "{} row {i}", case.function);
    }
}

/// The value over the rows that are left, by an accumulator that sees nothing else.
fn recomputed(case: &Case, rows: &[Change], key: u32) -> String {
    let mut call = case.call();
    let left: Vec<Change> = left(rows, key)
        .into_iter()
        .map(|value| (0, Op::Add, value))
        .collect();
    feed(case, &mut call, &left, 0, false);
    shown(&call.values(&[0]).unwrap(), 0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn values_are_those_of_the_rows_that_are_left(rows in changelog(), cut in 1usize..9) {
        for case in cases() {
            let mut whole = case.call();
            feed(&case, &mut whole, &rows, 0, true);
            let mut pieces = case.call();
            for piece in rows.chunks(cut) {
                feed(&case, &mut pieces, piece, 0, piece.len() % 2 == 0);
            }
            let values = [whole, pieces].map(|call| call.values(&[0, 1, 2]).unwrap());
            for key in 0..3 {
                let expected = recomputed(&case, &rows, key);
                for values in &values {
                    prop_assert_eq!(&shown(values, key as usize), &expected, "{}", case.function);
                }
            }
        }
    }

    #[test]
    fn merged_state_is_that_of_all_rows(rows in changelog(), at in 0usize..60) {
        for case in cases() {
            // Which of two equal values goes is told by their order, which parts that are merged don't know; a variance
            // of no rows can't hold values that differ.
            let rows: Vec<Change> = match case.ordered {
                true => rows.iter().map(|(key, _, value)| (*key, Op::Add, *value)).collect(),
                false => rows.clone(),
            };
            let (first, second) = rows.split_at(at.min(rows.len()));
            let mut call = case.call();
            feed(&case, &mut call, first, 0, false);
            feed(&case, &mut call, second, 3, true);
            call.merge(&[3, 4, 5], &[0, 1, 2]).unwrap();
            let values = call.values(&[0, 1, 2]).unwrap();
            for key in 0..3 {
                let expected = recomputed(&case, &rows, key);
                prop_assert_eq!(&shown(&values, key as usize), &expected, "{}", case.function);
            }
        }
    }
}
