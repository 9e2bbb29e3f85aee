//! The `blackhole` connector: takes every row and keeps none.

use std::sync::Arc;

use filbert_connector_api::sink::WriterContext;
use filbert_connector_api::{
    ChangelogMode, Committable, ConnectorError, FactoryContext, SinkWriter, TableFactory, TableSink,
};
use filbert_types::{ChangeBatch, ConfigOption};

/// Makes sinks that keep nothing.
#[derive(Debug, Default, Clone, Copy)]
pub struct BlackholeFactory;

impl TableFactory for BlackholeFactory {
    fn identifier(&self) -> &'static str {
        "blackhole"
    }

    fn doc(&self) -> &'static str {
        "Takes every row and keeps none: for measuring and testing queries."
    }

    fn options(&self) -> &'static [ConfigOption] {
        &[]
    }

    fn sink(&self, _: &FactoryContext<'_>) -> Option<Result<Arc<dyn TableSink>, ConnectorError>> {
        Some(Ok(Arc::new(Blackhole)))
    }
}

struct Blackhole;

impl TableSink for Blackhole {
    fn changelog_mode(&self, requested: ChangelogMode) -> ChangelogMode {
        // Nobody looks at before images here.
        ChangelogMode {
            update_before: false,
            ..requested
        }
    }

    fn supports_partitioning(&self) -> bool {
        true
    }

    fn writer(&self, _: &WriterContext) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        Ok(Box::new(Blackhole))
    }
}

impl SinkWriter for Blackhole {
    fn write(&mut self, _: &ChangeBatch) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn prepare_commit(&mut self, _: bool) -> Result<Vec<Committable>, ConnectorError> {
        Ok(Vec::new())
    }
}
