use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use filbert_connector_api::format::EncodingFormat;
use filbert_connector_api::sink::WriterContext;
use filbert_connector_api::{Committable, ConnectorError, SinkWriter};
use filbert_types::print::{BoundColumn, Formatter, Style};
use filbert_types::{ChangeBatch, Clock, TimeZone};
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use crate::layout::{Layout, Place};
use crate::location::Location;
use crate::part::PartWriter;
use crate::partition::escape;
use crate::sink::RollingPolicy;

/// Part files open at once; beyond, the one that has been idle the longest is closed.
const OPEN_PARTS_MAX: usize = 256;

/// A part file that is complete but hidden: what a committer makes visible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartFile {
    pub hidden: String,
    pub visible: String,
}

/// Writes rows into hidden part files, one open for each partition.
pub struct FileWriter {
    location: Location,
    layout: Arc<Layout>,
    format: Arc<dyn EncodingFormat>,
    rolling: RollingPolicy,
    clock: Arc<dyn Clock>,
    /// The columns that files hold, as indices into a row.
    file_columns: Vec<usize>,
    /// The partition columns, in the order of the keys, with how each is written.
    partition_columns: Vec<(usize, Formatter)>,
    name: String,
    attempt: u32,
    next_part: u64,
    open: HashMap<String, OpenPart>,
    done: Vec<PartFile>,
}

struct OpenPart {
    file: PartFile,
    writer: PartWriter,
    opened_ms: i64,
    touched_ms: i64,
}

/// What the names of a job's part files begin with.
pub fn job_prefix(job_id: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    format!("part-{}-", job_id.chars().map(safe).collect::<String>())
}

impl FileWriter {
    pub fn new(
        location: Location,
        layout: Arc<Layout>,
        format: Arc<dyn EncodingFormat>,
        rolling: RollingPolicy,
        ctx: &WriterContext,
    ) -> FileWriter {
        let mut prefix = job_prefix(&ctx.job_id);
        if ctx.sink > 0 {
            prefix.push_str(&format!("sink-{}-", ctx.sink));
        }
        let subtask = ctx.subtask;
        let name = match (ctx.batch, ctx.attempt) {
            (true, 0) => format!("{prefix}task-{subtask}-file-"),
            (true, attempt) => format!("{prefix}task-{subtask}-attempt-{attempt}-file-"),
            (false, 0) => format!("{prefix}{subtask}-"),
            (false, attempt) => format!("{prefix}{subtask}-a{attempt}-"),
        };
        let column = |place: Place| layout.places.iter().position(|p| *p == place).unwrap_or(0);
        let keys = layout.partition_types.iter().enumerate();
        let keys = keys.map(|(i, ty)| {
            let formatter = Formatter::with_style(ty, TimeZone::UTC, Style::Java);
            (column(Place::Partition(i)), formatter)
        });
        FileWriter {
            file_columns: (0..layout.file_fields.len())
                .map(|i| column(Place::File(i)))
                .collect(),
            partition_columns: keys.collect(),
            location,
            layout,
            format,
            rolling,
            clock: Arc::clone(&ctx.clock),
            name,
            attempt: ctx.attempt,
            next_part: 0,
            open: HashMap::new(),
            done: Vec::new(),
        }
    }

    /// The folder of each row, and the rows of each.
    fn folders(&self, rows: &RecordBatch) -> Result<Vec<(String, Vec<u32>)>, ConnectorError> {
        let columns = self
            .partition_columns
            .iter()
            .map(|(index, formatter)| formatter.bind(rows.column(*index).as_ref()));
        let columns: Vec<BoundColumn<'_>> = columns.collect::<Result<_, _>>()?;
        let mut folders: Vec<(String, Vec<u32>)> = Vec::new();
        let mut index: HashMap<String, usize> = HashMap::new();
        let (mut folder, mut value) = (String::new(), String::new());
        let keys = self.partition_columns.iter();
        let keys: Vec<ArrayRef> = keys.map(|(c, _)| Arc::clone(rows.column(*c))).collect();
        // Rows of a partition tend to come together.
        for run in arrow::compute::partition(&keys)?.ranges() {
            let row = run.start;
            folder.clear();
            for (key, column) in self.layout.partition_keys.iter().zip(&columns) {
                value.clear();
                if !column.is_null(row) {
                    column.write(row, &mut value);
                }
                escape(key, &mut folder);
                folder.push('=');
                if value.is_empty() {
                    folder.push_str(&self.layout.default_partition);
                } else {
                    escape(&value, &mut folder);
                }
                folder.push('/');
            }
            let at = match index.get(&folder) {
                Some(at) => *at,
                None => {
                    index.insert(folder.clone(), folders.len());
                    folders.push((folder.clone(), Vec::new()));
                    folders.len() - 1
                }
            };
            folders[at].1.extend(run.start as u32..run.end as u32);
        }
        Ok(folders)
    }

    fn write_into(&mut self, folder: &str, rows: &ChangeBatch) -> Result<(), ConnectorError> {
        let now_ms = self.clock.now_ms();
        if self
            .open
            .get(folder)
            .is_some_and(|part| self.is_full(part, now_ms))
        {
            self.close(folder)?;
        }
        if !self.open.contains_key(folder) {
            let part = self.begin(folder, now_ms)?;
            self.open.insert(folder.to_owned(), part);
        }
        let Some(part) = self.open.get_mut(folder) else {
            return Ok(());
        };
        part.touched_ms = now_ms;
        part.writer.write(rows, &self.location.store)
    }

    fn is_full(&self, part: &OpenPart, now_ms: i64) -> bool {
        let since = |ms: i64| now_ms.saturating_sub(ms).max(0).cast_unsigned();
        part.writer.bytes() >= self.rolling.bytes
            || u128::from(since(part.opened_ms)) >= self.rolling.open_for.as_millis()
            || u128::from(since(part.touched_ms)) >= self.rolling.idle_for.as_millis()
    }

    fn begin(&mut self, folder: &str, now_ms: i64) -> Result<OpenPart, ConnectorError> {
        if self.open.len() >= OPEN_PARTS_MAX {
            let oldest = self.open.iter().min_by_key(|(_, part)| part.touched_ms);
            if let Some(folder) = oldest.map(|(folder, _)| folder.clone()) {
                self.close(&folder)?;
            }
        }
        let extension = self.format.extension();
        let extension = extension.map_or_else(String::new, |e| format!(".{e}"));
        let name = format!("{}{}{extension}", self.name, self.next_part);
        self.next_part += 1;
        let base = self.location.base.as_ref();
        let file = PartFile {
            hidden: format!("{base}/{folder}.{name}.inprogress.{}", self.attempt),
            visible: format!("{base}/{folder}{name}"),
        };
        let encoder = self.format.encoder(&self.layout.file_fields)?;
        Ok(OpenPart {
            writer: PartWriter::new(to_path(&file.hidden)?, encoder),
            file,
            opened_ms: now_ms,
            touched_ms: now_ms,
        })
    }

    fn close(&mut self, folder: &str) -> Result<(), ConnectorError> {
        if let Some(part) = self.open.remove(folder) {
            part.writer.finish(&self.location.store)?;
            self.done.push(part.file);
        }
        Ok(())
    }

    fn close_all(&mut self) -> Result<(), ConnectorError> {
        let mut folders: Vec<String> = self.open.keys().cloned().collect();
        folders.sort();
        folders.iter().try_for_each(|folder| self.close(folder))
    }
}

pub fn to_path(text: &str) -> Result<Path, ConnectorError> {
    Path::parse(text.trim_start_matches('/'))
        .map_err(|e| ConnectorError::user(format!("'{text}' is not a path: {e}")))
}

impl SinkWriter for FileWriter {
    fn write(&mut self, batch: &ChangeBatch) -> Result<(), ConnectorError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let files = batch.with_rows(batch.rows.project(&self.file_columns)?);
        if self.partition_columns.is_empty() {
            return self.write_into("", &files);
        }
        let folders = self.folders(&batch.rows)?;
        if let [(folder, _)] = folders.as_slice() {
            return self.write_into(folder, &files);
        }
        for (folder, rows) in folders {
            self.write_into(&folder, &files.take(&UInt32Array::from(rows))?)?;
        }
        Ok(())
    }

    fn prepare_commit(&mut self, _: bool) -> Result<Vec<Committable>, ConnectorError> {
        self.close_all()?;
        let done = std::mem::take(&mut self.done);
        let value = |file: PartFile| {
            serde_json::to_value(file)
                .map(Committable)
                .map_err(|e| ConnectorError::engine(format!("cannot name a part file: {e}")))
        };
        done.into_iter().map(value).collect()
    }

    fn abort(&mut self) -> Vec<String> {
        // What was written may be wanted still: it is kept, hidden, and named, also where closing it fails.
        let open: Vec<PartFile> = self.open.values().map(|part| part.file.clone()).collect();
        let mut left = std::mem::take(&mut self.done);
        left.extend(open);
        let _ = self.close_all();
        self.done.clear();
        left.sort_by(|a, b| a.hidden.cmp(&b.hidden));
        left.into_iter()
            .map(|file| format!("/{}", file.hidden))
            .collect()
    }
}
