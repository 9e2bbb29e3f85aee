use arrow::datatypes::DataType;
use std::collections::BTreeMap;

use filbert_functions::FunctionRegistry;
use proptest::prelude::*;

use super::*;
use crate::CodecExpressions;
use crate::output::Emitted;
use crate::testing::{batch, schema, text};

fn operator(emit_update_before: bool) -> ChangelogNormalizeOperator {
    let spec = ChangelogNormalizeSpec {
        keys: vec![0],
        condition: None,
        emit_update_before,
        state_ttl_ms: None,
    };
    let expressions = CodecExpressions::new(Arc::new(FunctionRegistry::new()));
    ChangelogNormalizeOperator::new(&spec, &input(), input(), &expressions).unwrap()
}

fn input() -> SchemaRef {
    schema(&[DataType::Int32, DataType::Utf8View])
}

/// What the operator emits, a line a row.
fn run(operator: &mut ChangelogNormalizeOperator, rows: &str) -> Vec<String> {
    let mut out = Output::new(1000);
    let batch = batch(&input(), rows).unwrap();
    assert_eq!(operator.process(0, batch, &mut out).unwrap(), Step::Done);
    let mut lines = Vec::new();
    while let Some(emitted) = out.take() {
        match emitted {
            Emitted::Batch(batch) => lines.extend(text(&batch).unwrap().lines().map(str::to_owned)),
            other => lines.push(format!("{other:?}")),
        }
    }
    lines
}

#[test]
fn rows_are_completed_and_folded_by_key() {
    let mut normalize = operator(true);
    let first = run(
        &mut normalize,
        "+I 1 a\n+U 1 b\n+U 1 b\n-D 2 -\n@ 5\n+U 3 x",
    );
    assert_eq!(first, ["+I 1 a", "-U 1 a", "+U 1 b", "@ 5", "+I 3 x"]);
    let second = run(&mut normalize, "+I 1 b\n-D 1 -\n-D 1 -\n+I 3 y\n+U 3 x");
    assert_eq!(second, ["-D 1 b", "-U 3 x", "+U 3 y", "-U 3 y", "+U 3 x"]);
    assert_eq!(normalize.rows.len(), 1);
    assert_eq!(normalize.index.len(), 1);
}

#[test]
fn updates_stand_alone_where_nobody_needs_their_before() {
    let mut normalize = operator(false);
    assert_eq!(run(&mut normalize, "+I 1 a\n+U 1 b"), ["+I 1 a", "+U 1 b"]);
}

/// The table that a changelog makes; every row that is taken back must be there.
fn replay<'a>(changes: impl Iterator<Item = &'a String>) -> BTreeMap<String, String> {
    let mut rows = BTreeMap::new();
    for line in changes {
        let words: Vec<&str> = line.split(' ').collect();
        let (key, value) = (words[1].to_owned(), words[2].to_owned());
        match words[0] {
            "+I" => assert_eq!(rows.insert(key, value), None, "{line}"),
            "+U" => assert_eq!(rows.insert(key, value), None, "{line}"),
            _ => assert_eq!(rows.remove(&key), Some(value), "{line}"),
        }
    }
    rows
}

proptest! {
    #[test]
    fn what_is_emitted_replays_however_batches_are_cut(
        rows in prop::collection::vec((0..4u8, 0..4i32, 0..3u8), 1..60),
        cuts in prop::collection::vec(1..7usize, 60),
    ) {
        let line = |(kind, key, value): &(u8, i32, u8)| match kind {
            0 => format!("+I {key} v{value}"),
            1 | 2 => format!("+U {key} v{value}"),
            _ => format!("-D {key} -"),
        };
        let lines: Vec<String> = rows.iter().map(line).collect();
        let mut model = BTreeMap::new();
        for (kind, key, value) in &rows {
            match kind {
                0..3 => model.insert(key.to_string(), format!("v{value}")),
                _ => model.remove(&key.to_string()),
            };
        }
        let whole = run(&mut operator(true), &lines.join("\n"));
        let (mut parts, mut at) = (Vec::new(), 0);
        let mut cut = operator(true);
        for length in cuts {
            let end = lines.len().min(at + length);
            if at < end {
                parts.extend(run(&mut cut, &lines[at..end].join("\n")));
            }
            at = end;
        }
        prop_assert_eq!(&whole, &parts);
        prop_assert_eq!(replay(whole.iter()), model.clone());
        prop_assert_eq!(cut.rows.len(), model.len());
    }
}
