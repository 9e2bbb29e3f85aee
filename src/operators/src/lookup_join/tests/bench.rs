//! A table that is asked, and an operator over it that is open.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use arrow::datatypes::DataType;
use filbert_connector_api::lookup::{AsyncLookup, LookupFuture, SyncLookup};
use filbert_connector_api::{ConnectorError, LookupOptions};
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::{LookupKeySpec, LookupKeyValue, SourceSpec};
use filbert_types::{Configuration, Field, LogicalType, ManualClock, ObjectPath, TypeKind};
use parking_lot::Mutex;

use super::super::*;
use crate::context::TaskInfo;
use crate::expressions::CodecExpressions;
use crate::output::Emitted;
use crate::testing::{batch, schema, text};

/// Keys and their values.
pub(super) type Rows = Vec<(i32, &'static str)>;

#[derive(Default)]
pub(super) struct Table {
    pub(super) rows: Mutex<Rows>,
    pub(super) options: LookupOptions,
    pub(super) delay: Option<Duration>,
    /// By key, how often it was asked for.
    pub(super) asked: Mutex<BTreeMap<i32, usize>>,
    pub(super) failures: Mutex<usize>,
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

pub(super) fn spec() -> LookupJoinSpec {
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
pub(super) struct Bench {
    pub(super) join: LookupJoinOperator,
    pub(super) out: Output,
    pub(super) table: Arc<Table>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) metrics: Arc<OperatorMetrics>,
    pub(super) woken: std::sync::mpsc::Receiver<()>,
}

impl Bench {
    pub(super) fn new(spec: &LookupJoinSpec, table: Table, rows_max: usize) -> Bench {
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
    pub(super) fn run(&mut self, mut step: Step) -> (Vec<String>, Step) {
        let mut lines = Vec::new();
        loop {
            self.take(&mut lines);
            if step != Step::More {
                return (lines, step);
            }
            step = self.join.resume(&mut self.out).unwrap();
        }
    }

    pub(super) fn send(&mut self, rows: &str) -> (Vec<String>, Step) {
        let input = schema(&[DataType::Int32, DataType::Int32]);
        let batch = batch(&input, rows).unwrap();
        let step = self.join.process(0, batch, &mut self.out).unwrap();
        self.run(step)
    }

    /// What goes out once all lookups have ended, time moving on as they wait.
    pub(super) fn end(&mut self) -> Vec<String> {
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

pub(super) fn table(rows: &[(i32, &'static str)]) -> Table {
    Table {
        rows: Mutex::new(rows.to_vec()),
        ..Table::default()
    }
}
