//! The `datagen` connector: rows made up by rule.
//!
//! Row `i` of a job is a function of the job's seed and of `i`, so that a checkpoint needs to keep nothing but `i`, and a
//! reader that starts again goes on with the rows that it would have made.
//!
//! - [`options`]: the option keys, and the tree of generators that they describe.
//! - [`generator`]: columns of values for a run of rows.
//! - [`random`]: numbers from row numbers.
//! - [`text`]: random text and bytes.
//! - [`source`]: splits, the reader, the rate limit.

use std::sync::Arc;

use filbert_connector_api::options::SCAN_PARALLELISM;
use filbert_connector_api::{ConnectorError, FactoryContext, ScanSource, TableFactory};
use filbert_types::ConfigOption;

mod generator;
mod options;
mod random;
mod source;
mod text;

/// Makes sources that make rows up.
#[derive(Debug, Default, Clone, Copy)]
pub struct DataGenFactory;

impl TableFactory for DataGenFactory {
    fn identifier(&self) -> &'static str {
        "datagen"
    }

    fn doc(&self) -> &'static str {
        "Makes rows up: random values or sequences, at a given rate."
    }

    fn options(&self) -> &'static [ConfigOption] {
        options::OPTIONS
    }

    fn scan_source(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn ScanSource>, ConnectorError>> {
        Some(make(ctx))
    }
}

fn make(ctx: &FactoryContext<'_>) -> Result<Arc<dyn ScanSource>, ConnectorError> {
    let fields = ctx.physical_fields();
    let parsed = options::parse(&fields, ctx.options, ctx.session)?;
    Ok(Arc::new(source::DataGenSource::new(
        fields,
        parsed,
        ctx.options.get_positive(&SCAN_PARALLELISM)?,
    )))
}

#[cfg(test)]
mod tests;
