use arrow::datatypes::{DataType, TimeUnit};
use filbert_graph::spec::{AggregateCallSpec, WindowSpec};
use filbert_types::{Field, LogicalType, TypeKind};
use proptest::prelude::*;

use super::*;
use crate::operator::{Operator, Step};
use crate::output::Emitted;
use crate::testing::{batch, schema, text};

fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

/// A key, a time, a value.
fn input() -> SchemaRef {
    schema(&[DataType::Int64, time(), DataType::Int64])
}

fn operator() -> SessionOperator<SessionAggregate> {
    let ty = LogicalType::from(TypeKind::BigInt);
    let call = |function: &str, output: &str| AggregateCallSpec {
        function: function.to_owned(),
        args: vec![2],
        arg_types: vec![ty.clone()],
        distinct: false,
        filter: None,
        order_by: Vec::new(),
        ignore_nulls: false,
        ignores_retractions: false,
        output: Field::new(output, ty.clone()),
    };
    let spec = WindowAggregateSpec {
        window: WindowSpec::Session {
            gap_ms: 5,
            partition_by: vec![0],
        },
        time: 1,
        assigned: false,
        proctime: false,
        time_zone: None,
        keys: vec![0],
        calls: vec![call("SUM", "s"), call("MAX", "m")],
        window_columns: vec![WindowColumn::Start, WindowColumn::End],
        input_retracts: false,
        emit: None,
        merges: false,
    };
    let int = DataType::Int64;
    let output = schema(&[int.clone(), int.clone(), int, time(), time()]);
    session_aggregate(
        &spec,
        &input(),
        output,
        &filbert_functions::FunctionRegistry::new(),
    )
    .unwrap()
}

fn run(
    operator: &mut SessionOperator<SessionAggregate>,
    lines: &[String],
    rows_max: usize,
) -> Vec<String> {
    let mut said = Vec::new();
    let mut out = Output::new(rows_max);
    let batch = batch(&input(), &lines.join("\n")).unwrap();
    let mut step = operator.process(0, batch, &mut out).unwrap();
    loop {
        while let Some(emitted) = out.take() {
            match emitted {
                Emitted::Batch(b) => {
                    let rows = text(&b).unwrap();
                    // The very second has no fraction.
                    let rows = rows.replace("1970-01-01T00:00:00.", "");
                    let rows = rows.replace("1970-01-01T00:00:00", "000");
                    said.extend(rows.lines().map(str::to_owned));
                }
                Emitted::Watermark(w) => said.push(format!("@ {w}")),
                Emitted::Side(_, b) => said.push(format!("late {}", b.num_rows())),
                Emitted::Idle(idle) => said.push(format!("idle {idle}")),
            }
        }
        if step == Step::Done {
            return said;
        }
        step = operator.resume(&mut out).unwrap();
    }
}

fn row(key: i64, time: i64, value: i64) -> String {
    format!("+I {key} 1970-01-01T00:00:00.{time:03} {value}")
}

#[test]
fn a_row_between_sessions_makes_them_one() {
    let lines = [
        row(1, 10, 1),
        row(1, 20, 2),
        row(2, 12, 7),
        row(1, 15, 4),
        "@ 24".to_owned(),
        row(1, 11, 9),
        row(1, 30, 3),
        "@ 100".to_owned(),
    ];
    let mut op = operator();
    assert_eq!(
        run(&mut op, &lines, 100),
        [
            "+I 2 7 7 012 017",
            "+I 1 7 4 010 025",
            "@ 24",
            "late 1",
            "+I 1 3 3 030 035",
            "@ 100"
        ]
    );
    assert_eq!((op.work.slots.len(), op.sessions.index.len()), (0, 0));
}

proptest! {
    /// Against sorting each key's rows and cutting at gaps, however batches are cut.
    #[test]
    fn sessions_hold_what_sorting_gives(
        rows in prop::collection::vec((0..3i64, 0..90i64, -9..9i64), 0..60),
        cut in 1..20usize,
        rows_max in 1..6usize,
    ) {
        let mut op = operator();
        let lines: Vec<String> = rows.iter().map(|(k, t, v)| row(*k, *t, *v)).collect();
        let mut said = Vec::new();
        for piece in lines.chunks(cut) {
            said.extend(run(&mut op, piece, rows_max));
        }
        said.extend(run(&mut op, &["@ 1000".to_owned()], rows_max));
        let mut sorted = rows.clone();
        sorted.sort_unstable();
        let mut sessions: Vec<(i64, i64, i64, i64, i64)> = Vec::new();
        for (key, time, value) in sorted {
            match sessions.last_mut() {
                Some((k, sum, max, _, end)) if *k == key && time <= *end => {
                    *sum += value;
                    *max = value.max(*max);
                    *end = time + 5;
                }
                _ => sessions.push((key, value, value, time, time + 5)),
            }
        }
        let mut expected: Vec<String> = sessions
            .iter()
            .map(|(key, sum, max, start, end)| format!("+I {key} {sum} {max} {start:03} {end:03}"))
            .collect();
        expected.sort();
        said.retain(|line| !line.starts_with('@'));
        said.sort();
        prop_assert_eq!(said, expected);
        prop_assert_eq!((op.work.slots.len(), op.sessions.index.len(), op.sessions.table.len()), (0, 0, 0));
    }
}
