//! CREATE TABLE, with LIKE and AS.

use filbert_binder::ddl;
use filbert_catalog::ObjectKind;
use filbert_connector_api::CatalogObject;
use filbert_planner::PlanTarget;
use filbert_sql::{CreateMode, CreateTable, Insert};
use filbert_types::ObjectPath;

use super::{given_twice, insert, parts};
use crate::binding;
use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;

pub(super) fn execute(env: &TableEnvironment, create: &CreateTable) -> Result<TableResult> {
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
    let doubt = env.session().read().connectors.doubt(&table);
    register(env, create, &path, CatalogObject::Table(table))?;
    let mut result = TableResult::ok()?;
    if let Some(key) = given_twice(&create.options) {
        let text = format!("The option '{key}' is given twice; the last value counts.");
        result = result.with_notice(text);
    }
    Ok(match doubt {
        Some(doubt) => {
            result.with_notice(format!("Table '{path}' can't be used as it is. {doubt}"))
        }
        None => result,
    })
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
    if create.if_not_exists && is_there(env, create, path)? {
        return fill_existing(env, create);
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

fn is_there(env: &TableEnvironment, create: &CreateTable, path: &ObjectPath) -> Result<bool> {
    let found = env.session().read().catalogs.object(path);
    let found = found.map_err(|error| TableError::from(error).at(create.name.span))?;
    Ok(found.is_some())
}

/// CREATE TABLE IF NOT EXISTS .. AS with a table that exists: the query's rows go there, as in Flink.
fn fill_existing(env: &TableEnvironment, create: &CreateTable) -> Result<TableResult> {
    let Some(query) = &create.query else {
        return TableResult::ok();
    };
    let insert = Insert {
        target: create.name.clone(),
        overwrite: false,
        options: Vec::new(),
        partition: None,
        columns: Vec::new(),
        query: query.clone(),
        on_conflict: None,
        span: create.name.span,
    };
    insert::run_inserts(env, &[insert])
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
    let there = catalogs.object(path).map_err(at_name)?;
    match there.filter(|there| !there.temporary).map(|there| there.object) {
        Some(CatalogObject::View(_)) => Err(TableError::validation(format!(
            "'{path}' is a view: it can't be replaced by a table."
        ))
        .at(create.name.span)),
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
            let hint = match create.mode {
                CreateMode::Create => "Keep it with CREATE TABLE IF NOT EXISTS, or drop it first.",
                _ => "Only CREATE OR REPLACE TABLE .. AS replaces a table; or drop it first.",
            };
            TableError::from(error).at(create.name.span).hint(hint)
        })
}
