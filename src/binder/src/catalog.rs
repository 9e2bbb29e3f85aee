//! What the binder asks of catalogs.

use filbert_catalog::{CatalogManager, ManagerError};
use filbert_connector_api::CatalogObject;
use filbert_types::ObjectPath;

/// What the binder asks of the session's catalogs.
pub trait BinderCatalog {
    /// The full path of a name of one to three parts, by the current catalog and database.
    ///
    /// # Errors
    /// When the name has no or too many parts.
    fn qualify(&self, parts: &[String]) -> Result<ObjectPath, ManagerError>;

    /// What stands at a path, temporary objects first; none where there is nothing.
    ///
    /// # Errors
    /// When the catalog fails or a name in front of the object's doesn't exist.
    fn resolve(&self, path: &ObjectPath) -> Result<Option<CatalogObject>, ManagerError>;

    /// Names of tables and views beside `path`, for suggestions.
    fn neighbours(&self, path: &ObjectPath) -> Vec<String>;

    /// The databases of a catalog, for suggestions.
    fn databases(&self, _catalog: &str) -> Vec<String> {
        Vec::new()
    }

    /// What CREATE FUNCTION says that a function's name stands for.
    fn function_class(&self, _parts: &[String]) -> Option<&str> {
        None
    }

    /// The names of functions that CREATE FUNCTION made and that can be called unqualified, for suggestions.
    fn user_functions(&self) -> Vec<String> {
        Vec::new()
    }
}

impl BinderCatalog for CatalogManager {
    fn qualify(&self, parts: &[String]) -> Result<ObjectPath, ManagerError> {
        CatalogManager::qualify(self, parts)
    }

    fn function_class(&self, parts: &[String]) -> Option<&str> {
        self.function(parts).map(|f| f.class_name.as_str())
    }

    fn user_functions(&self) -> Vec<String> {
        self.list_user_functions(self.current_catalog(), self.current_database())
    }

    fn resolve(&self, path: &ObjectPath) -> Result<Option<CatalogObject>, ManagerError> {
        Ok(self.object(path)?.map(|found| found.object))
    }

    fn databases(&self, catalog: &str) -> Vec<String> {
        self.list_databases(catalog).unwrap_or_default()
    }

    fn neighbours(&self, path: &ObjectPath) -> Vec<String> {
        self.list_objects(&path.catalog, &path.database)
            .unwrap_or_default()
    }
}
