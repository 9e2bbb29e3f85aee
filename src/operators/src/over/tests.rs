use filbert_graph::spec::{AggregateCallSpec, OverFrame, OverFunction, SortKey};
use filbert_types::{Field, LogicalType, TypeKind};
use proptest::prelude::*;

use super::*;
use crate::output::Emitted;
use crate::testing::{batch, schema, text};

/// Partition, time, value.
type Row = (i64, i64, i64);

fn spec(frame: OverFrame) -> OverSpec {
    let sum = AggregateCallSpec {
        function: "SUM".to_owned(),
        args: vec![2],
        arg_types: vec![TypeKind::BigInt.into()],
        distinct: false,
        filter: None,
        order_by: Vec::new(),
        ignore_nulls: false,
        ignores_retractions: false,
        output: Field::new("s", LogicalType::from(TypeKind::BigInt)),
    };
    OverSpec {
        partition_by: vec![0],
        order: OverTime::Rowtime(1),
        frame,
        calls: vec![OverFunction::Aggregate(sum)],
        compared: Vec::new(),
        emit_update_before: false,
        processing_times: Vec::new(),
        state_ttl_ms: None,
    }
}

/// Runs rows with watermarks that make none of them late, and a last one; the lines of the output, sorted, and the rows
/// that state still holds.
fn run(frame: OverFrame, rows: &[Row], cut: usize) -> (Vec<String>, usize) {
    let time = DataType::Timestamp(arrow::datatypes::TimeUnit::Millisecond, None);
    let mut types = vec![DataType::Int64, time, DataType::Int64];
    let input = schema(&types);
    types.push(DataType::Int64);
    let output = schema(&types);
    let mut operator = OverOperator::new(
        &spec(frame),
        &input,
        output,
        &filbert_functions::FunctionRegistry::new(),
    )
    .unwrap();
    let mut out = Output::new(2);
    let mut lines = Vec::new();
    let mut drain = |operator: &mut OverOperator, mut step: Step, out: &mut Output| loop {
        while let Some(emitted) = out.take() {
            if let Emitted::Batch(batch) = emitted {
                let text = text(&batch).unwrap();
                let rows = text.lines().filter(|l| !l.starts_with('@'));
                lines.extend(rows.map(str::to_owned));
            }
        }
        if step == Step::Done {
            return;
        }
        step = operator.resume(out).unwrap();
    };
    let mut at = 0;
    for chunk in rows.chunks(cut) {
        let mut words = Vec::new();
        for (p, t, v) in chunk {
            words.push(format!("+I {p} {} {v}", shown(*t)));
            at += 1;
            let rest = rows[at..].iter().map(|r| r.1).min();
            words.extend(rest.map(|t| format!("@ {}", t - 1)));
        }
        let step = operator
            .process(0, batch(&input, &words.join("\n")).unwrap(), &mut out)
            .unwrap();
        drain(&mut operator, step, &mut out);
    }
    let step = operator.watermark(Watermark(i64::MAX), &mut out).unwrap();
    drain(&mut operator, step, &mut out);
    lines.sort();
    (lines, operator.rows.len())
}

/// A time in milliseconds, as text.
fn shown(time: i64) -> String {
    format!("1970-01-01T00:00:00.{time:03}")
}

fn naive(frame: OverFrame, rows: &[Row]) -> Vec<String> {
    let mut lines = Vec::new();
    for partition in 0..3 {
        let mut rows: Vec<Row> = rows.iter().copied().filter(|r| r.0 == partition).collect();
        rows.sort_by_key(|r| r.1);
        for (at, (p, t, v)) in (0i64..).zip(&rows) {
            let is_inside = |(place, row): &(i64, &Row)| {
                let distance = if frame.rows { place - at } else { row.1 - t };
                let after_start = match frame.start {
                    OverBound::UnboundedPreceding => true,
                    OverBound::Offset(start) => distance >= start,
                };
                after_start && matches!(frame.end, OverBound::Offset(end) if distance <= end)
            };
            let inside: Vec<i64> = (0i64..)
                .zip(&rows)
                .filter(is_inside)
                .map(|(_, r)| r.2)
                .collect();
            let sum = match inside.as_slice() {
                [] => "-".to_owned(),
                values => values.iter().sum::<i64>().to_string(),
            };
            lines.push(format!("+I {p} {} {v} {sum}", shown(*t)));
        }
    }
    lines.sort();
    lines
}

/// Runs changes of rows; what their results come to, sorted. Nothing is taken back that isn't there.
fn run_corrected(frame: OverFrame, changes: &[(bool, Row)], cut: usize) -> Vec<String> {
    let time = DataType::Timestamp(arrow::datatypes::TimeUnit::Millisecond, None);
    let mut types = vec![DataType::Int64, time, DataType::Int64];
    let input = schema(&types);
    types.push(DataType::Int64);
    let output = schema(&types);
    let order = SortKey {
        column: 1,
        ascending: true,
        nulls_first: true,
    };
    let spec = OverSpec {
        order: OverTime::Corrected(order),
        emit_update_before: true,
        ..spec(frame)
    };
    let mut operator = ChangingOverOperator::new(
        &spec,
        order,
        &input,
        output,
        &filbert_functions::FunctionRegistry::new(),
    )
    .unwrap();
    let mut out = Output::new(2);
    let mut live: Vec<String> = Vec::new();
    for chunk in changes.chunks(cut) {
        let words = chunk.iter().map(|(adds, (p, t, v))| {
            let kind = if *adds { "+I" } else { "-D" };
            format!("{kind} {p} {} {v}", shown(*t))
        });
        let words: Vec<String> = words.collect();
        let rows = batch(&input, &words.join("\n")).unwrap();
        let mut step = operator.process(0, rows, &mut out).unwrap();
        loop {
            while let Some(emitted) = out.take() {
                let Emitted::Batch(batch) = emitted else {
                    continue;
                };
                for line in text(&batch).unwrap().lines() {
                    let (kind, row) = line.split_once(' ').unwrap();
                    if kind.starts_with('+') {
                        live.push(format!("+I {row}"));
                    } else {
                        let row = format!("+I {row}");
                        let at = live.iter().position(|l| *l == row).expect("it is there");
                        live.swap_remove(at);
                    }
                }
            }
            if step == Step::Done {
                break;
            }
            step = operator.resume(&mut out).unwrap();
        }
    }
    live.sort();
    live
}

proptest! {
    #[test]
    fn corrected_sums_are_those_of_the_rows_that_are_left(
        steps in prop::collection::vec((prop::bool::weighted(0.7), (0..2i64, 1..12i64, 0..4i64)), 1..40),
        by_rows in any::<bool>(),
        start in prop::option::of(-4..3i64),
        length in 0..4i64,
        cut in 1..10usize,
    ) {
        let frame = OverFrame {
            rows: by_rows,
            start: start.map_or(OverBound::UnboundedPreceding, OverBound::Offset),
            end: OverBound::Offset(start.map_or(0, |s| s + length)),
        };
        let mut rows: Vec<Row> = Vec::new();
        let mut changes = Vec::new();
        for (adds, row) in steps {
            if adds {
                rows.push(row);
                changes.push((true, row));
            } else if !rows.is_empty() {
                // The row that is taken back is picked by what was drawn; of equal ones the first goes.
                let picked = rows[row.1 as usize % rows.len()];
                let first = rows.iter().position(|r| *r == picked).unwrap();
                rows.remove(first);
                changes.push((false, picked));
            }
        }
        prop_assert_eq!(run_corrected(frame, &changes, cut), naive(frame, &rows));
    }

    #[test]
    fn sums_over_frames_are_those_of_the_sorted_rows(
        rows in prop::collection::vec((0..3i64, 1..30i64, 0..9i64), 1..40),
        by_rows in any::<bool>(),
        start in prop::option::of(-4..2i64),
        length in 0..4i64,
        cut in 1..10usize,
    ) {
        let frame = OverFrame {
            rows: by_rows,
            start: start.map_or(OverBound::UnboundedPreceding, OverBound::Offset),
            end: OverBound::Offset(start.map_or(0, |s| s + length)),
        };
        let (lines, held) = run(frame, &rows, cut);
        prop_assert_eq!(lines, naive(frame, &rows));
        if !by_rows && start.is_some() {
            prop_assert_eq!(held, 0, "a bounded RANGE holds no row when all time has passed");
        }
    }
}
