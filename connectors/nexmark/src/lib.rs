//! The `nexmark` connector: the event stream of the Nexmark benchmark.
//!
//! People put up auctions and bid on them; of every 50 events one is a person, three are auctions and 46 are bids. The
//! option keys, the table's columns and the distributions are those of the benchmark's generator for Flink
//! (`com.github.nexmark.flink.generator`). Event `n` is a function of `n` alone, so that a table holds the same rows at
//! any parallelism and in every run, and a checkpoint keeps nothing but numbers.
//!
//! - [`options`]: the option keys.
//! - [`events`]: which event has which number, time and ids.
//! - [`random`]: random numbers and text from event numbers.
//! - [`columns`]: the columns of a run of events.
//! - [`schema`]: the columns that the table must have.
//! - [`source`]: splits, the reader, the rate limit.

use std::sync::Arc;

use filbert_connector_api::{ConnectorError, FactoryContext, ScanSource, TableFactory};
use filbert_types::ConfigOption;

mod columns;
mod events;
mod options;
mod random;
mod schema;
mod source;

/// Makes sources of Nexmark events.
#[derive(Debug, Default, Clone, Copy)]
pub struct NexmarkFactory;

impl TableFactory for NexmarkFactory {
    fn identifier(&self) -> &'static str {
        "nexmark"
    }

    fn doc(&self) -> &'static str {
        "Events of the Nexmark benchmark: people, auctions and bids."
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
    schema::check(&ctx.physical_fields())?;
    Ok(Arc::new(source::NexmarkSource::new(options::parse(
        ctx.options,
    )?)))
}

#[cfg(test)]
mod tests;
