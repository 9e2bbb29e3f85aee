//! Models as objects of a catalog: CREATE, ALTER, DROP and DESCRIBE MODEL. Nothing calls a model yet.

use filbert_binder::ddl;
use filbert_catalog::CatalogModel;
use filbert_sql::{AlterModel, AlterModelAction, CreateModel, DropObject, ObjectName};
use filbert_types::Column;

use super::{options_map, parts};
use crate::binding;
use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;
use crate::result::text_table::TextTable;

pub(super) fn create(env: &TableEnvironment, create: &CreateModel) -> Result<TableResult> {
    let options = options_map(&create.options);
    check(create)?;
    let (path, model) = {
        let session = env.session().read();
        let path = session.catalogs.qualify(&parts(&create.name))?;
        let columns = |side, columns| {
            binding::bind(env, &session, |cx| {
                ddl::resolve_model_columns(cx, side, columns)
            })
        };
        let model = CatalogModel {
            input: columns("INPUT", &create.input)?,
            output: columns("OUTPUT", &create.output)?,
            comment: create.comment.as_ref().map(|c| c.value.clone()),
            options,
        };
        (path, model)
    };
    env.session()
        .write()
        .catalogs
        .create_model(&path, model, create.temporary, create.if_not_exists)
        .map_err(|error| TableError::from(error).at(create.name.span))?;
    TableResult::ok()
}

fn check(create: &CreateModel) -> Result<()> {
    let refused = |message: &str| Err(TableError::validation(message).at(create.name.span));
    if create.query.is_some() {
        return refused("CREATE MODEL .. AS is not supported.");
    }
    match (create.input.is_empty(), create.output.is_empty()) {
        (false, true) => {
            refused("Output column list can not be empty with non-empty input column list.")
        }
        (true, false) => {
            refused("Input column list can not be empty with non-empty output column list.")
        }
        _ if create.options.is_empty() => refused("Model property list can not be empty."),
        _ => Ok(()),
    }
}

pub(super) fn alter(env: &TableEnvironment, alter: &AlterModel) -> Result<TableResult> {
    let mut session = env.session().write();
    let path = session.catalogs.qualify(&parts(&alter.name))?;
    let at_name = |error| TableError::from(error).at(alter.name.span);
    if session.catalogs.is_temporary_model(&path) {
        let message = format!("Model {} is a temporary model.", path.quoted());
        return Err(TableError::validation(message).at(alter.name.span));
    }
    match &alter.action {
        AlterModelAction::SetOptions(entries) if entries.is_empty() => {
            let message = "ALTER MODEL SET does not support empty option.";
            return Err(TableError::validation(message).at(alter.name.span));
        }
        AlterModelAction::ResetOptions(keys) if keys.is_empty() => {
            let message = "ALTER MODEL RESET does not support empty key.";
            return Err(TableError::validation(message).at(alter.name.span));
        }
        AlterModelAction::Rename(name) => {
            let new_path = session.catalogs.qualify(&parts(name))?;
            session
                .catalogs
                .rename_model(&path, &new_path, alter.if_exists)
                .map_err(at_name)?;
        }
        AlterModelAction::SetOptions(entries) => {
            let options = options_map(entries);
            session
                .catalogs
                .alter_model(&path, alter.if_exists, |model| {
                    model.options.extend(options);
                })
                .map_err(at_name)?;
        }
        AlterModelAction::ResetOptions(keys) => {
            session
                .catalogs
                .alter_model(&path, alter.if_exists, |model| {
                    for key in keys {
                        model.options.shift_remove(&key.value);
                    }
                })
                .map_err(at_name)?;
        }
    }
    TableResult::ok()
}

pub(super) fn drop(env: &TableEnvironment, statement: &DropObject) -> Result<TableResult> {
    let mut session = env.session().write();
    let path = session.catalogs.qualify(&parts(&statement.name))?;
    session
        .catalogs
        .drop_model(&path, statement.temporary, statement.if_exists)
        .map_err(|error| TableError::from(error).at(statement.name.span))?;
    TableResult::ok()
}

/// DESCRIBE MODEL: what goes in, then what comes out.
pub(super) fn describe(env: &TableEnvironment, name: &ObjectName) -> Result<TableResult> {
    let session = env.session().read();
    let path = session.catalogs.qualify(&parts(name))?;
    let model = session
        .catalogs
        .model(&path)
        .map_err(|error| TableError::from(error).at(name.span))?;
    let inputs = model.input.iter().map(|column| (column, true));
    let outputs = model.output.iter().map(|column| (column, false));
    let rows: Vec<(&Column, bool)> = inputs.chain(outputs).collect();
    let text = |f: &dyn Fn(&Column) -> Option<String>| -> Vec<Option<String>> {
        rows.iter().map(|(column, _)| f(column)).collect()
    };
    let type_of = |c: &Column| Some(c.ty.with_nullable(true).to_string());
    let table = TextTable::new()
        .text("name", text(&|c| Some(c.name.clone())))
        .text("type", text(&type_of))
        .boolean("null", rows.iter().map(|(column, _)| column.ty.nullable))
        .boolean("is input", rows.iter().map(|(_, is_input)| *is_input));
    TableResult::of(if rows.iter().any(|(column, _)| column.comment.is_some()) {
        table.text("comment", text(&|c| c.comment.clone()))
    } else {
        table
    })
}
