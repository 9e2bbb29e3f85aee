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

use filbert_connector_api::lookup::LOOKUP_OPTIONS;
use filbert_connector_api::{
    ConnectorError, FactoryContext, LookupCaching, LookupOptions, LookupSource, ScanSource,
    TableFactory, TableSink,
};
use filbert_types::config::ConfigType;
use filbert_types::schema::arrow_schema;
use filbert_types::{ConfigOption, Field};
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
    "What reading gives: the rows that are there, or the changes that made them (of a table with a long history, net ones).",
)
.default("snapshot");

const LOOKUP_ASYNC: ConfigOption = ConfigOption::new(
    "lookup.async",
    ConfigType::Boolean,
    "Whether lookups are answered later, many at a time.",
)
.default("false");
const LOOKUP_ASYNC_DELAY: ConfigOption = ConfigOption::new(
    "lookup.async.delay",
    ConfigType::Duration,
    "After how long an asynchronous lookup is answered.",
)
.default("0 ms");

const OPTIONS: [ConfigOption; 4 + LOOKUP_OPTIONS.len()] = {
    let mut options = [NAME; 4 + LOOKUP_OPTIONS.len()];
    options[1] = SCAN_MODE;
    options[2] = LOOKUP_ASYNC;
    options[3] = LOOKUP_ASYNC_DELAY;
    let mut i = 0;
    while i < LOOKUP_OPTIONS.len() {
        options[4 + i] = LOOKUP_OPTIONS[i];
        i += 1;
    }
    options
};

/// Makes tables in memory.
#[derive(Default)]
pub struct MemoryFactory {
    stores: Mutex<BTreeMap<String, Named>>,
}

/// A table, and its columns and key as people wrote them.
struct Named {
    store: Arc<Mutex<Store>>,
    columns: String,
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
        let columns = describe(&fields, &key);
        let mut stores = self.stores.lock();
        if let Some(named) = stores.get(&name) {
            let same = named.store.lock().is_of(&schema, &key);
            // A table that was dropped and made anew with other columns begins anew.
            if same {
                return Ok(Arc::clone(&named.store));
            }
            if ctx.options.get(&NAME).is_some() {
                return Err(ConnectorError::user(format!(
                    "The table '{name}' in memory has other columns or another primary key: it is {}, and not {columns}.",
                    named.columns
                )));
            }
        }
        let store = Arc::new(Mutex::new(Store::new(schema, key)?));
        let named = Named {
            store: Arc::clone(&store),
            columns,
        };
        stores.insert(name, named);
        Ok(store)
    }

    fn lookup(&self, ctx: &FactoryContext<'_>) -> Result<Arc<dyn LookupSource>, ConnectorError> {
        let is_async = ctx.options.get_bool(&LOOKUP_ASYNC)?;
        let delay = ctx.options.get_duration(&LOOKUP_ASYNC_DELAY)?;
        let options = LookupOptions::of(ctx.options)?;
        if is_async && matches!(options.caching, LookupCaching::Full(_)) {
            return Err(ConnectorError::user(
                "A full cache is asked synchronously: 'lookup.async' must be 'false' with 'lookup.cache' = 'FULL'.",
            ));
        }
        Ok(Arc::new(lookup::MemoryLookup {
            store: self.store(ctx)?,
            options,
            delay: delay.filter(|_| is_async),
        }))
    }
}

/// `(id INT, v STRING, PRIMARY KEY (id))`
fn describe(fields: &[Field], key: &[usize]) -> String {
    let columns = fields.iter();
    let mut parts: Vec<String> = columns.map(|f| format!("{} {}", f.name, f.ty)).collect();
    if !key.is_empty() {
        let names: Vec<&str> = key.iter().map(|i| fields[*i].name.as_str()).collect();
        parts.push(format!("PRIMARY KEY ({})", names.join(", ")));
    }
    format!("({})", parts.join(", "))
}

impl TableFactory for MemoryFactory {
    fn identifier(&self) -> &'static str {
        "memory"
    }

    fn doc(&self) -> &'static str {
        "A table in the process: rows are upserted and deleted by primary key, read, and looked up by key."
    }

    fn options(&self) -> &'static [ConfigOption] {
        &OPTIONS
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
        Some(self.lookup(ctx))
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
