use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Column;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use filbert_binder::BoundTable;
use filbert_connector_api::source::FilterSupport;
use filbert_connector_api::{ConnectorError, ScanSource};
use filbert_graph::spec::PartitionSpec;

/// A table behind a scan, while it is planned. In batch mode the connector's own provider stands behind it where it has
/// one; else the scan becomes a placeholder that carries what the source was asked to do.
#[derive(Clone)]
pub(crate) struct ScanTable {
    pub bound: BoundTable,
    pub source: Arc<dyn ScanSource>,
    /// The table's partitions, where it has any and the connector can list them.
    pub partitions: Option<Vec<PartitionSpec>>,
    provider: Option<Arc<dyn TableProvider>>,
}

impl fmt::Debug for ScanTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanTable")
            .field("path", &self.bound.path)
            .finish_non_exhaustive()
    }
}

impl ScanTable {
    /// # Errors
    /// When the table's partitions can't be listed.
    pub fn new(
        bound: BoundTable,
        source: Arc<dyn ScanSource>,
        batch: bool,
    ) -> Result<ScanTable, ConnectorError> {
        let provider = if batch {
            source.table_provider(&bound.metadata)
        } else {
            None
        };
        let partitions = if provider.is_some() || bound.table.partition_keys.is_empty() {
            None
        } else {
            source.list_partitions()?
        };
        Ok(ScanTable {
            bound,
            source,
            partitions,
            provider,
        })
    }

    /// True when the list of partitions answers the filter.
    pub fn is_on_partition_keys(&self, filter: &Expr) -> bool {
        let keys = &self.bound.table.partition_keys;
        let read = filter.column_refs();
        self.partitions.is_some() && !read.is_empty() && read.iter().all(|c| keys.contains(&c.name))
    }
}

#[async_trait]
impl TableProvider for ScanTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.bound.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        if let Some(provider) = &self.provider {
            return provider.supports_filters_pushdown(filters);
        }
        filters
            .iter()
            .map(|filter| {
                if self.is_on_partition_keys(filter) {
                    return Ok(TableProviderFilterPushDown::Exact);
                }
                let support = self.source.supports_filter(&unqualified(filter)?);
                Ok(match support {
                    FilterSupport::No => TableProviderFilterPushDown::Unsupported,
                    FilterSupport::Inexact => TableProviderFilterPushDown::Inexact,
                    FilterSupport::Exact => TableProviderFilterPushDown::Exact,
                })
            })
            .collect()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(provider) = &self.provider {
            return provider.scan(state, projection, filters, limit).await;
        }
        datafusion::common::not_impl_err!("Reading table '{}' in batch mode", self.bound.path)
    }
}

/// The expression over the source's own field names.
pub(crate) fn unqualified(expr: &Expr) -> Result<Expr> {
    let changed = expr.clone().transform(|e| {
        Ok(match e {
            Expr::Column(column) if column.relation.is_some() => {
                Transformed::yes(Expr::Column(Column::new_unqualified(column.name)))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(changed.data)
}
