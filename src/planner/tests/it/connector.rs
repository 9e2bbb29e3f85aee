use std::sync::Arc;

use datafusion::logical_expr::Expr;
use filbert_connector_api::options::TableOptions;
use filbert_connector_api::sink::WriterContext;
use filbert_connector_api::source::{FilterSupport, ReaderContext};
use filbert_connector_api::{
    Boundedness, ChangelogMode, ConnectorError, ConnectorRegistry, FactoryContext, Pushdown,
    ScanSource, SinkWriter, SourceReader, SplitEnumerator, TableFactory, TableSink,
};
use filbert_graph::spec::PartitionSpec;
use filbert_types::{ConfigOption, ConfigType};

const CHANGELOG: ConfigOption = ConfigOption::new(
    "changelog",
    ConfigType::Enum(&["insert", "all", "upsert"]),
    "What the table sends and takes.",
)
.default("insert");
const PARALLELISM: ConfigOption =
    ConfigOption::new("parallelism", ConfigType::Integer, "Subtasks.");
const PUSHDOWN: ConfigOption = ConfigOption::new(
    "pushdown",
    ConfigType::Boolean,
    "Projections and filters by equality are taken.",
)
.default("true");
const OPTIONS: &[ConfigOption] = &[CHANGELOG, PARALLELISM, PUSHDOWN];

/// A connector that can be planned, never run.
struct TestConnector;

struct TestTable {
    mode: ChangelogMode,
    parallelism: Option<usize>,
    pushdown: bool,
    partitions: Option<Vec<PartitionSpec>>,
}

pub fn registry() -> ConnectorRegistry {
    let mut registry = ConnectorRegistry::default();
    registry.register_table(Arc::new(TestConnector)).unwrap();
    registry
}

fn table(ctx: &FactoryContext<'_>) -> Result<TestTable, ConnectorError> {
    let options: &TableOptions = ctx.options;
    let mode = match options.get(&CHANGELOG) {
        Some("all") => ChangelogMode::ALL,
        Some("upsert") => ChangelogMode::UPSERT,
        _ => ChangelogMode::INSERT_ONLY,
    };
    let keys = &ctx.table.partition_keys;
    let partitions = (!keys.is_empty()).then(|| {
        let values = ["a", "b", "c"].iter();
        values
            .map(|v| {
                keys.iter()
                    .map(|k| (k.clone(), Some((*v).to_owned())))
                    .collect()
            })
            .collect()
    });
    Ok(TestTable {
        mode,
        parallelism: options
            .get_i64(&PARALLELISM)?
            .and_then(|p| usize::try_from(p).ok()),
        pushdown: options.get_bool(&PUSHDOWN)?,
        partitions,
    })
}

impl TableFactory for TestConnector {
    fn identifier(&self) -> &'static str {
        "test"
    }

    fn doc(&self) -> &'static str {
        "For tests."
    }

    fn options(&self) -> &'static [ConfigOption] {
        OPTIONS
    }

    fn scan_source(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn ScanSource>, ConnectorError>> {
        Some(table(ctx).map(|t| Arc::new(t) as _))
    }

    fn sink(&self, ctx: &FactoryContext<'_>) -> Option<Result<Arc<dyn TableSink>, ConnectorError>> {
        Some(table(ctx).map(|t| Arc::new(t) as _))
    }
}

impl ScanSource for TestTable {
    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn changelog_mode(&self) -> ChangelogMode {
        self.mode
    }

    fn supports_projection(&self) -> bool {
        self.pushdown
    }

    fn supports_filter(&self, filter: &Expr) -> FilterSupport {
        match filter {
            Expr::BinaryExpr(b)
                if self.pushdown && b.op == datafusion::logical_expr::Operator::Eq =>
            {
                FilterSupport::Exact
            }
            _ => FilterSupport::No,
        }
    }

    fn list_partitions(&self) -> Result<Option<Vec<PartitionSpec>>, ConnectorError> {
        Ok(self.partitions.clone())
    }

    fn parallelism(&self) -> Option<usize> {
        self.parallelism
    }

    fn enumerator(
        &self,
        _: &Pushdown,
        _: usize,
    ) -> Result<Box<dyn SplitEnumerator>, ConnectorError> {
        Err(ConnectorError::engine("never read"))
    }

    fn reader(
        &self,
        _: &ReaderContext,
        _: &Pushdown,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        Err(ConnectorError::engine("never read"))
    }
}

impl TableSink for TestTable {
    fn changelog_mode(&self, _requested: ChangelogMode) -> ChangelogMode {
        self.mode
    }

    fn parallelism(&self) -> Option<usize> {
        self.parallelism
    }

    fn writer(&self, _: &WriterContext) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        Err(ConnectorError::engine("never written"))
    }
}
