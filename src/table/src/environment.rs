use std::sync::Arc;

use filbert_catalog::GenericInMemoryCatalogFactory;
use filbert_connector_api::{CatalogFactory, ConnectorRegistry, FormatFactory, TableFactory};
use filbert_functions::temporal_table_function::TemporalTableFunction;
use filbert_functions::{AggregateFunction, ProcessTableFunction, ScalarFunction, TableFunction};
use filbert_planner::{FileCache, PlanError};
use filbert_runtime::{JobClient, JobOverview, MiniCluster};
use filbert_sql::{ParsedStatement, Statements};
use filbert_types::Configuration;
use filbert_types::clock::{Clock, SystemClock};
use parking_lot::{Mutex, RwLock};

use crate::error::{Result, TableError};
use crate::execute;
use crate::result::TableResult;
use crate::session::Session;
use crate::settings::EnvironmentSettings;
use crate::statement_set::StatementSet;
use crate::table::Table;

/// A session: its catalogs, its configuration, what is registered, and the cluster that runs its jobs.
///
/// Clones share the session; two environments share nothing. Threads start with the first job.
///
/// ```
/// use filbert_table::{EnvironmentSettings, TableEnvironment};
///
/// # fn main() -> Result<(), filbert_table::TableError> {
/// let env = TableEnvironment::create(EnvironmentSettings::streaming())?;
/// env.execute_sql("CREATE TABLE orders (id BIGINT, price DECIMAL(10, 2)) WITH ('connector' = 'blackhole')")?;
/// let tables = env.execute_sql("SHOW TABLES")?.collect_text()?;
/// assert_eq!(tables[0].cells, [Some("orders".to_owned())]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TableEnvironment {
    shared: Arc<Shared>,
}

struct Shared {
    session: RwLock<Session>,
    /// What RESET goes back to.
    initial: Configuration,
    cluster: Mutex<Option<MiniCluster>>,
    files: FileCache,
    clock: Arc<dyn Clock>,
}

impl TableEnvironment {
    /// An environment without connectors but those that are registered later.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn create(settings: EnvironmentSettings) -> Result<TableEnvironment> {
        TableEnvironment::with_connectors(settings, ConnectorRegistry::default())
    }

    /// An environment with these connectors, formats and catalog types.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn with_connectors(
        settings: EnvironmentSettings,
        connectors: ConnectorRegistry,
    ) -> Result<TableEnvironment> {
        TableEnvironment::with_clock(settings, connectors, Arc::new(SystemClock))
    }

    /// An environment whose jobs tell the time by this clock: a [`ManualClock`](filbert_types::clock::ManualClock) makes
    /// processing time what a test wants it to be.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn with_clock(
        settings: EnvironmentSettings,
        mut connectors: ConnectorRegistry,
        clock: Arc<dyn Clock>,
    ) -> Result<TableEnvironment> {
        let in_memory = GenericInMemoryCatalogFactory;
        if connectors.catalog(in_memory.identifier()).is_none() {
            connectors.register_catalog(Arc::new(in_memory))?;
        }
        let configuration = settings.configuration().clone();
        let session = Session::new(configuration.clone(), connectors);
        session.batch()?;
        Ok(TableEnvironment {
            shared: Arc::new(Shared {
                session: RwLock::new(session),
                initial: configuration,
                cluster: Mutex::new(None),
                files: FileCache::new().map_err(PlanError::from)?,
                clock,
            }),
        })
    }

    /// Executes one statement and gives its result. A query's or an INSERT's job runs on; with `table.dml-sync` the
    /// job of an INSERT has ended.
    ///
    /// # Errors
    /// When the text is not one statement, or the statement fails; [`TableError::report`] shows the place.
    pub fn execute_sql(&self, text: &str) -> Result<TableResult> {
        self.execute(&single(text)?)
    }

    /// Executes a statement that was parsed before.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn execute(&self, statement: &ParsedStatement) -> Result<TableResult> {
        let result = self.submit(statement)?;
        if result.is_sync() {
            result.wait()?;
        }
        Ok(result)
    }

    /// Executes a statement without waiting for the job of an INSERT, whatever `table.dml-sync` says; the result tells
    /// whether its caller should wait ([`TableResult::is_sync`]).
    ///
    /// # Errors
    /// When the statement fails.
    pub fn submit(&self, statement: &ParsedStatement) -> Result<TableResult> {
        let result = execute::execute(self, statement)?;
        let print = self.session().read().print_context();
        Ok(result.with_print_context(print))
    }

    /// A query as a table, checked but not run.
    ///
    /// # Errors
    /// When the text is no query, or doesn't fit the catalog.
    pub fn sql_query(&self, text: &str) -> Result<Table> {
        Table::new(self, text)
    }

    /// The plans of a query or an INSERT, as EXPLAIN prints them.
    ///
    /// # Errors
    /// When the statement can't be planned.
    pub fn explain_sql(&self, text: &str) -> Result<String> {
        execute::explain(self, &single(text)?.statement, &[])
    }

    /// An empty set of INSERTs that run as one job.
    pub fn create_statement_set(&self) -> StatementSet {
        StatementSet::new(self)
    }

    /// Sets an option of the session.
    pub fn set(&self, key: impl Into<String>, value: impl Into<String>) {
        self.session().write().configuration.set(key, value);
    }

    /// Puts an option, or all of them, back to what the session started with.
    pub fn reset(&self, key: Option<&str>) {
        let configuration = &mut self.session().write().configuration;
        let Some(key) = key else {
            *configuration = self.shared.initial.clone();
            return;
        };
        match self.shared.initial.raw(key) {
            Some(value) => configuration.set(key, value),
            None => {
                configuration.remove(key);
            }
        }
    }

    /// What is set, without defaults.
    pub fn configuration(&self) -> Configuration {
        self.session().read().configuration.clone()
    }

    /// # Errors
    /// When a connector of this name is registered already.
    pub fn register_connector(&self, factory: Arc<dyn TableFactory>) -> Result<()> {
        let mut session = self.session().write();
        Ok(Arc::make_mut(&mut session.connectors).register_table(factory)?)
    }

    /// # Errors
    /// When a format of this name is registered already.
    pub fn register_format(&self, factory: Arc<dyn FormatFactory>) -> Result<()> {
        let mut session = self.session().write();
        Ok(Arc::make_mut(&mut session.connectors).register_format(factory)?)
    }

    /// # Errors
    /// When a catalog type of this name is registered already.
    pub fn register_catalog_type(&self, factory: Arc<dyn CatalogFactory>) -> Result<()> {
        let mut session = self.session().write();
        Ok(Arc::make_mut(&mut session.connectors).register_catalog(factory)?)
    }

    /// Makes a function callable under its own name.
    pub fn register_scalar_function(&self, function: Arc<dyn ScalarFunction>) {
        let mut session = self.session().write();
        Arc::make_mut(&mut session.functions).register_scalar(function);
    }

    /// Makes a table function callable under its own name, in FROM.
    pub fn register_table_function(&self, function: Arc<dyn TableFunction>) {
        let mut session = self.session().write();
        Arc::make_mut(&mut session.functions).register_table(function);
    }

    /// Makes a process table function callable under its own name, in FROM.
    pub fn register_process_table_function(&self, function: Arc<dyn ProcessTableFunction>) {
        let mut session = self.session().write();
        Arc::make_mut(&mut session.functions).register_process(function);
    }

    /// Makes a history callable in FROM: `LATERAL TABLE(name(o.ts))`. [`Table::create_temporal_table_function`] makes one.
    ///
    /// [`Table::create_temporal_table_function`]: crate::Table::create_temporal_table_function
    pub fn register_temporal_table_function(&self, name: &str, function: TemporalTableFunction) {
        let mut session = self.session().write();
        Arc::make_mut(&mut session.functions).register_temporal(name, function);
    }

    /// Makes an aggregate function callable under its own name.
    pub fn register_aggregate_function(&self, function: Arc<dyn AggregateFunction>) {
        let mut session = self.session().write();
        Arc::make_mut(&mut session.functions).register_aggregate(function);
    }

    /// Every job of this environment, oldest first.
    pub fn jobs(&self) -> Vec<JobOverview> {
        let cluster = self.shared.cluster.lock();
        cluster.as_ref().map_or_else(Vec::new, MiniCluster::jobs)
    }

    /// The client of a job by its id.
    pub fn job(&self, id: &str) -> Option<JobClient> {
        self.shared.cluster.lock().as_ref()?.job(id)
    }

    pub(crate) fn session(&self) -> &RwLock<Session> {
        &self.shared.session
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.shared.clock.now_ms()
    }

    /// What planning and running know of files.
    pub(crate) fn files(&self) -> &FileCache {
        &self.shared.files
    }

    /// The cluster, made with the first job by the configuration of then.
    pub(crate) fn cluster(&self) -> Result<MiniCluster> {
        let mut cluster = self.shared.cluster.lock();
        if let Some(cluster) = cluster.as_ref() {
            return Ok(cluster.clone());
        }
        let (clock, files) = (Arc::clone(&self.shared.clock), self.files().clone());
        let made = MiniCluster::with_files(&self.configuration(), clock, files)?;
        *cluster = Some(made.clone());
        Ok(made)
    }
}

/// The one statement of a text.
///
/// # Errors
/// When the text holds none or several.
pub fn single(text: &str) -> Result<ParsedStatement> {
    let mut statements = Statements::new(text);
    let first = statements
        .next()
        .ok_or_else(|| TableError::validation("The text holds no statement."))??;
    match statements.next() {
        None => Ok(first),
        Some(second) => {
            let span = second.map_or_else(|error| error.span, |statement| statement.span);
            Err(TableError::validation("only single statement supported").at(span))
        }
    }
}

impl std::fmt::Debug for TableEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableEnvironment").finish_non_exhaustive()
    }
}
