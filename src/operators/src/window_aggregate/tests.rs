use arrow::datatypes::{DataType, TimeUnit};
use filbert_graph::spec::{AggregateCallSpec, WindowSpec};
use filbert_types::{Field, LogicalType, TypeKind};
use proptest::prelude::*;

use super::*;
use crate::output::Emitted;
use crate::testing::{batch, schema, text};

/// A key, a rowtime (written in seconds of 1970-01-01), a value.
fn input() -> SchemaRef {
    schema(&[
        DataType::Utf8View,
        DataType::Timestamp(TimeUnit::Millisecond, None),
        DataType::Int64,
    ])
}

fn operator(window: WindowSpec, retracts: bool) -> WindowAggregateOperator {
    let ty = LogicalType::from(TypeKind::BigInt);
    let spec = WindowAggregateSpec {
        window,
        time: 1,
        assigned: false,
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
        input_retracts: retracts,
        emit: None,
        merges: false,
    };
    let end = DataType::Timestamp(TimeUnit::Millisecond, None);
    let output = schema(&[DataType::Utf8View, DataType::Int64, end]);
    WindowAggregateOperator::new(
        &spec,
        &input(),
        output,
        &filbert_functions::FunctionRegistry::new(),
    )
    .unwrap()
}

fn second(s: i64) -> String {
    format!("1970-01-01T00:{:02}:{:02}", s / 60, s % 60)
}

/// `+I key second value` with the second as a timestamp, and `@ second`.
fn rows(lines: &str) -> ChangeBatch {
    let lines: Vec<String> = lines
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["@", at] => format!("@ {}", at.parse::<i64>().unwrap() * 1000),
                [kind, key, at, value] => {
                    format!("{kind} {key} {} {value}", second(at.parse().unwrap()))
                }
                other => panic!("{other:?}"),
            }
        })
        .collect();
    batch(&input(), &lines.join("\n")).unwrap()
}

fn drain(out: &mut Output, lines: &mut Vec<String>) {
    while let Some(emitted) = out.take() {
        match emitted {
            Emitted::Batch(b) => {
                lines.extend(
                    text(&b)
                        .unwrap()
                        .lines()
                        .map(|l| l.replace("1970-01-01T00:", "")),
                );
            }
            Emitted::Watermark(w) => lines.push(format!("@ {w}")),
            Emitted::Side(0, b) => lines.push(format!("late {}", b.num_rows())),
            other => panic!("{other:?}"),
        }
    }
}

/// Everything that comes out, with room for `room` rows at a time.
fn run(
    operator: &mut WindowAggregateOperator,
    batches: &[ChangeBatch],
    room: usize,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut out = Output::new(room);
    for input in batches {
        let mut step = operator.process(0, input.clone(), &mut out).unwrap();
        drain(&mut out, &mut lines);
        while step == Step::More {
            step = operator.resume(&mut out).unwrap();
            drain(&mut out, &mut lines);
        }
    }
    let mut step = operator.watermark(Watermark::MAX, &mut out).unwrap();
    drain(&mut out, &mut lines);
    while step == Step::More {
        step = operator.resume(&mut out).unwrap();
        drain(&mut out, &mut lines);
    }
    lines
}

#[test]
fn windows_fire_when_the_watermark_passes_and_late_rows_are_dropped() {
    let mut operator = operator(
        WindowSpec::Tumble {
            size_ms: 10_000,
            offset_ms: 0,
        },
        false,
    );
    let input = rows("+I a 1 5\n+I b 2 1\n@ 9\n+I a 9 2\n+I a 12 7\n@ 10\n+I a 3 100\n+I b 19 4");
    assert_eq!(
        run(&mut operator, &[input], 1024),
        [
            "@ 9000",
            "+I a 7 00:10",
            "+I b 1 00:10",
            "@ 10000",
            "late 1",
            "+I a 7 00:20",
            "+I b 4 00:20",
            "@ MAX"
        ]
    );
    assert_eq!(operator.metrics.late_records_dropped.get(), 1);
    assert_eq!(
        operator.metrics.state_rows.get(),
        0,
        "fired windows leave nothing"
    );
}

#[test]
fn a_row_counts_in_those_of_its_windows_that_have_not_fired() {
    let hop = WindowSpec::Hop {
        size_ms: 10_000,
        slide_ms: 5_000,
        offset_ms: 0,
    };
    let mut operator = operator(hop, false);
    let input = rows("+I a 6 1\n@ 10\n+I a 7 2");
    assert_eq!(
        run(&mut operator, &[input], 1024),
        ["+I a 1 00:10", "@ 10000", "+I a 3 00:15", "@ MAX"]
    );
}

#[test]
fn keys_whose_rows_were_all_retracted_are_not_emitted() {
    let mut operator = operator(
        WindowSpec::Tumble {
            size_ms: 10_000,
            offset_ms: 0,
        },
        true,
    );
    let input = rows("+I a 1 5\n+I b 2 1\n-D a 1 5\n-U b 2 1\n+U b 2 8");
    assert_eq!(
        run(&mut operator, &[input], 1024),
        ["+I b 8 00:10", "@ MAX"]
    );
}

/// The windows' sums by the plain way: each row added to each of its windows, late ones left out.
fn expected(window: &WindowSpec, lines: &[String]) -> Vec<String> {
    let assigner = WindowAssigner::new(window, None).unwrap();
    let mut sums = std::collections::BTreeMap::new();
    let mut watermark = i64::MIN;
    for line in lines {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["@", at] => watermark = at.parse::<i64>().unwrap() * 1000,
            [_, key, at, value] => {
                let at = at.parse::<i64>().unwrap() * 1000;
                assigner.windows_of(at, |w| {
                    if watermark < w.end_ms - 1 {
                        let sum = sums.entry((w.end_ms, (*key).to_owned())).or_insert(0);
                        *sum += value.parse::<i64>().unwrap();
                    }
                });
            }
            other => panic!("{other:?}"),
        }
    }
    let mut lines: Vec<String> = sums
        .into_iter()
        .map(|((end, key), sum)| format!("+I {key} {sum} {}", second(end / 1000)))
        .collect();
    lines.sort();
    lines
}

proptest! {
    /// Slices give what adding each row to each of its windows gives, and leave nothing behind.
    #[test]
    fn slices_are_as_good_as_windows(
        steps in prop::collection::vec((0u8..3, 0i64..90, 0i64..9, prop::option::weighted(0.3, 0i64..90)), 1..60),
        shape in 0usize..6,
        room in 1usize..5,
    ) {
        let hop = |size_ms, slide_ms| WindowSpec::Hop { size_ms, slide_ms, offset_ms: 1_000 };
        let window = match shape {
            0 => hop(12_000, 4_000),
            1 => hop(10_000, 4_000),
            2 => hop(3_000, 7_000),
            3 => hop(5_000, 5_000),
            4 => WindowSpec::Cumulate { size_ms: 20_000, step_ms: 5_000, offset_ms: -2_000 },
            _ => WindowSpec::Tumble { size_ms: 7_000, offset_ms: 3_000 },
        };
        let mut watermark = 0;
        let mut lines = Vec::new();
        for (key, at, value, mark) in steps {
            lines.push(format!("+I k{key} {at} {value}"));
            if let Some(mark) = mark {
                watermark = watermark.max(mark);
                lines.push(format!("@ {watermark}"));
            }
        }
        let mut operator = operator(window.clone(), false);
        let got = run(&mut operator, &[rows(&lines.join("\n"))], room);
        let mut got: Vec<String> = got
            .into_iter()
            .filter(|l| l.starts_with('+'))
            .map(|l| {
                let (rest, end) = l.rsplit_once(' ').unwrap();
                format!("{rest} 1970-01-01T00:{end}")
            })
            .collect();
        got.sort();
        prop_assert_eq!(got, expected(&window, &lines));
        prop_assert_eq!(operator.metrics.state_rows.get(), 0);
    }

    /// Cutting the input anywhere, and any room in the output, give the same rows and watermarks.
    #[test]
    fn batch_boundaries_mean_nothing(
        steps in prop::collection::vec((0u8..4, 0i64..60, 0i64..9, prop::option::weighted(0.3, 0i64..60)), 1..80),
        cuts in prop::collection::vec(1usize..9, 1..20),
        room in 1usize..5,
    ) {
        let mut watermark = 0;
        let mut lines = Vec::new();
        for (key, at, value, mark) in steps {
            lines.push(format!("+I k{key} {at} {value}"));
            if let Some(mark) = mark {
                watermark = watermark.max(mark);
                lines.push(format!("@ {watermark}"));
            }
        }
        let window = WindowSpec::Hop { size_ms: 12_000, slide_ms: 4_000, offset_ms: 1_000 };
        let whole = rows(&lines.join("\n"));
        let mut pieces = Vec::new();
        let (mut at, mut cut) = (0, cuts.iter().cycle());
        while at < whole.num_rows() {
            let length = (*cut.next().unwrap()).min(whole.num_rows() - at);
            pieces.push(whole.slice(at, length));
            at += length;
        }
        let rows_only = |lines: Vec<String>| lines.into_iter().filter(|l| l.starts_with('+')).collect::<Vec<_>>();
        let expected = rows_only(run(&mut operator(window.clone(), false), &[whole], 1024));
        let got = rows_only(run(&mut operator(window, false), &pieces, room));
        prop_assert_eq!(got, expected);
    }
}
