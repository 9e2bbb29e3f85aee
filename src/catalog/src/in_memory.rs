//! The catalog `generic_in_memory`: everything is forgotten when the session ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use filbert_connector_api::catalog::{
    Catalog, CatalogDatabase, CatalogError, CatalogObject, CatalogPartition,
};
use filbert_connector_api::options::TableOptions;
use filbert_connector_api::{CatalogFactory, ConnectorError};
use filbert_types::suggest::did_you_mean;
use filbert_types::{CatalogTable, ConfigOption, ConfigType};
use indexmap::IndexMap;
use parking_lot::RwLock;

const DEFAULT_DATABASE: ConfigOption = ConfigOption::new(
    "default-database",
    ConfigType::String,
    "The database that the catalog starts with.",
)
.default("default");

/// Makes [`GenericInMemoryCatalog`]s.
#[derive(Debug, Default)]
pub struct GenericInMemoryCatalogFactory;

impl CatalogFactory for GenericInMemoryCatalogFactory {
    fn identifier(&self) -> &'static str {
        "generic_in_memory"
    }

    fn options(&self) -> &'static [ConfigOption] {
        const OPTIONS: &[ConfigOption] = &[DEFAULT_DATABASE];
        OPTIONS
    }

    fn create(
        &self,
        name: &str,
        options: &TableOptions,
    ) -> Result<Arc<dyn Catalog>, ConnectorError> {
        let database = options.get(&DEFAULT_DATABASE).unwrap_or("default");
        Ok(Arc::new(GenericInMemoryCatalog::new(name, database)))
    }
}

/// A catalog that lives in memory.
pub struct GenericInMemoryCatalog {
    name: String,
    default_database: String,
    databases: RwLock<BTreeMap<String, Database>>,
}

#[derive(Default, Clone)]
struct Database {
    properties: CatalogDatabase,
    objects: BTreeMap<String, CatalogObject>,
    /// By table.
    partitions: BTreeMap<String, Vec<CatalogPartition>>,
}

impl GenericInMemoryCatalog {
    /// A catalog with one empty database.
    pub fn new(name: &str, default_database: &str) -> GenericInMemoryCatalog {
        GenericInMemoryCatalog {
            name: name.to_owned(),
            default_database: default_database.to_owned(),
            databases: RwLock::new(BTreeMap::from([(
                default_database.to_owned(),
                Database::default(),
            )])),
        }
    }

    fn read<T>(
        &self,
        database: &str,
        f: impl FnOnce(&Database) -> Result<T, CatalogError>,
    ) -> Result<T, CatalogError> {
        let databases = self.databases.read();
        let found = databases
            .get(database)
            .ok_or_else(|| self.no_database(database, &databases))?;
        f(found)
    }

    fn write<T>(
        &self,
        database: &str,
        f: impl FnOnce(&mut Database) -> Result<T, CatalogError>,
    ) -> Result<T, CatalogError> {
        let mut databases = self.databases.write();
        if !databases.contains_key(database) {
            return Err(self.no_database(database, &databases));
        }
        f(databases.entry(database.to_owned()).or_default())
    }

    fn no_database(&self, name: &str, databases: &BTreeMap<String, Database>) -> CatalogError {
        CatalogError::DatabaseNotFound {
            catalog: self.name.clone(),
            database: name.to_owned(),
            hint: did_you_mean(name, databases.keys().map(String::as_str)),
        }
    }

    fn no_object(&self, database: &str, name: &str, found: &Database) -> CatalogError {
        CatalogError::ObjectNotFound {
            catalog: self.name.clone(),
            database: database.to_owned(),
            name: name.to_owned(),
            hint: did_you_mean(name, found.objects.keys().map(String::as_str)),
        }
    }

    /// The table, which must have partition keys.
    fn partitioned<'d>(
        &self,
        database: &str,
        name: &str,
        found: &'d Database,
    ) -> Result<&'d CatalogTable, CatalogError> {
        match found.objects.get(name) {
            Some(CatalogObject::Table(table)) if !table.partition_keys.is_empty() => Ok(table),
            Some(_) => Err(CatalogError::NotPartitioned {
                catalog: self.name.clone(),
                database: database.to_owned(),
                name: name.to_owned(),
            }),
            None => Err(self.no_object(database, name, found)),
        }
    }

    fn object_exists(&self, database: &str, name: &str) -> CatalogError {
        CatalogError::ObjectExists {
            catalog: self.name.clone(),
            database: database.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl Catalog for GenericInMemoryCatalog {
    fn identifier(&self) -> &str {
        "generic_in_memory"
    }

    fn default_database(&self) -> &str {
        &self.default_database
    }

    /// The new default database is made where it isn't there; the old one goes where it is empty. Flink makes the whole
    /// catalog anew, with which all tables are gone.
    fn altered(&self, options: &TableOptions) -> Result<Option<Arc<dyn Catalog>>, CatalogError> {
        let default_database = options.get(&DEFAULT_DATABASE).unwrap_or("default");
        let mut databases = self.databases.read().clone();
        let is_empty =
            |d: &Database| d.objects.is_empty() && d.properties == CatalogDatabase::default();
        if default_database != self.default_database
            && databases.get(&self.default_database).is_some_and(is_empty)
        {
            databases.remove(&self.default_database);
        }
        databases.entry(default_database.to_owned()).or_default();
        Ok(Some(Arc::new(GenericInMemoryCatalog {
            name: self.name.clone(),
            default_database: default_database.to_owned(),
            databases: RwLock::new(databases),
        })))
    }

    fn list_databases(&self) -> Result<Vec<String>, CatalogError> {
        Ok(self.databases.read().keys().cloned().collect())
    }

    fn database(&self, name: &str) -> Result<CatalogDatabase, CatalogError> {
        self.read(name, |d| Ok(d.properties.clone()))
    }

    fn create_database(&self, name: &str, database: CatalogDatabase) -> Result<(), CatalogError> {
        let mut databases = self.databases.write();
        if databases.contains_key(name) {
            return Err(CatalogError::DatabaseExists {
                catalog: self.name.clone(),
                database: name.to_owned(),
            });
        }
        let entry = Database {
            properties: database,
            ..Database::default()
        };
        databases.insert(name.to_owned(), entry);
        Ok(())
    }

    fn drop_database(&self, name: &str, cascade: bool) -> Result<(), CatalogError> {
        let mut databases = self.databases.write();
        let found = databases
            .get(name)
            .ok_or_else(|| self.no_database(name, &databases))?;
        if !cascade && !found.objects.is_empty() {
            return Err(CatalogError::DatabaseNotEmpty {
                catalog: self.name.clone(),
                database: name.to_owned(),
            });
        }
        databases.remove(name);
        Ok(())
    }

    fn alter_database(&self, name: &str, database: CatalogDatabase) -> Result<(), CatalogError> {
        self.write(name, |d| {
            d.properties = database;
            Ok(())
        })
    }

    fn list_objects(&self, database: &str) -> Result<Vec<String>, CatalogError> {
        self.read(database, |d| Ok(d.objects.keys().cloned().collect()))
    }

    fn object(&self, database: &str, name: &str) -> Result<Option<CatalogObject>, CatalogError> {
        self.read(database, |d| Ok(d.objects.get(name).cloned()))
    }

    fn create_object(
        &self,
        database: &str,
        name: &str,
        object: CatalogObject,
    ) -> Result<(), CatalogError> {
        self.write(database, |d| {
            if d.objects.contains_key(name) {
                return Err(self.object_exists(database, name));
            }
            d.objects.insert(name.to_owned(), object);
            Ok(())
        })
    }

    fn replace_object(
        &self,
        database: &str,
        name: &str,
        object: CatalogObject,
    ) -> Result<(), CatalogError> {
        self.write(database, |d| {
            if !d.objects.contains_key(name) {
                return Err(self.no_object(database, name, d));
            }
            d.objects.insert(name.to_owned(), object);
            Ok(())
        })
    }

    fn drop_object(&self, database: &str, name: &str) -> Result<(), CatalogError> {
        self.write(database, |d| {
            d.partitions.remove(name);
            match d.objects.remove(name) {
                Some(_) => Ok(()),
                None => Err(self.no_object(database, name, d)),
            }
        })
    }

    fn rename_object(
        &self,
        database: &str,
        name: &str,
        new_name: &str,
    ) -> Result<(), CatalogError> {
        self.write(database, |d| {
            if !d.objects.contains_key(name) {
                return Err(self.no_object(database, name, d));
            }
            if d.objects.contains_key(new_name) {
                return Err(self.object_exists(database, new_name));
            }
            if let Some(object) = d.objects.remove(name) {
                d.objects.insert(new_name.to_owned(), object);
            }
            if let Some(partitions) = d.partitions.remove(name) {
                d.partitions.insert(new_name.to_owned(), partitions);
            }
            Ok(())
        })
    }

    fn partitions(
        &self,
        database: &str,
        name: &str,
    ) -> Result<Vec<CatalogPartition>, CatalogError> {
        self.read(database, |d| {
            self.partitioned(database, name, d)?;
            Ok(d.partitions.get(name).cloned().unwrap_or_default())
        })
    }

    fn create_partition(
        &self,
        database: &str,
        name: &str,
        partition: CatalogPartition,
    ) -> Result<(), CatalogError> {
        self.write(database, |d| {
            let keys = &self.partitioned(database, name, d)?.partition_keys;
            let mut wanted: Vec<&String> = keys.iter().collect();
            wanted.sort();
            let mut given: Vec<&String> = partition.spec.keys().collect();
            given.sort();
            wanted.dedup();
            if wanted != given {
                return Err(CatalogError::PartitionMismatch {
                    catalog: self.name.clone(),
                    database: database.to_owned(),
                    name: name.to_owned(),
                    spec: spec_text(&partition.spec),
                    keys: keys.join(", "),
                });
            }
            let partitions = d.partitions.entry(name.to_owned()).or_default();
            if partitions.iter().any(|p| p.spec == partition.spec) {
                return Err(CatalogError::PartitionExists {
                    catalog: self.name.clone(),
                    database: database.to_owned(),
                    name: name.to_owned(),
                    spec: spec_text(&partition.spec),
                });
            }
            partitions.push(partition);
            Ok(())
        })
    }

    fn drop_partition(
        &self,
        database: &str,
        name: &str,
        spec: &IndexMap<String, String>,
    ) -> Result<(), CatalogError> {
        self.write(database, |d| {
            self.partitioned(database, name, d)?;
            let partitions = d.partitions.entry(name.to_owned()).or_default();
            let Some(index) = partitions.iter().position(|p| p.spec == *spec) else {
                return Err(CatalogError::PartitionNotFound {
                    catalog: self.name.clone(),
                    database: database.to_owned(),
                    name: name.to_owned(),
                    spec: spec_text(spec),
                });
            };
            partitions.remove(index);
            Ok(())
        })
    }
}

/// `dt=2024-01-01, hr=1`
fn spec_text(spec: &IndexMap<String, String>) -> String {
    let entries: Vec<String> = spec.iter().map(|(k, v)| format!("{k}={v}")).collect();
    entries.join(", ")
}
