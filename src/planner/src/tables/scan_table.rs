use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column as PhysicalColumn;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use filbert_binder::BoundTable;
use filbert_connector_api::source::FilterSupport;
use filbert_connector_api::{Boundedness, ConnectorError, ScanSource};
use filbert_graph::spec::PartitionSpec;
use filbert_operators::bounded::SourceScanExec;
use filbert_types::Field;

use crate::columns::shown_type;
use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::source::Source;
use crate::tables::partitions::prune_partitions;

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
    /// Whether its rows end by themselves.
    pub fn is_bounded(&self) -> bool {
        self.source.boundedness() == Boundedness::Bounded
    }

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
        // A filter of a subquery that is still correlated names columns that no source has.
        let own = |filter: &Expr| !filter.contains_outer() && !has_subquery(filter);
        if let Some(provider) = &self.provider {
            let asked = filters.iter().filter(|f| own(f)).map(|f| self.by_keys(f));
            let asked = asked.collect::<Result<Vec<Expr>>>()?;
            let asked: Vec<&Expr> = asked.iter().collect();
            let mut answers = provider.supports_filters_pushdown(&asked)?.into_iter();
            let unsupported = TableProviderFilterPushDown::Unsupported;
            return Ok(filters
                .iter()
                .map(|f| {
                    let answer = own(f).then(|| answers.next()).flatten();
                    answer.unwrap_or_else(|| unsupported.clone())
                })
                .collect());
        }
        filters
            .iter()
            .map(|filter| {
                if !own(filter) {
                    return Ok(TableProviderFilterPushDown::Unsupported);
                }
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
            let filters = filters.iter().map(|f| self.by_keys(f));
            let filters = filters.collect::<Result<Vec<Expr>>>()?;
            let plan = provider.scan(state, projection, &filters, limit).await?;
            return self.by_names(plan, projection);
        }
        let exprs = ExprCompiler::new(&Arc::new(state.config_options().clone()));
        self.placeholder(state, &exprs, projection, filters, limit)
            .map_err(|e| DataFusionError::External(Box::new(e)))
    }
}

impl ScanTable {
    /// The names of the metadata columns in the plan, and their keys, by which providers call them.
    fn metadata_names(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.bound.schema.fields();
        let physical = fields.len() - self.bound.metadata.len();
        let keys = self.bound.metadata.iter().map(|f| f.name.as_str());
        let names = fields.iter().skip(physical);
        names.map(|f| f.name().as_str()).zip(keys)
    }

    /// The expression over the columns of the provider.
    fn by_keys(&self, expr: &Expr) -> Result<Expr> {
        let changed = expr.clone().transform(|e| {
            let Expr::Column(column) = &e else {
                return Ok(Transformed::no(e));
            };
            let named = self.metadata_names().find(|(name, _)| *name == column.name);
            Ok(match named {
                Some((name, key)) if name != key => {
                    let relation = column.relation.clone();
                    Transformed::yes(Expr::Column(Column::new(relation, key)))
                }
                _ => Transformed::no(e),
            })
        })?;
        Ok(changed.data)
    }

    /// What a provider gives, under the names that the plan has for its columns.
    fn by_names(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        projection: Option<&Vec<usize>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.metadata_names().all(|(name, key)| name == key) {
            return Ok(plan);
        }
        let all = self.bound.schema.fields();
        let scanned = plan.schema();
        let columns = scanned.fields().iter().enumerate().map(|(i, field)| {
            let place = projection.map_or(i, |kept| kept[i]);
            let column: Arc<dyn PhysicalExpr> = Arc::new(PhysicalColumn::new(field.name(), i));
            (column, all[place].name().clone())
        });
        let columns: Vec<_> = columns.collect();
        Ok(Arc::new(ProjectionExec::try_new(columns, plan)?))
    }

    /// The columns of a scan, with their types.
    fn fields(&self) -> Vec<Field> {
        let physical = self.bound.table.schema.physical_columns();
        let known: Vec<Field> = physical
            .map(|c| Field::new(&c.name, c.ty.clone()))
            .chain(self.bound.metadata.iter().cloned())
            .collect();
        let scanned = self.bound.schema.fields().iter();
        scanned
            .map(|f| {
                let known = known
                    .iter()
                    .find(|k| k.name == *f.name() && k.ty.arrow() == *f.data_type());
                known
                    .cloned()
                    .unwrap_or_else(|| Field::new(f.name(), shown_type(f.data_type())))
            })
            .collect()
    }

    /// The place of a source without a provider, and what it can't do itself above it.
    fn placeholder(
        &self,
        state: &dyn Session,
        exprs: &ExprCompiler,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> std::result::Result<Arc<dyn ExecutionPlan>, PlanError> {
        let filters = filters.iter().map(unqualified).collect::<Result<_>>()?;
        let pruned = prune_partitions(self, filters, exprs)?;
        let pushed = projection.filter(|_| self.source.supports_projection());
        let scan = Source {
            table: self.clone(),
            projection: pushed.cloned(),
            nested: BTreeMap::new(),
            filters: pruned.filters,
            partitions: pruned.partitions,
            batch: true,
            watermark: None,
        };
        let mut spec = scan.source_spec(exprs)?;
        if self.source.supports_limit() {
            spec.limit = limit.and_then(|l| u64::try_from(l).ok());
        }
        let mut fields = self.fields();
        if let Some(kept) = pushed {
            fields = kept.iter().map(|i| fields[*i].clone()).collect();
        }
        let default = state.config_options().execution.target_partitions;
        let partitions = self.source.parallelism().unwrap_or(default);
        let plan: Arc<dyn ExecutionPlan> = Arc::new(SourceScanExec::new(spec, fields, partitions));
        let Some(kept) = projection.filter(|_| pushed.is_none()) else {
            return Ok(plan);
        };
        let schema = plan.schema();
        let columns: Vec<(Arc<dyn PhysicalExpr>, String)> = kept
            .iter()
            .map(|i| {
                let name = schema.field(*i).name();
                let column: Arc<dyn PhysicalExpr> = Arc::new(PhysicalColumn::new(name, *i));
                (column, name.clone())
            })
            .collect();
        Ok(Arc::new(ProjectionExec::try_new(columns, plan)?))
    }
}

fn has_subquery(filter: &Expr) -> bool {
    let found = filter.exists(|e| {
        Ok(matches!(
            e,
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_)
        ))
    });
    // The closure never fails.
    found.unwrap_or(true)
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
