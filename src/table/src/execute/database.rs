//! CREATE, ALTER, DROP DATABASE and USE.

use filbert_connector_api::catalog::CatalogDatabase;
use filbert_sql::{AlterDatabase, CreateDatabase, DropDatabase, ObjectName};

use super::{options_map, parts};
use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;

pub(super) fn create(env: &TableEnvironment, create: &CreateDatabase) -> Result<TableResult> {
    let mut session = env.session().write();
    let name = parts(&create.name);
    if create.if_not_exists && exists(&session.catalogs, &name)? {
        return TableResult::ok();
    }
    let database = CatalogDatabase {
        comment: create.comment.as_ref().map(|c| c.value.clone()),
        properties: options_map(&create.options),
    };
    session
        .catalogs
        .create_database(&name, database)
        .map_err(|error| TableError::from(error).at(create.name.span))?;
    TableResult::ok()
}

fn exists(catalogs: &filbert_catalog::CatalogManager, name: &[String]) -> Result<bool> {
    let (catalog, database) = catalogs.qualify_database(name)?;
    Ok(catalogs.list_databases(&catalog)?.contains(&database))
}

pub(super) fn alter(env: &TableEnvironment, alter: &AlterDatabase) -> Result<TableResult> {
    let session = env.session().write();
    let (catalog, name) = session.catalogs.qualify_database(&parts(&alter.name))?;
    let at = |error: TableError| error.at(alter.name.span);
    let catalog = session
        .catalogs
        .catalog(&catalog)
        .map_err(|error| at(error.into()))?;
    let mut database = catalog.database(&name).map_err(|error| at(error.into()))?;
    database.properties.extend(options_map(&alter.options));
    catalog.alter_database(&name, database)?;
    TableResult::ok()
}

pub(super) fn drop_database(
    env: &TableEnvironment,
    statement: &DropDatabase,
) -> Result<TableResult> {
    let mut session = env.session().write();
    let name = parts(&statement.name);
    if statement.if_exists && !exists(&session.catalogs, &name)? {
        return TableResult::ok();
    }
    session
        .catalogs
        .drop_database(&name, statement.cascade)
        .map_err(|error| TableError::from(error).at(statement.name.span))?;
    TableResult::ok()
}

pub(super) fn use_database(env: &TableEnvironment, name: &ObjectName) -> Result<TableResult> {
    env.session()
        .write()
        .catalogs
        .use_database(&parts(name))
        .map_err(|error| TableError::from(error).at(name.span))?;
    TableResult::ok()
}
