use std::sync::Arc;

use arrow::datatypes::DataType;
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::AggregateCallSpec;
use filbert_types::{Clock, Field, LogicalType, TypeKind};
use proptest::prelude::*;

use super::*;
use crate::output::Emitted;
use crate::testing::{batch, schema, text};

fn call(function: &str, arg: Option<usize>, ty: TypeKind) -> AggregateCallSpec {
    let ty = LogicalType::from(ty);
    AggregateCallSpec {
        function: function.to_owned(),
        args: arg.into_iter().collect(),
        arg_types: arg.map(|_| ty.clone()).into_iter().collect(),
        distinct: false,
        filter: None,
        order_by: Vec::new(),
        ignore_nulls: false,
        ignores_retractions: false,
        output: Field::new(
            "agg",
            if function == "COUNT" {
                TypeKind::BigInt.into()
            } else {
                ty
            },
        ),
    }
}

fn operator(
    calls: Vec<AggregateCallSpec>,
    keys: Vec<usize>,
    retracts: bool,
) -> GroupAggregateOperator {
    let input = input();
    let mut types: Vec<DataType> = keys
        .iter()
        .map(|k| input.field(*k).data_type().clone())
        .collect();
    types.extend(calls.iter().map(|c| c.output.ty.kind.arrow()));
    let spec = GroupAggregateSpec {
        keys,
        calls,
        emit_update_before: true,
        input_retracts: retracts,
        state_ttl_ms: None,
        mini_batch_rows: None,
        merges: false,
    };
    GroupAggregateOperator::new(&spec, &input, schema(&types), &FunctionRegistry::new()).unwrap()
}

/// Key, an integer, a string, a boolean for FILTER.
fn input() -> SchemaRef {
    schema(&[
        DataType::Utf8View,
        DataType::Int32,
        DataType::Utf8View,
        DataType::Boolean,
    ])
}

fn run(operator: &mut GroupAggregateOperator, batches: &[ChangeBatch]) -> Vec<String> {
    let mut lines = Vec::new();
    for input in batches {
        let mut out = Output::new(1024);
        assert_eq!(
            operator.process(0, input.clone(), &mut out).unwrap(),
            Step::Done
        );
        while let Some(emitted) = out.take() {
            match emitted {
                Emitted::Batch(b) => lines.extend(text(&b).unwrap().lines().map(str::to_owned)),
                Emitted::Watermark(w) => lines.push(format!("@ {w}")),
                other => panic!("{other:?}"),
            }
        }
    }
    lines
}

#[test]
fn the_changelog_is_per_record() {
    let calls = vec![
        call("COUNT", None, TypeKind::BigInt),
        call("SUM", Some(1), TypeKind::Int),
    ];
    let mut operator = operator(calls, vec![0], false);
    let rows = batch(
        &input(),
        "+I a 1 x true\n@ 7\n+I a 2 x true\n+I b - x true\n+I a 0 x true",
    )
    .unwrap();
    assert_eq!(
        run(&mut operator, &[rows]),
        [
            "+I a 1 1", "@ 7", "-U a 1 1", "+U a 2 3", "+I b 1 -", "-U a 2 3", "+U a 3 3"
        ]
    );
}

#[test]
fn an_update_that_changes_nothing_is_not_emitted() {
    let mut operator = operator(vec![call("MAX", Some(1), TypeKind::Int)], vec![0], false);
    let rows = batch(&input(), "+I a 5 x true\n+I a 3 x true\n+I a 9 x true").unwrap();
    assert_eq!(run(&mut operator, &[rows]), ["+I a 5", "-U a 5", "+U a 9"]);
}

#[test]
fn the_last_retraction_deletes_and_an_unknown_one_is_dropped() {
    let calls = vec![
        call("MIN", Some(2), TypeKind::STRING),
        call("COUNT", None, TypeKind::BigInt),
    ];
    let mut operator = operator(calls, vec![0], true);
    let rows = batch(
        &input(),
        "-D a 1 x true\n+I a 1 q true\n+I a 1 p true\n-U a 1 p true\n-D a 1 q true\n+I a 1 z true",
    )
    .unwrap();
    assert_eq!(
        run(&mut operator, &[rows]),
        [
            "+I a q 1", "-U a q 1", "+U a p 2", "-U a p 2", "+U a q 1", "-D a q 1", "+I a z 1"
        ]
    );
    assert_eq!(operator.state.metrics.unknown_retractions.get(), 1);
}

#[test]
fn distinct_and_filter_decide_which_rows_count() {
    let mut distinct = call("COUNT", Some(2), TypeKind::STRING);
    distinct.distinct = true;
    let mut filtered = call("SUM", Some(1), TypeKind::Int);
    filtered.filter = Some(3);
    let mut operator = operator(vec![distinct, filtered], vec![], true);
    let rows = batch(
        &input(),
        "+I a 1 x true\n+I a 2 x -\n+I a 4 y true\n-D a 1 x true\n-D a 2 x -\n+I a 8 - false",
    )
    .unwrap();
    assert_eq!(
        run(&mut operator, &[rows]),
        [
            "+I 1 1", "-U 1 1", "+U 2 5", "-U 2 5", "+U 2 4", "-U 2 4", "+U 1 4"
        ]
    );
}

/// A changelog that replays: a retraction takes back a row that is there.
fn changelog() -> impl Strategy<Value = Vec<(bool, u8, Option<i32>, u8, bool)>> {
    prop::collection::vec(
        (
            any::<bool>(),
            0u8..4,
            prop::option::of(-3i32..4),
            0u8..3,
            any::<bool>(),
        ),
        1..120,
    )
    .prop_map(|steps| {
        let mut live = Vec::new();
        let mut rows = Vec::new();
        for (i, (retract, key, value, word, filter)) in steps.into_iter().enumerate() {
            if retract && !live.is_empty() {
                let (k, v, w, f) = live.swap_remove(i % live.len());
                rows.push((false, k, v, w, f));
            } else {
                live.push((key, value, word, filter));
                rows.push((true, key, value, word, filter));
            }
        }
        rows
    })
}

proptest! {
    /// Cutting the input anywhere gives the same changelog.
    #[test]
    fn batch_boundaries_mean_nothing(rows in changelog(), cuts in prop::collection::vec(1usize..9, 1..20)) {
        let lines: Vec<String> = rows.iter().map(|(add, key, value, word, filter)| {
            let value = value.map_or("-".to_owned(), |v| v.to_string());
            let kind = if *add { "+I" } else { "-D" };
            format!("{kind} k{key} {value} w{word} {filter}")
        }).collect();
        let calls = || {
            let mut distinct = call("SUM", Some(1), TypeKind::Int);
            distinct.distinct = true;
            let mut filtered = call("MIN", Some(2), TypeKind::STRING);
            filtered.filter = Some(3);
            vec![distinct, filtered, call("MAX", Some(1), TypeKind::Int), call("AVG", Some(1), TypeKind::Int)]
        };
        let whole = batch(&input(), &lines.join("\n")).unwrap();
        let mut pieces = Vec::new();
        let (mut at, mut cut) = (0, cuts.iter().cycle());
        while at < whole.num_rows() {
            let length = (*cut.next().unwrap()).min(whole.num_rows() - at);
            pieces.push(whole.slice(at, length));
            at += length;
        }
        let expected = run(&mut operator(calls(), vec![0], true), &[whole]);
        let got = run(&mut operator(calls(), vec![0], true), &pieces);
        prop_assert_eq!(got, expected);
    }
}

#[test]
fn with_a_ttl_an_untouched_key_begins_anew() {
    let clock = Arc::new(filbert_types::ManualClock::new(0));
    let mut operator = operator(vec![call("COUNT", None, TypeKind::BigInt)], vec![0], false);
    operator.state.ttl = Some(state::Ttl::new(1000));
    operator.state.clock = Some(Arc::clone(&clock) as Arc<dyn Clock>);
    let row = |key: &str| batch(&input(), &format!("+I {key} 1 x true")).unwrap();
    assert_eq!(
        run(&mut operator, &[row("a"), row("b")]),
        ["+I a 1", "+I b 1"]
    );
    clock.advance(std::time::Duration::from_millis(600));
    assert_eq!(run(&mut operator, &[row("a")]), ["-U a 1", "+U a 2"]);
    clock.advance(std::time::Duration::from_millis(600));
    assert_eq!(
        run(&mut operator, &[row("a"), row("b")]),
        ["-U a 2", "+U a 3", "+I b 1"]
    );
    clock.advance(std::time::Duration::from_secs(9));
    operator.timer(clock.now_ms(), &mut Output::new(1)).unwrap();
    assert_eq!(operator.state.index.len(), 0);
}
