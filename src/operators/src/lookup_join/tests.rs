use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use arrow::datatypes::DataType;
use filbert_connector_api::lookup::{
    AsyncLookup, CacheReload, FullCache, LookupFuture, PartialCache, SyncLookup,
};
use filbert_connector_api::{Blame, ConnectorError, LookupCaching, LookupOptions};
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::{
    AsyncLookupSpec, LookupKeySpec, LookupKeyValue, LookupMaterializeSpec, LookupRetrySpec,
    SourceSpec,
};
use filbert_types::{Configuration, Field, LogicalType, ManualClock, ObjectPath, TypeKind};
use parking_lot::Mutex;

use super::*;
use crate::context::TaskInfo;
use crate::expressions::CodecExpressions;
use crate::output::Emitted;
use crate::testing::{batch, schema, text};

/// Keys and their values.
type Rows = Vec<(i32, &'static str)>;

#[derive(Default)]
struct Table {
    rows: Mutex<Rows>,
    options: LookupOptions,
    delay: Option<Duration>,
    /// By key, how often it was asked for.
    asked: Mutex<BTreeMap<i32, usize>>,
    failures: Mutex<usize>,
}

struct Shared(Arc<Table>);

impl Table {
    fn find(&self, keys: &RecordBatch) -> Result<LookedUp, ConnectorError> {
        let mut failures = self.failures.lock();
        if *failures > 0 {
            *failures -= 1;
            return Err(ConnectorError::world("The table is out of reach."));
        }
        let mut lines = String::new();
        let mut numbers = Vec::new();
        let keys = text(&ChangeBatch::insert(keys.clone())).unwrap();
        for (number, line) in keys.lines().enumerate() {
            let key: i32 = line[3..].parse().unwrap();
            *self.asked.lock().entry(key).or_default() += 1;
            for (_, value) in self.rows.lock().iter().filter(|(k, _)| *k == key) {
                lines.push_str(&format!("+I {key} {value}\n"));
                numbers.push(number as u32);
            }
        }
        Ok((batch(&table_schema(), &lines).unwrap().rows, numbers))
    }
}

impl SyncLookup for Shared {
    fn lookup(&self, keys: &RecordBatch) -> Result<LookedUp, ConnectorError> {
        self.0.find(keys)
    }
}

struct Later(Arc<Table>, Arc<dyn Clock>);

impl AsyncLookup for Later {
    fn lookup(&self, keys: RecordBatch) -> LookupFuture {
        let (table, clock) = (Arc::clone(&self.0), Arc::clone(&self.1));
        Box::pin(async move {
            let delay = table.delay.unwrap_or_default();
            filbert_connector_api::lookup::sleep(&clock, delay).await;
            table.find(&keys)
        })
    }
}

impl LookupSource for Shared {
    fn options(&self) -> LookupOptions {
        self.0.options.clone()
    }

    fn reader(&self, _: &[usize], ctx: &LookupContext) -> Result<LookupReader, ConnectorError> {
        Ok(match self.0.delay {
            Some(_) => {
                let later = Later(Arc::clone(&self.0), Arc::clone(&ctx.clock));
                LookupReader::Async(Arc::new(later))
            }
            None => LookupReader::Sync(Arc::new(Shared(Arc::clone(&self.0)))),
        })
    }

    fn all_rows(&self) -> Result<RecordBatch, ConnectorError> {
        let rows = self.0.rows.lock();
        let lines: Vec<String> = rows.iter().map(|(k, v)| format!("+I {k} {v}")).collect();
        Ok(batch(&table_schema(), &lines.join("\n")).unwrap().rows)
    }
}

fn table_schema() -> SchemaRef {
    schema(&[DataType::Int32, DataType::Utf8View])
}

fn spec() -> LookupJoinSpec {
    let table = SourceSpec {
        path: ObjectPath::new("c", "d", "t"),
        table: Default::default(),
        hint_options: BTreeMap::new(),
        metadata: Vec::new(),
        projection: None,
        nested: BTreeMap::new(),
        filters: Vec::new(),
        limit: None,
        partitions: None,
        batch: false,
        bounded: true,
        watermark: None,
    };
    LookupJoinSpec {
        table,
        found: vec![
            Field::new("k", TypeKind::Int.into()),
            Field::new("v", LogicalType::string()),
        ],
        left_outer: false,
        keys: vec![LookupKeySpec {
            column: 0,
            value: LookupKeyValue::Input(1),
        }],
        pre_filter: None,
        calcs: Vec::new(),
        condition: None,
        asynchronous: None,
        retry: None,
        materialize: None,
    }
}

struct Io(tokio::runtime::Runtime);

impl IoRuntime for Io {
    fn handle(&self) -> Result<tokio::runtime::Handle> {
        Ok(self.0.handle().clone())
    }
}

struct Wakes(std::sync::mpsc::Sender<()>);

impl std::task::Wake for Wakes {
    fn wake(self: Arc<Self>) {
        // The test may be over.
        let _ = self.0.send(());
    }
}

/// An open operator over rows of an id and a key.
struct Bench {
    join: LookupJoinOperator,
    out: Output,
    table: Arc<Table>,
    clock: Arc<ManualClock>,
    metrics: Arc<OperatorMetrics>,
    woken: std::sync::mpsc::Receiver<()>,
}

impl Bench {
    fn new(spec: &LookupJoinSpec, table: Table, rows_max: usize) -> Bench {
        let table = Arc::new(table);
        let input = schema(&[DataType::Int32, DataType::Int32]);
        let output = schema(&[
            DataType::Int32,
            DataType::Int32,
            DataType::Int32,
            DataType::Utf8View,
        ]);
        let expressions = CodecExpressions::new(Arc::new(FunctionRegistry::new()));
        let source = Arc::new(Shared(Arc::clone(&table)));
        let mut join = LookupJoinOperator::new(spec, source, &input, output, &expressions).unwrap();
        let clock = Arc::new(ManualClock::new(0));
        let metrics = Arc::<OperatorMetrics>::default();
        let (sender, woken) = std::sync::mpsc::channel();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        join.open(&OperatorContext {
            task: Arc::new(TaskInfo {
                job_id: String::new(),
                vertex_id: String::new(),
                vertex_name: String::new(),
                subtask: 0,
                parallelism: 1,
                max_parallelism: 128,
                attempt: 0,
            }),
            configuration: Arc::new(Configuration::default()),
            clock: Arc::clone(&clock) as _,
            waker: Waker::from(Arc::new(Wakes(sender))),
            metrics: Arc::clone(&metrics),
            coordinator: None,
            sink_number: 0,
            results: Arc::new(HashMap::new()),
            io: Arc::new(Io(runtime)),
            batch_rows: rows_max,
        })
        .unwrap();
        Bench {
            join,
            out: Output::new(rows_max),
            table,
            clock,
            metrics,
            woken,
        }
    }

    fn take(&mut self, lines: &mut Vec<String>) {
        while let Some(emitted) = self.out.take() {
            match emitted {
                Emitted::Batch(b) => lines.extend(text(&b).unwrap().lines().map(str::to_owned)),
                Emitted::Watermark(w) => lines.push(format!("@ {w}")),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Goes on as far as nothing must be waited for.
    fn run(&mut self, mut step: Step) -> (Vec<String>, Step) {
        let mut lines = Vec::new();
        loop {
            self.take(&mut lines);
            if step != Step::More {
                return (lines, step);
            }
            step = self.join.resume(&mut self.out).unwrap();
        }
    }

    fn send(&mut self, rows: &str) -> (Vec<String>, Step) {
        let input = schema(&[DataType::Int32, DataType::Int32]);
        let batch = batch(&input, rows).unwrap();
        let step = self.join.process(0, batch, &mut self.out).unwrap();
        self.run(step)
    }

    /// What goes out once all lookups have ended, time moving on as they wait.
    fn end(&mut self) -> Vec<String> {
        let step = self.join.end_input(0, &mut self.out).unwrap();
        let (mut lines, mut step) = self.run(step);
        while step == Step::Pending {
            if self.woken.recv_timeout(Duration::from_millis(5)).is_err() {
                self.clock.advance(Duration::from_millis(10));
            }
            let next = self.join.resume(&mut self.out).unwrap();
            let (more, next) = self.run(next);
            lines.extend(more);
            step = next;
        }
        lines
    }
}

fn table(rows: &[(i32, &'static str)]) -> Table {
    Table {
        rows: Mutex::new(rows.to_vec()),
        ..Table::default()
    }
}

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
