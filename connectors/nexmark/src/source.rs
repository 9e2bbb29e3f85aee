use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use filbert_connector_api::source::ReaderContext;
use filbert_connector_api::{
    Boundedness, ConnectorError, Position, PositionEnumerator, Pushdown, ReaderOutput, ScanSource,
    SourceReader, Split, SplitEnumerator,
};
use filbert_types::{ChangeBatch, Clock};
use serde::{Deserialize, Serialize};

use crate::columns::{Generator, Run, Wanted};
use crate::options::Parsed;
use crate::schema;

/// A table of Nexmark events.
pub struct NexmarkSource {
    options: Parsed,
}

impl NexmarkSource {
    pub fn new(options: Parsed) -> NexmarkSource {
        NexmarkSource { options }
    }
}

/// Events `first`, `first + stride`, ... below `end`, of which those before `next` have been made. Dealt out in turn,
/// so that the readers' event times go together.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct EventPosition {
    first: u64,
    stride: u64,
    next: u64,
    end: Option<u64>,
}

impl Position for EventPosition {
    fn id(&self) -> String {
        self.first.to_string()
    }

    /// Each reader has its own from the start: the events of one that was read behind another would all be late.
    fn is_for(&self, subtask: usize) -> bool {
        self.first % self.stride == subtask as u64
    }
}

impl ScanSource for NexmarkSource {
    fn boundedness(&self) -> Boundedness {
        match self.options.count {
            Some(_) => Boundedness::Bounded,
            None => Boundedness::Unbounded,
        }
    }

    fn supports_projection(&self) -> bool {
        true
    }

    fn supports_nested_projection(&self) -> bool {
        true
    }

    fn supports_limit(&self) -> bool {
        true
    }

    fn enumerator(
        &self,
        pushdown: &Pushdown,
        parallelism: usize,
    ) -> Result<Box<dyn SplitEnumerator>, ConnectorError> {
        let end = self.options.count.into_iter().chain(pushdown.limit).min();
        let stride = parallelism.max(1) as u64;
        let position = |first| EventPosition {
            first,
            stride,
            next: first,
            end,
        };
        let positions = (0..stride).map(position);
        Ok(Box::new(PositionEnumerator::new(positions)))
    }

    fn reader(
        &self,
        ctx: &ReaderContext,
        pushdown: &Pushdown,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        let all = schema::schema();
        let projection: Vec<usize> = match &pushdown.projection {
            Some(projection) => projection.clone(),
            None => (0..all.fields().len()).collect(),
        };
        let columns = projection
            .iter()
            .map(|column| (*column, pushdown.nested.get(column).cloned()))
            .collect();
        Ok(Box::new(Reader {
            schema: Arc::new(all.project(&projection)?),
            columns,
            generator: Generator::new(self.options.events.clone()),
            rate_limited: self.options.rate_limited,
            clock: Arc::clone(&ctx.clock),
            batch_rows: ctx.batch_rows.max(1),
            splits: VecDeque::new(),
            damaged: None,
            finished: false,
        }))
    }
}

struct Reader {
    schema: SchemaRef,
    /// Columns of the table, and the fields that are read of each.
    columns: Vec<(usize, Wanted)>,
    generator: Generator,
    rate_limited: bool,
    clock: Arc<dyn Clock>,
    batch_rows: usize,
    /// Read in turn.
    splits: VecDeque<Active>,
    /// A split that can't be read.
    damaged: Option<ConnectorError>,
    finished: bool,
}

/// A split that is being read; `since` is when reading began, and at which event.
struct Active {
    position: EventPosition,
    since: Option<(i64, u64)>,
}

impl Active {
    /// Rows that may be made at this time; none of them means the time to wait.
    fn allowed(&mut self, now_ms: i64, rate: u64, wanted: usize) -> Result<usize, Duration> {
        let (since_ms, from) = *self.since.get_or_insert((now_ms, self.position.next));
        let elapsed_ms = now_ms.saturating_sub(since_ms).max(0) as u64;
        let due = from + elapsed_ms.saturating_mul(rate) / 1000;
        let ready = (due + 1)
            .saturating_sub(self.position.next)
            .div_ceil(self.position.stride) as usize;
        if ready > 0 {
            return Ok(ready.min(wanted));
        }
        let wait_ms = (self.position.next - due) * 1000 / rate;
        Err(Duration::from_millis(wait_ms.clamp(1, 100)))
    }
}

impl SourceReader for Reader {
    fn poll(&mut self) -> Result<ReaderOutput, ConnectorError> {
        if let Some(error) = self.damaged.take() {
            return Err(error);
        }
        let mut wait: Option<Duration> = None;
        for _ in 0..self.splits.len() {
            let Some(mut active) = self.splits.pop_front() else {
                break;
            };
            let position = &active.position;
            let left = position.end.map_or(u64::MAX, |end| {
                end.saturating_sub(position.next).div_ceil(position.stride)
            });
            let wanted = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(self.batch_rows);
            if wanted == 0 {
                continue;
            }
            let allowed = match self.rate_limited {
                true => {
                    let rate = self.generator.events().rate;
                    active.allowed(self.clock.now_ms(), rate, wanted)
                }
                false => Ok(wanted),
            };
            match allowed {
                Ok(len) => return self.emit(active, len),
                Err(time) => wait = Some(wait.map_or(time, |w| w.min(time))),
            }
            self.splits.push_back(active);
        }
        Ok(match wait {
            Some(time) => ReaderOutput::Wait(time),
            None if self.finished => ReaderOutput::Finished,
            None => ReaderOutput::NeedSplits,
        })
    }

    fn add_splits(&mut self, splits: Vec<Split>) {
        for split in &splits {
            match EventPosition::of_split(split) {
                Ok(position) => self.splits.push_back(Active {
                    position,
                    since: None,
                }),
                Err(error) => self.damaged = Some(error),
            }
        }
    }

    fn no_more_splits(&mut self) {
        self.finished = true;
    }

    fn snapshot(&self) -> Vec<Split> {
        let splits = self.splits.iter().map(|active| active.position.to_split());
        splits.flatten().collect()
    }
}

impl Reader {
    fn emit(&mut self, mut active: Active, len: usize) -> Result<ReaderOutput, ConnectorError> {
        let position = &mut active.position;
        let run = Run {
            first: position.next,
            stride: position.stride,
            len,
        };
        position.next += position.stride * len as u64;
        self.splits.push_back(active);
        let columns = self.generator.columns(&self.columns, run);
        let options = RecordBatchOptions::new().with_row_count(Some(len));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        Ok(ReaderOutput::Batch(ChangeBatch::insert(rows)))
    }
}
