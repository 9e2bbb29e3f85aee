use std::collections::BTreeMap;

use datafusion::logical_expr::Operator as ExprOp;
use datafusion::physical_expr::expressions::{BinaryExpr, Column};
use filbert_graph::spec::{JoinSideSpec, JoinUniqueKey};
use filbert_types::{ManualClock, RowKind};
use proptest::prelude::*;

use super::*;
use crate::bundle::Bundled;
use crate::output::Emitted;
use crate::testing::{batch, schema, text};

/// A key, a number, a string.
fn input() -> SchemaRef {
    schema(&[DataType::Int32, DataType::Int32, DataType::Utf8View])
}

fn side(unique_key: JoinUniqueKey) -> JoinSideSpec {
    JoinSideSpec {
        keys: vec![0],
        unique_key,
        changes: true,
        upserts: false,
        state_ttl_ms: None,
    }
}

fn spec(kind: JoinKind, unique_keys: [JoinUniqueKey; 2]) -> JoinSpec {
    let [left, right] = unique_keys;
    JoinSpec {
        kind,
        left: side(left),
        right: side(right),
        null_meets_null: vec![false],
        null_aware: false,
        condition: None,
        mini_batch_rows: None,
    }
}

/// The left's number is less than the right's.
fn less() -> Residual {
    let column = |i: usize| Arc::new(Column::new(&format!("${i}"), i));
    let expr = BinaryExpr::new(column(1), ExprOp::Lt, column(4));
    Residual::new(Arc::new(expr), [&input(), &input()]).unwrap()
}

fn operator(spec: &JoinSpec, condition: Option<Residual>) -> JoinOperator {
    let one = input();
    let mut types: Vec<DataType> = one.fields().iter().map(|f| f.data_type().clone()).collect();
    match spec.kind {
        JoinKind::Semi | JoinKind::Anti => {}
        JoinKind::Mark => types.push(DataType::Boolean),
        _ => types.extend(types.clone()),
    }
    JoinOperator::from_parts(spec, [&one, &one], schema(&types), condition).unwrap()
}

fn send(operator: &mut dyn Operator, side: usize, rows: &str, rows_max: usize) -> Vec<String> {
    let rows = batch(&input(), rows).unwrap();
    drive(operator, rows_max, |operator, out| {
        operator.process(side, rows, out)
    })
}

/// What a call emits until it is done.
fn drive(
    operator: &mut dyn Operator,
    rows_max: usize,
    call: impl FnOnce(&mut dyn Operator, &mut Output) -> Result<Step>,
) -> Vec<String> {
    let mut out = Output::new(rows_max);
    let mut step = call(operator, &mut out).unwrap();
    let mut lines = Vec::new();
    loop {
        while let Some(emitted) = out.take() {
            match emitted {
                Emitted::Batch(b) => lines.extend(text(&b).unwrap().lines().map(str::to_owned)),
                Emitted::Watermark(w) => lines.push(format!("@ {w}")),
                other => panic!("{other:?}"),
            }
        }
        if step == Step::Done {
            return lines;
        }
        step = operator.resume(&mut out).unwrap();
    }
}

const PLAIN: [JoinUniqueKey; 2] = [JoinUniqueKey::None, JoinUniqueKey::None];

#[test]
fn an_inner_join_hands_kinds_on() {
    let mut join = operator(&spec(JoinKind::Inner, PLAIN), None);
    assert!(send(&mut join, 0, "+I 1 10 a\n+I - 11 b\n@ 3", 8) == ["@ 3"]);
    let lines = send(&mut join, 1, "+I 1 5 x\n-U 1 5 x\n+U 1 6 y\n+I - 7 z", 8);
    let expected = ["+I 1 10 a 1 5 x", "-U 1 10 a 1 5 x", "+U 1 10 a 1 6 y"];
    assert_eq!(lines, expected);
}

#[test]
fn an_outer_join_takes_padding_back_before_the_first_match() {
    let mut join = operator(&spec(JoinKind::Left, PLAIN), None);
    let lines = send(&mut join, 0, "+I 1 10 a\n@ 1\n+I - 11 b", 8);
    assert_eq!(lines, ["+I 1 10 a - - -", "@ 1", "+I - 11 b - - -"]);
    let lines = send(&mut join, 1, "+I 1 5 x\n+I 1 6 y\n-D 1 5 x\n-U 1 6 y", 8);
    let expected = [
        "-D 1 10 a - - -",
        "+I 1 10 a 1 5 x",
        "+I 1 10 a 1 6 y",
        "-D 1 10 a 1 5 x",
        "-U 1 10 a 1 6 y",
        "+I 1 10 a - - -",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn not_in_is_nothing_once_there_is_a_null() {
    let mut not_in = spec(JoinKind::Anti, PLAIN);
    not_in.null_aware = true;
    let mut join = operator(&not_in, None);
    let lines = send(&mut join, 0, "+I 1 10 a\n+I - 11 b", 8);
    assert_eq!(lines, ["+I 1 10 a", "+I - 11 b"]);
    let lines = send(&mut join, 1, "+I 2 0 x\n+I - 0 y\n-D 2 0 x\n-D - 0 y", 8);
    let expected = ["-D - 11 b", "-D 1 10 a", "+I 1 10 a", "+I - 11 b"];
    assert_eq!(lines.len(), expected.len());
    assert!(expected.iter().all(|l| lines.contains(&(*l).to_owned())));
}

#[test]
fn an_upsert_replaces_the_row_of_its_key() {
    let keys = [JoinUniqueKey::None, JoinUniqueKey::JoinKey];
    let mut join = operator(&spec(JoinKind::Left, keys), None);
    send(&mut join, 0, "+I 1 10 a", 8);
    let lines = send(&mut join, 1, "+I 1 5 x\n+U 1 6 y\n-D 1 6 y", 8);
    let expected = [
        "-D 1 10 a - - -",
        "+I 1 10 a 1 5 x",
        "+I 1 10 a 1 6 y",
        "-D 1 10 a 1 6 y",
        "+I 1 10 a - - -",
    ];
    assert_eq!(lines, expected);
    assert_eq!(join.sides[1].rows.len(), 0);
}

#[test]
fn rows_outlive_their_ttl_without_meeting_anything() {
    let mut ttl = spec(JoinKind::Inner, PLAIN);
    ttl.left.state_ttl_ms = Some(100);
    let mut join = operator(&ttl, None);
    let clock = Arc::new(ManualClock::new(0));
    join.clock = Some(Arc::clone(&clock) as Arc<dyn Clock>);
    join.sides.iter_mut().for_each(|side| side.start_ttl(0));
    send(&mut join, 0, "+I 1 10 a\n+I 2 10 a", 8);
    clock.advance(std::time::Duration::from_millis(60));
    send(&mut join, 0, "+I 2 10 a", 8);
    clock.advance(std::time::Duration::from_millis(60));
    let lines = send(&mut join, 1, "+I 1 5 x\n+I 2 5 x", 8);
    assert_eq!(lines, vec!["+I 2 10 a 2 5 x"; 2]);
    let mut out = Output::new(8);
    assert_eq!(join.next_timer(), Some(100));
    join.timer(120, &mut out).unwrap();
    assert_eq!(join.sides[0].rows.len(), 1);
}

#[test]
fn a_row_with_many_matches_goes_out_in_pieces() {
    let mut join = operator(&spec(JoinKind::Full, PLAIN), None);
    let many: Vec<String> = (0..1000).map(|i| format!("+I 1 {i} a")).collect();
    assert_eq!(send(&mut join, 0, &many.join("\n"), 16).len(), 1000);
    let mut out = Output::new(16);
    let one = batch(&input(), "+I 1 0 x").unwrap();
    let mut steps = 0;
    let mut step = join.process(1, one, &mut out).unwrap();
    while step == Step::More {
        while let Some(Emitted::Batch(b)) = out.take() {
            assert!(b.num_rows() <= 17, "{}", b.num_rows());
        }
        steps += 1;
        step = join.resume(&mut out).unwrap();
    }
    assert!(steps > 100);
}

/// A row of one side, or the taking back of one.
#[derive(Debug, Clone)]
struct Change {
    left: bool,
    /// Takes back the row with this number among those that are there, where there are any.
    takes_back: Option<usize>,
    update: bool,
    key: Option<i32>,
    number: i32,
}

fn change() -> impl Strategy<Value = Change> {
    let key = prop_oneof![4 => (0..3).prop_map(Some), 1 => Just(None)];
    let takes_back = proptest::option::weighted(0.4, 0usize..100);
    (any::<bool>(), takes_back, any::<bool>(), key, 0..4i32).prop_map(
        |(left, takes_back, update, key, number)| Change {
            left,
            takes_back,
            update,
            key,
            number,
        },
    )
}

type Row = (Option<i32>, i32);

fn row_text(row: &Row) -> String {
    let key = row.0.map_or("-".to_owned(), |k| k.to_string());
    format!("{key} {} s{}", row.1, row.1)
}

/// What the join of two tables is.
fn naive(spec: &JoinSpec, has_condition: bool, left: &[Row], right: &[Row]) -> Vec<String> {
    let meets = |l: &Row, r: &Row| {
        let keys = match (l.0, r.0) {
            (Some(l), Some(r)) => l == r,
            (None, None) => spec.null_meets_null[0] || spec.null_aware,
            _ => spec.null_aware,
        };
        keys && (!has_condition || l.1 < r.1)
    };
    let padding = "- - -";
    let mut rows = Vec::new();
    for l in left {
        let matches: Vec<&Row> = right.iter().filter(|r| meets(l, r)).collect();
        let line = row_text(l);
        match spec.kind {
            JoinKind::Semi if !matches.is_empty() => rows.push(line),
            JoinKind::Anti if matches.is_empty() => rows.push(line),
            JoinKind::Mark => rows.push(format!("{line} {}", !matches.is_empty())),
            JoinKind::Semi | JoinKind::Anti => {}
            JoinKind::Left | JoinKind::Full if matches.is_empty() => {
                rows.push(format!("{line} {padding}"));
            }
            _ => rows.extend(matches.iter().map(|r| format!("{line} {}", row_text(r)))),
        }
    }
    if matches!(spec.kind, JoinKind::Right | JoinKind::Full) {
        let alone = right.iter().filter(|r| !left.iter().any(|l| meets(l, r)));
        rows.extend(alone.map(|r| format!("{padding} {}", row_text(r))));
    }
    rows.sort();
    rows
}

fn kinds() -> impl Strategy<Value = JoinKind> {
    prop::sample::select(vec![
        JoinKind::Inner,
        JoinKind::Left,
        JoinKind::Right,
        JoinKind::Full,
        JoinKind::Semi,
        JoinKind::Anti,
        JoinKind::Mark,
    ])
}

fn unique_keys() -> impl Strategy<Value = JoinUniqueKey> {
    prop::sample::select(vec![
        JoinUniqueKey::None,
        JoinUniqueKey::JoinKey,
        JoinUniqueKey::Columns(vec![0, 1]),
    ])
}

/// Whether a table whose key is unique may take up the row.
fn fits(unique_key: &JoinUniqueKey, rows: &[Row], row: &Row) -> bool {
    match unique_key {
        JoinUniqueKey::None => true,
        JoinUniqueKey::JoinKey => !rows.iter().any(|r| r.0 == row.0),
        JoinUniqueKey::Columns(_) => !rows.contains(row),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn joining_changes_is_changing_the_join(
        kind in kinds(),
        keys in (unique_keys(), unique_keys()),
        has_condition in any::<bool>(),
        null_meets_null in any::<bool>(),
        not_in in any::<bool>(),
        changes in prop::collection::vec(change(), 0..60),
        cut in 1usize..8,
        rows_max in 1usize..6,
        bundle in prop::option::of(1u64..20),
    ) {
        let mut spec = spec(kind, [keys.0, keys.1]);
        spec.null_meets_null = vec![null_meets_null];
        if not_in && kind == JoinKind::Anti {
            spec.null_aware = true;
            for side in [&mut spec.left, &mut spec.right] {
                if side.unique_key == JoinUniqueKey::JoinKey {
                    side.unique_key = JoinUniqueKey::None;
                }
            }
        }
        spec.mini_batch_rows = bundle;
        let join = operator(&spec, has_condition.then(less));
        let metrics = Arc::clone(&join.metrics);
        let mut join: Box<dyn Operator> = match bundle {
            Some(rows) => {
                let join = MiniBatchJoin::new(join, &spec, [&input(), &input()]);
                Box::new(Bundled::new(join, rows))
            }
            None => Box::new(join),
        };
        let mut tables: [Vec<Row>; 2] = Default::default();
        let mut output: BTreeMap<String, i64> = BTreeMap::new();
        let mut pending: (usize, Vec<String>) = (0, Vec::new());
        let mut replay = |lines: Vec<String>| {
            for line in lines {
                let (kind, row) = line.split_once(' ').unwrap();
                let count = output.entry(row.to_owned()).or_default();
                *count += if RowKind::from_short(kind).unwrap().is_accumulate() { 1 } else { -1 };
                assert!(*count >= 0, "{line} of a row that isn't there");
            }
        };
        for change in changes {
            let side = usize::from(!change.left);
            let unique = [&spec.left.unique_key, &spec.right.unique_key][side];
            let table = &mut tables[side];
            let line = match change.takes_back {
                Some(at) if !table.is_empty() => {
                    let row = table.remove(at % table.len());
                    format!("{} {}", if change.update { "-U" } else { "-D" }, row_text(&row))
                }
                _ => {
                    let row = (change.key, change.number);
                    if !fits(unique, table, &row) {
                        continue;
                    }
                    table.push(row);
                    format!("{} {}", if change.update { "+U" } else { "+I" }, row_text(&row))
                }
            };
            if pending.0 != side || pending.1.len() >= cut {
                let lines = std::mem::take(&mut pending.1).join("\n");
                replay(send(join.as_mut(), pending.0, &lines, rows_max));
                pending.0 = side;
            }
            pending.1.push(line);
        }
        replay(send(join.as_mut(), pending.0, &pending.1.join("\n"), rows_max));
        for input in 0..2 {
            replay(drive(join.as_mut(), rows_max, |join, out| join.end_input(input, out)));
        }
        let rows: Vec<String> = output
            .iter()
            .flat_map(|(row, count)| vec![row.clone(); *count as usize])
            .collect();
        prop_assert_eq!(rows, naive(&spec, has_condition, &tables[0], &tables[1]));
        let stored = metrics.state_rows.get() as usize;
        prop_assert!(stored <= tables[0].len() + tables[1].len());
    }
}
