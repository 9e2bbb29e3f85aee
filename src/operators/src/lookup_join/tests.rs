//! - `bench`: the table and the operator that the tests are made of.

mod bench;

use std::collections::BTreeMap;
use std::time::Duration;

use arrow::datatypes::DataType;
use filbert_connector_api::lookup::{CacheReload, FullCache, PartialCache};
use filbert_connector_api::{Blame, LookupCaching, LookupOptions};
use filbert_graph::spec::{AsyncLookupSpec, LookupMaterializeSpec, LookupRetrySpec};
use parking_lot::Mutex;

use self::bench::{Bench, Rows, Table, spec, table};
use super::*;
use crate::testing::{batch, schema};

#[test]
fn each_key_is_asked_for_once_a_batch() {
    let mut bench = Bench::new(&spec(), table(&[(7, "a"), (7, "b"), (8, "c")]), 100);
    let (lines, step) = bench.send("+I 1 7\n+I 2 -\n-D 3 8\n@ 5\n+I 4 7\n+I 5 9\n@ 6");
    let wanted = [
        "+I 1 7 7 a",
        "+I 1 7 7 b",
        "-D 3 8 8 c",
        "@ 5",
        "+I 4 7 7 a",
        "+I 4 7 7 b",
        "@ 6",
    ];
    assert_eq!(
        (lines, step),
        (wanted.map(str::to_owned).to_vec(), Step::Done)
    );
    assert_eq!(
        *bench.table.asked.lock(),
        BTreeMap::from([(7, 1), (8, 1), (9, 1)])
    );
}

#[test]
fn rows_without_a_match_are_padded_and_pieces_are_bounded() {
    let spec = LookupJoinSpec {
        left_outer: true,
        ..spec()
    };
    for rows_max in 1..6 {
        let mut bench = Bench::new(&spec, table(&[(7, "a"), (7, "b"), (7, "c")]), rows_max);
        let (lines, _) = bench.send("+I 1 -\n@ 1\n+I 2 7\n+U 3 9\n@ 2");
        let wanted = [
            "+I 1 - - -",
            "@ 1",
            "+I 2 7 7 a",
            "+I 2 7 7 b",
            "+I 2 7 7 c",
            "+U 3 9 - -",
            "@ 2",
        ];
        assert_eq!(lines, wanted, "{rows_max}");
    }
}

#[test]
fn what_was_found_is_taken_back_as_it_was() {
    let spec = LookupJoinSpec {
        left_outer: true,
        materialize: Some(LookupMaterializeSpec {
            key: vec![0],
            state_ttl_ms: None,
        }),
        ..spec()
    };
    let mut bench = Bench::new(&spec, table(&[(7, "a"), (7, "b")]), 100);
    let (lines, _) = bench.send("+I 1 7\n+I 2 9");
    assert_eq!(lines, ["+I 1 7 7 a", "+I 1 7 7 b", "+I 2 9 - -"]);
    *bench.table.rows.lock() = vec![(7, "z"), (9, "y")];
    let (lines, _) = bench.send("-U 1 7\n+U 1 7\n-D 2 9\n-D 1 7");
    assert_eq!(
        lines,
        [
            "-D 1 7 7 a",
            "-D 1 7 7 b",
            "+U 1 7 7 z",
            "-D 2 9 - -",
            "-D 1 7 7 z"
        ]
    );
    assert_eq!(bench.metrics.state_rows.get(), 0);
}

#[test]
fn asynchronous_rows_stay_in_order() {
    let spec = LookupJoinSpec {
        left_outer: true,
        asynchronous: Some(AsyncLookupSpec {
            capacity: 2,
            timeout_ms: 60_000,
            order: AsyncOrder::Ordered,
        }),
        ..spec()
    };
    let slow = Table {
        delay: Some(Duration::from_millis(20)),
        ..table(&[(7, "a"), (8, "b")])
    };
    let mut bench = Bench::new(&spec, slow, 100);
    let (lines, step) = bench.send("+I 1 7\n@ 1\n+I 2 8\n+I 3 9\n+I 4 7\n@ 2");
    assert_eq!((lines, step), (Vec::new(), Step::Pending));
    let wanted = [
        "+I 1 7 7 a",
        "@ 1",
        "+I 2 8 8 b",
        "+I 3 9 - -",
        "+I 4 7 7 a",
        "@ 2",
    ];
    assert_eq!(bench.end(), wanted);
}

#[test]
fn rows_that_find_room_let_the_next_batch_in() {
    let spec = LookupJoinSpec {
        asynchronous: Some(AsyncLookupSpec {
            capacity: 10,
            timeout_ms: 60_000,
            order: AsyncOrder::Unordered,
        }),
        ..spec()
    };
    let slow = Table {
        delay: Some(Duration::from_millis(20)),
        ..table(&[(7, "a"), (8, "b")])
    };
    let mut bench = Bench::new(&spec, slow, 100);
    for _ in 0..3 {
        assert_eq!(bench.send("+I 1 7\n+I 2 8"), (Vec::new(), Step::Done));
    }
    assert_eq!(bench.join.next_timer(), None);
    let mut lines = bench.end();
    lines.sort();
    let mut wanted = vec!["+I 1 7 7 a"; 3];
    wanted.extend(["+I 2 8 8 b"; 3]);
    assert_eq!(lines, wanted);
}

#[test]
fn changes_of_one_key_keep_their_order() {
    let spec = LookupJoinSpec {
        asynchronous: Some(AsyncLookupSpec {
            capacity: 10,
            timeout_ms: 60_000,
            order: AsyncOrder::ByKey(vec![0]),
        }),
        ..spec()
    };
    let slow = Table {
        delay: Some(Duration::from_millis(20)),
        ..table(&[(7, "a"), (8, "b")])
    };
    let mut bench = Bench::new(&spec, slow, 100);
    bench.send("+I 1 7\n+I 2 8");
    let (_, step) = bench.send("-U 1 7\n+U 1 8");
    assert_eq!(step, Step::Pending);
    let lines = bench.end();
    let of_one: Vec<&String> = lines
        .iter()
        .filter(|line| line[3..].starts_with('1'))
        .collect();
    assert_eq!(of_one, ["+I 1 7 7 a", "-U 1 7 7 a", "+U 1 8 8 b"]);
}

#[test]
fn a_lookup_that_takes_too_long_fails() {
    let spec = LookupJoinSpec {
        asynchronous: Some(AsyncLookupSpec {
            capacity: 10,
            timeout_ms: 50,
            order: AsyncOrder::Ordered,
        }),
        ..spec()
    };
    let slow = Table {
        delay: Some(Duration::from_secs(20)),
        ..table(&[(7, "a")])
    };
    let mut bench = Bench::new(&spec, slow, 100);
    bench.send("+I 1 7");
    let error = loop {
        bench.clock.advance(Duration::from_millis(10));
        std::thread::sleep(Duration::from_millis(2));
        if let Err(error) = bench.join.end_input(0, &mut bench.out) {
            break error;
        }
    };
    assert_eq!(error.blame(), Blame::World);
    assert!(
        error
            .to_string()
            .contains("Async function call has timed out")
    );
}

#[test]
fn a_key_without_rows_is_asked_for_again() {
    let spec = LookupJoinSpec {
        left_outer: true,
        retry: Some(LookupRetrySpec {
            delay_ms: 30,
            attempts_max: 2,
        }),
        ..spec()
    };
    let mut bench = Bench::new(&spec, table(&[(7, "a")]), 100);
    let (lines, step) = bench.send("+I 1 7\n+I 2 9");
    assert_eq!((lines, step), (Vec::new(), Step::Done));
    assert_eq!(bench.end(), ["+I 1 7 7 a", "+I 2 9 - -"]);
    assert_eq!(*bench.table.asked.lock(), BTreeMap::from([(7, 1), (9, 3)]));
}

#[test]
fn failures_are_put_up_with_as_often_as_the_table_says() {
    let failing = |failures, max_retries| Table {
        failures: Mutex::new(failures),
        options: LookupOptions {
            max_retries,
            ..LookupOptions::default()
        },
        ..table(&[(7, "a")])
    };
    let mut bench = Bench::new(&spec(), failing(2, 2), 100);
    assert_eq!(bench.send("+I 1 7").0, ["+I 1 7 7 a"]);
    let mut bench = Bench::new(&spec(), failing(3, 2), 100);
    let input = schema(&[DataType::Int32, DataType::Int32]);
    let rows = batch(&input, "+I 1 7").unwrap();
    let error = bench.join.process(0, rows, &mut bench.out).unwrap_err();
    assert_eq!(error.blame(), Blame::World);
}

#[test]
fn a_partial_cache_forgets_what_is_old_or_too_much() {
    let caching = PartialCache {
        keys_max: 2,
        expire_after_write: Some(Duration::from_millis(100)),
        expire_after_access: None,
        keeps_missing_keys: true,
    };
    let cached = Table {
        options: LookupOptions {
            caching: LookupCaching::Partial(caching),
            max_retries: 0,
        },
        ..table(&[(7, "a"), (8, "b"), (9, "c")])
    };
    let mut bench = Bench::new(&spec(), cached, 100);
    bench.send("+I 1 7\n+I 2 8");
    bench.send("+I 1 7\n+I 2 8");
    assert_eq!(*bench.table.asked.lock(), BTreeMap::from([(7, 1), (8, 1)]));
    bench.send("+I 1 7");
    // 8 was not asked for the longest.
    bench.send("+I 3 9");
    bench.send("+I 1 7\n+I 2 8");
    assert_eq!(
        *bench.table.asked.lock(),
        BTreeMap::from([(7, 1), (8, 2), (9, 1)])
    );
    bench.clock.advance(Duration::from_millis(100));
    let (lines, _) = bench.send("+I 1 7");
    assert_eq!(lines, ["+I 1 7 7 a"]);
    assert_eq!(bench.table.asked.lock()[&7], 2);
    assert_eq!(bench.metrics.lookup_cache_hits.get(), 4);
    assert_eq!(bench.metrics.lookup_cache_misses.get(), 5);
}

#[test]
fn a_full_cache_is_loaded_anew_in_time() {
    let caching = FullCache {
        reload: CacheReload::Periodic {
            interval: Duration::from_millis(100),
            fixed_rate: true,
        },
    };
    let cached = Table {
        options: LookupOptions {
            caching: LookupCaching::Full(caching),
            max_retries: 0,
        },
        ..table(&[(7, "a")])
    };
    let mut bench = Bench::new(&spec(), cached, 100);
    *bench.table.rows.lock() = vec![(7, "z"), (8, "y")];
    assert_eq!(bench.send("+I 1 7\n+I 2 8").0, ["+I 1 7 7 a"]);
    assert_eq!(bench.join.next_timer(), Some(100));
    bench.clock.advance(Duration::from_millis(100));
    bench.join.timer(100, &mut bench.out).unwrap();
    bench.woken.recv().unwrap();
    assert_eq!(bench.join.next_timer(), Some(i64::MIN));
    bench.join.timer(100, &mut bench.out).unwrap();
    assert_eq!(bench.join.next_timer(), Some(200));
    assert_eq!(bench.send("+I 1 7\n+I 2 8").0, ["+I 1 7 7 z", "+I 2 8 8 y"]);
    assert!(bench.table.asked.lock().is_empty());
}

/// The join of rows of an id and a key with a table, row by row.
fn naive(rows: &[(i32, Option<i32>)], table: &Rows, left_outer: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for (id, key) in rows {
        let own = key.map_or_else(|| format!("+I {id} -"), |key| format!("+I {id} {key}"));
        let found = table.iter().filter(|(k, _)| Some(*k) == *key);
        let before = lines.len();
        lines.extend(found.map(|(k, value)| format!("{own} {k} {value}")));
        if lines.len() == before && left_outer {
            lines.push(format!("{own} - -"));
        }
    }
    lines
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(40))]

    #[test]
    fn every_way_of_asking_gives_the_same_rows(
        keys in proptest::collection::vec(proptest::option::of(0..4), 0..20),
        table_keys in proptest::collection::vec(0..4, 0..6),
        cut in 1usize..8,
        rows_max in 1usize..8,
        capacity in 1usize..6,
        way in 0..4,
        left_outer: bool,
        cached: bool,
    ) {
        const VALUES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
        let rows: Vec<(i32, Option<i32>)> = (0..).zip(keys).collect();
        let found: Rows = table_keys.into_iter().zip(VALUES).collect();
        let order = match way {
            0 => None,
            1 => Some(AsyncOrder::Ordered),
            2 => Some(AsyncOrder::Unordered),
            _ => Some(AsyncOrder::ByKey(vec![1])),
        };
        let spec = LookupJoinSpec {
            left_outer,
            asynchronous: order.clone().map(|order| AsyncLookupSpec {
                capacity,
                timeout_ms: 600_000,
                order,
            }),
            ..spec()
        };
        let caching = LookupCaching::Partial(PartialCache {
            keys_max: 2,
            expire_after_write: None,
            expire_after_access: None,
            keeps_missing_keys: false,
        });
        let asked = Table {
            delay: order.is_some().then_some(Duration::from_millis(1)),
            options: LookupOptions {
                caching: if cached { caching } else { LookupCaching::None },
                max_retries: 0,
            },
            ..table(&found)
        };
        let mut bench = Bench::new(&spec, asked, rows_max);
        let mut lines = Vec::new();
        for batch in rows.chunks(cut) {
            let line = |(id, key): &(i32, Option<i32>)| {
                let key = key.map_or("-".to_owned(), |key| key.to_string());
                format!("+I {id} {key}")
            };
            let text: Vec<String> = batch.iter().map(line).collect();
            let (more, mut step) = bench.send(&text.join("\n"));
            lines.extend(more);
            while step == Step::Pending {
                bench.clock.advance(Duration::from_millis(10));
                std::thread::sleep(Duration::from_micros(200));
                let next = bench.join.resume(&mut bench.out).unwrap();
                let (more, next) = bench.run(next);
                lines.extend(more);
                step = next;
            }
        }
        lines.extend(bench.end());
        let mut wanted = naive(&rows, &found, left_outer);
        if way > 1 {
            lines.sort();
            wanted.sort();
        }
        proptest::prop_assert_eq!(lines, wanted);
    }
}
