use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::ArrayRef;
use bytes::Bytes;
use filbert_connector_api::format::{
    ContainerReader, ContainerRequest, Decoder, DecodingFormat, FileBytes,
};
use filbert_connector_api::{ConnectorError, ReaderOutput, SourceReader, Split};
use filbert_types::ChangeBatch;
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::enumerator::{FileSplit, damaged};
use crate::framing::Framer;
use crate::layout::{Layout, Output};
use crate::listing::FoundFile;
use crate::location::{Store, shown};

/// Bytes read at once.
const CHUNK_BYTES: u64 = 1 << 20;
/// A record may be this large.
const RECORD_BYTES_MAX: usize = 256 << 20;
/// A poll reads at most this much, however few rows that gives.
const POLL_BYTES: u64 = 8 << 20;

/// Reads pieces of files, one after the other.
pub struct FileReader {
    store: Store,
    layout: Arc<Layout>,
    format: Arc<dyn DecodingFormat>,
    /// None for containers.
    decoder: Option<Box<dyn Decoder>>,
    framer: Framer,
    output: Output,
    batch_rows: usize,
    /// Rows still wanted, where the query has a limit.
    limit: Option<u64>,
    waiting: VecDeque<Split>,
    open: Option<OpenSplit>,
    finished: bool,
    skipped: u64,
}

/// The piece that is being read.
struct OpenSplit {
    split: FileSplit,
    path: Path,
    constants: Vec<Option<ArrayRef>>,
    rows: OpenRows,
}

enum OpenRows {
    Text(TextBuffer),
    Container(ContainerReader),
}

/// Bytes of a file from `offset` on, of which those before `at` are done with.
#[derive(Default)]
struct TextBuffer {
    bytes: Vec<u8>,
    offset: u64,
    at: usize,
}

impl TextBuffer {
    fn position(&self) -> u64 {
        self.offset + self.at as u64
    }

    /// Reads on; false at the file's end.
    fn grow(&mut self, store: &Store, path: &Path, size: u64) -> Result<bool, ConnectorError> {
        let from = self.offset + self.bytes.len() as u64;
        if from >= size {
            return Ok(false);
        }
        self.bytes.drain(..self.at);
        self.offset += self.at as u64;
        self.at = 0;
        if self.bytes.len() > RECORD_BYTES_MAX {
            return Err(ConnectorError::user(format!(
                "{}: the record at byte {} is longer than {} MB; is a quote not closed?",
                shown(path),
                self.offset,
                RECORD_BYTES_MAX >> 20
            )));
        }
        // A record that does not fit is looked through again from its start: ask for as much again.
        let wanted = CHUNK_BYTES.max(self.bytes.len() as u64);
        let chunk = store.read(path, from..size.min(from + wanted))?;
        self.bytes.extend_from_slice(&chunk);
        Ok(true)
    }
}

impl FileReader {
    pub fn new(
        store: Store,
        layout: Arc<Layout>,
        format: Arc<dyn DecodingFormat>,
        decoder: Option<Box<dyn Decoder>>,
        output: Output,
        batch_rows: usize,
        limit: Option<u64>,
    ) -> FileReader {
        FileReader {
            store,
            framer: Framer::new(format.framing()),
            layout,
            format,
            decoder,
            output,
            batch_rows: batch_rows.max(1),
            limit,
            waiting: VecDeque::new(),
            open: None,
            finished: false,
            skipped: 0,
        }
    }

    fn open(&self, split: &Split) -> Result<OpenSplit, ConnectorError> {
        let split: FileSplit = serde_json::from_value(split.state.clone()).map_err(damaged)?;
        let path = Path::parse(&split.path)
            .map_err(|e| ConnectorError::engine(format!("bad path '{}': {e}", split.path)))?;
        let file = found_file(&split, &path);
        let rows = match self.format.container() {
            Some(container) => {
                let bytes = Arc::new(StoredFile {
                    store: self.store.clone(),
                    path: path.clone(),
                    size: split.size,
                });
                let request = ContainerRequest {
                    fields: self.layout.file_fields.clone(),
                    projection: self.output.file_projection.clone(),
                    batch_rows: self.batch_rows,
                    skip_rows: split.rows,
                };
                let opened = container.open(bytes, &request);
                OpenRows::Container(opened.map_err(|e| at_file(&path, e))?)
            }
            None => OpenRows::Text(self.first_record(&split, &path)?),
        };
        Ok(OpenSplit {
            constants: self.output.constants(&self.layout, &file)?,
            split,
            path,
            rows,
        })
    }

    /// A buffer at the first record that begins in the piece, or where a restored one goes on.
    fn first_record(&self, split: &FileSplit, path: &Path) -> Result<TextBuffer, ConnectorError> {
        let mut buffer = TextBuffer::default();
        if let Some(position) = split.position {
            buffer.offset = position;
            return Ok(buffer);
        }
        if split.start == 0 {
            return Ok(buffer);
        }
        if self.framer.is_line_based() {
            // The record before may end just at the start.
            buffer.offset = split.start - 1;
        }
        let size = split.size;
        while buffer.position() < split.start {
            match self.framer.find(&buffer.bytes, buffer.at, false) {
                Some(found) => buffer.at = found.next,
                None if buffer.grow(&self.store, path, size)? => {}
                None => {
                    buffer.at = buffer.bytes.len();
                    break;
                }
            }
        }
        Ok(buffer)
    }

    /// Reads on in the open piece. None when that gave no row.
    fn read(&mut self) -> Result<Option<ChangeBatch>, ConnectorError> {
        let Some(open) = &mut self.open else {
            return Ok(None);
        };
        let (decoded, ended) = match &mut open.rows {
            OpenRows::Container(reader) => match reader.next() {
                None => (None, true),
                Some(batch) => {
                    let batch = batch.map_err(|e| at_file(&open.path, e))?;
                    open.split.rows += batch.num_rows() as u64;
                    (Some(batch), false)
                }
            },
            OpenRows::Text(buffer) => {
                let Some(decoder) = &mut self.decoder else {
                    return Err(ConnectorError::engine("text is read without a decoder"));
                };
                let text = Text {
                    store: &self.store,
                    path: &open.path,
                    split: &open.split,
                    framer: self.framer,
                    batch_rows: self.batch_rows,
                };
                let ended = text.decode(buffer, decoder.as_mut())?;
                open.split.position = Some(buffer.position());
                self.skipped += decoder.take_skipped();
                let batch = (!decoder.is_empty()).then(|| decoder.flush()).transpose()?;
                (batch, ended)
            }
        };
        let batch = decoded
            .map(|batch| self.output.assemble(&batch, &open.constants))
            .transpose()?;
        if ended {
            self.open = None;
        }
        Ok(batch)
    }

    fn limited(&mut self, batch: ChangeBatch) -> ChangeBatch {
        let Some(left) = &mut self.limit else {
            return batch;
        };
        let rows = batch.num_rows() as u64;
        let wanted = rows.min(*left);
        *left -= wanted;
        if wanted < rows {
            return batch.slice(0, wanted as usize);
        }
        batch
    }
}

/// What decoding a piece of text needs.
struct Text<'a> {
    store: &'a Store,
    path: &'a Path,
    split: &'a FileSplit,
    framer: Framer,
    batch_rows: usize,
}

impl Text<'_> {
    /// Decodes records until a batch is full or much has been read; true at the piece's end.
    fn decode(
        &self,
        buffer: &mut TextBuffer,
        decoder: &mut dyn Decoder,
    ) -> Result<bool, ConnectorError> {
        let from = buffer.position();
        let mut eof = false;
        while buffer.position() < self.split.end {
            if decoder.len() >= self.batch_rows || buffer.position() - from >= POLL_BYTES {
                return Ok(false);
            }
            let Some(found) = self.framer.find(&buffer.bytes, buffer.at, eof) else {
                if eof {
                    return Ok(true);
                }
                eof = !buffer.grow(self.store, self.path, self.split.size)?;
                continue;
            };
            let record = &buffer.bytes[buffer.at..found.end];
            if let Err(error) = decoder.decode(record) {
                let line = self.line_of(buffer.position());
                return Err(at_line(self.path, line, error));
            }
            buffer.at = found.next;
        }
        Ok(true)
    }

    /// The number of the line that begins at a position, counted only when it is needed; none when that fails.
    fn line_of(&self, position: u64) -> Option<u64> {
        let mut line = 1;
        let mut at = 0;
        while at < position {
            let end = position.min(at + CHUNK_BYTES);
            let chunk = self.store.read(self.path, at..end).ok()?;
            line += memchr::memchr_iter(b'\n', &chunk).count() as u64;
            at = end;
        }
        Some(line)
    }
}

fn at_file(path: &Path, mut error: ConnectorError) -> ConnectorError {
    error.message = format!("{}: {}", shown(path), error.message);
    error
}

fn at_line(path: &Path, line: Option<u64>, mut error: ConnectorError) -> ConnectorError {
    let line = line.map_or_else(String::new, |line| format!(":{line}"));
    error.message = format!("{}{line}: {}", shown(path), error.message);
    error
}

fn found_file(split: &FileSplit, path: &Path) -> FoundFile {
    FoundFile {
        path: path.clone(),
        size: split.size,
        modified_ms: split.modified_ms,
        partition: split.partition.clone(),
        meta: ObjectMeta {
            location: path.clone(),
            last_modified: Default::default(),
            size: split.size,
            e_tag: None,
            version: None,
        },
    }
}

/// A file that a container format reads by ranges.
struct StoredFile {
    store: Store,
    path: Path,
    size: u64,
}

impl FileBytes for StoredFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes, ConnectorError> {
        self.store.read(&self.path, range)
    }
}

impl SourceReader for FileReader {
    fn poll(&mut self) -> Result<ReaderOutput, ConnectorError> {
        if self.limit == Some(0) {
            self.waiting.clear();
            self.open = None;
        }
        if self.open.is_none() {
            let Some(split) = self.waiting.pop_front() else {
                return Ok(if self.finished {
                    ReaderOutput::Finished
                } else {
                    ReaderOutput::NeedSplits
                });
            };
            self.open = Some(self.open(&split)?);
        }
        Ok(match self.read()? {
            Some(batch) => ReaderOutput::Batch(self.limited(batch)),
            // Nothing but comments, skipped records or an empty file: a poll is a bounded piece of work, so ask again.
            None => ReaderOutput::Wait(Duration::ZERO),
        })
    }

    fn add_splits(&mut self, splits: Vec<Split>) {
        self.waiting.extend(splits);
    }

    fn no_more_splits(&mut self) {
        self.finished = true;
    }

    fn snapshot(&self) -> Vec<Split> {
        let open = self.open.iter().filter_map(|o| o.split.to_split().ok());
        open.chain(self.waiting.iter().cloned()).collect()
    }

    fn take_skipped(&mut self) -> u64 {
        std::mem::take(&mut self.skipped)
    }
}
