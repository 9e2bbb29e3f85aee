//! ALTER TABLE.

use filbert_binder::ddl;
use filbert_catalog::ObjectKind;
use filbert_connector_api::CatalogObject;
use filbert_sql::{AlterTable, AlterTableAction, ObjectName, OptionEntry, Text};
use filbert_types::{CatalogTable, ObjectPath};

use super::{options_map, partition, parts};
use crate::binding;
use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;

/// The option that ALTER TABLE may not touch.
const CONNECTOR: &str = "connector";

pub(super) fn execute(env: &TableEnvironment, alter: &AlterTable) -> Result<TableResult> {
    match &alter.action {
        AlterTableAction::AddPartitions {
            if_not_exists,
            partitions,
        } => partition::add(env, &alter.name, partitions, *if_not_exists),
        AlterTableAction::DropPartitions {
            if_exists,
            partitions,
        } => partition::remove(env, &alter.name, partitions, *if_exists),
        _ => alter_object(env, alter),
    }
}

fn alter_object(env: &TableEnvironment, alter: &AlterTable) -> Result<TableResult> {
    let (path, found) = {
        let session = env.session().read();
        let path = session.catalogs.qualify(&parts(&alter.name))?;
        let found = session
            .catalogs
            .object_to_alter(&path, ObjectKind::Table, alter.if_exists)
            .map_err(|error| TableError::from(error).at(alter.name.span))?;
        (path, found)
    };
    let Some(CatalogObject::Table(mut table)) = found else {
        return TableResult::ok();
    };
    match &alter.action {
        AlterTableAction::RenameTable(name) => return rename(env, &path, name),
        AlterTableAction::SetOptions(entries) => set_options(&mut table, entries)?,
        AlterTableAction::ResetOptions(keys) => reset_options(&mut table, keys)?,
        action => {
            let session = env.session().read();
            let altered = binding::bind(env, &session, |cx| ddl::alter_schema(cx, &table, action))?;
            if let Some(altered) = altered {
                table = altered;
            }
        }
    }
    env.session()
        .write()
        .catalogs
        .replace_object(&path, CatalogObject::Table(table))?;
    TableResult::ok()
}

fn rename(env: &TableEnvironment, path: &ObjectPath, name: &ObjectName) -> Result<TableResult> {
    let mut session = env.session().write();
    let new_path = session.catalogs.qualify(&parts(name))?;
    if name.parts.len() > 1
        && (new_path.catalog != path.catalog || new_path.database != path.database)
    {
        let message = "ALTER TABLE RENAME cannot move a table to another database.";
        return Err(TableError::validation(message).at(name.span));
    }
    session
        .catalogs
        .rename_object(path, &new_path.object)
        .map_err(|error| TableError::from(error).at(name.span))?;
    TableResult::ok()
}

fn set_options(table: &mut CatalogTable, entries: &[OptionEntry]) -> Result<()> {
    for (key, value) in options_map(entries) {
        table.options.insert(key, value);
    }
    Ok(())
}

fn reset_options(table: &mut CatalogTable, keys: &[Text]) -> Result<()> {
    if keys.is_empty() {
        return Err(TableError::validation(
            "ALTER TABLE RESET does not support empty key",
        ));
    }
    for key in keys {
        if key.value == CONNECTOR {
            let message = "ALTER TABLE RESET does not support changing 'connector'";
            return Err(TableError::validation(message).at(key.span));
        }
        table.options.shift_remove(&key.value);
    }
    Ok(())
}
