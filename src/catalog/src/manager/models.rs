//! Models, permanent and temporary.

use std::collections::BTreeMap;

use filbert_types::ObjectPath;
use filbert_types::suggest::did_you_mean;

use super::CatalogManager;
use crate::error::ManagerError;
use crate::model::CatalogModel;

impl CatalogManager {
    /// # Errors
    /// When there is no such model.
    pub fn model(&self, path: &ObjectPath) -> Result<&CatalogModel, ManagerError> {
        self.temporary_models
            .get(path)
            .or_else(|| self.models.get(path))
            .ok_or_else(|| self.no_model(path))
    }

    pub fn is_temporary_model(&self, path: &ObjectPath) -> bool {
        self.temporary_models.contains_key(path)
    }

    /// The models of a database, sorted; as in Flink, without temporary ones.
    ///
    /// # Errors
    /// When the catalog or the database does not exist.
    pub fn list_models(&self, catalog: &str, database: &str) -> Result<Vec<String>, ManagerError> {
        self.catalog(catalog)?.database(database)?;
        let mut names: Vec<String> = self
            .models
            .keys()
            .filter(|path| path.catalog == catalog && path.database == database)
            .map(|path| path.object.clone())
            .collect();
        names.sort();
        Ok(names)
    }

    /// # Errors
    /// When the model exists and `if_not_exists` is not set, or its database does not exist.
    pub fn create_model(
        &mut self,
        path: &ObjectPath,
        model: CatalogModel,
        temporary: bool,
        if_not_exists: bool,
    ) -> Result<(), ManagerError> {
        if !temporary {
            self.catalog(&path.catalog)?.database(&path.database)?;
        }
        let models = self.models_of(temporary);
        if models.contains_key(path) {
            if if_not_exists {
                return Ok(());
            }
            return Err(model_exists(path));
        }
        models.insert(path.clone(), model);
        Ok(())
    }

    /// Replaces a model's declaration. True when there was one.
    ///
    /// # Errors
    /// When there is no such model and `if_exists` is not set.
    pub fn alter_model(
        &mut self,
        path: &ObjectPath,
        if_exists: bool,
        change: impl FnOnce(&mut CatalogModel),
    ) -> Result<(), ManagerError> {
        if let Some(model) = self.models.get_mut(path) {
            change(model);
            return Ok(());
        }
        if if_exists {
            return Ok(());
        }
        Err(self.no_model(path))
    }

    /// # Errors
    /// When there is no such model (unless `if_exists`) or the new name is taken.
    pub fn rename_model(
        &mut self,
        path: &ObjectPath,
        new_path: &ObjectPath,
        if_exists: bool,
    ) -> Result<(), ManagerError> {
        if !self.models.contains_key(path) {
            return if if_exists {
                Ok(())
            } else {
                Err(self.no_model(path))
            };
        }
        if self.models.contains_key(new_path) {
            return Err(model_exists(new_path));
        }
        if let Some(model) = self.models.remove(path) {
            self.models.insert(new_path.clone(), model);
        }
        Ok(())
    }

    /// # Errors
    /// When there is no such model and `if_exists` is not set.
    pub fn drop_model(
        &mut self,
        path: &ObjectPath,
        temporary: bool,
        if_exists: bool,
    ) -> Result<(), ManagerError> {
        if self.models_of(temporary).remove(path).is_none() && !if_exists {
            return Err(self.no_model(path));
        }
        Ok(())
    }

    fn models_of(&mut self, temporary: bool) -> &mut BTreeMap<ObjectPath, CatalogModel> {
        if temporary {
            &mut self.temporary_models
        } else {
            &mut self.models
        }
    }

    fn no_model(&self, path: &ObjectPath) -> ManagerError {
        let names = self
            .list_models(&path.catalog, &path.database)
            .unwrap_or_default();
        ManagerError::ModelNotFound {
            path: path.to_string(),
            hint: did_you_mean(&path.object, names.iter().map(String::as_str)),
        }
    }
}

fn model_exists(path: &ObjectPath) -> ManagerError {
    ManagerError::ModelExists {
        catalog: path.catalog.clone(),
        database: path.database.clone(),
        name: path.object.clone(),
    }
}
