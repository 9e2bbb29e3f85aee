use arrow::datatypes::DataType;
use std::collections::BTreeMap;

use filbert_graph::spec::ConflictSpec;
use proptest::prelude::*;

use super::*;
use crate::output::Emitted;
use crate::testing::{batch, schema, text};

fn operator(upsert_key: Option<Vec<usize>>) -> SinkUpsertMaterializerOperator {
    let spec = SinkMaterializerSpec {
        primary_key: vec![0],
        upsert_key,
        conflict: ConflictSpec::Deduplicate,
        state_ttl_ms: None,
    };
    SinkUpsertMaterializerOperator::new(&spec, &input(), input()).unwrap()
}

fn input() -> SchemaRef {
    schema(&[DataType::Int32, DataType::Int32])
}

fn run(operator: &mut SinkUpsertMaterializerOperator, rows: &str) -> Vec<String> {
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
fn the_row_before_comes_back_when_the_last_goes() {
    let mut materializer = operator(Some(vec![1]));
    let first = run(&mut materializer, "+I 1 10\n+I 1 20\n-U 1 20\n@ 7\n+U 2 20");
    assert_eq!(first, ["+I 1 10", "+U 1 20", "+U 1 10", "@ 7", "+I 2 20"]);
    let second = run(&mut materializer, "-D 1 30\n-D 1 10\n-D 2 20");
    assert_eq!(second, ["-D 1 10", "-D 2 20"]);
    assert_eq!(materializer.rows.len(), 0);
    assert_eq!(materializer.keys.len() + materializer.entries.len(), 0);
}

#[test]
fn equal_rows_count_without_an_upsert_key() {
    let mut materializer = operator(None);
    let rows = "+I 1 10\n+I 1 10\n-D 1 10\n-D 1 10\n-D 1 10";
    assert_eq!(
        run(&mut materializer, rows),
        ["+I 1 10", "+U 1 10", "-D 1 10"]
    );
}

proptest! {
    /// Rows that move between primary keys: what the sink has in the end is the last of each key's rows.
    #[test]
    fn the_last_row_of_each_key_is_written(
        moves in prop::collection::vec((0..5i32, 0..4i32), 1..50),
        cut in 1..20usize,
    ) {
        let mut at: BTreeMap<i32, i32> = BTreeMap::new();
        let mut lists: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        let mut lines = Vec::new();
        for (row, key) in moves {
            let old = at.get(&row).copied();
            if let Some(old) = old {
                lines.push(format!("-U {old} {row}"));
                lists.entry(old).or_default().retain(|r| *r != row);
            }
            // Key 0 stands for a delete.
            match key {
                0 => { at.remove(&row); }
                key => {
                    lines.push(format!("+U {key} {row}"));
                    lists.entry(key).or_default().push(row);
                    at.insert(row, key);
                }
            }
        }
        let mut materializer = operator(Some(vec![1]));
        let mut sink: BTreeMap<String, String> = BTreeMap::new();
        for piece in lines.chunks(cut) {
            for line in run(&mut materializer, &piece.join("\n")) {
                let words: Vec<&str> = line.split(' ').collect();
                let key = words[1].to_owned();
                match words[0] {
                    "+I" => prop_assert_eq!(sink.insert(key, words[2].to_owned()), None),
                    "+U" => prop_assert!(sink.insert(key, words[2].to_owned()).is_some()),
                    _ => prop_assert!(sink.remove(&key).is_some()),
                }
            }
        }
        let expected: BTreeMap<String, String> = lists
            .into_iter()
            .filter_map(|(key, rows)| Some((key.to_string(), rows.last()?.to_string())))
            .collect();
        prop_assert_eq!(sink, expected);
        prop_assert_eq!(materializer.rows.len(), at.len());
    }
}
