//! CREATE TABLE, with LIKE and AS.

use filbert_binder::ddl;
use filbert_catalog::ObjectKind;
use filbert_connector_api::CatalogObject;
use filbert_planner::PlanTarget;
use filbert_sql::{CreateMode, CreateTable};
use filbert_types::ObjectPath;

use super::{insert, options_map, parts};
use crate::binding;
use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;

pub(super) fn execute(env: &TableEnvironment, create: &CreateTable) -> Result<TableResult> {
    options_map(&create.options)?;
    if create.mode != CreateMode::Create && create.query.is_none() {
        let message = "A table can be replaced only by REPLACE TABLE ... AS SELECT or CREATE OR REPLACE TABLE ... AS SELECT.";
        return Err(TableError::validation(message).at(create.name.span));
    }
    let path = env
        .session()
        .read()
        .catalogs
        .qualify(&parts(&create.name))?;
    if create.query.is_some() {
        return create_as(env, create, &path);
    }
    let table = {
        let session = env.session().read();
        binding::bind(env, &session, |cx| ddl::resolve_table(cx, create))?
    };
    register(env, create, &path, CatalogObject::Table(table))?;
    TableResult::ok()
}

/// CREATE TABLE AS: the table, then the INSERT that fills it. When the INSERT can't start, the table goes again, and one
/// that it replaced comes back.
fn create_as(
    env: &TableEnvironment,
    create: &CreateTable,
    path: &ObjectPath,
) -> Result<TableResult> {
    let words = match create.mode {
        CreateMode::Create => "CREATE TABLE AS SELECT",
        CreateMode::CreateOrReplace | CreateMode::Replace => "REPLACE TABLE AS SELECT",
    };
    if create.temporary {
        let message = format!("{words} does not support creating a temporary table yet.");
        return Err(TableError::validation(message).at(create.name.span));
    }
    if create.like.is_some() {
        let message = format!("{words} does not support LIKE.");
        return Err(TableError::validation(message).at(create.name.span));
    }
    let (table, bound) = {
        let session = env.session().read();
        binding::bind(env, &session, |cx| ddl::resolve_ctas(cx, create, path))?
    };
    let replaced = replaced(env, create, path)?;
    if !register(env, create, path, CatalogObject::Table(table))? {
        return TableResult::ok();
    }
    let sinks = [path.to_string()];
    let mut tables = vec![(parts(&create.name), create.name.span)];
    tables.extend(create.query.iter().flat_map(|query| query.tables()));
    insert::start(env, &[PlanTarget::Insert(bound)], &sinks, &tables).inspect_err(|_| {
        let catalogs = &mut env.session().write().catalogs;
        // The first error is the one to tell.
        let _ = catalogs.drop_object(path, ObjectKind::Table, false, true);
        if let Some(replaced) = replaced {
            let _ = catalogs.create_object(path, replaced, false, false);
        }
    })
}

/// Takes the table away that is to be replaced.
fn replaced(
    env: &TableEnvironment,
    create: &CreateTable,
    path: &ObjectPath,
) -> Result<Option<CatalogObject>> {
    if create.mode == CreateMode::Create {
        return Ok(None);
    }
    let catalogs = &mut env.session().write().catalogs;
    let at_name = |error| TableError::from(error).at(create.name.span);
    match catalogs.object_to_alter(path, ObjectKind::Table, true).map_err(at_name)? {
        Some(there) => {
            catalogs
                .drop_object(path, ObjectKind::Table, false, true)
                .map_err(at_name)?;
            Ok(Some(there))
        }
        None if create.mode == CreateMode::CreateOrReplace => Ok(None),
        None => Err(TableError::validation(format!(
            "The table '{path}' to be replaced doesn't exist. You can try to use CREATE TABLE AS statement or \
             CREATE OR REPLACE TABLE AS statement."
        ))
        .at(create.name.span)),
    }
}

/// True when the table was made, false when it was there and IF NOT EXISTS is set.
fn register(
    env: &TableEnvironment,
    create: &CreateTable,
    path: &ObjectPath,
    object: CatalogObject,
) -> Result<bool> {
    env.session()
        .write()
        .catalogs
        .create_object(path, object, create.temporary, create.if_not_exists)
        .map_err(|error| {
            TableError::from(error)
                .at(create.name.span)
                .hint("Keep it with CREATE TABLE IF NOT EXISTS, or drop it first.")
        })
}
