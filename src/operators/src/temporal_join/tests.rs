use arrow::array::RecordBatch;
use proptest::prelude::*;

use super::*;
use crate::output::Emitted;
use crate::testing::{batch, schema, text};

/// A key, a time, a number.
fn input() -> SchemaRef {
    schema(&[
        DataType::Int32,
        DataType::Timestamp(arrow::datatypes::TimeUnit::Millisecond, None),
        DataType::Int32,
    ])
}

fn operator(left_outer: bool) -> TemporalJoinOperator {
    let spec = TemporalJoinSpec {
        left_outer,
        times: Some([1, 1]),
        keys: [vec![0], vec![0]],
        null_meets_null: vec![false],
        condition: None,
    };
    let one = input();
    let types = one.fields().iter().chain(one.fields());
    let types: Vec<DataType> = types.map(|f| f.data_type().clone()).collect();
    TemporalJoinOperator::from_parts(&spec, [&one, &one], schema(&types), None).unwrap()
}

fn drain(operator: &mut TemporalJoinOperator, mut step: Step, out: &mut Output) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        while let Some(emitted) = out.take() {
            match emitted {
                Emitted::Batch(b) => {
                    let mut at = 0;
                    let rows = text(&b).unwrap();
                    let rows = rows.lines().filter(|line| !line.starts_with('@'));
                    for (row, line) in rows.enumerate() {
                        while b.marks.get(at).is_some_and(|m| m.offset <= row) {
                            lines.push(format!("@ {}", b.marks[at].watermark.0));
                            at += 1;
                        }
                        lines.push(line.to_owned());
                    }
                    lines.extend(b.marks[at..].iter().map(|m| format!("@ {}", m.watermark.0)));
                }
                Emitted::Watermark(w) => lines.push(format!("@ {}", w.0)),
                other => panic!("{other:?}"),
            }
        }
        if step == Step::Done {
            return lines;
        }
        step = operator.resume(out).unwrap();
    }
}

/// A row of a side, or a watermark.
#[derive(Debug, Clone, Copy)]
enum Event {
    Row {
        side: usize,
        kind: RowKind,
        key: i32,
        time: i64,
        number: i32,
    },
    Watermark(i64),
}

/// Rows of one input are cut into batches wherever `cut` says so; a watermark between rows is a mark.
fn run(events: &[Event], cuts: &[bool], outer: bool, rows_max: usize) -> (Vec<String>, usize) {
    let mut operator = operator(outer);
    let mut out = Output::new(rows_max);
    let mut lines = Vec::new();
    let mut at = 0;
    while at < events.len() {
        let Event::Row { side, .. } = events[at] else {
            let Event::Watermark(w) = events[at] else {
                unreachable!()
            };
            let step = operator.watermark(Watermark(w), &mut out).unwrap();
            lines.extend(drain(&mut operator, step, &mut out));
            at += 1;
            continue;
        };
        let (mut rows, mut marks, mut count) = (String::new(), Vec::new(), 0);
        while at < events.len() {
            match events[at] {
                Event::Row { side: other, .. } if other != side => break,
                Event::Row {
                    kind,
                    key,
                    time,
                    number,
                    ..
                } => {
                    let line = format!("{} {key} {time} {number}\n", kind.short());
                    rows.push_str(&line);
                    count += 1;
                }
                Event::Watermark(w) => push_mark(&mut marks, count, Watermark(w)),
            }
            at += 1;
            if cuts[at - 1] {
                break;
            }
        }
        let mut made = batch(&timeless(), &rows).unwrap();
        let times = arrow::compute::cast(made.rows.column(1), input().field(1).data_type());
        let mut columns = made.rows.columns().to_vec();
        columns[1] = times.unwrap();
        made.rows = RecordBatch::try_new(input(), columns).unwrap();
        made.marks = marks;
        let step = operator.process(side, made, &mut out).unwrap();
        lines.extend(drain(&mut operator, step, &mut out));
    }
    // Of watermarks without rows between them the last one counts.
    let next = lines.clone().into_iter().skip(1).chain([String::new()]);
    let mut next = next.map(|line| line.starts_with('@'));
    lines.retain(|line| !next.next().unwrap_or(false) || !line.starts_with('@'));
    let left = operator.sides[0].rows.len();
    assert_eq!(left, 0, "left rows remain behind the last watermark");
    (lines, operator.sides[1].rows.len())
}

fn timeless() -> SchemaRef {
    schema(&[DataType::Int32, DataType::Int64, DataType::Int32])
}

/// Flink's operator, by hand: pairs in the order of keys' times and of arrival.
fn expected(events: &[Event], outer: bool) -> Vec<(i32, Option<i32>)> {
    let (mut left, mut right): (Vec<Event>, Vec<Event>) = (Vec::new(), Vec::new());
    let mut pairs = Vec::new();
    for event in events {
        match *event {
            Event::Row { side: 0, .. } => left.push(*event),
            Event::Row { key, time, .. } => {
                right.retain(
                    |e| !matches!(e, Event::Row { key: k, time: t, .. } if (*k, *t) == (key, time)),
                );
                right.push(*event);
            }
            Event::Watermark(w) => {
                let (ready, wait): (Vec<_>, Vec<_>) = left.drain(..).partition(|e| time_of(e) <= w);
                left = wait;
                for row in ready {
                    let Event::Row {
                        key, time, number, ..
                    } = row
                    else {
                        unreachable!()
                    };
                    let of_key = |e: &&Event| matches!(e, Event::Row { key: k, .. } if *k == key);
                    let valid = right.iter().filter(of_key).filter(|e| time_of(e) <= time);
                    let version = valid.max_by_key(|e| time_of(e)).and_then(|e| match e {
                        Event::Row { kind, number, .. } if kind.is_accumulate() => Some(*number),
                        _ => None,
                    });
                    if outer || version.is_some() {
                        pairs.push((number, version));
                    }
                }
                let all = right.clone();
                right.retain(|e| {
                    let Event::Row { key, time, .. } = *e else { unreachable!() };
                    !all.iter().any(|o| matches!(o, Event::Row { key: k, time: t, .. } if *k == key && *t > time && *t <= w))
                });
            }
        }
    }
    pairs
}

fn time_of(event: &Event) -> i64 {
    match event {
        Event::Row { time, .. } => *time,
        Event::Watermark(_) => unreachable!(),
    }
}

fn pairs_of(lines: &[String]) -> Vec<(i32, Option<i32>)> {
    let rows = lines.iter().filter(|line| !line.starts_with('@'));
    rows.map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (words[3].parse().unwrap(), words[6].parse().ok())
    })
    .collect()
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let row = (0..2usize, 0..5u8, 0..3i32, 0..30i64);
    let event = (0..5u8, row, 0..4i64);
    proptest::collection::vec(event, 1..60).prop_map(|drawn| {
        let mut watermark = -1;
        let mut events: Vec<Event> = Vec::new();
        for (number, (what, (side, kind, key, time), step)) in drawn.into_iter().enumerate() {
            if what == 0 {
                watermark += 1 + step;
                events.push(Event::Watermark(watermark));
            } else {
                let kind = match (side, kind) {
                    (1, 0) => RowKind::Delete,
                    _ => RowKind::Insert,
                };
                let number = number as i32;
                events.push(Event::Row {
                    side,
                    kind,
                    key,
                    time,
                    number,
                });
            }
        }
        events.push(Event::Watermark(i64::MAX));
        // As marks of one place do, watermarks without rows between them are one.
        let next = events
            .clone()
            .into_iter()
            .skip(1)
            .map(|e| matches!(e, Event::Watermark(_)));
        let mut next = next.chain([false]);
        events.retain(|e| !next.next().unwrap_or(false) || matches!(e, Event::Row { .. }));
        events
    })
}

proptest! {
    #[test]
    fn cuts_change_nothing(events in events(), cuts in proptest::collection::vec(any::<bool>(), 64), outer: bool) {
        let (whole, kept) = run(&events, &[false; 64], outer, 1000);
        let (cut, kept_cut) = run(&events, &cuts, outer, 2);
        prop_assert_eq!(&whole, &cut);
        prop_assert_eq!(kept, kept_cut);
        let keys = events.iter().filter_map(|e| match e {
            Event::Row { side: 1, key, .. } => Some(*key),
            _ => None,
        });
        let keys: std::collections::HashSet<i32> = keys.collect();
        prop_assert_eq!(kept, keys.len(), "one version a key remains");
        let (mut got, mut wanted) = (pairs_of(&whole), expected(&events, outer));
        got.sort_unstable();
        wanted.sort_unstable();
        prop_assert_eq!(got, wanted);
    }
}
