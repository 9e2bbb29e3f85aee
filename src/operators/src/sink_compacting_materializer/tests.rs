use arrow::datatypes::DataType;
use filbert_graph::spec::ConflictSpec;

use super::*;
use crate::output::Emitted;
use crate::testing::{batch, schema, text};

fn operator(fails: bool) -> SinkCompactingMaterializerOperator {
    let spec = SinkMaterializerSpec {
        primary_key: vec![0],
        upsert_key: Some(vec![1]),
        conflict: ConflictSpec::Nothing,
        state_ttl_ms: None,
    };
    SinkCompactingMaterializerOperator::new(&spec, fails, &input(), input()).unwrap()
}

fn input() -> SchemaRef {
    schema(&[DataType::Int32, DataType::Int32, DataType::Int32])
}

/// What is emitted for a batch, in pieces of one row.
fn run(operator: &mut SinkCompactingMaterializerOperator, rows: &str) -> Result<Vec<String>> {
    let mut out = Output::new(1);
    let mut lines = Vec::new();
    let mut step = operator.process(0, batch(&input(), rows).unwrap(), &mut out)?;
    loop {
        while let Some(emitted) = out.take() {
            match emitted {
                Emitted::Batch(b) => lines.extend(text(&b).unwrap().lines().map(str::to_owned)),
                Emitted::Watermark(w) => lines.push(format!("@ {w}")),
                other => lines.push(format!("{other:?}")),
            }
        }
        if step == Step::Done {
            return Ok(lines);
        }
        step = operator.resume(&mut out)?;
    }
}

#[test]
fn the_first_row_of_a_key_is_kept() {
    let mut materializer = operator(false);
    let rows = "+I 1 10 0\n+I 1 20 0\n+I 2 30 0\n@ 5\n+I 1 40 0\n-D 1 10 0\n@ 6";
    assert_eq!(
        run(&mut materializer, rows).unwrap(),
        ["+I 1 10 0", "+I 2 30 0", "@ 5", "+U 1 40 0", "@ 6"]
    );
    let rows = "+U 2 30 7\n@ 7\n+U 2 30 7\n@ 8\n-D 2 30 7\n@ 9";
    assert_eq!(
        run(&mut materializer, rows).unwrap(),
        ["+U 2 30 7", "@ 8", "-D 2 30 7", "@ 9"]
    );
    assert_eq!(materializer.rows.len(), 1);
}

#[test]
fn a_conflict_that_is_there_at_the_watermark_fails() {
    let mut materializer = operator(true);
    let passing = "+I 1 10 0\n+I 1 20 0\n-U 1 10 0\n@ 5";
    assert_eq!(
        run(&mut materializer, passing).unwrap(),
        ["+I 1 20 0", "@ 5"]
    );
    let error = run(&mut materializer, "+I 1 30 0\n@ 6").unwrap_err();
    let error = error.to_string();
    assert!(error.contains("Conflicting key: [c0=1]"), "{error}");
}
