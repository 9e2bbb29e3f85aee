//! Parquet in batch mode: DataFusion's own scan over the table's files, with their statistics, pruning and dynamic
//! filters. Partition columns and metadata are constants of each file, which the scan knows too.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{FieldRef, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, ScalarValue, Statistics};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion_datasource::compute_all_files_statistics;
use filbert_types::Field;
use filbert_types::schema::arrow_schema;
use futures::{StreamExt, TryStreamExt};

use crate::layout::{Layout, Place, metadata_value};
use crate::listing::{FoundFile, Listing};
use crate::partition;

/// A table of Parquet files.
#[derive(Debug)]
pub struct ParquetTable {
    listing: Listing,
    layout: Arc<Layout>,
    metadata: Vec<Field>,
    /// The physical columns, then the metadata asked for.
    schema: SchemaRef,
}

impl ParquetTable {
    pub fn new(listing: Listing, layout: Arc<Layout>, metadata: &[Field]) -> ParquetTable {
        ParquetTable {
            schema: arrow_schema(layout.fields.iter().chain(metadata)),
            listing,
            layout,
            metadata: metadata.to_vec(),
        }
    }

    /// DataFusion's order: the columns of files, then the constants of each file.
    fn table_schema(&self) -> TableSchema {
        let constant = |field: &Field| -> FieldRef { Arc::new(field.ty.arrow_field(&field.name)) };
        let keys = self
            .layout
            .partition_keys
            .iter()
            .zip(&self.layout.partition_types);
        let keys = keys.map(|(key, ty)| Arc::new(ty.arrow_field(key)) as FieldRef);
        let constants: Vec<FieldRef> = keys.chain(self.metadata.iter().map(constant)).collect();
        TableSchema::builder(arrow_schema(&self.layout.file_fields))
            .with_table_partition_cols(constants)
            .build()
    }

    /// Where a column of ours stands in DataFusion's order.
    fn scan_index(&self, column: usize) -> usize {
        let files = self.layout.file_fields.len();
        match self.layout.places.get(column) {
            Some(Place::File(index)) => *index,
            Some(Place::Partition(key)) => files + key,
            None => {
                let metadata = column - self.layout.fields.len();
                files + self.layout.partition_keys.len() + metadata
            }
        }
    }

    fn constants(&self, file: &FoundFile) -> Result<Vec<ScalarValue>> {
        let keys = self
            .layout
            .partition_keys
            .iter()
            .zip(&self.layout.partition_types);
        let keys = keys
            .zip(&file.partition)
            .map(|((key, ty), value)| partition::typed(key, ty, value.as_deref()));
        let metadata = self
            .metadata
            .iter()
            .map(|field| metadata_value(&field.name, file));
        keys.chain(metadata)
            .map(|value: std::result::Result<ArrayRef, _>| {
                let value = value.map_err(|e| DataFusionError::External(Box::new(e)))?;
                ScalarValue::try_from_array(&value, 0)
            })
            .collect()
    }

    async fn files(&self) -> Result<Vec<FoundFile>> {
        let listing = self.listing.clone();
        // Listing blocks, and here is a thread that drives everything else, of whatever runtime.
        let (sender, receiver) = futures::channel::oneshot::channel();
        std::thread::spawn(move || {
            // Nobody waits any more when this fails.
            let _ = sender.send(listing.files());
        });
        receiver
            .await
            .map_err(|e| DataFusionError::External(Box::new(e)))?
            .map_err(|e| DataFusionError::External(Box::new(e)))
    }
}

#[async_trait]
impl TableProvider for ParquetTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        // Row groups and pages are pruned, and files by their constants; rows are filtered above.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let every: Vec<usize> = (0..self.schema.fields().len()).collect();
        let projection = projection.unwrap_or(&every);
        let location = &self.listing.location;
        let url = ObjectStoreUrl::parse(&location.root)?;
        state
            .runtime_env()
            .register_object_store(url.as_ref(), Arc::clone(location.store.inner()));
        let files = self.files().await?;
        if files.is_empty() {
            let schema = Arc::new(self.schema.project(projection)?);
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let table_schema = self.table_schema();
        let format =
            ParquetFormat::default().with_options(state.default_table_options().parquet.clone());
        let collect = state.config().collect_statistics();
        let file_schema = table_schema.file_schema();
        let described = files.into_iter().map(|file| {
            let format = &format;
            async move {
                let described = PartitionedFile::new_from_meta(file.meta.clone())
                    .with_partition_values(self.constants(&file)?);
                let statistics = if collect {
                    let store = location.store.inner();
                    let schema = Arc::clone(file_schema);
                    format.infer_stats(state, store, schema, &file.meta).await?
                } else {
                    Statistics::new_unknown(file_schema)
                };
                Ok::<_, DataFusionError>(described.with_statistics(Arc::new(statistics)))
            }
        });
        let at_once = state
            .config_options()
            .execution
            .meta_fetch_concurrency
            .get();
        let described: Vec<PartitionedFile> = futures::stream::iter(described)
            .buffered(at_once)
            .try_collect()
            .await?;
        let groups = FileGroup::new(described).split_files(state.config().target_partitions());
        let (groups, statistics) = compute_all_files_statistics(
            groups,
            Arc::clone(table_schema.table_schema()),
            collect,
            false,
        )?;
        let indices = projection.iter().map(|i| self.scan_index(*i)).collect();
        // Rows are filtered above the scan: a limit holds here only when nothing is.
        let limit = limit.filter(|_| filters.is_empty());
        let config = FileScanConfigBuilder::new(url, format.file_source(table_schema))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(Some(indices))?
            .with_limit(limit)
            .build();
        format.create_physical_plan(state, config).await
    }
}
