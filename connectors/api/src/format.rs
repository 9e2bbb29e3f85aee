use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use filbert_types::{ChangeBatch, Field};

use crate::changelog::ChangelogMode;
use crate::error::ConnectorError;

/// A format that a source reads through.
pub trait DecodingFormat: Send + Sync {
    /// The row kinds that decoding yields.
    fn changelog_mode(&self) -> ChangelogMode;

    /// The metadata that the format itself offers: key and type.
    fn metadata(&self) -> Vec<Field> {
        Vec::new()
    }

    /// How records are found in a file.
    fn framing(&self) -> Framing;

    /// How container files are opened; none for formats of records.
    fn container(&self) -> Option<&dyn ContainerFormat> {
        None
    }

    /// A decoder of rows with these fields, then `metadata` of what the format offers, of which only those at
    /// `projection` are wanted, in that order.
    ///
    /// # Errors
    /// When a field has a type that the format cannot carry.
    fn decoder(
        &self,
        fields: &[Field],
        metadata: &[Field],
        projection: &[usize],
    ) -> Result<Box<dyn Decoder>, ConnectorError>;
}

/// How a file is cut into records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// A record a line; a file may be split at any line.
    Lines,
    /// A record a line, but a line break between quotes is part of the record (CSV).
    QuotedLines {
        delimiter: u8,
        quote: u8,
        escape: Option<u8>,
        /// Lines that begin with `#` are comments: quotes in them mean nothing.
        comments: bool,
        /// A quote opens a field also after blanks; otherwise it does so only at the start of a line.
        trim_spaces: bool,
    },
    /// Records of so many bytes, a line break after each (raw numbers, whose bytes may look like a line break).
    Fixed(usize),
    /// The file's format cuts it itself (Parquet): it is read whole, by ranges.
    Container,
}

/// Bytes to rows, batch by batch.
pub trait Decoder: Send {
    fn schema(&self) -> SchemaRef;

    /// Decodes whole records (each without its terminator) and appends their rows; rows gather until `flush`.
    ///
    /// # Errors
    /// When a record is malformed and errors are not ignored; the message says what is wrong with it, the caller adds
    /// where it stands.
    fn decode(&mut self, record: &[u8]) -> Result<(), ConnectorError>;

    /// Rows gathered since the last flush.
    fn len(&self) -> usize;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Records skipped because they were malformed, since the last call.
    fn take_skipped(&mut self) -> u64;

    /// The gathered rows.
    ///
    /// # Errors
    /// When the rows do not make a batch: a bug.
    fn flush(&mut self) -> Result<ChangeBatch, ConnectorError>;
}

/// A format that a sink writes through.
pub trait EncodingFormat: Send + Sync {
    /// The row kinds that the format can write.
    fn changelog_mode(&self) -> ChangelogMode;

    /// What the file's name ends with, without the dot; none for no ending.
    fn extension(&self) -> Option<&'static str> {
        None
    }

    /// # Errors
    /// When a field has a type that the format cannot carry.
    fn encoder(&self, fields: &[Field]) -> Result<Box<dyn Encoder>, ConnectorError>;
}

/// Rows to the bytes of one file.
pub trait Encoder: Send {
    /// Appends the rows' bytes to `out`; a container format may keep rows back.
    ///
    /// # Errors
    /// When a value cannot be written in this format.
    fn encode(&mut self, batch: &ChangeBatch, out: &mut Vec<u8>) -> Result<(), ConnectorError>;

    /// Appends what ends the file (a Parquet footer).
    ///
    /// # Errors
    /// When the rest cannot be written.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), ConnectorError>;
}

/// A file that is read by ranges; the bytes may lie far away.
pub trait FileBytes: Send + Sync {
    fn size(&self) -> u64;

    /// # Errors
    /// When the file cannot be read or ends before the range does.
    fn read(&self, range: std::ops::Range<u64>) -> Result<Bytes, ConnectorError>;
}

/// A container file's rows, batch by batch.
pub type ContainerReader = Box<dyn Iterator<Item = Result<ChangeBatch, ConnectorError>> + Send>;

/// What is wanted of a container file.
#[derive(Debug, Clone)]
pub struct ContainerRequest {
    /// The table's columns that files hold.
    pub fields: Vec<Field>,
    /// Indices into `fields`, in output order.
    pub projection: Vec<usize>,
    /// Rows a batch holds at most.
    pub batch_rows: usize,
    /// Rows to leave out at the beginning: what a restored reader has given out already.
    pub skip_rows: u64,
}

/// Opens container files; a [`DecodingFormat`] with [`Framing::Container`] gives it.
pub trait ContainerFormat: Send + Sync {
    /// # Errors
    /// When the bytes are not of this format or a column has another type.
    fn open(
        &self,
        file: Arc<dyn FileBytes>,
        request: &ContainerRequest,
    ) -> Result<ContainerReader, ConnectorError>;
}

/// Shared handles, as factories give them.
pub type DecodingFormatRef = Arc<dyn DecodingFormat>;
/// See [`DecodingFormatRef`].
pub type EncodingFormatRef = Arc<dyn EncodingFormat>;
