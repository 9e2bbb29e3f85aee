//! Compaction: the part files that a job wrote into a folder become fewer, larger ones before they are seen. Files of
//! records are put one behind the other; the rows of container files (Parquet) are read and written again.

use std::collections::BTreeMap;
use std::sync::Arc;

use filbert_connector_api::format::{DecodingFormat, EncodingFormat};
use filbert_connector_api::{ConnectorError, ReaderOutput, SourceReader};

use crate::enumerator::FileSplit;
use crate::layout::{Layout, Output, Place};
use crate::location::Store;
use crate::part::PartWriter;
use crate::reader::FileReader;
use crate::writer::{PartFile, to_path};

/// What the names of compacted files begin with, before the name of the first that went in.
pub const PREFIX: &str = "compacted-";

/// Rows that are carried over at once, of container files.
const BATCH_ROWS: usize = 8192;
/// Bytes that are carried over at once, of files of records.
const CHUNK_BYTES: u64 = 4 << 20;

/// How part files are read and written again.
#[derive(Clone)]
pub struct Compaction {
    /// The columns that files hold, and nothing else.
    layout: Arc<Layout>,
    decoding: Arc<dyn DecodingFormat>,
    encoding: Arc<dyn EncodingFormat>,
    /// Files are put together up to this size.
    bytes: u64,
}

impl Compaction {
    pub fn new(
        layout: &Layout,
        decoding: Arc<dyn DecodingFormat>,
        encoding: Arc<dyn EncodingFormat>,
        bytes: u64,
    ) -> Compaction {
        let fields = layout.file_fields.clone();
        Compaction {
            layout: Arc::new(Layout {
                places: (0..fields.len()).map(Place::File).collect(),
                fields: fields.clone(),
                file_fields: fields,
                partition_keys: Vec::new(),
                partition_types: Vec::new(),
                default_partition: layout.default_partition.clone(),
            }),
            decoding,
            encoding,
            bytes,
        }
    }

    /// The files in groups that become one file each: of one folder, in the order of their names.
    pub fn groups(
        &self,
        store: &Store,
        mut files: Vec<PartFile>,
    ) -> Result<Vec<Vec<PartFile>>, ConnectorError> {
        files.sort_by(|a, b| a.visible.cmp(&b.visible));
        let mut groups: Vec<Vec<PartFile>> = Vec::new();
        // The last group of each folder, and its size.
        let mut open: BTreeMap<String, (usize, u64)> = BTreeMap::new();
        for file in files {
            let size = size_of(store, &file)?;
            let folder = folder(&file.visible).to_owned();
            match open.get_mut(&folder) {
                Some((group, bytes)) if *bytes + size <= self.bytes => {
                    *bytes += size;
                    groups[*group].push(file);
                }
                _ => {
                    open.insert(folder, (groups.len(), size));
                    groups.push(vec![file]);
                }
            }
        }
        Ok(groups)
    }

    /// Writes a group's rows into one hidden file. The files that went in stay until the caller drops them.
    pub fn merge(&self, store: &Store, group: &[PartFile]) -> Result<PartFile, ConnectorError> {
        let Some(first) = group.first() else {
            return Err(ConnectorError::engine("a group of no part files"));
        };
        let merged = PartFile {
            hidden: prefixed(&first.hidden, &format!(".{PREFIX}")),
            visible: prefixed(&first.visible, PREFIX),
        };
        if group.len() == 1 {
            return Ok(PartFile {
                hidden: first.hidden.clone(),
                ..merged
            });
        }
        match self.decoding.container() {
            Some(_) => self.merge_rows(store, group, &merged)?,
            None => join_bytes(store, group, &merged)?,
        }
        Ok(merged)
    }

    /// Reads the rows of container files and writes them again.
    fn merge_rows(
        &self,
        store: &Store,
        group: &[PartFile],
        merged: &PartFile,
    ) -> Result<(), ConnectorError> {
        let encoder = self.encoding.encoder(&self.layout.file_fields)?;
        let mut writer = PartWriter::new(to_path(&merged.hidden)?, encoder);
        let mut reader = self.reader(store, group)?;
        loop {
            match reader.poll()? {
                ReaderOutput::Batch(batch) => writer.write(&batch, store)?,
                ReaderOutput::Finished => break,
                _ => {}
            }
        }
        writer.finish(store)
    }

    fn reader(&self, store: &Store, group: &[PartFile]) -> Result<FileReader, ConnectorError> {
        let output = Output::new(&self.layout, &[], None);
        let mut reader = FileReader::new(
            store.clone(),
            Arc::clone(&self.layout),
            Arc::clone(&self.decoding),
            None,
            output,
            BATCH_ROWS,
            None,
        );
        let split = |file: &PartFile| {
            let size = size_of(store, file)?;
            FileSplit {
                path: file.hidden.trim_start_matches('/').to_owned(),
                size,
                modified_ms: 0,
                partition: Vec::new(),
                start: 0,
                end: size,
                position: None,
                rows: 0,
            }
            .to_split()
        };
        reader.add_splits(group.iter().map(split).collect::<Result<_, _>>()?);
        reader.no_more_splits();
        Ok(reader)
    }
}

/// Puts files of records one behind the other: each ends with its last record's end.
fn join_bytes(store: &Store, group: &[PartFile], merged: &PartFile) -> Result<(), ConnectorError> {
    let mut writer = PartWriter::of_bytes(to_path(&merged.hidden)?);
    for file in group {
        let (path, size) = (to_path(&file.hidden)?, size_of(store, file)?);
        let mut at = 0;
        let mut last = None;
        while at < size {
            let end = size.min(at + CHUNK_BYTES);
            let bytes = store.read(&path, at..end)?;
            last = bytes.last().copied();
            writer.append(&bytes, store)?;
            at = end;
        }
        if last.is_some_and(|byte| byte != b'\n') {
            writer.append(b"\n", store)?;
        }
    }
    writer.finish(store)
}

fn size_of(store: &Store, file: &PartFile) -> Result<u64, ConnectorError> {
    let found = store.head(&to_path(&file.hidden)?)?;
    Ok(found.map_or(0, |meta| meta.size))
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The path with something before the file's name.
fn prefixed(path: &str, prefix: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, name)) => format!("{folder}/{prefix}{}", name.trim_start_matches('.')),
        None => format!("{prefix}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compacted_file_keeps_the_first_name() {
        assert_eq!(
            prefixed("/t/dt=1/.part-0-0.csv.inprogress.0", ".compacted-"),
            "/t/dt=1/.compacted-part-0-0.csv.inprogress.0"
        );
        assert_eq!(
            prefixed("/t/part-0-0.csv", PREFIX),
            "/t/compacted-part-0-0.csv"
        );
        assert_eq!(folder("/t/dt=1/part"), "/t/dt=1");
    }
}
