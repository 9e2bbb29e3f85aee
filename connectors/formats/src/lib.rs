//! The formats: how records stand in bytes.
//!
//! - [`column`]: typed column builders that decoders append to.
//! - [`scalar`]: one value from text, by the dialect of a format.
//! - [`encode`]: typed columns that encoders read from.
//! - [`csv`], [`json`], [`raw`], [`parquet`]: one module a format, with its options, decoder and encoder.
//! - [`changelog_json`]: the messages of change data capture tools.

pub mod changelog_json;
pub mod column;
pub mod csv;
pub mod encode;
pub mod json;
pub mod parquet;
pub mod raw;
pub mod scalar;

pub use changelog_json::ChangelogJsonFactory;
pub use csv::CsvFormatFactory;
pub use json::JsonFormatFactory;
pub use parquet::ParquetFormatFactory;
pub use raw::RawFormatFactory;
