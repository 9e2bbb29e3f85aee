use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use filbert_connector_api::source::{Assignment, ReaderContext};
use filbert_connector_api::{
    Boundedness, ConnectorError, FactoryContext, Pushdown, ReaderOutput, ScanSource, SourceReader,
    Split, SplitEnumerator, TableFactory,
};
use filbert_types::{ChangeBatch, ConfigOption};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::time::events::{Event, Events, record_batch};

/// The connector `events`: readers take turns among their splits as a seed says, in batches of random size.
pub struct EventsFactory {
    pub tables: BTreeMap<String, Events>,
    pub seed: u64,
    pub batch_rows: usize,
}

impl TableFactory for EventsFactory {
    fn identifier(&self) -> &'static str {
        "events"
    }

    fn doc(&self) -> &'static str {
        "Rows with times, written down in a test."
    }

    fn options(&self) -> &'static [ConfigOption] {
        &[]
    }

    fn scan_source(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn ScanSource>, ConnectorError>> {
        let events = self.tables.get(&ctx.path.object)?.clone();
        Some(Ok(Arc::new(EventsSource {
            events,
            seed: self.seed,
            batch_rows: self.batch_rows,
        })))
    }
}

struct EventsSource {
    events: Events,
    seed: u64,
    batch_rows: usize,
}

impl ScanSource for EventsSource {
    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    /// Only where it must: behind a source of one split an assigner does as well.
    fn supports_watermark_push_down(&self) -> bool {
        self.events.splits.len() > 1
    }

    fn enumerator(
        &self,
        _: &Pushdown,
        parallelism: usize,
    ) -> Result<Box<dyn SplitEnumerator>, ConnectorError> {
        let mut waiting = vec![Vec::new(); parallelism.max(1)];
        for split in 0..self.events.splits.len() {
            let reader = split % waiting.len();
            waiting[reader].push(Split {
                id: split.to_string(),
                state: serde_json::Value::Null,
            });
        }
        Ok(Box::new(Enumerator { waiting }))
    }

    fn reader(
        &self,
        ctx: &ReaderContext,
        _: &Pushdown,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        Ok(Box::new(Reader {
            events: self.events.clone(),
            splits: Vec::new(),
            last: None,
            paused: BTreeSet::new(),
            rng: StdRng::seed_from_u64(self.seed + ctx.subtask as u64),
            batch_rows: self.batch_rows,
            finished: false,
        }))
    }
}

/// Gives each reader its splits at once.
struct Enumerator {
    waiting: Vec<Vec<Split>>,
}

impl SplitEnumerator for Enumerator {
    fn next_splits(&mut self, subtask: usize) -> Result<Assignment, ConnectorError> {
        let splits = self.waiting.get_mut(subtask).map(std::mem::take);
        Ok(match splits.filter(|splits| !splits.is_empty()) {
            Some(splits) => Assignment::Splits(splits),
            None => Assignment::Finished,
        })
    }

    fn add_splits_back(&mut self, splits: Vec<Split>) {
        if let Some(first) = self.waiting.first_mut() {
            first.extend(splits);
        }
    }

    fn snapshot(&self) -> Result<serde_json::Value, ConnectorError> {
        Ok(serde_json::Value::Null)
    }

    fn restore(&mut self, _: serde_json::Value) -> Result<(), ConnectorError> {
        Ok(())
    }
}

struct Reader {
    events: Events,
    /// Splits at hand, with the rows that are left of them.
    splits: Vec<(String, VecDeque<Event>)>,
    last: Option<String>,
    paused: BTreeSet<String>,
    rng: StdRng,
    batch_rows: usize,
    finished: bool,
}

impl SourceReader for Reader {
    fn poll(&mut self) -> Result<ReaderOutput, ConnectorError> {
        if self.splits.is_empty() {
            return Ok(match self.finished {
                true => ReaderOutput::Finished,
                false => ReaderOutput::NeedSplits,
            });
        }
        let open = |at: &usize| !self.paused.contains(&self.splits[*at].0);
        let open: Vec<usize> = (0..self.splits.len()).filter(open).collect();
        if open.is_empty() {
            return Err(ConnectorError::user("every split is paused"));
        }
        let at = open[self.rng.random_range(0..open.len())];
        let (id, rows) = &mut self.splits[at];
        if rows.is_empty() {
            let id = id.clone();
            self.splits.remove(at);
            return Ok(ReaderOutput::SplitFinished(id));
        }
        let count = self.rng.random_range(1..=self.batch_rows).min(rows.len());
        let batch: Vec<Event> = rows.drain(..count).collect();
        self.last = Some(id.clone());
        let rows = record_batch(&batch.iter().collect::<Vec<_>>());
        let rows = rows.ok_or_else(|| ConnectorError::user("events that are no batch"))?;
        Ok(ReaderOutput::Batch(ChangeBatch::insert(rows)))
    }

    fn add_splits(&mut self, splits: Vec<Split>) {
        for split in splits {
            let rows = split.id.parse().ok();
            let rows = rows.and_then(|split: usize| self.events.splits.get(split));
            let rows = rows.map(|rows| rows.iter().cloned().collect());
            self.splits.push((split.id, rows.unwrap_or_default()));
        }
    }

    fn no_more_splits(&mut self) {
        self.finished = true;
    }

    fn snapshot(&self) -> Vec<Split> {
        Vec::new()
    }

    fn pause_splits(&mut self, paused: &BTreeSet<String>) -> bool {
        self.paused.clone_from(paused);
        true
    }

    fn split_of_batch(&self) -> Option<&str> {
        self.last.as_deref()
    }
}
