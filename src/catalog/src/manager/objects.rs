//! Tables and views, permanent and temporary.

use filbert_connector_api::catalog::CatalogObject;
use filbert_types::ObjectPath;
use filbert_types::suggest::did_you_mean;

use super::CatalogManager;
use crate::error::ManagerError;

/// A table or view with its full name.
#[derive(Debug, Clone)]
pub struct LookedUp {
    pub path: ObjectPath,
    pub object: CatalogObject,
    pub temporary: bool,
}

/// Which kind of object a statement means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    Table,
    View,
}

impl ObjectKind {
    pub const fn of(object: &CatalogObject) -> ObjectKind {
        match object {
            CatalogObject::Table(_) => ObjectKind::Table,
            CatalogObject::View(_) => ObjectKind::View,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            ObjectKind::Table => "Table",
            ObjectKind::View => "View",
        }
    }

    const fn lower(self) -> &'static str {
        match self {
            ObjectKind::Table => "table",
            ObjectKind::View => "view",
        }
    }
}

impl CatalogManager {
    /// The object at a path; a temporary one hides a catalog's.
    ///
    /// # Errors
    /// When a catalog refuses. A catalog or database that does not exist is no error here: nothing is found.
    pub fn object(&self, path: &ObjectPath) -> Result<Option<LookedUp>, ManagerError> {
        if let Some(object) = self.temporary_objects.get(path) {
            return Ok(Some(LookedUp {
                path: path.clone(),
                object: object.clone(),
                temporary: true,
            }));
        }
        let found = self.permanent_object(path)?;
        Ok(found.map(|object| LookedUp {
            path: path.clone(),
            object,
            temporary: false,
        }))
    }

    fn permanent_object(&self, path: &ObjectPath) -> Result<Option<CatalogObject>, ManagerError> {
        let Some(entry) = self.catalogs.get(&path.catalog) else {
            return Ok(None);
        };
        if !entry.catalog.list_databases()?.contains(&path.database) {
            return Ok(None);
        }
        Ok(entry.catalog.object(&path.database, &path.object)?)
    }

    /// The table or view that a query's name means.
    ///
    /// # Errors
    /// When there is none: the error names what exists nearby.
    pub fn lookup(&self, parts: &[String]) -> Result<LookedUp, ManagerError> {
        let path = self.qualify(parts)?;
        if let Some(found) = self.object(&path)? {
            return Ok(found);
        }
        Err(self.not_found(&path, parts.len()))
    }

    fn not_found(&self, path: &ObjectPath, parts: usize) -> ManagerError {
        let missing = |name: &str, within: String, hint| ManagerError::ObjectNotFound {
            name: name.to_owned(),
            within,
            hint,
        };
        let Ok(databases) = self.list_databases(&path.catalog) else {
            let catalogs = self.catalogs.keys().map(String::as_str);
            let hint = did_you_mean(&path.catalog, catalogs);
            return missing(&path.catalog, String::new(), hint);
        };
        if !databases.contains(&path.database) {
            let hint = did_you_mean(&path.database, databases.iter().map(String::as_str));
            return missing(&path.database, format!(" within '{}'", path.catalog), hint);
        }
        let within = match parts {
            1 => String::new(),
            2 => format!(" within '{}'", path.database),
            _ => format!(" within '{}.{}'", path.catalog, path.database),
        };
        missing(&path.object, within, self.object_hint(path))
    }

    /// ` Did you mean 'x'?` among the objects of the path's database.
    fn object_hint(&self, path: &ObjectPath) -> String {
        let names = self
            .list_objects(&path.catalog, &path.database)
            .unwrap_or_default();
        did_you_mean(&path.object, names.iter().map(String::as_str))
    }

    /// Tables and views of a database, temporary ones among them, sorted.
    ///
    /// # Errors
    /// When the catalog or the database does not exist.
    pub fn list_objects(&self, catalog: &str, database: &str) -> Result<Vec<String>, ManagerError> {
        let mut names = self.catalog(catalog)?.list_objects(database)?;
        names.extend(
            self.temporary_in(catalog, database)
                .map(|(p, _)| p.object.clone()),
        );
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The views of a database, temporary ones among them, sorted.
    ///
    /// # Errors
    /// When the catalog or the database does not exist.
    pub fn list_views(&self, catalog: &str, database: &str) -> Result<Vec<String>, ManagerError> {
        let mut views = Vec::new();
        for name in self.list_objects(catalog, database)? {
            let path = ObjectPath::new(catalog, database, &name);
            if let Some(found) = self.object(&path)?
                && matches!(found.object, CatalogObject::View(_))
            {
                views.push(name);
            }
        }
        Ok(views)
    }

    fn temporary_in<'a>(
        &'a self,
        catalog: &'a str,
        database: &'a str,
    ) -> impl Iterator<Item = (&'a ObjectPath, &'a CatalogObject)> {
        self.temporary_objects
            .iter()
            .filter(move |(path, _)| path.catalog == catalog && path.database == database)
    }

    /// Creates a table or view. True when it was made, false when it was there and `if_not_exists` is set.
    ///
    /// # Errors
    /// When the path is taken, or the catalog or database does not exist.
    pub fn create_object(
        &mut self,
        path: &ObjectPath,
        object: CatalogObject,
        temporary: bool,
        if_not_exists: bool,
    ) -> Result<bool, ManagerError> {
        if temporary {
            return self.create_temporary(path, object, if_not_exists);
        }
        let catalog = self.catalog(&path.catalog)?;
        if if_not_exists && catalog.object(&path.database, &path.object)?.is_some() {
            return Ok(false);
        }
        catalog.create_object(&path.database, &path.object, object)?;
        Ok(true)
    }

    fn create_temporary(
        &mut self,
        path: &ObjectPath,
        object: CatalogObject,
        if_not_exists: bool,
    ) -> Result<bool, ManagerError> {
        if self.temporary_objects.contains_key(path) {
            if if_not_exists {
                return Ok(false);
            }
            return Err(ManagerError::TemporaryExists {
                kind: ObjectKind::of(&object).lower(),
                path: path.quoted(),
            });
        }
        self.temporary_objects.insert(path.clone(), object);
        Ok(true)
    }

    /// Drops a table or view.
    ///
    /// # Errors
    /// When there is none of this kind (unless `if_exists`), or a temporary one hides it.
    pub fn drop_object(
        &mut self,
        path: &ObjectPath,
        kind: ObjectKind,
        temporary: bool,
        if_exists: bool,
    ) -> Result<(), ManagerError> {
        let hidden = self.temporary_objects.get(path).map(ObjectKind::of);
        if temporary {
            if hidden == Some(kind) {
                self.temporary_objects.remove(path);
                return Ok(());
            }
            return self.drop_missing(path, kind, "Temporary ", if_exists);
        }
        if hidden == Some(kind) {
            return Err(ManagerError::TemporaryShadows {
                kind: kind.lower(),
                path: path.to_string(),
            });
        }
        match self.permanent_object(path)? {
            Some(object) if ObjectKind::of(&object) == kind => {
                let catalog = self.catalog(&path.catalog)?;
                Ok(catalog.drop_object(&path.database, &path.object)?)
            }
            _ => self.drop_missing(path, kind, "", if_exists),
        }
    }

    fn drop_missing(
        &self,
        path: &ObjectPath,
        kind: ObjectKind,
        temporary: &'static str,
        if_exists: bool,
    ) -> Result<(), ManagerError> {
        if if_exists {
            return Ok(());
        }
        Err(ManagerError::DropMissing {
            temporary,
            kind: kind.title(),
            path: path.to_string(),
            hint: self.object_hint(path),
        })
    }

    /// The permanent object that ALTER means; none when it is missing and `if_exists` is set.
    ///
    /// # Errors
    /// When there is none, it is temporary, or of the other kind.
    pub fn object_to_alter(
        &self,
        path: &ObjectPath,
        kind: ObjectKind,
        if_exists: bool,
    ) -> Result<Option<CatalogObject>, ManagerError> {
        let found = match self.object(path)? {
            Some(found) if !found.temporary => Some(found.object),
            _ => None,
        };
        match found {
            Some(object) if ObjectKind::of(&object) == kind => Ok(Some(object)),
            Some(_) if kind == ObjectKind::Table => Err(ManagerError::Invalid(
                "ALTER TABLE for a view is not allowed".to_owned(),
            )),
            Some(_) => Err(ManagerError::Invalid(
                "ALTER VIEW for a table is not allowed".to_owned(),
            )),
            None if if_exists => Ok(None),
            None => Err(ManagerError::AlterMissing {
                kind: kind.title(),
                lower: kind.lower(),
                path: path.quoted(),
                hint: self.object_hint(path),
            }),
        }
    }

    /// # Errors
    /// When the object does not exist or the catalog refuses.
    pub fn replace_object(
        &mut self,
        path: &ObjectPath,
        object: CatalogObject,
    ) -> Result<(), ManagerError> {
        let catalog = self.catalog(&path.catalog)?;
        Ok(catalog.replace_object(&path.database, &path.object, object)?)
    }

    /// # Errors
    /// When the object does not exist or the new name is taken.
    pub fn rename_object(&mut self, path: &ObjectPath, new_name: &str) -> Result<(), ManagerError> {
        let catalog = self.catalog(&path.catalog)?;
        Ok(catalog.rename_object(&path.database, &path.object, new_name)?)
    }
}
