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
use filbert_types::schema::arrow_schema;
use filbert_types::{ChangeBatch, Clock, Field, TimeZone};
use serde::{Deserialize, Serialize};

use crate::generator::{Generator, Moment, Rows};
use crate::options::Parsed;

/// A table of made-up rows.
pub struct DataGenSource {
    fields: Vec<Field>,
    options: Parsed,
    parallelism: Option<usize>,
}

impl DataGenSource {
    pub fn new(fields: Vec<Field>, options: Parsed, parallelism: Option<usize>) -> DataGenSource {
        DataGenSource {
            fields,
            options,
            parallelism,
        }
    }
}

/// Rows `first`, `first + stride`, ... of the job, of which `next` have been made.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct RowPosition {
    seed: u64,
    first: u64,
    stride: u64,
    next: u64,
    /// How many there are; none without end.
    rows: Option<u64>,
    rows_per_second: f64,
}

impl Position for RowPosition {
    fn id(&self) -> String {
        self.first.to_string()
    }
}

impl ScanSource for DataGenSource {
    fn boundedness(&self) -> Boundedness {
        match self.options.rows {
            Some(_) => Boundedness::Bounded,
            None => Boundedness::Unbounded,
        }
    }

    fn supports_projection(&self) -> bool {
        true
    }

    fn supports_limit(&self) -> bool {
        true
    }

    fn parallelism(&self) -> Option<usize> {
        self.parallelism
    }

    fn enumerator(
        &self,
        pushdown: &Pushdown,
        parallelism: usize,
    ) -> Result<Box<dyn SplitEnumerator>, ConnectorError> {
        let rows = self.options.rows.into_iter().chain(pushdown.limit).min();
        Ok(Box::new(PositionEnumerator::new(positions(
            rand::random(),
            rows,
            parallelism.max(1) as u64,
            self.options.rows_per_second as f64,
        ))))
    }

    fn reader(
        &self,
        ctx: &ReaderContext,
        pushdown: &Pushdown,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        let all = || (0..self.fields.len()).collect();
        let projection: Vec<usize> = pushdown.projection.clone().unwrap_or_else(all);
        let fields: Vec<Field> = projection.iter().map(|i| self.fields[*i].clone()).collect();
        let generators = projection
            .iter()
            .map(|i| self.options.generators[*i].clone());
        Ok(Box::new(Reader {
            schema: arrow_schema(&fields),
            generators: generators.collect(),
            zone: self.options.zone,
            clock: Arc::clone(&ctx.clock),
            batch_rows: ctx.batch_rows.max(1) as u64,
            splits: VecDeque::new(),
            damaged: None,
            finished: false,
        }))
    }
}

/// Bounded input is cut into contiguous runs, unbounded input is dealt out in turn.
fn positions(seed: u64, rows: Option<u64>, parts: u64, rate: f64) -> Vec<RowPosition> {
    let parts = rows.map_or(parts, |rows| parts.min(rows.max(1)));
    let part = |i: u64| {
        let (first, stride, rows) = match rows {
            Some(rows) => {
                let from = |i: u64| (u128::from(rows) * u128::from(i) / u128::from(parts)) as u64;
                (from(i), 1, Some(from(i + 1) - from(i)))
            }
            None => (i, parts, None),
        };
        RowPosition {
            seed,
            first,
            stride,
            next: 0,
            rows,
            rows_per_second: rate / parts as f64,
        }
    };
    (0..parts).map(part).collect()
}

struct Reader {
    schema: SchemaRef,
    generators: Vec<Generator>,
    zone: TimeZone,
    clock: Arc<dyn Clock>,
    batch_rows: u64,
    /// Read in turn.
    splits: VecDeque<Active>,
    /// A split that can't be read.
    damaged: Option<ConnectorError>,
    finished: bool,
}

/// A split that is being read, with when reading began for its rate limit.
struct Active {
    position: RowPosition,
    since: Option<(i64, u64)>,
}

impl Active {
    /// How many rows may be made now; none of them means the time to wait.
    fn allowed(&mut self, now_ms: i64, wanted: u64) -> Result<u64, Duration> {
        let position = &self.position;
        let rate = position.rows_per_second;
        let (since_ms, from) = *self.since.get_or_insert((now_ms, position.next));
        let elapsed_ms = now_ms.saturating_sub(since_ms).max(0) as f64;
        let due = from.saturating_add((elapsed_ms * rate / 1000.0) as u64 + 1);
        let ready = due.saturating_sub(position.next);
        if ready > 0 {
            return Ok(ready.min(wanted));
        }
        let next_due = (position.next + 1 - from).saturating_sub(1) as f64 * 1000.0 / rate;
        // Rows are made every ten milliseconds at most often, many at once where the rate is high.
        let wait_ms = (next_due - elapsed_ms).max(10.0);
        Err(Duration::from_millis(wait_ms.ceil() as u64))
    }
}

impl SourceReader for Reader {
    fn poll(&mut self) -> Result<ReaderOutput, ConnectorError> {
        if let Some(error) = self.damaged.take() {
            return Err(error);
        }
        let now_ms = self.clock.now_ms();
        let mut wait: Option<Duration> = None;
        for _ in 0..self.splits.len() {
            let Some(mut active) = self.splits.pop_front() else {
                break;
            };
            let position = &active.position;
            let left = position.rows.map(|rows| rows.saturating_sub(position.next));
            let wanted = left.map_or(self.batch_rows, |left| left.min(self.batch_rows));
            if wanted == 0 {
                continue;
            }
            match active.allowed(now_ms, wanted) {
                Ok(count) => return self.emit(active, count, now_ms),
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
            match RowPosition::of_split(split) {
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
    fn emit(
        &mut self,
        mut active: Active,
        count: u64,
        now_ms: i64,
    ) -> Result<ReaderOutput, ConnectorError> {
        let position = &mut active.position;
        let rows = Rows::Run {
            first: position
                .first
                .wrapping_add(position.next.wrapping_mul(position.stride)),
            stride: position.stride,
            len: count as usize,
        };
        let moment = Moment {
            seed: position.seed,
            now_ms,
            zone: self.zone,
        };
        let columns = self
            .generators
            .iter()
            .map(|generator| generator.generate(&rows, moment))
            .collect::<Result<Vec<_>, _>>()?;
        position.next += count;
        self.splits.push_back(active);
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        Ok(ReaderOutput::Batch(ChangeBatch::insert(batch)))
    }
}
