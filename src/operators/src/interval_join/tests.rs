use arrow::datatypes::{DataType, TimeUnit};
use proptest::prelude::*;

use super::*;
use crate::output::Emitted;
use crate::testing::{batch, schema, text};

/// A key, a time, a number.
fn input() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Millisecond, None);
    schema(&[DataType::Int32, time, DataType::Int32])
}

fn operator(kind: JoinKind, lower_ms: i64, upper_ms: i64) -> IntervalJoinOperator {
    let spec = IntervalJoinSpec {
        kind,
        proctime: false,
        times: [1, 1],
        lower_ms,
        upper_ms,
        keys: [vec![0], vec![0]],
        null_meets_null: vec![false],
        condition: None,
        min_cleanup_ms: 0,
    };
    let one = input();
    let fields = one.fields().iter().chain(one.fields());
    let types: Vec<DataType> = fields.map(|f| f.data_type().clone()).collect();
    IntervalJoinOperator::from_parts(&spec, [&one, &one], schema(&types), None).unwrap()
}

type Row = (Option<i32>, i64, i32);

fn line(row: &Row) -> String {
    let key = row.0.map_or("-".to_owned(), |k| k.to_string());
    format!("{key} 1970-01-01T00:00:00.{:03} {}", row.1, row.2)
}

fn drain(
    join: &mut IntervalJoinOperator,
    mut step: Step,
    out: &mut Output,
    lines: &mut Vec<String>,
) {
    loop {
        while let Some(emitted) = out.take() {
            match emitted {
                Emitted::Batch(b) => lines.extend(text(&b).unwrap().lines().map(str::to_owned)),
                Emitted::Watermark(w) => lines.push(format!("@ {w}")),
                other => panic!("{other:?}"),
            }
        }
        if step == Step::Done {
            return;
        }
        step = join.resume(out).unwrap();
    }
}

fn send(join: &mut IntervalJoinOperator, side: usize, rows: &str, rows_max: usize) -> Vec<String> {
    let mut out = Output::new(rows_max);
    let mut lines = Vec::new();
    let batch = batch(&input(), rows).unwrap();
    let step = join.process(side, batch, &mut out).unwrap();
    drain(join, step, &mut out, &mut lines);
    lines
}

fn rise(join: &mut IntervalJoinOperator, watermark: Watermark) -> Vec<String> {
    let mut out = Output::new(4);
    let mut lines = Vec::new();
    let step = join.watermark(watermark, &mut out).unwrap();
    drain(join, step, &mut out, &mut lines);
    lines
}

#[test]
fn a_row_is_padded_when_its_interval_is_over_and_watermarks_are_held_back() {
    let mut join = operator(JoinKind::Left, -20, 0);
    let row = line(&(Some(1), 100, 7));
    assert!(send(&mut join, 0, &format!("+I {row}"), 8).is_empty());
    assert_eq!(rise(&mut join, Watermark(120)), ["@ 100"]);
    let padded = format!("+I {row} - - -");
    assert_eq!(
        rise(&mut join, Watermark(121)),
        [padded, "@ 101".to_owned()]
    );
    assert!(join.index.is_empty());
}

#[test]
fn a_late_row_waits_for_nothing() {
    let mut join = operator(JoinKind::Full, 0, 10);
    rise(&mut join, Watermark(500));
    let row = line(&(Some(1), 100, 7));
    let lines = send(&mut join, 1, &format!("+I {row}"), 8);
    assert_eq!(lines, [format!("+I - - - {row}")]);
}

#[test]
fn in_an_empty_interval_nothing_meets() {
    let mut join = operator(JoinKind::Left, 10, 0);
    let row = line(&(Some(1), 100, 7));
    assert!(send(&mut join, 1, &format!("+I {row}"), 8).is_empty());
    let lines = send(&mut join, 0, &format!("+I {row}"), 8);
    assert_eq!(lines, [format!("+I {row} - - -")]);
}

fn rows() -> impl Strategy<Value = Vec<(usize, Row)>> {
    let key = prop_oneof![4 => (0..3).prop_map(Some), 1 => Just(None)];
    let row = (0usize..2, (key, 100i64..160, 0..5i32));
    prop::collection::vec(row, 0..60).prop_map(|mut rows| {
        // Near the order of time: none is late by the watermarks below.
        rows.sort_by_key(|(_, row)| row.1 / 10);
        rows
    })
}

fn naive(kind: JoinKind, lower: i64, upper: i64, sides: [&[Row]; 2]) -> Vec<String> {
    let meets =
        |l: &Row, r: &Row| l.0.is_some() && l.0 == r.0 && (lower..=upper).contains(&(l.1 - r.1));
    let mut lines = Vec::new();
    for l in sides[0] {
        for r in sides[1].iter().filter(|r| meets(l, r)) {
            lines.push(format!("+I {} {}", line(l), line(r)));
        }
        if matches!(kind, JoinKind::Left | JoinKind::Full) && !sides[1].iter().any(|r| meets(l, r))
        {
            lines.push(format!("+I {} - - -", line(l)));
        }
    }
    for r in sides[1] {
        if matches!(kind, JoinKind::Right | JoinKind::Full) && !sides[0].iter().any(|l| meets(l, r))
        {
            lines.push(format!("+I - - - {}", line(r)));
        }
    }
    lines.sort();
    lines
}

proptest! {
    #[test]
    fn cuts_change_nothing_and_nothing_is_left(
        kind in prop::sample::select(vec![JoinKind::Inner, JoinKind::Left, JoinKind::Right, JoinKind::Full]),
        lower in -20i64..15,
        span in 0i64..20,
        rows in rows(),
        cut in 1usize..8,
        rows_max in 1usize..6,
    ) {
        let upper = lower + span;
        let mut join = operator(kind, lower, upper);
        let mut sides: [Vec<Row>; 2] = Default::default();
        let mut lines = Vec::new();
        let mut pending: (usize, Vec<String>) = (0, Vec::new());
        for (side, row) in rows {
            sides[side].push(row);
            if pending.0 != side || pending.1.len() >= cut {
                lines.extend(send(&mut join, pending.0, &pending.1.join("\n"), rows_max));
                pending = (side, Vec::new());
            }
            pending.1.push(format!("@ {}\n+I {}", row.1 / 10 * 10 - 1, line(&row)));
        }
        lines.extend(send(&mut join, pending.0, &pending.1.join("\n"), rows_max));
        lines.extend(rise(&mut join, Watermark::MAX));
        lines.retain(|l| !l.starts_with('@'));
        lines.sort();
        prop_assert_eq!(lines, naive(kind, lower, upper, [&sides[0], &sides[1]]));
        prop_assert!(join.sides.iter().all(|s| s.rows.is_empty() && s.order.is_empty()));
        prop_assert!(join.index.is_empty());
    }
}
