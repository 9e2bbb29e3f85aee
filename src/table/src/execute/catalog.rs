//! CREATE, ALTER, DROP and USE CATALOG.

use std::sync::Arc;

use filbert_catalog::CatalogDescriptor;
use filbert_connector_api::options::TableOptions;
use filbert_connector_api::{Catalog, CatalogFactory, ConnectorRegistry};
use filbert_sql::{AlterCatalog, AlterCatalogAction, CreateCatalog, DropObject, Ident};
use filbert_types::Configuration;
use filbert_types::suggest::did_you_mean;
use indexmap::IndexMap;

use super::options_map;
use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;

/// The option that names a catalog's factory.
const TYPE: &str = "type";

pub(super) fn create(env: &TableEnvironment, create: &CreateCatalog) -> Result<TableResult> {
    let mut session = env.session().write();
    let name = &create.name.value;
    if session.catalogs.catalog(name).is_ok() && create.if_not_exists {
        return TableResult::ok();
    }
    let options = options_map(&create.options);
    let descriptor = CatalogDescriptor {
        comment: create.comment.as_ref().map(|c| c.value.clone()),
        options,
    };
    let catalog = make(&session.connectors, name, &descriptor.options)
        .map_err(|error| error.at(create.name.span))?;
    session
        .catalogs
        .register_catalog(name, catalog, descriptor)?;
    TableResult::ok()
}

fn make(
    registry: &ConnectorRegistry,
    name: &str,
    options: &IndexMap<String, String>,
) -> Result<Arc<dyn Catalog>> {
    let (factory, options) = checked(registry, options)?;
    Ok(factory.create(name, &options)?)
}

/// The catalog with the options that ALTER CATALOG leaves it.
fn make_altered(
    registry: &ConnectorRegistry,
    name: &str,
    current: &Arc<dyn Catalog>,
    options: &IndexMap<String, String>,
) -> Result<Arc<dyn Catalog>> {
    let (factory, options) = checked(registry, options)?;
    match current.altered(&options)? {
        Some(altered) => Ok(altered),
        None => Ok(factory.create(name, &options)?),
    }
}

fn checked<'r>(
    registry: &'r ConnectorRegistry,
    options: &IndexMap<String, String>,
) -> Result<(&'r Arc<dyn CatalogFactory>, TableOptions)> {
    let kind = options.get(TYPE).ok_or_else(|| {
        TableError::validation("Catalog options do not contain an option key 'type'.")
    })?;
    let factory = registry.catalog(kind).ok_or_else(|| {
        let known: Vec<&str> = registry.catalogs().map(|f| f.identifier()).collect();
        TableError::validation(format!(
            "Could not find any factory for identifier '{kind}' that implements a catalog.\n\
             Available factory identifiers are: {}.{}",
            known.join(", "),
            did_you_mean(kind, known.iter().copied())
        ))
    })?;
    check_options(kind, factory.options(), options)?;
    let values: Configuration = options
        .iter()
        .filter(|(key, _)| *key != TYPE)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Ok((factory, TableOptions::new(values)))
}

fn check_options(
    kind: &str,
    declared: &[filbert_types::ConfigOption],
    options: &IndexMap<String, String>,
) -> Result<()> {
    for (key, value) in options.iter().filter(|(key, _)| *key != TYPE) {
        match declared.iter().find(|o| o.key == key) {
            Some(option) => option.check(value)?,
            None => {
                let known = || declared.iter().map(|o| o.key);
                let supported: Vec<&str> = known().collect();
                return Err(TableError::validation(format!(
                    "Unsupported options found for catalog type '{kind}': '{key}'.\n\
                     Supported options: {}.{}",
                    supported.join(", "),
                    did_you_mean(key, known())
                )));
            }
        }
    }
    Ok(())
}

pub(super) fn alter(env: &TableEnvironment, alter: &AlterCatalog) -> Result<TableResult> {
    let mut session = env.session().write();
    let name = &alter.name.value;
    let Some(current) = session.catalogs.descriptor(name)? else {
        return Err(TableError::validation(format!(
            "The catalog '{name}' is built in and cannot be altered."
        ))
        .at(alter.name.span));
    };
    let mut descriptor = current.clone();
    match &alter.action {
        AlterCatalogAction::Comment(text) => descriptor.comment = Some(text.value.clone()),
        AlterCatalogAction::SetOptions(entries) => {
            for (key, value) in options_map(entries) {
                refuse_type(&key)?;
                descriptor.options.insert(key, value);
            }
        }
        AlterCatalogAction::ResetOptions(keys) => {
            if keys.is_empty() {
                return Err(TableError::validation(
                    "ALTER CATALOG RESET does not support empty key.",
                ));
            }
            for key in keys {
                refuse_type(&key.value)?;
                descriptor.options.shift_remove(&key.value);
            }
        }
    }
    let current = session.catalogs.catalog(name)?;
    let catalog = match &alter.action {
        AlterCatalogAction::Comment(_) => Arc::clone(current),
        AlterCatalogAction::SetOptions(_) | AlterCatalogAction::ResetOptions(_) => {
            make_altered(&session.connectors, name, current, &descriptor.options)
                .map_err(|error| error.at(alter.name.span))?
        }
    };
    session
        .catalogs
        .replace_catalog(name, catalog, descriptor)?;
    TableResult::ok()
}

fn refuse_type(key: &str) -> Result<()> {
    if key == TYPE {
        return Err(TableError::validation(
            "ALTER CATALOG does not support changing 'type'.",
        ));
    }
    Ok(())
}

pub(super) fn drop_catalog(env: &TableEnvironment, statement: &DropObject) -> Result<TableResult> {
    let mut session = env.session().write();
    let name = statement.name.to_string();
    if statement.if_exists && session.catalogs.catalog(&name).is_err() {
        return TableResult::ok();
    }
    session
        .catalogs
        .drop_catalog(&name)
        .map_err(|error| TableError::from(error).at(statement.name.span))?;
    TableResult::ok()
}

pub(super) fn use_catalog(env: &TableEnvironment, name: &Ident) -> Result<TableResult> {
    env.session()
        .write()
        .catalogs
        .use_catalog(&name.value)
        .map_err(|error| TableError::from(error).at(name.span))?;
    TableResult::ok()
}
