mod backtracking;
mod standard;

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use filbert_functions::FunctionRegistry;
use filbert_functions::codec::FunctionCodec;
use filbert_graph::ExprSpec;
use filbert_graph::spec::{
    AfterMatch, MatchColumn, MatchExprSpec, MatchRows, MatchSpec, RowPattern,
};
use filbert_types::{LogicalType, TypeKind, WatermarkMark};
use proptest::prelude::*;

use datafusion::logical_expr::Operator as Op;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, lit};

use super::*;
use crate::expressions::CodecExpressions;
use crate::output::Emitted;
use crate::testing::schema;

/// A variable with its quantifier and its condition.
#[derive(Debug, Clone)]
struct Part {
    min: u32,
    max: Option<u32>,
    reluctant: bool,
    condition: Wanted,
}

/// Conditions on the value `v` of a row.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Any,
    Below(i64),
    /// Not less than the last row of the variable before (or of the first one itself).
    NotLessThanLast,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Skip {
    PastLast,
    ToNext,
}

/// The naive matcher: of each row at which a match may begin it tries all ways, in Flink's sense: greed forbids what
/// follows a greedy variable to take a row that the variable would take. The shortest match counts; of equally long
/// ones all are possible.
struct Naive<'a> {
    parts: &'a [Part],
    values: &'a [i64],
    times: &'a [i64],
    within: Option<i64>,
}

impl Naive<'_> {
    fn holds(&self, part: usize, taken: &[(usize, usize)], row: usize) -> bool {
        match self.parts[part].condition {
            Wanted::Any => true,
            Wanted::Below(limit) => self.values[row] < limit,
            Wanted::NotLessThanLast => {
                let of = part.saturating_sub(1);
                let last = taken.iter().rev().find(|(p, _)| *p == of);
                // In the first part's own condition the last row is the row itself.
                if part == 0 {
                    return true;
                }
                last.is_some_and(|(_, r)| self.values[row] >= self.values[*r])
            }
        }
    }

    fn greedy(&self, part: usize) -> bool {
        let p = &self.parts[part];
        !p.reluctant && p.max != Some(p.min) && !(p.min == 0 && p.max == Some(1))
    }

    /// All matches that begin at a row, as lists of parts and rows.
    fn all(&self, start: usize) -> Vec<Vec<(usize, usize)>> {
        let mut found = Vec::new();
        self.go(start, 0, 0, &mut Vec::new(), &mut found);
        found
    }

    /// `part` has taken `count` rows; the next row is `row`.
    fn go(
        &self,
        row: usize,
        part: usize,
        count: u32,
        taken: &mut Vec<(usize, usize)>,
        found: &mut Vec<Vec<(usize, usize)>>,
    ) {
        // The parts that may take the row: this one, or one behind it, if what lies between is complete.
        let (mut at, mut had) = (part, count);
        let mut forbidden: Vec<usize> = Vec::new();
        loop {
            let p = &self.parts[at];
            if row < self.values.len()
                && p.max.is_none_or(|max| had < max)
                && self.holds(at, taken, row)
                && !forbidden.iter().any(|f| self.holds(*f, taken, row))
                && self.in_time(taken, row)
            {
                taken.push((at, row));
                let last = at + 1 == self.parts.len();
                if had + 1 >= p.min && last {
                    found.push(taken.clone());
                }
                let full = p.max == Some(had + 1);
                if !(full && last) {
                    if full {
                        self.go(row + 1, at + 1, 0, taken, found);
                    } else {
                        self.go(row + 1, at, had + 1, taken, found);
                    }
                }
                taken.pop();
            }
            if had < p.min || at + 1 == self.parts.len() {
                return;
            }
            // What follows a greedy variable leaves to it what it would take.
            if self.greedy(at) {
                forbidden.push(at);
            }
            at += 1;
            had = 0;
        }
    }

    fn in_time(&self, taken: &[(usize, usize)], row: usize) -> bool {
        match (self.within, taken.first()) {
            (Some(within), Some((_, first))) => self.times[row] - self.times[*first] < within,
            _ => true,
        }
    }

    /// First and last row of each match, in order.
    fn matches(&self, skip: Skip) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        let mut start = 0;
        while start < self.values.len() {
            let ends = self.all(start);
            let shortest = ends.iter().filter_map(|m| m.last()).map(|l| l.1).min();
            let Some(end) = shortest else {
                start += 1;
                continue;
            };
            found.push((start, end));
            start = match skip {
                Skip::PastLast => end + 1,
                Skip::ToNext => start + 1,
            };
        }
        found
    }
}

fn exprs() -> CodecExpressions {
    CodecExpressions::new(Arc::new(FunctionRegistry::new()))
}

fn spec_of(expr: Arc<dyn PhysicalExpr>, ty: TypeKind) -> ExprSpec {
    let codec = FunctionCodec::new(Arc::new(FunctionRegistry::new()));
    ExprSpec {
        bytes: codec.encode(&expr).unwrap(),
        text: String::new(),
        ty: LogicalType::from(ty),
    }
}

fn column(index: usize) -> Arc<dyn PhysicalExpr> {
    Arc::new(Column::new(&format!("${index}"), index))
}

fn last(variables: Vec<usize>, first: bool) -> (MatchColumn, LogicalType) {
    let row = MatchColumn::Row {
        variables,
        first,
        offset: 0,
        physical: 0,
        cell: 1,
        running: false,
    };
    (row, LogicalType::from(TypeKind::BigInt))
}

fn condition(part: usize, wanted: Wanted) -> Option<MatchExprSpec> {
    let compare = |columns: Vec<(MatchColumn, LogicalType)>, op, right: Arc<dyn PhysicalExpr>| {
        let expr = Arc::new(BinaryExpr::new(column(0), op, right));
        Some(MatchExprSpec {
            columns,
            expr: spec_of(expr, TypeKind::Boolean),
        })
    };
    match wanted {
        Wanted::Any => None,
        Wanted::Below(limit) => compare(vec![last(vec![part], false)], Op::Lt, lit(limit)),
        Wanted::NotLessThanLast => {
            let before = vec![part.saturating_sub(1)];
            let columns = vec![last(vec![part], false), last(before, false)];
            compare(columns, Op::GtEq, column(1))
        }
    }
}

/// Columns: key, value, time, number; the output is the key, then the numbers of a match's first and last row.
fn spec(parts: &[Part], skip: Skip, within_ms: Option<i64>, time: MatchTime) -> MatchSpec {
    let all: Vec<usize> = (0..parts.len()).collect();
    let number = |first| MatchExprSpec {
        columns: vec![match last(all.clone(), first) {
            (
                MatchColumn::Row {
                    variables,
                    first,
                    offset,
                    physical,
                    ..
                },
                ty,
            ) => (
                MatchColumn::Row {
                    variables,
                    first,
                    offset,
                    physical,
                    cell: 0,
                    running: false,
                },
                ty,
            ),
            other => other,
        }],
        expr: spec_of(column(0), TypeKind::BigInt),
    };
    let pattern = parts
        .iter()
        .enumerate()
        .map(|(variable, part)| RowPattern::Repeat {
            pattern: Box::new(RowPattern::Variable(variable)),
            min: part.min,
            max: part.max,
            reluctant: part.reluctant,
        });
    MatchSpec {
        partition_by: vec![0],
        time,
        order_by: Vec::new(),
        variables: all.iter().map(|v| format!("v{v}")).collect(),
        pattern: RowPattern::Concat(pattern.collect()),
        standard: false,
        within_ms,
        after: match skip {
            Skip::PastLast => AfterMatch::PastLastRow,
            Skip::ToNext => AfterMatch::ToNextRow,
        },
        rows: MatchRows::One,
        cells: vec![
            spec_of(column(3), TypeKind::BigInt),
            spec_of(column(1), TypeKind::BigInt),
        ],
        aggregates: Vec::new(),
        conditions: parts
            .iter()
            .enumerate()
            .map(|(i, part)| condition(i, part.condition))
            .collect(),
        measures: vec![number(true), number(false)],
    }
}

fn input_schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Millisecond, None);
    schema(&[DataType::Int64, DataType::Int64, time, DataType::Int64])
}

fn rows_of(keys: &[i64], values: &[i64], times: &[i64], numbers: &[i64]) -> RecordBatch {
    let longs = |v: &[i64]| Arc::new(Int64Array::from(v.to_vec())) as ArrayRef;
    let times = arrow::compute::cast(&longs(times), input_schema().field(2).data_type()).unwrap();
    let columns = vec![longs(keys), longs(values), times, longs(numbers)];
    RecordBatch::try_new(input_schema(), columns).unwrap()
}

/// Drives the operator over rows cut into batches, with a watermark behind each batch.
fn run(
    spec: &MatchSpec,
    rows: &RecordBatch,
    cuts: &[usize],
    times: &[i64],
) -> (Vec<(i64, i64, i64)>, u64) {
    let output = schema(&[DataType::Int64, DataType::Int64, DataType::Int64]);
    let mut operator =
        MatchRecognizeOperator::new(spec, &input_schema(), output, &exprs(), &Default::default())
            .unwrap();
    let mut out = Output::new(3);
    let mut found = Vec::new();
    let mut drain = |out: &mut Output| {
        while let Some(emitted) = out.take() {
            let Emitted::Batch(batch) = emitted else {
                continue;
            };
            let long = |c: usize| batch.rows.column(c).as_any().downcast_ref::<Int64Array>();
            for row in 0..batch.num_rows() {
                let value = |c: usize| long(c).unwrap().value(row);
                found.push((value(0), value(1), value(2)));
            }
        }
    };
    let mut start = 0;
    for end in cuts.iter().copied().chain([rows.num_rows()]) {
        let end = end.clamp(start, rows.num_rows());
        let mut batch = ChangeBatch::insert(rows.slice(start, end - start));
        // Rows to come are later by the test's making: the watermark is just below them.
        let next = times[end.min(times.len())..].iter().min().copied();
        batch.marks.push(WatermarkMark {
            offset: end - start,
            watermark: Watermark(next.map_or(0, |t| t - 1)),
        });
        start = end;
        let mut step = operator.process(0, batch, &mut out).unwrap();
        drain(&mut out);
        while step == Step::More {
            step = operator.resume(&mut out).unwrap();
            drain(&mut out);
        }
    }
    let mut step = operator.watermark(Watermark::MAX, &mut out).unwrap();
    drain(&mut out);
    while step == Step::More {
        step = operator.resume(&mut out).unwrap();
        drain(&mut out);
    }
    let mut step = operator.end_input(0, &mut out).unwrap();
    drain(&mut out);
    while step == Step::More {
        step = operator.resume(&mut out).unwrap();
        drain(&mut out);
    }
    (found, operator.metrics.state_rows.get())
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let quantifier = prop_oneof![
        3 => Just((1, Some(1), true)),
        1 => Just((1, None, true)),
        1 => Just((0, None, true)),
        1 => Just((2, Some(2), true)),
        1 => Just((1, Some(3), true)),
        1 => Just((2, None, true)),
        2 => Just((1, None, false)),
        1 => Just((2, None, false)),
    ];
    let wanted = prop_oneof![
        Just(Wanted::Any),
        (1..5i64).prop_map(Wanted::Below),
        Just(Wanted::NotLessThanLast),
    ];
    let part = (quantifier, wanted).prop_map(|((min, max, reluctant), condition)| Part {
        min,
        max,
        reluctant,
        condition,
    });
    // The last part takes one row: no pattern is empty, none ends greedily, none has an optional part behind a greedy one.
    let last = (0..6i64).prop_map(|limit| Part {
        min: 1,
        max: Some(1),
        reluctant: true,
        condition: if limit == 0 {
            Wanted::NotLessThanLast
        } else {
            Wanted::Below(limit)
        },
    });
    (proptest::collection::vec(part, 1..3), last).prop_map(|(mut parts, last)| {
        parts.push(last);
        parts
    })
}

fn takes_flink(parts: &[Part]) -> bool {
    let greedy = |p: &Part| !p.reluctant;
    parts.windows(2).all(|w| !(greedy(&w[0]) && w[1].min == 0))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever the batches, the matches are those that trying all ways finds, and no state is left with WITHIN.
    #[test]
    fn matches_are_those_of_the_naive_matcher(
        parts in parts().prop_filter("Flink refuses", |p| takes_flink(p)),
        values in proptest::collection::vec(0..5i64, 0..24),
        keys in proptest::collection::vec(0..2i64, 24),
        gaps in proptest::collection::vec(0..3i64, 24),
        cuts in proptest::collection::vec(0..24usize, 0..4),
        past_last in any::<bool>(),
        within in proptest::option::of(1..8i64),
    ) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        let skip = if past_last { Skip::PastLast } else { Skip::ToNext };
        let mut time = 1_000;
        let times: Vec<i64> = gaps[..values.len()].iter().map(|gap| { time += gap; time }).collect();
        let keys = &keys[..values.len()];
        let numbers: Vec<i64> = (0..values.len() as i64).collect();
        // A batch ends only where the time has changed: else rows behind the watermark would be late.
        let cuts: Vec<usize> = cuts
            .into_iter()
            .filter(|c| *c == 0 || *c >= times.len() || times[*c] > times[*c - 1])
            .collect();
        let rows = rows_of(keys, &values, &times, &numbers);
        let spec = spec(&parts, skip, within, MatchTime::Event(2));
        let (found, left) = run(&spec, &rows, &cuts, &times);
        for key in 0..2 {
            let mine: Vec<usize> = (0..values.len()).filter(|i| keys[*i] == key).collect();
            let of_key = |all: &[i64]| mine.iter().map(|i| all[*i]).collect::<Vec<_>>();
            let (values, times) = (of_key(&values), of_key(&times));
            let naive = Naive { parts: &parts, values: &values, times: &times, within };
            let expected: Vec<(usize, usize)> = naive.matches(skip);
            let expected: Vec<(i64, i64)> = expected
                .into_iter()
                .map(|(a, b)| (numbers[mine[a]], numbers[mine[b]]))
                .collect();
            let got: Vec<(i64, i64)> =
                found.iter().filter(|f| f.0 == key).map(|f| (f.1, f.2)).collect();
            // Without WITHIN a match waits for an earlier one that may still come: at the end some are not given out.
            let complete = within.is_some() || got.len() == expected.len();
            prop_assert!(
                if complete { got == expected } else { expected.starts_with(&got) },
                "key {key}: {got:?} instead of {expected:?}"
            );
        }
        if within.is_some() {
            prop_assert_eq!(left, 0);
        }
        let mut order: Vec<u32> = (0..values.len() as u32).collect();
        order.sort_by_key(|row| keys[*row as usize]);
        let order = arrow::array::UInt32Array::from(order);
        let sorted = arrow::compute::take_record_batch(&rows, &order).unwrap();
        let mut spec = spec;
        spec.time = MatchTime::Sorted(Some(2));
        let (in_batch, left) = run(&spec, &sorted, &cuts, &times);
        for key in 0..2 {
            let of_key = |found: &[(i64, i64, i64)]| {
                found.iter().filter(|f| f.0 == key).copied().collect::<Vec<_>>()
            };
            prop_assert_eq!(of_key(&in_batch), of_key(&found));
        }
        prop_assert_eq!(left, 0);
    }
}
