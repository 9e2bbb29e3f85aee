use std::sync::Arc;
use std::time::Duration;

use filbert_connector_api::format::EncodingFormat;
use filbert_connector_api::options::SINK_PARALLELISM;
use filbert_connector_api::sink::WriterContext;
use filbert_connector_api::{
    ChangelogMode, Committer, ConnectorError, FactoryContext, SinkWriter, TableSink,
};

use crate::commit_policy::CommitPolicy;
use crate::committer::FileCommitter;
use crate::compact::Compaction;
use crate::layout::Layout;
use crate::location::Location;
use crate::options::{
    AUTO_COMPACTION, COMPACTION_SIZE, DEFAULT_PARTITION, FILE_SIZE, INACTIVITY_INTERVAL, PATH,
    ROLLOVER_INTERVAL, SHUFFLE_BY_PARTITION,
};
use crate::writer::FileWriter;

/// When a part file is closed and another begun.
#[derive(Debug, Clone, Copy)]
pub struct RollingPolicy {
    pub bytes: u64,
    pub open_for: Duration,
    pub idle_for: Duration,
}

/// A folder of files that is written.
pub struct FileSink {
    location: Location,
    layout: Arc<Layout>,
    format: Arc<dyn EncodingFormat>,
    rolling: RollingPolicy,
    shuffle: bool,
    parallelism: Option<usize>,
    policy: CommitPolicy,
    compaction: Option<Compaction>,
}

impl FileSink {
    /// # Errors
    /// When the path or the format is wrong.
    pub fn new(ctx: &FactoryContext<'_>) -> Result<FileSink, ConnectorError> {
        let location = Location::parse(ctx.options.get(&PATH).unwrap_or_default())?;
        if let Some(pattern) = &location.pattern {
            return Err(ConnectorError::user(format!(
                "'/{pattern}' is a glob: it can be read, not written."
            )));
        }
        let layout = Layout::new(ctx, ctx.options.get(&DEFAULT_PARTITION).unwrap_or_default())?;
        if layout.file_fields.is_empty() {
            return Err(ConnectorError::user(
                "A partitioned table needs a column that is not a partition column.",
            ));
        }
        let format = ctx.encoding_format()?;
        // Says now, not when the job runs, that the format does not carry a column's type.
        format.encoder(&layout.file_fields)?;
        let duration = |option| {
            let duration = ctx.options.get_duration(option)?;
            Ok::<_, ConnectorError>(duration.unwrap_or(Duration::MAX))
        };
        let bytes = |option| ctx.options.get_memory_bytes(option);
        let file_size = bytes(&FILE_SIZE)?.unwrap_or(u64::MAX);
        let compaction = match ctx.options.get_bool(&AUTO_COMPACTION)? && !ctx.batch {
            true => {
                let size = bytes(&COMPACTION_SIZE)?.unwrap_or(file_size);
                let decoding = ctx.decoding_format()?;
                Some(Compaction::new(
                    &layout,
                    decoding,
                    Arc::clone(&format),
                    size,
                ))
            }
            false => None,
        };
        Ok(FileSink {
            location,
            layout: Arc::new(layout),
            format,
            policy: CommitPolicy::new(ctx)?,
            compaction,
            rolling: RollingPolicy {
                bytes: file_size,
                open_for: duration(&ROLLOVER_INTERVAL)?,
                idle_for: duration(&INACTIVITY_INTERVAL)?,
            },
            shuffle: ctx.options.get_bool(&SHUFFLE_BY_PARTITION)?,
            parallelism: ctx.options.get_positive(&SINK_PARALLELISM)?,
        })
    }
}

impl TableSink for FileSink {
    fn changelog_mode(&self, _: ChangelogMode) -> ChangelogMode {
        self.format.changelog_mode()
    }

    fn parallelism(&self) -> Option<usize> {
        self.parallelism
    }

    fn supports_overwrite(&self) -> bool {
        true
    }

    fn supports_partitioning(&self) -> bool {
        true
    }

    fn shuffles_by_partition(&self) -> bool {
        self.shuffle
    }

    fn writer(&self, ctx: &WriterContext) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        Ok(Box::new(FileWriter::new(
            self.location.clone(),
            Arc::clone(&self.layout),
            Arc::clone(&self.format),
            self.rolling,
            ctx,
        )))
    }

    fn committer(&self, ctx: &WriterContext) -> Result<Option<Box<dyn Committer>>, ConnectorError> {
        Ok(Some(Box::new(FileCommitter::new(
            self.location.clone(),
            &self.layout,
            self.policy.clone(),
            self.compaction.clone(),
            ctx,
        ))))
    }
}
