use std::sync::Arc;
use std::time::Duration;

use datafusion::catalog::TableProvider;
use filbert_connector_api::format::{DecodingFormat, Framing};
use filbert_connector_api::options::{FORMAT, SCAN_PARALLELISM};
use filbert_connector_api::source::{Partition, ReaderContext};
use filbert_connector_api::{
    Boundedness, ChangelogMode, ConnectorError, FactoryContext, Pushdown, ScanSource, SourceReader,
    SplitEnumerator,
};
use filbert_types::Field;
use regex::Regex;

use crate::batch::ParquetTable;
use crate::enumerator::FileEnumerator;
use crate::layout::{Layout, Output, metadata_fields, prefixed};
use crate::listing::Listing;
use crate::location::Location;
use crate::options::{DEFAULT_PARTITION, MONITOR_INTERVAL, PATH, PATH_REGEX};
use crate::reader::FileReader;

/// A folder of files that is read.
pub struct FileSource {
    listing: Listing,
    layout: Arc<Layout>,
    format: Arc<dyn DecodingFormat>,
    format_name: String,
    monitor: Option<Duration>,
    parallelism: Option<usize>,
}

impl FileSource {
    /// # Errors
    /// When the path, the regular expression or the format is wrong.
    pub fn new(ctx: &FactoryContext<'_>) -> Result<FileSource, ConnectorError> {
        let format = ctx.decoding_format()?;
        let default_partition = ctx.options.get(&DEFAULT_PARTITION).unwrap_or_default();
        let layout = Layout::new(ctx, default_partition)?;
        // Says now, not when the job runs, that the format does not carry a column's type.
        if format.container().is_none() {
            let all: Vec<usize> = (0..layout.file_fields.len()).collect();
            format.decoder(&layout.file_fields, &[], &all)?;
        }
        Ok(FileSource {
            listing: Listing {
                location: Location::parse(ctx.options.get(&PATH).unwrap_or_default())?,
                regex: regex(ctx)?,
                partition_keys: layout.partition_keys.clone(),
                default_partition: layout.default_partition.clone(),
            },
            layout: Arc::new(layout),
            format,
            format_name: ctx.options.get(&FORMAT).unwrap_or_default().to_owned(),
            monitor: ctx.options.get_duration(&MONITOR_INTERVAL)?,
            parallelism: ctx.options.get_positive(&SCAN_PARALLELISM)?,
        })
    }
}

fn regex(ctx: &FactoryContext<'_>) -> Result<Option<Regex>, ConnectorError> {
    let Some(pattern) = ctx.options.get(&PATH_REGEX) else {
        return Ok(None);
    };
    // Java's `matches` wants the whole path.
    Regex::new(&format!("^(?:{pattern})$"))
        .map(Some)
        .map_err(|e| {
            ConnectorError::user(format!(
                "Option '{}' is not a regular expression: {e}",
                PATH_REGEX.key
            ))
        })
}

impl ScanSource for FileSource {
    fn boundedness(&self) -> Boundedness {
        match self.monitor {
            None => Boundedness::Bounded,
            Some(_) => Boundedness::Unbounded,
        }
    }

    fn changelog_mode(&self) -> ChangelogMode {
        self.format.changelog_mode()
    }

    fn metadata(&self) -> Vec<Field> {
        let mut fields = metadata_fields();
        fields.extend(prefixed(self.format.metadata()));
        fields
    }

    fn supports_projection(&self) -> bool {
        true
    }

    /// The first rows of a changelog are not the first rows of its table.
    fn supports_limit(&self) -> bool {
        self.format.changelog_mode().is_insert_only()
    }

    fn list_partitions(&self) -> Result<Option<Vec<Partition>>, ConnectorError> {
        // A watched folder may get partitions later.
        if self.layout.partition_keys.is_empty() || self.monitor.is_some() {
            return Ok(None);
        }
        self.listing.partitions().map(Some)
    }

    fn parallelism(&self) -> Option<usize> {
        self.parallelism
    }

    fn table_provider(&self, metadata: &[Field]) -> Option<Arc<dyn TableProvider>> {
        (self.format_name == "parquet" && self.monitor.is_none()).then(|| {
            let table = ParquetTable::new(self.listing.clone(), Arc::clone(&self.layout), metadata);
            Arc::new(table) as Arc<dyn TableProvider>
        })
    }

    fn enumerator(
        &self,
        pushdown: &Pushdown,
        parallelism: usize,
    ) -> Result<Box<dyn SplitEnumerator>, ConnectorError> {
        let splittable = match self.format.framing() {
            // Changes of one key stay in order only as long as one reader reads them.
            Framing::Lines => self.format.changelog_mode().is_insert_only(),
            // Where a quoted file may be cut is found by reading it from its start: cheap on this machine only.
            Framing::QuotedLines { .. } => self.listing.location.store.is_local(),
            Framing::Fixed(_) | Framing::Container => false,
        };
        Ok(Box::new(FileEnumerator::new(
            self.listing.clone(),
            pushdown.partitions.clone(),
            self.monitor,
            splittable.then_some(parallelism),
        )))
    }

    fn reader(
        &self,
        ctx: &ReaderContext,
        pushdown: &Pushdown,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        let output = Output::new(&self.layout, &ctx.metadata, pushdown.projection.as_deref());
        let decoder = match self.format.container() {
            Some(_) => None,
            None => Some(self.format.decoder(
                &self.layout.file_fields,
                &output.format_metadata,
                &output.file_projection,
            )?),
        };
        Ok(Box::new(FileReader::new(
            self.listing.location.store.clone(),
            Arc::clone(&self.layout),
            Arc::clone(&self.format),
            decoder,
            output,
            ctx.batch_rows,
            pushdown.limit,
        )))
    }
}
