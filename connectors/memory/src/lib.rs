//! The `memory` connector: tables in the process, which SQL writes and reads and which are looked up by key. The factory
//! owns the tables: each environment has its own.
//!
//! - [`store`]: a table's rows and the changes that made them.
//! - [`source`]: reading the rows, or the changes.
//! - [`sink`]: writing changes.
//! - [`lookup`]: the rows of given keys.

mod lookup;
mod sink;
mod source;
mod store;

use std::collections::BTreeMap;
use std::sync::Arc;

use filbert_connector_api::{
    ConnectorError, FactoryContext, LookupSource, ScanSource, TableFactory, TableSink,
};
use filbert_types::ConfigOption;
use filbert_types::config::ConfigType;
use filbert_types::schema::arrow_schema;
use parking_lot::Mutex;

use store::Store;

const NAME: ConfigOption = ConfigOption::new(
    "name",
    ConfigType::String,
    "The table in memory; by default that of the table's own path. Tables with one name share their rows.",
);
const SCAN_MODE: ConfigOption = ConfigOption::new(
    "scan.mode",
    ConfigType::Enum(&["snapshot", "changelog"]),
    "What reading gives: the rows that are there, or all changes since the table was first used.",
)
.default("snapshot");

/// Makes tables in memory.
#[derive(Default)]
pub struct MemoryFactory {
    stores: Mutex<BTreeMap<String, Arc<Mutex<Store>>>>,
}

impl MemoryFactory {
    /// The table that a definition names, made when it isn't there.
    fn store(&self, ctx: &FactoryContext<'_>) -> Result<Arc<Mutex<Store>>, ConnectorError> {
        let name = match ctx.options.get(&NAME) {
            Some(name) => name.to_owned(),
            None => ctx.path.to_string(),
        };
        let fields = ctx.physical_fields();
        let key = match &ctx.table.schema.primary_key {
            None => Vec::new(),
            Some(key) => key
                .columns
                .iter()
                .filter_map(|name| fields.iter().position(|f| f.name == *name))
                .collect(),
        };
        let schema = arrow_schema(&fields);
        let mut stores = self.stores.lock();
        if let Some(store) = stores.get(&name) {
            let same = store.lock().is_of(&schema, &key);
            // A table that was dropped and made anew with other columns begins anew.
            if same {
                return Ok(Arc::clone(store));
            }
            if ctx.options.get(&NAME).is_some() {
                return Err(ConnectorError::user(format!(
                    "The table '{name}' in memory has other columns or another primary key."
                )));
            }
        }
        let store = Arc::new(Mutex::new(Store::new(schema, key)?));
        stores.insert(name, Arc::clone(&store));
        Ok(store)
    }
}

impl TableFactory for MemoryFactory {
    fn identifier(&self) -> &'static str {
        "memory"
    }

    fn doc(&self) -> &'static str {
        "A table in the process: rows are upserted and deleted by primary key, read, and looked up by key."
    }

    fn options(&self) -> &'static [ConfigOption] {
        const OPTIONS: &[ConfigOption] = &[NAME, SCAN_MODE];
        OPTIONS
    }

    fn scan_source(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn ScanSource>, ConnectorError>> {
        let changelog = ctx
            .options
            .get(&SCAN_MODE)
            .is_some_and(|mode| mode.trim().eq_ignore_ascii_case("changelog"));
        Some(
            self.store(ctx)
                .map(|store| Arc::new(source::MemorySource { store, changelog }) as _),
        )
    }

    fn lookup_source(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn LookupSource>, ConnectorError>> {
        Some(
            self.store(ctx)
                .map(|store| Arc::new(lookup::MemoryLookup { store }) as _),
        )
    }

    fn sink(&self, ctx: &FactoryContext<'_>) -> Option<Result<Arc<dyn TableSink>, ConnectorError>> {
        Some(
            self.store(ctx)
                .map(|store| Arc::new(sink::MemorySink { store }) as _),
        )
    }
}

#[cfg(test)]
mod tests;
