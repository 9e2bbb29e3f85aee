//! The catalogs of one session: which there are, which is current, and what is temporary.

mod functions;
mod models;
mod objects;

use std::collections::BTreeMap;
use std::sync::Arc;

use filbert_connector_api::Catalog;
use filbert_connector_api::catalog::CatalogDatabase;
use filbert_connector_api::catalog::CatalogObject;
use filbert_types::ObjectPath;
use filbert_types::suggest::did_you_mean;
use indexmap::IndexMap;

use crate::error::ManagerError;
use crate::function::CatalogFunction;
use crate::in_memory::GenericInMemoryCatalog;
use crate::model::CatalogModel;

#[cfg(test)]
mod tests;

pub use objects::{LookedUp, ObjectKind};

/// What CREATE CATALOG declared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogDescriptor {
    pub comment: Option<String>,
    /// The WITH clause, `type` among it.
    pub options: IndexMap<String, String>,
}

struct CatalogEntry {
    catalog: Arc<dyn Catalog>,
    /// None for the catalog that every session starts with.
    descriptor: Option<CatalogDescriptor>,
}

/// The catalogs of a session.
///
/// Names of one to three parts are completed by the current catalog and database. Temporary objects live here, not in
/// a catalog, and hide the catalog's objects of the same path.
pub struct CatalogManager {
    catalogs: BTreeMap<String, CatalogEntry>,
    current_catalog: String,
    current_database: String,
    temporary_objects: BTreeMap<ObjectPath, CatalogObject>,
    functions: BTreeMap<ObjectPath, CatalogFunction>,
    temporary_functions: BTreeMap<ObjectPath, CatalogFunction>,
    temporary_system_functions: BTreeMap<String, CatalogFunction>,
    models: BTreeMap<ObjectPath, CatalogModel>,
    temporary_models: BTreeMap<ObjectPath, CatalogModel>,
}

impl CatalogManager {
    /// A manager with one catalog in memory, current with its one database.
    pub fn new(builtin_catalog: &str, builtin_database: &str) -> CatalogManager {
        let catalog = GenericInMemoryCatalog::new(builtin_catalog, builtin_database);
        let entry = CatalogEntry {
            catalog: Arc::new(catalog),
            descriptor: None,
        };
        CatalogManager {
            catalogs: BTreeMap::from([(builtin_catalog.to_owned(), entry)]),
            current_catalog: builtin_catalog.to_owned(),
            current_database: builtin_database.to_owned(),
            temporary_objects: BTreeMap::new(),
            functions: BTreeMap::new(),
            temporary_functions: BTreeMap::new(),
            temporary_system_functions: BTreeMap::new(),
            models: BTreeMap::new(),
            temporary_models: BTreeMap::new(),
        }
    }

    pub fn current_catalog(&self) -> &str {
        &self.current_catalog
    }

    pub fn current_database(&self) -> &str {
        &self.current_database
    }

    /// The catalogs' names, sorted.
    pub fn list_catalogs(&self) -> Vec<String> {
        self.catalogs.keys().cloned().collect()
    }

    /// # Errors
    /// When no catalog has this name.
    pub fn catalog(&self, name: &str) -> Result<&Arc<dyn Catalog>, ManagerError> {
        Ok(&self.entry(name)?.catalog)
    }

    /// What CREATE CATALOG declared; none for the built-in catalog.
    ///
    /// # Errors
    /// When no catalog has this name.
    pub fn descriptor(&self, name: &str) -> Result<Option<&CatalogDescriptor>, ManagerError> {
        Ok(self.entry(name)?.descriptor.as_ref())
    }

    /// # Errors
    /// When the name is taken.
    pub fn register_catalog(
        &mut self,
        name: &str,
        catalog: Arc<dyn Catalog>,
        descriptor: CatalogDescriptor,
    ) -> Result<(), ManagerError> {
        if self.catalogs.contains_key(name) {
            return Err(ManagerError::CatalogExists(name.to_owned()));
        }
        let entry = CatalogEntry {
            catalog,
            descriptor: Some(descriptor),
        };
        self.catalogs.insert(name.to_owned(), entry);
        Ok(())
    }

    /// ALTER CATALOG: another catalog, or the same, in the place of the one that is there.
    ///
    /// # Errors
    /// When no catalog has this name, or it refuses to list its databases.
    pub fn replace_catalog(
        &mut self,
        name: &str,
        catalog: Arc<dyn Catalog>,
        descriptor: CatalogDescriptor,
    ) -> Result<(), ManagerError> {
        self.entry(name)?;
        let databases = catalog.list_databases()?;
        if name == self.current_catalog && !databases.contains(&self.current_database) {
            self.current_database = catalog.default_database().to_owned();
        }
        let entry = CatalogEntry {
            catalog,
            descriptor: Some(descriptor),
        };
        self.catalogs.insert(name.to_owned(), entry);
        Ok(())
    }

    /// Drops a catalog with all that the session keeps for it.
    ///
    /// # Errors
    /// When the catalog does not exist or is the current one.
    pub fn drop_catalog(&mut self, name: &str) -> Result<(), ManagerError> {
        self.entry(name)?;
        if name == self.current_catalog {
            return Err(ManagerError::CatalogInUse);
        }
        self.catalogs.remove(name);
        self.functions.retain(|path, _| path.catalog != name);
        self.models.retain(|path, _| path.catalog != name);
        Ok(())
    }

    /// # Errors
    /// When no catalog has this name.
    pub fn use_catalog(&mut self, name: &str) -> Result<(), ManagerError> {
        let database = self.catalog(name)?.default_database().to_owned();
        self.current_catalog = name.to_owned();
        self.current_database = database;
        Ok(())
    }

    /// `USE [catalog.]database`.
    ///
    /// # Errors
    /// When the catalog or the database does not exist.
    pub fn use_database(&mut self, parts: &[String]) -> Result<(), ManagerError> {
        let (catalog, database) = self.qualify_database(parts)?;
        let databases = self.catalog(&catalog)?.list_databases()?;
        if !databases.contains(&database) {
            return Err(ManagerError::DatabaseNotFound {
                hint: did_you_mean(&database, databases.iter().map(String::as_str)),
                catalog,
                database,
            });
        }
        self.current_catalog = catalog;
        self.current_database = database;
        Ok(())
    }

    /// # Errors
    /// When the catalog does not exist or refuses.
    pub fn list_databases(&self, catalog: &str) -> Result<Vec<String>, ManagerError> {
        Ok(self.catalog(catalog)?.list_databases()?)
    }

    /// # Errors
    /// When the catalog does not exist or refuses.
    pub fn create_database(
        &mut self,
        parts: &[String],
        database: CatalogDatabase,
    ) -> Result<(), ManagerError> {
        let (catalog, name) = self.qualify_database(parts)?;
        Ok(self.catalog(&catalog)?.create_database(&name, database)?)
    }

    /// # Errors
    /// When the database does not exist, is the current one, or holds objects without `cascade`.
    pub fn drop_database(&mut self, parts: &[String], cascade: bool) -> Result<(), ManagerError> {
        let (catalog, name) = self.qualify_database(parts)?;
        if catalog == self.current_catalog && name == self.current_database {
            return Err(ManagerError::DatabaseInUse);
        }
        self.catalog(&catalog)?.drop_database(&name, cascade)?;
        let gone = |path: &ObjectPath| path.catalog == catalog && path.database == name;
        self.functions.retain(|path, _| !gone(path));
        self.models.retain(|path, _| !gone(path));
        Ok(())
    }

    /// The catalog and database that one or two parts stand for.
    ///
    /// # Errors
    /// When there are none or more than two parts.
    pub fn qualify_database(&self, parts: &[String]) -> Result<(String, String), ManagerError> {
        match parts {
            [database] => Ok((self.current_catalog.clone(), database.clone())),
            [catalog, database] => Ok((catalog.clone(), database.clone())),
            _ => Err(ManagerError::BadName(parts.join("."))),
        }
    }

    /// The path that one to three parts stand for; whether it exists is not asked.
    ///
    /// # Errors
    /// When there are none or more than three parts.
    pub fn qualify(&self, parts: &[String]) -> Result<ObjectPath, ManagerError> {
        match parts {
            [object] => Ok(ObjectPath::new(
                &self.current_catalog,
                &self.current_database,
                object,
            )),
            [database, object] => Ok(ObjectPath::new(&self.current_catalog, database, object)),
            [catalog, database, object] => Ok(ObjectPath::new(catalog, database, object)),
            _ => Err(ManagerError::BadName(parts.join("."))),
        }
    }

    fn entry(&self, name: &str) -> Result<&CatalogEntry, ManagerError> {
        self.catalogs
            .get(name)
            .ok_or_else(|| ManagerError::CatalogNotFound {
                name: name.to_owned(),
                hint: did_you_mean(name, self.catalogs.keys().map(String::as_str)),
            })
    }
}
