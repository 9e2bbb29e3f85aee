//! What statements change: configuration, catalogs, what is registered.

use std::str::FromStr;
use std::sync::Arc;

use filbert_catalog::CatalogManager;
use filbert_connector_api::ConnectorRegistry;
use filbert_functions::{ExprContext, FunctionRegistry};
use filbert_sql::Insert;
use filbert_types::options;
use filbert_types::zone::TimeZone;
use filbert_types::{ConfigOption, Configuration};

use crate::error::{Result, TableError};
use crate::result::PrintContext;

/// The state of one session. Statements read it under a lock and never while a job runs.
pub(crate) struct Session {
    pub configuration: Configuration,
    pub catalogs: CatalogManager,
    pub connectors: Arc<ConnectorRegistry>,
    pub functions: Arc<FunctionRegistry>,
    pub modules: Modules,
    /// The INSERTs gathered since BEGIN STATEMENT SET.
    pub statement_set: Option<Vec<Insert>>,
}

impl Session {
    pub fn new(configuration: Configuration, connectors: ConnectorRegistry) -> Session {
        let name = |option: &ConfigOption| configuration.get(option).unwrap_or_default().to_owned();
        let catalog = name(&options::BUILTIN_CATALOG);
        let database = name(&options::BUILTIN_DATABASE);
        Session {
            configuration,
            catalogs: CatalogManager::new(&catalog, &database),
            connectors: Arc::new(connectors),
            functions: Arc::new(FunctionRegistry::new()),
            modules: Modules::default(),
            statement_set: None,
        }
    }

    /// True in batch mode.
    ///
    /// # Errors
    /// When the mode is set to something else.
    pub fn batch(&self) -> Result<bool> {
        Ok(filbert_planner::options::is_batch(&self.configuration)?)
    }

    /// `table.local-time-zone`.
    ///
    /// # Errors
    /// When it names no zone.
    pub fn time_zone(&self) -> Result<TimeZone> {
        let option = &options::LOCAL_TIME_ZONE;
        let name = self.configuration.get(option).unwrap_or("default");
        if name == "default" {
            return Ok(system_zone());
        }
        TimeZone::from_str(name).map_err(|error| {
            TableError::validation(format!("Invalid value for '{}': {error}", option.key))
        })
    }

    /// What typing expressions needs.
    ///
    /// # Errors
    /// When an option that typing reads has a bad value.
    pub fn expr_context(&self, now_ms: i64) -> Result<ExprContext> {
        let legacy_cast = self.configuration.get(&options::LEGACY_CAST);
        Ok(ExprContext {
            time_zone: self.time_zone()?,
            batch: self.batch()?,
            legacy_cast: legacy_cast.is_some_and(|v| v.eq_ignore_ascii_case("ENABLED")),
            query_start_us: now_ms.saturating_mul(1000),
            current_database: self.catalogs.current_database().to_owned(),
        })
    }

    /// What printing needs. A wrong value there must not hide a result: the default stands in for it.
    pub fn print_context(&self) -> PrintContext {
        let defaults = PrintContext::default();
        let width = self
            .configuration
            .raw(options::MAX_COLUMN_WIDTH.key)
            .or_else(|| self.configuration.raw(options::CLIENT_MAX_COLUMN_WIDTH.key))
            .and_then(|width| width.trim().parse().ok());
        PrintContext {
            zone: self.time_zone().unwrap_or(defaults.zone),
            max_column_width: width.unwrap_or(defaults.max_column_width),
        }
    }
}

/// The modules of a session, of which there is one, `core`: whether it is loaded and used. As in Flink, the built-in
/// functions can be called even without it.
pub(crate) struct Modules {
    pub loaded: bool,
    pub used: bool,
}

impl Modules {
    pub const CORE: &str = "core";
}

impl Default for Modules {
    fn default() -> Modules {
        Modules {
            loaded: true,
            used: true,
        }
    }
}

/// The zone that the process runs in: `TZ`, else what `/etc/localtime` points to, else UTC.
fn system_zone() -> TimeZone {
    let from_environment = std::env::var("TZ").ok();
    let from_link = || {
        let target = std::fs::read_link("/etc/localtime").ok()?;
        let text = target.to_str()?;
        text.split_once("zoneinfo/")
            .map(|(_, name)| name.to_owned())
    };
    from_environment
        .filter(|name| !name.is_empty())
        .or_else(from_link)
        .and_then(|name| TimeZone::from_str(name.trim_start_matches(':')).ok())
        .unwrap_or(TimeZone::UTC)
}
