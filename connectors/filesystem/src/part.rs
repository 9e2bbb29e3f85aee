use filbert_connector_api::ConnectorError;
use filbert_connector_api::format::Encoder;
use filbert_types::ChangeBatch;
use object_store::path::Path;

use crate::location::{Store, Upload, shown};

/// Bytes that gather before they are written; S3 takes no smaller parts.
const UPLOAD_BYTES: usize = 8 << 20;

/// Writes one file, piece by piece; it is there when it is whole.
pub struct PartWriter {
    path: Path,
    /// None where bytes are put in as they are.
    encoder: Option<Box<dyn Encoder>>,
    buffer: Vec<u8>,
    upload: Option<Upload>,
    /// Bytes that have left the buffer.
    written: u64,
}

impl PartWriter {
    pub fn new(path: Path, encoder: Box<dyn Encoder>) -> PartWriter {
        PartWriter {
            path,
            encoder: Some(encoder),
            buffer: Vec::new(),
            upload: None,
            written: 0,
        }
    }

    /// A file of bytes that are encoded already.
    pub fn of_bytes(path: Path) -> PartWriter {
        PartWriter {
            path,
            encoder: None,
            buffer: Vec::new(),
            upload: None,
            written: 0,
        }
    }

    /// The file's size so far.
    pub fn bytes(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    pub fn write(&mut self, rows: &ChangeBatch, store: &Store) -> Result<(), ConnectorError> {
        if let Some(encoder) = &mut self.encoder {
            encoder
                .encode(rows, &mut self.buffer)
                .map_err(|e| at_file(&self.path, e))?;
        }
        self.ship_when_full(store)
    }

    pub fn append(&mut self, bytes: &[u8], store: &Store) -> Result<(), ConnectorError> {
        self.buffer.extend_from_slice(bytes);
        self.ship_when_full(store)
    }

    fn ship_when_full(&mut self, store: &Store) -> Result<(), ConnectorError> {
        if self.buffer.len() >= UPLOAD_BYTES {
            self.ship(store)?;
        }
        Ok(())
    }

    fn ship(&mut self, store: &Store) -> Result<(), ConnectorError> {
        let bytes = std::mem::take(&mut self.buffer);
        self.written += bytes.len() as u64;
        let upload = match &mut self.upload {
            Some(upload) => upload,
            None => self.upload.insert(store.begin(&self.path)?),
        };
        upload.write(bytes)
    }

    /// Writes what is left: the file is complete.
    pub fn finish(mut self, store: &Store) -> Result<(), ConnectorError> {
        if let Some(mut encoder) = self.encoder.take() {
            encoder
                .finish(&mut self.buffer)
                .map_err(|e| at_file(&self.path, e))?;
        }
        if self.upload.is_none() {
            return store.put(&self.path, self.buffer);
        }
        if !self.buffer.is_empty() {
            self.ship(store)?;
        }
        match self.upload {
            Some(upload) => upload.complete(),
            None => Ok(()),
        }
    }
}

fn at_file(path: &Path, mut error: ConnectorError) -> ConnectorError {
    error.message = format!("{}: {}", shown(path), error.message);
    error
}
