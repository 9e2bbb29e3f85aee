//! The `filesystem` connector: tables that are folders of files, in any format.
//!
//! - [`options`]: the option keys.
//! - [`location`]: where a table lies: its store, its folder, its glob.
//! - [`listing`]: the files of a table, hidden ones left out.
//! - [`partition`]: `k=v` folders.
//! - [`layout`]: which of a table's columns are in files, folders or metadata.
//! - [`source`], [`enumerator`], [`reader`], [`framing`]: reading, split by split and record by record.
//! - [`batch`]: Parquet in batch mode, through DataFusion.
//! - [`sink`], [`writer`], [`part`], [`committer`]: writing hidden part files that a committer renames.
//! - [`compact`], [`commit_policy`]: fewer files, and partitions marked as complete.

mod batch;
mod commit_policy;
mod committer;
mod compact;
mod enumerator;
mod framing;
mod layout;
mod listing;
mod location;
mod options;
mod part;
mod partition;
mod reader;
mod sink;
mod source;
mod writer;

use std::sync::Arc;

use filbert_connector_api::options::RefusedOption;
use filbert_connector_api::{ConnectorError, FactoryContext, ScanSource, TableFactory, TableSink};
use filbert_types::ConfigOption;

/// Makes tables of files.
#[derive(Debug, Default, Clone, Copy)]
pub struct FilesystemFactory;

impl TableFactory for FilesystemFactory {
    fn identifier(&self) -> &'static str {
        "filesystem"
    }

    fn doc(&self) -> &'static str {
        "Reads and writes files in a folder, partitioned by folders where wanted."
    }

    fn options(&self) -> &'static [ConfigOption] {
        options::OPTIONS
    }

    fn refused_options(&self) -> &'static [RefusedOption] {
        options::REFUSED
    }

    fn uses_format(&self) -> bool {
        true
    }

    fn scan_source(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn ScanSource>, ConnectorError>> {
        Some(source::FileSource::new(ctx).map(|source| Arc::new(source) as _))
    }

    fn sink(&self, ctx: &FactoryContext<'_>) -> Option<Result<Arc<dyn TableSink>, ConnectorError>> {
        Some(sink::FileSink::new(ctx).map(|sink| Arc::new(sink) as _))
    }
}

#[cfg(test)]
mod tests;
