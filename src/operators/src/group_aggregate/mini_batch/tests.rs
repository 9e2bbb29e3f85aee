//! Bundles against the per-record changelog: both leave the same rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::{AggregateCallSpec, LocalGroupAggregateSpec};
use filbert_types::{Field, LogicalType, TypeKind};
use proptest::prelude::*;

use super::*;
use crate::bundle::Bundled;
use crate::group_aggregate::GroupAggregateOperator;
use crate::local_group_aggregate::LocalGroupAggregate;
use crate::operator::{Operator, Step};
use crate::output::Emitted;
use crate::testing::{batch, schema, text};

fn call(function: &str, distinct: bool, output: TypeKind) -> AggregateCallSpec {
    AggregateCallSpec {
        function: function.to_owned(),
        args: vec![1],
        arg_types: vec![LogicalType::from(TypeKind::Int)],
        distinct,
        filter: None,
        order_by: Vec::new(),
        ignore_nulls: false,
        ignores_retractions: false,
        output: Field::new("x", output.into()),
    }
}

fn calls() -> Vec<AggregateCallSpec> {
    vec![
        call("SUM", false, TypeKind::Int),
        call("COUNT", true, TypeKind::BigInt),
        call("MAX", false, TypeKind::Int),
        call("APPROX_COUNT_DISTINCT", false, TypeKind::BigInt),
    ]
}

fn input() -> SchemaRef {
    schema(&[DataType::Utf8View, DataType::Int32])
}

fn spec(merges: bool) -> GroupAggregateSpec {
    GroupAggregateSpec {
        keys: vec![0],
        calls: calls(),
        emit_update_before: true,
        input_retracts: true,
        state_ttl_ms: None,
        mini_batch_rows: None,
        merges,
    }
}

fn output() -> SchemaRef {
    let calls = calls();
    let calls = calls.iter().map(|c| c.output.ty.kind.arrow());
    let types: Vec<DataType> = std::iter::once(DataType::Utf8View).chain(calls).collect();
    schema(&types)
}

fn mini_batch(rows_max: u64, merges: bool, input: &SchemaRef) -> Bundled<MiniBatchGroupAggregate> {
    let functions = FunctionRegistry::new();
    let bundle = MiniBatchGroupAggregate::new(&spec(merges), input, output(), &functions);
    Bundled::new(bundle.unwrap(), rows_max)
}

fn local() -> (Bundled<LocalGroupAggregate>, SchemaRef) {
    let calls = calls();
    let states = crate::aggregate::AggregateCalls::new(&calls, true).unwrap();
    let mut types = vec![DataType::Utf8View];
    types.extend(states.state_types());
    types.push(DataType::Int64);
    let output = schema(&types);
    let spec = LocalGroupAggregateSpec {
        keys: vec![0],
        calls,
        input_retracts: true,
        mini_batch_rows: 3,
    };
    let local = {
        let functions = filbert_functions::FunctionRegistry::new();
        LocalGroupAggregate::new(&spec, &input(), Arc::clone(&output), &functions).unwrap()
    };
    (Bundled::new(local, spec.mini_batch_rows), output)
}

/// Runs an operator over batches to their end. A small output makes it stop in the middle of bundles.
fn run(operator: &mut dyn Operator, batches: &[ChangeBatch]) -> Vec<ChangeBatch> {
    let (mut out, mut emitted) = (Output::new(2), Vec::new());
    let mut drain = |operator: &mut dyn Operator, out: &mut Output, mut step: Step| {
        loop {
            while let Some(element) = out.take() {
                if let Emitted::Batch(batch) = element {
                    emitted.push(batch);
                }
            }
            if step == Step::Done {
                return;
            }
            step = operator.resume(out).unwrap();
        }
    };
    for batch in batches {
        let step = operator.process(0, batch.clone(), &mut out).unwrap();
        drain(operator, &mut out, step);
    }
    let step = operator.end_input(0, &mut out).unwrap();
    drain(operator, &mut out, step);
    emitted
}

/// The rows that a changelog leaves; it must replay.
fn replayed(changes: &[ChangeBatch]) -> BTreeMap<String, i64> {
    let mut rows = BTreeMap::new();
    for line in changes.iter().flat_map(|b| {
        let lines = text(b).unwrap();
        lines.lines().map(str::to_owned).collect::<Vec<_>>()
    }) {
        let (kind, row) = line.split_once(' ').unwrap();
        let count = rows.entry(row.to_owned()).or_insert(0i64);
        *count += if kind == "+I" || kind == "+U" { 1 } else { -1 };
        assert!(*count >= 0, "{line}");
    }
    rows.retain(|_, count| *count > 0);
    rows
}

fn changelog() -> impl Strategy<Value = Vec<String>> {
    let step = (any::<bool>(), 0u8..3, prop::option::of(-3i32..4));
    prop::collection::vec(step, 1..60).prop_map(|steps| {
        let (mut live, mut lines) = (Vec::new(), Vec::new());
        for (i, (retract, key, value)) in steps.into_iter().enumerate() {
            let value = value.map_or("-".to_owned(), |v| v.to_string());
            if retract && !live.is_empty() {
                let row: String = live.swap_remove(i % live.len());
                lines.push(format!("-D {row}"));
            } else {
                live.push(format!("k{key} {value}"));
                lines.push(format!("+I k{key} {value}"));
            }
        }
        lines
    })
}

proptest! {
    #[test]
    fn bundles_and_phases_leave_the_same_rows(lines in changelog(), rows_max in 1u64..9, cut in 1usize..9) {
        let batches: Vec<ChangeBatch> = lines.chunks(cut).map(|piece| {
            batch(&input(), &piece.join("\n")).unwrap()
        }).collect();
        let mut per_record = GroupAggregateOperator::new(&spec(false), &input(), output(), &FunctionRegistry::new()).unwrap();
        let expected = replayed(&run(&mut per_record, &batches));
        let mut bundled = mini_batch(rows_max, false, &input());
        prop_assert_eq!(&replayed(&run(&mut bundled, &batches)), &expected);
        let (mut local, states) = local();
        let mut global = mini_batch(rows_max, true, &states);
        let partial = run(&mut local, &batches);
        prop_assert_eq!(&replayed(&run(&mut global, &partial)), &expected);
    }
}

#[test]
fn a_bundle_sends_the_net_change_of_a_key() {
    let mut operator = mini_batch(3, false, &input());
    let rows = batch(
        &input(),
        "+I a 1\n+I b 5\n-D b 5\n+I a 2\n-D a 1\n+I a 1\n-D a 2\n-D a 1\n-D a 7",
    );
    let changes = run(&mut operator, &[rows.unwrap()]);
    let lines: Vec<String> = changes
        .iter()
        .flat_map(|b| {
            text(b)
                .unwrap()
                .lines()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(
        lines,
        [
            "+I a 1 1 1 1",
            "-U a 1 1 1 1",
            "+U a 3 2 2 2",
            "-D a 3 2 2 2"
        ]
    );
    assert_eq!(operator.bundle.state.metrics.unknown_retractions.get(), 1);
    assert_eq!(operator.bundle.state.index.len(), 0);
}
