use std::collections::BTreeMap;

use filbert_graph::spec::SortKey;
use proptest::prelude::*;

use super::*;
use crate::output::Emitted;
use crate::testing::{batch, schema, text};

/// Partition, sort value, id.
type Row = (i64, i64, i64);

fn spec(function: RankFunction, range: (i64, i64), output_rank: bool, append: bool) -> RankSpec {
    RankSpec {
        partition_by: vec![0],
        order_by: vec![SortKey {
            column: 1,
            ascending: false,
            nulls_first: false,
        }],
        function,
        range: RankRange::Constant {
            start: range.0,
            end: range.1,
        },
        strategy: if append {
            RankStrategy::Append
        } else {
            RankStrategy::Retract
        },
        output_rank,
        emit_update_before: true,
        processing_times: Vec::new(),
        state_ttl_ms: None,
    }
}

/// Runs the changes cut into batches, through an output that is full at once; the rows that remain, with their counts.
fn materialized(spec: &RankSpec, changes: &[(bool, Row)], cut: usize) -> BTreeMap<String, i64> {
    let input = schema(&[DataType::Int64, DataType::Int64, DataType::Int64]);
    let mut types = vec![DataType::Int64; 3];
    types.extend(spec.output_rank.then_some(DataType::Int64));
    let mut operator = RankOperator::new(spec, &input, schema(&types)).unwrap();
    let mut out = Output::new(2);
    let mut rows: BTreeMap<String, i64> = BTreeMap::new();
    for changes in changes.chunks(cut) {
        let lines: Vec<String> = changes
            .iter()
            .map(|(adds, (p, v, id))| format!("{} {p} {v} {id}", if *adds { "+I" } else { "-D" }))
            .collect();
        let mut step = operator
            .process(0, batch(&input, &lines.join("\n")).unwrap(), &mut out)
            .unwrap();
        loop {
            while let Some(emitted) = out.take() {
                let Emitted::Batch(batch) = emitted else {
                    continue;
                };
                for line in text(&batch).unwrap().lines() {
                    let (kind, row) = line.split_once(' ').unwrap();
                    let count = rows.entry(row.to_owned()).or_default();
                    *count += if kind.starts_with('+') { 1 } else { -1 };
                    assert!(*count >= 0, "{line} takes back what is not there");
                }
            }
            if step == Step::Done {
                break;
            }
            step = operator.resume(&mut out).unwrap();
        }
    }
    rows.retain(|_, count| *count > 0);
    rows
}

/// The same, from the rows that the input leaves.
fn naive(spec: &RankSpec, changes: &[(bool, Row)]) -> BTreeMap<String, i64> {
    let RankRange::Constant { start, end } = spec.range else {
        return BTreeMap::new();
    };
    let mut left: Vec<Row> = Vec::new();
    for (adds, row) in changes {
        if *adds {
            left.push(*row);
        } else if let Some(at) = left.iter().position(|r| r == row) {
            left.remove(at);
        }
    }
    let mut result = BTreeMap::new();
    for partition in 0..3 {
        let mut rows: Vec<Row> = left.iter().copied().filter(|r| r.0 == partition).collect();
        rows.sort_by_key(|r| -r.1);
        for (at, row) in rows.iter().enumerate() {
            let better = |r: &&Row| r.1 > row.1;
            let rank = match spec.function {
                RankFunction::RowNumber => at as i64 + 1,
                RankFunction::Rank => rows.iter().filter(better).count() as i64 + 1,
                RankFunction::DenseRank => {
                    let values: std::collections::BTreeSet<i64> =
                        rows.iter().filter(better).map(|r| r.1).collect();
                    values.len() as i64 + 1
                }
            };
            if (start..=end).contains(&rank) {
                let shown = if spec.output_rank {
                    format!(" {rank}")
                } else {
                    String::new()
                };
                *result
                    .entry(format!("{} {} {}{shown}", row.0, row.1, row.2))
                    .or_default() += 1;
            }
        }
    }
    result
}

/// Inserts, and deletes of rows that are there.
fn changelog(seeds: &[(i64, i64, bool)], with_deletes: bool) -> Vec<(bool, Row)> {
    let mut live: Vec<Row> = Vec::new();
    let mut changes = Vec::new();
    for (id, (partition, value, deletes)) in (0i64..).zip(seeds) {
        if with_deletes && *deletes && !live.is_empty() {
            let row = live.remove((*value as usize * 7 + id as usize) % live.len());
            changes.push((false, row));
        } else {
            let row = (*partition, *value, id);
            live.push(row);
            changes.push((true, row));
        }
    }
    changes
}

proptest! {
    #[test]
    fn a_top_n_holds_the_best_rows_at_any_cut_of_batches(
        seeds in prop::collection::vec((0..3i64, 0..5i64, any::<bool>()), 1..60),
        function in prop::sample::select(vec![
            RankFunction::RowNumber, RankFunction::Rank, RankFunction::DenseRank,
        ]),
        start in 1..3i64,
        length in 1..4i64,
        output_rank in any::<bool>(),
        append in any::<bool>(),
        cut in 1..20usize,
    ) {
        let spec = spec(function, (start, start + length - 1), output_rank, append);
        let changes = changelog(&seeds, !append);
        prop_assert_eq!(materialized(&spec, &changes, cut), naive(&spec, &changes));
    }
}
