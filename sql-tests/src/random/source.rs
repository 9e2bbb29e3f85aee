use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use filbert_connector_api::source::{Assignment, ReaderContext};
use filbert_connector_api::{
    Boundedness, ChangelogMode, ConnectorError, FactoryContext, Pushdown, ReaderOutput, ScanSource,
    SourceReader, Split, SplitEnumerator, TableFactory,
};
use filbert_types::{ChangeBatch, ConfigOption};

use crate::random::tables::{Mode, Table, record_batch};

/// The connector `changelog`: a table's changes in streaming mode, the rows that they come to in batch mode. It is read
/// by one reader, in batches of `batch_rows`.
pub struct ChangelogFactory {
    pub tables: BTreeMap<String, Table>,
    pub batch_rows: usize,
}

impl TableFactory for ChangelogFactory {
    fn identifier(&self) -> &'static str {
        "changelog"
    }

    fn doc(&self) -> &'static str {
        "A changelog written down in a test."
    }

    fn options(&self) -> &'static [ConfigOption] {
        &[]
    }

    fn scan_source(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn ScanSource>, ConnectorError>> {
        let table = self.tables.get(&ctx.path.object)?;
        let (mode, batches) = if ctx.batch {
            let rows = table.rows();
            let batch = record_batch(&rows.iter().collect::<Vec<_>>())?;
            (Mode::InsertOnly, vec![ChangeBatch::insert(batch)])
        } else {
            (table.mode, table.batches(self.batch_rows))
        };
        Some(Ok(Arc::new(ChangelogSource {
            mode: mode.changelog_mode(),
            batches,
        })))
    }
}

struct ChangelogSource {
    mode: ChangelogMode,
    batches: Vec<ChangeBatch>,
}

impl ScanSource for ChangelogSource {
    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn changelog_mode(&self) -> ChangelogMode {
        self.mode
    }

    fn enumerator(
        &self,
        _: &Pushdown,
        _: usize,
    ) -> Result<Box<dyn SplitEnumerator>, ConnectorError> {
        Ok(Box::new(OneSplit { given: false }))
    }

    fn reader(
        &self,
        _: &ReaderContext,
        _: &Pushdown,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        Ok(Box::new(Reader {
            batches: self.batches.clone().into(),
            has_split: false,
            finished: false,
        }))
    }
}

struct OneSplit {
    given: bool,
}

impl SplitEnumerator for OneSplit {
    fn next_splits(&mut self, _: usize) -> Result<Assignment, ConnectorError> {
        if std::mem::replace(&mut self.given, true) {
            return Ok(Assignment::Finished);
        }
        Ok(Assignment::Splits(vec![Split {
            id: "all".to_owned(),
            state: serde_json::Value::Null,
        }]))
    }

    fn add_splits_back(&mut self, _: Vec<Split>) {
        self.given = false;
    }

    fn snapshot(&self) -> Result<serde_json::Value, ConnectorError> {
        Ok(serde_json::Value::Null)
    }

    fn restore(&mut self, _: serde_json::Value) -> Result<(), ConnectorError> {
        Ok(())
    }
}

struct Reader {
    batches: VecDeque<ChangeBatch>,
    has_split: bool,
    finished: bool,
}

impl SourceReader for Reader {
    fn poll(&mut self) -> Result<ReaderOutput, ConnectorError> {
        if self.has_split
            && let Some(batch) = self.batches.pop_front()
        {
            return Ok(ReaderOutput::Batch(batch));
        }
        Ok(match self.finished {
            true => ReaderOutput::Finished,
            false => ReaderOutput::NeedSplits,
        })
    }

    fn add_splits(&mut self, splits: Vec<Split>) {
        self.has_split |= !splits.is_empty();
    }

    fn no_more_splits(&mut self) {
        self.finished = true;
    }

    fn snapshot(&self) -> Vec<Split> {
        Vec::new()
    }
}
