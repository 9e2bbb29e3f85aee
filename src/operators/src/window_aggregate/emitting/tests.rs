use arrow::datatypes::{DataType, TimeUnit};
use filbert_graph::spec::{AggregateCallSpec, WindowColumn, WindowSpec};
use filbert_types::{Field, LogicalType, TypeKind};
use proptest::prelude::*;

use super::*;
use crate::output::Emitted;
use crate::testing::{batch, schema, text};

fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

/// A key, its window's end, a value.
fn input() -> SchemaRef {
    schema(&[DataType::Utf8View, time(), DataType::Int64])
}

fn operator(early_ms: Option<u64>, late_ms: Option<u64>) -> EmittingWindowAggregateOperator {
    let ty = LogicalType::from(TypeKind::BigInt);
    let emit = WindowEmitSpec {
        early_ms,
        late_ms,
        lateness_ms: if late_ms.is_some() { 20 } else { 0 },
        emit_update_before: true,
    };
    let spec = WindowAggregateSpec {
        window: WindowSpec::Tumble {
            size_ms: 10,
            offset_ms: 0,
        },
        time: 1,
        assigned: true,
        proctime: false,
        time_zone: None,
        keys: vec![0],
        calls: vec![AggregateCallSpec {
            function: "SUM".to_owned(),
            args: vec![2],
            arg_types: vec![ty.clone()],
            distinct: false,
            filter: None,
            order_by: Vec::new(),
            ignore_nulls: false,
            ignores_retractions: false,
            output: Field::new("s", ty),
        }],
        window_columns: vec![WindowColumn::End],
        input_retracts: true,
        emit: Some(emit),
        merges: false,
    };
    let output = schema(&[DataType::Utf8View, DataType::Int64, time()]);
    EmittingWindowAggregateOperator::new(
        &spec,
        emit,
        &input(),
        output,
        &filbert_functions::FunctionRegistry::new(),
    )
    .unwrap()
}

fn drain(
    operator: &mut EmittingWindowAggregateOperator,
    mut step: Step,
    out: &mut Output,
    lines: &mut Vec<String>,
) {
    loop {
        while let Some(emitted) = out.take() {
            match emitted {
                Emitted::Batch(b) => {
                    let rows = text(&b).unwrap();
                    lines.extend(rows.lines().map(|l| l.replace("1970-01-01T00:00:00.", "")));
                }
                Emitted::Watermark(w) => lines.push(format!("@ {w}")),
                Emitted::Side(_, b) => lines.push(format!("late {}", b.num_rows())),
                Emitted::Idle(idle) => lines.push(format!("idle {idle}")),
            }
        }
        if step == Step::Done {
            return;
        }
        step = operator.resume(out).unwrap();
    }
}

/// `+I key end value`, the window's end in milliseconds below a second, and `@ watermark`.
fn run(
    operator: &mut EmittingWindowAggregateOperator,
    lines: &[&str],
    rows_max: usize,
) -> Vec<String> {
    let lines: Vec<String> = lines
        .iter()
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                [kind, key, end, value] => {
                    let end: u32 = end.parse().unwrap();
                    format!("{kind} {key} 1970-01-01T00:00:00.{end:03} {value}")
                }
                _ => (*line).to_owned(),
            }
        })
        .collect();
    let mut said = Vec::new();
    let mut out = Output::new(rows_max);
    let step = operator
        .process(0, batch(&input(), &lines.join("\n")).unwrap(), &mut out)
        .unwrap();
    drain(operator, step, &mut out, &mut said);
    said
}

#[test]
fn results_go_out_early_and_late() {
    let mut op = operator(Some(0), Some(0));
    let said = run(
        &mut op,
        &[
            "+I a 10 1",
            "+I a 10 2",
            "@ 9",
            "+I a 10 4",
            "-D a 10 1",
            "@ 29",
            "+I a 10 9",
            "+I b 40 1",
            "-D b 40 1",
            "+I b 40 2",
            "@ 100",
        ],
        100,
    );
    assert_eq!(
        said,
        [
            "+I a 1 010",
            "-U a 1 010",
            "+U a 3 010",
            "@ 9",
            "-U a 3 010",
            "+U a 7 010",
            "-U a 7 010",
            "+U a 6 010",
            "@ 29",
            "late 1",
            "+I b 1 040",
            "-D b 1 040",
            "+I b 2 040",
            "@ 100",
        ]
    );
    assert_eq!(op.slices.len(), 0, "nothing is left behind the last window");
    assert!(op.sent.is_empty());
}

#[test]
fn what_comes_between_the_clocks_periods_goes_out_together() {
    let mut op = operator(Some(1000), Some(1000));
    assert_eq!(
        run(&mut op, &["+I a 10 1", "+I a 10 2", "@ 5"], 100),
        ["@ 5"]
    );
    let mut said = Vec::new();
    let mut out = Output::new(100);
    assert_eq!(op.next_timer(), Some(1000));
    let step = op.timer(1000, &mut out).unwrap();
    drain(&mut op, step, &mut out, &mut said);
    assert_eq!(said, ["+I a 3 010"]);
    let said = run(
        &mut op,
        &["+I a 10 4", "@ 9", "+I a 10 1", "+I c 10 7", "@ 30"],
        100,
    );
    assert_eq!(
        said,
        [
            "-U a 3 010",
            "+U a 7 010",
            "@ 9",
            "+I c 7 010",
            "-U a 7 010",
            "+U a 8 010",
            "@ 30"
        ],
        "a key that comes late goes out at once, what waits goes out with the window"
    );
}

proptest! {
    /// However a batch is cut, and however small the output, the same is said.
    #[test]
    fn cuts_mean_nothing(
        rows in prop::collection::vec((0..3u8, 1..5i64, 0..9i64, prop::option::of(0..60i64)), 1..40),
        cut in 1..40usize,
        rows_max in 1..8usize,
        late in any::<bool>(),
    ) {
        let mut watermark = 0;
        let lines: Vec<String> = rows
            .iter()
            .flat_map(|(key, end, value, mark)| {
                let row = format!("+I {} {} {value}", ["a", "b", "c"][*key as usize], end * 10);
                // It never goes back.
                let mark = mark.map(|at| {
                    watermark = at.max(watermark);
                    format!("@ {watermark}")
                });
                [Some(row), mark]
            })
            .flatten()
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let late = late.then_some(0);
        let whole = run(&mut operator(Some(0), late), &lines, 1000);
        let mut op = operator(Some(0), late);
        let mut pieces = Vec::new();
        for piece in lines.chunks(cut) {
            pieces.extend(run(&mut op, piece, rows_max));
        }
        // Of watermarks with no row between them the last one counts.
        let rows = |lines: &[String]| -> Vec<String> {
            let mut rows: Vec<String> = Vec::new();
            for line in lines.iter().filter(|l| !l.starts_with("late")) {
                match rows.last_mut() {
                    Some(last) if last.starts_with('@') && line.starts_with('@') => {
                        last.clone_from(line);
                    }
                    _ => rows.push(line.clone()),
                }
            }
            rows
        };
        prop_assert_eq!(rows(&whole), rows(&pieces));
    }
}
