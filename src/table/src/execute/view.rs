//! CREATE VIEW and ALTER VIEW.

use filbert_binder::ddl;
use filbert_catalog::ObjectKind;
use filbert_connector_api::CatalogObject;
use filbert_sql::{AlterView, AlterViewAction, CreateView, ObjectName, Query};
use filbert_types::ObjectPath;

use super::parts;
use crate::binding;
use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;

pub(super) fn create(env: &TableEnvironment, create: &CreateView) -> Result<TableResult> {
    let comment = create.comment.as_ref().map(|c| c.value.clone());
    let (path, view) = {
        let session = env.session().read();
        let path = session.catalogs.qualify(&parts(&create.name))?;
        let view = binding::bind(env, &session, |cx| {
            ddl::resolve_view(cx, &create.query, &create.columns, comment)
        })?;
        (path, view)
    };
    env.session()
        .write()
        .catalogs
        .create_object(
            &path,
            CatalogObject::View(view),
            create.temporary,
            create.if_not_exists,
        )
        .map_err(|error| TableError::from(error).at(create.name.span))?;
    TableResult::ok()
}

pub(super) fn alter(env: &TableEnvironment, alter: &AlterView) -> Result<TableResult> {
    let (path, found) = {
        let session = env.session().read();
        let path = session.catalogs.qualify(&parts(&alter.name))?;
        let found = session
            .catalogs
            .object_to_alter(&path, ObjectKind::View, false)
            .map_err(|error| TableError::from(error).at(alter.name.span))?;
        (path, found)
    };
    let Some(CatalogObject::View(view)) = found else {
        return TableResult::ok();
    };
    match &alter.action {
        AlterViewAction::Rename(name) => rename(env, &path, name),
        AlterViewAction::Query(query) => replace(env, &path, query, view.comment),
    }
}

fn rename(env: &TableEnvironment, path: &ObjectPath, name: &ObjectName) -> Result<TableResult> {
    let mut session = env.session().write();
    let new_path = session.catalogs.qualify(&parts(name))?;
    session
        .catalogs
        .rename_object(path, &new_path.object)
        .map_err(|error| TableError::from(error).at(name.span))?;
    TableResult::ok()
}

fn replace(
    env: &TableEnvironment,
    path: &ObjectPath,
    query: &Query,
    comment: Option<String>,
) -> Result<TableResult> {
    let view = {
        let session = env.session().read();
        binding::bind(env, &session, |cx| {
            ddl::resolve_view(cx, query, &[], comment)
        })?
    };
    env.session()
        .write()
        .catalogs
        .replace_object(path, CatalogObject::View(view))?;
    TableResult::ok()
}
