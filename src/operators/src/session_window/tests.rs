use arrow::datatypes::{DataType, TimeUnit};

use super::*;
use crate::operator::{Operator, Step};
use crate::output::Emitted;
use crate::testing::{batch, schema, text};

fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

/// The rows of a key and a time in sessions of a gap of 5 ms, one line a row; those of a batch stand in one string.
fn said(batches: &[&str]) -> Vec<String> {
    let spec = WindowTableFunctionSpec {
        window: WindowSpec::Session {
            gap_ms: 5,
            partition_by: vec![0],
        },
        time: 1,
        proctime: false,
        time_zone: None,
    };
    let input = schema(&[DataType::Int64, time()]);
    let output = schema(&[DataType::Int64, time(), time(), time(), time()]);
    let mut operator = session_window(&spec, &input, output).unwrap();
    let mut out = Output::new(100);
    let mut lines = Vec::new();
    for rows in batches {
        let batch = batch(&input, rows).unwrap();
        assert_eq!(operator.process(0, batch, &mut out).unwrap(), Step::Done);
        while let Some(emitted) = out.take() {
            match emitted {
                Emitted::Batch(b) => lines.extend(text(&b).unwrap().lines().map(str::to_owned)),
                Emitted::Side(_, b) => lines.push(format!("late {}", b.num_rows())),
                Emitted::Watermark(w) => lines.push(format!("@ {w}")),
                other => panic!("{other:?}"),
            }
        }
    }
    lines
}

fn row(key: i64, time: i64) -> String {
    format!("+I {key} 1970-01-01T00:00:00.{time:03}")
}

#[test]
fn a_row_is_late_by_the_session_that_it_joins_wherever_batches_are_cut() {
    // A session of its own would be over by 20; the one before it, which it joins, isn't.
    let lines = [
        "@ 20".to_owned(),
        row(1, 18),
        row(1, 14),
        row(2, 14),
        "@ 30".to_owned(),
    ];
    let whole = said(&[&lines.join("\n")]);
    let cut = said(&lines.each_ref().map(String::as_str));
    assert_eq!(whole, cut);
    assert_eq!(whole.iter().filter(|l| l.starts_with("+I 1 ")).count(), 2);
    assert!(whole.contains(&"late 1".to_owned()));
}
