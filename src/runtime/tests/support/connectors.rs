use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringViewArray};
use filbert_connector_api::sink::WriterContext;
use filbert_connector_api::source::{Assignment, Pushdown, ReaderContext};
use filbert_connector_api::*;
use filbert_operators::testing::text;
use filbert_types::{ChangeBatch, ConfigOption, ConfigType};
use parking_lot::Mutex;

/// What a test's sink was given.
#[derive(Default)]
pub struct Written {
    /// By attempt.
    pub lines: BTreeMap<u32, Vec<String>>,
    pub rows: usize,
    pub committed: usize,
    pub finished: bool,
    /// Fails once, when the first attempt has written this many rows.
    pub fail_at_row: Option<usize>,
}

impl Written {
    /// The rows that the changelog leaves, sorted.
    pub fn materialize(&self) -> Vec<String> {
        let mut rows: BTreeMap<&str, i64> = BTreeMap::new();
        for line in self.lines.values().flatten() {
            let (kind, row) = line.split_once(' ').unwrap();
            let by = if kind == "+I" || kind == "+U" { 1 } else { -1 };
            *rows.entry(row).or_default() += by;
        }
        assert!(
            rows.values().all(|n| *n >= 0),
            "a row was deleted that was not there: {rows:?}"
        );
        let live = rows.iter().filter(|(_, n)| **n > 0);
        live.flat_map(|(row, n)| std::iter::repeat_n((*row).to_owned(), *n as usize))
            .collect()
    }

    pub fn last_attempt(&self) -> Written {
        let (attempt, lines) = self.lines.last_key_value().unwrap();
        Written {
            lines: BTreeMap::from([(*attempt, lines.clone())]),
            ..Written::default()
        }
    }
}

const COUNT: &[ConfigOption] = &[ConfigOption::new("count", ConfigType::Long, "Rows.")];

/// Numbers from 0, dealt to the readers in ranges; beside each its last digit as text.
pub struct Numbers;

impl TableFactory for Numbers {
    fn identifier(&self) -> &'static str {
        "numbers"
    }
    fn doc(&self) -> &'static str {
        "Numbers."
    }
    fn options(&self) -> &'static [ConfigOption] {
        COUNT
    }
    fn scan_source(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn ScanSource>, ConnectorError>> {
        let count = ctx.options.raw("count").unwrap().parse().unwrap();
        Some(Ok(Arc::new(NumberSource { count })))
    }
}

struct NumberSource {
    count: u64,
}

const RANGE: u64 = 1000;

impl ScanSource for NumberSource {
    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }
    fn enumerator(
        &self,
        _: &Pushdown,
        _: usize,
    ) -> Result<Box<dyn SplitEnumerator>, ConnectorError> {
        Ok(Box::new(Ranges {
            next: 0,
            end: self.count,
        }))
    }
    fn reader(
        &self,
        ctx: &ReaderContext,
        _: &Pushdown,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        Ok(Box::new(NumberReader {
            at: 0,
            end: 0,
            done: false,
            batch_rows: ctx.batch_rows as u64,
        }))
    }
}

struct Ranges {
    next: u64,
    end: u64,
}

impl SplitEnumerator for Ranges {
    fn next_splits(&mut self, _: usize) -> Result<Assignment, ConnectorError> {
        if self.next == self.end {
            return Ok(Assignment::Finished);
        }
        let from = self.next;
        self.next = from.saturating_add(RANGE).min(self.end);
        let state = serde_json::json!([from, self.next]);
        Ok(Assignment::Splits(vec![Split {
            id: from.to_string(),
            state,
        }]))
    }
    fn add_splits_back(&mut self, _: Vec<Split>) {}
    fn snapshot(&self) -> Result<serde_json::Value, ConnectorError> {
        Ok(serde_json::json!(self.next))
    }
    fn restore(&mut self, _: serde_json::Value) -> Result<(), ConnectorError> {
        Ok(())
    }
}

struct NumberReader {
    at: u64,
    end: u64,
    done: bool,
    batch_rows: u64,
}

impl SourceReader for NumberReader {
    fn poll(&mut self) -> Result<ReaderOutput, ConnectorError> {
        if self.at == self.end {
            return Ok(if self.done {
                ReaderOutput::Finished
            } else {
                ReaderOutput::NeedSplits
            });
        }
        let end = self.end.min(self.at + self.batch_rows);
        let numbers: Vec<i64> = (self.at..end).map(|n| n as i64).collect();
        let digits: Vec<String> = numbers.iter().map(|n| format!("digit{}", n % 10)).collect();
        self.at = end;
        let rows = RecordBatch::try_from_iter_with_nullable([
            ("n", Arc::new(Int64Array::from(numbers)) as _, true),
            ("d", Arc::new(StringViewArray::from(digits)) as _, true),
        ])?;
        Ok(ReaderOutput::Batch(ChangeBatch::insert(rows)))
    }
    fn add_splits(&mut self, splits: Vec<Split>) {
        (self.at, self.end) = serde_json::from_value(splits[0].state.clone()).unwrap();
    }
    fn no_more_splits(&mut self) {
        self.done = true;
    }
    fn snapshot(&self) -> Vec<Split> {
        Vec::new()
    }
}

/// A sink that remembers its rows.
pub struct Memory(pub Arc<Mutex<Written>>);

impl TableFactory for Memory {
    fn identifier(&self) -> &'static str {
        "remember"
    }
    fn doc(&self) -> &'static str {
        "Remembers."
    }
    fn options(&self) -> &'static [ConfigOption] {
        &[]
    }
    fn sink(&self, _: &FactoryContext<'_>) -> Option<Result<Arc<dyn TableSink>, ConnectorError>> {
        Some(Ok(Arc::new(MemorySink(Arc::clone(&self.0)))))
    }
}

struct MemorySink(Arc<Mutex<Written>>);

impl TableSink for MemorySink {
    fn changelog_mode(&self, _: ChangelogMode) -> ChangelogMode {
        ChangelogMode::ALL
    }
    fn writer(&self, ctx: &WriterContext) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        Ok(Box::new(MemoryWriter {
            written: Arc::clone(&self.0),
            attempt: ctx.attempt,
        }))
    }
    fn committer(&self, _: &WriterContext) -> Result<Option<Box<dyn Committer>>, ConnectorError> {
        Ok(Some(Box::new(MemoryCommitter(Arc::clone(&self.0)))))
    }
}

struct MemoryWriter {
    written: Arc<Mutex<Written>>,
    attempt: u32,
}

impl SinkWriter for MemoryWriter {
    fn write(&mut self, batch: &ChangeBatch) -> Result<(), ConnectorError> {
        let mut written = self.written.lock();
        written.rows += batch.num_rows();
        if written.fail_at_row.is_some_and(|at| written.rows > at) {
            written.fail_at_row = None;
            return Err(ConnectorError::world("disk full"));
        }
        let lines = text(batch)?;
        let lines = lines
            .lines()
            .filter(|l| !l.starts_with('@'))
            .map(str::to_owned);
        written.lines.entry(self.attempt).or_default().extend(lines);
        Ok(())
    }
    fn prepare_commit(&mut self, _: bool) -> Result<Vec<Committable>, ConnectorError> {
        Ok(vec![Committable(serde_json::json!("rows"))])
    }
    fn abort(&mut self) -> Vec<String> {
        vec!["hidden file".to_owned()]
    }
}

struct MemoryCommitter(Arc<Mutex<Written>>);

impl Committer for MemoryCommitter {
    fn commit(&mut self, committables: Vec<Committable>) -> Result<(), ConnectorError> {
        self.0.lock().committed += committables.len();
        Ok(())
    }
    fn finish(&mut self) -> Result<(), ConnectorError> {
        self.0.lock().finished = true;
        Ok(())
    }
}
