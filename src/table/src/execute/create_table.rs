//! CREATE TABLE, with LIKE and AS.

use filbert_binder::ddl;
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
    if create.mode != CreateMode::Create {
        let name = match create.mode {
            CreateMode::CreateOrReplace => "CREATE OR REPLACE TABLE",
            CreateMode::Replace | CreateMode::Create => "REPLACE TABLE",
        };
        return Err(TableError::unsupported(name).at(create.name.span));
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

/// CREATE TABLE AS: the table, then the INSERT that fills it. The table goes again when the INSERT can't start.
fn create_as(
    env: &TableEnvironment,
    create: &CreateTable,
    path: &ObjectPath,
) -> Result<TableResult> {
    if create.temporary {
        let message = "CREATE TABLE AS SELECT does not support creating a temporary table yet.";
        return Err(TableError::validation(message).at(create.name.span));
    }
    if create.like.is_some() {
        let message = "CREATE TABLE AS SELECT does not support LIKE.";
        return Err(TableError::validation(message).at(create.name.span));
    }
    let (table, bound) = {
        let session = env.session().read();
        binding::bind(env, &session, |cx| ddl::resolve_ctas(cx, create, path))?
    };
    if !register(env, create, path, CatalogObject::Table(table))? {
        return TableResult::ok();
    }
    insert::start(env, vec![PlanTarget::Insert(bound)], &[path.to_string()]).inspect_err(|_| {
        let kind = filbert_catalog::ObjectKind::Table;
        // The first error is the one to tell.
        let _ = env
            .session()
            .write()
            .catalogs
            .drop_object(path, kind, false, true);
    })
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
        .map_err(|error| TableError::from(error).at(create.name.span))
}
