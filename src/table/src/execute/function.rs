//! CREATE, ALTER and DROP FUNCTION. A catalog keeps any declaration; a temporary function must be there at once, and
//! only functions that the embedding program registered are.

use filbert_catalog::{CatalogFunction, FunctionLanguage};
use filbert_sql::{
    AlterFunction, CreateFunction, DropFunction, FunctionScope, Ident, ResourceKind, Text,
};

use super::{options_map, parts};
use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;

pub(super) fn create(env: &TableEnvironment, create: &CreateFunction) -> Result<TableResult> {
    let language = language(create.language.as_ref())?;
    let function = CatalogFunction {
        class_name: create.class.value.clone(),
        language,
        resources: create
            .resources
            .iter()
            .map(|r| (resource_kind(r.kind).to_owned(), r.uri.value.clone()))
            .collect(),
        options: options_map(&create.options),
    };
    let name = parts(&create.name);
    let mut session = env.session().write();
    let created = match create.scope {
        FunctionScope::Catalog => {
            session
                .catalogs
                .create_function(&name, function, false, create.if_not_exists)
        }
        _ if !session.functions.has_registered(&create.class.value) => {
            return Err(no_class(&create.class, language));
        }
        FunctionScope::Temporary => {
            session
                .catalogs
                .create_function(&name, function, true, create.if_not_exists)
        }
        FunctionScope::TemporarySystem => session.catalogs.create_system_function(
            &create.name.to_string(),
            function,
            create.if_not_exists,
        ),
    };
    created.map_err(|error| TableError::from(error).at(create.name.span))?;
    TableResult::ok()
}

fn no_class(class: &Text, language: FunctionLanguage) -> TableError {
    TableError::validation(format!(
        "The {language} class '{}' cannot be loaded: functions are registered by the program that embeds the engine.",
        class.value
    ))
    .at(class.span)
}

fn resource_kind(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Jar => "JAR",
        ResourceKind::Artifact => "ARTIFACT",
    }
}

fn language(ident: Option<&Ident>) -> Result<FunctionLanguage> {
    let Some(ident) = ident else {
        return Ok(FunctionLanguage::Java);
    };
    match ident.value.to_uppercase().as_str() {
        "JAVA" => Ok(FunctionLanguage::Java),
        "SCALA" => Ok(FunctionLanguage::Scala),
        "PYTHON" => Ok(FunctionLanguage::Python),
        "SQL" => Ok(FunctionLanguage::Sql),
        other => {
            let message = format!("Unrecognized function language: {other}.");
            Err(TableError::validation(message).at(ident.span))
        }
    }
}

pub(super) fn alter(env: &TableEnvironment, alter: &AlterFunction) -> Result<TableResult> {
    if alter.scope == FunctionScope::TemporarySystem {
        return Err(
            TableError::validation("Alter temporary system function is not supported")
                .at(alter.name.span),
        );
    }
    let function = CatalogFunction {
        class_name: alter.class.value.clone(),
        language: language(alter.language.as_ref())?,
        resources: Vec::new(),
        options: indexmap::IndexMap::new(),
    };
    let temporary = alter.scope == FunctionScope::Temporary;
    let mut session = env.session().write();
    session
        .catalogs
        .alter_function(&parts(&alter.name), function, temporary, alter.if_exists)
        .map_err(|error| TableError::from(error).at(alter.name.span))?;
    TableResult::ok()
}

pub(super) fn drop_function(
    env: &TableEnvironment,
    statement: &DropFunction,
) -> Result<TableResult> {
    let name = parts(&statement.name);
    let mut session = env.session().write();
    let catalogs = &mut session.catalogs;
    let dropped = match statement.scope {
        FunctionScope::Catalog => catalogs.drop_function(&name, false, statement.if_exists),
        FunctionScope::Temporary => catalogs.drop_function(&name, true, statement.if_exists),
        FunctionScope::TemporarySystem => {
            catalogs.drop_system_function(&statement.name.to_string(), statement.if_exists)
        }
    };
    dropped.map_err(|error| TableError::from(error).at(statement.name.span))?;
    TableResult::ok()
}
