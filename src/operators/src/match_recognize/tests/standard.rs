//! Patterns beyond Flink's against a matcher that tries all ways, the preferred first.

use arrow::array::{Array, StringViewArray};
use filbert_graph::spec::MatchAggregateSpec;
use filbert_types::Field;

use super::backtracking::{Backtracking, Line, Test, expected};
use super::*;
use crate::error::Result;

const VARIABLES: usize = 3;

fn condition(variable: usize, test: Test) -> Option<MatchExprSpec> {
    let row = |variables: Vec<usize>, physical: i64| {
        let column = MatchColumn::Row {
            variables,
            first: false,
            offset: 0,
            physical,
            cell: 1,
            running: false,
        };
        (column, LogicalType::from(TypeKind::BigInt))
    };
    let own = row(vec![variable], 0);
    let sum = (
        MatchColumn::Aggregate {
            place: 1 + variable,
            running: false,
        },
        LogicalType::from(TypeKind::BigInt),
    );
    let (columns, op, right) = match test {
        Test::Any => return None,
        Test::Below(limit) => (vec![own], Op::Lt, lit(limit)),
        Test::NotLessThan(of) => (vec![own, row(vec![of], 0)], Op::GtEq, column(1)),
        Test::SumBelow(limit) => (vec![sum], Op::Lt, lit(limit)),
        Test::MoreThanPrev => (vec![own, row(vec![variable], -1)], Op::Gt, column(1)),
        Test::LessThanNext(offset) => (vec![own, row(vec![variable], offset)], Op::Lt, column(1)),
    };
    Some(MatchExprSpec {
        columns,
        expr: spec_of(
            Arc::new(BinaryExpr::new(column(0), op, right)),
            TypeKind::Boolean,
        ),
    })
}

/// COUNT of the first variable's rows, the sums of each, the average of the first's.
fn aggregates() -> Vec<MatchAggregateSpec> {
    let long = || LogicalType::from(TypeKind::BigInt);
    let aggregate = |function: &str, variable: usize| MatchAggregateSpec {
        function: function.to_owned(),
        variables: vec![variable],
        args: vec![1],
        arg_types: vec![long()],
        output: Field::new(function, long()),
    };
    let mut all = vec![aggregate("COUNT", 0)];
    all.extend((0..VARIABLES).map(|v| aggregate("SUM", v)));
    all.push(aggregate("AVG", 0));
    all
}

fn spec(case: &Case, time: MatchTime) -> MatchSpec {
    let running = case.rows != MatchRows::One;
    let measure = |column_: MatchColumn, kind: TypeKind| MatchExprSpec {
        columns: vec![(column_, LogicalType::from(kind.clone()))],
        expr: spec_of(column(0), kind),
    };
    let number = |first, running| MatchColumn::Row {
        variables: (0..VARIABLES).collect(),
        first,
        offset: 0,
        physical: 0,
        cell: 0,
        running,
    };
    let aggregate = |place, running| MatchColumn::Aggregate { place, running };
    let long = TypeKind::BigInt;
    MatchSpec {
        partition_by: vec![0],
        time,
        order_by: Vec::new(),
        variables: (0..VARIABLES).map(|v| v.to_string()).collect(),
        pattern: case.pattern.clone(),
        standard: true,
        within_ms: case.within,
        after: case.after,
        rows: case.rows.clone(),
        cells: vec![
            spec_of(column(3), TypeKind::BigInt),
            spec_of(column(1), TypeKind::BigInt),
        ],
        aggregates: aggregates(),
        conditions: (0..VARIABLES)
            .map(|v| condition(v, case.tests[v]))
            .collect(),
        measures: vec![
            measure(MatchColumn::MatchNumber, long.clone()),
            measure(MatchColumn::Classifier { running }, TypeKind::STRING),
            measure(number(true, running), long.clone()),
            measure(number(false, running), long.clone()),
            measure(number(false, false), long.clone()),
            measure(aggregate(0, running), long.clone()),
            measure(aggregate(1 + VARIABLES, running), long.clone()),
            measure(aggregate(1 + VARIABLES, false), long),
        ],
    }
}

#[derive(Debug, Clone)]
struct Case {
    pattern: RowPattern,
    tests: Vec<Test>,
    rows: MatchRows,
    after: AfterMatch,
    within: Option<i64>,
    values: Vec<i64>,
    keys: Vec<i64>,
    times: Vec<i64>,
    cuts: Vec<usize>,
}

/// The operator's lines by key, the rows left once the watermark has passed everything, and those left at the end.
struct Ran {
    lines: Vec<(i64, Line)>,
    passed: u64,
    left: u64,
}

fn run_spec(case: &Case, spec: &MatchSpec, rows: &RecordBatch) -> Result<Ran> {
    let mut types = vec![DataType::Int64; 10];
    types[if case.rows == MatchRows::One { 2 } else { 3 }] = DataType::Utf8View;
    if case.rows == MatchRows::One {
        types.pop();
    }
    let mut operator = MatchRecognizeOperator::new(
        spec,
        &input_schema(),
        schema(&types),
        &exprs(),
        &Default::default(),
    )?;
    let mut out = Output::new(3);
    let mut lines = Vec::new();
    let mut finish = |operator: &mut MatchRecognizeOperator, out: &mut Output, step: Step| {
        let mut step = step;
        loop {
            while let Some(emitted) = out.take() {
                if let Emitted::Batch(batch) = emitted {
                    lines.extend((0..batch.num_rows()).map(|row| line(&batch.rows, row)));
                }
            }
            if step != Step::More {
                return Ok::<(), crate::error::OperatorError>(());
            }
            step = operator.resume(out)?;
        }
    };
    let event = matches!(spec.time, MatchTime::Event(_));
    let mut start = 0;
    for end in case.cuts.iter().copied().chain([rows.num_rows()]) {
        let end = end.clamp(start, rows.num_rows());
        let mut batch = ChangeBatch::insert(rows.slice(start, end - start));
        if event {
            let next = case.times[end..].iter().min().copied();
            batch.marks.push(WatermarkMark {
                offset: end - start,
                watermark: Watermark(next.map_or(0, |t| t - 1)),
            });
        }
        start = end;
        let step = operator.process(0, batch, &mut out)?;
        finish(&mut operator, &mut out, step)?;
    }
    let mut passed = 0;
    if event {
        for watermark in [Watermark(i64::MAX - 1), Watermark::MAX] {
            let step = operator.watermark(watermark, &mut out)?;
            finish(&mut operator, &mut out, step)?;
            if watermark != Watermark::MAX {
                passed = operator.metrics.state_rows.get();
            }
        }
    }
    let step = operator.end_input(0, &mut out)?;
    finish(&mut operator, &mut out, step)?;
    let left = operator.metrics.state_rows.get();
    Ok(Ran {
        lines,
        passed,
        left,
    })
}

fn line(rows: &RecordBatch, row: usize) -> (i64, Line) {
    let values = rows.columns().iter().map(|column| {
        if column.is_null(row) {
            return None;
        }
        if let Some(longs) = column.as_any().downcast_ref::<Int64Array>() {
            return Some(longs.value(row));
        }
        let names = column.as_any().downcast_ref::<StringViewArray>().unwrap();
        Some(names.value(row).parse().unwrap())
    });
    let mut values: Line = values.collect();
    (values.remove(0).unwrap(), values)
}

fn patterns() -> impl Strategy<Value = RowPattern> {
    let leaf = (0..VARIABLES).prop_map(RowPattern::Variable);
    leaf.prop_recursive(4, 12, 3, |inner| {
        let quantifier = prop_oneof![
            Just((0, None)),
            Just((1, None)),
            Just((0, Some(1))),
            Just((2, Some(2))),
            Just((0, Some(2))),
            Just((1, Some(3))),
            Just((2, None)),
        ];
        prop_oneof![
            3 => proptest::collection::vec(inner.clone(), 2..4).prop_map(RowPattern::Concat),
            2 => proptest::collection::vec(inner.clone(), 2..4).prop_map(RowPattern::Alternation),
            3 => (inner.clone(), quantifier, any::<bool>()).prop_map(
                |(pattern, (min, max), reluctant)| RowPattern::Repeat {
                    pattern: Box::new(pattern),
                    min,
                    max,
                    reluctant,
                }
            ),
            1 => inner.clone().prop_map(|p| RowPattern::Exclude(Box::new(p))),
            // PERMUTE of two.
            1 => (inner.clone(), inner).prop_map(|(a, b)| RowPattern::Alternation(vec![
                RowPattern::Concat(vec![a.clone(), b.clone()]),
                RowPattern::Concat(vec![b, a]),
            ])),
        ]
    })
}

fn tests() -> impl Strategy<Value = Test> {
    prop_oneof![
        2 => Just(Test::Any),
        4 => (1..5i64).prop_map(Test::Below),
        2 => (0..VARIABLES).prop_map(Test::NotLessThan),
        2 => (2..9i64).prop_map(Test::SumBelow),
        1 => Just(Test::MoreThanPrev),
        1 => (1..3i64).prop_map(Test::LessThanNext),
    ]
}

fn cases() -> impl Strategy<Value = Case> {
    let all = |empty, unmatched| MatchRows::All {
        columns: vec![3],
        empty,
        unmatched,
    };
    let rows = prop_oneof![
        2 => Just(MatchRows::One),
        2 => Just(all(true, false)),
        1 => Just(all(false, false)),
        2 => Just(all(true, true)),
    ];
    let after = prop_oneof![
        4 => Just(AfterMatch::PastLastRow),
        4 => Just(AfterMatch::ToNextRow),
        1 => (0..VARIABLES).prop_map(AfterMatch::ToFirst),
        1 => (0..VARIABLES).prop_map(AfterMatch::ToLast),
    ];
    let rows_of = proptest::collection::vec((0..5i64, 0..2i64, 0..3i64), 0..16);
    let within = proptest::option::weighted(0.4, 1..8i64);
    let cuts = proptest::collection::vec(0..16usize, 0..4);
    let tests = proptest::collection::vec(tests(), VARIABLES);
    (patterns(), tests, rows, after, within, rows_of, cuts).prop_map(
        |(pattern, tests, rows, after, within, rows_of, mut cuts)| {
            let mut time = 1_000;
            let times: Vec<i64> = rows_of
                .iter()
                .map(|r| {
                    time += r.2;
                    time
                })
                .collect();
            cuts.sort_unstable();
            // A batch ends only where the time has changed: else rows behind the watermark would be late.
            cuts.retain(|c| *c == 0 || *c >= times.len() || times[*c] > times[*c - 1]);
            Case {
                pattern,
                tests,
                rows,
                after,
                within,
                values: rows_of.iter().map(|r| r.0).collect(),
                keys: rows_of.iter().map(|r| r.1).collect(),
                times,
                cuts,
            }
        },
    )
}

/// By key, the lines that trying all ways gives; none where it fails.
fn naive(case: &Case) -> Option<Vec<Vec<Line>>> {
    (0..2)
        .map(|key| {
            let mine: Vec<usize> = (0..case.values.len())
                .filter(|i| case.keys[*i] == key)
                .collect();
            let of_key = |all: &[i64]| mine.iter().map(|i| all[*i]).collect::<Vec<_>>();
            let (values, times) = (of_key(&case.values), of_key(&case.times));
            let numbers: Vec<i64> = mine.iter().map(|i| *i as i64).collect();
            let naive = Backtracking {
                pattern: &case.pattern,
                tests: &case.tests,
                values: &values,
                times: &times,
                within: case.within,
            };
            expected(&naive, &numbers, &case.rows, case.after)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Streaming, whatever the batches and watermarks, and over sorted input.
    #[test]
    fn matches_are_the_preferred_ones(case in cases()) {
        let numbers: Vec<i64> = (0..case.values.len() as i64).collect();
        let streamed = rows_of(&case.keys, &case.values, &case.times, &numbers);
        let mut order: Vec<u32> = (0..case.values.len() as u32).collect();
        order.sort_by_key(|row| case.keys[*row as usize]);
        let order = arrow::array::UInt32Array::from(order);
        let sorted = arrow::compute::take_record_batch(&streamed, &order).unwrap();
        let naive = naive(&case);
        for (time, rows) in [(MatchTime::Event(2), streamed), (MatchTime::Sorted(Some(2)), sorted)] {
            let ran = run_spec(&case, &spec(&case, time), &rows);
            let Some(expected) = &naive else {
                prop_assert!(ran.is_err(), "{time:?}: a match was skipped to nowhere");
                continue;
            };
            let ran = ran.unwrap();
            for key in 0..2 {
                let got: Vec<Line> = ran
                    .lines
                    .iter()
                    .filter(|(k, _)| *k == key)
                    .map(|(_, line)| line.clone())
                    .collect();
                prop_assert_eq!(&got, &expected[key as usize], "{:?}, key {}", time, key);
            }
            let looks = |f: fn(&Test) -> bool| case.tests.iter().any(f);
            let back = looks(|t| matches!(t, Test::MoreThanPrev));
            let ahead = looks(|t| matches!(t, Test::LessThanNext(_)));
            if !back {
                prop_assert_eq!(ran.left, 0, "{:?}: rows left at the end", time);
            }
            if case.within.is_some() && !back && !ahead {
                prop_assert_eq!(ran.passed, 0, "rows left behind the watermark");
            }
        }
    }
}
