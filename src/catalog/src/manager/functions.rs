//! Functions that users registered, by scope: temporary system, temporary, and of a catalog's database.

use filbert_types::ObjectPath;
use filbert_types::suggest::did_you_mean;

use super::CatalogManager;
use crate::error::ManagerError;
use crate::function::CatalogFunction;

impl CatalogManager {
    /// The function that a name means: temporary system functions first, then temporary ones, then the catalog's.
    pub fn function(&self, parts: &[String]) -> Option<&CatalogFunction> {
        if let [name] = parts
            && let Some(found) = self.temporary_system_functions.get(&name.to_lowercase())
        {
            return Some(found);
        }
        let path = function_path(self.qualify(parts).ok()?);
        self.temporary_functions
            .get(&path)
            .or_else(|| self.functions.get(&path))
    }

    /// As [`CatalogManager::function`], with whether it is a system function, and whether it is temporary.
    pub fn described_function(&self, parts: &[String]) -> Option<(&CatalogFunction, bool, bool)> {
        if let [name] = parts
            && let Some(found) = self.temporary_system_functions.get(&name.to_lowercase())
        {
            return Some((found, true, true));
        }
        let path = function_path(self.qualify(parts).ok()?);
        let temporary = self
            .temporary_functions
            .get(&path)
            .map(|f| (f, false, true));
        temporary.or_else(|| self.functions.get(&path).map(|f| (f, false, false)))
    }

    /// The names of users' functions that can be called unqualified, sorted.
    pub fn list_user_functions(&self, catalog: &str, database: &str) -> Vec<String> {
        let paths = self.functions.keys().chain(self.temporary_functions.keys());
        let mut names: Vec<String> = paths
            .filter(|path| path.catalog == catalog && path.database == database)
            .map(|path| path.object.clone())
            .chain(self.temporary_system_functions.keys().cloned())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// # Errors
    /// When the function exists and `if_not_exists` is not set, or its database does not exist.
    pub fn create_function(
        &mut self,
        parts: &[String],
        function: CatalogFunction,
        temporary: bool,
        if_not_exists: bool,
    ) -> Result<(), ManagerError> {
        let path = function_path(self.qualify(parts)?);
        if !temporary {
            self.catalog(&path.catalog)?.database(&path.database)?;
        }
        let functions = if temporary {
            &mut self.temporary_functions
        } else {
            &mut self.functions
        };
        if functions.contains_key(&path) {
            if if_not_exists {
                return Ok(());
            }
            return Err(exists(&path, temporary));
        }
        functions.insert(path, function);
        Ok(())
    }

    /// # Errors
    /// When the function exists and `if_not_exists` is not set.
    pub fn create_system_function(
        &mut self,
        name: &str,
        function: CatalogFunction,
        if_not_exists: bool,
    ) -> Result<(), ManagerError> {
        let key = name.to_lowercase();
        if self.temporary_system_functions.contains_key(&key) {
            if if_not_exists {
                return Ok(());
            }
            return Err(ManagerError::FunctionExists(
                name.to_owned(),
                " as a temporary system function".to_owned(),
            ));
        }
        self.temporary_system_functions.insert(key, function);
        Ok(())
    }

    /// # Errors
    /// When there is no such function.
    pub fn alter_function(
        &mut self,
        parts: &[String],
        function: CatalogFunction,
        temporary: bool,
        if_exists: bool,
    ) -> Result<(), ManagerError> {
        let path = function_path(self.qualify(parts)?);
        let missing = self.missing(&path, temporary);
        let functions = if temporary {
            &mut self.temporary_functions
        } else {
            &mut self.functions
        };
        match functions.get_mut(&path) {
            Some(found) => *found = function,
            None if if_exists => {}
            None => return Err(missing),
        }
        Ok(())
    }

    /// # Errors
    /// When there is no such function and `if_exists` is not set.
    pub fn drop_function(
        &mut self,
        parts: &[String],
        temporary: bool,
        if_exists: bool,
    ) -> Result<(), ManagerError> {
        let path = function_path(self.qualify(parts)?);
        let functions = if temporary {
            &mut self.temporary_functions
        } else {
            &mut self.functions
        };
        if functions.remove(&path).is_none() && !if_exists {
            return Err(self.missing(&path, temporary));
        }
        Ok(())
    }

    /// # Errors
    /// When there is no such function and `if_exists` is not set.
    pub fn drop_system_function(
        &mut self,
        name: &str,
        if_exists: bool,
    ) -> Result<(), ManagerError> {
        let found = self.temporary_system_functions.remove(&name.to_lowercase());
        if found.is_some() || if_exists {
            return Ok(());
        }
        let names = self.temporary_system_functions.keys().map(String::as_str);
        Err(ManagerError::FunctionNotFound {
            what: "Temporary system function",
            name: name.to_owned(),
            within: String::new(),
            hint: did_you_mean(name, names),
        })
    }

    fn missing(&self, path: &ObjectPath, temporary: bool) -> ManagerError {
        let names = self.list_user_functions(&path.catalog, &path.database);
        ManagerError::FunctionNotFound {
            what: if temporary {
                "Temporary catalog function"
            } else {
                "Function"
            },
            name: format!("{}.{}", path.database, path.object),
            within: format!(" in Catalog {}", path.catalog),
            hint: did_you_mean(&path.object, names.iter().map(String::as_str)),
        }
    }
}

/// Functions' names ignore case.
fn function_path(mut path: ObjectPath) -> ObjectPath {
    path.object = path.object.to_lowercase();
    path
}

fn exists(path: &ObjectPath, temporary: bool) -> ManagerError {
    let within = if temporary {
        " as a temporary function".to_owned()
    } else {
        format!(" in Catalog {}", path.catalog)
    };
    ManagerError::FunctionExists(format!("{}.{}", path.database, path.object), within)
}
