use std::sync::Arc;

use filbert_types::{CatalogTable, ResolvedSchema};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::options::TableOptions;

/// A view: its query and the schema that the query gave when the view was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogView {
    pub schema: ResolvedSchema,
    pub comment: Option<String>,
    pub original_query: String,
    /// The query with every name fully qualified.
    pub expanded_query: String,
}

/// What a name in a database stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CatalogObject {
    Table(CatalogTable),
    View(CatalogView),
}

impl CatalogObject {
    pub fn schema(&self) -> &ResolvedSchema {
        match self {
            CatalogObject::Table(table) => &table.schema,
            CatalogObject::View(view) => &view.schema,
        }
    }
}

/// A database's properties.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogDatabase {
    pub comment: Option<String>,
    pub properties: IndexMap<String, String>,
}

/// A partition that a catalog knows of: what ALTER TABLE .. ADD PARTITION declares. What lies in a table's files is the
/// connector's to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogPartition {
    /// A value for each partition key, in the order written.
    pub spec: IndexMap<String, String>,
    pub properties: IndexMap<String, String>,
}

/// What a catalog refuses.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("Database {database} does not exist in Catalog {catalog}.{hint}")]
    DatabaseNotFound {
        catalog: String,
        database: String,
        hint: String,
    },
    #[error("Database {database} already exists in Catalog {catalog}.")]
    DatabaseExists { catalog: String, database: String },
    #[error("Database {database} in catalog {catalog} is not empty.")]
    DatabaseNotEmpty { catalog: String, database: String },
    #[error("Table (or view) {database}.{name} does not exist in Catalog {catalog}.{hint}")]
    ObjectNotFound {
        catalog: String,
        database: String,
        name: String,
        hint: String,
    },
    #[error("Table (or view) {database}.{name} already exists in Catalog {catalog}.")]
    ObjectExists {
        catalog: String,
        database: String,
        name: String,
    },
    #[error("Table {database}.{name} in catalog {catalog} is not partitioned.")]
    NotPartitioned {
        catalog: String,
        database: String,
        name: String,
    },
    #[error("Partition ({spec}) of table {database}.{name} in catalog {catalog} already exists.")]
    PartitionExists {
        catalog: String,
        database: String,
        name: String,
        spec: String,
    },
    #[error("Partition ({spec}) of table {database}.{name} in catalog {catalog} does not exist.")]
    PartitionNotFound {
        catalog: String,
        database: String,
        name: String,
        spec: String,
    },
    #[error(
        "Partition ({spec}) does not match partition keys [{keys}] of table {database}.{name} in catalog {catalog}."
    )]
    PartitionMismatch {
        catalog: String,
        database: String,
        name: String,
        spec: String,
        keys: String,
    },
    #[error("Catalog '{catalog}' does not support {operation}.")]
    Unsupported { catalog: String, operation: String },
    #[error("{0}")]
    Other(String),
}

/// Names to databases, tables and views. Methods take `&self`: a catalog guards its own state.
///
/// # Errors
/// Every method fails with [`CatalogError`] where the named thing is missing, already there, or out of reach.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
pub trait Catalog: Send + Sync {
    /// The factory's identifier, e.g. `generic_in_memory`.
    fn identifier(&self) -> &str;
    fn default_database(&self) -> &str;

    /// Under ALTER CATALOG: a catalog whose objects live in its own memory gives itself with these options, its objects
    /// kept. None lets the factory make the catalog anew.
    ///
    /// # Errors
    /// When the options don't fit what the catalog holds.
    fn altered(&self, _options: &TableOptions) -> Result<Option<Arc<dyn Catalog>>, CatalogError> {
        Ok(None)
    }

    fn list_databases(&self) -> Result<Vec<String>, CatalogError>;
    fn database(&self, name: &str) -> Result<CatalogDatabase, CatalogError>;
    fn create_database(&self, name: &str, database: CatalogDatabase) -> Result<(), CatalogError>;
    /// Fails when the database holds objects, unless `cascade`.
    fn drop_database(&self, name: &str, cascade: bool) -> Result<(), CatalogError>;
    fn alter_database(&self, name: &str, database: CatalogDatabase) -> Result<(), CatalogError>;

    /// Tables and views, sorted by name.
    fn list_objects(&self, database: &str) -> Result<Vec<String>, CatalogError>;
    /// None when the database has no such object.
    fn object(&self, database: &str, name: &str) -> Result<Option<CatalogObject>, CatalogError>;
    fn create_object(
        &self,
        database: &str,
        name: &str,
        object: CatalogObject,
    ) -> Result<(), CatalogError>;
    fn replace_object(
        &self,
        database: &str,
        name: &str,
        object: CatalogObject,
    ) -> Result<(), CatalogError>;
    fn drop_object(&self, database: &str, name: &str) -> Result<(), CatalogError>;
    fn rename_object(&self, database: &str, name: &str, new_name: &str)
    -> Result<(), CatalogError>;

    /// The partitions that a table was given, in the order they were added.
    fn partitions(&self, database: &str, name: &str)
    -> Result<Vec<CatalogPartition>, CatalogError>;
    /// Fails when the table has no partition keys or others than these, or the partition.
    fn create_partition(
        &self,
        database: &str,
        name: &str,
        partition: CatalogPartition,
    ) -> Result<(), CatalogError>;
    fn drop_partition(
        &self,
        database: &str,
        name: &str,
        spec: &IndexMap<String, String>,
    ) -> Result<(), CatalogError>;
}
